//! The status of clusters in good and bad shape.

use super::*;
use crate::model::explain::Failure;
use crate::model::role::Role;
use crate::view::{Output, samples};
use crate::wire::admin::NodeStatus;

/// A cluster in which everything that can be at risk is.
fn troubled() -> (ClusterStatus, Local) {
    let mut cluster = samples::cluster();
    cluster.nodes = vec![
        samples::node(1, Role::Core),
        NodeStatus {
            last_seen_ms: Some(125_000),
            version: "0.0.9".to_owned(),
            failure: Some(samples::failure()),
            ..samples::node(2, Role::Edge)
        },
        NodeStatus {
            generation: 6,
            converged: false,
            monitor: Some("no pass for 95 s".to_owned()),
            storage_level: Some("warning (71 %)".to_owned()),
            ..samples::node(3, Role::Data)
        },
        NodeStatus {
            state: "pending".to_owned(),
            role: None,
            preferred: Some(Role::Data),
            ..samples::node(4, Role::Data)
        },
    ];
    cluster.operations = vec![samples::operation()];
    let local = Local {
        services: vec![("eos-agent".to_owned(), "failed".to_owned(), false)],
        storage: vec![samples::watched("/var/lib/eos", Level::Emergency, 93.25)],
        operation: Some(running(660_000)),
        ..samples::local()
    };
    (cluster, local)
}

fn running(age_ms: u64) -> Running {
    Running { what: "agent: generation 7".to_owned(), process: 4711, age_ms }
}

fn shown(width: usize, cluster: Option<&ClusterStatus>, local: &Local) -> String {
    text(&Output::plain(width), cluster, local)
}

#[test]
fn a_healthy_cluster_is_ok_and_says_so_first() {
    assert_eq!(
        shown(80, Some(&samples::cluster()), &samples::local()),
        "\
OK

cluster    prod-cluster-001, 4 nodes, scale small, generation 7
master     10.0.0.1:7700, eos 0.1.0
authority  sha256:def
this node  node1, core, generation 7, confirmed
service    eos-master: running, ready
service    eos-agent: running, ready
storage    /: 41.5 %, normal

NAME   ROLE  STATE   GENERATION   LAST SEEN  VERSION  ADDRESS
node1  core  active  7 converged  4 s ago    0.1.0    10.0.0.1
node2  edge  active  7 converged  4 s ago    0.1.0    10.0.0.2
node3  data  active  7 converged  4 s ago    0.1.0    10.0.0.3
node4  data  active  7 converged  4 s ago    0.1.0    10.0.0.4

snapshots of the cluster's own state; `eos snapshot list` has whole ids
ID            SOURCE   MADE                  SIZE
1a2b3c4d1a2b  cluster  2026-01-02T03:04:05Z  1.4 GiB
"
    );
}

#[test]
fn what_was_restored_is_told_of_this_node() {
    let local = Local { restores: vec![samples::restored()], ..samples::local() };
    let line = "\nrestored   metrics: snapshot 1a2b3c4d1a2b since 2026-01-02 03:04:05, what was there before is kept\n";
    let text = shown(120, Some(&samples::cluster()), &local);
    assert!(text.contains(line), "{text}");
    let told = json(&Output::plain(120), None, &local);
    assert_eq!(told["local"]["restores"][0]["last_attempt"]["outcome"], "restored");
}

/// What follows the risks at 80 and at 120 columns.
const FACTS: &str = "
cluster    prod-cluster-001, 3 nodes, 1 pending, scale small, generation 7
master     10.0.0.1:7700, eos 0.1.0
authority  sha256:def
this node  node1, core, generation 7, confirmed
service    eos-agent: failed
storage    /var/lib/eos: 93.2 %, emergency

NAME   ROLE               STATE    GENERATION       LAST SEEN  VERSION  ADDRESS
node1  core               active   7 converged      4 s ago    0.1.0    10.0.0.1
node2  edge               active   7 converged      2 min ago  0.0.9    10.0.0.2
node3  data               active   6 not converged  4 s ago    0.1.0    10.0.0.3
node4  - (asks for data)  pending  -                4 s ago    0.1.0    10.0.0.4

NOT A MEMBER  ID   STATE    ADDRESS
node4         id4  pending  10.0.0.4

OPERATION            STAGE     FOR     REMAINING   HOLDER
join of node5        snapshot  12 s    9 min 48 s  node5
agent: generation 7  -         11 min  -           node1 (pid 4711)

snapshots of the cluster's own state; `eos snapshot list` has whole ids
ID            SOURCE   MADE                  SIZE
1a2b3c4d1a2b  cluster  2026-01-02T03:04:05Z  1.4 GiB
";

#[test]
fn every_risk_is_told_in_one_line_at_120_columns() {
    let (cluster, local) = troubled();
    let risks = "\
ERROR

x Availability risk: eos-agent on node1 is failed
x Capacity risk: /var/lib/eos on node1 is at level emergency (93.2 %)
x Consistency risk: node2 could not apply generation 7: the master 10.0.0.1:7700 did not answer within 10 s [EOS-J012]
  hint: on node2: see whether it runs: systemctl status eos-master
! Consistency risk: agent: generation 7 has not ended on node1 for 11 min
  hint: see what it is: ps -fp 4711
! Data loss risk: 1 node with the role data; a failure of node3 loses its data
! Availability risk: node2 was not seen for 2 min
  hint: on node2, see whether its agent runs: eos status
! Compatibility risk: node2 runs eos 0.0.9, the master eos 0.1.0
! Consistency risk: node3 is at generation 6 of 7
! Capacity risk: storage on node3 is not watched: no pass for 95 s
! Capacity risk: the fullest mount of node3 is at level warning (71 %)
! Pending: node4 at 10.0.0.4 asks to join with the key sha256:abc
  hint: compare the key with the one it shows, then run `eos node accept node4`
";
    assert_eq!(shown(120, Some(&cluster), &local), format!("{risks}{FACTS}"));
}

#[test]
fn a_long_risk_is_broken_at_80_columns_and_the_facts_are_the_same() {
    let (cluster, local) = troubled();
    let text = shown(80, Some(&cluster), &local);
    let risk = "
x Consistency risk: node2 could not apply generation 7: the master 10.0.0.1:7700
  did not answer within 10 s [EOS-J012]
  hint: on node2: see whether it runs: systemctl status eos-master
";
    assert!(text.contains(risk), "{text}");
    assert!(text.ends_with(FACTS), "{text}");
}

#[test]
fn nodes_and_operations_are_blocks_at_40_columns_and_commands_stay_whole() {
    let (mut cluster, mut local) = troubled();
    cluster.nodes.drain(..3);
    local.storage.clear();
    assert_eq!(
        shown(40, Some(&cluster), &local),
        "\
ERROR

x Availability risk: eos-agent on node1
  is failed
! Consistency risk: agent: generation 7
  has not ended on node1 for 11 min
  hint: see what it is: ps -fp 4711
! Availability risk: no node is an
  active member
! Pending: node4 at 10.0.0.4 asks to
  join with the key sha256:abc
  hint: compare the key with the one it shows, then run `eos node accept node4`

cluster    prod-cluster-001, 0 nodes, 1
           pending, scale small,
           generation 7
master     10.0.0.1:7700, eos 0.1.0
authority  sha256:def
this node  node1, core, generation 7,
           confirmed
service    eos-agent: failed

node4
  role        - (asks for data)
  state       pending
  generation  -
  last seen   4 s ago
  version     0.1.0
  address     10.0.0.4

NOT A MEMBER  ID   STATE    ADDRESS
node4         id4  pending  10.0.0.4

join of node5
  stage      snapshot
  for        12 s
  remaining  9 min 48 s
  holder     node5
agent: generation 7
  stage      -
  for        11 min
  remaining  -
  holder     node1 (pid 4711)

snapshots of the cluster's own state;
`eos snapshot list` has whole ids
1a2b3c4d1a2b
  source  cluster
  made    2026-01-02T03:04:05Z
  size    1.4 GiB
"
    );
}

#[test]
fn without_the_master_the_node_tells_what_it_knows() {
    let local = Local {
        master_error: Some(samples::failure()),
        confirmed: false,
        role: None,
        generation: None,
        services: Vec::new(),
        ..samples::local()
    };
    assert_eq!(
        shown(80, None, &local),
        "\
ERROR

x Availability risk: the master 10.0.0.1:7700 did not answer within 10 s
  [EOS-J012]
  hint: see whether it runs: systemctl status eos-master
! Membership risk: node1 is not confirmed by the master
  hint: go on with it: eos bootstrap

this node  node1, no role yet, generation none, not confirmed
storage    /: 41.5 %, normal
"
    );
    let document = json(&Output::plain(80), None, &local);
    assert_eq!(document["cluster"], serde_json::Value::Null);
    assert_eq!(document["nodes"][0]["name"], "node1");
    assert_eq!(document["nodes"][0]["state"], "joining");
    assert_eq!(document["local"]["master_error"]["code"], "EOS-J012");
}

#[test]
fn since_when_the_master_is_lost_is_told_with_the_reason_it_had_then() {
    let lost = Lost {
        version: 1,
        since: "2026-01-02T03:04:05Z".parse().expect("a time"),
        code: "EOS-J020".to_owned(),
        message: "the master 10.0.0.1:7700 refused the connection".to_owned(),
    };
    let away = Local {
        master_error: Some(samples::failure()),
        master_lost: Some((lost.clone(), 250_000)),
        ..samples::local()
    };
    let text = shown(300, None, &away);
    let told = "within 10 s [EOS-J012]; the agent here lost it 4 min ago, at 2026-01-02T03:04:05Z: the master \
                10.0.0.1:7700 refused the connection [EOS-J020]";
    assert!(text.contains(told), "{text}");
    let document = json(&Output::plain(80), None, &away);
    assert_eq!(document["local"]["master_lost"]["since"], "2026-01-02T03:04:05Z");
    // It answers by now, and the agent has not noticed yet.
    let back = Local { master_lost: Some((lost, 250_000)), ..samples::local() };
    assert!(!shown(200, Some(&samples::cluster()), &back).contains("lost it"));
}

#[test]
fn a_node_that_was_put_out_or_forgotten_does_not_call_itself_confirmed() {
    for code in ["EOS-J010", "EOS-J011", "EOS-J041"] {
        let failure = Failure { code: code.to_owned(), ..samples::failure() };
        let text = shown(80, None, &Local { master_error: Some(failure), ..samples::local() });
        assert!(text.contains("this node  node1, core, generation 7, not a member any more\n"), "{text}");
    }
}

fn risks(cluster: &ClusterStatus) -> Vec<String> {
    warnings(&Output::plain(80), Some(cluster), &samples::local())
        .into_iter()
        .map(|warning| warning.text)
        .collect()
}

#[test]
fn the_command_that_lets_one_of_two_of_a_name_in_has_its_id() {
    let mut cluster = samples::cluster();
    for node in &mut cluster.nodes[2..] {
        node.state = "pending".to_owned();
        node.name = samples::name("dup");
    }
    let found = warnings(&Output::plain(80), Some(&cluster), &samples::local());
    let hints: Vec<String> = found.into_iter().flat_map(|warning| warning.hints).collect();
    let wanted = ["id3", "id4"]
        .map(|id| format!("compare the key with the one it shows, then run `eos node accept {id}`"));
    assert_eq!(hints, wanted);
}

#[test]
fn a_small_cluster_is_a_risk_by_its_size() {
    let mut cluster = samples::cluster();
    cluster.nodes.truncate(1);
    assert_eq!(risks(&cluster), ["Reliability risk: 1 node; a failure of it loses the cluster"]);
    assert_eq!(health(&Output::plain(80), Some(&cluster), &samples::local()), Health::Warning);
    cluster.nodes.push(samples::node(2, Role::Edge));
    assert_eq!(risks(&cluster), ["Reliability risk: no node has the role data"]);
}

#[test]
fn a_service_that_an_operation_starts_is_no_error_and_the_operation_is_listed() {
    let starting = ("eos-storage-monitor".to_owned(), STARTING.to_owned(), false);
    let mut local = Local { services: vec![starting], ..samples::local() };
    let cluster = samples::cluster();
    assert_eq!(health(&Output::plain(80), Some(&cluster), &local), Health::Error, "nobody waits for it");
    local.operation = Some(running(2_000));
    let found = warnings(&Output::plain(80), Some(&cluster), &local);
    let told: Vec<(Health, &str)> = found.iter().map(|found| (found.level, found.text.as_str())).collect();
    assert_eq!(
        told,
        [(Health::Warning, "Availability risk: eos-storage-monitor on node1 is starting")],
        "an operation that goes on is no risk by itself"
    );
    let line = "agent: generation 7  -      2.0 s  -          node1 (pid 4711)\n";
    assert!(shown(80, Some(&cluster), &local).contains(line), "{}", shown(80, Some(&cluster), &local));
    let document = json(&Output::plain(80), Some(&cluster), &local);
    let operation = &document["operations"][0];
    assert_eq!(operation["what"], "agent: generation 7");
    assert_eq!((&operation["holder"], &operation["age_ms"]), (&"node1 (pid 4711)".into(), &2_000.into()));
    local.services[0].1 = "failed: exit status 1".to_owned();
    assert_eq!(health(&Output::plain(80), Some(&cluster), &local), Health::Error);
}

#[test]
fn snapshots_have_a_heading_and_columns_at_60_columns_too() {
    let text = shown(60, Some(&samples::cluster()), &samples::local());
    let wanted = "
snapshots of the cluster's own state; `eos snapshot list`
has whole ids
ID            SOURCE   MADE                  SIZE
1a2b3c4d1a2b  cluster  2026-01-02T03:04:05Z  1.4 GiB
";
    assert!(text.ends_with(wanted), "{text}");
}

#[test]
fn silence_is_a_risk_from_a_minute_on_and_an_error_from_five() {
    let mut cluster = samples::cluster();
    let mut after = |silent| {
        cluster.nodes[1].last_seen_ms = silent;
        warnings(&Output::plain(80), Some(&cluster), &samples::local())
            .into_iter()
            .map(|warning| (warning.level, warning.text))
            .next()
    };
    let warned = |level, text: &str| Some((level, text.to_owned()));
    assert_eq!(after(Some(59_999)), None);
    assert_eq!(
        after(Some(60_000)),
        warned(Health::Warning, "Availability risk: node2 was not seen for 1 min")
    );
    assert_eq!(
        after(Some(300_000)),
        warned(Health::Error, "Availability risk: node2 was not seen for 5 min")
    );
    let never = "Availability risk: node2 was not seen since the master started";
    assert_eq!(after(None), warned(Health::Warning, never));
}

#[test]
fn what_this_node_says_of_itself_is_not_told_twice() {
    let mut cluster = samples::cluster();
    cluster.nodes[0].monitor = Some("no pass for 95 s".to_owned());
    cluster.nodes[0].storage_level = Some("critical (99 %)".to_owned());
    let local = Local { monitor: Some("no pass for 96 s".to_owned()), ..samples::local() };
    let told: Vec<String> = warnings(&Output::plain(80), Some(&cluster), &local)
        .into_iter()
        .map(|warning| warning.text)
        .collect();
    assert_eq!(told, ["Capacity risk: storage on node1 is not watched: no pass for 96 s"]);
}

#[test]
fn many_risks_are_counted_after_the_worst_twenty() {
    let mut cluster = samples::cluster();
    cluster.nodes = (1..=24)
        .map(|number| NodeStatus {
            last_seen_ms: Some(u64::from(number) * 20_000),
            ..samples::node(number, Role::Data)
        })
        .collect();
    let text = shown(80, Some(&cluster), &samples::local());
    assert!(text.starts_with("ERROR\n\nx Availability risk: node15 was not seen for 5 min\n"), "{text}");
    assert!(text.contains("\n  and 2 more: `eos status --output json` lists all\n"), "{text}");
}

#[test]
fn colour_marks_the_level_and_changes_no_line() {
    let (cluster, local) = troubled();
    let coloured = text(&Output { color: true, ..Output::plain(40) }, Some(&cluster), &local);
    assert!(
        coloured
            .starts_with("\u{1b}[1m\u{1b}[31mERROR\u{1b}[0m\n\n\u{1b}[1m\u{1b}[31mx \u{1b}[0mAvailability")
    );
    assert_eq!(coloured.lines().count(), shown(40, Some(&cluster), &local).lines().count());
}

#[test]
fn the_document_has_the_fields_that_programs_read() {
    let (cluster, local) = troubled();
    let document = json(&Output::plain(80), Some(&cluster), &local);
    let fields: Vec<&String> = document.as_object().expect("an object").keys().collect();
    let wanted = [
        "cluster",
        "health",
        "local",
        "neighbours",
        "nodes",
        "operations",
        "orchestration",
        "services",
        "snapshots",
        "warnings",
    ];
    assert_eq!(fields, wanted);
    assert_eq!(document["health"], "error");
    assert_eq!(document["warnings"][0]["level"], "error");
    assert_eq!(document["cluster"]["id"], "prod-cluster-001");
    assert_eq!(document["operations"][0]["what"], "join of node5");
    assert_eq!(document["services"][0]["healthy"], false);
    for nodes in [&document["nodes"], &json(&Output::plain(80), None, &local)["nodes"]] {
        for field in [
            "name",
            "role",
            "scale",
            "state",
            "generation",
            "converged",
            "last_seen_ms",
            "version",
            "address",
        ] {
            assert!(nodes[0].get(field).is_some(), "{field}");
        }
    }
}

#[test]
fn what_is_stopped_or_refused_and_a_mount_without_inodes_are_told() {
    let mount = Watched {
        decided_by: Resource::Inodes,
        time_to_full_seconds: Some(3 * 3600),
        ..samples::watched("/srv", Level::Degraded, 81.5)
    };
    let local = Local {
        storage: vec![mount],
        services_stopped: vec!["nginx".to_owned(), "batch".to_owned()],
        snapshots_refused: true,
        ..samples::local()
    };
    let text = shown(100, Some(&samples::cluster()), &local);
    for line in [
        "storage    /srv: 81.5 % of the inodes, degraded, full in 3 h",
        "stopped    nginx, batch, until there is room again",
        "! Capacity risk: /srv on node1 is at level degraded (81.5 % of its inodes)",
        "! Availability risk: on node1, stopped until there is room again: nginx, batch",
        "! Recovery risk: on node1, new snapshots are refused until there is room again",
    ] {
        assert!(text.lines().any(|there| there == line), "no {line} in\n{text}");
    }
}

#[test]
fn rivals_on_the_network_are_errors_with_where_they_are() {
    let (mut cluster, local) = troubled();
    let rival = |rivalry, last: u8| crate::wire::admin::Neighbour {
        rivalry,
        cluster: "prod".to_owned(),
        authority: "sha256:0a".to_owned(),
        node: format!("node{last}"),
        address: std::net::SocketAddr::from(([10, 0, 1, last], 4507)),
        since_ms: 5,
    };
    use crate::wire::admin::Rivalry::{SameName, SecondMaster};
    cluster.neighbours = vec![rival(SameName, 20), rival(SecondMaster, 30)];
    let text = shown(400, Some(&cluster), &local);
    for words in [
        "Identity risk: another cluster on this network is called prod as well: its master is node20 at \
         10.0.1.20:4507, and its authority sha256:0a",
        "Consistency risk: a second master of prod answers at 10.0.1.30:4507: node30 may be a copy of this one",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let document = json(&Output::plain(80), Some(&cluster), &local);
    assert_eq!(document["neighbours"][1]["rivalry"], "second-master");
}
