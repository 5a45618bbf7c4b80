//! Runs a program with a deadline and gathers what it said.

use crate::model::explain::{Code, Explain};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

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

/// The most of each output that is kept; the rest is read and dropped, so the program can go on.
const KEPT: u64 = 1 << 20;

/// How long the end of a killed program is waited for.
const KILLED: Duration = Duration::from_secs(1);

/// What is heard of a running program.
enum Heard {
    Output(usize, String),
    Ended,
}

/// Runs `argv` without standard input in a process group of its own and waits until it has ended and
/// nobody writes to its outputs any more. At the deadline the whole group is killed.
///
/// # Errors
/// When it cannot be started or outlives the deadline; a failing exit status is no error here.
pub fn run(argv: &[&str], deadline: Duration) -> Result<Output, CommandError> {
    run_with(argv, &[], deadline)
}

/// As [`run`], with these variables besides those of this process.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    argv: &[&str],
    variables: &[(&str, &str)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    let (program, arguments) = argv.split_first().expect("a command has a program");
    let start = |source| CommandError::Start { program: (*program).to_owned(), source };
    let limit = Instant::now() + deadline;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start)?;
    let (sender, receiver) = mpsc::channel();
    gather(child.stdout.take(), 0, sender.clone());
    gather(child.stderr.take(), 1, sender.clone());
    await_end(Pid::from_child(&child), sender);
    let mut texts = [String::new(), String::new()];
    for _ in 0..3 {
        match receiver.recv_timeout(limit.saturating_duration_since(Instant::now())) {
            Ok(Heard::Output(index, text)) => texts[index] = text,
            Ok(Heard::Ended) => {}
            Err(_) => {
                kill(&mut child, program, &receiver);
                let program = (*program).to_owned();
                return Err(CommandError::TooSlow { program, seconds: deadline.as_secs() });
            }
        }
    }
    let status = child.wait().map_err(start)?;
    let [stdout, stderr] = texts;
    Ok(Output { status: status.code(), stdout, stderr })
}

/// Kills the program with all that it started, and takes its status.
fn kill(child: &mut Child, program: &str, receiver: &mpsc::Receiver<Heard>) {
    let killed = kill_process_group(Pid::from_child(child), Signal::KILL);
    let limit = Instant::now() + KILLED;
    // Its outputs close as well, unless somebody left the group; whoever hangs in the kernel is left to it.
    while let Ok(Heard::Output(..)) = receiver.recv_timeout(limit.saturating_duration_since(Instant::now())) {
    }
    let status = child.try_wait();
    tracing::warn!(program, ?killed, ?status, "killed a program that outlived its deadline");
}

/// Tells when the program has ended. Its status is left for later, so that its number still is its own
/// when it has to be killed.
fn await_end(pid: Pid, sender: mpsc::Sender<Heard>) {
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let ended = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
        tracing::trace!(?ended, "program ended");
        // The receiver is gone only when the program was killed for being late.
        let _ = sender.send(Heard::Ended);
    });
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
    run_checked_with(argv, &[], deadline)
}

/// As [`run_checked`], with these variables besides those of this process.
///
/// # Errors
/// As [`run_checked`].
pub fn run_checked_with(
    argv: &[&str],
    variables: &[(&str, &str)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    let output = run_with(argv, variables, deadline)?;
    if output.status == Some(0) {
        return Ok(output);
    }
    Err(CommandError::Failed {
        program: argv.join(" "),
        status: output.status.unwrap_or(-1),
        last_line: output.stderr.trim_end().lines().next_back().unwrap_or("no message").to_owned(),
    })
}

fn gather(pipe: Option<impl Read + Send + 'static>, index: usize, sender: mpsc::Sender<Heard>) {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map(|mut pipe| {
            pipe.by_ref().take(KEPT).read_to_end(&mut bytes)?;
            io::copy(&mut pipe, &mut io::sink())
        });
        tracing::trace!(?read, "output gathered");
        // The receiver is gone only when the program was killed for being late.
        let _ = sender.send(Heard::Output(index, String::from_utf8_lossy(&bytes).into_owned()));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn a_program_that_hangs_is_killed_and_named() {
        let error = run(&["sleep", "600"], Duration::from_millis(50)).expect_err("too slow");
        tells(&error, "EOS-H011", "sleep did not end within 0 s and was killed");
    }

    #[test]
    fn a_failure_tells_the_last_line() {
        let error = run_checked(&["sh", "-c", "echo one >&2; echo two >&2; exit 3"], Duration::from_secs(10));
        let text = "sh -c echo one >&2; echo two >&2; exit 3 ended with status 3: two";
        tells(&error.expect_err("status 3"), "EOS-H012", text);
        let missing = run(&["eos-no-such-program"], Duration::from_secs(1)).expect_err("missing");
        tells(&missing, "EOS-H010", "could not start eos-no-such-program");
    }

    #[test]
    fn the_deadline_is_one_for_everything() {
        let began = Instant::now();
        // One output closes shortly before the deadline, the other never.
        let half = "sleep 0.8; exec 2>&-; exec sleep 600";
        // Both close at once, and the program goes on.
        let silent = "exec >&- 2>&-; exec sleep 600";
        for line in [half, silent] {
            let error = run(&["sh", "-c", line], Duration::from_secs(1)).expect_err("too slow");
            assert!(matches!(error, CommandError::TooSlow { .. }), "{error}");
        }
        assert!(began.elapsed() < Duration::from_millis(2700), "{:?}", began.elapsed());
    }

    #[test]
    fn what_a_late_program_started_is_killed_with_it() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let named = folder.path().join("pid");
        let line = format!("sleep 600 & echo $! > {}; wait", named.display());
        run(&["sh", "-c", &line], Duration::from_millis(500)).expect_err("too slow");
        let grandchild = crate::host::files::read(&named)?;
        let pid: i32 = String::from_utf8(grandchild)?.trim().parse()?;
        let pid = Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process"))?;
        let limit = Instant::now() + Duration::from_secs(5);
        // Whoever inherits it takes its status, so it is gone or a zombie.
        let gone = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
            stat.map_or(true, |stat| stat.contains(") Z "))
        };
        while !gone() {
            assert!(Instant::now() < limit, "process {pid:?} goes on");
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn a_program_that_says_more_than_is_kept_ends_well() -> anyhow::Result<()> {
        let output =
            run(&["sh", "-c", "head -c 3000000 /dev/zero && echo done >&2"], Duration::from_secs(20))?;
        assert_eq!(
            (output.status, output.stdout.len(), output.stderr.as_str()),
            (Some(0), 1 << 20, "done\n")
        );
        Ok(())
    }
}
