//! What preflight found, as plain data for the screen and for JSON.

use crate::preflight::checks::Check;
use crate::preflight::error::PreflightError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of the report's form.
pub const REPORT_VERSION: u32 = 1;

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// All is well.
    Passed {
        /// The measured values.
        measured: String,
    },
    /// Not as it should be, and no reason to stop.
    Warning {
        /// The measured values, and the risk.
        measured: String,
        /// What helps, with the exact command.
        fix: String,
    },
    /// A reason to stop.
    Failed {
        /// The measured values, and the limit.
        measured: String,
        /// What helps, with the exact command.
        fix: String,
    },
    /// It failed, and the operator said to go on all the same.
    Skipped {
        /// The measured values, and the limit.
        measured: String,
        /// What would help.
        fix: String,
    },
    /// There was nothing to measure, or not yet.
    NotMeasured {
        /// Why.
        why: String,
    },
}

impl Verdict {
    pub(super) fn passed(measured: impl Into<String>) -> Self {
        Self::Passed { measured: measured.into() }
    }

    pub(super) fn warning(measured: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Warning { measured: measured.into(), fix: fix.into() }
    }

    pub(super) fn failed(measured: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Failed { measured: measured.into(), fix: fix.into() }
    }

    pub(super) fn not_measured(why: impl Into<String>) -> Self {
        Self::NotMeasured { why: why.into() }
    }

    /// One word for it: `passed`, `warning`, `failed`, `skipped`, `not measured`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed { .. } => "passed",
            Self::Warning { .. } => "warning",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::NotMeasured { .. } => "not measured",
        }
    }
}

/// `passed: 20 GiB free`, and the fix after a bar where there is one.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed { measured: text } | Self::NotMeasured { why: text } => {
                write!(f, "{}: {text}", self.word())
            }
            Self::Warning { measured, fix }
            | Self::Failed { measured, fix }
            | Self::Skipped { measured, fix } => {
                write!(f, "{}: {measured} | {fix}", self.word())
            }
        }
    }
}

/// A check and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's stable name.
    pub name: String,
    /// What to add to go on in spite of it: `--skip-check NAME`.
    pub skip_flag: String,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl CheckResult {
    /// `address: 127.0.0.3 on lo; what helps: name another one`, for a person who goes on all the same.
    pub fn sentence(&self) -> String {
        let name = &self.name;
        match &self.verdict {
            Verdict::Passed { measured } | Verdict::NotMeasured { why: measured } => {
                format!("{name}: {measured}")
            }
            Verdict::Warning { measured, fix } | Verdict::Failed { measured, fix } => {
                format!("{name}: {measured}; what helps: {fix}")
            }
            Verdict::Skipped { measured, fix } => {
                format!("{name}: failed and skipped: {measured}; what helps: {fix}")
            }
        }
    }
}

/// All results, in the order of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this form.
    pub version: u32,
    /// One for each check.
    pub results: Vec<CheckResult>,
}

impl Report {
    /// Wraps results; a failed check that the operator skips becomes [`Verdict::Skipped`].
    pub fn new(mut results: Vec<CheckResult>, skipped: &[&'static Check]) -> Self {
        for result in &mut results {
            if !skipped.iter().any(|check| check.name == result.name) {
                continue;
            }
            if let Verdict::Failed { measured, fix } = result.verdict.clone() {
                result.verdict = Verdict::Skipped { measured, fix };
            }
        }
        Self { version: REPORT_VERSION, results }
    }

    /// The failed checks.
    pub fn failures(&self) -> Vec<CheckResult> {
        self.results.iter().filter(|r| matches!(r.verdict, Verdict::Failed { .. })).cloned().collect()
    }

    /// What the operator should see although nothing failed: warnings and skipped failures.
    pub fn warnings(&self) -> Vec<CheckResult> {
        let shown = |r: &&CheckResult| matches!(r.verdict, Verdict::Warning { .. } | Verdict::Skipped { .. });
        self.results.iter().filter(shown).cloned().collect()
    }

    /// The report itself if nothing failed.
    ///
    /// # Errors
    /// With every failure at once.
    pub fn into_result(self) -> Result<Self, PreflightError> {
        let failures = self.failures();
        if failures.is_empty() { Ok(self) } else { Err(PreflightError::Failed { failures }) }
    }
}
