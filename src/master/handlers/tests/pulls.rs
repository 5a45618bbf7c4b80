//! Pulls of snapshots: what keeps them, what ends them, and what is counted of them.

use super::*;
use crate::model::ids::SnapshotId;
use crate::serving::SILENCE;
use crate::snapshot::retention::{Rule, Verdict};
use crate::snapshot::store::{Pruned, SnapshotStore};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Another process that prunes, as `eos snapshot prune --keep 1` does.
fn prune(lab: &Lab) -> anyhow::Result<Pruned> {
    let rule = Rule { count: Some(1), ..Rule::default() };
    let path = lab.root.join(paths::MASTER_SNAPSHOTS);
    let store = crate::snapshot::store::DiskStore::open(crate::host::directory::Directory::open(&path)?)?;
    Ok(store.prune(&rule, Timestamp::now(), &BTreeSet::new(), false)?)
}

/// The newest snapshot; the operator pulls it from now on.
async fn latest(lab: &Lab) -> anyhow::Result<SnapshotId> {
    let (_, told) = lab.get("/v1/snapshots/latest").await?;
    Ok(SnapshotId::parse(told["id"].as_str().unwrap_or_default())?)
}

/// Two snapshots, the older of which is being pulled, and the path of its first part.
async fn two(lab: &Lab) -> anyhow::Result<(SnapshotId, SnapshotId, String)> {
    let old = latest(lab).await?;
    let part = format!("/v1/snapshots/parts/{}", lab.app.snapshots.store.summary(&old)?.parts[0].digest);
    lab.app.cluster().commit(vec![Change::Generation(4)])?;
    let new = latest(lab).await?;
    anyhow::ensure!(old != new);
    Ok((old, new, part))
}

fn gone(lab: &Lab) -> usize {
    lab.app.snapshots.shelf.pulls.expire(Instant::now() + SILENCE + Duration::from_secs(1)).len()
}

#[tokio::test]
async fn what_is_pulled_stays_between_two_requests_and_goes_when_nothing_is_heard() -> anyhow::Result<()> {
    let lab = lab()?;
    let (old, new, part) = two(&lab).await?;
    let pruned = prune(&lab)?;
    let verdicts: Vec<_> = pruned.judged.iter().map(|one| (&one.summary.id, one.verdict)).collect();
    assert_eq!(verdicts, [(&old, Verdict::Protected), (&new, Verdict::Protected)]);
    assert_eq!(pruned.judged[0].holders[0].who, "operator");
    let answer = lab.ask(true, Request::get(&part).body(Body::empty())?).await?;
    assert_eq!(answer.status(), 200);
    drop(answer);
    assert!(
        lab.app.snapshots.shelf.pulls.expire(Instant::now() + SILENCE / 2).is_empty(),
        "a pause is no end"
    );
    assert_eq!(gone(&lab), 2);
    assert_eq!(prune(&lab)?.dropped(), [old]);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_being_sent_keeps_its_pull_however_long_it_takes() -> anyhow::Result<()> {
    let lab = lab()?;
    let (old, _, part) = two(&lab).await?;
    let answer = lab.ask(true, Request::get(&part).body(Body::empty())?).await?;
    assert_eq!(gone(&lab), 1, "the other snapshot's");
    assert!(prune(&lab)?.dropped().is_empty());
    drop(answer);
    assert_eq!(gone(&lab), 1);
    assert_eq!(prune(&lab)?.dropped(), [old]);
    Ok(())
}

#[tokio::test]
async fn one_puller_has_one_lease_and_a_master_that_forgot_it_gives_it_anew() -> anyhow::Result<()> {
    let lab = lab()?;
    let (old, _, part) = two(&lab).await?;
    for path in [format!("/v1/snapshots/{old}/manifest"), part.clone(), part.clone()] {
        lab.ask(true, Request::get(&path).body(Body::empty())?).await?;
    }
    assert_eq!(lab.app.snapshots.shelf.pulls.count(), 2);
    assert_eq!(gone(&lab), 2);
    lab.ask(true, Request::get(&part).body(Body::empty())?).await?;
    assert_eq!(lab.app.snapshots.shelf.pulls.count(), 1);
    assert!(prune(&lab)?.dropped().is_empty());
    lab.app.snapshots.shelf.pulls.end("somebody else");
    lab.app.snapshots.shelf.pulls.end("operator");
    assert_eq!(prune(&lab)?.dropped(), [old]);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_somebody_removed_is_made_anew() -> anyhow::Result<()> {
    let lab = lab()?;
    let first = latest(&lab).await?;
    lab.app.snapshots.shelf.pulls.end("operator");
    lab.app.snapshots.store.delete(&first)?;
    let second = latest(&lab).await?;
    assert_eq!(lab.app.snapshots.store.ids()?, [second]);
    Ok(())
}

#[tokio::test]
async fn captures_pulls_and_failures_are_counted() -> anyhow::Result<()> {
    let lab = lab()?;
    let (old, _, part) = two(&lab).await?;
    let size = lab.app.snapshots.store.summary(&old)?.parts[0].size;
    let sent = lab.ask(true, Request::get(&part).body(Body::empty())?).await?;
    assert_eq!(axum::body::to_bytes(sent.into_body(), usize::MAX).await?.len() as u64, size);
    lab.get("/v1/snapshots/abcdefgh/manifest").await?;
    lab.app.snapshots.shelf.look(Instant::now());
    let answer = lab.ask(true, Request::get("/metrics").body(Body::empty())?).await?;
    let text = String::from_utf8(axum::body::to_bytes(answer.into_body(), 1 << 20).await?.to_vec())?;
    for line in [
        "eos_master_snapshot_captures_total 2".to_owned(),
        "eos_master_snapshot_pulls 2".to_owned(),
        "eos_master_snapshot_sent_ranges_total 1".to_owned(),
        format!("eos_master_snapshot_sent_bytes_total {size}"),
        "eos_master_snapshot_failures_total{code=\"EOS-T022\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    Ok(())
}
