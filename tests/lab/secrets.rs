//! Nothing secret is anywhere where it does not belong, after everything that a cluster does.

use crate::support::{Host, Lab};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files that hold keys, by what their path ends with.
fn may_hold_a_key(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "key")
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&entry.path(), found),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// What must not be anywhere: secrets of tokens, private keys in PEM, and their bodies without PEM's lines.
fn needles(hosts: &[&Host], tokens: &[String]) -> Vec<String> {
    let mut needles: Vec<String> =
        tokens.iter().map(|token| token.split('.').nth(3).expect("five parts").to_owned()).collect();
    needles.push("PRIVATE KEY".to_owned());
    for host in hosts {
        let mut all = Vec::new();
        files(&host.path(""), &mut all);
        needles.extend(all.iter().filter(|path| may_hold_a_key(path)).map(|path| key_in(path)));
    }
    needles
}

/// A piece of a private key as it stands in its file, of the key itself: what is before it is the same
/// in every file of this kind, and what is after it is the public key.
fn key_in(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let first = text.lines().nth(1).unwrap_or_else(|| panic!("{} is no PEM", path.display()));
    assert_eq!((first.len(), &first[..4]), (64, "MIGH"), "{} is no PKCS#8 of P-256", path.display());
    first[48..].to_owned()
}

fn assert_clean(what: &str, bytes: &[u8], needles: &[String]) {
    for needle in needles {
        assert!(!holds(bytes, needle), "{what} holds {needle:?}");
    }
}

fn assert_files_clean(host: &Host, needles: &[String]) {
    let mut all = Vec::new();
    files(&host.path(""), &mut all);
    assert!(all.len() > 20, "{}: a full run leaves files", host.name);
    for path in all {
        let metadata = std::fs::metadata(&path).unwrap();
        if may_hold_a_key(&path) {
            assert_eq!(metadata.mode() & 0o777, 0o600, "{}", path.display());
            continue;
        }
        assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap(), needles);
    }
}

fn assert_processes_clean(host: &Host, needles: &[String]) {
    let ids = host.processes();
    assert!(!ids.is_empty(), "{} runs its services", host.name);
    for id in ids {
        // A process that ended meanwhile has nothing to show.
        for place in ["cmdline", "environ"] {
            let shown = std::fs::read(format!("/proc/{id}/{place}")).unwrap_or_default();
            assert_clean(&format!("{place} of process {id} of {}", host.name), &shown, needles);
        }
    }
}

#[test]
fn nothing_secret_is_in_any_file_process_list_or_output_after_a_full_run() {
    let lab = Lab::new(4);
    let [master, second, third, fourth] = lab.hosts();
    let shared = master.eos(&["token", "generate"]).done().text("token");
    let single = master.single_arguments();
    let founded = master.eos(&[&single[..], &["--token", &shared]].concat()).done();
    let printed = lab.transcript();
    let created = founded.text("token");
    let revoked = master.token(&[]);
    let tokens = [shared, created, revoked];
    let all_needles = || needles(&[master, second, third, fourth], &tokens);
    // By design a new token is printed once, as the result of the command that makes it; nothing after.
    let before = lab.transcript().len();
    assert!(printed.len() < before);

    let mut joining = second.start_join(master, &["--token", &tokens[0]]);
    joining.wait_for_step("register");
    assert_command_line_clean(joining.pid(), &tokens);
    joining.finish().done();
    third.join(master, &["--token", &tokens[1], "--preferred-role", "data"]).done();
    let id = tokens[2].split('.').nth(2).expect("five parts").to_owned();
    master.eos(&["token", "revoke", &id]).done();
    fourth.join(master, &["--token", &tokens[2]]).failed(5, "EOS-J004", &["was revoked"]);
    fourth.join(master, &["--token", &tokens[2][..100]]).failed(2, "EOS-I011", &["truncated"]);
    master.converged(3);
    for arguments in [&["status"][..], &["token", "list"], &["node", "list"], &["config", "show"]] {
        master.eos(arguments).done();
    }
    third.eos(&["status"]).done();

    let needles = all_needles();
    assert!(needles.len() > 6, "{needles:?}");
    for host in [master, second, third] {
        assert_files_clean(host, &needles);
        assert_processes_clean(host, &needles);
    }
    assert_clean("the output", &lab.transcript().as_bytes()[before..], &needles);
}

fn assert_command_line_clean(pid: u32, tokens: &[String]) {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(holds(&line, "bootstrap"), "it is the joiner: {}", String::from_utf8_lossy(&line));
    assert!(!holds(&line, "eos1."), "{}", String::from_utf8_lossy(&line));
    for token in tokens {
        assert!(!holds(&line, token.split('.').nth(3).expect("five parts")));
    }
}
