//! Nothing secret is anywhere where it does not belong, after everything that a cluster does.

use crate::support::{Host, Lab, eventually};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
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

/// Something that must not be anywhere, and what it is.
struct Needle {
    what: String,
    bytes: Vec<u8>,
}

impl Needle {
    /// A secret as it is, and as people and programs write it down.
    fn of(what: &str, text: &[&str], raw: &[u8]) -> Vec<Self> {
        let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
        let needle =
            |form: &str, bytes: &[u8]| Self { what: format!("{what}, {form}"), bytes: bytes.to_vec() };
        let mut all = vec![
            needle("raw", raw),
            needle("as hex", hex.as_bytes()),
            needle("as HEX", hex.to_uppercase().as_bytes()),
            needle("as base64", STANDARD.encode(raw).trim_end_matches('=').as_bytes()),
        ];
        all.extend(text.iter().map(|text| needle("as written", text.as_bytes())));
        all
    }
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    let ends = bytes.len().saturating_sub(needle.len() - 1);
    let starts = bytes[..ends].iter().enumerate().filter(|(_, byte)| **byte == needle[0]);
    starts.map(|(at, _)| &bytes[at..at + needle.len()]).any(|window| window == needle)
}

/// The part of a token that nobody else may know.
fn secret(token: &str) -> &str {
    token.split('.').nth(3).expect("five parts")
}

/// What must not be anywhere: secrets of tokens, and private keys.
fn needles(hosts: &[&Host], tokens: &[String]) -> Vec<Needle> {
    let mut needles = vec![Needle { what: "a private key".to_owned(), bytes: b"PRIVATE KEY".to_vec() }];
    for token in tokens {
        let raw = URL_SAFE_NO_PAD.decode(secret(token)).expect("it is base64");
        needles.extend(Needle::of("a token's secret", &[secret(token)], &raw));
    }
    for host in hosts {
        let mut all = Vec::new();
        files(&host.path(""), &mut all);
        needles.extend(all.iter().filter(|path| may_hold_a_key(path)).flat_map(|path| key_in(path)));
    }
    needles
}

/// A private key in every form: in DER the number stands between what is the same in every file of this
/// kind and the public key, so these are the parts of the lines of PEM that show some of it.
fn key_in(path: &Path) -> Vec<Needle> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let body: String = lines.iter().filter(|line| !line.starts_with("-----")).copied().collect();
    let der = STANDARD.decode(body).unwrap_or_else(|error| panic!("{} is no PEM: {error}", path.display()));
    assert_eq!((der.len(), der[34..36].to_vec()), (138, vec![4, 32]), "{} is no P-256", path.display());
    Needle::of(&path.display().to_string(), &[&lines[1][48..], &lines[2][..24]], &der[36..68])
}

fn assert_clean(what: &str, bytes: &[u8], needles: &[Needle]) {
    for needle in needles {
        assert!(!holds(bytes, &needle.bytes), "{what} holds {}", needle.what);
    }
}

fn assert_files_clean(host: &Host, least: usize, needles: &[Needle]) {
    let mut all = Vec::new();
    files(&host.path(""), &mut all);
    assert!(all.len() >= least, "{}: {all:?}", host.name);
    for path in all {
        let metadata = std::fs::metadata(&path).unwrap();
        if may_hold_a_key(&path) {
            assert_eq!(metadata.mode() & 0o777, 0o600, "{}", path.display());
            continue;
        }
        assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap(), needles);
    }
}

fn assert_processes_clean(host: &Host, needles: &[Needle]) {
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
    let mut lab = Lab::new(4);
    for number in 1..=4 {
        // Whatever can be logged is.
        lab.host_mut(number).environment = vec![("EOS_LOG".to_owned(), "trace".to_owned())];
    }
    let [master, second, third, fourth] = lab.hosts();
    let shared = master.eos(&["token", "generate"]).done().text("token");
    let single = master.single_arguments();
    let founded = master.eos(&[&single[..], &["--token", &shared]].concat()).done();
    log_all(master);
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
    log_all(second);
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
    assert!(needles.len() > 40, "a master has four keys and a member one");
    for host in [master, second, third] {
        assert_files_clean(host, 20, &needles);
        assert_processes_clean(host, &needles);
    }
    // What was refused leaves nothing but what was there.
    assert_files_clean(fourth, 1, &needles);
    assert_eq!(fourth.processes(), Vec::<i32>::new());
    let transcript = lab.transcript();
    assert!(transcript[before..].contains("TRACE"), "commands log all that they do");
    assert_clean("the output", &transcript.as_bytes()[before..], &needles);
}

/// Has the services of the host log whatever can be logged, too.
fn log_all(host: &Host) {
    host.crash();
    host.hand_environment_to_services();
    host.eos(&["bootstrap"]).done();
    for log in ["eos-master", "eos-agent"].map(|service| format!("var/lib/eos/log/{service}.log")) {
        if host.path(&log).exists() {
            let traced = |text: &String| text.contains("TRACE");
            eventually(&log, || Some(host.read(&log)).filter(traced).ok_or_else(|| "no trace".to_owned()));
        }
    }
}

fn assert_command_line_clean(pid: u32, tokens: &[String]) {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(holds(&line, b"bootstrap"), "it is the joiner: {}", String::from_utf8_lossy(&line));
    assert!(!holds(&line, b"eos1."), "{}", String::from_utf8_lossy(&line));
    for token in tokens {
        assert!(!holds(&line, secret(token).as_bytes()));
    }
}
