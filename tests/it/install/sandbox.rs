//! A checkout, a place to install to and a shell to run `install.sh` with, all thrown away.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The shells that the installer must run under.
#[derive(Debug, Clone, Copy)]
pub enum Shell {
    /// Debian's `/bin/sh`, with the tools of the machine.
    Dash,
    /// BusyBox, with no tools but its own.
    Busybox,
}

/// What `install.sh` did.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status.
    pub status: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// What is known of one path: mode, inode, time of change of its bytes, and digest or kind.
pub type Entry = (u32, u64, i64, String);

/// A checkout and a root to install under.
pub struct Sandbox {
    directory: TempDir,
    shell: Shell,
    environment: BTreeMap<String, String>,
}

impl Sandbox {
    /// A small checkout of version 0.1.0, with an artifact that tells its version.
    pub fn new(shell: Shell) -> Self {
        let directory = TempDir::new().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut sandbox = Self { directory, shell, environment: BTreeMap::new() };
        fs::create_dir(sandbox.root()).unwrap();
        fs::create_dir(sandbox.path("tools")).unwrap();
        fs::create_dir(sandbox.path("temporary")).unwrap();
        fs::set_permissions(sandbox.path("temporary"), fs::Permissions::from_mode(0o777)).unwrap();
        sandbox.set("TMPDIR", &sandbox.path("temporary").display().to_string());
        sandbox.write("checkout/install.sh", &read(&package("install.sh")));
        sandbox.write("checkout/completions/eos.bash", "complete eos\n");
        sandbox.write("checkout/completions/_eos", "#compdef eos\n");
        sandbox.write("checkout/completions/eos.fish", "complete -c eos\n");
        sandbox.write("checkout/docs/man/eos.1", ".TH eos 1\n");
        sandbox.write("checkout/states/storage/init.sls", "storage: {}\n");
        sandbox.write("checkout/templates/eos agent.service", "[Service]\n");
        sandbox.set_version("0.1.0");
        let mut path = sandbox.path("tools").display().to_string();
        match shell {
            Shell::Dash => path.push_str(":/usr/sbin:/usr/bin:/sbin:/bin"),
            Shell::Busybox => {
                let tools = sandbox.path("tools");
                let done = Command::new(program("busybox")).args(["--install", "-s"]).arg(tools).status();
                assert!(done.unwrap().success(), "busybox installs its tools");
            }
        }
        sandbox.environment.insert("PATH".to_owned(), path);
        sandbox.environment.insert("HOME".to_owned(), sandbox.path("home").display().to_string());
        sandbox
    }

    /// Where the installer installs to.
    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// A path inside the sandbox.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.directory.path().join(inside)
    }

    /// Writes a file of the sandbox, with its directories.
    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("it lies in the sandbox")).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a program that stands before all others in the search path.
    pub fn write_tool(&self, name: &str, script: &str) {
        let path = self.path("tools").join(name);
        if path.is_symlink() {
            fs::remove_file(&path).unwrap();
        }
        self.write(&format!("tools/{name}"), script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Makes the checkout and the artifact one of this version.
    pub fn set_version(&mut self, version: &str) {
        let manifest = format!("[package]\nversion = \"{version}\"\nrust-version = \"1.95\"\n");
        self.write("checkout/Cargo.toml", &manifest);
        let script =
            format!("#!/bin/sh\n[ $# -gt 0 ] || exit 9\n[ \"$1\" != fail ] || exit 6\necho eos {version}\n");
        self.write("artifact", &script);
        self.use_artifact(&self.path("artifact"));
    }

    /// Installs this binary, with its true digest.
    pub fn use_artifact(&mut self, artifact: &Path) {
        let digest = sha256(&fs::read(artifact).unwrap());
        self.set("EOS_ARTIFACT", &artifact.display().to_string());
        self.set("EOS_ARTIFACT_SHA256", &digest);
    }

    /// Sets a variable of the installer's environment.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable out of the installer's environment.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Runs the installer of the small checkout.
    pub fn install(&self, arguments: &[&str]) -> Outcome {
        self.run(&[], &self.path("checkout/install.sh"), arguments)
    }

    /// Runs an installer, behind a wrapping command if one is given.
    pub fn run(&self, wrapper: &[&str], script: &Path, arguments: &[&str]) -> Outcome {
        let mut words = vec![program("timeout"), "120".into()];
        if let [first, rest @ ..] = wrapper {
            words.push(program(first));
            words.extend(rest.iter().map(PathBuf::from));
        }
        let output = self.command(words, script, arguments).output().unwrap();
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// An installer in the shell of the sandbox, behind the words of a wrapping command if there are any.
    pub fn command(&self, wrapper: Vec<PathBuf>, script: &Path, arguments: &[&str]) -> Command {
        let shell = match self.shell {
            Shell::Dash => vec![program("dash")],
            Shell::Busybox => vec![program("busybox"), "sh".into()],
        };
        let mut words = wrapper.into_iter().chain(shell);
        let mut command = Command::new(words.next().expect("there is a shell at least"));
        command.args(words).arg(script).args(arguments).current_dir("/");
        command.env_clear().envs(&self.environment).env("DESTDIR", self.root());
        command
    }

    /// Everything under the root, by its path inside it.
    pub fn tree(&self) -> BTreeMap<String, Entry> {
        let mut found = BTreeMap::new();
        list(&self.root(), "", &mut found);
        found
    }

    /// The same without inodes and times: what another run must lead to as well.
    pub fn content(&self) -> BTreeMap<String, (u32, String)> {
        self.tree().into_iter().map(|(path, (mode, _, _, digest))| (path, (mode, digest))).collect()
    }
}

/// A file of the package under test.
pub fn package(inside: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inside)
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The absolute path of a program that the tests need.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH is set");
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: ./test.sh installs what the tests need"))
}

/// The SHA-256 of some bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(directory: &Path, inside: &str, found: &mut BTreeMap<String, Entry>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = format!("{inside}/{}", entry.file_name().to_str().unwrap());
        let metadata = entry.metadata().unwrap();
        let changed = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
        let what = if metadata.is_dir() {
            list(&entry.path(), &path, found);
            "directory".to_owned()
        } else {
            sha256(&fs::read(entry.path()).unwrap())
        };
        found.insert(path, (metadata.mode() & 0o7777, metadata.ino(), changed, what));
    }
}
