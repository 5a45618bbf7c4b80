//! Errors provoked from outside, one line each: what is wrong, what is run, and the code that is told.

use crate::support::{Machine, Run, package};
use std::fs;
use std::path::Path;

/// The code that a command ended with.
#[track_caller]
fn tells(run: &Run, code: &str) {
    let found = run.stderr.split("error[").nth(1).and_then(|rest| rest.split(']').next());
    assert_eq!(found, Some(code), "stdout:\n{}\nstderr:\n{}", run.stdout, run.stderr);
    assert!(run.stderr.lines().any(|line| line.starts_with("hint: ")), "no hint in:\n{}", run.stderr);
}

/// The code and the whole text that a command ended with.
#[track_caller]
fn explained(run: &Run, code: &str, text: &str) {
    tells(run, code);
    let line = format!("error[{code}]: {text}\n");
    assert!(run.stderr.contains(&line), "no {line:?} in:\n{}", run.stderr);
}

/// A cluster configuration that is not one.
const CONFIGURATIONS: &[(&str, &str)] = &[
    ("EOS-C004", "node: [\n"),
    ("EOS-C005", "node:\n  name: a\n  name: b\n"),
    ("EOS-C021", "no keys"),
    ("EOS-C022", "cluster:\n  mastre: x\n"),
    ("EOS-C023", "cluster:\n  port: 70000\n"),
    (
        "EOS-C026",
        "storage: {thresholds: {warning: 80, compress: 70, cleanup: 85, degraded: 90, emergency: 93, \
         critical: 95}}\n",
    ),
    ("EOS-C029", "storage:\n  roles:\n    data:\n      classes:\n        expendable: [/srv/tmp]\n"),
    ("EOS-C039", "cluster:\n  port: 70000\n  mastre: x\n"),
];

#[test]
fn a_wrong_configuration_is_refused_with_its_code() {
    let machine = Machine::empty("127.0.74.10", "node1");
    let refused = |code: &str, text: &[u8]| {
        machine.put("etc/eos/cluster.yaml", "", 0o644);
        fs::write(machine.path("etc/eos/cluster.yaml"), text).unwrap();
        tells(&machine.eos(&["config", "validate"]).ends_with(2), code);
    };
    for (code, text) in CONFIGURATIONS {
        refused(code, text.as_bytes());
    }
    refused("EOS-C001", &vec![b'x'; 2_000_000]);
    refused("EOS-C002", b"\xff\xfe");
    let mut anchors = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(",");
        anchors.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    refused("EOS-C003", anchors.as_bytes());
    fs::remove_file(machine.path("etc/eos/cluster.yaml")).unwrap();
    let variable = machine.command(&["config", "validate"]).env("EOS_NODE_NAM", "x").output().unwrap();
    tells(&Run::from(variable).ends_with(2), "EOS-C024");
}

/// A file of nodes, and what `eos role plan` is given with it.
const NODES: &[(&str, &str, &[&str])] = &[
    ("EOS-R001", "version: 1\nnodes: []\n", &[]),
    ("EOS-R002", "version: 1\nnodes: [{name: n1}, {name: n1}]\n", &[]),
    ("EOS-R003", "version: 1\nnodes: [{name: n1, id: ab}, {name: n2, id: ab}]\n", &[]),
    ("EOS-R004", "version: 1\nnodes: [{name: n1, preferred: monolith}]\n", &[]),
    ("EOS-R007", "version: 1\nnodes: [{name: n1}]\n", &["--remove", "n9"]),
    ("EOS-R008", "version: 1\nnodes: [{name: n1}]\n", &["--add", "n1"]),
    ("EOS-R009", "version: 7\nnodes: []\n", &[]),
    ("EOS-C006", "version: 1\nnodes: [{nam: n1}]\n", &[]),
    ("EOS-C007", "version: x\nnodes: []\n", &[]),
];

#[test]
fn a_wrong_file_of_nodes_is_refused_with_its_code() {
    let machine = Machine::empty("127.0.74.11", "node1");
    for (code, text, more) in NODES {
        machine.put("nodes.yaml", text, 0o644);
        let file = machine.path("nodes.yaml").display().to_string();
        let mut arguments = vec!["role", "plan", "--file", &file];
        arguments.extend(*more);
        let run = machine.eos(&arguments);
        assert_ne!(run.status, Some(0), "{code}");
        tells(&run, code);
    }
}

#[test]
fn a_machine_that_is_no_member_refuses_what_only_a_member_does() {
    let machine = Machine::empty("127.0.74.12", "node1");
    let lines: &[(&str, &str)] = &[
        ("EOS-J030", "status"),
        ("EOS-U090", "explain X999"),
        ("EOS-P021", "preflight --skip-check memroy"),
        ("EOS-U002", "bootstrap --sinlge-node"),
        ("EOS-U010", "rollback --to 0009-nothing"),
        ("EOS-T022", "snapshot verify ab"),
        ("EOS-P020", "bootstrap --single-node --advertise-address 10.9.9.9"),
        ("EOS-U007", "bootstrap --join-cluster nosuch.invalid --timeout 2s"),
        ("EOS-J021", "bootstrap --join-cluster 127.0.74.99 --advertise-address 127.0.74.12 --timeout 1s"),
        ("EOS-H001", "role plan --file /nope"),
        ("EOS-U015", "config show --config /nope"),
        ("EOS-U016", "man /nope/man"),
    ];
    for (code, line) in lines {
        tells(&machine.eos(&line.split(' ').collect::<Vec<_>>()), code);
    }
    machine.put("token", " \n", 0o600);
    let empty = machine.path("token").display().to_string();
    for (file, why) in [("/nope", "it is not there"), (&empty, "it is empty")] {
        let run = machine.eos(&["bootstrap", "--join-cluster", "127.0.74.99", "--token-file", file]);
        explained(&run.ends_with(2), "EOS-U008", &format!("the token file {file} cannot be used: {why}"));
    }
    let run = machine.eos(&["bootstrap", "--auto-discover", "--advertise-address", "127.0.74.12"]);
    let text = "no cluster can be heard here; likely: the interface lo lacks the multicast flag";
    explained(&run.ends_with(4), "EOS-D001", text);
    let variables = [
        ("EOS-H060", "EOS_LOG", "eos=loud"),
        ("EOS-H062", "EOS_TELEMETRY_OTLP_ENDPOINT", "http://a b"),
        ("EOS-I010", "EOS_TOKEN", "hello"),
    ];
    for (code, name, value) in variables {
        let mut command =
            machine.command(&["bootstrap", "--join-cluster", "127.0.74.99", "--advertise-address"]);
        tells(&command.arg("127.0.74.12").env(name, value).output().unwrap().into(), code);
    }
    let script = "mkdir \"$0/gone\" && cd \"$0/gone\" && rmdir \"$0/gone\" && exec \"$1\" --root x status";
    let mut gone = std::process::Command::new("sh");
    gone.args(["-c", script]).arg(machine.path("")).arg(crate::support::EOS);
    tells(&gone.output().unwrap().into(), "EOS-U003");
}

/// A file of a member, what it is replaced with, and the command that finds out.
const DAMAGES: &[(&str, &str, &str, &str)] = &[
    ("EOS-I002", "var/lib/eos/identity/admin.key", "x", "token list"),
    ("EOS-A002", "var/lib/eos/identity/node.key", "x", "agent"),
    ("EOS-G001", "var/lib/eos/journal/0001-bootstrap.jsonl", "x\ny\n", "checkpoint list"),
    ("EOS-G003", "var/lib/eos/checkpoints/0001-bootstrap/checkpoint.json", "x", "checkpoint list"),
    ("EOS-U011", "var/lib/eos/master/audit.jsonl", "{}\n", "audit verify"),
    ("EOS-V001", "etc/eos/storage-ops.yaml", "x: 1\n", "storage cleanup --level cleanup"),
];

/// An edit of `storage-ops.yaml`.
const OPERATIONS: &[(&str, &str, &str)] = &[
    ("EOS-V002", "version: 1", "version: 2"),
    ("EOS-V003", "logs: 7", "logs: 0"),
    ("EOS-V004", "cleanup: 75", "cleanup: 70"),
    ("EOS-V005", "mounts:\n  - \"/\"\n", "mounts: []\n"),
    ("EOS-V006", "  - \"/\"\n", "  - \"var\"\n"),
    ("EOS-V007", "/var/cache/eos", "/etc/x"),
    ("EOS-V013", "actions:\n", "services: [eos-agent]\nactions:\n"),
    ("EOS-V014", "actions:\n", "notify: {webhook: 'https:///x'}\nactions:\n"),
    ("EOS-V015", "actions:\n", "budget: {files: 0}\nactions:\n"),
];

/// A command on the only node of a cluster that is refused.
const REFUSALS: &[(&str, &str)] = &[
    ("EOS-A003", "agent"),
    ("EOS-M012", "node show nobody"),
    ("EOS-M013", "node reject node1"),
    ("EOS-M014", "node remove node1"),
    ("EOS-M020", "master"),
    ("EOS-U005", "bootstrap --join-cluster 127.0.74.99"),
];

#[test]
fn what_is_damaged_on_a_member_is_told_with_its_code() {
    let machine = Machine::empty("127.0.74.13", "node1");
    machine.found();
    for (code, line) in REFUSALS {
        tells(&machine.eos(&line.split(' ').collect::<Vec<_>>()), code);
    }
    for (code, path, text, line) in DAMAGES {
        let kept = fs::read(machine.path(path)).unwrap();
        fs::write(machine.path(path), text).unwrap();
        tells(&machine.eos(&line.split(' ').collect::<Vec<_>>()), code);
        fs::write(machine.path(path), kept).unwrap();
    }
    machine.put("run/eos/order.json", "x", 0o600);
    tells(&machine.eos(&["state", "carry-out"]), "EOS-A004");
    let order = fs::read_to_string(package("tests/fixtures/v1/agent-order-addressed.json")).unwrap();
    machine.put("run/eos/order.json", &order, 0o600);
    tells(&machine.eos(&["state", "carry-out"]), "EOS-A006");
    assert!(!machine.path("run/eos/order.json").exists(), "it is gone");
    let edited = |path: &str, from: &str, to: &str, line: &str, code: &str| {
        let kept = fs::read_to_string(machine.path(path)).unwrap();
        assert!(kept.contains(from), "{code}: no {from:?} in:\n{kept}");
        fs::write(machine.path(path), kept.replace(from, to)).unwrap();
        tells(&machine.eos(&line.split(' ').collect::<Vec<_>>()), code);
        fs::write(machine.path(path), kept).unwrap();
    };
    for (code, from, to) in OPERATIONS {
        edited("etc/eos/storage-ops.yaml", from, to, "storage cleanup --level cleanup --dry-run", code);
    }
    let checkpoint = "var/lib/eos/checkpoints/0001-bootstrap/checkpoint.json";
    edited(checkpoint, "\"version\": 1", "\"version\": 9", "checkpoint list", "EOS-G002");
    machine.put("var/lib/eos/notes", "mine\n", 0o644);
    tells(&machine.eos(&["reset", "--verify"]).ends_with(1), "EOS-U012");
}

/// A state file that is not one.
const STATES: &[(&str, &str)] = &[
    ("EOS-S001", "include:\n  - storage.y\n"),
    ("EOS-S003", "{{ nope.x.y }}"),
    ("EOS-S004", "{% for i in range(100000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}"),
    ("EOS-S005", "a: [\n"),
    ("EOS-S006", "a:\n  file.absent:\n    - name: /x\na:\n  file.absent: []\n"),
    ("EOS-S007", "[1]\n"),
    ("EOS-S008", "exclude:\n  - a\n"),
    ("EOS-S009", "a:\n  file.mangaed:\n    - name: /x\n"),
    ("EOS-S010", "a:\n  file.absent:\n    - name: /x\n    - nmae: /y\n"),
    ("EOS-S011", "a:\n  file.managed:\n    - name: /x\n    - mode: zz\n"),
    ("EOS-S012", "a:\n  file.symlink:\n    - name: /x\n"),
    ("EOS-S014", "a:\n  file.absent:\n    - name: /x\n    - require:\n      - file: b\n"),
    (
        "EOS-S015",
        "a:\n  file.absent:\n    - name: /x\n    - require:\n      - file: b\nb:\n  file.absent:\n    \
         - name: /y\n    - require:\n      - file: a\n",
    ),
    ("EOS-S016", "a:\n  file.managed:\n    - name: /x\n    - source: salt://x\n"),
    ("EOS-S018", "extend:\n  a:\n    file:\n      - mode: 644\n"),
];

#[test]
fn a_wrong_state_is_refused_with_its_code() {
    let machine = Machine::empty("127.0.74.14", "node1");
    machine.found();
    let states = machine.path("var/lib/eos/cluster/states");
    let refused = |code: &str, top: &str, text: &[u8]| {
        fs::write(states.join("top.sls"), top).unwrap();
        fs::write(states.join(Path::new("x.sls")), text).unwrap();
        tells(&machine.eos(&["state", "show"]), code);
    };
    for (code, text) in STATES {
        refused(code, "base:\n  '*':\n    - x\n", text.as_bytes());
    }
    refused("EOS-S002", "base:\n  '*':\n    - x\n", b"\xff");
    refused("EOS-S017", "base:\n  'nobody':\n    - x\n", b"{}\n");
    fs::write(states.join("y.sls"), "a:\n  file.absent:\n    - name: /y\n").unwrap();
    let twice = "include:\n  - y\na:\n  file.absent:\n    - name: /x\n";
    refused("EOS-S013", "base:\n  '*':\n    - x\n", twice.as_bytes());
    fs::write(states.join("x.sls"), "ann:\n  user.present: []\n").unwrap();
    let text = format!(
        "state ann (user.present) at x.sls:2 changes the machine itself, and the root is {}",
        machine.path("").display()
    );
    let run = machine.eos(&["state", "apply"]).ends_with(2);
    explained(&run, "EOS-S035", text.trim_end_matches('/'));
}

#[test]
fn a_command_for_the_masters_host_and_a_damaged_registry_are_told_with_their_codes() {
    let master = Machine::empty("127.0.74.15", "node1");
    master.put("etc/eos/cluster.yaml", "storage:\n  mode: observe\n", 0o644);
    master.found();
    let member = Machine::empty("127.0.74.16", "node2");
    let mut join = member.command(&member.join(&master));
    assert!(join.env("EOS_TOKEN", master.token()).output().unwrap().status.success());
    tells(&member.eos(&["token", "create"]).ends_with(5), "EOS-U006");

    let parts = master.path("var/lib/eos/master/snapshots/parts");
    let part = fs::read_dir(parts).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&part).unwrap();
    bytes[9] ^= 1;
    fs::write(&part, bytes).unwrap();
    tells(&master.eos(&["snapshot", "verify"]).ends_with(1), "EOS-T028");

    // The agent's port speaks TLS with a certificate of the cluster, and is no master.
    let stranger = Machine::empty("127.0.74.17", "node3");
    let to_agent = ["bootstrap", "--join-cluster", "127.0.74.15:4506", "--advertise-address", "127.0.74.17"];
    let text = "127.0.74.15:4506 answers, but not as an eos master (404 Not Found to GET /v1/hello)";
    explained(&stranger.eos(&to_agent).ends_with(4), "EOS-J023", text);

    let membership = member.path("var/lib/eos/membership.json");
    let kept = fs::read_to_string(&membership).unwrap();
    fs::write(&membership, kept.replace("\"observe\"", "\"watch\"")).unwrap();
    let text = "the storage settings of this node's role are not understood: unknown variant `watch`, \
                expected `observe` or `act`";
    explained(&member.eos(&["state", "show"]), "EOS-S033", text);
    fs::write(&membership, kept).unwrap();

    let other = Machine::empty("127.0.74.18", "other");
    other.found();
    let authority = "var/lib/eos/identity/authority.crt";
    fs::copy(other.path(authority), member.path(authority)).unwrap();
    let status = member.eos(&["status"]).ends_with(0).stdout;
    let text = "127.0.74.15:4507 is not believed: TLS failed on GET /v1/status [EOS-J022]";
    assert!(status.contains(text), "{status}");
    let told = member.status();
    assert!(told.to_string().contains("EOS-J022"), "{told}");

    let database = master.path("var/lib/eos/master/registry.db");
    for name in ["registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(database.with_file_name(name));
    }
    fs::write(&database, "x").unwrap();
    tells(&master.eos(&["reset"]), "EOS-M005");
}

/// What reads files, asks the master and writes.
const LINES: [&str; 4] =
    ["status", "snapshot list", "snapshot pull cluster", "snapshot create --path /etc --name etc"];

/// A machine whose limits are used up is told so, and not that eos is at fault.
#[test]
fn a_process_without_descriptors_is_told_so() {
    let machine = Machine::empty("127.0.74.19", "node1");
    let limited = |most: u32, line: &str| -> Run {
        // Whoever runs the tests may have left more of them open than the three that everybody has.
        let script = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n $2; exec \"$0\" --root \"$1\" $3";
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, crate::support::EOS]).arg(machine.path(""));
        command.args([&most.to_string(), line]).output().unwrap().into()
    };
    for most in 4..=7 {
        let run = limited(most, "status").ends_with(1);
        explained(&run, "EOS-U004", "the program could not start its threads");
    }
    machine.found();
    for (most, line) in (3..=16).flat_map(|most| LINES.map(|line| (most, line))) {
        let run = limited(most, line);
        let typed = || run.stderr.contains("error[EOS-") && !run.stderr.contains("EOS-U001");
        // With three of them the system's loader cannot even open the libraries, and says so.
        let unloaded = || run.status == Some(127) && most == 3;
        assert!(run.status == Some(0) || typed() || unloaded(), "{line} with {most}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{line} with {most}: {run:?}");
    }
}

#[test]
fn a_user_who_may_start_no_thread_is_told_so() {
    let machine = Machine::empty("127.0.74.21", "node1");
    let program = machine.path("eos");
    fs::copy(crate::support::EOS, &program).unwrap();
    let limited = |threads: u32| -> Run {
        // A number that nobody has, so that nothing else counts against the limit.
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=4242421", "--clear-groups", "prlimit", &format!("--nproc={threads}")]);
        command.arg(&program).arg("--root").arg(machine.path("")).arg("status");
        command.env("EOS_TELEMETRY_OTLP_ENDPOINT", "http://127.0.74.99:1").output().unwrap().into()
    };
    explained(&limited(1).ends_with(1), "EOS-U004", "the program could not start its threads");
    let run = limited(2).ends_with(1);
    explained(&run, "EOS-H064", "could not start the threads that export traces");
}

#[test]
fn a_machine_id_that_cannot_be_read_is_told_before_anything_is_checked() {
    let machine = Machine::empty("127.0.74.20", "node1");
    fs::create_dir_all(machine.path("etc/machine-id")).unwrap();
    tells(&machine.eos(&["preflight"]).ends_with(3), "EOS-P022");
}
