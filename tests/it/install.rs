//! Runs `install.sh` under dash and under BusyBox: what it puts, refuses, keeps and removes.

mod sandbox;
mod token;

use sandbox::{Sandbox, Shell, package, program, read};
use std::fs;
use std::path::Path;
use std::process::Command;

const SHELLS: [Shell; 2] = [Shell::Dash, Shell::Busybox];

#[test]
fn the_real_binary_is_installed_used_found_again_and_removed() {
    for shell in SHELLS {
        let mut sandbox = Sandbox::new(shell);
        sandbox.use_artifact(Path::new(env!("CARGO_BIN_EXE_eos")));
        let installer = package("install.sh");
        let version = concat!("eos ", env!("CARGO_PKG_VERSION"));

        let first = sandbox.run(&[], &installer, &["--version"]);
        assert_eq!((first.status, first.stdout.trim()), (Some(0), version), "{shell:?}: {}", first.stderr);
        let installed = sandbox.tree();
        assert!(installed.contains_key("/usr/local/bin/eos"), "{:?}", installed.keys());

        let second = sandbox.run(&[], &installer, &["--version"]);
        assert_eq!((second.status, second.stdout.trim()), (Some(0), version), "{}", second.stderr);
        assert_eq!(second.stderr, format!("{version} is already installed, nothing changed\n"));
        assert_eq!(sandbox.tree(), installed);

        let removed = sandbox.run(&[], &installer, &["uninstall"]);
        assert_eq!(removed.status, Some(0), "{}", removed.stderr);
        assert!(sandbox.tree().is_empty(), "{:?}", sandbox.tree().keys());
    }
}

#[test]
fn everything_lands_in_its_place_and_in_the_manifest() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(shell);
        let run = sandbox.install(&[]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(0), ""), "{}", run.stderr);
        let tree = sandbox.tree();
        let files = [
            ("/usr/local/bin/eos", 0o755),
            ("/usr/local/share/bash-completion/completions/eos", 0o644),
            ("/usr/local/share/eos/install.manifest", 0o644),
            ("/usr/local/share/eos/states/storage/init.sls", 0o644),
            ("/usr/local/share/eos/templates/eos agent.service", 0o644),
            ("/usr/local/share/fish/vendor_completions.d/eos.fish", 0o644),
            ("/usr/local/share/man/man1/eos.1", 0o644),
            ("/usr/local/share/zsh/site-functions/_eos", 0o644),
        ];
        let found: Vec<(&str, u32)> =
            tree.iter().filter(|(_, e)| e.3 != "directory").map(|(path, e)| (path.as_str(), e.0)).collect();
        assert_eq!(found, files);

        let manifest = read(&sandbox.root().join("usr/local/share/eos/install.manifest"));
        let mut listed: Vec<String> = manifest.lines().skip(1).map(str::to_owned).collect();
        listed.sort_unstable();
        let mut wanted: Vec<String> = Vec::new();
        for (path, (_, _, _, what)) in tree.iter().filter(|(path, _)| !path.ends_with("install.manifest")) {
            wanted.push(if what == "directory" {
                format!("directory\t-\t{path}")
            } else {
                format!("file\t{what}\t{path}")
            });
        }
        wanted.sort_unstable();
        assert_eq!(listed, wanted);
        assert_eq!(fs::read_dir(sandbox.path("temporary")).unwrap().count(), 0, "it cleans up after itself");
    }
}

#[test]
fn another_prefix_is_honoured() {
    for shell in SHELLS {
        let mut sandbox = Sandbox::new(shell);
        sandbox.set("PREFIX", "/opt/eos/");
        let run = sandbox.install(&["--version"]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(0), "eos 0.1.0\n"), "{}", run.stderr);
        assert!(sandbox.root().join("opt/eos/bin/eos").is_file());
        assert!(!sandbox.root().join("usr").exists());
        assert_eq!(sandbox.install(&["uninstall"]).status, Some(0));
        assert!(sandbox.tree().is_empty());
    }
}

#[test]
fn the_exit_status_of_eos_is_handed_back() {
    let sandbox = Sandbox::new(Shell::Dash);
    assert_eq!(sandbox.install(&["fail"]).status, Some(6));
}

#[test]
fn an_artifact_without_the_right_digest_is_refused_and_nothing_changes() {
    for shell in SHELLS {
        let mut sandbox = Sandbox::new(shell);
        sandbox.set("EOS_ARTIFACT_SHA256", &"0".repeat(64));
        let wrong = sandbox.install(&["--version"]);
        assert_eq!((wrong.status, wrong.stdout.as_str()), (Some(1), ""));
        assert!(wrong.stderr.contains(&format!("expected {}", "0".repeat(64))), "{}", wrong.stderr);

        sandbox.unset("EOS_ARTIFACT_SHA256");
        let none = sandbox.install(&[]);
        assert_eq!(none.status, Some(1));
        assert!(none.stderr.contains("no digest to check"), "{}", none.stderr);
        assert!(sandbox.tree().is_empty());

        let digest = sandbox::sha256(&fs::read(sandbox.path("artifact")).unwrap());
        sandbox.write("artifact.sha256", &format!("{digest}  artifact\n"));
        assert_eq!(sandbox.install(&[]).status, Some(0));
    }
}

#[test]
fn a_binary_of_another_version_than_the_checkout_is_refused() {
    let mut sandbox = Sandbox::new(Shell::Dash);
    sandbox.set_version("0.2.0");
    sandbox.write("checkout/Cargo.toml", "[package]\nversion = \"0.1.0\"\n");
    let run = sandbox.install(&[]);
    assert_eq!(run.status, Some(1));
    assert!(run.stderr.contains("says it is 'eos 0.2.0', this checkout is eos 0.1.0"), "{}", run.stderr);
    assert!(sandbox.tree().is_empty());
}

#[test]
fn uninstall_keeps_and_lists_what_was_changed() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(shell);
        assert_eq!(sandbox.install(&[]).status, Some(0));
        let changed = "/usr/local/share/eos/states/storage/init.sls";
        sandbox.write(&format!("root{changed}"), "mine: {}\n");
        sandbox.write("root/usr/local/bin/other", "not of eos\n");
        let run = sandbox.install(&["uninstall"]);
        assert_eq!(run.status, Some(0), "{}", run.stderr);
        assert!(
            run.stderr
                .contains(&format!("kept, changed since it was installed: {}", sandbox.root().display()))
        );
        assert!(run.stderr.contains(changed), "{}", run.stderr);
        assert!(run.stderr.contains("/usr/local/bin\n"), "{}", run.stderr);
        let left: Vec<String> =
            sandbox.tree().into_iter().filter(|(_, e)| e.3 != "directory").map(|(path, _)| path).collect();
        assert_eq!(left, ["/usr/local/bin/other", changed]);

        let again = sandbox.install(&["uninstall"]);
        assert_eq!(again.status, Some(0));
        assert!(again.stderr.contains("not installed"), "{}", again.stderr);
    }
}

#[test]
fn what_someone_else_put_there_or_changed_is_never_overwritten() {
    for shell in SHELLS {
        let mut sandbox = Sandbox::new(shell);
        sandbox.write("root/usr/local/bin/eos", "another program\n");
        let before = sandbox.tree();
        let foreign = sandbox.install(&["--version"]);
        assert_eq!((foreign.status, foreign.stdout.as_str()), (Some(1), ""), "{}", foreign.stderr);
        assert!(foreign.stderr.contains("/usr/local/bin/eos\n"), "{}", foreign.stderr);
        assert_eq!(sandbox.tree(), before);

        fs::remove_file(sandbox.root().join("usr/local/bin/eos")).unwrap();
        assert_eq!(sandbox.install(&[]).status, Some(0));
        sandbox.write("root/usr/local/share/eos/states/storage/init.sls", "mine: {}\n");
        sandbox.set_version("0.2.0");
        let before = sandbox.tree();
        assert_eq!(sandbox.install(&[]).status, Some(1));
        assert_eq!(sandbox.tree(), before);
    }
}

#[test]
fn an_upgrade_replaces_what_changed_and_removes_what_is_gone() {
    for shell in SHELLS {
        let mut sandbox = Sandbox::new(shell);
        assert_eq!(sandbox.install(&[]).status, Some(0));
        let before = sandbox.tree();
        sandbox.set_version("0.2.0");
        fs::remove_file(sandbox.path("checkout/docs/man/eos.1")).unwrap();
        sandbox.write("checkout/states/new/init.sls", "new: {}\n");
        let run = sandbox.install(&["--version"]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(0), "eos 0.2.0\n"), "{}", run.stderr);
        let after = sandbox.tree();
        assert!(!after.contains_key("/usr/local/share/man/man1/eos.1"));
        assert!(after.contains_key("/usr/local/share/eos/states/new/init.sls"));
        let untouched = "/usr/local/share/eos/states/storage/init.sls";
        assert_eq!(after[untouched], before[untouched]);
        assert_eq!(sandbox.install(&["uninstall"]).status, Some(0));
        assert!(sandbox.tree().is_empty(), "{:?}", sandbox.tree().keys());
    }
}

#[test]
fn a_killed_run_is_completed_by_the_next_and_removed_by_uninstall() {
    for shell in SHELLS {
        let clean = Sandbox::new(shell);
        assert_eq!(clean.install(&[]).status, Some(0));
        let mut renames = 0;
        loop {
            renames += 1;
            let sandbox = Sandbox::new(shell);
            let real = program("mv");
            let count = sandbox.path("count");
            let script = format!(
                "#!/bin/sh\necho x >>'{count}'\nset -- $(wc -l <'{count}') \"$@\"\n\
                 [ $1 -ne {renames} ] || kill -9 $PPID\nshift\nexec {real} \"$@\"\n",
                count = count.display(),
                real = real.display(),
            );
            sandbox.write_tool("mv", &script);
            let killed = sandbox.install(&[]);
            if killed.status == Some(0) {
                break;
            }
            // Both ways out of every place: straight on for the odd ones, by way of uninstall for the
            // even ones. Before the first rename there is no manifest that uninstall could follow.
            if renames % 2 == 0 {
                assert_eq!(sandbox.install(&["uninstall"]).status, Some(0));
                assert!(sandbox.tree().is_empty(), "killed at {renames}: {:?}", sandbox.tree().keys());
            }
            let next = sandbox.install(&[]);
            assert_eq!(next.status, Some(0), "killed at {renames}: {}", next.stderr);
            if renames > 1 {
                assert_eq!(sandbox.content(), clean.content(), "killed at {renames}");
            } else {
                assert_eq!(files(&sandbox), files(&clean), "killed at {renames}");
            }
        }
        assert!(renames > 8, "only {renames} renames were met under {shell:?}");
    }
}

/// What is installed, the manifest aside: after a kill before it was first written, it can no
/// longer know which directories above it were there before.
fn files(sandbox: &Sandbox) -> Vec<(String, (u32, String))> {
    sandbox.content().into_iter().filter(|(path, _)| !path.ends_with("install.manifest")).collect()
}

#[test]
fn uninstall_refuses_while_the_machine_is_a_member() {
    let sandbox = Sandbox::new(Shell::Dash);
    assert_eq!(sandbox.install(&[]).status, Some(0));
    sandbox.write("root/etc/systemd/system/eos-agent.service", "[Service]\n");
    let before = sandbox.tree();
    let run = sandbox.install(&["uninstall"]);
    assert_eq!(run.status, Some(1));
    assert!(run.stderr.contains("reset --verify"), "{}", run.stderr);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn without_the_right_to_write_it_says_who_can() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(shell);
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        let run = sandbox.run(&nobody, &sandbox.path("checkout/install.sh"), &["--version"]);
        assert_eq!((run.status, run.stdout.as_str()), (Some(1), ""));
        assert!(run.stderr.contains("run this as root, or set PREFIX"), "{}", run.stderr);
        assert!(sandbox.tree().is_empty());
    }
}

#[test]
fn without_a_compiler_or_a_recent_cargo_it_says_what_to_do() {
    let mut sandbox = Sandbox::new(Shell::Busybox);
    sandbox.unset("EOS_ARTIFACT");
    let without_compiler = sandbox.install(&[]);
    assert_eq!(without_compiler.status, Some(1));
    assert!(
        without_compiler.stderr.contains("missing packages: gcc libc6-dev"),
        "{}",
        without_compiler.stderr
    );

    sandbox.write_tool("cc", "#!/bin/sh\n");
    let without_cargo = sandbox.install(&[]);
    assert_eq!(without_cargo.status, Some(1));
    assert!(without_cargo.stderr.contains("cargo is missing"), "{}", without_cargo.stderr);
    assert!(without_cargo.stderr.contains("hint: curl "), "{}", without_cargo.stderr);

    sandbox.write_tool("cargo", "#!/bin/sh\necho 'cargo 1.63.0 (fd9c4297c 2022-07-01)'\n");
    let old_cargo = sandbox.install(&[]);
    assert_eq!(old_cargo.status, Some(1));
    assert!(old_cargo.stderr.contains("1.63.0 (fd9c4297c 2022-07-01) is too old"), "{}", old_cargo.stderr);
    assert!(sandbox.tree().is_empty());
}

#[test]
fn without_an_artifact_cargo_builds_the_checkout_and_only_what_changed() {
    let mut sandbox = Sandbox::new(Shell::Dash);
    sandbox.unset("EOS_ARTIFACT");
    // A package of one file, so that the build takes a second.
    sandbox.write(
        "checkout/Cargo.toml",
        "[package]\nname = \"eos\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.95\"\n",
    );
    sandbox.write("checkout/Cargo.lock", "version = 4\n\n[[package]]\nname = \"eos\"\nversion = \"0.1.0\"\n");
    sandbox
        .write("checkout/src/main.rs", "fn main() { println!(\"eos {}\", env!(\"CARGO_PKG_VERSION\")); }\n");
    let cargo = std::env::var("CARGO").expect("cargo sets it for its tests");
    let toolchain = Path::new(&cargo).parent().expect("cargo lies in a directory").display().to_string();
    sandbox.set("PATH", &format!("{toolchain}:/usr/sbin:/usr/bin:/sbin:/bin"));

    let first = sandbox.install(&["--version"]);
    assert_eq!((first.status, first.stdout.as_str()), (Some(0), "eos 0.1.0\n"), "{}", first.stderr);
    assert!(first.stderr.contains("Compiling eos v0.1.0"), "{}", first.stderr);
    let installed = sandbox.tree();
    let second = sandbox.install(&["--version"]);
    assert_eq!((second.status, second.stdout.as_str()), (Some(0), "eos 0.1.0\n"), "{}", second.stderr);
    assert!(!second.stderr.contains("Compiling"), "{}", second.stderr);
    assert!(
        second.stderr.ends_with("eos 0.1.0 is already installed, nothing changed\n"),
        "{}",
        second.stderr
    );
    assert_eq!(sandbox.tree(), installed);

    sandbox.write("checkout/src/main.rs", "fn main() { broken }\n");
    let broken = sandbox.install(&["--version"]);
    assert_eq!((broken.status, broken.stdout.as_str()), (Some(1), ""));
    assert!(
        broken.stderr.ends_with("install.sh: the build failed; nothing was installed\n"),
        "{}",
        broken.stderr
    );
    assert_eq!(sandbox.tree(), installed);
}

#[test]
fn help_is_a_result_and_changes_nothing() {
    for shell in SHELLS {
        let sandbox = Sandbox::new(shell);
        let run = sandbox.install(&["--help"]);
        assert_eq!((run.status, run.stderr.as_str()), (Some(0), ""));
        assert!(run.stdout.starts_with("Usage: install.sh"), "{}", run.stdout);
        assert!(sandbox.tree().is_empty());
    }
}

#[test]
fn shellcheck_finds_nothing() {
    for (dialect, script) in [("sh", "install.sh"), ("sh", "test.sh"), ("bash", ".ci/run")] {
        let output =
            Command::new(program("shellcheck")).args(["-s", dialect]).arg(package(script)).output().unwrap();
        assert!(output.status.success(), "{script}:\n{}", String::from_utf8_lossy(&output.stdout));
    }
}
