//! Programs that the tests run: each must be there, and each must succeed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The programs without which no host boots, and the Debian package of each.
const NEEDED: [(&str, &str); 6] = [
    ("debootstrap", "debootstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
    ("apt-get", "apt"),
];

/// Fails when this machine cannot boot hosts, and says what to install.
pub fn insist() {
    assert!(rustix::process::geteuid().is_root(), "hosts are booted by root only: run the tests as root");
    let folders: Vec<_> =
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].into();
    let there = |program: &str| folders.iter().any(|folder| Path::new(folder).join(program).exists());
    let missing: Vec<_> =
        NEEDED.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect();
    assert!(
        missing.is_empty(),
        "no host can be booted here; install what is missing: apt-get install {}",
        missing.join(" ")
    );
}

/// Runs a program to its end.
pub fn output(argv: &[&str]) -> Output {
    let done = Command::new(argv[0]).args(&argv[1..]).stdin(Stdio::null()).output();
    done.unwrap_or_else(|error| panic!("{argv:?} could not be run: {error}"))
}

/// Runs a program that must succeed; gives what it printed.
pub fn run(argv: &[&str]) -> String {
    let done = output(argv);
    assert!(
        done.status.success(),
        "{argv:?} ended with {}:\n{}{}",
        done.status,
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}
