//! One trace shows a whole join: the joiner's command, the master, and the agent that follows.

use crate::support::{Machine, Run, eventually};
use collector::{Collector, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[expect(dead_code, reason = "the unit tests of telemetry use the rest")]
#[path = "../../src/telemetry/tests/collector.rs"]
mod collector;

/// A span as it was exported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    /// The program that it is of.
    service: String,
    name: String,
    /// Its attributes that are texts.
    attributes: BTreeMap<String, String>,
}

/// The fields of a message of protobuf that have a length, by their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    fn number(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = number(&mut bytes);
        let length = match key & 7 {
            0 => {
                number(&mut bytes);
                continue;
            }
            1 => 8,
            2 => number(&mut bytes) as usize,
            5 => 4,
            kind => panic!("a field of kind {kind}"),
        };
        let (value, rest) = bytes.split_at(length);
        found.push((key >> 3, value));
        bytes = rest;
    }
    found
}

fn within(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    fields(message).into_iter().filter(move |(number, _)| *number == wanted).map(|(_, value)| value)
}

fn text(message: &[u8], wanted: u64) -> String {
    within(message, wanted)
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .next()
        .unwrap_or_default()
}

/// The attributes in the field of this number.
fn attributes(message: &[u8], wanted: u64) -> BTreeMap<String, String> {
    let pair = |pair: &[u8]| (text(pair, 1), within(pair, 2).map(|value| text(value, 1)).collect());
    within(message, wanted).map(pair).collect()
}

/// The spans of an export, each with its trace.
fn spans(request: &Request) -> Vec<(Vec<u8>, Span)> {
    let mut found = Vec::new();
    // Before it stand five bytes of gRPC.
    for exported in within(&request.bytes()[5..], 1) {
        let resource = within(exported, 1).flat_map(|resource| attributes(resource, 1));
        let service = resource.filter(|(key, _)| key == "service.name").map(|(_, value)| value).collect();
        let service: String = service;
        for span in within(exported, 2).flat_map(|scope| within(scope, 2).collect::<Vec<_>>()) {
            let trace = within(span, 1).next().expect("every span has a trace").to_vec();
            let (service, name, attributes) = (service.clone(), text(span, 5), attributes(span, 9));
            found.push((trace, Span { service, name, attributes }));
        }
    }
    found
}

/// What a span is of, in a word: `eos-master POST /v1/register`.
fn called(span: &Span) -> String {
    let attribute = |key: &str| span.attributes.get(key).map_or("", String::as_str);
    match span.name.as_str() {
        "request" => format!("{} {} {}", span.service, attribute("method"), attribute("path")),
        "step" => format!("{} step {}", span.service, attribute("step")),
        "command" => format!("{} command {}", span.service, attribute("name")),
        name => format!("{} {name}", span.service),
    }
}

/// What a join is made of, in one trace.
const JOIN: &[&str] = &[
    "eos step register",
    "eos command bootstrap",
    "eos step pull-snapshot",
    "eos step confirm",
    "eos-master GET /v1/hello",
    "eos-master POST /v1/dial-back",
    "eos-master POST /v1/register",
    "eos-master POST /v1/member/lease",
    "eos-master POST /v1/member/confirm",
    "eos-agent generation",
    "eos-master GET /v1/snapshots/latest",
    "eos-master GET /v1/snapshots/{id}/embedded",
    "eos-master GET /v1/member/desired",
    "eos-agent step apply-states",
];

/// A join that lasts until its lease was renewed: the master holds back one of its messages until then.
fn join_slowly(joiner: &Machine, master: &Machine) {
    let held = serde_json::json!([
        {"message": "GET /v1/snapshots/latest", "from": joiner.address, "fault": "hold"}
    ]);
    master.put("run/eos/test-faults.json", &held.to_string(), 0o600);
    master.put("run/eos/test-messages", "", 0o600);
    let mut command = joiner.command(&joiner.join(master));
    command.env("EOS_TOKEN", master.token()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let joining = command.spawn().unwrap();
    let said = || std::fs::read_to_string(master.path("run/eos/test-messages")).unwrap();
    let taken = master.path("run/eos/test-fault-hold.taken");
    let renewed =
        eventually(Duration::from_secs(30), || said().contains("/v1/member/lease") && taken.exists());
    assert!(renewed, "{}", said());
    std::fs::remove_file(taken).unwrap();
    Run::from(joining.wait_with_output().unwrap()).ends_with(0);
}

#[test]
fn one_trace_shows_a_whole_join_on_the_joiner_the_master_and_the_agent_that_follows() {
    let collector = Collector::listen();
    let master = Machine::empty("127.0.75.1", "node1");
    let joiner = Machine::empty("127.0.75.2", "node2");
    for machine in [&master, &joiner] {
        let text = format!("telemetry:\n  otlp_endpoint: {}\n", collector.endpoint());
        machine.put("etc/eos/cluster.yaml.d/telemetry.yaml", &text, 0o644);
    }
    master.found();
    join_slowly(&joiner, &master);

    // Daemons export every few seconds; the last to come is what the first node's agent did.
    let began = Instant::now();
    let mut traces: BTreeMap<Vec<u8>, BTreeSet<String>> = BTreeMap::new();
    loop {
        for (trace, span) in collector.received(1).iter().flat_map(spans) {
            traces.entry(trace).or_default().insert(called(&span));
        }
        let join = traces.values().find(|spans| spans.contains(JOIN[0]));
        let missing = JOIN.iter().filter(|wanted| join.is_none_or(|spans| !spans.contains(**wanted)));
        let missing: Vec<_> = missing.collect();
        if missing.is_empty() {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "without {missing:?}: {join:#?}");
    }
}
