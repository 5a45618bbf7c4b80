//! Real Salt, installed once into an environment of its own below `target/`, and applied.

use crate::support::package;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use tempfile::TempDir;

/// The version that eos is compared with.
pub const VERSION: &str = "3008.3";

/// Installs what is not there, one process at a time; a mark is made when all of it is.
const INSTALL: &str = r#"
test -e "$1/installed" && exit 0
rm -rf "$1"
python3 -m venv "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check "salt==$2" && touch "$1/installed"
"#;

/// The environment with Salt in it.
pub fn environment() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = package(&format!("target/salt-{VERSION}"));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let lock = place.with_extension("lock");
        let output = Command::new("flock")
            .arg(&lock)
            .args(["sh", "-c", INSTALL, "install-salt"])
            .arg(&place)
            .arg(VERSION)
            .output()
            .unwrap_or_else(|error| panic!("flock: {error}; install it: apt-get install util-linux"));
        assert!(
            output.status.success(),
            "Salt {VERSION} could not be installed into {}.\nIt needs python3-venv and python3-pip (apt-get install \
             python3-venv python3-pip) and a package index that pip reaches (pip config list).\n{}{}",
            place.display(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        place
    })
}

/// One application of states.
pub struct Job {
    /// The states; none for those of `top.sls`.
    pub sls: Vec<String>,
    /// The pillar.
    pub pillar: Value,
    /// Whether nothing is changed.
    pub test: bool,
}

/// A masterless minion over a tree of states.
pub struct Minion {
    directory: TempDir,
}

impl Minion {
    /// Named `id`, over this tree.
    pub fn over(tree: &Path, id: &str) -> Self {
        let directory = TempDir::with_prefix("eos-salt-").unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["pillar", "modules", "services"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::copy(package("tests/it/salt/service.py"), at("modules/service.py")).unwrap();
        let configuration = json!({
            "id": id,
            "file_client": "local",
            "file_roots": {"base": [tree]},
            "pillar_roots": {"base": [at("pillar")]},
            "module_dirs": [at("modules")],
            "root_dir": at("state"),
            "cachedir": at("cache"),
            "pki_dir": at("pki"),
            "sock_dir": at("run"),
            "conf_file": at("minion"),
            "log_file": at("log"),
            "log_level": "quiet",
            "log_level_logfile": "error",
        });
        fs::write(at("minion"), configuration.to_string()).unwrap();
        Self { directory }
    }

    /// The same with the modules of this machine, services included.
    pub fn of_this_machine(tree: &Path, id: &str) -> Self {
        let minion = Self::over(tree, id);
        fs::remove_file(minion.directory.path().join("modules/service.py")).unwrap();
        minion
    }

    /// Where its configuration is.
    pub fn configuration(&self) -> &Path {
        self.directory.path()
    }

    /// A program of Salt's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(environment().join("bin").join(program));
        command.env("SERVICES", self.directory.path().join("services"));
        command.env("PYTHONWARNINGS", "ignore");
        command
    }

    /// Applies each in turn, in one process; the answers of Salt as they are.
    pub fn apply_all(&self, jobs: &[&Job]) -> Vec<Value> {
        let at = |name: &str| self.directory.path().join(name);
        let listed: Vec<Value> =
            jobs.iter().map(|job| json!({"sls": job.sls, "pillar": job.pillar, "test": job.test})).collect();
        fs::write(at("jobs.json"), Value::from(listed).to_string()).unwrap();
        let mut command = self.command("python3");
        command.arg(package("tests/it/salt/driver.py")).arg(at("minion"));
        succeeded(&command.arg(at("jobs.json")).arg(at("results.json")).output().unwrap());
        let answers: Vec<Value> = serde_json::from_slice(&fs::read(at("results.json")).unwrap()).unwrap();
        assert_eq!(answers.len(), jobs.len());
        answers
    }

    /// The same by `salt-call --local`, as a person does it.
    pub fn call(&self, job: &Job) -> Value {
        let mut command = self.command("salt-call");
        command.args(["--local", "--out=json", "--config-dir"]).arg(self.directory.path());
        command.arg("state.apply").args(&job.sls).arg(format!("pillar={}", job.pillar));
        let output =
            command.arg(format!("test={}", if job.test { "True" } else { "False" })).output().unwrap();
        succeeded(&output);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["local"].clone()
    }
}

#[track_caller]
fn succeeded(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
