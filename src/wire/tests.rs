//! What an eos of protocol 1 or 2 said stays readable, with or without what was added since.

use super::{admin, error, join, member, salt, snapshots, withdraw};
use crate::model::role::Role;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(name: &str, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

macro_rules! fixture {
    ($name:literal) => {
        read($name, include_str!(concat!("../../tests/fixtures/v1/wire/", $name, ".json")))
    };
}

#[test]
fn what_a_joiner_says_and_hears_stays_readable() {
    let hello: join::Hello = fixture!("hello");
    assert_eq!((hello.versions.protocol, hello.time_ms), (1, 1_795_275_406_020));
    let register: join::RegisterRequest = fixture!("register");
    assert_eq!(register.registration.request_role, Some(Role::Core));
    assert!(register.token.is_some() && !register.dry_run && register.signature.is_none());
    let accepted: join::RegisterReply = fixture!("register-accepted");
    assert!(matches!(accepted, join::RegisterReply::Accepted(accepted) if accepted.warnings.is_empty()));
    let pending: join::RegisterReply = fixture!("register-pending");
    assert!(matches!(pending, join::RegisterReply::Pending { retry_after_ms: 1000, .. }));
    let withdraw: withdraw::WithdrawRequest = fixture!("withdraw");
    assert_eq!((withdraw.challenge.as_str(), withdraw.signature), ("c", None));
}

#[test]
fn what_a_joiner_of_protocol_2_says_stays_readable() {
    let register: join::RegisterRequest = fixture!("register-2");
    assert_eq!(register.registration.versions.protocol, 2);
    assert_eq!((register.dry_run, register.signature.as_deref()), (true, Some("s")));
    let withdraw: withdraw::WithdrawRequest = fixture!("withdraw-2");
    assert_eq!(withdraw.signature.as_deref(), Some("s"));
}

#[test]
fn what_a_member_says_and_hears_stays_readable() {
    let poll: member::Poll = fixture!("poll");
    assert_eq!((poll.applied, poll.report.version.as_str(), poll.report.monitor), (2, "0.1.0", None));
    let reply: member::PollReply = fixture!("poll-reply");
    assert!(reply.renew && !reply.confirm && reply.trace.is_none() && !reply.holdings);
    assert_eq!(reply.desired.pillar["storage"]["mode"], "observe");
    let confirm: member::Confirm = fixture!("confirm");
    assert_eq!(confirm.report.disk_free_bytes, Some(7));
    let refused: error::ErrorBody = fixture!("error");
    assert_eq!((refused.error.code.as_str(), refused.error.exit), ("EOS-J010", 5));
}

#[test]
fn what_is_said_of_tasks_stays_readable_and_who_does_not_know_them_says_nothing_of_them() {
    let reply: member::PollReply = fixture!("poll-reply-task");
    let task = reply.task.expect("it has one");
    assert_eq!((task.id.as_str(), &task.sls[..]), ("3.1.4.1", &["site.motd".to_owned()][..]));
    let poll: member::Poll = fixture!("poll-done");
    let done = poll.done.expect("it has done one");
    assert!(poll.tasks && done.id == task.id && done.failure.is_some_and(|failure| failure.exit == 2));
    let older: member::Poll = fixture!("poll");
    assert!(!older.tasks && older.done.is_none() && older.report.failed_generation.is_none());
}

#[test]
fn what_the_operator_says_and_hears_stays_readable() {
    let status: admin::ClusterStatus = fixture!("status");
    assert_eq!(status.nodes[0].state, "active");
    assert_eq!((status.nodes[0].replaces.as_ref(), status.operations[0].remaining_ms), (None, 20));
    let accept: admin::AcceptNode = fixture!("accept");
    assert!(accept.plan && accept.replace.is_some());
    let role: admin::SetRole = fixture!("role-set");
    assert_eq!((role.role, role.plan), (Some(Role::Data), false));
}

#[test]
fn what_is_said_of_holders_of_snapshots_stays_readable() {
    let told: snapshots::Holdings = fixture!("holdings");
    assert_eq!((told.version, told.port, told.snapshots[0].source.as_str()), (1, 4506, "metrics"));
    let held: snapshots::Held = fixture!("holders");
    assert_eq!(held.snapshot, told.snapshots[0]);
    let holders: Vec<_> = held.holders.iter().map(|one| (one.node.is_some(), one.pullers)).collect();
    assert_eq!(holders, [(true, Some(2)), (false, None)]);
    assert!(held.others.is_empty(), "an older master tells of none");
    let more: snapshots::Held = fixture!("holders-with-others");
    assert_eq!((&more.snapshot, more.others.len()), (&held.snapshot, 1));
    assert_eq!(
        (more.others[0].snapshot.generation, &more.others[0].holders),
        (2, &held.holders[1..].to_vec())
    );
    let standing: snapshots::Standing = fixture!("standing");
    assert_eq!((standing.admitted, standing.role), (true, None));
}

#[test]
fn what_is_said_of_salt_stays_readable() {
    let told: salt::MinionKey = fixture!("minion");
    assert!(told.key.is_some());
    let standing: salt::MinionStanding = fixture!("minion-standing");
    assert_eq!(standing.master.map(|master| master.return_port), Some(4506));
    let report: salt::SaltReport = fixture!("salt-report");
    let done = report.done.expect("something was done");
    assert!(report.part == salt::Part::Orchestrations && done.steps[0].succeeded);
    let work: salt::SaltWork = fixture!("salt-work");
    assert_eq!(work.errand.map(|errand| errand.id()), Some("orchestrate 7.1".to_owned()));
    let work: salt::SaltWork = fixture!("salt-work-key");
    assert!(matches!(work.errand, Some(salt::SaltErrand::Accept { .. })));
}
