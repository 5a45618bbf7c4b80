//! What systemd and eos bring back together: killed and hung services, rebooted hosts, lost power.

use super::cluster::{Cluster, SETTLE, timed};
use super::conditions::until;
use super::host::Host;

#[test]
fn a_killed_master_comes_back_and_the_cluster_recovers() {
    let cluster = Cluster::up();
    let first = &cluster.first;
    let before = first.property("eos-master", "MainPID");
    timed("recovery from a killed master", || {
        first.run(&["systemctl", "kill", "--signal=KILL", "eos-master"]);
        restarted(first, "eos-master", &before);
        cluster.settled();
    });
    assert_eq!(first.property("eos-master", "NRestarts"), "1");
    assert_eq!(first.eos(&["audit", "verify"])["outcome"], "done");
}

#[test]
fn a_service_that_hangs_is_started_anew() {
    let cluster = Cluster::up();
    for (host, services) in cluster.hosts() {
        for service in services {
            let folder = format!("/run/systemd/system/{service}.service.d");
            let sooner =
                format!("mkdir -p {folder} && printf '[Service]\\nWatchdogSec=2\\n' > {folder}/sooner.conf");
            host.run(&["sh", "-c", &sooner]);
        }
        host.run(&["systemctl", "daemon-reload"]);
        host.run(&[&["systemctl", "restart"], services].concat());
        let processes: Vec<_> = services.iter().map(|service| host.property(service, "MainPID")).collect();
        for (service, process) in services.iter().zip(&processes) {
            // Longer than the watchdog's patience: the service proves that it lives.
            let since: u64 = host.property(service, "ActiveEnterTimestampMonotonic").parse().unwrap();
            until(&format!("{service} tells the watchdog that it lives"), SETTLE, || {
                let told: u64 = host.property(service, "WatchdogTimestampMonotonic").parse().unwrap();
                if told > since + 2_500_000 { Ok(()) } else { Err(told.saturating_sub(since)) }
            });
            assert_eq!(&host.property(service, "MainPID"), process, "{service} was taken for hung");
            host.run(&["kill", "-STOP", process]);
        }
        for (service, process) in services.iter().zip(&processes) {
            restarted(host, service, process);
        }
    }
    cluster.settled();
}

#[test]
fn a_rebooted_host_comes_back_by_itself_and_converges() {
    let mut cluster = Cluster::up();
    timed("reboot of the second host until all is well", || {
        cluster.second.reboot();
        cluster.settled();
    });
    for service in ["eos-agent", "eos-storage-monitor"] {
        assert_eq!(cluster.second.property(service, "NRestarts"), "0", "{service} did not start at once");
    }
    assert_eq!(cluster.second.eos(&["bootstrap"])["outcome"], "no-change");
}

#[test]
fn a_master_that_lost_power_comes_back_by_itself() {
    let mut cluster = Cluster::up();
    timed("power loss of the first host until all is well", || {
        cluster.first.cut_power();
        cluster.first.start();
        cluster.settled();
    });
    assert_eq!(cluster.first.eos(&["audit", "verify"])["outcome"], "done");
    assert_eq!(cluster.first.eos(&["bootstrap"])["outcome"], "no-change");
}

fn restarted(host: &Host, service: &str, before: &str) {
    until(&format!("systemd has restarted {service}"), SETTLE, || {
        let (state, process) = (host.property(service, "ActiveState"), host.property(service, "MainPID"));
        if state == "active" && process != before { Ok(()) } else { Err((state, process)) }
    });
}
