//! The part of systemd's unit files that eos writes, parsed for machines without systemd.
//!
//! Directives that only harden a service are ignored: a supervised process runs without them.
//! Directives that change what is run are understood or refused, never skipped.

pub use super::unit_error::UnitError;
use super::value;
use std::path::PathBuf;
use std::time::Duration;

/// How a service tells that it is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// As soon as its process runs.
    Started,
    /// When it sends `READY=1`.
    Notified,
}

/// When a service that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Never.
    No,
    /// However it ended.
    Always,
    /// When it ended with status 0.
    OnSuccess,
    /// When it failed in any way.
    OnFailure,
    /// When a signal, a timeout or the watchdog ended it.
    OnAbnormal,
    /// When the watchdog ended it.
    OnWatchdog,
}

/// What to run and how to keep it running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The program, absolute, and its arguments.
    pub command: Vec<String>,
    /// Variables for it, in the order given.
    pub environment: Vec<(String, String)>,
    /// The user that it runs as.
    pub user: Option<String>,
    /// The group, when it is not the user's own.
    pub group: Option<String>,
    /// Where it starts.
    pub working_directory: Option<PathBuf>,
    /// `Type=`.
    pub readiness: Readiness,
    /// `Restart=`.
    pub restart: Restart,
    /// The wait before the first restart.
    pub restart_delay: Duration,
    /// How long it may take to become ready; none for ever.
    pub start_timeout: Option<Duration>,
    /// How long it may take to end before it is killed; none for ever.
    pub stop_timeout: Option<Duration>,
    /// How long it may be silent once it is ready; none for ever.
    pub watchdog: Option<Duration>,
    /// Within this time...
    pub start_limit_interval: Duration,
    /// ... it is started at most this often; 0 for no limit.
    pub start_limit_burst: u32,
    /// `WantedBy=`: the targets that start it at boot.
    pub wanted_by: Vec<String>,
}

impl Default for Unit {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            environment: Vec::new(),
            user: None,
            group: None,
            working_directory: None,
            readiness: Readiness::Started,
            restart: Restart::No,
            restart_delay: Duration::from_millis(100),
            start_timeout: Some(Duration::from_secs(90)),
            stop_timeout: Some(Duration::from_secs(90)),
            watchdog: None,
            start_limit_interval: Duration::from_secs(10),
            start_limit_burst: 5,
            wanted_by: Vec::new(),
        }
    }
}

/// One unit file or drop-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where it was read.
    pub file: PathBuf,
    /// What it says.
    pub text: String,
}

/// Reads a unit file and its drop-ins, in this order; a later directive wins, an empty one resets.
///
/// # Errors
/// At the first line that is invalid or not supported, and when no `ExecStart=` remains.
pub fn parse(sources: &[Source]) -> Result<Unit, UnitError> {
    let mut unit = Unit::default();
    for source in sources {
        let mut section = String::new();
        for (line, text) in logical_lines(&source.text) {
            let invalid = |what: String| UnitError::Invalid { file: source.file.clone(), line, what };
            if let Some(name) = text.strip_prefix('[') {
                name.strip_suffix(']')
                    .ok_or_else(|| invalid(format!("{text} is not a section")))?
                    .clone_into(&mut section);
                continue;
            }
            let (key, value) =
                text.split_once('=').ok_or_else(|| invalid(format!("{text} is not KEY=VALUE")))?;
            let (key, value) = (key.trim(), value.trim());
            unit.apply(&section, key, value).map_err(|refusal| match refusal {
                Refusal::Invalid(what) => invalid(what),
                Refusal::Unsupported => UnitError::Unsupported {
                    file: source.file.clone(),
                    line,
                    directive: key.to_owned(),
                    value: value.to_owned(),
                },
            })?;
        }
    }
    match (unit.command.is_empty(), sources.last()) {
        (true, Some(Source { file, text })) => Err(UnitError::Invalid {
            file: file.clone(),
            line: text.lines().count(),
            what: "the unit has no ExecStart".to_owned(),
        }),
        _ => Ok(unit),
    }
}

/// Lines without comments, joined where one ends with a backslash, with the number of the first.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in text.lines().enumerate() {
        let piece = raw.trim();
        if piece.starts_with(['#', ';']) || (piece.is_empty() && open.is_none()) {
            continue;
        }
        let (number, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        match piece.strip_suffix('\\') {
            Some(start) => open = Some((number, joined + start + " ")),
            None => {
                joined.push_str(piece);
                lines.push((number, joined));
            }
        }
    }
    lines.extend(open);
    lines
}

enum Refusal {
    Invalid(String),
    Unsupported,
}

impl From<String> for Refusal {
    fn from(what: String) -> Self {
        Self::Invalid(what)
    }
}

impl Unit {
    fn apply(&mut self, section: &str, key: &str, text: &str) -> Result<(), Refusal> {
        match (section, key) {
            ("Service", "ExecStart") => self.set_command(text)?,
            ("Service", "Environment") => self.add_environment(text)?,
            ("Service", "User") => self.user = value::optional(text),
            ("Service", "Group") => self.group = value::optional(text),
            ("Service", "WorkingDirectory") => {
                self.working_directory = value::optional(text).map(PathBuf::from);
            }
            ("Service", "Type") => self.readiness = readiness(text).ok_or(Refusal::Unsupported)?,
            ("Service", "Restart") => self.restart = restart(text).ok_or(Refusal::Unsupported)?,
            ("Service", "RestartSec") => {
                self.restart_delay = value::span(key, text)?.ok_or(Refusal::Unsupported)?;
            }
            ("Service", "TimeoutStartSec") => self.start_timeout = value::limit(key, text)?,
            ("Service", "TimeoutStopSec") => self.stop_timeout = value::limit(key, text)?,
            ("Service", "TimeoutSec") => {
                self.start_timeout = value::limit(key, text)?;
                self.stop_timeout = self.start_timeout;
            }
            ("Service", "WatchdogSec") => self.watchdog = value::limit(key, text)?,
            ("Unit", "StartLimitIntervalSec") => {
                self.start_limit_interval = value::span(key, text)?.ok_or(Refusal::Unsupported)?;
            }
            ("Unit", "StartLimitBurst") => {
                self.start_limit_burst =
                    text.parse().map_err(|_| format!("StartLimitBurst={text} is not a number"))?;
            }
            ("Install", "WantedBy") if text.is_empty() => self.wanted_by.clear(),
            ("Install", "WantedBy") => {
                self.wanted_by.extend(text.split_whitespace().map(str::to_owned));
            }
            ("Service", _) if CHANGES_WHAT_RUNS.contains(&key) && !text.is_empty() => {
                return Err(Refusal::Unsupported);
            }
            _ => {}
        }
        Ok(())
    }

    fn set_command(&mut self, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            self.command.clear();
            return Ok(());
        }
        if !self.command.is_empty() || text.starts_with(['-', '@', ':', '+', '!', '|']) {
            return Err(Refusal::Unsupported);
        }
        let words = value::words(text)?.into_iter().map(|word| value::plain(&word));
        self.command = words.collect::<Option<Vec<_>>>().ok_or(Refusal::Unsupported)?;
        match self.command.first() {
            Some(program) if program.starts_with('/') => Ok(()),
            Some(program) => Err(Refusal::Invalid(format!("{program} is not an absolute path"))),
            None => Err(Refusal::Invalid("ExecStart names no program".to_owned())),
        }
    }

    fn add_environment(&mut self, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            self.environment.clear();
        }
        for word in value::words(text)? {
            let word = value::plain_percent(&word).ok_or(Refusal::Unsupported)?;
            let (name, content) =
                word.split_once('=').ok_or_else(|| format!("{word} in Environment is not NAME=VALUE"))?;
            self.environment.retain(|(known, _)| known != name);
            self.environment.push((name.to_owned(), content.to_owned()));
        }
        Ok(())
    }
}

const CHANGES_WHAT_RUNS: &[&str] = &[
    "BusName",
    "DynamicUser",
    "EnvironmentFile",
    "ExecCondition",
    "ExecStartPost",
    "ExecStartPre",
    "ExecStop",
    "ExecStopPost",
    "GuessMainPID",
    "KillSignal",
    "PIDFile",
    "RootDirectory",
    "RootImage",
    "Sockets",
    "StandardInput",
];

fn readiness(text: &str) -> Option<Readiness> {
    match text {
        "simple" | "exec" => Some(Readiness::Started),
        "notify" => Some(Readiness::Notified),
        _ => None,
    }
}

fn restart(text: &str) -> Option<Restart> {
    match text {
        "no" => Some(Restart::No),
        "always" => Some(Restart::Always),
        "on-success" => Some(Restart::OnSuccess),
        "on-failure" => Some(Restart::OnFailure),
        "on-abnormal" => Some(Restart::OnAbnormal),
        "on-watchdog" => Some(Restart::OnWatchdog),
        _ => None,
    }
}
