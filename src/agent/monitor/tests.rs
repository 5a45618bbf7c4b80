//! Tests of the monitor on real directories and real file systems.

pub(super) mod node;
mod operator;
mod rendered;

use super::*;
use crate::storage::config::{Action, Mode};
use crate::storage::status::{MonitorStatus, Outcome};
use crate::storage::{Health, Level, health};
use jiff::Timestamp;
use node::{DEADLINE, Node, Running};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::timeout;

fn digest_on_disk(node: &Node) -> anyhow::Result<Digest> {
    Ok(Digest::of(&files::read(&node.root.join(paths::STORAGE_OPS))?))
}

#[tokio::test]
async fn ready_means_that_a_healthy_status_is_on_disk() -> anyhow::Result<()> {
    let node = Node::new()?;
    let mut running = Running::start(&node);
    assert_eq!(running.signal().await?, Some("ready"));
    let bytes = node.status_bytes()?;
    let verdict = health(bytes.as_deref(), Some(digest_on_disk(&node)?), Timestamp::now());
    assert_eq!(verdict, Health::Healthy);
    let found = MonitorStatus::parse(&bytes.expect("a status"))?;
    assert_eq!((found.pid, found.mode, found.level()), (std::process::id(), Mode::Observe, Level::Normal));
    assert_eq!(found.mounts.len(), 1);
    assert_eq!(found.mounts[0].path, PathBuf::from("/disk"));
    assert_eq!(running.signal().await?, Some("alive"));
    let later = node.until(|status| status.mounts[0].growth.is_some()).await?;
    assert!(later.at > found.at && later.mounts[0].time_to_full_seconds.is_none(), "{later:?}");
    running.stop().await
}

#[tokio::test]
async fn without_a_valid_configuration_it_does_not_start() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.configure("version: 1\n")?;
    let error = timeout(DEADLINE, Running::start(&node).task).await??.expect_err("an invalid one");
    assert!(matches!(error, MonitorError::Config(_)), "{error}");
    fs::remove_file(node.root.join(paths::STORAGE_OPS))?;
    let error = timeout(DEADLINE, Running::start(&node).task).await??.expect_err("none at all");
    assert!(matches!(error, MonitorError::Missing { .. }), "{error}");
    assert_eq!(node.status_bytes()?, None);
    Ok(())
}

#[tokio::test]
async fn a_new_configuration_is_taken_over_and_an_invalid_one_is_told() -> anyhow::Result<()> {
    let node = Node::new()?;
    let slow = node.config().replace("interval_seconds: 1\n", "interval_seconds: 3600\n");
    node.configure(&slow)?;
    let mut running = Running::start(&node);
    assert_eq!(running.signal().await?, Some("ready"));
    node.configure(&slow.replace("role: monolith", "role: data"))?;
    let changed = node.until(|status| status.role == crate::model::role::Role::Data).await?;
    assert_eq!(changed.config_digest, digest_on_disk(&node)?);
    node.configure(&slow.replace("cleanup: 75", "cleanup: 5"))?;
    let told = node.until(|status| !status.problems.is_empty()).await?;
    assert_eq!(told.config_digest, changed.config_digest);
    assert_eq!(told.problems[0].code, "EOS-V004");
    let verdict = health(node.status_bytes()?.as_deref(), Some(digest_on_disk(&node)?), Timestamp::now());
    assert_eq!(
        verdict,
        Health::Unhealthy {
            why: "the storage monitor does not run with the storage-ops.yaml on disk: \
                  threshold cleanup is 5, which is not above compress at 70"
                .to_owned()
        }
    );
    fs::remove_file(node.root.join(paths::STORAGE_OPS))?;
    node.until(|status| status.problems.first().is_some_and(|it| it.code == "EOS-V020")).await?;
    node.configure(&slow)?;
    node.until(|status| status.problems.is_empty()).await?;
    running.stop().await
}

#[tokio::test]
async fn observing_plans_and_touches_nothing() -> anyhow::Result<()> {
    let node = Node::new()?;
    let file = node.old_file("disk/cache/old", 7_800_000)?;
    let running = Running::start(&node);
    let found = node.until(|status| !status.actions.is_empty()).await?;
    assert_eq!(found.level(), Level::Critical);
    let planned: Vec<(Action, Outcome)> = found.actions.iter().map(|it| (it.action, it.outcome)).collect();
    let all = [Action::CompressLogs, Action::DeleteExpendable, Action::RefuseSnapshots, Action::Notify];
    assert_eq!(planned, all.map(|action| (action, Outcome::Planned)));
    assert!(!found.snapshots_refused && file.exists());
    running.stop().await
}

#[tokio::test]
async fn a_full_mount_is_relieved_and_its_level_falls() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.configure(&node.acting())?;
    let cache = node.old_file("disk/cache/old", 5_000_000)?;
    let log = node.old_file("disk/log/old.log", 1_500_000)?;
    let young = node.root.join("disk/cache/young");
    fs::write(&young, [1; 1000])?;
    let running = Running::start(&node);
    let found = node.until(|status| status.level() == Level::Normal && !status.actions.is_empty()).await?;
    let done: Vec<(Action, Outcome, u64)> =
        found.actions.iter().map(|it| (it.action, it.outcome, it.files)).collect();
    assert_eq!(
        done,
        [(Action::DeleteExpendable, Outcome::Done, 1), (Action::CompressLogs, Outcome::Done, 1)],
        "{found:?}"
    );
    assert!(!cache.exists() && !log.exists() && young.exists());
    assert!(node.root.join("disk/log/old.log.zst").exists());
    running.stop().await
}

#[tokio::test]
async fn every_level_is_walked_up_and_down_as_the_mount_fills_and_empties() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.configure(&node.acting())?;
    let running = Running::start(&node);
    let filler = node.root.join("disk/filler");
    let fill = |percent: u64| fs::write(&filler, vec![1; (8 * 1024 * 1024 * percent / 100) as usize]);
    for (level, percent) in Level::RAISED.into_iter().zip([61, 71, 76, 81, 86, 91]) {
        fill(percent)?;
        let found = node.until(|status| status.level() == level).await?;
        assert_eq!(found.snapshots_refused, level >= Level::Emergency, "{level}");
    }
    fill(84)?;
    node.until(|status| status.level() == Level::Emergency).await?;
    fill(10)?;
    let found = node.until(|status| status.level() == Level::Normal).await?;
    assert!(!found.snapshots_refused);
    running.stop().await
}

#[tokio::test]
async fn a_mount_that_is_gone_is_told_and_the_others_are_watched() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.configure(&node.config().replace("  - /disk\n", "  - /gone\n  - /disk\n"))?;
    let running = Running::start(&node);
    let found = node.until(|status| status.mounts.len() == 1).await?;
    let gone = node.root.join("gone");
    assert_eq!(found.problems[0].message, format!("could not sample the file system of {}", gone.display()));
    running.stop().await
}

#[tokio::test]
async fn a_watchdog_shorter_than_the_interval_is_fed() -> anyhow::Result<()> {
    let node = Node::new()?;
    node.configure(&node.config().replace("interval_seconds: 1\n", "interval_seconds: 3600\n"))?;
    let mut running = Running::start_with(&node, Some(Duration::from_millis(5)));
    assert_eq!(running.signal().await?, Some("ready"));
    for _ in 0..4 {
        assert_eq!(running.signal().await?, Some("alive"));
    }
    running.stop().await
}
