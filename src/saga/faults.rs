//! Faults that a test plans for one run of the engine; production runs with none.

/// Where the engine fails or stops dead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    /// This step fails after it has done its work.
    pub fail_at: Option<String>,
    /// The undo of this step fails.
    pub fail_undo_at: Option<String>,
    /// The process dies after the journal's record of this number (1-based) is durable.
    pub crash_after_record: Option<usize>,
    /// The process dies after this step has run, before its outcome is journalled.
    pub crash_in_step: Option<String>,
    /// The process dies after this many removals of eos's own records.
    pub crash_after_removal: Option<usize>,
    /// Each undo and each restoration is done twice.
    pub repeat_undo: bool,
}

/// Where the process has died, as far as the caller is concerned: nothing more may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death(pub String);

impl FaultPlan {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn after_record(&self, sequence: usize) -> Result<(), Death> {
        die(self.crash_after_record == Some(sequence), || format!("record {sequence}"))
    }

    pub(super) fn after_run(&self, step: &str) -> Result<(), Death> {
        die(self.crash_in_step.as_deref() == Some(step), || format!("the work of step {step}"))
    }

    pub(super) fn after_removal(&self, count: usize) -> Result<(), Death> {
        die(self.crash_after_removal == Some(count), || format!("removal {count}"))
    }
}

fn die(now: bool, place: impl FnOnce() -> String) -> Result<(), Death> {
    if now { Err(Death(place())) } else { Ok(()) }
}
