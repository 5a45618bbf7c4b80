//! What Ctrl-C, SIGTERM and a connection that hangs up do to a command: it stops and undoes what it began.

use crate::cli::error::CliError;
use crate::host::own_process;
use crate::model::explain::Exit;
use crate::view;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask a command to stop.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None when this process was started to outlive its terminal, as `nohup` does.
    hang_up: Option<Signal>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let ignored = own_process::ignores(SignalKind::hangup().as_raw_value())?;
        let hang_up = (!ignored).then(|| signal(SignalKind::hangup())).transpose()?;
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate?, hang_up })
    }

    /// The next one; whether it is Ctrl-C.
    async fn next(&mut self) -> bool {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => true,
            _ = self.terminate.recv() => false,
            _ = hang_up => false,
        }
    }
}

/// Begins to listen. The first signal asks the saga to stop and undo; only a second Ctrl-C stops at once,
/// since `timeout` and a terminal that closes send theirs twice. A command without a saga ends with the first.
///
/// # Errors
/// When signals cannot be listened to.
pub(super) fn watch(
    interrupted: Arc<AtomicBool>,
    output: view::Output,
    command: &'static str,
    undoes: bool,
) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    tokio::spawn(async move {
        loop {
            let at_once = signals.next().await;
            if undoes && !interrupted.swap(true, Ordering::Relaxed) {
                view::stderr("interrupted: undoing what was begun; press Ctrl-C again to stop at once\n");
                continue;
            }
            if undoes && !at_once {
                continue;
            }
            view::failure(&output, command, &CliError::Interrupted { command }.failure());
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
    });
    Ok(())
}
