//! `eos snapshot create` as operators use it: sources of the configuration, what is told, and what is refused.

use crate::pulls::metric;
use crate::support::{Machine, eventually};
use serde_json::Value;
use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);

/// A first node whose configuration has these sources.
fn node(address: &str, sources: &str) -> Machine {
    let node = Machine::empty(address, "node1");
    node.found();
    configure(&node, sources);
    node
}

fn configure(node: &Machine, sources: &str) {
    let folder = node.path("etc/eos/cluster.yaml.d");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("50-sources.yaml"), format!("snapshot:\n  sources: {sources}\n")).unwrap();
}

fn write(node: &Machine, path: &str, content: impl AsRef<[u8]>) {
    let path = node.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn create(node: &Machine, arguments: &[&str]) -> Value {
    let all: Vec<&str> =
        ["snapshot", "create"].iter().chain(arguments).chain(&["--output", "json"]).copied().collect();
    node.eos(&all).ends_with(0).verdict()
}

fn refused(node: &Machine, arguments: &[&str], status: i32, code: &str) {
    let all: Vec<&str> = ["snapshot", "create"].iter().chain(arguments).copied().collect();
    let run = node.eos(&all).ends_with(status);
    assert!(run.stderr.contains(&format!("error[{code}]")), "{code} is not in {}", run.stderr);
}

#[test]
fn the_sources_of_the_configuration_are_captured_and_only_what_changed_is_read() {
    let sources = "[{name: metrics, path: /srv/metrics, exclude: ['*.tmp']}, {name: app, engine: sqlite, path: /srv/app.db}]";
    let node = node("127.0.41.1", sources);
    for number in 0..50u8 {
        write(&node, &format!("srv/metrics/{number}"), [number; 5000]);
    }
    write(&node, "srv/metrics/x.tmp", "left out");
    let tables = "CREATE TABLE a(x); INSERT INTO a VALUES (1);";
    let made = Command::new("sqlite3").arg(node.path("srv/app.db")).arg(tables).status().unwrap();
    assert!(made.success());

    let first = create(&node, &[]);
    let listed = first["result"]["snapshots"].as_array().unwrap();
    let names: Vec<_> = listed.iter().map(|one| one["source"].as_str().unwrap()).collect();
    assert_eq!((names, &first["outcome"]), (vec!["metrics", "app"], &Value::from("done")));
    assert_eq!((&listed[0]["files"], &listed[0]["read_bytes"]), (&Value::from(50), &Value::from(250_000)));
    let again = create(&node, &[]);
    assert_eq!(again["outcome"], "no-change");
    assert_eq!(again["result"]["snapshots"][0]["id"], listed[0]["id"]);

    write(&node, "srv/metrics/7", "changed");
    let second = create(&node, &["metrics"]);
    let one = &second["result"]["snapshots"][0];
    assert_eq!((&one["generation"], &one["borrowed_bytes"]), (&Value::from(2), &Value::from(245_000)));
    let text = node.eos(&["snapshot", "show", &one["id"].as_str().unwrap()[..8]]).ends_with(0).stdout;
    assert!(text.contains("the cluster's authority vouches for it"), "{text}");
    let all = node.eos(&["snapshot", "verify"]).ends_with(0).stdout;
    assert_eq!(all.matches("sound").count(), 3, "{all}");

    let forced = create(&node, &["metrics", "--force"]);
    assert_eq!(forced["result"]["snapshots"][0]["generation"], 3);
    let other = create(&node, &["--path", "/srv/metrics", "--name", "by-hand", "--full"]);
    assert_eq!(other["result"]["snapshots"][0]["source"], "by-hand");
    for own in ["srv/metrics", "etc/eos/cluster.yaml.d"] {
        fs::remove_dir_all(node.path(own)).unwrap();
    }
    fs::remove_file(node.path("srv/app.db")).unwrap();
    node.eos(&["reset", "--verify"]).ends_with(0);
    assert!(!node.path("var/lib/eos").exists(), "what captures made is known to be eos's");
}

#[test]
fn old_snapshots_go_after_a_capture_as_the_configuration_says() {
    let node = node("127.0.41.2", "[{name: metrics, path: /srv/metrics}]");
    let folder = node.path("etc/eos/cluster.yaml.d");
    fs::write(folder.join("60-keep.yaml"), "snapshot:\n  retention: {count: 2}\n").unwrap();
    for round in 0..4u8 {
        write(&node, "srv/metrics/a", [round; 100]);
        create(&node, &[]);
    }
    let listed = node.eos(&["snapshot", "list", "--output", "json"]).ends_with(0).verdict();
    let kept = listed["result"]["snapshots"].as_array().unwrap();
    assert_eq!(kept.iter().filter(|one| one["source"] == "metrics").count(), 2);
}

#[test]
fn a_snapshot_that_is_made_is_told_although_an_old_one_could_not_be_removed() {
    let node = node("127.0.54.2", "[{name: metrics, path: /srv/metrics}]");
    write(&node, "srv/metrics/a", "first");
    let first = create(&node, &[]);
    let id = first["result"]["snapshots"][0]["id"].as_str().unwrap();
    let manifest = node.path(&format!("var/lib/eos/snapshots/manifests/{id}.json"));
    let folder = node.path("etc/eos/cluster.yaml.d");
    fs::write(folder.join("60-keep.yaml"), "snapshot:\n  retention: {count: 1}\n").unwrap();
    write(&node, "srv/metrics/a", "second");
    // A mount point cannot be renamed.
    rustix::mount::mount_bind(&manifest, &manifest).unwrap();
    let run = node.eos(&["snapshot", "create", "--output", "json"]);
    rustix::mount::unmount(&manifest, rustix::mount::UnmountFlags::DETACH).unwrap();
    let run = run.ends_with(0);
    let result = &run.verdict()["result"];
    assert_eq!(result["snapshots"][0]["generation"], 2, "{result}");
    assert!(result["not_pruned"]["code"].is_string(), "{result}");
    assert!(run.stdout.contains("old snapshots may stay: "), "{}", run.stdout);
}

#[test]
fn what_cannot_be_captured_is_told_with_its_code_and_does_not_keep_others_from_it() {
    let hook = |line: &str| format!("{{command: [/bin/sh, -c, '{line}']}}");
    let sources = format!(
        "[{{name: gone, path: /srv/gone}}, {{name: file, path: /srv/file}}, \
         {{name: text, engine: sqlite, path: /srv/text.db}}, \
         {{name: hooked, path: /srv/good/a, hooks: {{before_capture: {}}}}}, \
         {{name: astray, path: /srv/good/b, hooks: {{before_capture: {}}}}}, \
         {{name: special, path: /srv/special}}, {{name: good, path: /srv/good/c}}]",
        hook("exit 3"),
        hook("echo EOS_CAPTURE_PATH=nowhere")
    );
    let node = node("127.0.41.3", &sources);
    write(&node, "srv/file", "no directory");
    write(&node, "srv/text.db", "no database, only a text that is long enough to be looked at".repeat(20));
    for name in ["a", "b", "c"] {
        write(&node, &format!("srv/good/{name}/x"), name);
    }
    fs::create_dir_all(node.path("srv/special")).unwrap();
    let _socket = UnixListener::bind(node.path("srv/special/socket")).unwrap();
    refused(&node, &["gone"], 2, "EOS-T121");
    refused(&node, &["file"], 2, "EOS-T122");
    refused(&node, &["hooked"], 1, "EOS-T124");
    refused(&node, &["astray"], 1, "EOS-T125");
    refused(&node, &["text"], 1, "EOS-T126");
    refused(&node, &["special"], 1, "EOS-T032");
    refused(&node, &["nosuch"], 2, "EOS-U002");
    let run = node.eos(&["snapshot", "create", "--output", "json"]).ends_with(2);
    let verdict = run.verdict();
    assert_eq!(verdict["result"]["snapshots"][0]["source"], "good", "{verdict}");
    assert_eq!(verdict["result"]["failed"].as_array().unwrap().len(), 6);
    let text = fs::read(node.path("var/lib/eos/snapshots/tally.json")).unwrap();
    let captures = &serde_json::from_slice::<Value>(&text).unwrap()["captures"];
    let failures = &captures["failures"];
    assert_eq!((&captures["count"], &failures["EOS-T121"]), (&Value::from(1), &Value::from(2)), "{captures}");
    assert_eq!(failures["EOS-U002"], 1, "{captures}");
}

/// The state of a process, one letter.
fn state(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1[..1].to_owned()
}

#[test]
fn writers_that_a_killed_capture_held_off_go_on_within_seconds_while_the_agent_runs() {
    let hook = |line: &str| format!("{{command: [/bin/sh, -c, '{line}']}}");
    let node = node("127.0.41.4", "[]");
    let log = node.path("hooks").display().to_string();
    // The capture stands still between its hooks, with writers held off.
    let sources = format!(
        "[{{name: metrics, path: /srv/metrics, hooks: {{before_capture: {}, after_capture: {}}}}}]",
        hook(&format!("echo before >> {log}; test -e {log}.once || kill -STOP $PPID")),
        hook(&format!("echo after >> {log}"))
    );
    configure(&node, &sources);
    write(&node, "srv/metrics/a", "content");
    let agent = node.status()["local"]["services"]["eos-agent"]["pid"].clone();
    let mut capture = node.command(&["snapshot", "create"]).spawn().unwrap();
    assert!(eventually(SOON, || state(capture.id()) == "T"));
    let heard = || fs::read_to_string(&log).unwrap();
    assert_eq!(heard(), "before\n");
    capture.kill().unwrap();
    capture.wait().unwrap();
    let killed = Instant::now();
    assert!(eventually(SOON, || heard() == "before\nafter\n"), "{}", heard());
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    let records = node.path("var/lib/eos/snapshots/captures");
    assert!(
        eventually(SOON, || fs::read_dir(&records).unwrap().next().is_none()),
        "nothing is left to be done"
    );
    assert_eq!(node.status()["local"]["services"]["eos-agent"]["pid"], agent, "no start of the agent did it");

    // Nobody finds the source busy afterwards, and what is ended stays ended.
    fs::write(format!("{log}.once"), "").unwrap();
    create(&node, &[]);
    assert_eq!(heard(), "before\nafter\nbefore\nafter\n");
    node.eos(&["snapshot", "recover", "--output", "json"]).ends_with(0);
}

#[test]
fn what_a_capture_and_a_restore_really_did_is_what_the_metrics_tell() {
    let hook = |line: &str| format!("{{command: [/bin/sh, -c, '{line}']}}");
    let sources = format!(
        "[{{name: metrics, path: /srv/metrics, exclude: ['*.tmp'], hooks: {{before_capture: {}, \
         after_capture: {}, before_restore: {}}}}}]",
        hook("sleep 0.4"),
        hook("true"),
        hook("sleep 0.3")
    );
    let node = node("127.0.41.5", &sources);
    write(&node, "srv/metrics/a", "content");
    for name in ["x.tmp", "y.tmp", "z.tmp"] {
        write(&node, &format!("srv/metrics/{name}"), "left out");
    }
    let tally = || -> Value {
        let text = fs::read(node.path("var/lib/eos/snapshots/tally.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let made = create(&node, &[])["result"]["snapshots"][0].clone();
    let captures = tally()["captures"].clone();
    assert_eq!((&made["excluded"], &captures["excluded"]), (&Value::from(3), &Value::from(3)));
    assert_eq!(made["paused_milliseconds"], captures["paused_milliseconds"]);
    let paused = captures["paused_milliseconds"].as_u64().unwrap();
    assert!((400..=made["milliseconds"].as_u64().unwrap()).contains(&paused), "{made}");
    let again = create(&node, &[])["result"]["snapshots"][0]["paused_milliseconds"].as_u64().unwrap();
    assert_eq!(tally()["captures"]["paused_milliseconds"], paused + again, "they add up");

    write(&node, "srv/metrics/a", "changed");
    let line = ["snapshot", "restore", "metrics", "--output", "json"];
    let restored = node.eos(&line).ends_with(0).verdict()["result"].clone();
    let restores = tally()["restores"].clone();
    assert_eq!(restored["applying_milliseconds"], tally()["applying_milliseconds"], "{restored} {}", tally());
    let applying = restored["applying_milliseconds"].as_u64().unwrap();
    assert!(applying >= 300 && restores["milliseconds"].as_u64().unwrap() >= applying, "{restores}");
    // And so the agent tells it.
    let told = [
        ("eos_agent_snapshot_capture_excluded_total", 6),
        ("eos_agent_snapshot_capture_paused_milliseconds_total", paused + again),
        ("eos_agent_snapshot_restore_applying_milliseconds_total", applying),
    ];
    for (name, value) in told {
        assert_eq!(metric(&node.address, 4506, name), value, "{name}");
    }
}

/// The files that the last line of progress tells of, as JSON.
#[track_caller]
fn told_files(node: &Machine, line: &str) -> (u64, u64) {
    let all: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    let run = node.eos(&all).ends_with(0);
    let mut events = run.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let last = events.rfind(|event| event["event"] == "transfer");
    let last = last.unwrap_or_else(|| panic!("{line}: no progress in {}", run.stdout));
    assert_eq!(last["done_bytes"], last["total_bytes"], "{line}: {last}");
    assert!(last["rate"].is_u64() && last["remaining_ms"] == 0, "{line}: {last}");
    (last["files"]["done"].as_u64().unwrap(), last["files"]["total"].as_u64().unwrap())
}

#[test]
fn captures_archives_and_verification_tell_of_files_besides_bytes_in_text_and_json() {
    let node = node("127.0.41.6", "[{name: metrics, path: /srv/metrics}]");
    for number in 0..30u8 {
        write(&node, &format!("srv/metrics/{number}"), vec![number; 5000 * usize::from(number)]);
    }
    let (folder, archive) = (node.path("srv/metrics"), node.path("archive.tar.zst"));
    let (folder, archive) = (folder.display().to_string(), archive.display().to_string());
    let into = node.path("unpacked").display().to_string();
    assert_eq!(told_files(&node, "snapshot create metrics"), (30, 30));
    // Of a second capture only what changed is read.
    write(&node, "srv/metrics/7", "changed");
    assert_eq!(
        told_files(&node, "snapshot create metrics"),
        (2, 2),
        "and an empty one, which has no content to borrow"
    );
    let listed = node.eos(&["snapshot", "list", "--output", "json"]).ends_with(0).verdict();
    let all = listed["result"]["snapshots"].as_array().unwrap();
    let one = all.iter().find(|one| one["source"] == "metrics" && one["full"] == false).unwrap();
    let id = one["id"].as_str().unwrap();
    assert_eq!(told_files(&node, &format!("snapshot verify {id}")), (30, 30));
    assert_eq!(told_files(&node, &format!("snapshot pack {folder} -o {archive}")), (30, 30));
    // Its end alone tells how many there are in an archive.
    assert_eq!(told_files(&node, &format!("snapshot unpack {archive} --into {into}")), (30, 0));

    let text = |line: &str| node.eos(&line.split(' ').collect::<Vec<_>>()).ends_with(0).stderr;
    let told = text(&format!("snapshot verify {id}"));
    assert!(told.contains(", 30 of 30 files"), "{told}");
    let told = text(&format!("snapshot unpack {archive} --into {into}-again"));
    assert!(told.contains(", 30 files") && !told.contains(" of 0 files"), "{told}");
}

#[test]
fn writers_of_a_capture_that_is_killed_while_its_hook_runs_go_on_after_that_hook_has_ended() {
    let hook = |line: &str| format!("{{command: [/bin/sh, -c, '{line}'], timeout_seconds: 120}}");
    let node = node("127.0.41.7", "[]");
    let (log, go) = (node.path("hooks").display().to_string(), node.path("go").display().to_string());
    let before = format!("kill -KILL $PPID; until test -e {go}; do sleep 0.05; done; echo before >> {log}");
    let sources = format!(
        "[{{name: metrics, path: /srv/metrics, hooks: {{before_capture: {}, after_capture: {}}}}}]",
        hook(&before),
        hook(&format!("echo after >> {log}"))
    );
    configure(&node, &sources);
    write(&node, "srv/metrics/a", "content");
    assert_eq!(node.eos(&["snapshot", "create"]).status, None, "it was killed");
    let recovered = node.eos(&["snapshot", "recover", "--output", "json"]).ends_with(0).verdict();
    assert_eq!(recovered["outcome"], "no-change", "{recovered}");
    let run = node.eos(&["snapshot", "create"]).ends_with(7);
    assert!(run.stderr.contains("the hook before_capture of a capture that was killed"), "{}", run.stderr);
    assert!(!node.path("hooks").exists(), "nobody has run the other hook");
    fs::write(&go, "").unwrap();
    let heard = || fs::read_to_string(&log).unwrap_or_default();
    assert!(eventually(SOON, || heard() == "before\nafter\n"), "{}", heard());
}

#[test]
fn a_snapshot_that_is_exported_is_restored_by_zstd_and_tar_as_its_command_says() {
    let node = node("127.0.41.18", "[{name: metrics, path: /srv/metrics}]");
    write(&node, "srv/metrics/sub/a", "content");
    write(&node, "srv/metrics/b", vec![7; 100_000]);
    let made = create(&node, &[]);
    let id = made["result"]["snapshots"][0]["id"].as_str().unwrap();
    let shown = node.eos(&["snapshot", "show", id]).ends_with(0).stdout;
    assert!(shown.contains(&format!("by hand     eos snapshot export {} DIR\n", &id[..8])), "{shown}");
    let into = node.path("usb stick");
    let export = ["snapshot", "export", &id[..8], into.to_str().unwrap()];
    let told = node.eos(&[&export[..], &["--output", "json"]].concat()).ends_with(0).verdict();
    let command = told["result"]["restore_command"].as_str().unwrap();
    assert!(into.join("manifest.json").exists(), "{told}");
    let out = node.path("out");
    fs::create_dir(&out).unwrap();
    let script = format!("set -o pipefail; {command}");
    assert!(Command::new("bash").args(["-c", &script]).current_dir(&out).status().unwrap().success());
    let differ =
        Command::new("diff").arg("-r").args([out.join("metrics"), node.path("srv/metrics")]).status();
    assert!(differ.unwrap().success());

    let again = node.eos(&export).ends_with(1).stderr;
    assert!(again.contains("error[EOS-T111]") && into.join("manifest.json").exists(), "{again}");
    write(&node, "srv/metrics/c", "more");
    let made = create(&node, &[]);
    let id = made["result"]["snapshots"][0]["id"].as_str().unwrap();
    let other = node.path("other");
    let refused = node.eos(&["snapshot", "export", id, other.to_str().unwrap()]).ends_with(1).stderr;
    assert!(refused.contains("error[EOS-T120]") && !other.exists(), "{refused}");
}

#[test]
fn a_download_that_was_interrupted_is_listed_and_removed_when_somebody_says_so() {
    let node = node("127.0.41.19", "[{name: metrics, path: /srv/metrics}]");
    write(&node, "srv/metrics/a", "content");
    create(&node, &[]);
    let begun = node.path("var/lib/eos/snapshots/partial/b3-0123456789abcdef");
    fs::create_dir_all(&begun).unwrap();
    fs::write(begun.join("x.partial"), vec![7; 100_000]).unwrap();
    let listed = node.eos(&["snapshot", "list", "--output", "json"]).ends_with(0).verdict();
    let [download] = &listed["result"]["downloads"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&download["id"], &download["runs"]), (&"b3-0123456789abcdef".into(), &false.into()));
    let text = node.eos(&["snapshot", "list"]).ends_with(0).stdout;
    assert!(text.contains("interrupted") && text.contains("eos snapshot prune --downloads"), "{text}");
    let kept = node.eos(&["snapshot", "prune", "--keep", "1", "--output", "json"]).ends_with(0).verdict();
    assert_eq!((&kept["outcome"], begun.exists()), (&"no-change".into(), true));
    for (more, outcome, left) in [(&["--dry-run"][..], "planned", true), (&[], "done", false)] {
        let line = [&["snapshot", "prune", "--downloads", "--output", "json"], more].concat();
        let pruned = node.eos(&line).ends_with(0).verdict();
        assert_eq!((&pruned["outcome"], begun.exists()), (&outcome.into(), left), "{pruned}");
        let [gone] = &pruned["result"]["downloads"].as_array().unwrap()[..] else { panic!("{pruned}") };
        assert_eq!(gone["bytes"], pruned["result"]["freed_bytes"]);
    }
}

#[test]
fn a_place_whose_path_is_no_utf_8_is_refused_and_nothing_is_made_in_its_stead() {
    use std::os::unix::ffi::OsStrExt;
    let node = node("127.0.41.20", "[{name: metrics, path: /srv/metrics}]");
    write(&node, "srv/metrics/a", "content");
    let made = create(&node, &[]);
    let id = made["result"]["snapshots"][0]["id"].as_str().unwrap();
    let out = node.path("out");
    fs::create_dir(&out).unwrap();
    let odd = out.join(std::ffi::OsStr::from_bytes(b"\xffplace"));
    let mut command = node.command(&["snapshot", "restore", id, "--into"]);
    let run = command.arg(&odd).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(said.contains("the path is no UTF-8"), "{said}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    node.eos(&["snapshot", "restore", id, "--into", out.join("plain").to_str().unwrap()]).ends_with(0);
}
