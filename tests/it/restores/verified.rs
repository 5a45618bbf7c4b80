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
    // Nothing but its content tells that it was written to.
    let file = fs::File::options().write(true).open(&large).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"rotten", 1000).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    let inode = || fs::metadata(&large).unwrap().ino();
    let before = inode();
    json(&node, &format!("snapshot restore {id}"), 0);
    assert_eq!(inode(), before, "the verified file itself");
    let done = json(&node, &format!("snapshot restore {id} --reread"), 0);
    assert!(done["seeded_bytes"].as_u64().unwrap() < 300_000, "{done}");
    assert!(inode() != before && fs::read(&large).unwrap().iter().all(|byte| *byte == b'x'));
    // What is damaged is read anew, and said by nobody: it only ever saves work.
    node.put("var/lib/eos/restores/verified/metrics.json", "{", 0o600);
    json(&node, &format!("snapshot restore {id}"), 0);
    assert_eq!(record(&node, "verified")["files"].as_object().unwrap().len(), 1);
}
