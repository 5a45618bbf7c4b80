//! The root that all hosts start from: a small Debian with systemd, made once and kept beside the build.
//!
//! It gets its name only when it is complete, so one that was interrupted is never used.

use super::tools;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const RELEASE: &str = "bookworm";
/// What runs the hosts, the Python that Salt is run by, and cloud-init, which does nothing where it is given no seed.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,iproute2,procps,python3,cloud-init,python3-cffi-backend";

/// What has no place on a host that lives for seconds, and what would ask for a terminal.
const MASKED: [&str; 9] = [
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "systemd-timesyncd.service",
];

/// The folder; the first caller makes it when it is missing.
pub fn folder() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        // Its name says what is in it, so that one with other packages is not taken for it.
        let contents = eos::model::digest::Digest::of(PACKAGES.as_bytes()).to_string();
        let name = format!("eos-base-{}", &contents[..8]);
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if !base.exists() {
            make(&base);
        }
        base
    })
}

fn make(base: &Path) {
    let partial = base.with_extension(format!("partial-{}", std::process::id()));
    let (target, mirror, include) = (partial.to_str().unwrap(), mirror(), format!("--include={PACKAGES}"));
    let began = std::time::Instant::now();
    println!("making {} from {mirror}", base.display());
    // In mounts of its own, so that nothing stays mounted however it ends.
    tools::run(&[
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "debootstrap",
        "--variant=minbase",
        &include,
        RELEASE,
        target,
        &mirror,
    ]);
    prepare(&partial);
    if fs::rename(&partial, base).is_err() {
        // Another run was faster.
        fs::remove_dir_all(&partial).unwrap();
    }
    println!("made {} in {} s", base.display(), began.elapsed().as_secs());
}

fn prepare(root: &Path) {
    // Each host makes an id of its own at its first boot; that of the message bus would be taken for it.
    fs::write(root.join("etc/machine-id"), "").unwrap();
    fs::remove_file(root.join("var/lib/dbus/machine-id")).ok();
    let units = root.join("etc/systemd/system");
    for unit in MASKED {
        fs::remove_file(units.join(unit)).ok();
        symlink("/dev/null", units.join(unit)).unwrap();
    }
    fs::remove_file(units.join("default.target")).ok();
    symlink("/lib/systemd/system/multi-user.target", units.join("default.target")).unwrap();
    for kept in ["var/cache/apt/archives", "var/lib/apt/lists"] {
        fs::remove_dir_all(root.join(kept)).unwrap();
    }
}

/// Where this machine itself gets Debian from.
fn mirror() -> String {
    let told = tools::run(&["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)"]);
    let prefix = format!("{RELEASE} main ");
    let found = told.lines().find_map(|line| line.strip_prefix(&prefix));
    found
        .unwrap_or_else(|| panic!("no source of Debian {RELEASE} is configured: see /etc/apt/sources.list.d"))
        .to_owned()
}
