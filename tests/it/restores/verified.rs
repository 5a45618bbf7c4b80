//! What a restore remembers of files that nobody writes to.

use super::*;
use std::os::unix::fs::FileExt;

#[test]
fn what_a_restore_verified_of_files_that_nobody_writes_to_is_read_again_only_on_demand() {
    let node = Machine::empty("127.0.41.31", "node1");
    let once = sources(&node, "", "/bin/true").replace("roles: []", "write_once: ['large']");
    node.put("etc/eos/cluster.yaml", &once, 0o644);
    node.found();
    let top = node.path("srv/metrics");
    fill(&top, "first");
    let id = snapshot(&node, 100);
    fs::write(top.join("which"), "second").unwrap();
    json(&node, "snapshot restore metrics", 0);
    assert_eq!(record(&node, "verified")["files"].as_object().unwrap().len(), 1);
    let large = top.join("sub/large");
    let inode = || fs::metadata(&large).unwrap().ino();
    let before = inode();
    json(&node, &format!("snapshot restore {id}"), 0);
    assert_eq!(inode(), before, "the verified file itself");
    // Who writes to it may set the time of its content back, and not that of its last change.
    let file = fs::File::options().write(true).open(&large).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"rotten", 1000).unwrap();
    file.set_modified(modified).unwrap();
    json(&node, &format!("snapshot restore {id}"), 0);
    let whole = || fs::read(&large).unwrap().iter().all(|byte| *byte == b'x');
    assert!(inode() != before && whole(), "it was read");
    let before = inode();
    // As when a disk rots: no time tells, so the record has the one that the writing left.
    let file = fs::File::options().write(true).open(&large).unwrap();
    file.write_all_at(b"rotten", 1000).unwrap();
    file.set_modified(modified).unwrap();
    let now = file.metadata().unwrap();
    let mut verified = record(&node, "verified");
    verified["files"]["sub/large"][0][4] = serde_json::json!([now.ctime(), now.ctime_nsec()]);
    node.put("var/lib/eos/restores/verified/metrics.json", &verified.to_string(), 0o600);
    json(&node, &format!("snapshot restore {id}"), 0);
    assert_eq!(inode(), before, "what was verified is not read");
    let done = json(&node, &format!("snapshot restore {id} --reread"), 0);
    assert!(done["seeded_bytes"].as_u64().unwrap() < 300_000, "{done}");
    assert!(inode() != before && whole());
    // What is damaged is read anew, and said by nobody: it only ever saves work.
    node.put("var/lib/eos/restores/verified/metrics.json", "{", 0o600);
    json(&node, &format!("snapshot restore {id}"), 0);
    assert_eq!(record(&node, "verified")["files"].as_object().unwrap().len(), 1);
}
