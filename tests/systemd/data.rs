//! A node's own data under systemd: what a crash left of a restore is dealt with where hooks can do their work.

use super::cluster::{SETTLE, timed};
use super::conditions::until;
use super::host::Host;
use super::lab::Lab;

/// A service that uses the tree, stopped and started by the hooks of its source. The first `after_restore` kills
/// the restore right after the exchange.
const SOURCE: &str = r#"snapshot:
  sources:
    - name: metrics
      path: /srv/metrics
      hooks:
        before_restore: {command: [/bin/sh, -c, "echo before >> /srv/hooks && systemctl stop reader"]}
        after_restore:
          command: [/bin/sh, -c, "echo after >> /srv/hooks; test -e /srv/killed || { touch /srv/killed; kill -KILL $PPID; exit 1; }; systemctl start reader"]
        healthy: {command: [/bin/sh, -c, "echo healthy >> /srv/hooks && systemctl is-active --quiet reader"]}
"#;

const READER: &str = "[Service]\nExecStart=/bin/sleep infinity\n";

/// A source whose writers a service stands for. The first capture is killed while it holds them off.
const HELD: &str = r#"snapshot:
  sources:
    - name: metrics
      path: /srv/metrics
      hooks:
        before_capture: {command: [/bin/sh, -c, "systemctl stop reader; test -e /srv/killed || { touch /srv/killed; kill -KILL $PPID; }"]}
        after_capture: {command: [/bin/systemctl, start, reader]}
"#;

fn put(host: &Host, path: &str, content: &str) {
    host.run(&["sh", "-c", r#"mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1""#, "sh", path, content]);
}

/// A node whose restore was killed right after the exchange, and the inode of the tree that it had put in place.
fn killed(lab: &Lab) -> (Host, String) {
    let host = Host::boot(lab, 1);
    put(&host, "/etc/systemd/system/reader.service", READER);
    put(&host, "/srv/metrics/which", "captured");
    host.run(&["systemctl", "daemon-reload"]);
    host.run(&["systemctl", "start", "reader"]);
    host.run(&["eos", "bootstrap", "--single-node"]);
    put(&host, "/etc/eos/cluster.yaml.d/sources.yaml", SOURCE);
    host.eos(&["snapshot", "create", "metrics"]);
    put(&host, "/srv/metrics/which", "changed");
    let done = host.try_run(&["eos", "snapshot", "restore", "metrics"]);
    assert!(!done.status.success(), "it was killed: {done:?}");
    assert_eq!(host.run(&["cat", "/srv/hooks", "/srv/metrics/which"]), "before\nafter\ncaptured");
    host.run(&["test", "-e", "/var/lib/eos/restores/metrics.json"]);
    let inode = inode(&host);
    (host, inode)
}

fn inode(host: &Host) -> String {
    host.run(&["stat", "-c", "%i", "/srv/metrics"])
}

/// The tree stays that the restore had put in place, after its hook and its health command.
fn assert_kept(host: &Host, inode_before: &str) {
    until("the restore is finished", SETTLE, || {
        let state = host.property("eos-recovery", "ActiveState");
        let journal = host.output(&["ls", "/var/lib/eos/restores"]);
        let ended = state == "inactive" && !journal.contains("metrics.json");
        if ended { Ok(()) } else { Err((state, host.output(&["journalctl", "-u", "eos-recovery"]))) }
    });
    assert_eq!(host.property("eos-recovery", "Result"), "success");
    assert_eq!(
        host.run(&["cat", "/srv/hooks", "/srv/metrics/which"]),
        "before\nafter\nafter\nhealthy\ncaptured"
    );
    assert_eq!(inode(host), inode_before);
    assert_eq!(host.run(&["cat", "/srv/.metrics.eos/previous/which"]), "changed");
    // What the hook started is not taken along when the recovery ends.
    assert_eq!(host.property("reader", "ActiveState"), "active");
    assert_eq!(host.eos(&["snapshot", "recover"])["outcome"], "no-change");
}

#[test]
fn a_restore_that_was_killed_is_finished_when_the_agent_starts() {
    let lab = Lab::new(1);
    let (host, inode) = killed(&lab);
    timed("recovery by a start of the agent", || {
        host.run(&["systemctl", "restart", "eos-agent"]);
        assert_kept(&host, &inode);
    });
}

#[test]
fn a_restore_that_was_killed_is_finished_when_the_machine_boots() {
    let lab = Lab::new(1);
    let (mut host, inode) = killed(&lab);
    timed("recovery by a boot", || {
        host.reboot();
        assert_kept(&host, &inode);
    });
}

#[test]
fn what_a_killed_capture_stopped_is_started_again_by_the_unit_while_the_agent_runs_on() {
    let lab = Lab::new(1);
    let host = Host::boot(&lab, 1);
    put(&host, "/etc/systemd/system/reader.service", READER);
    put(&host, "/srv/metrics/which", "captured");
    host.run(&["systemctl", "daemon-reload"]);
    host.run(&["systemctl", "start", "reader"]);
    host.run(&["eos", "bootstrap", "--single-node"]);
    put(&host, "/etc/eos/cluster.yaml.d/sources.yaml", HELD);
    let agent = host.property("eos-agent", "MainPID");
    let done = host.try_run(&["eos", "snapshot", "create", "metrics"]);
    assert!(!done.status.success(), "it was killed: {done:?}");
    timed("recovery of a capture that was killed", || {
        until("what the capture stopped runs again", SETTLE, || {
            let records = host.output(&["ls", "/var/lib/eos/snapshots/captures"]);
            let state = host.property("reader", "ActiveState");
            let ended = state == "active" && records.trim().is_empty();
            if ended { Ok(()) } else { Err((state, host.output(&["journalctl", "-u", "eos-recovery"]))) }
        });
    });
    assert_eq!(host.property("eos-agent", "MainPID"), agent);
    assert_eq!(host.property("eos-recovery", "Result"), "success");
    host.eos(&["snapshot", "create", "metrics"]);
}
