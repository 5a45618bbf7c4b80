//! A disk that fills through every level and empties again, with the thresholds of every scale.

use super::*;
use eos::storage::Level;

/// The outcomes of an action so far.
fn done(status: &Value, action: &str) -> u64 {
    status["totals"][action]["done"].as_u64().unwrap_or(0)
}

/// The events that the program was told, as `event level`.
fn events(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map(Result::unwrap);
    events
        .map(|event| format!("{} {}", event["event"].as_str().unwrap(), event["level"].as_str().unwrap()))
        .collect()
}

fn walk(address: &str, scale: Scale, disk: impl FnOnce(&Path) -> Disk) {
    let site = Site::new(address, disk);
    let log = site.old("disk/log/app.log", 256 << 10);
    let cache = site.old("disk/cache/thing", 256 << 10);
    let young = site.machine.path("disk/cache/young");
    fs::write(&young, "young").unwrap();
    fs::create_dir(site.machine.path("disk/keep")).unwrap();
    let kept = site.old("disk/keep/log", 256 << 10);
    let told = site.machine.path("told");
    let notify = format!("notify: {{command: [/bin/sh, -c, 'cat >> {}']}}\n", told.display());
    site.configure(scale, "act", &notify);
    site.at("normal");
    site.machine.put("srv/data/file", "precious", 0o644);
    let create = ["snapshot", "create", "--path", "/srv/data", "--name", "probe", "--force"];
    let mut lower = Level::Normal;
    for (level, threshold) in Level::RAISED.into_iter().zip(Thresholds::of(scale).values()) {
        site.disk.fill(f64::from(threshold) - 0.6);
        site.at(lower.name());
        site.disk.fill(f64::from(threshold) + 0.6);
        let status = site.at(level.name());
        assert_eq!(status["mounts"][0]["decided_by"], "bytes", "{scale} {level}");
        let status = match level {
            Level::Compress => site.until("compression", |status| done(status, "compress-logs") > 0),
            Level::Cleanup => site.until("deletion", |status| done(status, "delete-expendable") > 0),
            Level::Degraded => {
                let stopped = |status: &Value| done(status, "stop-services") > 0;
                site.until("the end of the service", stopped)
            }
            _ => status,
        };
        let zst = site.machine.path("disk/log/app.log.zst");
        assert_eq!(
            (log.exists(), zst.exists()),
            (level < Level::Compress, level >= Level::Compress),
            "{scale} {level}"
        );
        assert_eq!(cache.exists(), level < Level::Cleanup, "{scale} {level}");
        assert_eq!(site.demo_runs(), level < Level::Degraded, "{scale} {level}");
        assert_eq!(status["services_stopped"], level >= Level::Degraded, "{scale} {level}");
        assert_eq!(status["snapshots_refused"], level >= Level::Emergency, "{scale} {level}");
        let created = site.machine.eos(&create);
        if level >= Level::Emergency {
            assert!(created.ends_with(3).stderr.contains("EOS-V022"), "{scale} {level}");
        } else {
            created.ends_with(0);
        }
        lower = level;
    }
    assert!(young.exists() && kept.exists(), "what is young, and what is critical, stays");
    let stopped = site.machine.eos(&["storage", "status"]).ends_with(0).stdout;
    assert!(stopped.contains("demo, until there is room again"), "{stopped}");

    let Thresholds { degraded, critical, .. } = Thresholds::of(scale);
    site.disk.fill(f64::from(critical) - 1.0);
    site.until("another pass", |status| status["mounts"][0]["level"] == "critical");
    site.disk.fill(f64::from(degraded) - 2.6);
    site.at("cleanup");
    site.until("the start of the service", |status| {
        let last = status["actions"].as_array().unwrap().last().unwrap().clone();
        last["action"] == "stop-services" || done(status, "stop-services") > 1
    });
    assert!(site.demo_runs(), "{scale}: started again");
    site.machine.eos(&create).ends_with(0);
    site.disk.fill(20.0);
    let status = site.at("normal");
    assert_eq!((&status["services_stopped"], &status["snapshots_refused"]), (&false.into(), &false.into()));
    let wanted = ["raised degraded", "raised emergency", "raised critical", "recovered cleanup"];
    assert!(eventually(LIMIT, || events(&told) == wanted), "{scale}: {:?}", events(&told));
    assert_eq!(status["problems"], serde_json::json!([]), "{scale}");
}

#[test]
fn a_single_node_goes_through_every_level_and_back() {
    walk("127.0.95.1", Scale::Single, Disk::ext4);
}

#[test]
fn a_node_of_a_small_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.2", Scale::Small, Disk::ext4);
}

#[test]
fn a_node_of_a_medium_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.3", Scale::Medium, |path| Disk::memory(path, 64 << 20, 10_000));
}

#[test]
fn a_node_of_a_distributed_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.4", Scale::Distributed, Disk::ext4);
}
