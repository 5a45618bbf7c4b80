//! Waits until every service of this node is up and the storage monitor reports what is configured.

use crate::host::clock;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;
use crate::steps::apply_states::MONITOR;
use crate::steps::error::{StepFailure, to_step};
use crate::steps::report;
use std::time::{Duration, Instant};

/// How long the services may take to become healthy.
const LIMIT: Duration = Duration::from_secs(30);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// The step.
pub struct VerifyHealth {
    /// Whether the master runs here.
    pub master: bool,
}

impl VerifyHealth {
    fn unhealthy(&self, env: &Env) -> Result<Option<(&'static str, String)>, StepFailure> {
        let services: &[&'static str] =
            if self.master { &["eos-master", "eos-agent", MONITOR] } else { &["eos-agent", MONITOR] };
        for service in services {
            let status = env.services.status(service)?;
            if !status.ready {
                let said = status.failure.or(status.status_text);
                return Ok(Some((service, said.unwrap_or_else(|| "it is not ready".to_owned()))));
            }
        }
        let monitor = report::monitor(&env.root, clock::timestamp())?;
        Ok(monitor.complaint().map(|why| (MONITOR, why)))
    }

    fn wait(&self, env: &Env) -> Result<(), StepFailure> {
        let began = Instant::now();
        let until = env.deadline.min(began + LIMIT);
        while let Some((service, why)) = self.unhealthy(env)? {
            if Instant::now() >= until {
                let seconds = began.elapsed().as_secs();
                let why = match env.services.last_line(service)? {
                    Some(line) => format!("{why}; it logged last: {line}"),
                    None => why,
                };
                return Err(StepFailure::Unhealthy { service: service.to_owned(), seconds, why });
            }
            env.pause_until(&format!("{service}: {why}"), began, PAUSE, until);
            if env.is_interrupted() {
                return Err(StepFailure::Interrupted { what: format!("{service} to be healthy") });
            }
        }
        Ok(())
    }
}

impl Step<Env> for VerifyHealth {
    fn name(&self) -> &'static str {
        "verify-health"
    }

    fn stage(&self) -> Stage {
        Stage::Verify
    }

    fn describe(&self) -> String {
        "wait until every service is healthy".to_owned()
    }

    fn touches(&self) -> Vec<Touch> {
        Vec::new()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.wait(env).map(|()| Outcome::Done).map_err(to_step)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::root::Root;
    use crate::model::explain::{Failure, tells};
    use crate::steps::fixture;

    #[test]
    fn a_service_that_does_not_come_up_is_named_when_the_time_is_over() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let env = fixture::env(&Root::new(folder.path())?, Instant::now(), runtime.handle().clone())?;
        let error = VerifyHealth { master: false }.wait(&env).expect_err("nothing runs");
        tells(&error, "EOS-V030", "eos-agent is not healthy after 0 s: it is not ready");
        Ok(())
    }

    #[test]
    fn what_is_wrong_below_a_step_keeps_its_own_code() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join("var/lib/eos"))?;
        std::fs::write(root.join("var/lib/eos/membership.json"), "")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let env = fixture::env(&root, Instant::now(), runtime.handle().clone())?;
        let error = env.membership().expect_err("it is empty");
        let text = "the membership file is damaged: EOF while parsing a value at line 1 column 0";
        tells(&error, "EOS-G050", text);
        assert_eq!(Failure::from(error).code, "EOS-I030", "this is what is shown");
        Ok(())
    }
}
