//! Small file systems that a test makes and fills.

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A file system that ends with the test.
pub struct Disk {
    path: PathBuf,
    _image: Option<tempfile::TempDir>,
}

impl Disk {
    /// An ext4 file system of 64 MiB in a file.
    pub fn ext4(path: &Path) -> Self {
        let image = tempfile::tempdir().unwrap();
        let file = image.path().join("disk.img");
        fs::File::create(&file).unwrap().set_len(64 * MIB).unwrap();
        run("mkfs.ext4", &["-q", "-m", "0", "-O", "^has_journal"], &[&file]);
        run("mount", &["-o", "loop"], &[&file, path]);
        Self { path: path.to_owned(), _image: Some(image) }
    }

    /// A file system in memory, of so many bytes and inodes.
    pub fn memory(path: &Path, bytes: u64, inodes: u64) -> Self {
        let options = std::ffi::CString::new(format!("size={bytes},nr_inodes={inodes}")).unwrap();
        mount("tmpfs", path, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).unwrap();
        Self { path: path.to_owned(), _image: None }
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
    let status = Command::new(program).args(options).args(paths).status();
    let ended = status.unwrap_or_else(|e| panic!("{program}: {e}; install e2fsprogs and mount"));
    assert!(ended.success(), "{program} failed: this test needs root and a loop device");
}
