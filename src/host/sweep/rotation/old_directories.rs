//! Where the configuration of `logrotate` has it put old logs: each `olddir` of it, and of what it includes.

use crate::host::root::Root;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What distributions have it read. The directory is included by the file, and is read also where that is missing.
const CONFIGURATIONS: [&str; 3] = ["/etc/logrotate.conf", "/etc/logrotate.d", "/usr/etc/logrotate.conf"];

/// Every directory named, as it is named.
pub(super) fn read(root: &Root) -> io::Result<Vec<PathBuf>> {
    let mut named = Vec::new();
    let mut waiting: Vec<PathBuf> = CONFIGURATIONS.map(PathBuf::from).into();
    let mut seen = HashSet::new();
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let there = root.join(&path);
        match std::fs::read(&there) {
            Ok(text) => {
                named.extend(directive(&text, b"olddir"));
                waiting.extend(directive(&text, b"include").filter(|path| path.is_absolute()));
            }
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                for entry in std::fs::read_dir(&there)? {
                    let entry = entry?;
                    if entry.file_type()?.is_file() {
                        waiting.push(path.join(entry.file_name()));
                    }
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(named)
}

/// The paths behind a word: `olddir /var/log/old`, `olddir = old`, perhaps in quotes.
fn directive<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = PathBuf> + 'a {
    text.split(|byte| *byte == b'\n').filter_map(move |line| {
        let rest = line.trim_ascii().strip_prefix(word)?;
        let rest = rest.strip_prefix(b"=").or_else(|| rest.first()?.is_ascii_whitespace().then_some(rest))?;
        let rest = rest.trim_ascii();
        let path = rest.strip_prefix(b"=").unwrap_or(rest).trim_ascii();
        let path = match path.first() {
            Some(quote @ (b'"' | b'\'')) => path[1..].split(|byte| byte == quote).next()?,
            _ => path.split(|byte| byte.is_ascii_whitespace() || *byte == b'#').next()?,
        };
        (!path.is_empty()).then(|| Path::new(OsStr::from_bytes(path)).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn old_directories_are_found_in_every_file_that_is_included() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        assert!(read(&root)?.is_empty());
        fs::create_dir_all(root.join("etc/logrotate.d"))?;
        fs::create_dir_all(root.join("opt/rotation"))?;
        fs::write(
            root.join("etc/logrotate.conf"),
            "weekly\ninclude /opt/rotation\n#olddir /none\nolddir=/a # x\n",
        )?;
        fs::write(
            root.join("etc/logrotate.d/app"),
            "/var/log/app/*.log {\n\tolddir \"../b c\"\n  olddirs /none\n}\n",
        )?;
        fs::write(
            root.join("opt/rotation/more"),
            "include /etc/logrotate.conf\n/x {\n olddir = 'd'\n}\nnoolddir\n",
        )?;
        let mut found = read(&root)?;
        found.sort();
        assert_eq!(found, ["/a", "../b c", "d"].map(PathBuf::from));
        Ok(())
    }
}
