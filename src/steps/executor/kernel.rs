//! `sysctl.present`: the file that keeps a parameter of the kernel, and on the machine itself its value.

use super::{Working, changed, set};
use crate::host::files::{self, Attributes};
use crate::host::kernel;
use crate::sls::difference::Outcome;
use crate::sls::run::Ended;
use crate::sls::tables::{kernel_value, with_parameter};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use std::path::{Path, PathBuf};

/// The file that keeps parameters unless a state names another one, as Salt has it under systemd.
const FILE: &str = "etc/sysctl.d/99-salt.conf";

/// The file that keeps the parameter.
pub(in crate::steps) fn parameter_file(env: &Env, file: Option<&str>) -> PathBuf {
    file.map_or_else(|| env.root.join(FILE), PathBuf::from)
}

impl Working<'_> {
    pub(super) fn parameter(
        &self,
        name: &str,
        value: &str,
        file: Option<&str>,
        trial: bool,
    ) -> Result<Ended, StepFailure> {
        let path = parameter_file(self.env, file);
        let bytes = files::read_optional(&path)?;
        let text = match bytes.map(String::from_utf8).transpose() {
            Ok(text) => text,
            Err(_) => return Ok(Ended::of(Outcome::Failed, format!("{} is not text", path.display()))),
        };
        let (wanted, kept) = with_parameter(text.as_deref(), name, value);
        let now = if self.env.root.is_host() { kernel::parameter(name)? } else { None };
        let set_now = now.as_deref().map(kernel_value) == Some(kernel_value(value));
        let unset = self.env.root.is_host() && !set_now;
        if kept && !unset {
            return Ok(Ended::of(
                Outcome::Unchanged,
                format!("Sysctl value {name} = {value} is already set"),
            ));
        }
        if trial {
            let comment = format!("Sysctl option {name} set to be changed to {value}");
            return Ok(Ended::of(Outcome::WouldChange, comment));
        }
        if !kept {
            keep(&path, &wanted)?;
        }
        if unset {
            kernel::set_parameter(name, value)?;
        }
        let comment = format!("Updated sysctl value {name} = {value}");
        Ok(changed(false, comment, vec![set(name, now.as_deref(), value)]))
    }
}

fn keep(path: &Path, text: &str) -> Result<(), StepFailure> {
    if let Some(parent) = path.parent() {
        files::create_directory(parent, Attributes { mode: 0o755, owner: None })?;
    }
    let now = super::files::existing(path)?;
    let attributes = super::files::merged(&Default::default(), Default::default(), now.as_ref(), 0o644);
    Ok(files::write_atomic(path, text.as_bytes(), attributes)?)
}
