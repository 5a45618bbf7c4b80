//! `eos discover`: the clusters that answered, and what was tried when none did.

use crate::discovery::ask::{Trouble, Way};
use crate::discovery::choice::spoken;
use crate::discovery::doctor::Diagnosis;
use crate::discovery::{Findings, Found, Standing, family};
use crate::view::Output;
use crate::view::paragraph::clean;
use crate::view::table::table;
use serde_json::{Value, json};

/// The clusters in a table, and what else there is to say of the answers.
pub fn text(output: &Output, findings: &Findings) -> String {
    let rows: Vec<[String; 6]> = findings
        .clusters
        .iter()
        .map(|found| {
            let said = &found.statement;
            [
                said.cluster.clone(),
                format!("{} at {}", said.node, found.address()),
                said.authority.short(),
                said.versions.version.clone(),
                format!("{} {}, {} ms", found.interface, family(found.group), found.after.as_millis()),
                state(found),
            ]
        })
        .collect();
    let mut text = String::new();
    if !rows.is_empty() {
        let header = ["CLUSTER", "MASTER", "AUTHORITY", "VERSION", "HEARD ON", "STATE"];
        text.push_str(&table(output.width, header, &rows));
    }
    for (from, version) in &findings.unread {
        text.push_str(&format!(
            "a master at {from} answers in version {version} of discovery, which this eos does not read\n"
        ));
    }
    if findings.ignored.total() > 0 {
        let ignored = findings.ignored;
        text.push_str(&format!(
            "put aside: {} forged, {} replayed, {} malformed, {} too many\n",
            ignored.forged, ignored.replayed, ignored.malformed, ignored.excess
        ));
    }
    text
}

fn state(found: &Found) -> String {
    match &found.standing {
        _ if !found.speaks() => format!("speaks {}", spoken(&found.statement.versions)),
        Standing::Verified => "verified".to_owned(),
        Standing::Unverified(why) => format!("not verified: {}", clean(why)),
    }
}

/// The same for programs.
pub fn json(findings: &Findings) -> Value {
    let clusters: Value = findings.clusters.iter().map(cluster).collect();
    let unread: Value =
        findings.unread.iter().map(|(from, version)| json!({ "from": from, "version": version })).collect();
    json!({
        "clusters": clusters,
        "unread": unread,
        "ignored": findings.ignored,
        "interfaces": ways(&findings.ways),
        "elapsed_ms": milliseconds(findings.elapsed),
    })
}

fn cluster(found: &Found) -> Value {
    let said = &found.statement;
    let why = match &found.standing {
        Standing::Verified => None,
        Standing::Unverified(why) => Some(clean(why)),
    };
    json!({
        "cluster": said.cluster,
        "node": said.node,
        "address": found.address(),
        "addresses": said.addresses,
        "authority": said.authority,
        "version": said.versions.version,
        "protocol": said.versions.protocol,
        "oldest_protocol": said.versions.oldest_protocol,
        "speaks": found.speaks(),
        "verified": why.is_none(),
        "why": why,
        "from": found.from,
        "interface": found.interface,
        "family": family(found.group),
        "after_ms": milliseconds(found.after),
    })
}

/// Why nobody answered, for programs; beside the error.
pub fn diagnosis(findings: &Findings, diagnosis: &Diagnosis) -> Value {
    json!({ "diagnosis": {
        "cause": diagnosis.cause.to_string(),
        "findings": diagnosis.findings,
        "ignored": findings.ignored,
        "interfaces": ways(&findings.ways),
        "elapsed_ms": milliseconds(findings.elapsed),
    }})
}

fn ways(ways: &[Way]) -> Value {
    let way = |way: &Way| {
        let trouble = way.trouble.as_ref().map(|trouble| match trouble {
            Trouble::Interface(_) => "interface",
            Trouble::NoAddress => "no-address",
            Trouble::Unsent(..) => "unsent",
            Trouble::Deaf(..) => "deaf",
        });
        json!({
            "interface": way.interface,
            "family": family(way.group),
            "sent": way.sent,
            "heard_back": way.heard_back,
            "trouble": trouble,
        })
    };
    ways.iter().map(way).collect()
}

fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::GROUP_V4;
    use crate::discovery::ask::Ignored;
    use crate::discovery::datagram::Statement;
    use crate::model::digest::Fingerprint;
    use crate::wire::version::Versions;
    use std::net::SocketAddr;
    use std::time::Duration;

    fn found(cluster: &str, last: u8, versions: Versions, standing: Standing) -> Found {
        let address = SocketAddr::from(([10, 0, 1, last], 4507));
        Found {
            statement: Statement {
                cluster: cluster.to_owned(),
                node: format!("node{last}"),
                addresses: vec![address],
                authority: Fingerprint::from_bytes([last; 32]),
                versions,
            },
            from: address,
            interface: "eth0".to_owned(),
            group: GROUP_V4,
            after: Duration::from_millis(3),
            standing,
        }
    }

    fn findings() -> Findings {
        let versions =
            |protocol, oldest_protocol| Versions { protocol, oldest_protocol, version: "0.1.0".to_owned() };
        Findings {
            clusters: vec![
                found("prod", 10, versions(2, 1), Standing::Verified),
                found("test", 20, versions(9, 8), Standing::Verified),
                found("west", 30, versions(2, 1), Standing::Unverified("no\u{1b}[31m answer".to_owned())),
            ],
            unread: vec![(SocketAddr::from(([10, 0, 1, 40], 4505)), 7)],
            ignored: Ignored { forged: 2, ..Ignored::default() },
            ways: Vec::new(),
            elapsed: Duration::from_millis(403),
        }
    }

    #[test]
    fn clusters_are_listed_with_what_keeps_them_from_being_joined() {
        let text = text(&Output::plain(200), &findings());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split("  ").collect()).collect();
        assert_eq!(lines.len(), 6, "{text}");
        for (line, words) in text.lines().zip([
            &["CLUSTER", "MASTER", "HEARD ON", "STATE"][..],
            &["prod", "node10 at 10.0.1.10:4507", "0a0a0a0a0a0a", "eth0 IPv4, 3 ms", "verified"],
            &["test", "speaks protocols 8 to 9 (0.1.0)"],
            &["west", "not verified: no"],
            &["a master at 10.0.1.40:4505 answers in version 7 of discovery"],
            &["put aside: 2 forged, 0 replayed, 0 malformed, 0 too many"],
        ]) {
            assert!(words.iter().all(|word| line.contains(word)), "{line}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn programs_get_every_cluster_with_its_standing() {
        let json = json(&findings());
        let all = json["clusters"].as_array().expect("a list");
        let told = |at: usize| (all[at]["verified"].as_bool(), all[at]["speaks"].as_bool());
        let told: Vec<_> = (0..3).map(told).collect();
        assert_eq!(told, [(Some(true), Some(true)), (Some(true), Some(false)), (Some(false), Some(true))]);
        assert_eq!(json["unread"][0]["version"], 7);
        assert_eq!((&json["ignored"]["forged"], &json["elapsed_ms"]), (&json!(2), &json!(403)));
    }
}
