//! A disk that fills through every level and empties again, as the states of each scale and of a role have it.

use super::*;
use eos::model::storage_ops::Retention;
use eos::storage::{Level, StorageOps};

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

/// A node whose disk is filled, with something of every class on it, older and younger than its retention.
struct Walk {
    site: Site,
    scale: Scale,
    log: PathBuf,
    cache: PathBuf,
    kept: Vec<PathBuf>,
}

const CREATE: [&str; 7] = ["snapshot", "create", "--path", "/srv/data", "--name", "probe", "--force"];

impl Walk {
    fn new(site: Site, role: Role, scale: Scale, told: &Path) -> Self {
        // An entrance keeps its cache for a day whatever the scale.
        let Retention { logs, cache, .. } = Retention::of(scale);
        let cache = if role == Role::Edge { 1 } else { cache };
        for directory in ["disk/keep", "disk/backups"] {
            fs::create_dir(site.machine.path(directory)).unwrap();
        }
        let aged = [
            ("disk/log/app.log", logs + 1),
            ("disk/log/young.log", logs - 1),
            ("disk/cache/thing", cache + 1),
            ("disk/cache/young", cache - 1),
            ("disk/keep/log", 3650),
            ("disk/backups/dump", 3650),
        ];
        let aged = aged.map(|(path, days)| (site.file(path, 256 << 10), u64::from(days)));
        site.disk.age(&aged);
        let [(log, _), (young_log, _), (thing, _), (young, _), (keep, _), (dump, _)] = aged;
        site.machine.put("srv/data/file", "precious", 0o644);
        site.apply(role, scale, told);
        let text = fs::read_to_string(site.machine.path("etc/eos/storage-ops.yaml")).unwrap();
        let ops = StorageOps::parse(&text).unwrap();
        assert_eq!((ops.role, ops.scale, ops.thresholds), (role, scale, Thresholds::of(scale)));
        assert_eq!((ops.retention.logs, ops.retention.cache), (logs, cache));
        site.at("normal");
        Self { site, scale, log, cache: thing, kept: vec![young_log, young, keep, dump] }
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

fn walk(address: &str, role: Role, scale: Scale) -> Walk {
    let site = Site::new(address, Disk::ext4);
    let told = site.machine.path("told");
    let walk = Walk::new(site, role, scale, &told);
    let mut lower = Level::Normal;
    for (level, threshold) in Level::RAISED.into_iter().zip(Thresholds::of(scale).values()) {
        walk.enter(level, lower, f64::from(threshold));
        lower = level;
    }
    let machine = &walk.site.machine;
    for kept in &walk.kept {
        assert!(kept.exists(), "{} is younger than its retention, critical or important", kept.display());
    }
    let stopped = machine.eos(&["storage", "status"]).ends_with(0).stdout;
    assert!(stopped.contains("demo, until there is room again"), "{stopped}");
    walk.come_back();
    let wanted = ["raised degraded", "raised emergency", "raised critical", "recovered cleanup"];
    assert!(eventually(LIMIT, || events(&told) == wanted), "{scale}: {:?}", events(&told));
    walk
}

#[test]
fn a_single_node_goes_through_every_level_and_back() {
    walk("127.0.95.1", Role::Monolith, Scale::Single);
}

#[test]
fn an_entrance_of_a_small_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.2", Role::Edge, Scale::Small);
}

#[test]
fn a_core_node_of_a_small_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.5", Role::Core, Scale::Small);
}

#[test]
fn a_data_node_of_a_medium_cluster_goes_through_every_level_and_back() {
    walk("127.0.95.3", Role::Data, Scale::Medium);
}

#[test]
fn a_compute_node_of_a_distributed_cluster_goes_through_every_level_and_back() {
    let walk = walk("127.0.95.4", Role::Compute, Scale::Distributed);
    // Its role has containers pruned, besides what every node does at this level.
    walk.site.until("the cleanup of containers", |status| done(status, "prune-containers") > 0);
}
