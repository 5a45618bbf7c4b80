//! Progress of a command that is quick as a rule: it begins with a wait and ends with it.

use crate::model::progress::{Event, Sink, Wait};
use crate::view::Output;
use crate::view::progress::Progress;
use std::sync::{Mutex, PoisonError};

/// Tells of each wait that lasts, and of nothing else.
pub struct OnDemand {
    output: Output,
    waits: Mutex<Option<Progress>>,
}

impl OnDemand {
    /// In the form that the output asks for.
    pub fn new(output: Output) -> Self {
        Self { output, waits: Mutex::new(None) }
    }
}

impl Sink for OnDemand {
    fn emit(&self, _event: Event) {}

    fn expect(&self, wait: Option<Wait>) {
        let progress = wait.map(|wait| {
            let progress = Progress::new(self.output, wait.until);
            progress.expect(Some(wait));
            progress
        });
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = std::mem::replace(&mut *waits, progress) {
            ended.finish();
        }
    }
}
