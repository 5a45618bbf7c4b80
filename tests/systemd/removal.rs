//! Reset on real hosts: every file, unit and user of eos is gone, and what was there before is as it was.

use super::cluster::{Cluster, SETTLE, timed};
use super::conditions::until;
use super::host::Host;
use super::lab::Lab;

/// All below the host's own directories, and the contents of its configuration. Left out is what
/// changes by itself: logs, systemd's own state, and the copies that the tools for users keep.
const LOOK: &str = "find /etc /opt /root /srv /usr/local /var -xdev \
    \\( -path /var/log -o -path /var/lib/systemd -o -path /var/tmp \\) -prune -o \
    ! -path '/etc/*-' ! -path /etc/.pwd.lock -printf '%p %y %m %u:%g %l\\n' | LC_ALL=C sort; \
    find /etc -xdev -type f ! -path '/etc/*-' ! -path /etc/.pwd.lock -exec sha256sum {} + | LC_ALL=C sort";

fn look(host: &Host) -> Vec<String> {
    host.run(&["sh", "-c", LOOK]).lines().map(str::to_owned).collect()
}

fn assert_nothing_left(host: &Host, before: &[String]) {
    let after = look(host);
    let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let left: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(gone.is_empty() && left.is_empty(), "no longer there: {gone:#?}\nleft behind: {left:#?}");
    for database in ["passwd", "group"] {
        assert_eq!(host.output(&["getent", database, "eos"]), "", "the user or its group is left");
    }
    for list in ["list-units", "list-unit-files"] {
        assert_eq!(host.output(&["systemctl", list, "--all", "--no-legend", "eos-*"]), "", "units are left");
    }
    assert_eq!(host.output(&["pgrep", "-a", "eos"]), "", "processes are left");
    assert!(!host.try_run(&["test", "-e", "/run/eos"]).status.success(), "/run/eos is left");
}

fn reset(host: &Host) {
    let verdict = timed("reset", || host.eos(&["reset", "--verify"]));
    assert_eq!(verdict["outcome"], "done", "{verdict}");
    assert_eq!(verdict["result"]["difference"], serde_json::json!([]), "{verdict}");
    assert_eq!(verdict["result"]["kept"], serde_json::json!([]), "{verdict}");
}

#[test]
fn reset_leaves_nothing_on_either_host() {
    let lab = Lab::new(2);
    let fresh = timed("boot", || [1, 2].map(|number| Host::boot(&lab, number)));
    let before = fresh.each_ref().map(look);
    let cluster = Cluster::of(lab, fresh);
    reset(&cluster.second);
    assert_nothing_left(&cluster.second, &before[1]);
    until("the first host is alone and has converged", SETTLE, || {
        let status = cluster.first.eos(&["status"])["result"].clone();
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let alone = nodes.len() == 1 && nodes[0]["converged"] == true;
        if alone && status["local"]["operation"].is_null() { Ok(()) } else { Err(status) }
    });
    reset(&cluster.first);
    assert_nothing_left(&cluster.first, &before[0]);
    // What is gone can be made anew, and the other host joins the new cluster.
    cluster.found();
}

#[test]
fn a_bootstrap_that_fails_leaves_nothing() {
    let lab = Lab::new(1);
    let host = Host::boot(&lab, 1);
    // Something of somebody else is in the way of the last service.
    host.run(&["sh", "-c", "mkdir -p /etc/systemd/system/eos-agent.service.d && \
        printf '[Service]\\nExecStartPre=/bin/false\\n' > /etc/systemd/system/eos-agent.service.d/broken.conf && \
        systemctl daemon-reload"]);
    let before = look(&host);
    let done = host.try_run(&["eos", "bootstrap", "--single-node"]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("step start-agent failed, and everything was undone"), "{said}");
    assert!(said.contains("hint: see why: journalctl -u eos-agent -n 50"), "{said}");
    assert_nothing_left(&host, &before);
}
