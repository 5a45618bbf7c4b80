//! A real podman that answers below a root of a test, with images, containers and a volume of its own.

use crate::host::root::Root;
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(30);
const MISSING: &str = "this test needs podman, crun and busybox: apt-get install podman crun busybox";
/// Its own namespace of mounts, without the second hierarchy of control groups that crun refuses beside the first.
const APART: &str = "umount -l /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"";
/// So that a container runs where neither networks nor limits can be changed.
const PLAIN: [&str; 14] = [
    "--network",
    "none",
    "--cgroups",
    "disabled",
    "--ulimit",
    "nofile=512:512",
    "--ulimit",
    "nproc=512:512",
    "--security-opt",
    "seccomp=unconfined",
    "--log-driver",
    "none",
    "--volume",
    "data:/data",
];

/// An engine; it and all that it runs ends with the test.
pub(super) struct Podman {
    service: Child,
    place: PathBuf,
    url: String,
}

impl Podman {
    /// Starts it, and waits until it answers at the socket at which engines are looked for.
    pub(super) fn start(root: &Root) -> anyhow::Result<Self> {
        let place = root.join("podman");
        fs::create_dir_all(root.join("run/podman"))?;
        fs::create_dir_all(&place)?;
        let url = format!("unix://{}", root.join("run/podman/podman.sock").display());
        let inside = |name: &str| place.join(name).display().to_string();
        let log = fs::File::create(place.join("log"))?;
        let service = Command::new("unshare")
            .args(["--mount", "sh", "-c", APART, "sh", "podman", "--root", &inside("graph")])
            .args(["--runroot", &inside("run"), "--tmpdir", &inside("tmp"), "--storage-driver", "vfs"])
            .args(["--cgroup-manager", "cgroupfs", "--events-backend", "file"])
            .args(["system", "service", "--time", "0", &url])
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .context(MISSING)?;
        let mut engine = Self { service, place, url };
        let since = Instant::now();
        while let Err(error) = engine.asked(&["version"]) {
            let ended = engine.service.try_wait()?;
            let log = fs::read_to_string(engine.place.join("log"))?;
            ensure!(ended.is_none() && since.elapsed() < DEADLINE, "{MISSING}\n{error}\n{log}");
        }
        Ok(engine)
    }

    /// What it says to a command that succeeds.
    pub(super) fn asked(&self, words: &[&str]) -> anyhow::Result<String> {
        let ended =
            Command::new("podman").args(["--url", &self.url]).args(words).output().context(MISSING)?;
        let (said, complaint) = (String::from_utf8(ended.stdout)?, String::from_utf8_lossy(&ended.stderr));
        ensure!(ended.status.success(), "podman {words:?}: {}: {complaint}", ended.status);
        Ok(said)
    }

    /// An image of this name that is like no other, with busybox in it; who had the name before has none.
    pub(super) fn image(&self, name: &str) -> anyhow::Result<()> {
        let (tree, archive) = (self.place.join("tree"), self.place.join("tree.tar"));
        fs::create_dir_all(tree.join("data"))?;
        let libraries = Command::new("ldd").arg("/bin/busybox").output()?;
        let libraries = String::from_utf8(libraries.stdout)?;
        let files = libraries.split_whitespace().filter(|word| word.starts_with('/')).chain(["/bin/busybox"]);
        for file in files {
            let copy = tree.join(file.trim_start_matches('/'));
            fs::create_dir_all(copy.parent().unwrap_or(Path::new("/")))?;
            fs::copy(file, copy).context(MISSING)?;
        }
        let log = fs::OpenOptions::new().append(true).create(true).open(tree.join("number"))?;
        std::io::Write::write_all(&mut &log, name.as_bytes())?;
        let packed = Command::new("tar").arg("-C").arg(&tree).arg("-cf").arg(&archive).arg(".").status()?;
        ensure!(packed.success(), "tar: {packed}");
        self.asked(&["import", "--quiet", &archive.display().to_string(), name]).map(drop)
    }

    /// Runs a container with the volume at `/data`.
    pub(super) fn run(&self, name: &str, words: &[&str]) -> anyhow::Result<()> {
        let all: Vec<&str> =
            ["run", "--name", name].into_iter().chain(PLAIN).chain(words.iter().copied()).collect();
        self.asked(&all).map(drop)
    }

    /// The names of all containers, in their order.
    pub(super) fn containers(&self) -> anyhow::Result<Vec<String>> {
        self.lines(&["ps", "--all", "--format", "{{.Names}}"])
    }

    /// The ids of all images.
    pub(super) fn images(&self) -> anyhow::Result<Vec<String>> {
        self.lines(&["images", "--all", "--no-trunc", "--quiet"])
    }

    pub(super) fn is_running(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.asked(&["inspect", "--format", "{{.State.Running}}", name])?.trim() == "true")
    }

    fn lines(&self, words: &[&str]) -> anyhow::Result<Vec<String>> {
        let mut lines: Vec<String> = self.asked(words)?.lines().map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let removed = self.asked(&["rm", "--force", "--time", "0", "--all"]);
        self.service.kill().expect("it is ours");
        self.service.wait().expect("it is ours");
        if !std::thread::panicking() {
            removed.expect("containers end with the test");
        }
    }
}
