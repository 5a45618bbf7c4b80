//! Brings the units of a member up to date, as a newer eos writes them.
//!
//! What stood there is in the checkpoint, as for every step: also what somebody wrote into a unit by hand comes
//! back with `eos rollback`. A crash leaves each unit old or new; the agent takes that back before its next generation, or the next
//! bootstrap does.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::host::services::unit;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::install_units::{self, Units};
use crate::steps::{Env, Kind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The kind of these sagas in the journal.
pub const KIND: &str = "units";

/// The version of [`Refresh`].
const VERSION: u32 = 1;

/// The unit of which the program is taken that all of them run.
const AGENT: &str = "eos-agent.service";

/// The plan of such a saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The version of the format: 1.
    pub version: u32,
    /// What the units are made of.
    pub units: Units,
    /// Those that are missing or stand otherwise.
    pub names: Vec<String>,
}

impl Refresh {
    /// What is to be done on this member; nothing when its units stand as this eos writes them. The program that they
    /// run stays, as long as it is there: `running` is whoever looks, maybe from somewhere else.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn needed(root: &Root, master: bool, running: &Path) -> Result<Option<Self>, StepFailure> {
        let kind = if master { Kind::FirstNode } else { Kind::Join };
        let account = master && root.is_host() && rustix::process::geteuid().is_root();
        let binary = installed(root)?.unwrap_or_else(|| running.to_owned()).display().to_string();
        let units = Units { kind, binary, account };
        let mut names = Vec::new();
        for (name, text) in units.rendered(root)? {
            let there = files::read_optional(&root.join(install_units::path(name)))?;
            if there.is_none_or(|there| there != text.as_bytes()) {
                names.push(name.to_owned());
            }
        }
        Ok((!names.is_empty()).then_some(Self { version: VERSION, units, names }))
    }
}

/// The program that the agent's unit runs, if both are there.
fn installed(root: &Root) -> Result<Option<PathBuf>, StepFailure> {
    let file = root.join(Path::new(paths::UNITS).join(AGENT));
    let Some(bytes) = files::read_optional(&file)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // A unit that cannot be read is written anew.
    let parsed = unit::parse(&[unit::Source { file, text }]).ok();
    let program = parsed.and_then(|unit| unit.command.into_iter().next()).map(PathBuf::from);
    Ok(match program {
        Some(program) if files::exists(&program)? => Some(program),
        _ => None,
    })
}

/// The step.
#[derive(Debug)]
pub struct RefreshUnits(pub Refresh);

impl RefreshUnits {
    /// The step as the plan in its saga's journal says.
    ///
    /// # Errors
    /// When a later eos wrote it, or it is damaged.
    pub fn from_plan(plan: &serde_json::Value) -> Result<Self, StepFailure> {
        let found = plan.get("version").and_then(serde_json::Value::as_u64);
        if let Some(found) = found.filter(|found| *found > u64::from(VERSION)) {
            return Err(StepFailure::PlanNewer { found, known: VERSION });
        }
        let refresh = serde_json::from_value(plan.clone());
        refresh
            .map(Self)
            .map_err(|error| StepFailure::PlanDamaged { what: "refresh of units", why: error.to_string() })
    }
}

impl Step<Env> for RefreshUnits {
    fn name(&self) -> &'static str {
        "refresh-units"
    }

    fn stage(&self) -> Stage {
        Stage::Services
    }

    fn describe(&self) -> String {
        format!("bring the units up to date: {}", self.0.names.join(", "))
    }

    fn touches(&self) -> Vec<Touch> {
        self.0.names.iter().map(|name| Touch::File(install_units::path(name))).collect()
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        for (name, text) in self.0.units.rendered(&env.root).map_err(to_step)? {
            if self.0.names.iter().any(|wanted| wanted == name) {
                let path = env.root.join(install_units::path(name));
                files::write_atomic(&path, text.as_bytes(), Attributes::PUBLIC)?;
            }
        }
        env.services.reload()?;
        Ok(Outcome::Done)
    }

    /// What runs goes on by the unit that it was started with.
    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    fn needed(root: &Root, master: bool, running: &str) -> anyhow::Result<Vec<String>> {
        Ok(Refresh::needed(root, master, Path::new(running))?.map_or_else(Vec::new, |refresh| refresh.names))
    }

    #[test]
    fn what_is_missing_or_stands_otherwise_is_named_and_the_program_of_the_units_stays() -> anyhow::Result<()>
    {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        std::fs::create_dir_all(root.join(paths::UNITS))?;
        let of_member = ["eos-agent.service", "eos-apply.service", "eos-recovery.service"];
        assert_eq!(needed(&root, false, "/bin/true")?, of_member);
        let units = Units { kind: Kind::FirstNode, binary: "/bin/true".to_owned(), account: false };
        for (name, text) in units.rendered(&root)? {
            std::fs::write(root.join(install_units::path(name)), text)?;
        }
        assert!(needed(&root, true, "/bin/sh")?.is_empty(), "the program is the one that is installed");
        let master = root.join(install_units::path("eos-master.service"));
        let text = std::fs::read_to_string(&master)?;
        std::fs::write(&master, format!("{text}Nice=5\n"))?;
        std::fs::remove_file(root.join(install_units::path("eos-recovery.service")))?;
        assert_eq!(needed(&root, true, "/bin/sh")?, ["eos-master.service", "eos-recovery.service"]);
        assert_eq!(needed(&root, false, "/bin/sh")?, ["eos-recovery.service"], "a member has no master");
        let agent = root.join(install_units::path(AGENT));
        std::fs::write(&agent, std::fs::read_to_string(&agent)?.replace("/bin/true", "/bin/gone-from-here"))?;
        let refresh =
            Refresh::needed(&root, false, Path::new("/bin/sh"))?.expect("the agent's stands otherwise");
        assert_eq!((refresh.units.binary.as_str(), refresh.names.len()), ("/bin/sh", 3));
        Ok(())
    }

    #[test]
    fn the_plan_of_version_1_stays_readable_and_a_later_one_is_named_as_such() -> anyhow::Result<()> {
        let fixture = include_str!("../../tests/fixtures/v1/units-plan.json");
        let mut plan: serde_json::Value = serde_json::from_str(fixture)?;
        let RefreshUnits(refresh) = RefreshUnits::from_plan(&plan)?;
        assert_eq!(refresh.names, ["eos-recovery.service"]);
        assert_eq!(serde_json::to_value(&refresh)?, plan);
        plan["version"] = 2.into();
        let error = RefreshUnits::from_plan(&plan).expect_err("it is of a later eos");
        let text = "the plan of the unfinished operation has format 2, and this eos knows formats up to 1";
        tells(&error, "EOS-G051", text);
        let error = RefreshUnits::from_plan(&serde_json::json!({ "version": 1 })).expect_err("it is damaged");
        let text = "the plan of a refresh of units in the journal is damaged: missing field `units`";
        tells(&error, "EOS-G052", text);
        Ok(())
    }
}
