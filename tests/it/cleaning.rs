//! Hosts in a bad state that are cleaned all the same.

use crate::support::waiting::{Stream, Waiting};
use crate::support::{Machine, Run, assert_same};
use eos::host::clock;
use eos::journal::file::Journal;
use eos::journal::record::{JournalRecord, Reason};
use eos::model::ids::SagaId;
use serde_json::Value;

fn member_of(master: &Machine, address: &str) -> Machine {
    let machine = Machine::empty(address, "node2");
    let mut command = machine.command(&machine.join(master));
    Run::from(command.env("EOS_TOKEN", master.token()).output().unwrap()).ends_with(0);
    machine
}

#[test]
fn a_host_whose_identity_is_damaged_is_cleaned_all_the_same() {
    let master = Machine::empty("127.0.67.1", "master");
    master.found();
    let identity = "var/lib/eos/identity";
    let damages: [(&str, Option<&str>); 4] = [
        ("membership.json", Some("{ \"version\":")),
        ("node.crt", None),
        ("node.key", Some("")),
        ("authority.crt", Some("no certificate")),
    ];
    for (number, (file, text)) in damages.into_iter().enumerate() {
        for command in ["reset", "rollback"] {
            let machine = member_of(&master, &format!("127.0.67.{}", 2 + number));
            let places = [machine.path(identity).join(file), machine.path("var/lib/eos").join(file)];
            let path = places.iter().find(|path| path.exists()).expect(file);
            match text {
                Some(text) => std::fs::write(path, text).unwrap(),
                None => std::fs::remove_file(path).unwrap(),
            }
            let run = machine.eos(&[command]).ends_with(0);
            let told = run.stderr.contains("could not be told that this node leaves");
            let status = master.status();
            let active = |node: &&Value| node["name"] == "node2" && node["state"] == "active";
            let stays = status["nodes"].as_array().unwrap().iter().any(|node| active(&node));
            assert_eq!(stays, told, "{command} after {file}: {} {status}", run.stderr);
            if stays {
                master.eos(&["node", "remove", "node2"]).ends_with(0);
            }
            assert!(!machine.path("var/lib/eos/journal").exists(), "{command} after {file}");
            assert_eq!(machine.processes(), [0; 0], "{command} after {file}");
        }
    }
}

#[test]
fn what_services_and_interrupted_writes_left_is_eoss_own() {
    let machine = Machine::empty("127.0.67.10", "master");
    machine.found();
    machine.put("var/lib/eos/log/eos-agent.log.1", "older lines", 0o600);
    machine.put("var/lib/eos/.membership.json.eos-77-0", "{", 0o600);
    machine.put("var/lib/eos/identity/.node.crt.eos-77-1", "half of it", 0o600);
    machine.eos(&["reset", "--verify"]).ends_with(0);
}

#[test]
fn a_way_back_that_was_cut_short_needs_no_master() {
    let master = Machine::empty("127.0.67.11", "master");
    master.found();
    let machine = Machine::used("127.0.67.12", "node2");
    let before = machine.tree();
    let join = machine.join(&master);
    Waiting::until(&mut machine.command(&join), Stream::Error, "eos node accept node2").killed();
    let saga = SagaId::parse("0001-bootstrap").unwrap();
    let mut journal = Journal::open(&machine.root(), &saga).unwrap().expect("it was begun");
    journal.append(JournalRecord::Unwinding { reason: Reason::Interrupted }, clock::timestamp()).unwrap();
    master.eos(&["reset"]).ends_with(0);

    let run = machine.eos(&[&join[..], &["--timeout", "2s"]].concat()).ends_with(4);
    assert!(run.stderr.contains("undoing the bootstrap 0001-bootstrap to its end"), "{}", run.stderr);
    assert_same(&before, &machine.tree(), "the way back was completed without the master");
}
