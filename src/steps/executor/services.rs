//! The functions of services.

use super::{Working, changed, set};
use crate::sls::difference::{Change, Outcome};
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use crate::steps::start_service::{END, READY};

impl Working<'_> {
    pub(super) fn running(
        &self,
        name: &str,
        enable: Option<bool>,
        trial: bool,
    ) -> Result<Ended, StepFailure> {
        let services = &self.env.services;
        let status = services.status(name)?;
        if trial && !status.installed {
            let comment = format!(
                "Service {name} not present; if created in this state run, it would have been started"
            );
            return Ok(Ended::of(Outcome::WouldChange, comment));
        }
        if trial && !status.active {
            return Ok(would(name, "started"));
        }
        if trial {
            return self.booted(
                name,
                enable,
                trial,
                format!("The service {name} is already running"),
                Vec::new(),
            );
        }
        services.refresh(name)?;
        let started = !services.start(name, self.env.at_most(READY))?.already_running;
        let (comment, changes) = match started {
            true => (format!("Started service {name}"), vec![set("running", Some("no"), "yes")]),
            false => (format!("The service {name} is already running"), Vec::new()),
        };
        self.booted(name, enable, trial, comment, changes)
    }

    pub(super) fn dead(&self, name: &str, enable: Option<bool>, trial: bool) -> Result<Ended, StepFailure> {
        let status = self.env.services.status(name)?;
        if !status.installed {
            let would = format!(
                "Service {name} not present; if created in this state run, it would have been stopped"
            );
            let told = (Outcome::Unchanged, format!("The named service {name} is not available"));
            let (outcome, comment) = if trial { (Outcome::WouldChange, would) } else { told };
            return Ok(Ended::of(outcome, comment));
        }
        let active = status.active;
        if trial && active {
            return Ok(would(name, "stopped"));
        }
        let stopped = active && !trial && self.env.services.stop(name, END)?;
        let (comment, changes) = match stopped {
            true => (format!("Service {name} was killed"), vec![set("running", Some("yes"), "no")]),
            false => (format!("The service {name} is already dead"), Vec::new()),
        };
        self.booted(name, enable, trial, comment, changes)
    }

    pub(super) fn boot_only(&self, name: &str, enable: bool, trial: bool) -> Result<Ended, StepFailure> {
        if trial && enable && !self.env.services.status(name)?.installed {
            let comment = format!(
                "Service {name} not present; if created in this state run, it would have been enabled"
            );
            return Ok(Ended::of(Outcome::WouldChange, comment));
        }
        let already = if enable { "enabled" } else { "disabled" };
        let comment = format!("Service {name} is already {already}, and is in the desired state");
        self.booted(name, Some(enable), trial, comment, Vec::new())
    }

    /// With what else was changed of the service, whether it starts at boot.
    fn booted(
        &self,
        name: &str,
        enable: Option<bool>,
        trial: bool,
        mut comment: String,
        mut changes: Vec<Change>,
    ) -> Result<Ended, StepFailure> {
        let now = self.env.services.enabled(name)?;
        let Some(wanted) = enable.filter(|wanted| *wanted != now) else {
            return Ok(changed(trial, comment, changes));
        };
        let word = if wanted { "enabled" } else { "disabled" };
        if trial {
            return Ok(would(name, word));
        }
        match wanted {
            true => self.env.services.enable(name)?,
            false => self.env.services.disable(name)?,
        }
        // A unit without an [Install] section stays as it is, whatever is wanted.
        let then = self.env.services.enabled(name)?;
        if then != now {
            let yes = |yes: bool| if yes { "yes" } else { "no" };
            changes.push(set("enabled", Some(yes(now)), yes(then)));
        }
        comment = format!("{comment}; it has been {word}");
        Ok(changed(trial, comment, changes))
    }

    /// What a running service does when something that it watches has changed.
    pub(super) fn reacted(&self, name: &str, reload: bool, trial: bool) -> Result<Ended, StepFailure> {
        let active = self.env.services.status(name)?.active;
        if trial {
            let word = if reload { "reloaded" } else { "restarted" };
            return Ok(would(name, if active { word } else { "started" }));
        }
        self.env.services.refresh(name)?;
        let limit = self.env.at_most(READY);
        if active && reload && self.env.services.reload_service(name, limit)? {
            return Ok(changed(false, "Service reloaded", vec![set("reloaded", None, "yes")]));
        }
        match active {
            true => self.env.services.restart(name, limit)?,
            false => self.env.services.start(name, limit)?,
        };
        Ok(changed(false, "Service restarted", vec![set("restarted", None, "yes")]))
    }

    /// What a service that shall be dead does then.
    pub(super) fn stopped_again(&self, name: &str, trial: bool) -> Result<Ended, StepFailure> {
        if !self.env.services.status(name)?.active {
            return Ok(Ended::of(Outcome::Unchanged, "Service is already stopped"));
        }
        if trial {
            return Ok(would(name, "stopped"));
        }
        self.env.services.stop(name, END)?;
        Ok(changed(false, "Service stopped", vec![set("running", Some("yes"), "no")]))
    }
}

/// As Salt has it, a test run of a service tells no changes.
fn would(name: &str, word: &str) -> Ended {
    Ended::of(Outcome::WouldChange, format!("Service {name} is set to be {word}"))
}
