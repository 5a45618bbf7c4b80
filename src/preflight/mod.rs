//! Preflight: named checks of this machine before anything is changed, all judged at once.
//!
//! [`measure`] looks at the machine, the caller adds what only the master knows
//! ([`Answers`]), [`judge`] is a pure function of both, and [`Report`] carries the verdicts.

pub mod address;
mod checks;
pub(crate) mod error;
mod measure;
mod measurements;
mod report;

pub use checks::{CHECKS, Check, find, find_all, judge};
pub use error::PreflightError;
pub use measure::{Request, measure};
pub use measurements::{
    Answer, Answers, MasterMeasured, Measurements, PortMeasured, Previous, Requirements, Services,
};
pub use report::{CheckResult, REPORT_VERSION, Report, Verdict};
