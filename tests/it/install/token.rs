//! A token among the arguments of `install.sh`: out of the process list while it builds, and still there for eos.

use super::SHELLS;
use super::sandbox::{Sandbox, Shell, program};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

const SECRET: &str = "eos1.a-secret-of-somebody";

/// What cargo is to build: it tells what it was given.
const PROGRAM: &str = "#!/bin/sh\n[ \"$1\" != --version ] || { echo eos 0.1.0; exit; }\n\
                       printf '%s|%s\\n' \"$*\" \"${EOS_TOKEN:-none}\"\n";

/// A checkout that a cargo of ours builds: it says that it began, and ends when it is told to.
fn checkout(shell: Shell) -> Sandbox {
    let mut sandbox = Sandbox::new(shell);
    sandbox.unset("EOS_ARTIFACT");
    sandbox.unset("EOS_ARTIFACT_SHA256");
    sandbox.write("program", PROGRAM);
    fs::set_permissions(sandbox.path("program"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(Command::new(program("mkfifo")).arg(sandbox.path("go-on")).status().unwrap().success());
    sandbox.write_tool("cc", "#!/bin/sh\n");
    let (built, go_on) = (sandbox.path("program"), sandbox.path("go-on"));
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != --version ] || {{ echo 'cargo 1.95.0 (x 2026-01-01)'; exit; }}\n\
         echo build began\ntimeout 60 cat '{}' || exit 1\n\
         mkdir -p target/release\ncp '{}' target/release/eos\n",
        go_on.display(),
        built.display(),
    );
    sandbox.write_tool("cargo", &script);
    sandbox
}

/// The processes that this one started, and those that they started, itself first.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().map(|child| child.parse().unwrap());
    std::iter::once(pid).chain(children.flat_map(family)).collect()
}

/// Reads what the installer says until the build began.
fn until_it_builds(child: &mut Child) -> BufReader<ChildStderr> {
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    while !said.contains("build began") {
        assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended before it built:\n{said}");
    }
    stderr
}

#[test]
fn a_token_is_in_no_process_list_while_it_builds_and_comes_to_eos() {
    for (shell, name) in SHELLS.into_iter().zip(["dash", "busybox"]) {
        let given = format!("--token={SECRET}");
        for arguments in [
            &["bootstrap", "--token", SECRET, "--node-name", "a b"][..],
            &["bootstrap", &given, "--node-name", "a b"],
        ] {
            let sandbox = checkout(shell);
            let mut command = sandbox.command(Vec::new(), &sandbox.path("checkout/install.sh"), arguments);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut stderr = until_it_builds(&mut child);
            let running = fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
            assert_eq!(running, fs::canonicalize(program(name)).unwrap(), "the shell is the same");
            let family = family(child.id());
            assert!(family.len() > 1, "cargo runs");
            for pid in family {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                assert!(!line.contains(SECRET), "{shell:?}: {line}");
            }
            let_it_go_on(&sandbox.path("go-on"));
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{said}");
            let told = String::from_utf8(output.stdout).unwrap();
            assert_eq!(told, format!("bootstrap --node-name a b|{SECRET}\n"), "{shell:?}: {said}");
        }
    }
}

fn let_it_go_on(fifo: &Path) {
    fs::write(fifo, "on\n").unwrap();
}

#[test]
fn a_token_without_a_value_is_refused_and_help_is_help_with_one() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(shell);
        for arguments in [&["--help", "--token", SECRET][..], &["--token=x", "--help"]] {
            let run = sandbox.install(arguments);
            assert_eq!(run.status, Some(0), "{}", run.stderr);
            assert!(run.stdout.starts_with("Usage: install.sh"), "{}", run.stdout);
        }
        let run = sandbox.install(&["bootstrap", "--token"]);
        assert_eq!(run.status, Some(2));
        assert!(run.stderr.contains("hint: EOS_TOKEN="), "{}", run.stderr);
        assert!(sandbox.tree().is_empty());
    }
}
