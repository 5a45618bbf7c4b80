//! What is asked of a state once it ran: `check_cmd`, which says whether it succeeded, and `retry`, of any state.

use crate::model::yaml::Value;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::scalar;
use crate::sls::error::SlsError;

/// How long all pauses of one state may take, in seconds: what takes longer is nothing that a run of states waits for.
const LONGEST: u64 = 3600;

/// What is asked of a state once it ran.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Aftermath {
    /// It succeeded when all of these command lines do; without any, its function says so.
    pub checks: Vec<String>,
    /// When it runs again.
    pub retry: Option<Retry>,
}

/// When a state runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How it must end to be done.
    pub until: bool,
    /// How often it runs at most.
    pub attempts: u64,
    /// Seconds between two attempts.
    pub interval: u64,
    /// Seconds, up to which each pause is longer by chance.
    pub splay: u64,
}

/// As in Salt, what `retry: True` says.
const USUAL: Retry = Retry { until: true, attempts: 2, interval: 30, splay: 0 };

// By hand, because command lines may hold secrets.
impl std::fmt::Debug for Aftermath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aftermath({}, {:?})", self.checks.len(), self.retry)
    }
}

impl Aftermath {
    /// Reads both.
    ///
    /// # Errors
    /// When one is of another kind, or the pauses would take too long.
    pub fn of(arguments: &Arguments<'_>) -> Result<Self, SlsError> {
        let checks = arguments.texts("check_cmd")?;
        if checks.is_empty() && arguments.given("check_cmd") {
            return Err(arguments.bad("check_cmd", "a command line or several"));
        }
        Ok(Self { checks, retry: retry(arguments)? })
    }
}

fn retry(arguments: &Arguments<'_>) -> Result<Option<Retry>, SlsError> {
    let bad = || {
        let wanted = "true, false, or a mapping of until (true or false), attempts, interval and \
                      splay (whole numbers; at most an hour of pauses)";
        arguments.bad("retry", wanted)
    };
    let map = match arguments.get("retry") {
        None | Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => return Ok(Some(USUAL)),
        Some(value) => value.as_mapping().ok_or_else(bad)?,
    };
    let mut retry = USUAL;
    for (key, value) in map {
        match scalar(key).as_deref() {
            Some("until") => retry.until = value.as_bool().ok_or_else(bad)?,
            Some("attempts") => retry.attempts = value.as_u64().ok_or_else(bad)?,
            Some("interval") => retry.interval = value.as_u64().ok_or_else(bad)?,
            Some("splay") => retry.splay = value.as_u64().ok_or_else(bad)?,
            _ => return Err(bad()),
        }
    }
    let pauses = retry.interval.saturating_add(retry.splay).max(1).saturating_mul(retry.attempts);
    if pauses > LONGEST { Err(bad()) } else { Ok(Some(retry)) }
}

impl Retry {
    /// Whether a state that ended so after so many attempts, from 1, runs again.
    pub fn again(&self, succeeded: bool, attempts: u64) -> bool {
        succeeded != self.until && attempts < self.attempts
    }

    /// What a test run says of it.
    pub fn would(&self, comment: &str) -> String {
        let Self { until, attempts, interval, splay } = self;
        let until = if *until { "True" } else { "False" };
        format!(
            "{comment}  The state would be retried every {interval} seconds (with a splay of up to {splay} seconds) \
             a maximum of {attempts} times or until a result of {until} is returned"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_runs_again_until_it_ends_as_wanted_or_no_attempt_is_left() {
        assert!(USUAL.again(false, 1));
        assert!(!USUAL.again(true, 1));
        assert!(!USUAL.again(false, 2));
        let failing = Retry { until: false, attempts: 0, ..USUAL };
        assert!(!failing.again(true, 1), "no attempts are one");
    }
}
