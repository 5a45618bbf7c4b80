//! What the agent does with programs of Salt, each of which is a script here: what they are asked, and what follows.

use super::*;
use crate::host::root::Root;
use crate::host::services::ServiceManager;
use crate::identity::membership::Membership;
use crate::model::digest::Fingerprint;
use crate::model::explain::tells;
use crate::model::ids::NodeName;
use crate::salt::key;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const OWN: &str = "-----BEGIN PUBLIC KEY-----\nAAEC\n-----END PUBLIC KEY-----";
const OTHER: &str = "-----BEGIN PUBLIC KEY-----\nAwQF\n-----END PUBLIC KEY-----";

/// A host with a Salt master whose programs are these scripts; each notes its arguments in `asked`.
struct Host {
    folder: TempDir,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        std::fs::create_dir_all(folder.path().join("keys")).expect("it is ours");
        Self { folder }
    }

    fn script(&self, name: &str, body: &str) {
        let path = self.folder.path().join(name);
        let asked = self.folder.path().display();
        std::fs::write(&path, format!("#!/bin/sh\ncd {asked}\necho \"$0 $*\" >> asked\n{body}"))
            .expect("it is ours");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    /// A `salt-key` that accepts and deletes what is in `keys/STATE` for `n2`, after `before` of each accepting.
    fn keeps_keys(&self, waiting: Option<&str>, before: &str) {
        if let Some(pem) = waiting {
            let text = json!({"minions_pre": {"n2": pem}}).to_string();
            std::fs::write(self.folder.path().join("keys/listed"), text).expect("it is ours");
        }
        self.script(
            "salt-key",
            &format!(
                "case \"$*\" in\n*--print*) cat keys/listed 2>/dev/null || echo '{{}}';;\n\
                 *--accept*) {before}\nsed -i s/minions_pre/minions/ keys/listed;;\n\
                 *--delete*) rm keys/listed;;\nesac\n"
            ),
        );
    }

    fn tools(&self) -> Tools {
        let root = Root::new(self.folder.path()).expect("it is there");
        let membership: Membership = serde_json::from_value(json!({
            "version": 1, "cluster": "c1", "node": "n-00112233445566778899", "name": "n1", "address": "127.0.0.1",
            "master": "127.0.0.1:4507", "authority": format!("sha256:{}", "0".repeat(64)), "runs_master": true,
            "confirmed": true, "applied": null, "salt_master": "/etc/salt",
            "salt_call": self.folder.path().join("salt-call").display().to_string(),
        }))
        .expect("it is a membership");
        Tools::of(&root, &membership, ServiceManager::Processes).expect("it has a Salt master")
    }

    fn asked(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("asked")).unwrap_or_default()
    }
}

fn second() -> NodeName {
    NodeName::parse("n2").expect("a name")
}

fn of(pem: &str) -> Fingerprint {
    key::fingerprint(pem).expect("a key")
}

#[test]
fn the_key_that_the_node_told_is_accepted_once_and_deleted_again() {
    let host = Host::new();
    host.keeps_keys(Some(OWN), "");
    keys::accept(&host.tools(), &second(), of(OWN)).expect("it waits");
    keys::accept(&host.tools(), &second(), of(OWN)).expect("it is accepted already");
    assert_eq!(host.asked().matches("--accept").count(), 1);
    keys::delete(&host.tools(), &second(), of(OTHER)).expect("another key is not meant");
    assert!(!host.asked().contains("--delete"));
    keys::delete(&host.tools(), &second(), of(OWN)).expect("it is there");
    keys::delete(&host.tools(), &second(), of(OWN)).expect("it is gone already");
    assert_eq!(host.asked().matches("--delete").count(), 1);
}

#[test]
fn a_key_that_is_not_there_or_another_one_under_the_name_is_told_and_nothing_is_accepted() {
    let host = Host::new();
    host.keeps_keys(None, "");
    let error = keys::accept(&host.tools(), &second(), of(OWN)).expect_err("none waits");
    tells(&error, "EOS-A012", "no key of n2 waits at the Salt master");
    host.keeps_keys(Some(OTHER), "");
    let error = keys::accept(&host.tools(), &second(), of(OWN)).expect_err("another one waits");
    let text = format!(
        "the Salt master has another key under the name n2: {}, and the node's own is {}",
        of(OTHER),
        of(OWN)
    );
    tells(&error, "EOS-A013", &text);
    assert!(!host.asked().contains("--accept"), "{}", host.asked());
}

#[test]
fn a_key_that_was_exchanged_while_it_was_accepted_is_deleted_at_once() {
    let host = Host::new();
    host.keeps_keys(Some(OWN), "sed -i s/AAEC/AwQF/ keys/listed");
    let error = keys::accept(&host.tools(), &second(), of(OWN)).expect_err("it was exchanged");
    assert!(matches!(error, SaltError::OtherKey { found, .. } if found == of(OTHER)), "{error}");
    assert!(host.asked().contains("--delete n2"), "{}", host.asked());
}

#[test]
fn programs_that_are_missing_or_say_nothing_sensible_are_told() {
    let host = Host::new();
    let error = keys::delete(&host.tools(), &second(), of(OWN)).expect_err("there is no program");
    tells(&error, "EOS-A010", &format!("{}/salt-key could not be run", host.folder.path().display()));
    host.script("salt-key", "echo sorry >&2; exit 1\n");
    let error = keys::delete(&host.tools(), &second(), of(OWN)).expect_err("it refuses");
    let text = format!("{}/salt-key did not do what it was asked: sorry", host.folder.path().display());
    tells(&error, "EOS-A011", &text);
}

#[test]
fn what_minions_must_know_is_read_from_the_masters_settings_and_key() {
    let host = Host::new();
    let settings =
        json!({"pki_dir": host.folder.path(), "id": "m1_master", "publish_port": 4505, "ret_port": 4506});
    host.script("salt-run", &format!("echo '{settings}'\n"));
    let error = host.tools().master().expect_err("it has no key yet");
    assert!(error.to_string().contains("so it never ran"), "{error}");
    std::fs::write(host.folder.path().join("m1.pub"), OWN).expect("it is ours");
    let master = host.tools().master().expect("it has one");
    assert_eq!((master.publish_port, master.return_port), (4505, 4506));
    assert_eq!(Some(master.finger), key::master_finger(OWN));
}

/// The minion of `n2` answers, whoever is asked.
const UP: &str = "case \"$*\" in *manage.up*) echo '[\"n2\"]'; exit;; esac\n";

fn plan() -> serde_json::Value {
    json!({"eos": {"plan": {"roles": {"n2": "edge"}, "nodes": {"edge": ["n2"]}, "scale": "small", "generation": 3}}})
}

#[test]
fn an_orchestration_is_run_with_tree_and_pillar_of_eos_alone_and_leaves_nothing() {
    let host = Host::new();
    let answer = json!({"data": {"m1_master": {"salt_|-a_|-eos_node.take_|-function":
        {"__id__": "a", "result": true, "comment": "ran"}}}});
    host.script(
        "salt-run",
        &format!(
            "{UP}cat run/eos/salt-run/* run/eos/salt-run/pillar/* > seen 2>/dev/null\necho '{answer}'\n"
        ),
    );
    let steps = orchestration::run(&host.tools(), "orchestration.role_update", &plan()).expect("it runs");
    assert_eq!((steps.len(), steps[0].succeeded), (1, true));
    let seen = std::fs::read_to_string(host.folder.path().join("seen")).expect("it was looked at");
    for part in
        ["/etc/salt/master", "/etc/salt/master.d/*.conf", "var/lib/eos/cluster/states", "\"generation\":3"]
    {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let arguments = "state.orchestrate orchestration.role_update saltenv=eos pillarenv=eos";
    assert!(host.asked().contains(arguments), "{}", host.asked());
    assert!(!host.folder.path().join("run/eos/salt-run").exists());
}

#[test]
fn minions_that_are_silent_are_left_out_and_named_and_new_ones_are_asked_more_often() {
    let host = Host::new();
    let answer = json!({"data": {"m1_master": {"salt_|-a_|-eos_node.take_|-function":
        {"__id__": "a", "result": true, "comment": "ran"}}}});
    host.script("salt-run", &format!("{UP}cat run/eos/salt-run/pillar/* > seen\necho '{answer}'\n"));
    let mut plan = plan();
    plan["eos"]["plan"]["roles"] = json!({"n2": "edge", "n3": "core", "n4": "data"});
    plan["eos"]["plan"]["nodes"] = json!({"edge": ["n2"], "core": ["n3"], "data": ["n4"]});
    plan["eos"]["plan"]["new_node"] = json!("n4");
    let steps = orchestration::run(&host.tools(), "orchestration.node_addition", &plan).expect("it runs");
    let ran: Vec<_> = steps.iter().map(|step| (step.id.as_str(), step.succeeded)).collect();
    assert_eq!(ran, [("minions_that_are_silent", true), ("a", true)]);
    let names = ["n3", "n4"].map(|name| NodeName::parse(name).expect("a name"));
    assert_eq!(steps[0].away, names);
    let error = SaltError::Silent { names: names.to_vec() };
    let text =
        "the Salt master hears nothing of the minions of n3, n4, which are left out of the orchestration";
    tells(&error, "EOS-A015", text);
    assert_eq!(steps[0].comment, format!("EOS-A015: {text}; on n3, n4: systemctl restart salt-minion"));
    for (names, times) in [(r#"["n2","n3","n4"]"#, 1), (r#"["n3","n4"]"#, 1), (r#"["n4"]"#, 2)] {
        let question = format!("manage.up tgt={names} tgt_type=list timeout=5 gather_job_timeout=5");
        assert_eq!(host.asked().matches(&question).count(), times, "{names}: {}", host.asked());
    }
    let seen = std::fs::read_to_string(host.folder.path().join("seen")).expect("it was looked at");
    assert!(
        seen.contains(r#""roles":{"n2":"edge","n3":"core","n4":"data"}"#),
        "they keep their roles: {seen}"
    );
    assert!(seen.contains(r#""nodes":{"edge":["n2"]}"#) && !seen.contains("new_node"), "{seen}");
    host.script("salt-run", "echo '[]'\n");
    let steps = orchestration::run(&host.tools(), "orchestration.role_update", &plan).expect("none is there");
    assert_eq!((steps.len(), steps[0].away.len()), (1, 3), "there is nobody to run it for");
    host.script("salt-run", "echo sorry >&2\n");
    let error = orchestration::run(&host.tools(), "orchestration.role_update", &plan).expect_err("no list");
    assert!(error.to_string().contains("it does not say which minions answer"), "{error}");
}

#[test]
fn an_orchestration_for_which_nothing_can_be_written_is_told() {
    let host = Host::new();
    host.script("salt-run", UP);
    std::fs::write(host.folder.path().join("run"), "a file").expect("it is ours");
    let error =
        orchestration::run(&host.tools(), "orchestration.role_update", &plan()).expect_err("no place");
    tells(&error, "EOS-A014", "a file for Salt could not be used");
}
