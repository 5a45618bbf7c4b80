//! The names that eos's services write below the trees that are theirs, so that a reset tells what
//! somebody else put there.

use super::ledger::Ledger;
use crate::host::inventory::decode;
use crate::host::paths;
use std::collections::BTreeSet;
use std::path::Path;

/// The trees that services write to while they run.
const TREES: [&str; 7] = [
    paths::MASTER,
    paths::SNAPSHOTS,
    paths::RESTORES,
    paths::SALT_PILLAR,
    paths::MINION_MODULES,
    paths::LOGS,
    paths::RUN,
];

/// Files directly in the master's directory; SQLite makes the last four.
const MASTER: [&str; 10] = [
    "audit.jsonl",
    "authority.crt",
    "authority.key",
    "server.crt",
    "server.key",
    "registry.export",
    "registry.db",
    "registry.db-journal",
    "registry.db-shm",
    "registry.db-wal",
];

/// What is directly in a store of snapshots.
const STORE: [&str; 9] = [
    "captures",
    "incoming",
    "leases",
    "manifests",
    "memory",
    "partial",
    "parts",
    "tally.json",
    "tally.json.new",
];

/// The services of every installation, and those that eos starts without being their owner.
const SERVICES: [&str; 7] = [
    "eos-agent",
    "eos-apply",
    "eos-master",
    "eos-recovery",
    "eos-storage-monitor",
    "salt-master",
    "salt-minion",
];

/// What a supervisor writes for each service, after its name.
const SUPERVISED: [&str; 5] = [".control", ".lock", ".notify", ".pid", ".status.json"];

/// Whether services write below this tree; everything in another one was written by sagas.
pub fn written_to(tree: &str) -> bool {
    TREES.contains(&tree)
}

/// The services whose files may be there: eos's own, and those that the ledger knows the units of.
pub fn services(ledger: &Ledger) -> BTreeSet<String> {
    let units = ledger.entries.keys().map(|path| decode(path));
    let units = units.filter(|path| path.starts_with(paths::UNITS));
    let names =
        units.filter_map(|path| Some(path.file_name()?.to_str()?.strip_suffix(".service")?.to_owned()));
    names.chain(SERVICES.map(str::to_owned)).collect()
}

/// Whether a service of eos's writes at this path below one of its trees.
pub fn is_written(path: &Path, services: &BTreeSet<String>) -> bool {
    let below = |tree: &str| path.strip_prefix(tree).ok().and_then(Path::to_str);
    if TREES.iter().any(|tree| path == Path::new(tree)) {
        return true;
    }
    // Nobody else has business there: values of the pillar, modules and what Python makes of them.
    if [paths::SALT_PILLAR, paths::MINION_MODULES, paths::SALT_RUN].iter().any(|own| path.starts_with(own)) {
        return true;
    }
    if let Some(name) = below(paths::LOGS) {
        if path == Path::new(paths::LAST_SEEN) {
            return true;
        }
        // A log that has grown is moved aside once: `NAME.log.1`.
        let service = name.strip_suffix(".1").unwrap_or(name).strip_suffix(".log");
        return service.is_some_and(|service| services.contains(service));
    }
    if let Some(name) = below(paths::RUN) {
        let of_service =
            |suffix: &&str| name.strip_suffix(*suffix).is_some_and(|name| services.contains(name));
        let own = [
            paths::MONITOR_STATUS,
            paths::STORAGE_ERRANDS,
            paths::CLOCK_ACCEPTED,
            paths::BOOTSTRAP_STATUS,
            paths::MASTER_CONTACT,
            paths::ORDER,
            paths::ANSWER,
        ];
        return own.iter().any(|own| path == Path::new(own))
            || SUPERVISED.iter().any(of_service)
            || unfinished(name);
    }
    if let Some(name) = below(paths::MASTER_SNAPSHOTS).or_else(|| below(paths::SNAPSHOTS)) {
        return name.is_empty() || stored(name);
    }
    if let Some(name) = below(paths::RESTORES) {
        return recorded(name);
    }
    below(paths::MASTER).is_some_and(|name| MASTER.contains(&name) || unfinished(name))
}

/// Whether a store of snapshots keeps a file or directory of this name.
fn stored(name: &str) -> bool {
    match name.split_once('/') {
        Some(("incoming" | "partial", _)) => true,
        Some(("manifests" | "parts" | "leases", name)) => {
            let digits = name.split('.').next().unwrap_or(name);
            unfinished(name) || digits.len() >= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        Some(("memory" | "captures", name)) => {
            let ending = |ending: &&str| name.ends_with(*ending);
            !name.contains('/') && ([".json", ".lock", ".new"].iter().any(ending) || unfinished(name))
        }
        Some(_) => false,
        None => STORE.contains(&name),
    }
}

/// Whether restores keep a file or directory of this name.
fn recorded(name: &str) -> bool {
    let record = |name: &str| {
        let name = name.strip_suffix(".new").unwrap_or(name);
        !name.contains('/') && name.ends_with(".json")
    };
    match name.split_once('/') {
        Some(("last" | "ended", name)) => record(name),
        Some(("locks", name)) => !name.contains('/'),
        Some(("history", name)) => matches!(name, "entries.jsonl" | "entries.1.jsonl"),
        Some(_) => false,
        None => {
            matches!(name, "last" | "ended" | "history" | "locks" | "joined.yaml")
                || record(name)
                || unfinished(name)
        }
    }
}

/// What a crash leaves of an atomic write.
fn unfinished(name: &str) -> bool {
    name.starts_with('.') && name.contains(".eos-") && !name.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_services_write_is_told_from_what_others_put_there() {
        let services = services(&Ledger::default());
        let own = [
            "var/lib/eos/master",
            "var/lib/eos/master/registry.db-wal",
            "var/lib/eos/master/.audit.jsonl.eos-4711-0",
            "var/lib/eos/master/snapshots",
            "var/lib/eos/master/snapshots/parts",
            "var/lib/eos/snapshots/partial/x/y",
            "var/lib/eos/snapshots/leases",
            "var/lib/eos/snapshots/leases/0123456789abcdef.0",
            "var/lib/eos/restores",
            "var/lib/eos/restores/metrics.json",
            "var/lib/eos/restores/last/metrics.json",
            "var/lib/eos/restores/ended/metrics.json",
            "var/lib/eos/restores/locks/metrics",
            "var/lib/eos/restores/history",
            "var/lib/eos/restores/history/entries.1.jsonl",
            "var/lib/eos/snapshots/memory/metrics.json",
            "var/lib/eos/snapshots/captures/metrics.json",
            "var/lib/eos/snapshots/tally.json",
            "var/lib/eos/snapshots/tally.json.new",
            "var/lib/eos/log/eos-agent.log",
            "var/lib/eos/salt-pillar/hosts/n1/eos/role",
            "run/eos/salt-run/master",
            "var/lib/eos/salt-minion/_modules/__pycache__/eos_node.cpython-311.pyc",
            "run/eos/eos-master.status.json",
            "run/eos/storage-monitor.json",
            "run/eos/storage-errands.json",
        ];
        let foreign = [
            "var/lib/eos/master/notes.txt",
            "var/lib/eos/master/registry.db.bak",
            "var/lib/eos/master/snapshots/parts/notes",
            "var/lib/eos/snapshots/mine",
            "var/lib/eos/snapshots/captures/.counters",
            "var/lib/eos/snapshots/tally.json/mine",
            "var/lib/eos/snapshots/leases/notes",
            "var/lib/eos/restores/notes.txt",
            "var/lib/eos/restores/mine/metrics.json",
            "var/lib/eos/restores/history/mine.jsonl",
            "var/lib/eos/snapshots/memory/notes",
            "var/lib/eos/log/other.log",
            "var/lib/eos/log/eos-agent",
            "run/eos/other.pid",
            "etc/passwd",
        ];
        for path in own {
            assert!(is_written(Path::new(path), &services), "{path}");
        }
        for path in foreign {
            assert!(!is_written(Path::new(path), &services), "{path}");
        }
    }
}
