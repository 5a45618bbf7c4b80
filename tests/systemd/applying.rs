//! States of a site's own that the agent applies change what they change by hand: users, packages, the kernel, mounts.
//! `eos-apply.service` does it, whole or not at all, whoever dies on the way.

use super::cluster::Cluster;
use super::conditions::until;
use super::host::Host;
use std::time::Duration;

/// How long a generation may take, attempts that fail included.
const APPLIED: Duration = Duration::from_secs(60);

/// What no sandbox of the agent lets it change. The parameter belongs to the host's own network.
const SITE: &str = "site_parameter:
  sysctl.present:
    - name: net.core.somaxconn
    - value: 5000

site_group:
  group.present:
    - name: site
    - gid: 4711

site_user:
  user.present:
    - name: deploy
    - gid: site
    - home: /home/deploy
    - shell: /bin/sh
    - require:
      - group: site_group

site_package:
  pkg.installed:
    - name: site-tool
    - refresh: True

site_mount:
  mount.mounted:
    - name: /mnt/site
    - device: tmpfs
    - fstype: tmpfs
    - mkmnt: True
    - persist: False
";

/// A command that ends when somebody writes to the gate.
const GATE: &str = "
site_gate:
  cmd.run:
    - name: cat /run/gate
    - require:
      - user: site_user
      - mount: site_mount
";

const FAILURE: &str = "
site_failure:
  test.fail_without_changes:
    - require:
      - pkg: site_package
      - mount: site_mount
";

/// A source of packages without a network: two packages, of which the second needs the first.
const PACKAGES: &str = "set -e; umask 022; mkdir -p /srv/repo; cd /srv/repo; \
    for name in site-tool site-more; do mkdir -p /tmp/$name/DEBIAN /tmp/$name/usr/bin; \
    printf 'Package: %s\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: site\\nDescription: of the site\\n' $name \
        > /tmp/$name/DEBIAN/control; \
    if [ $name = site-more ]; then echo 'Depends: site-tool' >> /tmp/$name/DEBIAN/control; fi; \
    printf '#!/bin/sh\\necho tool\\n' > /tmp/$name/usr/bin/$name; chmod 755 /tmp/$name/usr/bin/$name; \
    dpkg-deb --build /tmp/$name $name.deb; cat /tmp/$name/DEBIAN/control >> Packages; \
    printf 'Filename: ./%s.deb\\nSize: %s\\nSHA256: %s\\n\\n' $name $(stat -c %s $name.deb) \
        $(sha256sum $name.deb | cut -d' ' -f1) >> Packages; done; \
    echo 'deb [trusted=yes] file:/srv/repo ./' > /etc/apt/sources.list";

/// A cluster whose second host has these states besides those of its role.
fn cluster(states: &str) -> Cluster {
    let cluster = Cluster::up();
    cluster.second.run(&["sh", "-c", PACKAGES]);
    cluster.second.run(&["mkfifo", "/run/gate"]);
    cluster.second.run(&["sh", "-c", "echo '    - site' >> /var/lib/eos/cluster/states/top.sls"]);
    set_states(&cluster.second, states);
    cluster
}

fn set_states(host: &Host, states: &str) {
    host.run(&["sh", "-c", "printf %s \"$1\" > /var/lib/eos/cluster/states/site.sls", "sh", states]);
}

/// What the states change of a host, in words.
fn changed(host: &Host) -> Vec<&'static str> {
    let succeeds = |argv: &[&str]| host.try_run(argv).status.success();
    let looks: [(&'static str, &[&str]); 7] = [
        ("parameter", &["grep", "-qx", "5000", "/proc/sys/net/core/somaxconn"]),
        ("kept parameter", &["grep", "-q", "somaxconn", "/etc/sysctl.d/99-salt.conf"]),
        ("group", &["getent", "group", "site"]),
        ("user", &["getent", "passwd", "deploy"]),
        ("home", &["test", "-d", "/home/deploy"]),
        ("package", &["site-tool"]),
        ("mount", &["mountpoint", "-q", "/mnt/site"]),
    ];
    looks.iter().filter(|(_, argv)| succeeds(argv)).map(|(what, _)| *what).collect()
}

const ALL: [&str; 7] = ["parameter", "kept parameter", "group", "user", "home", "package", "mount"];

/// The second host gets a role, and so a generation that it has to apply.
fn give_role(cluster: &Cluster, role: &str) {
    cluster.first.run(&["eos", "role", "set", "node2", role]);
}

/// The states are at the gate.
fn at_the_gate(host: &Host) {
    until("the states are at the gate", APPLIED, || {
        let there = host.output(&["pgrep", "-c", "-f", "^cat /run/gate"]);
        let state = host.property("eos-apply", "ActiveState");
        let is_there = there.trim() == "1" && state == "activating";
        if is_there { Ok(()) } else { Err((there, state, host.journal("eos-apply"))) }
    });
}

fn open_the_gate(host: &Host) {
    host.run(&["timeout", "20", "sh", "-c", "echo > /run/gate"]);
}

#[test]
fn a_generation_changes_users_packages_kernel_and_mounts_and_a_failing_state_returns_all_of_them() {
    let cluster = cluster(&format!("{SITE}{FAILURE}"));
    let second = &cluster.second;
    assert!(changed(second).is_empty());
    give_role(&cluster, "compute");
    let failure = || {
        let status = cluster.first.eos(&["status"])["result"].clone();
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let told = nodes.iter().any(|node| node.to_string().contains("site_failure"));
        if told { Ok(()) } else { Err(status.to_string()) }
    };
    until("the master is told of the state that failed", APPLIED, failure);
    assert_eq!(second.property("eos-apply", "Result"), "exit-code", "it is the unit's failure, too");
    let log = second.output(&["cat", "/var/log/apt/history.log"]);
    assert!(log.contains("Install: site-tool") && log.contains("Purge: site-tool"), "{log}");
    until("between two attempts all is as it was", APPLIED, || {
        let idle = second.property("eos-apply", "ActiveState") == "failed";
        let left = changed(second);
        if idle && left.is_empty() { Ok(()) } else { Err((idle, left)) }
    });

    // The next attempt comes by itself, with the states as they are then.
    set_states(second, SITE);
    until("the generation is in force", APPLIED, || {
        let there = changed(second);
        if there == ALL { Ok(()) } else { Err((there, second.journal("eos-apply"))) }
    });
    cluster.settled();
    assert_eq!(second.property("eos-apply", "Result"), "success");
    assert!(second.output(&["cat", "/etc/security/limits.d/60-eos.conf"]).ends_with("\n* soft core 0\n"));
    let files = second.output(&["sh", "-c", "stat -c '%a %U' /run/eos/answer.json; ls /run/eos/order.json"]);
    assert_eq!(files, "600 root\n", "only the answer is there, and only for root");
    let said = second.journal("eos-apply");
    assert!(said.contains("step ended"), "it tells what it does: {said}");
}

#[test]
fn an_agent_that_is_killed_interrupts_nothing_and_what_is_killed_itself_is_undone_and_done_again() {
    let cluster = cluster(&format!("{SITE}{GATE}"));
    let second = &cluster.second;
    give_role(&cluster, "compute");
    at_the_gate(second);
    let operation = second.eos(&["status"])["result"]["local"]["operation"].to_string();
    assert!(operation.contains("agent: generation"), "{operation}");
    // The agent dies, and the next one finds the unit at work.
    let (agent, unit) = (second.property("eos-agent", "MainPID"), second.property("eos-apply", "MainPID"));
    second.run(&["kill", "-KILL", &agent]);
    until("the agent is back", APPLIED, || {
        let process = second.property("eos-agent", "MainPID");
        let state = second.property("eos-agent", "ActiveState");
        if process != agent && state == "active" { Ok(()) } else { Err((process, state)) }
    });
    assert_eq!(second.property("eos-apply", "MainPID"), unit, "the unit works on");
    open_the_gate(second);
    cluster.settled();
    assert_eq!(changed(second), ALL);
    assert!(!second.journal("eos-agent").contains("ended without an answer"));

    // The unit dies: a user that was there before stays, and one that was not is taken back.
    set_states(second, &format!("{}{}", SITE.replace("name: deploy", "name: other"), GATE));
    give_role(&cluster, "data");
    at_the_gate(second);
    assert_eq!(second.output(&["id", "-nu", "other"]), "other\n");
    second.run(&["kill", "-KILL", &second.property("eos-apply", "MainPID")]);
    until("the agent says so", APPLIED, || {
        let said = second.journal("eos-agent");
        if said.contains("eos-apply ended without an answer: result signal, signal 9") {
            Ok(())
        } else {
            Err(said)
        }
    });
    // The command that the killed one ran is ended before anything is undone.
    until("what the killed one had left is ended", APPLIED, || {
        let said = second.journal("eos-apply");
        if said.contains("ending what a run that was killed has left") { Ok(()) } else { Err(said) }
    });
    at_the_gate(second);
    let created = second.journal("eos-apply").matches("new user: name=other").count();
    let removed = second.output(&["journalctl", "--no-pager", "--output=cat"]);
    assert_eq!(created, 2, "what was begun is undone first: {removed}");
    assert!(removed.contains("delete user 'other'"), "{removed}");
    open_the_gate(second);
    cluster.settled();
    assert_eq!(second.output(&["id", "-nu", "other"]), "other\n");
}

#[test]
fn what_a_host_without_power_had_begun_is_undone_when_it_starts_also_without_its_master() {
    let mut cluster = cluster(&format!("{SITE}{GATE}"));
    let second = &cluster.second;
    give_role(&cluster, "compute");
    at_the_gate(second);
    open_the_gate(second);
    cluster.settled();

    // Power is lost, and the master is away when it comes back.
    set_states(second, &format!("{}{}", SITE.replace("name: deploy", "name: third"), GATE));
    give_role(&cluster, "data");
    at_the_gate(second);
    assert_eq!(second.output(&["id", "-nu", "third"]), "third\n");
    second.run(&["sync"]);
    cluster.first.run(&["systemctl", "stop", "eos-master"]);
    cluster.second.cut_power();
    cluster.second.start();
    let second = &cluster.second;
    until("what was begun is undone without the master", APPLIED, || {
        let left = second.output(&["getent", "passwd", "third"]);
        if left.is_empty() { Ok(()) } else { Err((left, second.journal("eos-apply"))) }
    });
    assert_eq!(second.output(&["id", "-nu", "deploy"]), "deploy\n", "what was there before stays");
    second.run(&["mkfifo", "/run/gate"]);
    cluster.first.run(&["systemctl", "start", "eos-master"]);
    at_the_gate(second);
    open_the_gate(second);
    cluster.settled();
    assert_eq!(second.output(&["id", "-nu", "third"]), "third\n");
}

#[test]
fn a_unit_that_is_asked_to_stop_undoes_what_it_began() {
    let cluster = cluster(&format!("{SITE}{GATE}"));
    let second = &cluster.second;
    give_role(&cluster, "compute");
    at_the_gate(second);
    // Without an agent that has it go on.
    second.run(&["systemctl", "stop", "eos-agent"]);
    second.run(&["systemctl", "stop", "--no-block", "eos-apply"]);
    open_the_gate(second);
    until("it has ended", APPLIED, || {
        let state = second.property("eos-apply", "ActiveState");
        if matches!(state.as_str(), "failed" | "inactive") { Ok(()) } else { Err(state) }
    });
    assert!(changed(second).is_empty(), "{:?}: {}", changed(second), second.journal("eos-apply"));
    second.run(&["systemctl", "start", "eos-agent"]);
    at_the_gate(second);
    open_the_gate(second);
    cluster.settled();
    assert_eq!(changed(second), ALL);
}

/// What somebody had before eos, and states change or find; and a parameter in a file that a command applies.
const CHANGES: &str = "
site_old_user:
  user.present:
    - name: old
    - shell: /bin/bash

site_old_package:
  pkg.installed:
    - name: procps

site_file:
  file.managed:
    - name: /etc/sysctl.d/70-site.conf
    - contents: net.ipv4.tcp_syn_retries = 3

site_file_in_force:
  cmd.run:
    - name: sysctl -p /etc/sysctl.d/70-site.conf
    - onchanges:
      - file: site_file
";

/// The value of the parameter in the file.
fn retries(host: &Host) -> String {
    host.run(&["cat", "/proc/sys/net/ipv4/tcp_syn_retries"]).trim().to_owned()
}

/// Gives the second host one role after the other, until the checkpoints of the first generations are gone.
fn give_roles(cluster: &Cluster, roles: &[&str]) {
    for role in roles {
        give_role(cluster, role);
        cluster.settled();
    }
}

#[test]
fn a_parameter_that_no_file_sets_any_more_has_its_value_from_before_at_once() {
    let cluster = cluster(CHANGES);
    let second = &cluster.second;
    second.run(&["useradd", "--shell", "/bin/sh", "old"]);
    let before = retries(second);
    give_roles(&cluster, &["compute"]);
    assert_eq!(retries(second), "3");
    set_states(second, "site_file:\n  file.absent:\n    - name: /etc/sysctl.d/70-site.conf\n");
    give_roles(&cluster, &["data"]);
    assert_eq!(retries(second), before);
    // What somebody else has set since stays.
    set_states(second, CHANGES);
    give_roles(&cluster, &["compute"]);
    assert_eq!(retries(second), "3");
    second.run(&["sh", "-c", "echo 5 > /proc/sys/net/ipv4/tcp_syn_retries"]);
    set_states(second, "site_file:\n  file.absent:\n    - name: /etc/sysctl.d/70-site.conf\n");
    give_roles(&cluster, &["data"]);
    assert_eq!(retries(second), "5");
}

#[test]
fn a_reset_takes_back_what_states_changed_long_ago_and_leaves_what_was_there_before() {
    let cluster = cluster(&format!("{SITE}{CHANGES}"));
    let second = &cluster.second;
    second.run(&["useradd", "--shell", "/bin/sh", "old"]);
    let before = retries(second);
    give_roles(&cluster, &["compute", "data", "compute", "data", "compute", "data", "compute"]);
    assert_eq!(changed(second), ALL);
    assert_eq!(retries(second), "3");
    let kept = second.run(&["ls", "/var/lib/eos/journal"]);
    assert!(!kept.contains("0002-"), "the saga that made the changes is gone: {kept}");
    // Of the states tree, what this test wrote stays.
    let verdict = second.eos(&["reset"]);
    assert_eq!(verdict["outcome"], "done", "{verdict}");
    assert_eq!(verdict["result"]["not_taken_back"], serde_json::json!([]), "{verdict}");
    assert_eq!(changed(second), Vec::<&str>::new(), "{verdict}");
    assert_eq!(retries(second), before);
    let old = second.run(&["getent", "passwd", "old"]);
    assert!(old.ends_with(":/bin/sh\n"), "a user from before stays, as it was: {old}");
    second.run(&["dpkg-query", "--show", "procps"]);
    let taken = verdict["result"]["taken_back"].to_string();
    for what in ["user deploy", "group site", "package site-tool", "mount /mnt/site", "user old"] {
        assert!(taken.contains(what), "{what}: {taken}");
    }
    assert!(!taken.contains("procps"), "{taken}");
}

#[test]
fn a_reset_leaves_what_somebody_else_needs_or_has_changed_and_names_the_command() {
    let cluster = cluster(&format!("{SITE}{CHANGES}"));
    let second = &cluster.second;
    second.run(&["useradd", "--shell", "/bin/sh", "old"]);
    give_roles(&cluster, &["compute"]);
    second.run(&["usermod", "--shell", "/bin/bash", "deploy"]);
    second.run(&["dpkg", "--install", "/srv/repo/site-more.deb"]);
    second.run(&["sh", "-c", "echo 6000 > /proc/sys/net/core/somaxconn"]);
    let verdict = second.eos(&["reset"]);
    let left = &verdict["result"]["not_taken_back"];
    let command = |what: &str| {
        let all = left.as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|one| one["what"] == what).map(|one| one["command"].clone());
        found.unwrap_or_else(|| panic!("{what}: {verdict}"))
    };
    assert_eq!(command("user deploy"), "userdel deploy");
    assert_eq!(command("package site-tool"), "apt-get purge site-tool");
    assert_eq!(command("parameter net.core.somaxconn"), "sysctl -w net.core.somaxconn='4096'");
    second.run(&["site-tool"]);
    second.run(&["site-more"]);
    assert_eq!(second.output(&["id", "-nu", "deploy"]), "deploy\n");
    assert_eq!(second.output(&["cat", "/proc/sys/net/core/somaxconn"]), "6000\n");
    // Its group has a user, so that goes neither; that is told, and keeps the reset from nothing.
    assert_eq!(command("group site"), "groupdel site");
    assert!(!second.try_run(&["test", "-e", "/var/lib/eos/journal"]).status.success());
}
