//! Snapshots of a node's own data put in place: by a person on a member, and by a join on a new one.

mod verified;

use crate::support::{Machine, Run, assert_same, eventually};
use eos::host::directory::Directory;
use eos::host::inventory::Inventory;
use eos::identity::authority::{Authority, Grant};
use eos::identity::certificate::Subject;
use eos::identity::key::PrivateKey;
use eos::model::digest::Digest;
use eos::model::ids::ClusterId;
use eos::model::progress::Silent;
use eos::snapshot::capture::{self, Source};
use eos::snapshot::manifest::{Metadata, Name, SealError, Signer};
use eos::snapshot::pack::Cut;
use eos::snapshot::store::DiskStore;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

/// The configuration of a source whose hooks write down that they ran.
pub fn sources(machine: &Machine, roles: &str, healthy: &str) -> String {
    let log = machine.path("log").display().to_string();
    let hook = |what: &str| format!("{{command: [/bin/sh, -c, \"echo {what} >> {log}\"]}}");
    format!(
        "snapshot:\n  sources:\n    - name: metrics\n      path: /srv/metrics\n      roles: [{roles}]\n      \
         hooks:\n        before_restore: {}\n        after_restore: {}\n        healthy: {{command: [{healthy}], \
         timeout_seconds: 2}}\n",
        hook("before"),
        hook("after")
    )
}

/// A tree with all that a restore must bring back.
pub fn fill(top: &Path, what: &str) {
    fs::create_dir_all(top.join("sub/empty")).unwrap();
    fs::write(top.join("which"), what).unwrap();
    fs::write(top.join("sub/large"), vec![b'x'; 300_000]).unwrap();
    fs::hard_link(top.join("which"), top.join("sub/again")).unwrap();
    symlink("../which", top.join("sub/link")).unwrap();
    fs::set_permissions(top.join("which"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(top, fs::Permissions::from_mode(0o751)).unwrap();
    std::os::unix::fs::chown(top.join("which"), Some(12), Some(34)).unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    for (name, value) in [("which", b"mine"), ("sub", b"less"), ("", b"more")] {
        rustix::fs::setxattr(top.join(name), "user.note", value, flags).unwrap();
    }
}

struct Master {
    key: PrivateKey,
    certificate: String,
}

impl Signer for Master {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key.sign(message).map_err(Into::into)
    }

    fn certificate_pem(&self) -> &str {
        &self.certificate
    }
}

fn snapshot(machine: &Machine, seconds: i64) -> String {
    snapshot_by(machine, machine, seconds)
}

/// A snapshot of `/srv/metrics` in the machine's own store, made at this second and signed by the master.
pub fn snapshot_by(machine: &Machine, master: &Machine, seconds: i64) -> String {
    let store = machine.path("var/lib/eos/snapshots");
    fs::create_dir_all(&store).unwrap();
    let store = DiskStore::open(Directory::open(&store).unwrap()).unwrap();
    let tree = Directory::open(&machine.path("srv/metrics")).unwrap();
    let sources = [Source::Tree { directory: &tree, prefix: Name::new("metrics"), exclude: Vec::new() }];
    let state = |name: &str| master.path("var/lib/eos/master").join(name);
    let cluster = ClusterId::parse("c1").unwrap();
    let authority =
        Authority::load(cluster.clone(), &state("authority.key"), &state("authority.crt")).unwrap();
    let key = PrivateKey::load(&state("server.key")).unwrap();
    let grant = Grant { subject: Subject::Master, now: eos::host::clock::now_seconds() };
    let signer = Master { certificate: authority.sign_key(&key, &grant).unwrap(), key };
    let metadata = Metadata {
        cluster_id: cluster,
        created_at: jiff::Timestamp::from_second(seconds).unwrap(),
        eos_version: "0.1.0".to_owned(),
        generation: 1,
        source: "metrics".to_owned(),
    };
    capture::create(&store, &sources, &metadata, Cut::default(), &signer, &Silent).unwrap().to_string()
}

fn json(machine: &Machine, line: &str, status: i32) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    machine.eos(&arguments).ends_with(status).verdict()["result"].clone()
}

fn code(machine: &Machine, line: &str, status: i32) -> String {
    json(machine, line, status)["error"]["code"].as_str().unwrap().to_owned()
}

/// What commands did, as the node's store counted it.
fn tally(machine: &Machine) -> Value {
    serde_json::from_slice(&fs::read(machine.path("var/lib/eos/snapshots/tally.json")).unwrap()).unwrap()
}

/// The extended attributes of users, by name.
fn extended(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = vec![0; 4096];
    // Links have none.
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = String::from_utf8(names[..length].to_vec()).unwrap();
    let value = |name: &str| {
        let mut value = vec![0; 4096];
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).unwrap();
        (name.to_owned(), value[..length].to_vec())
    };
    let mut all: Vec<_> =
        names.split_terminator('\0').filter(|name| name.starts_with("user.")).map(value).collect();
    all.sort();
    all
}

/// Everything of a tree: contents, times, extended attributes and which names are one file.
pub fn whole(top: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![top.to_owned()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let names: Vec<String> = match found.is_dir() {
            true => {
                fs::read_dir(&path).unwrap().map(|one| one.unwrap().path().display().to_string()).collect()
            }
            false => Vec::new(),
        };
        waiting.extend(names.iter().map(Into::into));
        let content = found.is_file().then(|| Digest::of(&fs::read(&path).unwrap()));
        let content = content.map_or_else(String::new, |digest| digest.to_string());
        let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
        lines.push(format!(
            "{} {:o} {}:{} {seconds}.{nanoseconds} {} {} {content} {:?} {:?}",
            path.strip_prefix(top).unwrap().display(),
            found.mode(),
            found.uid(),
            found.gid(),
            if found.is_file() { found.nlink() } else { 0 },
            if found.is_file() { found.len() } else { 0 },
            extended(&path),
            fs::read_link(&path).ok(),
        ));
    }
    lines.sort();
    lines
}

/// What was there before goes on demand, and then there is nothing to return to.
#[track_caller]
fn assert_freed(node: &Machine) {
    let kept = node.path("srv/.metrics.eos/previous");
    let planned = json(node, "snapshot prune --previous metrics --dry-run", 0);
    assert_eq!(planned["previous"][0]["path"], kept.display().to_string(), "{planned}");
    assert!(planned["previous"][0]["bytes"].as_u64().unwrap() >= 300_000 && kept.is_dir(), "{planned}");
    assert_eq!(code(node, "snapshot prune --previous nobody", 2), "EOS-U030");
    // As a join leaves it that has restored and is not confirmed.
    node.put("var/lib/eos/restores/joined.yaml", "", 0o600);
    assert_eq!(code(node, "snapshot prune --previous metrics", 7), "EOS-U033");
    fs::remove_file(node.path("var/lib/eos/restores/joined.yaml")).unwrap();
    assert_eq!(json(node, "snapshot prune --previous metrics", 0)["previous"], planned["previous"]);
    assert!(!node.path("srv/.metrics.eos").exists());
    let again = node.eos(&["snapshot", "prune", "--previous", "metrics"]).ends_with(0);
    assert_eq!(again.stdout, "nothing is kept from before the last restore of metrics\n");
    assert_eq!(code(node, "snapshot restore metrics --previous", 2), "EOS-T224");
}

/// `older` stands, and `id` was restored last and taken back.
#[track_caller]
fn assert_told(node: &Machine, older: &str, id: &str) {
    let told = &json(node, "status", 0)["local"]["restores"][0];
    assert_eq!((&told["source"], &told["id"]), (&Value::from("metrics"), &Value::from(older)));
    assert_eq!(
        [&told["has_previous"], &told["last_attempt"]["id"], &told["last_attempt"]["outcome"]],
        [&Value::from(true), &Value::from(id), &Value::from("taken-back")]
    );
    let listed = json(node, "snapshot list", 0);
    let of = |id: &str| listed["snapshots"].as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap();
    assert!(of(older)["restored_at"].is_string() && of(id)["restored_at"].is_null(), "{listed}");
    assert_eq!((&of(id)["full"], &of(id)["generation"]), (&Value::from(true), &Value::from(1)));
    assert!(of(id)["store"].as_str().unwrap().ends_with("/var/lib/eos/snapshots"), "{listed}");
    let text = json(node, &format!("snapshot show {id}"), 0)["restore"].as_str().unwrap().to_owned();
    assert!(text.contains("was taken back at") && text.ends_with("[EOS-T216]"), "{text}");
}

/// The record of this kind that a node keeps of its restores of metrics.
fn record(node: &Machine, kind: &str) -> Value {
    let path = node.path(&format!("var/lib/eos/restores/{kind}/metrics.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What the node wrote down of its restores, oldest first.
fn history(node: &Machine) -> Vec<Value> {
    let text = fs::read_to_string(node.path("var/lib/eos/restores/history/entries.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The line of the log that tells of a restore, by its fields.
#[track_caller]
fn told_in_log(node: &Machine, line: &str) -> String {
    let mut command = node.command(&line.split(' ').collect::<Vec<_>>());
    let run = Run::from(command.env("EOS_LOG", "info").output().unwrap()).ends_with(0);
    let told: Vec<&str> = run.stderr.lines().filter(|line| line.contains("restored source=")).collect();
    assert_eq!(told.len(), 1, "{}", run.stderr);
    told[0].to_owned()
}

/// All of it stays on the disk, whatever the log is told to leave out: two restores, a way back, and now one to
/// another place.
#[track_caller]
fn is_in_history(node: &Machine, (first, second): (&str, &str), from: &Value, bytes: usize) {
    let into = node.path("elsewhere");
    json(node, &format!("snapshot restore {second} --into {}", into.display()), 0);
    let told: Vec<_> = history(node)
        .into_iter()
        .map(|one| (one["kind"].clone(), one["now"]["id"].clone(), one["before"].clone()))
        .collect();
    let [one, two] = [first, second].map(Value::from);
    assert_eq!(
        told,
        [
            ("restore".into(), one.clone(), Value::Null),
            ("restore".into(), two.clone(), one.clone()),
            ("previous".into(), one, two.clone()),
            ("into".into(), two, Value::Null),
        ]
    );
    let [.., last] = &history(node)[..] else { panic!("there are four") };
    assert_eq!((&last["now"]["from"], &last["now"]["restored_bytes"]), (from, &bytes.into()));
    assert_eq!((&last["version"], &last["target"]), (&1.into(), &into.display().to_string().into()));
}

#[test]
fn the_log_and_the_records_say_what_was_restored_from_where_how_much_and_what_stood_there_before() {
    let node = Machine::empty("127.0.41.30", "node1");
    node.put("etc/eos/cluster.yaml", &sources(&node, "", "/bin/true"), 0o644);
    node.found();
    let top = node.path("srv/metrics");
    fill(&top, "first");
    let first = snapshot(&node, 100);
    fs::write(top.join("which"), "second").unwrap();
    let second = snapshot(&node, 200);
    fs::write(top.join("which"), "third").unwrap();
    let bytes = 300_000 + "second".len();
    let line = told_in_log(&node, &format!("snapshot restore {first}"));
    assert!(line.contains(&format!("snapshot=\"{first}\"")) && !line.contains("before="), "{line}");
    let line = told_in_log(&node, "snapshot restore metrics");
    let from = serde_json::json!([node.path("var/lib/eos/snapshots").display().to_string()]);
    for field in [
        "source=\"metrics\"".to_owned(),
        "target=\"/srv/metrics\"".to_owned(),
        format!("snapshot=\"{second}\""),
        format!("before=\"{first}\""),
        format!("from={from}"),
        "received_bytes=0".to_owned(),
        format!("restored_bytes={bytes}"),
    ] {
        assert!(line.contains(&field), "{field} is not in {line}");
    }
    let (last, ended) = (record(&node, "last"), record(&node, "ended"));
    assert_eq!(
        [&last["now"]["id"], &last["previous"]["id"], &last["source"], &last["has_previous"]],
        [&Value::from(second.as_str()), &first.as_str().into(), &"metrics".into(), &true.into()]
    );
    assert_eq!((&last["now"]["from"], &last["now"]["received_bytes"]), (&from, &0.into()));
    assert_eq!((&last["now"]["restored_bytes"], &last["now"]["generation"]), (&bytes.into(), &1.into()));
    assert_eq!(
        [&ended["version"], &ended["source"], &ended["id"], &ended["code"]],
        [&Value::from(1), &"metrics".into(), &second.as_str().into(), &Value::Null]
    );
    let when = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(when(&ended["ended_at"]) >= when(&last["now"]["restored_at"]), "{ended} {last}");

    // The way back is told like the way there, and one that does not stay changes only how the last one ended.
    let line = told_in_log(&node, "snapshot restore metrics --previous");
    assert!(line.contains(&format!("snapshot=\"{first}\"")), "{line}");
    assert!(line.contains(&format!("before=\"{second}\"")), "{line}");
    let stands = record(&node, "last");
    node.put("etc/eos/cluster.yaml.d/sick.yaml", &sources(&node, "", "/bin/false"), 0o644);
    assert_eq!(code(&node, "snapshot restore metrics", 1), "EOS-T216");
    let ended = record(&node, "ended");
    assert_eq!((&ended["id"], &ended["code"]), (&second.as_str().into(), &"EOS-T216".into()));
    assert_eq!(record(&node, "last"), stands);

    is_in_history(&node, (&first, &second), &from, bytes);
}

#[test]
fn a_source_is_restored_between_its_hooks_and_what_was_there_returns_on_demand() {
    let node = Machine::empty("127.0.44.1", "node1");
    node.put("etc/eos/cluster.yaml", &sources(&node, "", "/bin/true"), 0o644);
    node.found();
    assert_eq!(code(&node, "snapshot restore nobody --previous", 2), "EOS-U030");
    assert_eq!(code(&node, "snapshot restore metrics", 2), "EOS-U031");
    let top = node.path("srv/metrics");
    fill(&top, "first");
    let captured = whole(&top);
    let id = snapshot(&node, 100);
    fs::write(top.join("which"), "second").unwrap();
    let changed = whole(&top);
    let done = json(&node, "snapshot restore metrics", 0);
    assert_eq!((&done["id"], &done["received_bytes"]), (&Value::from(id.as_str()), &Value::from(0)));
    assert!(done["seeded_bytes"].as_u64().unwrap() >= 300_000, "{done}");
    assert_eq!(whole(&top), captured);
    assert_eq!(fs::read_to_string(node.path("log")).unwrap(), "before\nafter\n");
    assert_eq!(code(&node, &format!("snapshot restore {id} --from nowhere"), 2), "EOS-U032");

    let older = snapshot(&node, 50);
    assert_eq!(code(&node, &format!("snapshot restore {older}"), 7), "EOS-T209");
    assert_eq!(whole(&top), captured);
    json(&node, "snapshot restore metrics --previous", 0);
    assert_eq!(whole(&top), changed);
    json(&node, "snapshot restore metrics --previous", 0);
    assert_freed(&node);
    json(&node, &format!("snapshot restore {older} --older"), 0);
    let into = node.path("elsewhere");
    let text = node.eos(&["snapshot", "restore", "metrics", "--into", into.to_str().unwrap()]).ends_with(0);
    assert!(text.stdout.contains(" restored to "), "{}", text.stdout);
    assert_eq!(whole(&into), captured);
    let before: Inventory = node.tree();
    node.put("etc/eos/cluster.yaml.d/sick.yaml", &sources(&node, "", "/bin/false"), 0o644);
    assert_eq!(code(&node, &format!("snapshot restore {id}"), 1), "EOS-T216");
    assert_told(&node, &older, &id);
    let restores = &tally(&node)["restores"];
    let failures = serde_json::json!({
        "EOS-T209": 1, "EOS-T216": 1, "EOS-T224": 1, "EOS-U030": 1, "EOS-U031": 1, "EOS-U032": 1
    });
    assert_eq!((&restores["count"], &restores["failures"]), (&Value::from(5), &failures), "{restores}");
    fs::remove_dir_all(node.path("etc/eos/cluster.yaml.d")).unwrap();
    fs::copy(node.path("log"), node.path("elsewhere/log")).unwrap();
    let now = node.tree();
    let data = |inventory: &Inventory| -> Vec<String> {
        let nodes = inventory.nodes().iter().filter(|(path, _)| path.starts_with("srv"));
        nodes.map(|(path, node)| format!("{path} {node:?}")).collect()
    };
    assert_eq!(data(&before), data(&now));
}

#[test]
fn a_refused_restore_leaves_nothing_beside_its_target_and_a_reset_tells_what_goes_and_what_stays() {
    let node = Machine::empty("127.0.54.1", "node1");
    node.put("etc/eos/cluster.yaml", &sources(&node, "", "/bin/true"), 0o644);
    node.found();
    let (top, area) = (node.path("srv/metrics"), node.path("srv/.metrics.eos"));
    fill(&top, "older");
    let older = snapshot(&node, 50);
    symlink("/etc/passwd", top.join("out")).unwrap();
    let outside = snapshot(&node, 60);
    fs::remove_file(top.join("out")).unwrap();
    fs::write(top.join("which"), "newer").unwrap();
    snapshot(&node, 100);
    json(&node, "snapshot restore metrics", 0);
    fs::remove_dir_all(&area).unwrap();
    assert_eq!(code(&node, &format!("snapshot restore {older}"), 7), "EOS-T209");
    assert!(!area.exists(), "older");
    assert_eq!(code(&node, &format!("snapshot restore {outside} --older"), 1), "EOS-T065");
    assert!(!area.exists(), "refused for what is in it");
    json(&node, &format!("snapshot restore {older} --older"), 0);
    let reset = node.eos(&["reset", "--output", "json"]).ends_with(0);
    let result = &reset.verdict()["result"];
    assert_eq!(result["removed_snapshots"]["metrics"], 3, "{result}");
    assert_eq!(result["left"], serde_json::json!([format!("{}: previous", area.display())]));
    assert!(reset.stdout.contains("also where no other node has them: "), "{}", reset.stdout);
    assert!(area.join("previous").is_dir() && top.is_dir() && !node.path("var/lib/eos").exists());
}

/// The first run of the hook kills the restore right after the exchange; each later one ends with this status.
fn killing(node: &Machine, status: u8, healthy: &str) -> String {
    let killed = node.path("killed").display().to_string();
    let after = format!("test -e {killed} || {{ touch {killed}; kill -KILL $PPID; exit 1; }}; exit {status}");
    format!(
        "snapshot:\n  sources:\n    - name: metrics\n      path: /srv/metrics\n      hooks:\n        \
         after_restore: {{command: [/bin/sh, -c, \"{after}\"]}}\n        \
         healthy: {{command: [{healthy}], timeout_seconds: 1}}\n",
    )
}

#[test]
fn what_a_crash_left_of_a_restore_is_finished_or_taken_back_on_demand() {
    let node = Machine::empty("127.0.44.5", "node1");
    node.found();
    let nothing = node.eos(&["snapshot", "recover", "--output", "json"]).ends_with(0).verdict();
    assert_eq!(nothing["outcome"], "no-change", "{nothing}");
    let which = node.path("srv/metrics/which");
    fill(&node.path("srv/metrics"), "captured");
    let id = snapshot(&node, 100);
    for (status, healthy, exit, outcome, stands, code) in [
        (0, "/bin/true", 0, "kept", "captured", Value::Null),
        (0, "/bin/false", 0, "returned", "changed", "EOS-T216".into()),
        (1, "/bin/true", 6, "returned", "changed", "EOS-T217".into()),
    ] {
        node.put("etc/eos/cluster.yaml.d/sources.yaml", &killing(&node, status, healthy), 0o644);
        fs::write(&which, "changed").unwrap();
        let run = node.eos(&["snapshot", "restore", &id]);
        assert!(run.status != Some(0), "it was killed: {run:?}");
        assert_eq!(fs::read_to_string(&which).unwrap(), "captured");
        let found = json(&node, "snapshot recover", exit);
        let one = &found["restores"][0];
        assert_eq!(
            (&one["outcome"], &one["source"], &one["code"]),
            (&outcome.into(), &"metrics".into(), &code)
        );
        assert_eq!(fs::read_to_string(&which).unwrap(), stands, "{found}");
        assert_eq!(json(&node, "snapshot recover", 0)["restores"], Value::Array(Vec::new()));
        let ended = &json(&node, "status", 0)["local"]["restores"][0]["last_attempt"];
        assert_eq!((&ended["id"], &ended["code"]), (&Value::from(id.as_str()), &code));
        fs::remove_file(node.path("killed")).unwrap();
    }
}

/// Joins by a token, with these in the environment.
pub fn joined(node: &Machine, master: &Machine, more: &[(&str, &str)]) -> Run {
    let mut command = node.command(&node.join(master));
    command.env("EOS_TOKEN", master.token()).envs(more.iter().copied());
    command.output().unwrap().into()
}

#[test]
fn a_joining_node_has_the_data_of_its_role_and_one_that_fails_has_what_it_had() {
    let (master, node) = (Machine::empty("127.0.44.2", "node1"), Machine::empty("127.0.44.3", "node2"));
    master.put("etc/eos/cluster.yaml", &sources(&master, "core, data, edge, compute", "/bin/true"), 0o644);
    master.found();
    fill(&master.path("srv/metrics"), "data");
    let early = joined(&node, &master, &[("EOS_TEST_PANIC", "start-agent")]);
    assert!(early.stderr.contains("no node has a snapshot of metrics yet"), "{}", early.stderr);
    node.eos(&["rollback"]).ends_with(0);
    snapshot(&master, 100);
    let address: std::net::IpAddr = master.address.parse().unwrap();
    let client = eos::steps::env::member_client(&master.root(), (address, 4507).into(), address).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = || runtime.block_on(client.holders("metrics")).is_ok();
    assert!(eventually(Duration::from_secs(20), told), "the master does not hear of the snapshot");
    for occupied in [false, true] {
        if occupied {
            fill(&node.path("srv/metrics"), "mine");
        }
        let before = node.tree();
        joined(&node, &master, &[("EOS_TEST_PANIC", "start-agent")]);
        assert_eq!(whole(&node.path("srv/metrics")), whole(&master.path("srv/metrics")));
        node.eos(&["rollback"]).ends_with(0);
        assert_same(&before, &node.tree(), "after a join that failed");
    }
    joined(&node, &master, &[]).ends_with(0);
    assert_eq!(whole(&node.path("srv/metrics")), whole(&master.path("srv/metrics")));
    assert!(!node.path("log").exists(), "hooks of another machine are not run");
    assert!(fs::read(node.path("srv/.metrics.eos/previous/which")).unwrap() == b"mine");
    assert!(!node.path("var/lib/eos/restores/joined.yaml").exists());
    let restores = &tally(&node)["restores"];
    assert_eq!((&restores["count"], &restores["failures"]), (&Value::from(1), &serde_json::json!({})));
    assert!(restores["received_bytes"].as_u64().unwrap() > 0, "{restores}");
    let (last, from) =
        (record(&node, "last"), serde_json::json!([format!("node1 ({}:4506)", master.address)]));
    assert_eq!((&last["now"]["from"], &last["previous"]), (&from, &Value::Null), "{last}");
    assert_eq!(last["now"]["received_bytes"], restores["received_bytes"], "{last}");
}

#[test]
fn trees_that_differ_in_anything_at_all_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fill(&path("one"), "content");
    let first = whole(&path("one"));
    fill(&path("two"), "content");
    assert_eq!(first.len(), whole(&path("two")).len());
    let times = fs::metadata(path("one/which")).unwrap().modified().unwrap();
    let file = fs::OpenOptions::new().write(true).open(path("one/which")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"X", 3).unwrap();
    file.set_modified(times).unwrap();
    assert_ne!(whole(&path("one")), first, "one byte, of the same size and time");
    std::os::unix::fs::FileExt::write_all_at(&file, b"t", 3).unwrap();
    file.set_modified(times).unwrap();
    assert_eq!(whole(&path("one")), first);
    let replace = rustix::fs::XattrFlags::REPLACE;
    for name in ["", "sub", "which"] {
        let before = whole(&path("one"));
        rustix::fs::setxattr(path("one").join(name), "user.note", b"them", replace).unwrap();
        assert_ne!(whole(&path("one")), before, "an attribute of {name:?}");
    }
}
