//! What an operator is told: a dry run that is exactly what is done, metrics, and a bad configuration.

use super::*;
use std::os::unix::ffi::OsStrExt;

#[test]
fn a_cleanup_does_exactly_what_its_dry_run_listed_whatever_files_are_called() {
    let site = Site::new("127.0.95.20", Disk::ext4);
    let mut aged = Vec::new();
    for (place, name) in [&b"-rf"[..], b"a\nb", b"\x1b[2Jx", b"\xff\xfe", b"plain"].into_iter().enumerate() {
        let path = site.machine.path("disk/cache").join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, vec![1; 4096 * (place + 1)]).unwrap();
        aged.push((path, 3650));
    }
    aged.push((site.file("disk/log/old.log", 100_000), 3650));
    site.disk.age(&aged);
    site.configure(Scale::Single, "observe", "");
    let cleanup = |arguments: &[&str]| {
        let line = [&["--output", "json", "storage", "cleanup", "--level", "critical"], arguments].concat();
        site.machine.eos(&line).ends_with(0).verdict()["result"].clone()
    };
    let text =
        site.machine.eos(&["storage", "cleanup", "--level", "critical", "--dry-run"]).ends_with(0).stdout;
    assert!(!text.contains('\u{1b}'), "{text:?}");
    for line in ["/disk/cache/-rf", "/disk/cache/a\\nb", "/disk/cache/\\u{1b}[2Jx", "/disk/log/old.log"] {
        assert!(text.lines().any(|there| there.ends_with(line)), "no {line} in\n{text}");
    }
    let planned = cleanup(&["--dry-run"]);
    assert_eq!(
        planned["left_to_monitor"],
        serde_json::json!(["stop-services", "notify", "refuse-snapshots"])
    );
    let before = site.disk.used();
    let done = cleanup(&[]);
    assert_eq!(planned, done);
    let freed: u64 =
        done["actions"].as_array().unwrap().iter().map(|it| it["report"]["bytes"].as_u64().unwrap()).sum();
    assert_eq!(before - site.disk.used(), freed, "as told");
    assert_eq!(fs::read_dir(site.machine.path("disk/cache")).unwrap().count(), 0);
}

#[test]
fn a_bad_configuration_is_told_everywhere_and_the_old_one_stays_in_force() {
    let site = Site::new("127.0.95.21", |path| Disk::memory(path, 64 << 20, 10_000));
    site.configure(Scale::Single, "act", "");
    site.disk.fill(82.0);
    let good = site.at("degraded");
    assert!(eventually(LIMIT, || !site.demo_runs()));
    site.configure(Scale::Single, "act", "mood: good\n");
    let told = site.until("the problem", |status| status["problems"][0]["code"] == "EOS-V001");
    assert_eq!(told["config_digest"], good["config_digest"]);
    let status = site.machine.eos(&["status"]);
    assert!(status.stdout.contains("the storage monitor does not run with the"), "{}", status.stdout);
    site.disk.fill(20.0);
    site.at("normal");
    assert!(eventually(LIMIT, || site.demo_runs()), "to start it again needs no configuration");
}

#[test]
fn how_full_a_mount_is_and_what_is_stopped_stands_in_the_status_of_the_node_and_in_its_metrics() {
    let site = Site::new("127.0.95.22", |path| Disk::memory(path, 64 << 20, 10_000));
    site.configure(Scale::Single, "act", "");
    site.disk.fill(86.0);
    site.at("emergency");
    assert!(eventually(LIMIT, || !site.demo_runs()));
    let status = site.machine.eos(&["status"]).ends_with(0).stdout;
    for part in ["emergency", "stopped until there is room again: demo", "new snapshots are refused"] {
        assert!(status.contains(part), "no {part:?} in\n{status}");
    }
    let json = site.machine.status();
    let this = &json["local"];
    assert_eq!(
        (&this["storage"][0]["level"], &this["storage"][0]["decided_by"]),
        (&"emergency".into(), &"bytes".into())
    );
    assert_eq!(this["services_stopped"], serde_json::json!(["demo"]));
    let metrics = std::process::Command::new("curl")
        .args(["--silent", "--insecure", &format!("https://{}:4506/metrics", site.machine.address)])
        .output()
        .expect("install curl");
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    for line in [
        "eos_agent_storage_monitor_healthy 1",
        "eos_agent_storage_level{mount=\"/disk\"} 5.0",
        "eos_agent_storage_services_stopped 1",
        "eos_agent_storage_snapshots_refused 1",
        "eos_agent_storage_actions_total{action=\"stop-services\",outcome=\"done\"} 1",
    ] {
        assert!(metrics.lines().any(|there| there == line), "no {line} in\n{metrics}");
    }
}
