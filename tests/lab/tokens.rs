//! What lets a node in, and what does not.

use crate::support::{Host, Lab};

/// Nothing of a refused join is left: neither at the master nor at the joiner.
fn assert_nothing_happened(master: &Host, joiner: &Host) {
    let status = master.status();
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(1), "{status}");
    assert_eq!(status["cluster"]["generation"], 1);
    assert!(!joiner.path("var/lib/eos/membership.json").exists());
    assert!(!joiner.path("etc/eos").exists(), "{:?}", std::fs::read_dir(joiner.path("etc/eos")));
    assert_eq!(joiner.processes(), Vec::<i32>::new());
}

#[test]
fn a_wrong_expired_revoked_or_role_mismatched_token_is_refused_and_nothing_happens() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();

    let expired = master.token(&["--expires-seconds", "0"]);
    joiner.join(master, &["--token", &expired]).failed(5, "EOS-J003", &["expired", "eos token create"]);
    assert_nothing_happened(master, joiner);

    let created = master.eos(&["token", "create"]).done();
    master.eos(&["token", "revoke", &created.text("id")]).done();
    joiner.join(master, &["--token", &created.text("token")]).failed(5, "EOS-J004", &["was revoked"]);
    assert_nothing_happened(master, joiner);

    let data = master.token(&["--role", "data"]);
    let wrong = joiner.join(master, &["--token", &data, "--preferred-role", "edge"]);
    wrong.failed(5, "EOS-J006", &["admits the role data", "edge was asked for"]);
    assert_nothing_happened(master, joiner);
    joiner.join(master, &["--token", &data]).failed(5, "EOS-J006", &["admits the role data", "no role"]);
    assert_nothing_happened(master, joiner);

    let unknown = joiner.eos(&["token", "generate"]).done().text("token");
    joiner.join(master, &["--token", &unknown]).failed(5, "EOS-J002", &["is not valid for this cluster"]);
    assert_nothing_happened(master, joiner);

    joiner.join(master, &["--token", &data, "--preferred-role", "data"]).done();
    master.converged(2);
}

#[test]
fn a_truncated_token_is_named_as_such_before_anybody_is_asked() {
    let lab = Lab::new(2);
    let [master, joiner] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&[]);
    for cut in [5, 20, 80, token.len() - 1] {
        joiner.join(master, &["--token", &token[..cut]]).failed(2, "EOS-I011", &["truncated"]);
    }
    assert_nothing_happened(master, joiner);
    assert!(!master.read("var/lib/eos/master/audit.jsonl").contains("refuse"));
}

#[test]
fn a_token_of_another_cluster_or_another_fingerprint_is_a_mismatch_of_authorities() {
    let lab = Lab::new(3);
    let [master, foreign, joiner] = lab.hosts();
    master.bootstrap_single();
    foreign.bootstrap_single();
    let token = foreign.token(&[]);
    joiner.join(master, &["--token", &token]).failed(5, "EOS-J024", &["sha256:"]);
    assert_nothing_happened(master, joiner);
    let zeros = format!("sha256:{}", "0".repeat(64));
    joiner.join(master, &["--ca-fingerprint", &zeros]).failed(5, "EOS-J024", &[&zeros]);
    assert_nothing_happened(master, joiner);
    let right = master.status()["cluster"]["authority"].as_str().expect("a text").to_owned();
    let mut waiting = joiner.start_join(master, &["--ca-fingerprint", &right]);
    waiting.wait_for_wait("eos node accept node3");
}

#[test]
fn a_token_is_good_for_so_many_uses() {
    let lab = Lab::new(3);
    let [master, first, second] = lab.hosts();
    master.bootstrap_single();
    let token = master.token(&["--uses", "1"]);
    first.join(master, &["--token", &token]).done();
    second.join(master, &["--token", &token]).failed(5, "EOS-J005", &["was used up: 1 of 1 uses"]);
    assert_eq!(master.converged(2)["cluster"]["generation"], 2);
}
