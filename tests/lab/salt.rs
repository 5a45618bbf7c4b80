//! A cluster whose first node has a Salt master: eos has it accept keys and run the orchestrations.

mod silent;

use crate::support::{Host, Lab, Outcome, eventually, salt_call};
use serde_json::Value;
use std::fs;

const OPS: &str = "etc/eos/storage-ops.yaml";
const CONFIG: &str = "etc/salt/minion.d/eos.conf";

fn first_node(host: &Host) -> Outcome {
    let program = salt_call();
    let arguments = host.single_arguments();
    host.eos(&[&arguments[..], &["--engine", "salt", "--salt-call", &program]].concat()).done()
}

fn join(host: &Host, master: &Host, token: &str, arguments: &[&str]) -> Outcome {
    let program = salt_call();
    host.join(master, &[&["--token", token, "--engine", "salt", "--salt-call", &program], arguments].concat())
}

/// The run of the newest generation, once it is over.
fn run_of(master: &Host, generation: u64) -> Value {
    eventually("the orchestration is over", || {
        let status = master.status();
        let run = status["orchestration"].clone();
        match (run["generation"].as_u64(), run["state"].as_str()) {
            (Some(found), Some("done")) if found >= generation => Ok(run),
            _ => Err(status.to_string()),
        }
    })
}

fn steps(run: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = run["steps"].as_array().unwrap_or_else(|| panic!("{run}"));
    steps.iter().map(|step| (text(step, "id"), text(step, "state"))).collect()
}

fn is_in(master: &Host, name: &str, role: &str) {
    eventually(&format!("{name} is {role} for Salt too"), || {
        let answer = master.salt_says("salt", &["--static", name, "grains.get", "eos"]);
        let pillar = master.salt("salt", &["--out=json", "-I", &format!("eos:role:{role}"), "test.ping"]);
        let pillar = String::from_utf8_lossy(&pillar.stdout).into_owned();
        match answer[name]["role"] == role && pillar.contains(&format!("\"{name}\": true")) {
            true => Ok(()),
            false => Err(format!("{answer} {pillar}")),
        }
    });
}

/// A first node beside a Salt master, which was started again afterwards as it had been told to be.
fn found(master: &Host) {
    master.install_salt_master();
    master.install_minion("");
    let founded = first_node(master);
    assert!(founded.told("have it started again, so that it reads master.d/eos.conf"), "{}", founded.story());
    master.end_salt("salt-master");
    master.start_salt("salt-master");
    assert_eq!(master.keys("minions"), ["node1"]);
}

/// Two who wait with Salt and whom nobody let in: the second one under the name of the node that comes.
fn strangers_wait(master: &Host, stranger: &Host, thief: &Host) {
    let of_master = format!("master: {}\nacceptance_wait_time: 1\n", master.address);
    stranger.install_minion(&format!("{of_master}id: stranger\n"));
    thief.install_minion(&format!("{of_master}id: node2\n"));
    for host in [stranger, thief] {
        host.start_salt("salt-minion");
    }
    eventually("both wait", || {
        let waiting = master.keys("minions_pre");
        if waiting == ["node2", "stranger"] { Ok(()) } else { Err(format!("{waiting:?}")) }
    });
}

/// A node without a minion, or whose name another key holds, does not come in, and is as it was.
fn is_kept_out(second: &Host, master: &Host, token: &str) {
    let without = join(second, master, token, &[]);
    without.failed(1, "EOS-S086", &["salt-minion is not installed, and the cluster has a Salt master"]);
    second.install_minion("grains: {site: here}\n");
    // Of another fleet: nothing of it is changed.
    let other = "etc/salt/pki/minion/minion_master.pub";
    let key = master.read("etc/salt/pki/master/master.pub");
    second.write(other, &key.replacen("\nM", "\nN", 1));
    join(second, master, token, &[]).failed(1, "EOS-S088", &["belongs to another Salt master", other]);
    second.write(other, &key);
    second.write("etc/salt/minion.d/zz.conf", "master: elsewhere\n");
    join(second, master, token, &[]).failed(1, "EOS-S089", &["zz.conf says which master"]);
    assert!(!second.path(CONFIG).exists() && second.processes().is_empty(), "the minion is as it was");
    for path in [other, "etc/salt/minion.d/zz.conf"] {
        fs::remove_file(second.path(path)).unwrap();
    }
    let refused = join(second, master, token, &["--timeout", "25s"]);
    refused.failed(1, "EOS-S087", &["another key under the name node2"]);
    assert_eq!(master.keys("minions"), ["node1"], "no key is accepted for its name");
    assert!(!second.path(CONFIG).exists() && second.processes().is_empty(), "the minion is as it was");
}

/// The run by which the second node came, step by step, with the job that Salt made of each.
fn was_orchestrated(master: &Host, generation: u64) {
    let run = run_of(master, generation);
    assert_eq!(
        (&run["by_salt"], &run["sls"]),
        (&true.into(), &"orchestration.node_addition".into()),
        "{run}"
    );
    let mut told = steps(&run);
    told.sort();
    let wanted = ["new_node_answers", "refresh_mine", "update_edge_nodes", "update_new_node"]
        .map(|id| (id.to_owned(), "succeeded".to_owned()));
    assert_eq!(told, wanted, "{run}");
    let all = run["steps"].as_array().unwrap();
    let comment = all.iter().find(|step| step["id"] == "update_new_node").unwrap()["comment"].clone();
    let comment = comment.as_str().unwrap();
    let job = comment.strip_prefix("job ").and_then(|rest| rest.split(':').next());
    let job = job.unwrap_or_else(|| panic!("{comment}"));
    let looked_up = master.salt_says("salt-run", &["jobs.lookup_jid", job]);
    assert!(looked_up["node2"]["generation"].as_u64() >= Some(generation), "{looked_up}");
}

/// A role that is set reaches the node by Salt as well.
fn takes_another_role(master: &Host, second: &Host, generation: u64) {
    master.eos(&["role", "set", "node2", "data"]).done();
    let run = run_of(master, generation + 1);
    assert_eq!((&run["by_salt"], &run["sls"]), (&true.into(), &"orchestration.role_update".into()), "{run}");
    master.converged(2);
    assert!(second.read(OPS).contains("role: data"));
    is_in(master, "node2", "data");
}

fn is_removed(master: &Host) {
    master.eos(&["node", "remove", "node2"]).done();
    eventually("its key is gone", || {
        let keys = master.keys("minions");
        if keys == ["node1"] { Ok(()) } else { Err(format!("{keys:?}")) }
    });
    eventually("all of it is in the audit log", || {
        let audit = master.eos(&["audit", "list"]).done().result().to_string();
        let all = ["minion-key-failed", "minion-key-accept", "minion-key-delete"];
        if all.iter().all(|action| audit.contains(action)) { Ok(()) } else { Err(audit) }
    });
}

#[test]
fn a_salt_master_beside_eos_accepts_exactly_the_keys_of_members_and_runs_what_eos_orchestrates() {
    let lab = Lab::new(4);
    let [master, second, stranger, thief] = lab.hosts();
    for host in [master, second, stranger, thief] {
        // Salt asks for names, and is told at once that there is nobody to ask.
        host.forget_routes();
    }
    found(master);
    strangers_wait(master, stranger, thief);
    let token = master.token(&[]);
    is_kept_out(second, master, &token);
    thief.end_salt("salt-minion");
    assert!(master.salt("salt-key", &["-y", "-d", "node2"]).status.success());
    join(second, master, &token, &[]).done();
    let status = master.converged(2);
    assert_eq!(master.keys("minions"), ["node1", "node2"]);
    assert_eq!(master.keys("minions_pre"), ["stranger"]);
    let of_node = second.read("etc/salt/pki/minion/minion.pub");
    let accepted = master.salt_says("salt-key", &["--print", "node2"]);
    assert_eq!(accepted["minions"]["node2"].as_str().unwrap().trim(), of_node.trim());
    let generation = status["cluster"]["generation"].as_u64().unwrap();
    was_orchestrated(master, generation);
    assert!(master.read(OPS).contains("role: edge") && second.read(OPS).contains("role: core"));
    is_in(master, "node1", "edge");
    is_in(master, "node2", "core");
    let site = master.salt_says("salt", &["--static", "node2", "grains.get", "site"]);
    assert_eq!(site["node2"], "here", "what the minion was told before stays");
    takes_another_role(master, second, generation);
    is_removed(master);
    second.eos(&["reset", "--verify"]).done();
    assert!(!second.path(CONFIG).exists() && second.service_pid("salt-minion").is_none());
    assert!(second.read("etc/salt/minion").ends_with("grains: {site: here}\n"));
    master.converged_members(1);
    master.eos(&["reset", "--verify"]).done();
    assert!(!master.path(CONFIG).exists() && !master.path("etc/salt/master.d/eos.conf").exists());
    assert!(fs::exists(master.path("etc/salt/pki/master")).unwrap(), "the Salt master is not eos's");
}
