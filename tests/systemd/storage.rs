//! Storage operations where systemd runs the services, the journal and the machine's own trust in authorities.

use super::cluster::SETTLE;
use super::conditions::until;
use super::host::Host;
use super::lab::Lab;
use super::receiver::{self, Receiver};
use serde_json::Value;
use std::collections::BTreeSet;

const DEMO: &str =
    "[Service]\nExecStart=/bin/sleep infinity\nRestart=always\n[Install]\nWantedBy=multi-user.target\n";

/// Where authorities are that the machine trusts.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";

fn put(host: &Host, path: &str, content: &str) {
    let script = r#"mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1.new" && mv "$1.new" "$1""#;
    host.run(&["sh", "-c", script, "sh", path, content]);
}

/// A `storage-ops.yaml` of a node that acts on a mount; the monitor looks when it is written, and at each interval.
fn configure(host: &Host, interval: u32, mount: &str, more: &str) {
    let text = format!(
        "version: 1\nscale: single\nrole: monolith\nmode: act\ninterval_seconds: {interval}\nmounts: [{mount}]\n\
         thresholds: {{warning: 60, compress: 70, cleanup: 75, degraded: 80, emergency: 85, critical: 90}}\n\
         retention: {{logs: 30, backups: 30, cache: 7}}\n\
         classes: {{critical: [], important: [], standard: [], expendable: []}}\n{more}"
    );
    put(host, "/etc/eos/storage-ops.yaml", &text);
}

/// A node with a small file system at `/data`, and a service that runs.
fn node(lab: &Lab) -> Host {
    let host = Host::boot(lab, 1);
    put(&host, "/etc/systemd/system/demo.service", DEMO);
    host.run(&["systemctl", "daemon-reload"]);
    host.run(&["systemctl", "start", "demo"]);
    host.run(&["mkdir", "/data"]);
    host.run(&["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", "/data"]);
    host.run(&["eos", "bootstrap", "--single-node"]);
    host
}

/// Returns when the service is as wanted.
fn demo_is(host: &Host, wanted: &str) {
    until(&format!("demo is {wanted}"), SETTLE, || {
        let state = host.property("demo", "ActiveState");
        let status =
            || host.output(&["cat", "/run/eos/storage-monitor.json", "/run/eos/storage-errands.json"]);
        if state == wanted { Ok(()) } else { Err((state, status())) }
    });
}

#[test]
fn a_named_service_is_stopped_by_the_confined_agent_and_started_again_and_one_that_did_not_run_is_left() {
    let lab = Lab::new(1);
    let host = node(&lab);
    put(&host, "/etc/systemd/system/idle.service", DEMO);
    host.run(&["systemctl", "daemon-reload"]);
    configure(&host, 1, "/data", "services: [demo, idle]\nactions: {degraded: [stop-services]}\n");
    host.run(&["fallocate", "-l", "27M", "/data/much"]);
    demo_is(&host, "inactive");
    assert_eq!(host.property("demo", "Result"), "success", "it was ended in order");
    // Whoever is restarted meanwhile goes on from its record.
    host.run(&["systemctl", "restart", "eos-agent", "eos-storage-monitor"]);
    assert_eq!(host.property("demo", "ActiveState"), "inactive");
    host.run(&["rm", "/data/much"]);
    demo_is(&host, "active");
    assert_eq!(host.property("idle", "ActiveState"), "inactive");
}

#[test]
fn a_webhook_is_told_over_tls_by_an_authority_of_the_machine_and_nothing_is_sent_while_it_is_a_strangers() {
    let lab = Lab::new(1);
    let host = node(&lab);
    let receiver = Receiver::on(&lab, &host);
    put(&host, "/etc/hosts", &format!("127.0.0.1 localhost {}\n", receiver::NAME));
    put(&host, TRUSTED, &receiver::stranger("another authority"));
    let webhook = format!("notify: {{webhook: 'https://{}:8443/x'}}\n", receiver::NAME);
    host.run(&["fallocate", "-l", "27M", "/data/much"]);
    let notify = format!("actions: {{degraded: [notify]}}\n{webhook}");
    configure(&host, 600, "/data", &notify);
    let turns_away = |reason: &str| {
        until("the agent turns away", SETTLE, || {
            let refused = receiver.refused();
            if refused.contains(reason) { Ok(()) } else { Err(refused) }
        });
    };
    turns_away("UnknownCA");
    // One that only has the name of the right one signed nothing either.
    put(&host, TRUSTED, &receiver::stranger(receiver::AUTHORITY));
    turns_away("DecryptError");
    assert_eq!(receiver.heard(), "", "nobody is told whose certificate is not trusted");
    put(&host, TRUSTED, &receiver.authority);
    let raised = until("what was not told is told again", SETTLE, || {
        let heard = receiver.heard();
        heard.lines().next().map(str::to_owned).ok_or(receiver.refused())
    });
    let raised: Value = serde_json::from_str(&raised).unwrap();
    assert_eq!(
        (&raised["event"], &raised["level"], &raised["mount"]),
        (&"raised".into(), &"degraded".into(), &"/data".into())
    );
    host.run(&["rm", "/data/much"]);
    configure(&host, 599, "/data", &notify);
    until("the recovery is told", SETTLE, || {
        let heard = receiver.heard();
        if heard.contains("\"recovered\"") { Ok(()) } else { Err(heard) }
    });
}

/// Makes every file of the journal old.
const AGED: &str = "touch -d '60 days ago' /var/log/journal/*/*";

/// What a cleanup lists.
fn paths(report: &Value) -> BTreeSet<String> {
    let listed = report["listed"].as_array().into_iter().flatten();
    listed.map(|file| file["path"].as_str().unwrap().to_owned()).collect()
}

/// The archived files of the journal.
fn archived(host: &Host) -> BTreeSet<String> {
    let found = host.run(&["find", "/var/log/journal", "-name", "*@*"]);
    found.lines().map(str::to_owned).collect()
}

#[test]
fn what_is_vacuumed_is_what_journalctl_takes_for_archived_and_journald_goes_on() {
    let lab = Lab::new(1);
    let host = node(&lab);
    host.run(&["mkdir", "-p", "/var/log/journal"]);
    host.run(&["systemctl", "restart", "systemd-journald"]);
    host.run(&["journalctl", "--flush"]);
    let say = |text: &str| {
        host.run(&["systemd-cat", "-t", "eos-test", "echo", text]);
        until("it is in the journal", SETTLE, || {
            let told = host.output(&["journalctl", "--quiet", "--output=cat", "-t", "eos-test"]);
            if told.lines().any(|line| line == text) { Ok(()) } else { Err(told) }
        });
    };
    for text in ["first", "second", "third"] {
        say(text);
        host.run(&["journalctl", "--rotate"]);
    }
    say("young");
    let before = archived(&host);
    assert!(before.len() >= 3, "{before:?}");
    // The same directory, of which journalctl itself takes all that it may.
    host.run(&["cp", "-a", "/var/log/journal", "/srv/journal"]);
    host.run(&["sh", "-ec", "journalctl -D /srv/journal/* --vacuum-size=1 --quiet"]);
    let kept = host.run(&["sh", "-c", "find /srv/journal -type f | sed s,^/srv,/var/log,"]);
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let there = host.run(&["find", "/var/log/journal", "-type", "f"]);
    let there: BTreeSet<String> = there.lines().map(str::to_owned).collect();
    let by_journalctl: BTreeSet<String> = there.difference(&kept).cloned().collect();
    configure(&host, 1, "/", "actions: {critical: [vacuum-journal]}\n");
    let cleanup = |more: &[&str]| {
        let answer = host.eos(&[&["storage", "cleanup", "--level", "critical"], more].concat());
        answer["result"]["actions"][0]["report"].clone()
    };
    assert_eq!(cleanup(&[])["files"], 0, "all of it is young");
    host.run(&["sh", "-c", AGED]);
    let told = cleanup(&["--dry-run"]);
    let listed: BTreeSet<String> = paths(&told);
    // Old as all are, those that are written to are not among them; nor is the one that journald closes with the next
    // rotation, which journalctl would take from it.
    let open = told["kept"]["open"]["example"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    assert_eq!(told["kept"]["open"]["count"], 1, "{told}");
    let both: BTreeSet<String> = listed.iter().chain([&open]).cloned().collect();
    assert_eq!((both, listed.contains(&open)), (by_journalctl, false));
    // One whose last entry is young stays, which journalctl would take, since its first one is old.
    let young = listed.iter().next().unwrap().clone();
    host.run(&["touch", &young]);
    let journald = host.property("systemd-journald", "MainPID");
    assert_eq!(cleanup(&[])["files"], listed.len() - 1);
    assert_eq!(archived(&host), BTreeSet::from([young, open.clone()]));
    say("after");
    host.run(&["journalctl", "--verify", "--quiet"]);
    host.run(&["journalctl", "--rotate"]);
    say("after a rotation");
    until("it is closed by journald, and taken", SETTLE, || {
        host.run(&["sh", "-c", AGED]);
        let told = cleanup(&[]);
        if archived(&host).contains(&open) { Err(told) } else { Ok(()) }
    });
    assert_eq!(host.property("systemd-journald", "MainPID"), journald, "it runs on");
}
