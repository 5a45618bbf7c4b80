//! What is mounted where, and mounting and unmounting it with the system's own tools.

use super::command::{self, CommandError};
use super::files::FileError;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// A device or a server may take its time.
const DEADLINE: Duration = Duration::from_secs(120);

/// A mount as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// What is mounted.
    pub device: String,
    /// Its file system.
    pub kind: String,
    /// The options of the mount and of the file system.
    pub options: Vec<String>,
}

/// What is mounted at the path, the uppermost; none when nothing is.
///
/// # Errors
/// When the kernel's list cannot be read.
pub fn at(path: &Path) -> Result<Option<Mounted>, FileError> {
    let table = Path::new("/proc/self/mountinfo");
    let bytes = std::fs::read(table).map_err(|error| FileError::new("read", table, error))?;
    let mut found = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let Some(dash) = fields.iter().position(|field| *field == b"-") else { continue };
        if fields.get(4).map(|field| super::mounts::unescaped(field)).as_deref() != Some(path) {
            continue;
        }
        let text = |at: usize| {
            let plain = fields.get(at).map(|field| super::mounts::unescaped(field)).unwrap_or_default();
            plain.to_string_lossy().into_owned()
        };
        let options = format!("{},{}", text(5), text(dash + 3));
        let options = options.split(',').map(str::to_owned).collect();
        found = Some(Mounted { device: text(dash + 2), kind: text(dash + 1), options });
    }
    Ok(found)
}

/// Mounts a device.
///
/// # Errors
/// When `mount` fails.
pub fn mount(device: &str, kind: &str, options: &[String], path: &Path) -> Result<(), CommandError> {
    let options = options.join(",");
    run(&["mount", "-o", &options, "-t", kind, "--", device], path)
}

/// Gives a mount other options.
///
/// # Errors
/// When `mount` fails.
pub fn remount(options: &[String], path: &Path) -> Result<(), CommandError> {
    let options = format!("remount,{}", options.join(","));
    run(&["mount", "-o", &options, "--"], path)
}

/// Unmounts what is at the path.
///
/// # Errors
/// When `umount` fails.
pub fn unmount(path: &Path) -> Result<(), CommandError> {
    run(&["umount", "--"], path)
}

fn run(argv: &[&str], path: &Path) -> Result<(), CommandError> {
    let path = OsStr::from_bytes(path.as_os_str().as_bytes()).to_string_lossy().into_owned();
    let argv: Vec<&str> = argv.iter().copied().chain([path.as_str()]).collect();
    command::run_checked(&argv, DEADLINE).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mounted_is_told_with_its_options() -> Result<(), FileError> {
        let proc = at(Path::new("/proc"))?.expect("it is mounted");
        assert_eq!(proc.kind, "proc");
        assert!(proc.options.iter().any(|option| option == "rw" || option == "ro"));
        assert_eq!(at(Path::new("/no/such/place"))?, None);
        Ok(())
    }
}
