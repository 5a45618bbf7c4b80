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

/// A node whose disk is filled, with something of every class on it.
struct Walk {
    site: Site,
    scale: Scale,
    log: PathBuf,
    cache: PathBuf,
}

const CREATE: [&str; 7] = ["snapshot", "create", "--path", "/srv/data", "--name", "probe", "--force"];

impl Walk {
    fn new(site: Site, scale: Scale, told: &Path) -> Self {
        let log = site.old("disk/log/app.log", 256 << 10);
        let cache = site.old("disk/cache/thing", 256 << 10);
        site.machine.put("disk/cache/young", "young", 0o644);
        fs::create_dir(site.machine.path("disk/keep")).unwrap();
        site.old("disk/keep/log", 256 << 10);
        site.machine.put("srv/data/file", "precious", 0o644);
        let notify = format!("notify: {{command: [/bin/sh, -c, 'cat >> {}']}}\n", told.display());
        site.configure(scale, "act", &notify);
        site.at("normal");
        Self { site, scale, log, cache }
    }

    /// Crosses the threshold of a level and looks at what it did.
    fn enter(&self, level: Level, lower: Level, threshold: f64) {
        let Self { site, scale, .. } = self;
        site.disk.fill(threshold - 0.6);
        site.at(lower.name());
        site.disk.fill(threshold + 0.6);
        let status = site.at(level.name());
        assert_eq!(status["mounts"][0]["decided_by"], "bytes", "{scale} {level}");
        let action = match level {
            Level::Compress => Some("compress-logs"),
            Level::Cleanup => Some("delete-expendable"),
            Level::Degraded => Some("stop-services"),
            _ => None,
        };
        let status = action.map_or(status, |action| site.until(action, |status| done(status, action) > 0));
        let zst = site.machine.path("disk/log/app.log.zst");
        let raised = level >= Level::Compress;
        assert_eq!((self.log.exists(), zst.exists()), (!raised, raised), "{scale} {level}");
        assert_eq!(self.cache.exists(), level < Level::Cleanup, "{scale} {level}");
        assert_eq!(site.demo_runs(), level < Level::Degraded, "{scale} {level}");
        assert_eq!(status["services_stopped"], level >= Level::Degraded, "{scale} {level}");
        assert_eq!(status["snapshots_refused"], level >= Level::Emergency, "{scale} {level}");
        let created = site.machine.eos(&CREATE);
        if level >= Level::Emergency {
            assert!(created.ends_with(3).stderr.contains("EOS-V022"), "{scale} {level}");
        } else {
            created.ends_with(0);
        }
    }

    /// Comes down: first within the hysteresis, then below what stops services, then to normal.
    fn come_back(&self) {
        let Self { site, scale, .. } = self;
        let Thresholds { degraded, critical, .. } = Thresholds::of(*scale);
        let before = site.at("critical");
        site.disk.fill(f64::from(critical) - 1.0);
        let held =
            site.until("another look", |status| status["mounts"][0]["used"] != before["mounts"][0]["used"]);
        assert_eq!(held["mounts"][0]["level"], "critical", "{scale}");
        site.disk.fill(f64::from(degraded) - 2.6);
        site.at("cleanup");
        site.until("the start of the service", |status| done(status, "stop-services") > 1);
        assert!(site.demo_runs(), "{scale}: started again");
        site.machine.eos(&CREATE).ends_with(0);
        site.disk.fill(20.0);
        let status = site.at("normal");
        assert_eq!(
            (&status["services_stopped"], &status["snapshots_refused"]),
            (&false.into(), &false.into())
        );
        assert_eq!(status["problems"], serde_json::json!([]), "{scale}");
    }
}

fn walk(address: &str, scale: Scale, disk: impl FnOnce(&Path) -> Disk) {
    let site = Site::new(address, disk);
    let told = site.machine.path("told");
    let walk = Walk::new(site, scale, &told);
    let mut lower = Level::Normal;
    for (level, threshold) in Level::RAISED.into_iter().zip(Thresholds::of(scale).values()) {
        walk.enter(level, lower, f64::from(threshold));
        lower = level;
    }
    let machine = &walk.site.machine;
    let kept = ["disk/cache/young", "disk/keep/log"].map(|path| machine.path(path).exists());
    assert_eq!(kept, [true; 2], "what is young, and what is critical, stays");
    let stopped = machine.eos(&["storage", "status"]).ends_with(0).stdout;
    assert!(stopped.contains("demo, until there is room again"), "{stopped}");
    walk.come_back();
    let wanted = ["raised degraded", "raised emergency", "raised critical", "recovered cleanup"];
    assert!(eventually(LIMIT, || events(&told) == wanted), "{scale}: {:?}", events(&told));
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
