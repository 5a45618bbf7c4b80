//! Tests of what an operator does by hand.

use super::node::Node;
use crate::agent::monitor::{Cleaned, Cleanup, MonitorError, cleanup, snapshots_refused, status};
use crate::storage::Level;
use crate::storage::config::Action;
use std::fs;
use std::path::PathBuf;

#[test]
fn a_cleanup_by_hand_does_exactly_what_its_dry_run_told() -> anyhow::Result<()> {
    let node = Node::new()?;
    let file = node.old_file("disk/cache/old", 100_000)?;
    let log = node.old_file("disk/log/old.log", 100_000)?;
    assert_eq!(cleanup(&node.root, Level::Warning, false)?, Cleanup::default());
    let planned = cleanup(&node.root, Level::Cleanup, true)?.actions;
    assert!(file.exists() && log.exists());
    let done = cleanup(&node.root, Level::Cleanup, false)?.actions;
    let facts = |cleaned: &[Cleaned]| -> Vec<(Action, PathBuf, u64, u64)> {
        let report = |it: &Cleaned| it.report.clone().expect("swept");
        cleaned
            .iter()
            .map(|it| (it.action, it.directory.clone(), report(it).files, report(it).bytes))
            .collect()
    };
    assert_eq!(facts(&planned), facts(&done));
    assert_eq!(
        done.iter().map(|it| it.action).collect::<Vec<_>>(),
        [Action::CompressLogs, Action::DeleteExpendable]
    );
    assert!(!file.exists() && !log.exists());
    Ok(())
}

#[test]
fn a_cleanup_leaves_directories_on_mounts_that_are_not_watched() -> anyhow::Result<()> {
    let node = Node::new()?;
    fs::create_dir_all(node.root.join("var/tmp/eos"))?;
    let file = node.old_file("var/tmp/eos/old", 100_000)?;
    let done = cleanup(&node.root, Level::Critical, false)?.actions;
    assert!(done.iter().all(|it| it.directory.starts_with("/disk")), "{done:?}");
    assert!(file.exists());
    Ok(())
}

#[test]
fn the_report_stands_without_a_monitor() -> anyhow::Result<()> {
    let node = Node::new()?;
    let report = status(&node.root)?;
    assert_eq!(report.monitor, None);
    assert_eq!(
        serde_json::to_value(&report.health)?,
        serde_json::json!({"verdict": "unhealthy", "why": "the storage monitor has not reported yet"})
    );
    assert_eq!((report.mounts.len(), report.mounts[0].level), (1, Level::Normal));
    Ok(())
}

#[test]
fn a_mount_that_is_gone_keeps_no_other_from_being_freed_and_refuses_no_snapshot() -> anyhow::Result<()> {
    let node = Node::new()?;
    let file = node.old_file("disk/cache/old", 100_000)?;
    let watched = |mounts: &str| node.acting().replace("  - /disk\n", mounts);
    node.configure(&watched("  - /disk\n  - /gone\n"))?;
    snapshots_refused(&node.root)?;
    let done = cleanup(&node.root, Level::Cleanup, false)?;
    assert!(!file.exists());
    let told: Vec<&str> = done.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, [format!("could not look at {}", node.root.join("gone").display())]);
    node.old_file("disk/filler", 7_800_000)?;
    let refused = snapshots_refused(&node.root).expect_err("the one that is there is full");
    assert!(matches!(refused, MonitorError::SnapshotsRefused { .. }), "{refused}");
    node.configure(&watched("  - /gone\n  - /lost\n"))?;
    assert!(matches!(cleanup(&node.root, Level::Cleanup, false), Err(MonitorError::File(_))));
    assert!(matches!(snapshots_refused(&node.root), Err(MonitorError::File(_))));
    Ok(())
}
