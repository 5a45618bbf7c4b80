//! Parameters of the kernel that files below `etc/sysctl.d` set: which a plan concerns, and those that no file names any
//! more, which get the value again that they had before eos.
//!
//! What another hand has set since stays. A parameter is released from the ledger alone, so that a run that was
//! interrupted is followed by one that releases the same.

use super::effects::{Before, parts, recorded};
use crate::host::files;
use crate::host::kernel;
use crate::journal::ledger::Ledger;
use crate::model::progress::Event;
use crate::sls::function::Function;
use crate::sls::plan::StatePlan;
use crate::sls::tables::parameter_names;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where `systemd-sysctl` and `sysctl --system` find files, below the root.
const FOLDERS: [&str; 4] = ["etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d"];

/// The one that states write to.
const OWN: &str = "etc/sysctl.d";

/// The parameters that a plan may set or release: those in its files, those in the files that it replaces, and those
/// that eos has set before.
///
/// # Errors
/// When a file cannot be read, or the ledger.
pub(super) fn concerned(env: &Env, plan: &StatePlan) -> Result<BTreeSet<String>, StepFailure> {
    let mut names = BTreeSet::new();
    if !env.root.is_host() {
        return Ok(names);
    }
    let own = env.root.join(OWN);
    for state in &plan.states {
        if let Function::SysctlPresent { name, .. } = &state.function {
            names.insert(name.clone());
        }
        let Some(path) = state.function.path().map(Path::new) else { continue };
        if path.parent() != Some(&own) || !is_read(path) {
            continue;
        }
        names.extend(named_in(path)?);
        if let Function::FileManaged { contents: Some(contents), .. } = &state.function {
            names.extend(parameter_names(&String::from_utf8_lossy(contents)));
        }
    }
    let ledger = Ledger::load(&env.root)?.unwrap_or_default();
    let known = ledger.effects.keys().map(|subject| parts(subject)).filter(|(kind, _)| *kind == "parameter");
    names.extend(known.map(|(_, name)| name.to_owned()));
    Ok(with_counterparts(names))
}

fn with_counterparts(mut names: BTreeSet<String>) -> BTreeSet<String> {
    let more: Vec<_> = names.iter().filter_map(|name| kernel::counterpart(name)).map(str::to_owned).collect();
    names.extend(more);
    names
}

/// Gives every parameter that eos has set its value from before eos again, if no file names it any more and it still
/// is what eos made it. What the kernel does not take is told, and stays in the ledger for a reset: no generation fails
/// over a value that nobody wants any more.
///
/// # Errors
/// When a file cannot be read, or the ledger.
pub(in crate::steps) fn release(env: &Env) -> Result<(), StepFailure> {
    if !env.root.is_host() {
        return Ok(());
    }
    let ledger = Ledger::load(&env.root)?.unwrap_or_default();
    let set = |subject: &&String| parts(subject).0 == "parameter";
    if !ledger.effects.keys().any(|subject| set(&subject)) {
        return Ok(());
    }
    let named = named(env)?;
    for (subject, effect) in ledger.effects.iter().filter(|(subject, _)| set(subject)) {
        let name = parts(subject).1;
        let before = recorded("ledger", subject, &effect.before)?;
        let written = recorded("ledger", subject, &effect.written)?;
        let Before::Parameter(Some(value)) = before else { continue };
        if named.contains(name) || Before::Parameter(kernel::parameter(name)?) != written {
            continue;
        }
        if let Err(error) = kernel::restore_parameter(name, &value) {
            let text = format!("{name} keeps its value until the next boot: {error}: {}", error.source);
            env.sink.emit(Event::Warning { text });
        }
    }
    Ok(())
}

/// The parameters that files of this machine name.
fn named(env: &Env) -> Result<BTreeSet<String>, StepFailure> {
    let mut paths: Vec<PathBuf> = vec![env.root.join("etc/sysctl.conf")];
    for folder in FOLDERS.map(|folder| env.root.join(folder)) {
        paths.extend(files::list(&folder)?.into_iter().map(|name| folder.join(name)));
    }
    let mut names = BTreeSet::new();
    for path in paths.iter().filter(|path| is_read(path)) {
        names.extend(named_in(path)?);
    }
    Ok(with_counterparts(names))
}

fn is_read(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "conf")
}

fn named_in(path: &Path) -> Result<BTreeSet<String>, StepFailure> {
    let bytes = if files::is_file(path) { files::read_optional(path)? } else { None };
    Ok(parameter_names(&String::from_utf8_lossy(&bytes.unwrap_or_default())).into_iter().collect())
}
