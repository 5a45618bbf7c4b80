//! Why preflight stopped a command.

use crate::host::facts::FactsError;
use crate::model::explain::{Code, Exit, Explain};
use crate::preflight::report::{CheckResult, Verdict};

/// Nothing was changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// Checks failed.
    #[error("{} preflight {} failed: {}", failures.len(), if failures.len() == 1 { "check" } else { "checks" }, listed(failures))]
    Failed {
        /// Every one of them.
        failures: Vec<CheckResult>,
    },
    /// `--skip-check` with a name that no check has.
    #[error("there is no preflight check {name:?}")]
    UnknownCheck {
        /// What was given.
        name: String,
        /// The check that was probably meant.
        nearest: Option<&'static str>,
        /// Every name.
        known: Vec<&'static str>,
    },
    /// The machine could not be looked at.
    #[error("the facts of this machine could not be gathered")]
    Facts {
        /// What was missing.
        #[source]
        source: FactsError,
    },
}

impl Explain for PreflightError {
    fn code(&self) -> Code {
        match self {
            Self::Failed { .. } => Code("P020"),
            Self::UnknownCheck { .. } => Code("P021"),
            Self::Facts { .. } => Code("P022"),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Failed { .. } | Self::Facts { .. } => Exit::Preflight,
            Self::UnknownCheck { .. } => Exit::Usage,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Failed { failures } => failures.iter().map(hint).collect(),
            Self::UnknownCheck { nearest: Some(nearest), .. } => {
                vec![format!("did you mean {nearest}? eos preflight --skip-check {nearest}")]
            }
            Self::UnknownCheck { nearest: None, known, .. } => {
                vec![format!("the checks are {}; see what each finds: eos preflight", known.join(", "))]
            }
            Self::Facts { source } => source.hints(),
        }
    }
}

fn measured(result: &CheckResult) -> &str {
    match &result.verdict {
        Verdict::Passed { measured }
        | Verdict::Warning { measured, .. }
        | Verdict::Failed { measured, .. }
        | Verdict::Skipped { measured, .. } => measured,
        Verdict::NotMeasured { why } => why,
    }
}

fn listed(failures: &[CheckResult]) -> String {
    let each: Vec<String> = failures.iter().map(|f| format!("{} ({})", f.name, measured(f))).collect();
    each.join("; ")
}

fn hint(failure: &CheckResult) -> String {
    match &failure.verdict {
        Verdict::Warning { fix, .. } | Verdict::Failed { fix, .. } | Verdict::Skipped { fix, .. } => {
            format!("{}: {fix}; or go on all the same with {}", failure.name, failure.skip_flag)
        }
        Verdict::Passed { .. } | Verdict::NotMeasured { .. } => failure.name.clone(),
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<PreflightError> {
    let failure = |name: &str, measured: &str, fix: &str| CheckResult {
        name: name.to_owned(),
        skip_flag: format!("--skip-check {name}"),
        verdict: Verdict::failed(measured, fix),
    };
    let memory = || failure("memory", "64 MiB available, 128 MiB needed", "free memory: free -m");
    let port = failure("port-free", "port 4507 is held by nginx (pid 812)", "stop it: kill 812");
    vec![
        PreflightError::Failed { failures: vec![memory()] },
        PreflightError::Failed { failures: vec![port, memory()] },
        PreflightError::UnknownCheck {
            name: "memroy".to_owned(),
            nearest: Some("memory"),
            known: vec!["memory"],
        },
        PreflightError::UnknownCheck {
            name: "x".to_owned(),
            nearest: None,
            known: vec!["memory", "port-free"],
        },
        PreflightError::Facts {
            source: FactsError::Missing { path: "/proc/meminfo", field: "MemAvailable" },
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_text_code_exit_and_hints() {
        let told: Vec<String> = samples()
            .iter()
            .map(|e| format!("{} {} {e} | {}", e.code(), e.exit() as u8, e.hints().join(" | ")))
            .collect();
        assert_eq!(
            told,
            [
                "EOS-P020 3 1 preflight check failed: memory (64 MiB available, 128 MiB needed) | \
                 memory: free memory: free -m; or go on all the same with --skip-check memory",
                "EOS-P020 3 2 preflight checks failed: port-free (port 4507 is held by nginx (pid 812)); \
                 memory (64 MiB available, 128 MiB needed) | \
                 port-free: stop it: kill 812; or go on all the same with --skip-check port-free | \
                 memory: free memory: free -m; or go on all the same with --skip-check memory",
                "EOS-P021 2 there is no preflight check \"memroy\" | \
                 did you mean memory? eos preflight --skip-check memory",
                "EOS-P021 2 there is no preflight check \"x\" | \
                 the checks are memory, port-free; see what each finds: eos preflight",
                "EOS-P022 3 the facts of this machine could not be gathered | \
                 see whether /proc is that of a Linux kernel: cat /proc/meminfo",
            ]
        );
    }
}
