//! Small file systems that a test makes and fills.

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

const MIB: u64 = 1 << 20;
const DEADLINE: Duration = Duration::from_secs(30);

/// A file system that ends with the test.
pub struct Disk {
    path: PathBuf,
    image: Option<tempfile::TempDir>,
}

impl Disk {
    /// An ext4 file system of 64 MiB in a file.
    pub fn ext4(path: &Path) -> Self {
        Self::ext4_of(path, 10_000)
    }

    /// The same, of so many inodes.
    pub fn ext4_of(path: &Path, inodes: u64) -> Self {
        let image = tempfile::tempdir().unwrap();
        let file = image.path().join("disk.img");
        fs::File::create(&file).unwrap().set_len(64 * MIB).unwrap();
        let inodes = inodes.to_string();
        let options = ["-q", "-b", "4096", "-m", "0", "-N", &inodes, "-O", "^has_journal,^resize_inode"];
        run("mkfs.ext4", &options, &[&file]);
        run("mount", &["-o", "loop"], &[&file, path]);
        Self { path: path.to_owned(), image: Some(image) }
    }

    /// Makes files so many days old, as if they had been there for as long. Nobody can set when a file last changed, so
    /// that is written on the disk while it is not mounted; nothing may use it.
    pub fn age(&self, files: &[(PathBuf, u64)]) {
        let image = self.image.as_ref().expect("a disk that lies in a file").path();
        let now = SystemTime::now();
        let requests = files.iter().map(|(file, days)| {
            let time = now - Duration::from_secs(days * 86_400);
            let inode = fs::symlink_metadata(file).unwrap().ino();
            let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            format!(
                "set_inode_field <{inode}> ctime @{seconds}\nset_inode_field <{inode}> mtime @{seconds}\n"
            )
        });
        fs::write(image.join("requests"), requests.collect::<String>()).unwrap();
        self.unmount();
        let (requests, file) = (image.join("requests"), image.join("disk.img"));
        run("debugfs", &["-w", "-f"], &[&requests, &file]);
        run("mount", &["-o", "loop"], &[&file, &self.path]);
    }

    /// A process that another test is about to start holds, until it runs its program, what is open here.
    fn unmount(&self) {
        let since = Instant::now();
        loop {
            match unmount(&self.path, UnmountFlags::empty()) {
                Err(Errno::BUSY) if since.elapsed() < DEADLINE => std::thread::yield_now(),
                answer => return answer.unwrap(),
            }
        }
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.path).unwrap();
        (found.f_blocks - found.f_bfree) * found.f_frsize
    }

    /// A file system in memory, of so many bytes and inodes.
    pub fn memory(path: &Path, bytes: u64, inodes: u64) -> Self {
        let options = std::ffi::CString::new(format!("size={bytes},nr_inodes={inodes}")).unwrap();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).unwrap();
        Self { path: path.to_owned(), image: None }
    }

    /// Percent of the bytes in use.
    pub fn percent(&self) -> f64 {
        let found = rustix::fs::statvfs(&self.path).unwrap();
        let used = found.f_blocks - found.f_bfree;
        used as f64 / (used + found.f_bavail) as f64 * 100.0
    }

    /// Writes or cuts one large file until so much of the disk is in use.
    pub fn fill(&self, percent: f64) {
        let found = rustix::fs::statvfs(&self.path).unwrap();
        let block = found.f_frsize;
        let used = found.f_blocks - found.f_bfree;
        let wanted = ((used + found.f_bavail) as f64 * percent / 100.0) as u64;
        let mut filler =
            fs::File::options().append(true).create(true).open(self.path.join("filler")).unwrap();
        let now = filler.metadata().unwrap().len() / block;
        if wanted < used {
            filler.set_len(now.saturating_sub(used - wanted) * block).unwrap();
        } else {
            let piece = vec![1; block as usize];
            (used..wanted).for_each(|_| filler.write_all(&piece).unwrap());
        }
        filler.sync_all().unwrap();
        assert!((self.percent() - percent).abs() < 0.5, "{} instead of {percent} %", self.percent());
    }

    /// Fills it to the last byte.
    pub fn exhaust(&self) {
        let mut filler =
            fs::File::options().append(true).create(true).open(self.path.join("filler")).unwrap();
        while filler.write(&[1; 4096]).is_ok() {}
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.path, UnmountFlags::DETACH).expect("the mount is ours");
    }
}

fn run(program: &str, options: &[&str], paths: &[&Path]) {
    let status = Command::new(program).args(options).args(paths).output();
    let ended = status.unwrap_or_else(|e| panic!("{program}: {e}; install e2fsprogs and mount"));
    assert!(ended.status.success(), "{program} failed: {ended:?}; this test needs root and a loop device");
}
