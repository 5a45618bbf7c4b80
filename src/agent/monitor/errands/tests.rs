//! Tests of what the agent does for the monitor, with real programs and a real server.

use super::*;
use crate::host::services::ProcessServices;
use crate::storage::errand::{Event, EventKind};
use crate::storage::growth::Resource;
use std::fs;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const CONFIG: &str = include_str!("../../../../tests/fixtures/v1/storage-ops/single.yaml");
const STATUS: &[u8] = include_bytes!("../../../../tests/fixtures/v1/storage-ops/monitor-status.json");

/// A root with a status of now and an agent beside it.
struct Place {
    folder: tempfile::TempDir,
    attendant: Attendant,
    status: MonitorStatus,
}

impl Place {
    fn new(notify: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        fs::create_dir_all(root.join("etc/eos"))?;
        fs::create_dir_all(root.join("run/eos"))?;
        fs::write(root.join(paths::STORAGE_OPS), format!("{CONFIG}{notify}"))?;
        let services = Arc::new(ProcessServices::new(root.clone(), PathBuf::from("/none")));
        let attendant = Attendant::new(root, "node1".to_owned(), services);
        let status = MonitorStatus { at: Timestamp::now(), ..MonitorStatus::parse(STATUS)? };
        Ok(Self { folder, attendant, status })
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    fn ask(&mut self, id: &str, action: Action) -> anyhow::Result<()> {
        let event = Event {
            kind: EventKind::Raised,
            previous: Level::Cleanup,
            percent: 81.5,
            decided_by: Resource::Inodes,
            used: 1000,
            total: 2000,
            available: 900,
            inodes_used: 815,
            inodes_total: 1000,
            time_to_full_seconds: Some(60),
        };
        self.status.errands.push(Errand {
            id: id.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            mount: PathBuf::from("/srv/a\nb"),
            level: Level::Degraded,
            action,
            event: (action == Action::Notify).then_some(event),
        });
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        Ok(fs::write(self.path(paths::MONITOR_STATUS), serde_json::to_vec(&self.status)?)?)
    }

    /// Does what is asked for, as the agent does: away from the runtime.
    async fn tend(mut self) -> anyhow::Result<(Self, Option<Instant>)> {
        Ok(tokio::task::spawn_blocking(move || {
            let next = self.attendant.tend();
            (self, next)
        })
        .await?)
    }

    fn outcomes(&self) -> anyhow::Result<Vec<(Action, Outcome)>> {
        let told = record(&self.attendant.root)?.unwrap_or_default();
        Ok(told.results.iter().map(|answer| (answer.record.action, answer.record.outcome)).collect())
    }
}

#[tokio::test]
async fn a_program_is_told_on_its_standard_input_and_by_variables_and_only_once() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    let script = format!("cat >> {0}/told; env > {0}/variables", place.folder.path().display());
    fs::write(
        place.path(paths::STORAGE_OPS),
        format!("{CONFIG}notify: {{command: [/bin/sh, -c, {script:?}]}}\n"),
    )?;
    place.ask("e-1", Action::Notify)?;
    let (place, next) = place.tend().await?;
    assert_eq!(next, None);
    let told: serde_json::Value = serde_json::from_slice(&fs::read(place.path("told"))?)?;
    assert_eq!((&told["schema"], &told["id"], &told["node"]), (&1.into(), &"e-1".into(), &"node1".into()));
    assert_eq!((&told["event"], &told["level"]), (&"raised".into(), &"degraded".into()));
    assert_eq!((&told["mount"], &told["decided_by"]), (&"/srv/a\nb".into(), &"inodes".into()));
    let variables = fs::read_to_string(place.path("variables"))?;
    for line in ["EOS_EVENT=raised", "EOS_LEVEL=degraded", "EOS_PREVIOUS_LEVEL=cleanup", "EOS_PERCENT=81.5"] {
        assert!(variables.lines().any(|there| there == line), "no {line} in\n{variables}");
    }
    let (place, _) = place.tend().await?;
    assert_eq!(place.outcomes()?, [(Action::Notify, Outcome::Done)]);
    serde_json::from_slice::<serde_json::Value>(&fs::read(place.path("told"))?)?;
    Ok(())
}

/// Answers one request for each status.
async fn server(statuses: &'static [&'static str]) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/x", listener.local_addr()?);
    tokio::spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                stream.read_buf(&mut request).await.expect("a request");
            }
            let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        }
    });
    Ok(url)
}

#[tokio::test]
async fn a_webhook_that_is_down_is_tried_again_and_the_program_is_not_run_again() -> anyhow::Result<()> {
    let url = server(&["503 Down", "200 OK"]).await?;
    let mut place = Place::new("")?;
    let script = format!("echo run >> {}/ran", place.folder.path().display());
    let notify = format!("notify: {{command: [/bin/sh, -c, {script:?}], webhook: {url:?}}}\n");
    fs::write(place.path(paths::STORAGE_OPS), format!("{CONFIG}{notify}"))?;
    place.ask("e-1", Action::Notify)?;
    let (place, next) = place.tend().await?;
    assert!(next.is_some_and(|next| next > Instant::now()), "{next:?}");
    let (mut place, _) = place.tend().await?;
    assert_eq!(place.outcomes()?, [], "it is not tried before its time");
    for (_, next) in place.attendant.tellings.values_mut() {
        *next = Instant::now();
    }
    let (place, next) = place.tend().await?;
    assert_eq!((place.outcomes()?, next), (vec![(Action::Notify, Outcome::Done)], None));
    assert_eq!(fs::read_to_string(place.path("ran"))?, "run\n");
    Ok(())
}

#[tokio::test]
async fn a_program_that_fails_and_a_webhook_that_refuses_are_recorded() -> anyhow::Result<()> {
    let url = server(&["404 Not Found"]).await?;
    let mut place = Place::new(&format!("notify: {{command: [/bin/false], webhook: {url:?}}}\n"))?;
    place.ask("e-1", Action::Notify)?;
    let (place, _) = place.tend().await?;
    assert_eq!(place.outcomes()?, [(Action::Notify, Outcome::Failed)]);
    let told = record(&place.attendant.root)?.unwrap_or_default();
    let failure = told.results[0].record.failure.clone().expect("a failure");
    assert_eq!(failure.code, "EOS-H012", "the program failed first");
    Ok(())
}

#[tokio::test]
async fn without_an_engine_nothing_is_pruned_and_that_is_said() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    place.ask("e-1", Action::PruneContainers)?;
    let (place, _) = place.tend().await?;
    let told = record(&place.attendant.root)?.unwrap_or_default();
    assert_eq!(told.results[0].record.detail.as_deref(), Some("no container engine is here"));
    Ok(())
}

#[tokio::test]
async fn what_a_monitor_asked_that_does_not_live_any_more_is_not_done() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    place.ask("e-1", Action::PruneContainers)?;
    place.status.at = Timestamp::UNIX_EPOCH;
    place.write()?;
    let (place, _) = place.tend().await?;
    assert_eq!(place.outcomes()?, []);
    Ok(())
}

#[tokio::test]
async fn with_a_damaged_record_nothing_is_done() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    place.ask("e-1", Action::PruneContainers)?;
    fs::write(place.path(paths::STORAGE_ERRANDS), "{")?;
    let (place, _) = place.tend().await?;
    let problem = place.attendant.problem.as_deref();
    assert_eq!(problem, Some("the record of stopped services is not of the expected form"));
    assert_eq!(fs::read_to_string(place.path(paths::STORAGE_ERRANDS))?, "{");
    Ok(())
}

#[tokio::test]
async fn a_program_that_takes_its_time_holds_up_no_service() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    let script = format!("echo begun > {0}/begun; read line < {0}/end", place.folder.path().display());
    fs::write(
        place.path(paths::STORAGE_OPS),
        format!("{CONFIG}services: [demo]\nnotify: {{command: [/bin/sh, -c, {script:?}]}}\n"),
    )?;
    let made = std::process::Command::new("mkfifo").arg(place.path("end")).status()?;
    anyhow::ensure!(made.success(), "mkfifo: {made}");
    place.status.services_stopped = true;
    place.ask("e-1", Action::Notify)?;
    let Place { folder, attendant, .. } = place;
    let root = attendant.root.clone();
    let working = tokio::spawn(attendant.work());
    let mut watch = FileWatch::new(&root.join(paths::STORAGE_ERRANDS))?;
    let stopped = async {
        loop {
            let told = record(&root)?.unwrap_or_default();
            if told.results.iter().any(|answer| answer.record.action == Action::StopServices) {
                return anyhow::Ok(told);
            }
            watch.changed().await?;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(15), stopped).await??;
    assert!(!told.answered("e-1"), "the program still runs");
    // Whoever reads it lets it end.
    tokio::task::spawn_blocking(move || fs::write(folder.path().join("end"), "on\n")).await??;
    working.abort();
    Ok(())
}

#[tokio::test]
async fn that_the_node_is_up_is_noted_while_its_clock_is_taken_for_right() -> anyhow::Result<()> {
    let mut place = Place::new("")?;
    place.status.clock = Some(clock::now());
    place.status.clock_jumped_seconds = Some(7200);
    place.write()?;
    let (mut place, _) = place.tend().await?;
    let noted = place.path(paths::LAST_SEEN);
    assert!(!noted.exists(), "by a clock that jumped, nothing is known");
    place.status.clock_jumped_seconds = None;
    place.write()?;
    let (place, _) = place.tend().await?;
    let reading = crate::storage::clock::Reading::parse(&fs::read(noted)?).expect("a reading");
    assert_eq!(reading.boot_id, clock::now().boot_id);
    drop(place);
    Ok(())
}
