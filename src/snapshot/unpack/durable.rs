//! Makes a tree durable: a small one file by file, which waits for nobody else's data, a large one in one call.

use crate::host::directory::{Directory, DirectoryError};
use crate::snapshot::manifest::{Content, Entry};

/// Up to so many entries are synced one by one.
const FEW: usize = 64;

/// Makes all entries below `staging` durable, and its own name in `parent`.
///
/// # Errors
/// When the disk refuses.
pub(in crate::snapshot) fn make_durable(
    staging: &Directory,
    parent: &Directory,
    entries: &[Entry],
) -> Result<(), DirectoryError> {
    // Syncing the file system waits for what everybody else wrote to it, which may be gigabytes.
    if entries.len() > FEW || entries.iter().any(is_closed) {
        return staging.sync_filesystem();
    }
    for entry in entries {
        let path = entry.path.as_path();
        match entry.content {
            Content::File { .. } => staging.sync_file(path)?,
            Content::Directory => staging.open_directory(path)?.sync()?,
            Content::Symlink { .. } | Content::Hardlink { .. } => {}
        }
    }
    staging.sync()?;
    parent.sync()
}

/// Whether not even its owner may open it, unless it is root.
fn is_closed(entry: &Entry) -> bool {
    let needed = match entry.content {
        Content::File { .. } => 0o400,
        Content::Directory => 0o500,
        Content::Symlink { .. } | Content::Hardlink { .. } => 0,
    };
    entry.mode & needed != needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::directory::cut;
    use crate::model::digest::Digest;
    use crate::snapshot::manifest::{Name, Time};
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    fn entry(path: &str, mode: u32, content: Content) -> Entry {
        let path = Name::new(path.as_bytes().to_vec());
        Entry { path, mode, uid: 0, gid: 0, modified: Time(0, 0), extended: BTreeMap::new(), content }
    }

    #[test]
    fn every_file_and_directory_of_a_small_tree_is_synced_by_itself_and_closed_ones_with_all() {
        let folder = tempfile::tempdir().unwrap();
        let parent = Directory::open(folder.path()).unwrap();
        std::fs::create_dir_all(folder.path().join("incoming/a")).unwrap();
        std::fs::write(folder.path().join("incoming/a/file"), "text").unwrap();
        let staging = parent.open_directory("incoming".as_ref()).unwrap();
        let file = || Content::File { size: 4, digest: Digest::of(b"text"), sparse: false, at: None };
        let link = Content::Symlink { target: Name::new(b"nowhere".to_vec()) };
        let small =
            [entry("a", 0o755, Content::Directory), entry("a/file", 0o644, file()), entry("b", 0o777, link)];
        make_durable(&staging, &parent, &small).unwrap();
        // The directory, the file, the tree itself and its name.
        for number in 0..5 {
            let (synced, failed) = cut::failing(number, || make_durable(&staging, &parent, &small));
            assert_eq!((synced.is_err(), failed), (number < 4, number < 4), "{number}: {synced:?}");
        }

        let gone = [entry("gone", 0o644, file())];
        let error = make_durable(&staging, &parent, &gone).unwrap_err();
        assert!(
            error.is_missing() && error.to_string().contains("incoming/gone"),
            "each is looked at: {error}"
        );

        let path = folder.path().join("incoming/a/file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
        // None of these is opened.
        make_durable(&staging, &parent, &[entry("gone", 0o200, file())]).unwrap();
        make_durable(&staging, &parent, &vec![gone[0].clone(); FEW + 1]).unwrap();
    }
}
