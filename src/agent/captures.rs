//! Ends the captures that a crash interrupted, when the agent starts: their hooks must not wait for the next one.
//!
//! Beside the agent's own work, since a hook may take its time. What fails stays recorded for the next capture.
//! Only where no systemd confines the agent: see `eos-recovery.service`.

use crate::host::root::Root;
use crate::snapshot::create;
use std::io;
use std::thread;

/// Begins, and leaves it to a thread.
///
/// # Errors
/// When no thread can be started.
pub fn begin(root: &Root) -> io::Result<()> {
    let root = root.clone();
    thread::Builder::new().name("captures".to_owned()).spawn(move || end(&root)).map(|_| ())
}

fn end(root: &Root) {
    match create::recover(root) {
        Ok(ended) => {
            for (source, error) in ended {
                match error {
                    None => tracing::info!(source, "ended a capture that was interrupted"),
                    Some(error) => {
                        tracing::error!(source, %error, "a capture that was interrupted is not ended yet");
                    }
                }
            }
        }
        Err(error) => tracing::error!(%error, "the records of captures cannot be read"),
    }
}
