//! `eos snapshot pack` and `unpack` as their users type them, without a cluster.

use crate::support::{EOS, Run};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn eos(folder: &Path, arguments: &[&str]) -> Run {
    Command::new(EOS).current_dir(folder).args(arguments).stdin(Stdio::null()).output().unwrap().into()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// It is refused with this code and status, a hint follows, and nothing is left.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], status: i32, code: &str) {
    let before = names(folder);
    let run = eos(folder, arguments).ends_with(status);
    assert!(run.stderr.contains(&format!("error[{code}]")), "{code} is not in {}", run.stderr);
    assert!(run.stderr.contains("\nhint: "), "{}", run.stderr);
    assert_eq!(names(folder), before, "{code}");
}

fn shell(folder: &Path, script: &str) {
    let done = Command::new("sh").args(["-ec", script]).current_dir(folder).status().unwrap();
    assert!(done.success(), "{script}");
}

#[test]
fn a_directory_goes_through_an_archive_and_comes_out_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(
        folder,
        "mkdir -p source/deep source/logs; echo text >source/deep/file; ln -s deep link; mv link source",
    );
    shell(
        folder,
        "echo noise >source/logs/a; head -c 3000000 /dev/urandom >source/large; chmod 640 source/large",
    );
    let run =
        eos(folder, &["snapshot", "pack", "source", "-o", "a.tar.zst", "--exclude", "logs/a"]).ends_with(0);
    assert!(run.stdout.starts_with("5 entries with 2.9 MiB packed into "), "{}", run.stdout);
    let run = eos(folder, &["snapshot", "unpack", "a.tar.zst", "--into", "target", "--output", "json"]);
    let verdict = run.ends_with(0).verdict();
    assert_eq!(verdict["outcome"], "done");
    assert_eq!(verdict["result"]["content_bytes"], 3_000_005);
    shell(folder, "rm source/logs/a; touch -r source/logs target/logs; diff -r source target");
    let modes = |top: &str| {
        let script = "find . -printf '%p %m %T@ %l\\n' | grep -v logs | sort";
        Command::new("sh").args(["-c", script]).current_dir(folder.join(top)).output().unwrap().stdout
    };
    assert_eq!(modes("source"), modes("target"));
    shell(folder, "mkdir by-tar; zstd -dc a.tar.zst | tar -xp -C by-tar; diff -r target by-tar");
    let piped =
        "zstd -dc a.tar.zst | gzip | gzip -dc | \"$0\" snapshot unpack - --into piped; diff -r target piped";
    let done = Command::new("sh").args(["-ec", piped, EOS]).current_dir(folder).status().unwrap();
    assert!(done.success());
    assert_eq!(names(folder), ["a.tar.zst", "by-tar", "piped", "source", "target"]);
}

#[test]
fn what_cannot_be_packed_or_unpacked_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(folder, "mkdir source full; echo x >source/a; echo mine >full/mine; mkfifo source/../pipe");
    shell(folder, "tar -c -C source a | zstd -q -o good.tar.zst; zstd -dcq good.tar.zst >good.tar");
    shell(folder, "head -c 700 good.tar >short.tar; cat good.tar good.tar >double.tar");
    shell(
        folder,
        "gzip -c good.tar >good.tar.gz; head -c 60 good.tar.zst >cut.tar.zst; ln -s /etc source/out",
    );
    shell(
        folder,
        "tar -c -C source out >link.tar; (head -c 512 good.tar; printf 'x%.0s' $(seq 9999)) >bad.tar",
    );
    shell(folder, "tar -c pipe >pipe.tar; rm source/out");
    for (archive, flags, status, code) in [
        ("cut.tar.zst", &[][..], 1, "EOS-T103"),
        ("good.tar.gz", &[], 5, "EOS-T104"),
        ("bad.tar", &[], 5, "EOS-T105"),
        ("short.tar", &[], 5, "EOS-T106"),
        ("double.tar", &[], 5, "EOS-T107"),
        ("link.tar", &[], 5, "EOS-T108"),
        ("pipe.tar", &[], 5, "EOS-T108"),
        ("good.tar", &["--max-entries", "0"], 5, "EOS-T109"),
        ("good.tar", &["--max-bytes", "1"], 5, "EOS-T109"),
        ("missing.tar", &[], 1, "EOS-H001"),
    ] {
        let arguments = [&["snapshot", "unpack", archive, "--into", "target"], flags].concat();
        refused(folder, &arguments, status, code);
    }
    refused(folder, &["snapshot", "unpack", "good.tar", "--into", "full"], 1, "EOS-T111");
    assert_eq!(fs::read_to_string(folder.join("full/mine")).unwrap(), "mine\n");
    refused(folder, &["snapshot", "unpack", "good.tar", "--into", "/proc/self/target"], 1, "EOS-T100");
    refused(folder, &["snapshot", "pack", "source", "-o", "good.tar"], 1, "EOS-T112");
    refused(folder, &["snapshot", "pack", "source", "-o", "source/a.tar.zst"], 2, "EOS-U002");
    refused(folder, &["snapshot", "pack", ".", "-o", "../own.tar.zst"], 1, "EOS-T102");
    let huge = "truncate -s 10T big && tar -c --format gnu big | head -c 1024 >huge.tar; rm -f big";
    let made = Command::new("sh").args(["-c", huge]).current_dir(folder).status().unwrap();
    assert!(made.success());
    refused(folder, &["snapshot", "unpack", "huge.tar", "--into", "target"], 1, "EOS-T110");
}

#[test]
fn with_too_few_descriptors_an_archive_is_unpacked_whole_or_refused_and_what_stays_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let deep = "d/".repeat(40);
    shell(folder, &format!("mkdir -p source/{deep}; for n in $(seq 60); do echo $n >source/{deep}$n; done"));
    shell(folder, "tar -C source -cf many.tar d");
    let before = names(folder);
    let (mut refusals, mut whole) = (0, 0);
    // Descriptors that whoever runs the tests left open do not count.
    let line = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n $0; exec \"$@\"";
    for most in 8..40u8 {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            line,
            &most.to_string(),
            EOS,
            "snapshot",
            "unpack",
            "many.tar",
            "--into",
            "target",
        ]);
        let run = Run::from(command.current_dir(folder).stdin(Stdio::null()).output().unwrap());
        if run.status == Some(0) {
            shell(folder, "diff -r source target; rm -r target");
            whole += 1;
        } else if run.status == Some(6) {
            // Fewer than it takes to go down the tree once more: what stays is named, and how to remove it.
            assert!(run.stderr.contains("error[EOS-T114]"), "{most}: {}", run.stderr);
            let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default();
            let (_, command) = hint.split_once(": ").expect("a command");
            assert!(command.starts_with("rm -r"), "{hint}");
            shell(folder, command);
        } else {
            assert!(run.status == Some(1) && run.stderr.contains("error[EOS-"), "{most}: {}", run.stderr);
            refusals += 1;
        }
        assert_eq!(names(folder), before, "{most} descriptors");
    }
    assert!(refusals > 0 && whole > 0, "{refusals} refused, {whole} unpacked");
}

#[test]
fn what_is_left_out_is_named_in_any_way_and_a_mistake_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(folder, "mkdir -p source/secrets; echo key >source/secrets/key; echo a >source/a");
    let whole = folder.canonicalize().unwrap().join("source/secrets");
    for (number, path) in ["secrets", "./secrets", "secrets/", whole.to_str().unwrap()].iter().enumerate() {
        let archive = format!("{number}.tar.zst");
        let run =
            eos(folder, &["snapshot", "pack", "source", "-o", &archive, "--exclude", path]).ends_with(0);
        assert!(run.stdout.starts_with("1 entries with "), "{path}: {}", run.stdout);
    }
    for path in ["secret", "../source/secrets", "/etc", ".", "secrets/../a"] {
        let arguments = ["snapshot", "pack", "source", "-o", "x.tar.zst", "--exclude", path];
        refused(folder, &arguments, 2, "EOS-U002");
    }
}

#[test]
fn an_unpacking_from_a_silent_pipe_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(EOS)
        .current_dir(folder.path())
        .args(["snapshot", "unpack", "-", "--into", "target"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    let mut told = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut errors, &mut told).unwrap();
    assert_eq!(told, "==> unpack\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(input);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn who_is_not_root_can_have_a_refused_archive_removed_and_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shell(folder, "mkdir -p source/closed source/z; echo x >source/closed/file; chmod 500 source/closed");
    shell(folder, "tar -c -C source . >good.tar; (tar -c -C source .; echo more) >bad.tar; chown -R 65534 .");
    let as_nobody = |archive: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", EOS, "snapshot", "unpack"]);
        let run = command.args([archive, "--into", "target"]).current_dir(folder).output().unwrap();
        Run::from(run)
    };
    as_nobody("bad.tar").ends_with(5);
    // What a crash left, with directories that their owner may not write to.
    shell(
        folder,
        "mkdir -p .target.unpacking-0/$(printf 'closed/%.0s' $(seq 40)); chown -R 65534 .target*; \
         find .target.unpacking-0 -depth -mindepth 1 -type d -exec chmod 500 {} +",
    );
    as_nobody("good.tar").ends_with(0);
    assert_eq!(names(folder), ["bad.tar", "good.tar", "source", "target"]);
}
