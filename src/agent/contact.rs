//! Whether the master answers, written down when that changes: for who asks this node while it does not.

use crate::host::clock;
use crate::host::files::FileError;
use crate::host::root::Root;
use crate::model::explain::Failure;
use crate::steps::contact;

/// What is known of the master.
pub struct Contact {
    root: Root,
    /// Whether it answered last; none before it was asked.
    answers: Option<bool>,
}

impl Contact {
    /// Of an agent that has not asked yet.
    pub fn new(root: Root) -> Self {
        Self { root, answers: None }
    }

    /// It answered, also when it refused, or it did not, for this reason.
    ///
    /// # Errors
    /// When that cannot be written down; it is tried again the next time.
    pub fn heard(&mut self, failure: Option<&Failure>) -> Result<(), FileError> {
        let answers = failure.is_none();
        if self.answers == Some(answers) {
            return Ok(());
        }
        match failure {
            None => contact::found(&self.root)?,
            Some(failure) => contact::lost(&self.root, failure, clock::timestamp())?,
        }
        self.answers = Some(answers);
        Ok(())
    }
}
