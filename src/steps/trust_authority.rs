//! Records the cluster's authority that the first look found and the pin confirmed.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::decision::TrustedAuthority;
use crate::steps::{Decision, Env};

/// The step.
pub struct TrustAuthority {
    authority: Option<TrustedAuthority>,
}

impl TrustAuthority {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { authority: decision.authority.clone() }
    }
}

impl Step<Env> for TrustAuthority {
    fn name(&self) -> &'static str {
        "trust-authority"
    }

    fn stage(&self) -> Stage {
        Stage::Detect
    }

    fn describe(&self) -> String {
        match &self.authority {
            Some(authority) => format!("trust the cluster's authority {}", authority.fingerprint.short()),
            None => "trust the cluster's authority".to_owned(),
        }
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::File(paths::TRUSTED_AUTHORITY.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        if let Some(authority) = &self.authority {
            let path = env.root.join(paths::TRUSTED_AUTHORITY);
            files::write_atomic(&path, authority.certificate.as_bytes(), Attributes::PUBLIC)?;
        }
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}
