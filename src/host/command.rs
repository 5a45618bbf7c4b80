//! Runs a program with a deadline and gathers what it said.

use crate::model::explain::{Code, Explain};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
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
const KEPT: usize = 1 << 20;

/// How much of it is read at a time.
const PIECE: usize = 64 << 10;

/// How long the end of a killed program is waited for.
const KILLED: Duration = Duration::from_secs(1);

/// How long the outputs of a program that has ended are waited for: they are closed at once, unless it left
/// another program in the background that has them open.
const GRACE: Duration = Duration::from_millis(500);

/// The whole environment of a program of the configuration besides the variables that are its own. Nothing of
/// this process is passed on, since that may hold a token.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
];

/// What is heard of a running program.
enum Heard {
    Output(usize, Vec<u8>),
    Closed,
    Ended,
}

/// Runs `argv` with nothing to read in a process group of its own and waits until it has ended. What it said
/// is what came until shortly after that. At the deadline the whole group is killed.
///
/// # Errors
/// When it cannot be started or outlives the deadline; a failing exit status is no error here.
pub fn run(argv: &[&str], deadline: Duration) -> Result<Output, CommandError> {
    let (program, arguments) = argv.split_first().expect("a command has a program");
    run_command(program, Command::new(program).args(arguments), Input::Nothing, deadline)
}

/// Runs a program of the configuration as [`run_checked`] does: with these variables, `PATH`, `HOME` and `LANG`,
/// and none of this process.
///
/// # Errors
/// As [`run_checked`].
pub fn run_hook(
    argv: &[&str],
    variables: &[(&str, &str)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    checked(argv, run_clean(argv, variables, deadline)?)
}

/// The same, with `input` on its standard input; a program that does not read it has it all the same.
///
/// # Errors
/// As [`run_checked`].
pub fn run_hook_on(
    argv: &[&str],
    variables: &[(&str, &str)],
    input: Vec<u8>,
    deadline: Duration,
) -> Result<Output, CommandError> {
    checked(argv, run_command(argv[0], &mut clean(argv, variables), Input::Bytes(input), deadline)?)
}

/// The same, with this file as its standard input: what is locked by it stays so while the program runs, also when
/// this process is killed.
///
/// # Errors
/// As [`run_checked`].
pub fn run_hook_holding(
    argv: &[&str],
    variables: &[(&str, &str)],
    held: Option<File>,
    deadline: Duration,
) -> Result<Output, CommandError> {
    let input = held.map_or(Input::Nothing, Input::File);
    checked(argv, run_command(argv[0], &mut clean(argv, variables), input, deadline)?)
}

/// Runs `argv` as [`run`] does, with these variables, `PATH`, `HOME` and `LANG`, and none of this process.
///
/// # Errors
/// As [`run`]; a failing exit status is no error here.
pub fn run_clean(
    argv: &[&str],
    variables: &[(&str, &str)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    run_command(argv[0], &mut clean(argv, variables), Input::Nothing, deadline)
}

fn clean(argv: &[&str], variables: &[(&str, &str)]) -> Command {
    let (program, arguments) = argv.split_first().expect("a command has a program");
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(ENVIRONMENT).envs(variables.iter().copied());
    command
}

/// Runs a command line of the configuration in the shell as [`run`] does: in this directory, with these variables,
/// `PATH`, `HOME` and `LANG`, and none of this process.
///
/// # Errors
/// As [`run`]; a failing exit status is no error here.
pub fn run_line(
    line: &str,
    directory: Option<&str>,
    variables: &[(String, String)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]).env_clear().envs(ENVIRONMENT);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.current_dir(directory.unwrap_or("/"));
    run_command("/bin/sh", &mut command, Input::Nothing, deadline)
}

/// What a program has on its standard input.
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

impl Input {
    /// For the program; a file goes with it.
    fn stdio(&mut self) -> Stdio {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Stdio::null(),
            Self::File(file) => file.into(),
            Self::Bytes(bytes) => {
                *self = Self::Bytes(bytes);
                Stdio::piped()
            }
        }
    }
}

fn run_command(
    program: &str,
    command: &mut Command,
    mut input: Input,
    deadline: Duration,
) -> Result<Output, CommandError> {
    let start = |source| CommandError::Start { program: program.to_owned(), source };
    let limit = Instant::now() + deadline;
    let mut child = command
        .stdin(input.stdio())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(start)?;
    if let (Some(pipe), Input::Bytes(bytes)) = (child.stdin.take(), input) {
        feed(pipe, bytes);
    }
    let (sender, receiver) = mpsc::channel();
    gather(child.stdout.take(), 0, sender.clone());
    gather(child.stderr.take(), 1, sender.clone());
    await_end(Pid::from_child(&child), sender);
    let Some([stdout, stderr]) = heard(&receiver, limit) else {
        kill(&mut child, program, &receiver);
        let program = program.to_owned();
        return Err(CommandError::TooSlow { program, seconds: deadline.as_secs() });
    };
    let status = child.wait().map_err(start)?;
    Ok(Output { status: status.code(), stdout, stderr })
}

/// What the program wrote to its two outputs by its end; none when it did not end in time.
fn heard(receiver: &mpsc::Receiver<Heard>, limit: Instant) -> Option<[String; 2]> {
    let mut outputs = [Vec::new(), Vec::new()];
    let (mut open, mut until, mut ended) = (outputs.len(), limit, false);
    while open > 0 || !ended {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Heard::Output(index, bytes)) => outputs[index].extend(bytes),
            Ok(Heard::Closed) => open -= 1,
            Ok(Heard::Ended) => (ended, until) = (true, Instant::now() + GRACE),
            Err(_) if ended => break,
            Err(_) => return None,
        }
    }
    Some(outputs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Kills the program with all that it started, and takes its status.
fn kill(child: &mut Child, program: &str, receiver: &mpsc::Receiver<Heard>) {
    let killed = kill_process_group(Pid::from_child(child), Signal::KILL);
    let limit = Instant::now() + KILLED;
    // Its outputs close as well, unless somebody left the group; whoever hangs in the kernel is left to it.
    while let Ok(Heard::Output(..) | Heard::Closed) =
        receiver.recv_timeout(limit.saturating_duration_since(Instant::now()))
    {}
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
    checked(argv, run(argv, deadline)?)
}

/// The same for arguments that may be secrets: an error names the program alone.
///
/// # Errors
/// As [`run_checked`].
pub fn run_secret(argv: &[&str], deadline: Duration) -> Result<Output, CommandError> {
    run_secret_with(argv, &[], deadline)
}

/// The same with these variables, which may be secret too.
///
/// # Errors
/// As [`run_checked`].
pub fn run_secret_with(
    argv: &[&str],
    variables: &[(&str, &str)],
    deadline: Duration,
) -> Result<Output, CommandError> {
    checked(argv.get(..1).unwrap_or_default(), run_clean(argv, variables, deadline)?)
}

fn checked(argv: &[&str], output: Output) -> Result<Output, CommandError> {
    if output.status == Some(0) {
        return Ok(output);
    }
    Err(CommandError::Failed {
        program: argv.join(" "),
        status: output.status.unwrap_or(-1),
        last_line: output.stderr.trim_end().lines().next_back().unwrap_or("no message").to_owned(),
    })
}

/// Writes to a program for as long as it reads.
fn feed(mut pipe: impl Write + Send + 'static, input: Vec<u8>) {
    std::thread::spawn(move || {
        let fed = pipe.write_all(&input);
        tracing::trace!(?fed, "input given");
    });
}

fn gather(pipe: Option<impl Read + Send + 'static>, index: usize, sender: mpsc::Sender<Heard>) {
    std::thread::spawn(move || {
        let read = pipe.map(|pipe| forward(pipe, index, &sender));
        tracing::trace!(?read, "output gathered");
        // The receiver is gone when the program was killed for being late, or has ended without this output.
        let _ = sender.send(Heard::Closed);
    });
}

/// Passes on what comes, up to what is kept, and reads on to the end, so that nobody is held up by a full pipe.
fn forward(mut pipe: impl Read, index: usize, sender: &mpsc::Sender<Heard>) -> io::Result<()> {
    let (mut buffer, mut left) = (vec![0; PIECE], KEPT);
    loop {
        let length = match pipe.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let kept = length.min(left);
        left -= kept;
        if kept > 0 {
            // As above: then it is only read.
            let _ = sender.send(Heard::Output(index, buffer[..kept].to_vec()));
        }
    }
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
    fn a_program_that_leaves_another_in_the_background_has_ended_and_said_what_it_said() -> anyhow::Result<()>
    {
        let line = "echo EOS_CAPTURE_PATH=/x; sleep 600 & echo $! >&2";
        let began = Instant::now();
        let output = run_hook(&["/bin/sh", "-c", line], &[], Duration::from_secs(60))?;
        let pid: i32 = output.stderr.trim().parse()?;
        let pid = Pid::from_raw(pid).ok_or_else(|| anyhow::anyhow!("no process"))?;
        rustix::process::kill_process(pid, Signal::KILL)?;
        assert_eq!((output.status, output.stdout.as_str()), (Some(0), "EOS_CAPTURE_PATH=/x\n"));
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        Ok(())
    }

    #[test]
    fn a_hook_sees_its_own_variables_and_none_of_this_process() -> anyhow::Result<()> {
        let variables = [("EOS_SOURCE", "metrics"), ("EOS_PATH", "/srv/metrics")];
        let output = run_hook(&["/usr/bin/env"], &variables, Duration::from_secs(20))?;
        let mut names: Vec<_> = output.stdout.lines().filter_map(|line| line.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["EOS_PATH", "EOS_SOURCE", "HOME", "LANG", "PATH"]);
        let inherited = run(&["/usr/bin/env"], Duration::from_secs(20))?;
        assert!(inherited.stdout.contains("CARGO_"), "cargo gave this process variables");
        Ok(())
    }

    #[test]
    fn a_hook_is_fed_and_one_that_does_not_read_ends_all_the_same() -> anyhow::Result<()> {
        let input = vec![b'x'; 300_000];
        let output = run_hook_on(&["/usr/bin/wc", "-c"], &[], input.clone(), Duration::from_secs(20))?;
        assert_eq!(output.stdout.trim(), "300000");
        run_hook_on(&["/bin/true"], &[], input, Duration::from_secs(20))?;
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
