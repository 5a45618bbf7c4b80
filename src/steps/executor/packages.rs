//! `pkg.installed`.

use super::{Working, changed, set};
use crate::host::packages;
use crate::sls::difference::Outcome;
use crate::sls::function::Package;
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;

impl Working<'_> {
    pub(super) fn packages(
        &self,
        wanted: &[Package],
        refresh: bool,
        trial: bool,
    ) -> Result<Ended, StepFailure> {
        let missing = missing(wanted)?;
        if missing.is_empty() {
            let comment = "All specified packages are already installed";
            return Ok(Ended::of(Outcome::Unchanged, comment));
        }
        let names: Vec<String> = missing.iter().map(|package| package.name.clone()).collect();
        if trial {
            let listed = names.join(", ");
            let changes = missing
                .iter()
                .map(|package| set(&package.name, None, package.version.as_deref().unwrap_or("installed")));
            let comment = format!("The following packages would be installed/updated: {listed}");
            return Ok(changed(true, comment, changes.collect()));
        }
        if refresh {
            packages::refresh()?;
        }
        let before = packages::found(&names)?;
        packages::install(&specifiers(&missing))?;
        let after = packages::found(&names)?;
        let installed = |found: Option<&packages::Found>| {
            found.filter(|found| found.installed).map(|found| found.version.clone())
        };
        let mut changes = Vec::new();
        for name in &names {
            let (old, new) = (installed(before.get(name)), installed(after.get(name)));
            match new {
                Some(new) if old.as_ref() != Some(&new) => changes.push(set(name, old.as_deref(), &new)),
                Some(_) => {}
                None => return Ok(Ended::of(Outcome::Failed, format!("{name} is not installed after all"))),
            }
        }
        let comment = format!("The following packages were installed/updated: {}", names.join(", "));
        Ok(changed(false, comment, changes))
    }
}

/// Those that are not installed, or not in the wanted version.
pub(super) fn missing(wanted: &[Package]) -> Result<Vec<Package>, StepFailure> {
    let names: Vec<String> = wanted.iter().map(|package| package.name.clone()).collect();
    let found = packages::found(&names)?;
    let there = |package: &&Package| {
        found.get(&package.name).is_some_and(|found| {
            found.installed && package.version.as_ref().is_none_or(|version| *version == found.version)
        })
    };
    Ok(wanted.iter().filter(|package| !there(package)).cloned().collect())
}

/// Each as `apt-get` takes it.
pub(super) fn specifiers(packages: &[Package]) -> Vec<String> {
    let one = |package: &Package| match &package.version {
        Some(version) => format!("{}={version}", package.name),
        None => package.name.clone(),
    };
    packages.iter().map(one).collect()
}
