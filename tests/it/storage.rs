//! Storage operations on small real file systems, by the real daemons of a node.

mod disk;
mod levels;
mod scarce;
mod told;

use crate::support::{EOS, Machine, eventually};
use disk::Disk;
use eos::host::services::{ProcessServices, Services};
use eos::model::role::Role;
use eos::model::scale::Scale;
use eos::model::storage_ops::Thresholds;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const LIMIT: Duration = Duration::from_secs(60);
/// A service of the node's user, which storage operations may stop.
const DEMO: &str = "[Service]\nExecStart=/bin/sleep 900\nRestart=always\n";

/// A node with a disk of its own at `/disk`, and a service `demo` that runs.
struct Site {
    disk: Disk,
    machine: Machine,
}

impl Site {
    /// A single node on this disk, whose monitor has not been told of it yet.
    fn new(address: &str, disk: impl FnOnce(&Path) -> Disk) -> Self {
        let machine = Machine::empty(address, "node1");
        machine.found();
        let place = machine.path("disk");
        fs::create_dir(&place).unwrap();
        let disk = disk(&place);
        fs::create_dir(place.join("log")).unwrap();
        fs::create_dir(place.join("cache")).unwrap();
        machine.put("etc/systemd/system/demo.service", DEMO, 0o644);
        let site = Self { disk, machine };
        site.services().start("demo", LIMIT).unwrap();
        site
    }

    fn services(&self) -> ProcessServices {
        ProcessServices::new(self.machine.root(), PathBuf::from(EOS))
    }

    /// Whether the service runs.
    fn demo_runs(&self) -> bool {
        self.services().status("demo").unwrap().active
    }

    /// Has the monitor watch the disk with the thresholds of a scale.
    fn configure(&self, scale: Scale, mode: &str, more: &str) {
        let text = configuration(scale, mode, "/disk", more);
        let path = self.machine.path("etc/eos/storage-ops.yaml");
        let aside = path.with_extension("new");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, path).unwrap();
    }

    /// A file with lines.
    fn file(&self, path: &str, bytes: usize) -> PathBuf {
        let path = self.machine.path(path);
        fs::write(&path, "all is well, as it was before\n".repeat(bytes.div_ceil(30))).unwrap();
        path
    }

    /// Has the states of a role and a scale configure the monitor, with the disk in place of what a node of that role
    /// watches and holds; all else is what role and scale say.
    fn apply(&self, role: Role, scale: Scale, told: &Path) {
        let storage = serde_json::json!({
            "mode": "act",
            "interval_seconds": 1,
            "mounts": ["/disk"],
            "services": ["demo"],
            "classes": {
                "critical": ["/disk/keep"], "important": ["/disk/backups"],
                "standard": ["/disk/log"], "expendable": ["/disk/cache"],
            },
            "notify": {"command": ["/bin/sh", "-c", format!("cat >> {}", told.display())]},
        });
        // What the master gives a node, and what the node keeps of it.
        let path = self.machine.path("var/lib/eos/membership.json");
        let mut membership: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let applied = membership["applied"].as_object_mut().expect("a member has a role");
        applied.insert("role".to_owned(), serde_json::to_value(role).unwrap());
        applied.insert("scale".to_owned(), serde_json::to_value(scale).unwrap());
        applied.insert("pillar".to_owned(), serde_json::json!({ "storage": storage }));
        fs::write(&path, serde_json::to_vec_pretty(&membership).unwrap()).unwrap();
        self.machine.eos(&["state", "apply"]).ends_with(0);
    }

    /// The monitor's status, once it is as wanted.
    #[track_caller]
    fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = Value::Null;
        let path = self.machine.path("run/eos/storage-monitor.json");
        let reached = eventually(LIMIT, || {
            found = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            wanted(&found)
        });
        assert!(reached, "{what} did not come: {found:#}");
        found
    }

    /// The same, once the disk is at a level.
    #[track_caller]
    fn at(&self, level: &str) -> Value {
        self.until(level, |status| {
            status["mounts"][0]["path"] == "/disk" && status["mounts"][0]["level"] == level
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Its process has no argument by which the machine would know it.
        let stopped = self.services().stop("demo", LIMIT);
        if !std::thread::panicking() {
            stopped.unwrap();
        }
    }
}

/// A `storage-ops.yaml` in which every kind of action stands.
fn configuration(scale: Scale, mode: &str, mount: &str, more: &str) -> String {
    let Thresholds { warning, compress, cleanup, degraded, emergency, critical } = Thresholds::of(scale);
    let mount = mount.trim_end_matches('/');
    format!(
        "version: 1\nscale: {scale}\nrole: monolith\nmode: {mode}\ninterval_seconds: 1\nmounts: ['{mount}/']\n\
         thresholds: {{warning: {warning}, compress: {compress}, cleanup: {cleanup}, degraded: {degraded}, \
         emergency: {emergency}, critical: {critical}}}\nretention: {{logs: 30, backups: 30, cache: 7}}\n\
         classes: {{critical: [{mount}/keep], important: [], standard: [{mount}/log], expendable: [{mount}/cache]}}\n\
         actions:\n  compress: [compress-logs]\n  cleanup: [delete-expendable, vacuum-journal, clean-package-cache]\n  \
         degraded: [stop-services, notify]\n  emergency: [refuse-snapshots, notify]\n  \
         critical: [prune-containers, notify]\nservices: [demo]\n{more}"
    )
    .replace("mounts: ['/disk/']", "mounts: [/disk]")
}
