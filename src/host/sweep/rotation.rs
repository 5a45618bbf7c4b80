//! Which logs `logrotate` manages: it shifts and deletes them by their names, so none is renamed behind its back.

mod old_directories;

use crate::host::root::Root;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

/// Where distributions have it keep which logs it has seen.
const STATES: [&str; 4] = [
    "/var/lib/logrotate/status",
    "/var/lib/logrotate/logrotate.status",
    "/var/lib/logrotate.status",
    "/var/lib/misc/logrotate.status",
];

/// The logs that it manages, by their directory.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    logs: HashMap<PathBuf, Vec<Vec<u8>>>,
    /// Where its configuration has it put what it made of them: `olddir`.
    old: HashSet<PathBuf>,
}

impl Rotation {
    /// Reads what `logrotate` of this root wrote down, if it is used.
    pub(super) fn read(root: &Root) -> io::Result<Self> {
        let mut found = Self::default();
        for path in STATES {
            match std::fs::read(root.join(path)) {
                Ok(state) => found.add(&state),
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(error),
            }
        }
        for named in old_directories::read(root)? {
            found.put_into(&named);
        }
        Ok(found)
    }

    /// A directory that is not absolute lies beside the log; beside which one depends on the section of the
    /// configuration, so it is taken to lie beside all.
    fn put_into(&mut self, named: &Path) {
        let beside = self.logs.keys().map(|directory| plain(&directory.join(named)));
        self.old.extend(beside.chain(named.is_absolute().then(|| plain(named))));
    }

    fn add(&mut self, state: &[u8]) {
        for path in state.split(|byte| *byte == b'\n').filter_map(log_of) {
            if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
                self.logs.entry(directory.to_owned()).or_default().push(name.as_bytes().to_vec());
            }
        }
    }

    /// Whether it manages the file: a log, what it made of one in the same directory or in one below, or whatever lies
    /// in an `olddir`.
    pub(super) fn manages(&self, path: &Path) -> bool {
        let Some(name) = path.file_name().map(OsStrExt::as_bytes) else { return false };
        if path.parent().is_some_and(|directory| self.old.contains(directory)) {
            return true;
        }
        path.ancestors().skip(1).enumerate().any(|(above, directory)| {
            self.logs.get(directory).is_some_and(|logs| {
                logs.iter().any(|log| is_rotated(log, name) || (above == 0 && log == name))
            })
        })
    }
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// `"/var/log/a b" 2026-1-2-3:4:5`, with a backslash before quotes and backslashes; without quotes in old versions.
fn log_of(line: &[u8]) -> Option<PathBuf> {
    let mut name = Vec::new();
    match line.strip_prefix(b"\"") {
        Some(quoted) => {
            let mut bytes = quoted.iter();
            loop {
                match bytes.next()? {
                    b'"' => break,
                    b'\\' => name.push(*bytes.next()?),
                    byte => name.push(*byte),
                }
            }
        }
        None => name.extend(line.iter().take_while(|byte| **byte != b' ')),
    }
    name.starts_with(b"/").then(|| PathBuf::from(OsString::from_vec(name)))
}

/// Whether the name is what `logrotate` makes of a log: `app.log.1`, `app.log-20260102`, or, where `extension .log`
/// stands, `app.1.log` and `app-20260102.log`; each perhaps with more behind it, as of a compressor.
fn is_rotated(log: &[u8], name: &[u8]) -> bool {
    let numbered = |stem: &[u8]| {
        let rest = name.strip_prefix(stem);
        rest.is_some_and(|rest| matches!(rest, [b'.' | b'-', digit, ..] if digit.is_ascii_digit()))
    };
    let dot = log.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
    numbered(log)
        || dot.is_some_and(|dot| {
            let ending = &log[dot..];
            numbered(&log[..dot]) && name[dot..].windows(ending.len()).any(|part| part == ending)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_and_what_is_made_of_it_are_managed_and_others_of_similar_names_are_not() {
        let mut rotation = Rotation::default();
        rotation.add(
            b"logrotate state -- version 2\n\"/var/log/dpkg.log\" 2026-11-30-6:25:1\n\
              \"/var/log/a \\\"b\\\\\" 2026-11-30-6:25:1\n/var/log/old.log 2026-11-30\n\"/var/log/cut",
        );
        for name in [
            "dpkg.log",
            "dpkg.log.1",
            "dpkg.log.2.gz",
            "dpkg.log-20260102",
            "dpkg.1.log",
            "dpkg-20260102.log.gz",
            "archive/dpkg.log.1",
            "a \"b\\",
            "a \"b\\.1",
            "old.log.12",
        ] {
            assert!(rotation.manages(&Path::new("/var/log").join(name)), "{name}");
        }
        for name in ["dpkg.log.old", "dpkg.logs", "dpkg", "dpkg-2", "archive/dpkg.log", "cut", "-- "] {
            assert!(!rotation.manages(&Path::new("/var/log").join(name)), "{name}");
        }
        assert!(!rotation.manages(Path::new("/var/dpkg.log.1")));
    }

    #[test]
    fn whatever_lies_in_an_old_directory_is_managed_wherever_that_is() {
        let mut rotation = Rotation::default();
        rotation.add(b"\"/var/log/app/a.log\" 2026-11-30-6:25:1\n");
        for named in ["/srv/./old/", "../older"] {
            rotation.put_into(Path::new(named));
        }
        for path in ["/srv/old/x.zst", "/var/log/older/a.log.3.zst"] {
            assert!(rotation.manages(Path::new(path)), "{path}");
        }
        for path in ["/srv/old/below/x.zst", "/srv/x.zst", "/var/log/app/older/x.zst", "/older/x.zst"] {
            assert!(!rotation.manages(Path::new(path)), "{path}");
        }
    }
}
