//! What stood on a machine before eos: files of others beside eos's, and files of the operator where
//! eos will write, with owners and modes of their own.

use super::Machine;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};

/// Whose the operator's files are: neither root's nor of a user that is in the password file.
const OPERATOR: u32 = 1234;

/// Files beside eos's own; each has a directory that eos uses, makes or gives other attributes.
const BESIDE: [(&str, &str, u32); 9] = [
    ("etc/hostname", "a-machine\n", 0o644),
    ("etc/eos/notes.txt", "mine\n", 0o600),
    ("etc/eos/cluster.yaml.d/50-site.yaml", "# Read, and never written.\nstorage: {}\n", 0o640),
    ("etc/systemd/system/other.service", "[Service]\nExecStart=/bin/true\n", 0o640),
    ("etc/systemd/system/multi-user.target.wants/mine.service", "", 0o644),
    ("var/cache/kept", "kept\n", 0o644),
    ("var/cache/eos/theirs", "left by another program\n", 0o604),
    ("var/lib/eos/log/old.log", "of an earlier use\n", 0o640),
    ("var/run/eos/stale", "left over\n", 0o604),
];

/// Files that a bootstrap replaces.
const REPLACED: [(&str, &str, u32); 4] = [
    ("etc/eos/cluster.yaml", CLUSTER, 0o640),
    ("etc/eos/storage-ops.yaml", "# Not of eos.\nversion: 1\n", 0o604),
    ("etc/systemd/system/eos-agent.service", UNIT, 0o640),
    ("etc/systemd/system/eos-storage-monitor.service", UNIT, 0o604),
];

const CLUSTER: &str = "\
# Agreed with the storage team.
storage:
  mode: observe   # never more without asking
  interval_seconds: 60
";

const UNIT: &str = "# The operator's own unit.\n[Service]\nExecStart=/bin/false\n";

/// Directories with attributes that eos would not give them.
const DIRECTORIES: [(&str, u32); 4] =
    [("etc/eos", 0o751), ("var/cache/eos", 0o2770), ("var/lib/eos", 0o711), ("var/lib/eos/log", 0o1777)];

/// Links, by what they name: to a directory above eos's own, and where eos makes one for its service.
const LINKS: [(&str, &str); 2] = [
    ("run", "var/run"),
    ("etc/systemd/system/multi-user.target.wants/eos-agent.service", "../eos-agent.service"),
];

/// Puts all of it on an empty machine.
pub fn put(machine: &Machine) {
    for (path, text, mode) in BESIDE {
        machine.put(path, text, mode);
    }
    for (path, text, mode) in REPLACED {
        machine.put(path, text, mode);
        give_away(machine, path);
    }
    for (path, mode) in DIRECTORIES {
        give_away(machine, path);
        std::fs::set_permissions(machine.path(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    for (path, target) in LINKS {
        symlink(target, machine.path(path)).unwrap();
        give_away(machine, path);
    }
    for path in ["var/cache/eos/theirs", "var/lib/eos/log/old.log"] {
        give_away(machine, path);
    }
}

fn give_away(machine: &Machine, path: &str) {
    // chown may take set-user bits with it, and an owner other than root does not keep root out.
    let mode = std::fs::symlink_metadata(machine.path(path)).unwrap().permissions().mode();
    lchown(machine.path(path), Some(OPERATOR), Some(OPERATOR)).unwrap();
    let kept = std::fs::symlink_metadata(machine.path(path)).unwrap().permissions().mode();
    assert_eq!(mode, kept, "{path} keeps its mode");
}
