//! What stands below two roots, in a form in which it can be compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Every path below a root with its kind, mode, owner, and bytes or target; the root's own name is left out of them.
pub fn tree(root: &Path, leave_out: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    walk(root, root, leave_out, &mut found);
    found
}

fn walk(root: &Path, directory: &Path, leave_out: &[&str], found: &mut BTreeMap<String, String>) {
    let name = root.to_str().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if leave_out.iter().any(|left| Path::new(&relative).starts_with(left)) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        let what = if metadata.is_symlink() {
            format!("link to {}", fs::read_link(&path).unwrap().display())
        } else if metadata.is_dir() {
            walk(root, &path, leave_out, found);
            "directory".to_owned()
        } else {
            format!("file {:?}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
        };
        // The mode of a link means nothing.
        let mode = if metadata.is_symlink() { 0 } else { metadata.mode() & 0o7777 };
        let owner = (metadata.uid(), metadata.gid());
        found.insert(relative, format!("{mode:04o} {}:{} {}", owner.0, owner.1, what.replace(name, "")));
    }
}

/// Asserts that two trees are the same.
#[track_caller]
pub fn assert_same(salt: &BTreeMap<String, String>, eos: &BTreeMap<String, String>, what: &str) {
    let all: std::collections::BTreeSet<&String> = salt.keys().chain(eos.keys()).collect();
    let none = "nothing".to_owned();
    let different: Vec<String> = all
        .into_iter()
        .filter(|path| salt.get(*path) != eos.get(*path))
        .map(|path| {
            let of = |tree: &BTreeMap<String, String>| tree.get(path).unwrap_or(&none).clone();
            format!("{path}:\n  Salt {}\n  eos  {}", of(salt), of(eos))
        })
        .collect();
    assert!(different.is_empty(), "{what}: {} paths differ:\n{}", different.len(), different.join("\n"));
}
