//! Snapshots where something runs out: descriptors for their commands, and places for directories.

use crate::restores::{fill, joined, snapshot_by, sources, whole};
use crate::support::{EOS, Machine, Run, eventually};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The same command with so many descriptors, of which those that whoever runs the tests left open are none.
fn with_descriptors(most: u8, command: &Command) -> Run {
    let line = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n $0; exec \"$@\"";
    let mut poor = Command::new("sh");
    poor.args(["-c", line, &most.to_string()]).arg(command.get_program()).args(command.get_args());
    poor.stdin(Stdio::null()).output().unwrap().into()
}

#[test]
fn with_too_few_descriptors_a_restore_puts_all_in_place_or_leaves_what_was_there_and_says_why() {
    let node = Machine::empty("127.0.41.31", "node1");
    node.put("etc/eos/cluster.yaml", &sources(&node, "", "/bin/true"), 0o644);
    node.found();
    let top = node.path("srv/metrics");
    fill(&top, "captured");
    for number in 0..40 {
        fs::create_dir_all(top.join(format!("d/{number}/e/f"))).unwrap();
        fs::write(top.join(format!("d/{number}/e/f/file")), vec![number; 5000]).unwrap();
    }
    let captured = whole(&top);
    let id = snapshot_by(&node, &node, 100);
    let (mut refusals, mut restored) = (0, 0);
    for most in 6..56u8 {
        fs::write(top.join("which"), format!("changed {most}")).unwrap();
        let changed = whole(&top);
        let run = with_descriptors(most, &node.command(&["snapshot", "restore", &id]));
        if run.status == Some(0) {
            assert_eq!(whole(&top), captured, "{most}");
            restored += 1;
            continue;
        }
        refusals += 1;
        assert!(run.status.is_some_and(|status| [1, 6].contains(&status)), "{most}: {run:?}");
        assert!(run.stderr.contains("error[EOS-"), "{most}: {}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{most}: {}", run.stderr);
        node.eos(&["snapshot", "recover"]).ends_with(0);
        assert_eq!(whole(&top), changed, "{most}: {}", run.stderr);
    }
    assert!(refusals > 3 && restored > 3, "{refusals} refused, {restored} restored");
    node.eos(&["snapshot", "restore", &id]).ends_with(0);
    assert_eq!(whole(&top), captured);
    let left: Vec<_> =
        fs::read_dir(node.path("srv/.metrics.eos")).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["previous"]);
}

#[test]
fn with_too_few_descriptors_a_pull_brings_all_of_a_snapshot_or_none_and_says_why() {
    let [master, node] =
        [(32, "node1"), (33, "node2")].map(|(last, name)| Machine::empty(&format!("127.0.41.{last}"), name));
    master.found();
    joined(&node, &master, &[]).ends_with(0);
    let store = node.path("var/lib/eos/snapshots");
    let manifests = || fs::read_dir(store.join("manifests")).map_or(0, Iterator::count);
    let listed = node.eos(&["snapshot", "list", "--output", "json"]).ends_with(0).verdict();
    let id = listed["result"]["snapshots"][0]["id"].as_str().unwrap().to_owned();
    let (mut refusals, mut pulled) = (0, 0);
    for most in 6..48u8 {
        // The agent looks at it too, and makes it anew.
        let gone = || fs::remove_dir_all(&store).is_ok() || !store.exists();
        assert!(eventually(Duration::from_secs(20), gone));
        let begun = || fs::read_dir(store.join("partial")).map_or(0, Iterator::count);
        let run = with_descriptors(most, &node.command(&["snapshot", "pull", &id]));
        if run.status == Some(0) {
            node.eos(&["snapshot", "verify", &id]).ends_with(0);
            assert_eq!(begun(), 0, "{most}: nothing is left of a download that came to its end");
            pulled += 1;
            continue;
        }
        refusals += 1;
        assert!(run.stderr.contains("error[EOS-"), "{most}: {}", run.stderr);
        assert!(!run.stderr.contains("panicked"), "{most}: {}", run.stderr);
        if manifests() > 0 {
            // All was there already when what had served to bring it could not be removed.
            node.eos(&["snapshot", "verify", &id]).ends_with(0);
        }
        // What is left of it is in nobody's way: with enough descriptors the same command ends well, and leaves nothing.
        node.eos(&["snapshot", "pull", &id]).ends_with(0);
        node.eos(&["snapshot", "verify", &id]).ends_with(0);
        assert_eq!(begun(), 0, "{most}");
    }
    assert!(refusals > 3 && pulled > 3, "{refusals} refused, {pulled} pulled");
}

/// The header of a directory as any tar writes it.
fn directory(number: usize) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_path(format!("d{number}/")).unwrap();
    header.set_mode(0o755);
    header.set_size(0);
    header.set_mtime(1);
    header.set_cksum();
    *header.as_bytes()
}

/// The most memory that the process had so far, in bytes.
fn most_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    };
    // How much of the program is in memory is no matter of what it reads.
    bytes("VmHWM:") - bytes("RssFile:")
}

#[test]
fn an_archive_of_a_million_directories_ends_at_the_limit_of_entries_and_memory_grows_by_few_bytes_for_each() {
    const MOST: usize = 250_000;
    /// What the documentation promises for each entry, with names as short as these.
    const EACH: u64 = 500;
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let mut child = Command::new(EOS)
        .current_dir(folder.path())
        .args(["snapshot", "unpack", "-", "--into", "target", "--max-entries", &MOST.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let (mut before, mut sent) = (0, 0);
    for number in 0..1_000_000 {
        if number == 100 || number == MOST {
            // All but what is in the pipe has been read by now.
            let most = most_memory(child.id());
            let each = most.saturating_sub(before) / MOST as u64;
            assert!(before == 0 || (50..EACH).contains(&each), "{each} bytes for each directory");
            before = most;
        }
        match input.write_all(&directory(number)) {
            Ok(()) => sent = number + 1,
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
                break;
            }
        }
    }
    drop(input);
    let run = Run::from(child.wait_with_output().unwrap()).ends_with(5);
    assert!(run.stderr.contains("error[EOS-T109]"), "{}", run.stderr);
    assert!((MOST + 1..MOST + 5000).contains(&sent), "{sent} of a million were read");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left");
}
