//! A real Salt from PyPI in an environment of its own, `target/salt-3008.3`, made once however many tests want it.

use super::package;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

/// The release that the tests are written for.
const RELEASE: &str = "3008.3";

/// The directory with `salt-call`, `salt-master` and the others.
pub fn salt_install() -> PathBuf {
    let home = package("target").join(format!("salt-{RELEASE}"));
    let done = home.join("installed");
    // Held until the end of this function; whoever dies in it leaves no `installed`, and the next begins anew.
    let lock = File::create(package("target").join("salt.lock")).unwrap();
    lock.lock().unwrap();
    if !done.exists() {
        let _ = fs::remove_dir_all(&home);
        let run = |program: &str, arguments: &[&str]| {
            let told = Command::new(program).args(arguments).output();
            let told = told.unwrap_or_else(|error| panic!("{program}: {error}: apt install python3-venv"));
            assert!(told.status.success(), "{program} {arguments:?}: apt install python3-venv\n{told:?}");
        };
        run("python3", &["-m", "venv", home.to_str().unwrap()]);
        let pip = home.join("bin/pip");
        run(pip.to_str().unwrap(), &["install", "--quiet", &format!("salt=={RELEASE}")]);
        fs::write(&done, RELEASE).unwrap();
    }
    home.join("bin")
}
