//! Who is let in as what.

use super::*;
use crate::identity::key::PrivateKey;
use crate::identity::token::Token;
use crate::master::entry;
use crate::model::digest::Fingerprint;
use crate::model::explain::tells;
use crate::model::facts::Resources;
use crate::model::role::Role;
use crate::registry::sqlite::SqliteRegistry;
use crate::registry::{Change, Registry};
use crate::wire::join::TokenProof;
use tempfile::TempDir;

const NOW: u64 = 1_800_000_000_000;

struct World {
    cluster: Cluster,
    token: Token,
    _folder: TempDir,
}

fn key() -> Fingerprint {
    PrivateKey::generate().expect("there is randomness").fingerprint()
}

fn said(name: &str, machine: &str, role: Option<Role>) -> NodeRegistration {
    NodeRegistration {
        hostname: crate::model::ids::NodeName::parse(name).expect("a name"),
        ip: [10, 0, 1, 12].into(),
        resources: Resources::default(),
        request_role: role,
        machine_id: Some(machine.to_owned()),
        hardware_id: None,
        boot_id: None,
        versions: Versions::own(),
        clock_ms: NOW,
    }
}

/// A cluster with one token for one use and one role.
fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let mut registry = SqliteRegistry::open(&folder.path().join("registry.db")).expect("it opens");
    let token = Token::generate(None).expect("there is randomness");
    let record = TokenRecord {
        id: token.id.clone(),
        key: token.key().to_stored(),
        created_ms: NOW,
        expires_ms: NOW + 1000,
        uses: Some(1),
        used: 0,
        role: Some(Role::Edge),
        revoked: false,
    };
    let id = crate::model::ids::ClusterId::parse("c1").expect("an id");
    registry.commit(&[Change::Cluster(id), Change::PutToken(record)]).expect("it is written");
    World { cluster: Cluster::load(Box::new(registry), NOW).expect("it loads"), token, _folder: folder }
}

impl World {
    fn judge(&self, key: Fingerprint, said: &NodeRegistration) -> Result<Verdict, MasterError> {
        verdict(&self.cluster, key, said, NOW)
    }

    fn vouch(&self, key: Fingerprint, said: NodeRegistration, shown: bool) -> Result<Voucher, MasterError> {
        let authority = Fingerprint::from_bytes([7; 32]);
        let transcript = Transcript { authority, challenge: "challenge", nonce: "nonce", key };
        let proof = || TokenProof {
            id: self.token.id.clone(),
            proof: transcript.prove(Side::Joiner, &self.token.key()),
        };
        let request = RegisterRequest {
            registration: said,
            csr: String::new(),
            challenge: "challenge".to_owned(),
            nonce: "nonce".to_owned(),
            token: shown.then(proof),
            dry_run: false,
            signature: None,
        };
        let from = [10, 0, 1, 12].into();
        voucher(&self.cluster, &AdmissionConfig::default(), &request, from, &transcript, NOW)
    }

    /// Enters a node in this state as its registration makes it.
    fn enter(&mut self, key: Fingerprint, said: &NodeRegistration, state: NodeState, voucher: &Voucher) {
        let applicant = entry::Applicant { said, key, from: said.ip, now: NOW, signed: true };
        let mut node = entry::record(&self.cluster, applicant, &Verdict::New, voucher, 1000).expect("it may");
        node.state = state;
        let mut changes = vec![Change::PutNode(Box::new(node))];
        if let Voucher::Token(token) = voucher {
            changes.push(Change::PutToken((**token).clone()));
        }
        self.cluster.commit(changes).expect("it is written");
    }
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, matches) in [
        ("rack1-*", "rack1-07", true),
        ("rack1-*", "rack2-07", false),
        ("*", "anything", true),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abcd", false),
        ("exact", "exact", true),
        ("exact", "exactly", false),
    ] {
        assert_eq!(matches_pattern(pattern, text), matches, "{pattern} {text}");
    }
}

#[test]
fn a_policy_of_addresses_believes_only_the_address_that_asks() {
    let policy = AdmissionConfig {
        addresses: vec!["10.0.1.0/24".parse().expect("a net")],
        ..AdmissionConfig::default()
    };
    let said = said("node2", "m2", None);
    assert!(by_policy(&policy, &said, [10, 0, 1, 12].into()));
    assert!(!by_policy(&policy, &said, [192, 0, 2, 1].into()), "it only claims the address");
    assert!(!by_policy(&policy, &said, [10, 0, 1, 13].into()), "it asks for another one");
}

#[test]
fn what_a_token_admitted_cannot_be_changed_afterwards() {
    let mut world = world();
    let key = key();
    let edge = said("node2", "m2", Some(Role::Edge));
    let voucher = world.vouch(key, edge.clone(), true).expect("the token admits it");
    assert!(matches!(&voucher, Voucher::Token(token) if token.used == 1));
    world.enter(key, &edge, NodeState::Joining, &voucher);
    assert_eq!(
        world.vouch(key, edge, true).expect("it asks again"),
        Voucher::Known,
        "it is not counted twice"
    );

    let keyed = world.vouch(key, said("node2", "m2", None), false).expect("it asks for no role");
    assert_eq!(keyed, Voucher::Known, "it keeps what it asked for");

    let data = said("node2", "m2", Some(Role::Data));
    let refused = world.vouch(key, data.clone(), true).expect_err("another role");
    assert!(matches!(refused, MasterError::TokenRole { .. }), "{refused}");
    assert_eq!(world.vouch(key, data, false).expect("no token"), Voucher::Nobody, "the operator decides");
    let renamed = said("node3", "m2", Some(Role::Edge));
    let again = world.vouch(key, renamed, true).expect("the use that was counted for it");
    assert!(matches!(&again, Voucher::Token(token) if token.used == 1));
    let other = world.vouch(self::key(), said("node4", "m4", Some(Role::Edge)), true);
    assert!(matches!(other, Err(MasterError::TokenUsedUp { .. })), "the use is gone for others");
}

#[test]
fn a_joining_node_cannot_take_the_name_of_a_member_by_asking_again() {
    let mut world = world();
    let (member, joiner) = (key(), key());
    world.enter(member, &said("node1", "m1", None), NodeState::Active, &Voucher::Policy);
    world.enter(joiner, &said("node2", "m2", None), NodeState::Joining, &Voucher::Policy);
    assert!(matches!(world.judge(joiner, &said("node2", "m2", None)), Ok(Verdict::Returning(_))));
    let refused = world.judge(joiner, &said("node1", "m2", None)).expect_err("the name is taken");
    assert!(matches!(refused, MasterError::NameTaken { .. }), "{refused}");
}

#[test]
fn only_a_member_that_is_silent_can_be_one_that_was_installed_anew() {
    let mut world = world();
    let member = key();
    let anew = said("node1", "m1", None);
    world.enter(member, &anew, NodeState::Active, &Voucher::Policy);
    let id = crate::identity::key::node_id(member);
    let judged = |world: &World, now| verdict(&world.cluster, key(), &anew, now);
    assert!(matches!(judged(&world, NOW), Err(MasterError::Clone { .. })), "the master has just started");
    assert_eq!(judged(&world, NOW + 60_000).expect("unheard of for long"), Verdict::Reinstalled(id.clone()));
    let presence = world.cluster.live.entry(id.clone()).or_default().presence.clone();
    presence.heard(NOW + 60_000);
    assert!(matches!(judged(&world, NOW + 104_999), Err(MasterError::Clone { .. })));
    assert!(judged(&world, NOW + 105_000).is_ok());
    world.cluster.alive_ms = 90_000;
    assert!(matches!(judged(&world, NOW + 105_000), Err(MasterError::Clone { .. })), "as configured");
    let _waiting = presence.wait();
    assert!(
        matches!(judged(&world, NOW + 900_000), Err(MasterError::Clone { .. })),
        "it waits for an answer"
    );
}

#[test]
fn nodes_that_wait_are_bounded_for_each_address() {
    let mut world = world();
    for number in 0..32 {
        let name = format!("node{number}");
        world.enter(key(), &said(&name, &name, None), NodeState::Pending, &Voucher::Nobody);
    }
    let said = said("late", "late", None);
    let applicant = |from: IpAddr| entry::Applicant { said: &said, key: key(), from, now: NOW, signed: true };
    let record = |from| entry::record(&world.cluster, applicant(from), &Verdict::New, &Voucher::Nobody, 1000);
    assert!(matches!(record(said.ip), Err(MasterError::Crowded { of_one: 32, .. })));
    assert!(record([10, 0, 1, 99].into()).is_ok(), "another address has room");
    let with_token = entry::record(&world.cluster, applicant(said.ip), &Verdict::New, &Voucher::Policy, 1000);
    assert!(with_token.is_ok(), "who is let in does not wait");
}

#[test]
fn a_text_that_no_machine_has_is_refused() {
    let world = world();
    let mut long = said("node2", "m2", None);
    long.hardware_id = Some("x".repeat(257));
    let applicant = entry::Applicant { said: &long, key: key(), from: long.ip, now: NOW, signed: true };
    let refused = entry::record(&world.cluster, applicant, &Verdict::New, &Voucher::Nobody, 1000);
    assert!(matches!(refused, Err(MasterError::Oversized { field: "hardware_id", bytes: 257, limit: 256 })));
}

/// Long after the start of the master, so that who was never heard of is gone.
const LATER: u64 = NOW + 600_000;

#[test]
fn a_node_that_waits_is_judged_anew_each_time_it_asks() {
    let mut world = world();
    let waiting = key();
    let asked = said("node2", "m2", None);
    world.enter(waiting, &asked, NodeState::Pending, &Voucher::Nobody);
    assert!(matches!(world.judge(waiting, &asked), Ok(Verdict::Returning(_))));
    world.enter(key(), &said("node3", "m2", None), NodeState::Joining, &Voucher::Policy);
    let refused = world.judge(waiting, &asked).expect_err("its machine-id is taken");
    assert!(matches!(refused, MasterError::Clone { .. }), "{refused}");

    let mut world = self::world();
    world.enter(waiting, &asked, NodeState::Pending, &Voucher::Nobody);
    world.enter(key(), &said("node2", "m9", None), NodeState::Active, &Voucher::Policy);
    let refused = world.judge(waiting, &asked).expect_err("its name is taken");
    assert!(matches!(refused, MasterError::NameTaken { .. }), "{refused}");
}

/// An active member, a join of the same machine that stands still, and the keys of both, in one order
/// of their ids or the other.
fn twice_on_record(active_first: bool) -> (World, NodeId, NodeId) {
    let mut world = world();
    let mut keys = [key(), key()];
    keys.sort_by_key(|key| crate::identity::key::node_id(*key));
    let [first, second] = keys;
    let (active, joining) = if active_first { (first, second) } else { (second, first) };
    let anew = said("node2", "m2", None);
    world.enter(active, &anew, NodeState::Active, &Voucher::Policy);
    world.enter(joining, &anew, NodeState::Joining, &Voucher::Policy);
    let id = crate::identity::key::node_id;
    (world, id(active), id(joining))
}

#[test]
fn each_record_of_one_machine_counts_whatever_the_order_of_their_ids() {
    for active_first in [true, false] {
        let (mut world, active, joining) = twice_on_record(active_first);
        let judged = |world: &World| verdict(&world.cluster, key(), &said("node2", "m2", None), LATER);
        assert_eq!(judged(&world).expect("both are silent"), Verdict::Reinstalled(active.clone()));
        for there in [&joining, &active] {
            let presence = world.cluster.live.entry(there.clone()).or_default().presence.clone();
            let waiting = presence.wait();
            assert!(matches!(judged(&world), Err(MasterError::Clone { .. })), "{there} is there");
            drop(waiting);
            world.cluster.live.remove(there);
        }
    }
}

#[test]
fn who_confirms_takes_its_machines_silent_records_with_it_and_never_one_that_is_there() {
    for active_first in [true, false] {
        let (mut world, active, joining) = twice_on_record(active_first);
        let newest = key();
        world.enter(newest, &said("node2", "m2", None), NodeState::Joining, &Voucher::Policy);
        let node = NodeRecord {
            replaces: Some(active.clone()),
            ..world.cluster.by_key(newest).cloned().expect("it was entered")
        };
        let gone = displaced(&world.cluster, &node, LATER).expect("both are silent");
        let mut gone: Vec<NodeId> = gone.into_iter().map(|node| node.id).collect();
        gone.sort_by_key(|id| *id != active);
        assert_eq!(gone, [active.clone(), joining.clone()]);
        world.cluster.live.entry(joining.clone()).or_default().presence.heard(LATER);
        let there = displaced(&world.cluster, &node, LATER).expect_err("the other join goes on");
        assert!(matches!(there, MasterError::Clone { .. }), "{there}");
        // The other join was faster, and what both would have replaced is gone.
        world.cluster.commit(vec![Change::DropNode(active)]).expect("it is written");
        let confirmed = world.cluster.nodes[&joining].clone();
        let confirmed = NodeRecord { state: NodeState::Active, ..confirmed };
        world.cluster.commit(vec![Change::PutNode(Box::new(confirmed))]).expect("it is written");
        assert!(displaced(&world.cluster, &node, LATER).is_err(), "there it is heard of");
        let silent = displaced(&world.cluster, &node, LATER + 600_000).expect_err("a member stays");
        assert!(matches!(silent, MasterError::NameTaken { .. }), "{silent}");
    }
}

#[test]
fn a_master_that_has_just_started_lets_nobody_take_the_place_of_one_it_has_not_heard_of_yet() {
    let (mut world, active, _) = twice_on_record(true);
    let newest = key();
    world.enter(newest, &said("node2", "m2", None), NodeState::Joining, &Voucher::Policy);
    let found = world.cluster.by_key(newest).cloned().expect("it was entered");
    let node = NodeRecord { replaces: Some(active), ..found };
    let refused = displaced(&world.cluster, &node, NOW + 59_999).expect_err("nobody was heard of yet");
    assert!(matches!(refused, MasterError::Clone { .. }), "{refused}");
    assert!(displaced(&world.cluster, &node, NOW + 60_000).is_ok());
}

#[test]
fn of_two_that_wait_under_one_name_only_one_is_accepted() {
    let mut world = world();
    let (first, second, member) = (key(), key(), key());
    for (key, machine) in [(first, "m2"), (second, "m3")] {
        world.enter(key, &said("node2", machine, None), NodeState::Pending, &Voucher::Nobody);
    }
    let node = |world: &World, key| world.cluster.by_key(key).cloned().expect("it was entered");
    assert!(name_is_free(&world.cluster, &node(&world, second), NOW).is_ok());
    let accepted = NodeRecord { state: NodeState::Joining, ..node(&world, first) };
    world.cluster.commit(vec![Change::PutNode(Box::new(accepted))]).expect("it is written");
    let refused = name_is_free(&world.cluster, &node(&world, second), NOW).expect_err("the name is taken");
    assert!(matches!(refused, MasterError::NameTaken { .. }), "{refused}");

    world.enter(member, &said("node5", "m5", None), NodeState::Active, &Voucher::Policy);
    let id = crate::identity::key::node_id(member);
    let replacing =
        NodeRecord { name: said("node5", "m3", None).hostname, replaces: Some(id), ..node(&world, second) };
    assert!(name_is_free(&world.cluster, &replacing, NOW).is_ok(), "the one that it replaces goes");
}

#[test]
fn a_token_that_no_longer_speaks_for_a_node_is_not_on_its_record() {
    let mut world = world();
    let key = key();
    let edge = said("node2", "m2", Some(Role::Edge));
    let voucher = world.vouch(key, edge.clone(), true).expect("the token admits it");
    world.enter(key, &edge, NodeState::Joining, &voucher);
    let record = |said: &NodeRegistration, voucher: &Voucher| {
        let applicant = entry::Applicant { said, key, from: said.ip, now: NOW, signed: true };
        entry::record(&world.cluster, applicant, &Verdict::New, voucher, 1000).expect("it may")
    };
    assert_eq!(record(&edge, &Voucher::Known).token, Some(world.token.id.clone()));
    let data = said("node2", "m2", Some(Role::Data));
    assert_eq!(record(&data, &Voucher::Nobody).token, None);
    assert_eq!(record(&data, &Voucher::Policy).token, None);
    let known = world.cluster.by_key(key).expect("it was entered");
    let given_back = world.cluster.give_back(known);
    assert!(matches!(given_back, Some(Change::PutToken(token)) if token.used == 0));
}

#[test]
fn a_node_that_speaks_no_common_protocol_is_told_both_versions() {
    let mut later = said("node2", "m2", None);
    later.versions = Versions { protocol: 9, oldest_protocol: 8, version: "9.0.0".to_owned() };
    let error = world().judge(key(), &later).expect_err("no common protocol");
    let ours = Versions::own();
    let text = format!(
        "the joining node speaks protocol 8..9 (eos 9.0.0), the master {}..{} (eos {})",
        ours.oldest_protocol, ours.protocol, ours.version
    );
    tells(&error, "EOS-J001", &text);
}
