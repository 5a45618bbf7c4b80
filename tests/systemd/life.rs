//! A cluster under systemd from its first command on: who runs, as whom, and what a second run does.

use super::cluster::{Cluster, timed};
use super::conditions::until;
use std::time::Duration;

#[test]
fn services_run_say_that_they_are_ready_and_start_at_boot() {
    let cluster = Cluster::up();
    for (host, services) in cluster.hosts() {
        for service in services {
            let is = |name: &str| host.property(service, name);
            assert_eq!((is("ActiveState"), is("SubState")), ("active".to_owned(), "running".to_owned()));
            assert_eq!((is("Type"), is("NotifyAccess")), ("notify".to_owned(), "main".to_owned()));
            assert_eq!((is("NRestarts"), is("Result")), ("0".to_owned(), "success".to_owned()), "{service}");
            // Only a readiness that was told carries a line on how it goes.
            let told = is("StatusText");
            assert!(told.starts_with("listening on ") || told.starts_with("watching "), "{service}: {told}");
            assert_eq!(host.run(&["systemctl", "is-enabled", service]).trim(), "enabled", "{service}");
            // Confined as it is, it may still forbid core files of itself.
            let limits = format!("/proc/{}/limits", is("MainPID"));
            let core = host.run(&["grep", "Max core file size", &limits]);
            assert_eq!(core.split_whitespace().skip(4).collect::<Vec<_>>(), ["0", "0", "bytes"], "{service}");
        }
    }
}

#[test]
fn the_master_runs_as_a_user_of_its_own_that_owns_its_state() {
    let cluster = Cluster::up();
    let first = &cluster.first;
    let process = first.property("eos-master", "MainPID");
    assert_eq!(first.run(&["ps", "-o", "user=", "-p", &process]).trim(), "eos");
    let foreign = first.run(&["find", "/var/lib/eos/master", "!", "-user", "eos"]);
    assert_eq!(foreign, "", "the master does not own all of its state");
    let open = first.run(&[
        "find",
        "/var/lib/eos/master",
        "/var/lib/eos/identity",
        "-maxdepth",
        "0",
        "-perm",
        "/077",
    ]);
    assert_eq!(open, "", "others can look into the master's state or the node's keys");
    let account = first.run(&["getent", "passwd", "eos"]);
    assert!(account.trim_end().ends_with(":/var/lib/eos:/usr/sbin/nologin"), "{account}");
    // No master, no user.
    assert_eq!(cluster.second.output(&["getent", "passwd", "eos"]), "");
    // What the master appends and what the operator's commands change stays in one chain.
    first.eos(&["token", "create"]);
    let verified = first.eos(&["audit", "verify"]);
    assert_eq!(verified["outcome"], "done", "{verified}");
}

#[test]
fn a_second_run_changes_nothing() {
    let cluster = Cluster::up();
    let runs = cluster.hosts().map(|(host, services)| {
        let processes =
            || services.iter().map(|service| host.property(service, "MainPID")).collect::<Vec<_>>();
        let before = processes();
        let reloads = || {
            let said = host.output(&["journalctl", "--no-pager", "--output=cat", "_PID=1"]);
            said.lines().filter(|line| line.starts_with("Reloading")).count()
        };
        let reloaded = reloads();
        assert!(reloaded > 0, "systemd tells of it");
        let again = timed("second run", || host.eos(&["bootstrap"]));
        assert_eq!(processes(), before, "services were started anew");
        assert_eq!(reloads(), reloaded, "units were read again that nobody changed");
        again["outcome"].clone()
    });
    assert_eq!(runs, ["no-change", "no-change"]);
    let joined_again = cluster.join();
    assert!(joined_again.starts_with("no change: "), "{joined_again}");
}

#[test]
fn a_second_run_starts_what_was_stopped() {
    let cluster = Cluster::up();
    cluster.second.run(&["systemctl", "stop", "eos-agent", "eos-storage-monitor"]);
    let again = cluster.second.eos(&["bootstrap"]);
    assert_eq!(
        again["result"]["started"],
        serde_json::json!(["eos-agent", "eos-storage-monitor"]),
        "{again}"
    );
    cluster.settled();
}

#[test]
fn logs_are_in_the_journal_without_any_secret() {
    let cluster = Cluster::up();
    for (host, services) in cluster.hosts() {
        for service in services {
            let stopped = ["systemctl", "restart", service];
            host.run(&stopped);
            // The journal is filled from a queue.
            until(&format!("{service} logs under its name"), Duration::from_secs(20), || {
                let name = format!("SYSLOG_IDENTIFIER={service}");
                let lines = host.output(&["journalctl", "--no-pager", "--output=cat", &name]);
                if lines.trim().is_empty() { Err(lines) } else { Ok(()) }
            });
        }
        let token = cluster.printed.split_whitespace().next_back().expect("the token is the last word");
        let secret = token.split('.').nth(3).expect("a token has four parts and a checksum");
        let journal = host.output(&["journalctl", "--no-pager", "--output=export"]);
        assert!(!journal.contains(secret), "the token's secret is in the journal");
        assert!(!journal.contains("PRIVATE KEY"), "a private key is in the journal");
    }
}

#[test]
fn a_confined_agent_writes_the_settings_of_its_role_and_a_container_leaves_the_kernel_to_its_host() {
    const KERNEL: &str = "/etc/sysctl.d/60-eos.conf";
    const LIMITS: &str = "/etc/security/limits.d/60-eos.conf";
    let swappiness = || std::fs::read_to_string("/proc/sys/vm/swappiness").unwrap();
    let before = swappiness();
    let cluster = Cluster::up();
    // By the command, which no sandbox holds; and by the agent of the first host, when the second one came.
    assert!(cluster.second.run(&["cat", KERNEL]).ends_with("\nvm.swappiness = 10\n"));
    assert!(cluster.first.run(&["cat", KERNEL]).ends_with("\nfs.inotify.max_user_instances = 1024\n"));
    assert!(!cluster.first.try_run(&["test", "-e", LIMITS]).status.success(), "only compute has limits");
    cluster.first.run(&["eos", "role", "set", "node2", "compute"]);
    until("the second host has what its role needs, and no more", Duration::from_secs(30), || {
        let limits = cluster.second.output(&["cat", LIMITS]);
        let kernel = cluster.second.try_run(&["test", "-e", KERNEL]).status.success();
        if limits.ends_with("\n* soft core 0\n") && !kernel { Ok(()) } else { Err((limits, kernel)) }
    });
    assert_eq!(swappiness(), before, "the kernel is the host's");
}
