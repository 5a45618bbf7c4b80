//! What is mounted where, and mounting and unmounting it with the system's own tools.

use super::command::{self, CommandError};
use super::files::{self, FileError};
use crate::sls::mount_options;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A device or a server may take its time.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long finding a device by another name may take.
const ANSWER: Duration = Duration::from_secs(30);

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

/// Whether what is mounted at the path is what a device names: itself or by another name of it, by `UUID=`, `LABEL=`
/// and their kin, the file behind a loop device, or what a bind mount shows.
///
/// # Errors
/// When the tool that knows names of devices cannot be run.
pub fn is_of(mounted: &Mounted, device: &str, options: &[String], path: &Path) -> Result<bool, CommandError> {
    if mounted.device == device {
        return Ok(true);
    }
    if options.iter().any(|option| matches!(option.as_str(), "bind" | "rbind")) {
        let node = |path: &Path| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        return Ok(node(Path::new(device)).is_some_and(|source| node(path) == Some(source)));
    }
    let now = real(&mounted.device);
    if let Some((tag, _)) = device.split_once('=').filter(|(tag, _)| TAGS.contains(tag)) {
        let named = command::run(&["findfs", &device.replacen(tag, &tag.to_ascii_uppercase(), 1)], ANSWER)?;
        return Ok(named.status == Some(0) && real(named.stdout.trim()) == now);
    }
    // `sshfs#host:` is shown without what comes before the mark.
    let plain = device.split_once('#').filter(|(kind, _)| kind.chars().all(char::is_alphanumeric));
    let device = plain.map_or(device, |(_, device)| device);
    Ok(mounted.device == device
        || real(device) == now
        || behind(&now).is_some_and(|file| file == real(device)))
}

/// Other names of devices than their paths.
const TAGS: [&str; 6] = ["UUID", "LABEL", "PARTUUID", "PARTLABEL", "uuid", "label"];

/// A device without links, when it is a file.
fn real(name: &str) -> PathBuf {
    let path = Path::new(name);
    files::real_directory(path).unwrap_or_else(|_| path.to_owned())
}

/// The file behind a loop device.
fn behind(device: &Path) -> Option<PathBuf> {
    let told = Path::new("/sys/class/block").join(device.file_name()?).join("loop/backing_file");
    let name = std::fs::read(told).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(name.trim_ascii_end())))
}

/// Mounts a device.
///
/// # Errors
/// When `mount` fails.
pub fn mount(device: &str, kind: &str, options: &[String], path: &Path) -> Result<(), CommandError> {
    let (options, password) = without_password(kind, options);
    run(&["mount", "-o", &options.join(","), "-t", kind, "--", device], path, password)
}

/// Gives a mount of this kind other options.
///
/// # Errors
/// When `mount` fails.
pub fn remount(kind: &str, options: &[String], path: &Path) -> Result<(), CommandError> {
    let (options, password) = without_password(kind, options);
    run(&["mount", "-o", &format!("remount,{}", options.join(",")), "--"], path, password)
}

/// Gives a mount the options that it had `before`, as [`at`] told them, and has not `now`; whatever its table says.
///
/// # Errors
/// When `mount` fails.
pub fn restore_options(now: &[String], before: &[String], path: &Path) -> Result<(), CommandError> {
    let options = format!("remount,{}", mount_options::way_back(now, before).join(","));
    run(&["mount", "--options-mode", "ignore", "-o", &options, "--"], path, None)
}

/// Whether these are the same options, in whatever order.
pub fn same_options(one: &[String], other: &[String]) -> bool {
    one.iter().all(|option| other.contains(option)) && other.iter().all(|option| one.contains(option))
}

/// That a mount kept other options than it was given back.
pub fn not_restored(now: &[String], before: &[String], path: &Path) -> CommandError {
    let (now, before) = (now.join(","), before.join(","));
    CommandError::Failed {
        program: format!("mount -o remount,{before} {}", path.display()),
        status: 0,
        last_line: format!("its options are {now} all the same, and were {before}"),
    }
}

/// Unmounts what is at the path.
///
/// # Errors
/// When `umount` fails.
pub fn unmount(path: &Path) -> Result<(), CommandError> {
    run(&["umount", "--"], path, None)
}

/// The options without a password of a server, which is told apart from the command line: that everybody can read.
fn without_password<'a>(kind: &str, options: &'a [String]) -> (Vec<&'a str>, Option<&'a str>) {
    let is_password = |option: &str| {
        let key = option.split('=').next().unwrap_or_default();
        matches!(kind, "cifs" | "smb3") && matches!(key, "password" | "pass" | "passwd")
    };
    let password = options.iter().rev().find(|option| is_password(option));
    let rest = options.iter().map(String::as_str).filter(|option| !is_password(option)).collect();
    (rest, password.and_then(|option| option.split_once('=')).map(|(_, password)| password))
}

/// Runs a tool; what it is told may be secret, and is in no message.
fn run(argv: &[&str], path: &Path, password: Option<&str>) -> Result<(), CommandError> {
    let path = OsStr::from_bytes(path.as_os_str().as_bytes()).to_string_lossy().into_owned();
    let argv: Vec<&str> = argv.iter().copied().chain([path.as_str()]).collect();
    let secret: Vec<(&str, &str)> = password.map(|password| ("PASSWD", password)).into_iter().collect();
    command::run_secret_with(&argv, &secret, DEADLINE).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_server_is_not_on_the_command_line() {
        let options = ["rw", "user=ann", "password=hunter2"].map(str::to_owned);
        assert_eq!(without_password("cifs", &options), (vec!["rw", "user=ann"], Some("hunter2")));
        assert_eq!(without_password("ext4", &options[..2]), (vec!["rw", "user=ann"], None));
    }

    #[test]
    fn what_is_mounted_is_told_with_its_options() -> Result<(), FileError> {
        let proc = at(Path::new("/proc"))?.expect("it is mounted");
        assert_eq!(proc.kind, "proc");
        assert!(proc.options.iter().any(|option| option == "rw" || option == "ro"));
        assert_eq!(at(Path::new("/no/such/place"))?, None);
        Ok(())
    }
}
