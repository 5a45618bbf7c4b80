//! A real Salt from PyPI in an environment of its own, `target/salt-3008.3`, made once however many tests want it.

use super::package;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// The release that the tests are written for.
const RELEASE: &str = "3008.3";

/// The environment, with its programs in `bin`.
pub fn environment() -> PathBuf {
    let home = package("target").join(format!("salt-{RELEASE}"));
    let done = home.join("installed");
    fs::create_dir_all(package("target")).unwrap();
    // Held until the end of this function; whoever dies in it leaves no `installed`, and the next begins anew.
    let lock = File::create(package("target").join("salt.lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        let _ = fs::remove_dir_all(&home);
        run("python3", &["-m", "venv", home.to_str().unwrap()]);
        let wanted = format!("salt=={RELEASE}");
        let quiet = ["install", "--quiet", "--disable-pip-version-check", wanted.as_str()];
        run(home.join("bin/pip").to_str().unwrap(), &quiet);
        fs::write(&done, RELEASE).unwrap();
    }
    home
}

/// The directory with `salt-call`, `salt-master` and the others.
pub fn salt_install() -> PathBuf {
    environment().join("bin")
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let help = format!(
        "Salt {RELEASE} could not be installed. It needs python3-venv and python3-pip (apt-get install python3-venv \
         python3-pip) and a package index that pip reaches (pip config list)"
    );
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}\n{help}"));
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}\n{help}");
}
