//! What a crash left of captures and restores is ended when the agent starts, beside its other work: captures first,
//! since both may want one place. While the agent runs, a capture whose process died is ended too, since it may hold
//! writers off. What fails stays recorded, and is tried again.
//!
//! Where systemd confines the agent, its `eos-recovery.service` does the work outside of that sandbox.

mod patience;

use crate::host::root::Root;
use crate::host::services::SystemdServices;
use crate::model::explain::Explain;
use crate::model::progress::{Event, Sink, Wait};
use crate::snapshot::{create, restore};
use patience::Patience;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// The unit that does the work where systemd confines the agent, without `.service`.
pub const UNIT: &str = "eos-recovery";

/// How often it is looked whether a capture died: one listing of a directory that is nearly always empty.
const LOOK: Duration = Duration::from_secs(2);

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// This process.
    Agent,
    /// The unit, which systemd has started with the agent.
    Unit,
}

/// Goes on until the agent ends, which drops this.
pub struct Recovery {
    _until: Sender<()>,
}

/// Begins, and does not wait: hooks and health commands may take as long as their configuration lets them.
/// When the agent ends meanwhile, its next start goes on.
///
/// # Errors
/// When there can be no thread for it.
pub fn begin(root: &Root, hand: Hand) -> io::Result<Recovery> {
    let root = root.clone();
    let (until, end) = channel();
    std::thread::Builder::new().name("recovery".to_owned()).spawn(move || {
        if hand == Hand::Agent {
            work(&root);
        }
        watch(&root, hand, &end);
    })?;
    Ok(Recovery { _until: until })
}

/// Looks for captures that died, until the agent ends.
fn watch(root: &Root, hand: Hand, end: &Receiver<()>) {
    let mut patience = Patience::default();
    while end.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let dead = match create::abandoned(root) {
            Ok(dead) => dead,
            // Also that is told ever less often.
            Err(error) => vec![format!("any of them ({}: {error})", error.code())],
        };
        if !patience.is_over(&dead, Instant::now()) {
            continue;
        }
        tracing::warn!(sources = ?dead, "captures were interrupted, and what they left is ended now");
        match hand {
            Hand::Agent => work(root),
            Hand::Unit => {
                if let Err(error) = SystemdServices::begin(UNIT) {
                    tracing::error!(code = %error.code(), "{UNIT} could not be started: {error}");
                }
            }
        }
    }
}

fn work(root: &Root) {
    captures(root);
    restores(root);
}

/// Nobody watches; only what went wrong is worth a line.
struct Logged;

impl Sink for Logged {
    fn emit(&self, event: Event) {
        if let Event::Warning { text } = event {
            tracing::warn!("{text}");
        }
    }

    fn expect(&self, _wait: Option<Wait>) {}
}

fn captures(root: &Root) {
    match create::recover(root) {
        Ok(ended) => {
            for (source, error) in ended {
                match error {
                    None => tracing::warn!(source, "ended a capture that was interrupted"),
                    Some(error) => {
                        let code = error.code();
                        tracing::error!(source, %code, "an interrupted capture is not ended yet: {error}");
                    }
                }
            }
        }
        Err(error) => {
            tracing::error!(code = %error.code(), "interrupted captures could not be looked for: {error}");
        }
    }
}

fn restores(root: &Root) {
    match restore::recover(root, &Logged) {
        Ok(found) => {
            for one in &found {
                tracing::warn!(source = one.source, target = one.target, "{}", one.text());
            }
        }
        Err(error) => {
            tracing::error!(code = %error.code(), "interrupted restores could not be looked for: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::metrics::Metrics;
    use crate::host::directory::Directory;
    use crate::host::paths;
    use crate::snapshot::store::DiskStore;
    use std::fs;

    #[test]
    fn a_restore_that_a_crash_interrupted_is_dealt_with_and_counted() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path().canonicalize()?)?;
        let journals = root.join("var/lib/eos/restores");
        fs::create_dir_all(&journals)?;
        fs::create_dir_all(root.join("srv/metrics"))?;
        fs::create_dir_all(root.join("srv/.metrics.eos/incoming"))?;
        let inode = |path: &str| -> anyhow::Result<u64> {
            Ok(std::os::unix::fs::MetadataExt::ino(&fs::metadata(root.join(path))?))
        };
        let text = include_str!("../../tests/fixtures/v1/restore-journal.json");
        let text = text.replace("1234", &inode("srv/.metrics.eos/incoming")?.to_string());
        let text = text.replace("1200", &inode("srv/metrics")?.to_string());
        fs::write(journals.join("metrics.json"), text)?;
        let store = root.join(paths::SNAPSHOTS);
        fs::create_dir_all(&store)?;
        restores(&root);
        assert!(!journals.join("metrics.json").exists());
        let tally = DiskStore::open(Directory::open(&store)?)?.tally()?;
        let told = Metrics::default().encode(Some(tally), None);
        let line = "eos_agent_snapshot_restores_recovered_total{outcome=\"not-begun\"} 1";
        assert!(told.contains(line), "{told}");
        Ok(())
    }
}
