//! A node to test on, with a small file system of its own, and a monitor that runs on it.

use crate::agent::monitor::{MonitorError, Signals, run, status};
use crate::host::files::{self, Attributes, write_atomic};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::watch::FileWatch;
use crate::storage::status::MonitorStatus;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(in crate::agent::monitor) const DEADLINE: Duration = Duration::from_secs(30);
const SINGLE: &str = include_str!("../../../../tests/fixtures/v1/storage-ops/single.yaml");

/// A node with a small file system of its own below `disk`, filled as a test wants it.
pub(in crate::agent::monitor) struct Node {
    folder: tempfile::TempDir,
    pub(in crate::agent::monitor) root: Root,
}

impl Node {
    pub(in crate::agent::monitor) fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path().join("root"))?;
        let disk = root.join("disk");
        fs::create_dir_all(root.join(paths::ETC))?;
        fs::create_dir(&disk)?;
        let node = Self { folder, root };
        // 8 MiB for files, and what the file system needs for itself.
        fs::File::create(node.image())?.set_len((8 << 20) + 12 * 4096)?;
        let plain = ["-q", "-b", "4096", "-m", "0", "-N", "128", "-O", "^has_journal,^resize_inode"];
        ran(Command::new("mkfs.ext4").args(plain).arg(node.image()))?;
        node.mount()?;
        fs::create_dir_all(disk.join("cache"))?;
        fs::create_dir_all(disk.join("log"))?;
        node.configure(&node.config())?;
        Ok(node)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk.img")
    }

    fn mount(&self) -> anyhow::Result<()> {
        ran(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.root.join("disk")))
    }

    /// A process that another test is about to start holds, until it runs its program, what is open here.
    fn unmount(&self) -> anyhow::Result<()> {
        let (disk, since) = (self.root.join("disk"), Instant::now());
        loop {
            match rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::empty()) {
                Err(rustix::io::Errno::BUSY) if since.elapsed() < DEADLINE => std::thread::yield_now(),
                answer => return Ok(answer?),
            }
        }
    }

    pub(in crate::agent::monitor) fn config(&self) -> String {
        SINGLE
            .replace("  - /\n", "  - /disk\n")
            .replace("- /var/log", "- /disk/log")
            .replace("- /var/cache/eos", "- /disk/cache")
            .replace("interval_seconds: 30", "interval_seconds: 1")
    }

    pub(in crate::agent::monitor) fn acting(&self) -> String {
        self.config().replace("mode: observe", "mode: act")
    }

    pub(in crate::agent::monitor) fn configure(&self, text: &str) -> anyhow::Result<()> {
        Ok(write_atomic(&self.root.join(paths::STORAGE_OPS), text.as_bytes(), Attributes::PUBLIC)?)
    }

    /// A file that came ten days ago. Nobody can set when a file last changed, so it is set on the disk while that
    /// is not mounted.
    pub(in crate::agent::monitor) fn old_file(&self, path: &str, bytes: usize) -> anyhow::Result<PathBuf> {
        let place = self.root.join(path);
        fs::write(&place, "all is well\n".repeat(bytes / 12))?;
        let time = SystemTime::now() - Duration::from_secs(10 * 86_400);
        fs::File::open(&place)?.set_modified(time)?;
        if let Ok(inner) = Path::new(path).strip_prefix("disk") {
            self.unmount()?;
            let seconds = time.duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
            let request = format!("set_inode_field /{} ctime @{seconds}", inner.display());
            ran(Command::new("debugfs").args(["-w", "-R", &request]).arg(self.image()))?;
            self.mount()?;
        }
        Ok(place)
    }

    pub(in crate::agent::monitor) fn status_bytes(&self) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(files::read_optional(&self.root.join(paths::MONITOR_STATUS))?)
    }

    /// The first status that is as wanted.
    pub(in crate::agent::monitor) async fn until(
        &self,
        wanted: impl Fn(&MonitorStatus) -> bool,
    ) -> anyhow::Result<MonitorStatus> {
        fs::create_dir_all(self.root.join(paths::RUN))?;
        let mut watch = FileWatch::new(&self.root.join(paths::MONITOR_STATUS))?;
        let found = timeout(DEADLINE, async {
            loop {
                if let Some(bytes) = self.status_bytes()? {
                    let status = MonitorStatus::parse(&bytes)?;
                    if wanted(&status) {
                        return anyhow::Ok(status);
                    }
                }
                watch.changed().await?;
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => anyhow::bail!("not reached: {:?}", status(&self.root)?),
        }
    }
}

fn ran(command: &mut Command) -> anyhow::Result<()> {
    let output =
        command.output().map_err(|e| anyhow::anyhow!("{command:?}: {e}; install e2fsprogs and mount"))?;
    anyhow::ensure!(
        output.status.success(),
        "{command:?}: {output:?}; this test needs root and a loop device"
    );
    Ok(())
}

impl Drop for Node {
    fn drop(&mut self) {
        let flags = rustix::mount::UnmountFlags::DETACH;
        rustix::mount::unmount(self.root.join("disk"), flags).expect("the mount is ours");
    }
}

/// A monitor that runs beside the test.
pub(in crate::agent::monitor) struct Running {
    pub(in crate::agent::monitor) task: JoinHandle<Result<(), MonitorError>>,
    shutdown: oneshot::Sender<()>,
    signals: mpsc::UnboundedReceiver<&'static str>,
}

impl Running {
    pub(in crate::agent::monitor) fn start(node: &Node) -> Self {
        Self::start_with(node, None)
    }

    pub(in crate::agent::monitor) fn start_with(node: &Node, alive_every: Option<Duration>) -> Self {
        let (sender, signals) = mpsc::unbounded_channel();
        let (shutdown, asked) = oneshot::channel();
        let ready = sender.clone();
        let callbacks = Signals {
            ready: Box::new(move || ready.send("ready").expect("the test listens")),
            // A test that has seen enough no longer listens.
            alive: Box::new(move || sender.send("alive").unwrap_or_default()),
            alive_every,
        };
        let root = node.root.clone();
        let task = tokio::spawn(run(root, callbacks, async move { drop(asked.await) }));
        Self { task, shutdown, signals }
    }

    pub(in crate::agent::monitor) async fn signal(&mut self) -> anyhow::Result<Option<&'static str>> {
        Ok(timeout(DEADLINE, self.signals.recv()).await?)
    }

    pub(in crate::agent::monitor) async fn stop(self) -> anyhow::Result<()> {
        drop(self.shutdown);
        Ok(timeout(DEADLINE, self.task).await???)
    }
}
