//! Holds every step of a bootstrap to the time that the whole command was given.

use crate::cli::bootstrap::error::BootstrapError;
use crate::model::explain::Failure;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::{AnyStep, Env};
use std::time::{Duration, Instant};

/// A step that is not begun once the time is over.
struct Timed {
    step: AnyStep,
    given: Duration,
}

/// These steps, within the time.
pub(super) fn within(given: Duration, steps: Vec<AnyStep>) -> Vec<AnyStep> {
    steps.into_iter().map(|step| Box::new(Timed { step, given }) as AnyStep).collect()
}

impl Step<Env> for Timed {
    fn name(&self) -> &'static str {
        self.step.name()
    }

    fn stage(&self) -> Stage {
        self.step.stage()
    }

    fn describe(&self) -> String {
        self.step.describe()
    }

    fn touches(&self) -> Vec<Touch> {
        self.step.touches()
    }

    fn touches_now(&self, env: &Env) -> Result<Vec<Touch>, StepError> {
        self.step.touches_now(env)
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        if Instant::now() >= env.deadline {
            let error = BootstrapError::OutOfTime { seconds: self.given.as_secs(), step: self.name() };
            return Err(StepError { failure: Failure::of(&error) });
        }
        self.step.run(env)
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        self.step.undo(env)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::Root;
    use crate::steps::create_directories::CreateDirectories;
    use crate::steps::fixture;

    #[test]
    fn a_step_is_not_begun_once_the_time_is_over() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut env = fixture::env(&root, Instant::now(), runtime.handle().clone())?;
        let steps = within(Duration::from_secs(5), vec![Box::new(CreateDirectories { master: false })]);
        let failure = steps[0].run(&mut env).expect_err("there is no time").failure;
        assert_eq!((failure.code.as_str(), failure.exit), ("EOS-J042", 4));
        assert_eq!(failure.message, "the 5 s of --timeout were over before the step create-directories");
        assert_eq!(std::fs::read_dir(root.path())?.count(), 0, "nothing was made");
        Ok(())
    }
}
