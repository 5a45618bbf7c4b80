//! Runs a program with a deadline and gathers what it said.

use crate::model::explain::{Code, Explain};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What a program left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// Standard output, at most 1 MiB.
    pub stdout: String,
    /// Standard error, at most 1 MiB.
    pub stderr: String,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It could not be started.
    #[error("could not start {program}")]
    Start {
        /// The program.
        program: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// It ran longer than allowed and was killed.
    #[error("{program} did not end within {seconds} s and was killed")]
    TooSlow {
        /// The program.
        program: String,
        /// The limit.
        seconds: u64,
    },
    /// It ended with a failure.
    #[error("{program} ended with status {status}: {last_line}")]
    Failed {
        /// The program with its arguments.
        program: String,
        /// Its exit status, -1 for a signal.
        status: i32,
        /// The last line it wrote to standard error.
        last_line: String,
    },
}

impl Explain for CommandError {
    fn code(&self) -> Code {
        match self {
            Self::Start { .. } => Code("H010"),
            Self::TooSlow { .. } => Code("H011"),
            Self::Failed { .. } => Code("H012"),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Start { program, .. } => vec![format!("see whether it is installed: command -v {program}")],
            Self::TooSlow { program, .. } | Self::Failed { program, .. } => {
                vec![format!("run it by hand to see all that it says: {program}")]
            }
        }
    }
}

/// Runs `argv` without standard input and waits for it.
///
/// # Errors
/// When it cannot be started or outlives the deadline; a failing exit status is no error here.
pub fn run(argv: &[&str], deadline: Duration) -> Result<Output, CommandError> {
    let (program, arguments) = argv.split_first().expect("a command has a program");
    let start = |source| CommandError::Start { program: (*program).to_owned(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let (sender, receiver) = mpsc::channel();
    gather(child.stdout.take(), 0, sender.clone());
    gather(child.stderr.take(), 1, sender);
    let mut texts = [String::new(), String::new()];
    for _ in 0..2 {
        match receiver.recv_timeout(deadline) {
            Ok((index, text)) => texts[index] = text,
            Err(_) => {
                let killed = child.kill().and_then(|()| child.wait());
                tracing::warn!(program, ?killed, "killed a program that outlived its deadline");
                return Err(CommandError::TooSlow {
                    program: (*program).to_owned(),
                    seconds: deadline.as_secs(),
                });
            }
        }
    }
    let status = child.wait().map_err(start)?;
    let [stdout, stderr] = texts;
    Ok(Output { status: status.code(), stdout, stderr })
}

/// Puts another program in the place of this process, with one variable more in its environment;
/// returns only when that failed. `argv` begins with the name that it shall see as its own.
pub fn replace_this_process(program: &Path, argv: &[OsString], variable: (&str, &OsStr)) -> io::Error {
    let mut command = Command::new(program);
    if let Some((name, arguments)) = argv.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env(variable.0, variable.1).exec()
}

/// Runs `argv` and insists on exit status 0.
///
/// # Errors
/// As [`run`], and when the status is another.
pub fn run_checked(argv: &[&str], deadline: Duration) -> Result<Output, CommandError> {
    let output = run(argv, deadline)?;
    if output.status == Some(0) {
        return Ok(output);
    }
    Err(CommandError::Failed {
        program: argv.join(" "),
        status: output.status.unwrap_or(-1),
        last_line: output.stderr.trim_end().lines().next_back().unwrap_or("no message").to_owned(),
    })
}

fn gather(pipe: Option<impl Read + Send + 'static>, index: usize, sender: mpsc::Sender<(usize, String)>) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map(|pipe| pipe.take(1 << 20).read_to_end(&mut bytes));
        tracing::trace!(?read, "output gathered");
        // The receiver is gone only when the program was killed for being late.
        let _ = sender.send((index, String::from_utf8_lossy(&bytes).into_owned()));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_and_named() {
        let error = run(&["sleep", "600"], Duration::from_millis(50)).expect_err("too slow");
        assert_eq!(error.to_string(), "sleep did not end within 0 s and was killed");
    }

    #[test]
    fn a_failure_tells_the_last_line() {
        let error = run_checked(&["sh", "-c", "echo one >&2; echo two >&2; exit 3"], Duration::from_secs(10));
        let text = error.expect_err("status 3").to_string();
        assert_eq!(text, "sh -c echo one >&2; echo two >&2; exit 3 ended with status 3: two");
        let missing = run(&["eos-no-such-program"], Duration::from_secs(1)).expect_err("missing");
        assert_eq!(missing.to_string(), "could not start eos-no-such-program");
    }
}
