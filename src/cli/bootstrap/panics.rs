//! A step that panics in the middle of its work, for tests; the released program has none of it.

use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::{AnyStep, Env};

/// A step that does its work and panics before it can say so.
struct Panics(AnyStep);

/// These steps, of which the one of that name panics.
pub(super) fn within(name: Option<&str>, steps: Vec<AnyStep>) -> Vec<AnyStep> {
    let planned =
        |step: AnyStep| -> AnyStep { if name == Some(step.name()) { Box::new(Panics(step)) } else { step } };
    steps.into_iter().map(planned).collect()
}

impl Step<Env> for Panics {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn stage(&self) -> Stage {
        self.0.stage()
    }

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn touches(&self) -> Vec<Touch> {
        self.0.touches()
    }

    fn touches_now(&self, env: &Env) -> Result<Vec<Touch>, StepError> {
        self.0.touches_now(env)
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.0.run(env)?;
        let token =
            env.token.as_ref().map(|token| secrecy::ExposeSecret::expose_secret(&token.reveal()).to_owned());
        panic!("a test has step {} panic with all that it knows: {token:?}", self.name());
    }

    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        self.0.undo(env)
    }
}
