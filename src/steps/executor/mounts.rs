//! `mount.mounted`: the entry of a mount in the table, and on the machine itself the mount.

use super::{Working, changed, set};
use crate::host::accounts;
use crate::host::files::{self, Attributes};
use crate::host::mounting;
use crate::sls::difference::{Change, Outcome};
use crate::sls::function::Mount;
use crate::sls::mount_options::{Known, missing};
use crate::sls::run::Ended;
use crate::sls::tables::{Entry, with_mount};
use crate::steps::Env;
use crate::steps::error::StepFailure;
use std::path::{Path, PathBuf};

/// The table of mounts.
pub(in crate::steps) fn table(env: &Env, mount: &Mount) -> PathBuf {
    mount.table.as_ref().map_or_else(|| env.root.join("etc/fstab"), PathBuf::from)
}

impl Working<'_> {
    pub(super) fn mount(&self, mount: &Mount, trial: bool) -> Result<Ended, StepFailure> {
        let path = Path::new(&mount.path);
        let mut changes = Vec::new();
        let (mut would, mut absent) = (false, false);
        if mount.mount && self.env.root.is_host() {
            match mounting::at(path)? {
                Some(now) if !mounting::is_of(&now, &mount.device, &mount.options, path)? => {
                    let why =
                        format!("{} is mounted from {}, not from {}", mount.path, now.device, mount.device);
                    return Ok(Ended::of(Outcome::Failed, why));
                }
                Some(now) => {
                    let missing = self.missing_options(mount, &now.options);
                    would = !missing.is_empty();
                    if would && !trial {
                        mounting::remount(&mount.kind, &mount.options, path)?;
                        changes.push(set(
                            "umount",
                            None,
                            &format!("Forced remount because options ({}) changed", missing.join(",")),
                        ));
                    }
                }
                None if trial => would = true,
                None => {
                    if let Some(why) = made(mount, path)? {
                        return Ok(Ended::of(Outcome::Failed, why));
                    }
                    mounting::mount(&mount.device, &mount.kind, &mount.options, path)?;
                    // `nofail` has `mount` succeed where there is no such device.
                    match mounting::at(path)? {
                        Some(_) => changes.push(set("mount", None, "True")),
                        None => absent = true,
                    }
                }
            }
        } else if !mount.mount && !files::exists(path)? {
            // As Salt has it, also where the directory is not made.
            would = true;
            if !trial && mount.make_directory {
                made(mount, path)?;
            }
        }
        match self.persisted(mount, trial)? {
            Err(why) => return Ok(Ended { changes, ..Ended::of(Outcome::Failed, why) }),
            Ok(persisted) => changes.extend(persisted),
        }
        if trial {
            let would = would || !changes.is_empty();
            let outcome = if would { Outcome::WouldChange } else { Outcome::Unchanged };
            let comment = if would { "would be mounted" } else { "is mounted" };
            return Ok(Ended::of(outcome, format!("{} {comment}", mount.path)));
        }
        let comment = match (absent, changes.is_empty()) {
            (true, _) => "Nothing was mounted: the device is not there, and nofail says to go on",
            (false, true) => "Target was already mounted",
            (false, false) => "Target was successfully mounted",
        };
        Ok(changed(false, comment, changes))
    }

    /// Brings the entry of the table up to date; what changed of it, or why that cannot be.
    fn persisted(&self, mount: &Mount, trial: bool) -> Result<Result<Vec<Change>, String>, StepFailure> {
        if !mount.persist {
            return Ok(Ok(Vec::new()));
        }
        let table = table(self.env, mount);
        let now = match super::files::existing(&table)? {
            Some(now) => now,
            None => return Ok(Err(format!("Bad config file \"{}\": it is not there", table.display()))),
        };
        let Ok(text) = String::from_utf8(files::read(&table)?) else {
            return Ok(Err(format!("{} is not text", table.display())));
        };
        let (wanted, entry) = with_mount(&text, mount);
        let word = match entry {
            Entry::Present => return Ok(Ok(Vec::new())),
            Entry::New => "new",
            Entry::Changed => "update",
        };
        if !trial {
            let attributes = super::files::merged(&Default::default(), Default::default(), Some(&now), 0o644);
            files::write_atomic(&table, wanted.as_bytes(), attributes)?;
        }
        Ok(Ok(vec![set("persist", None, word)]))
    }

    /// The wanted options that a mount does not have.
    fn missing_options(&self, mount: &Mount, now: &[String]) -> Vec<String> {
        let root = &self.env.root;
        // A name that nobody knows stays a name, which the mount cannot have.
        let number = |key: &str, name: &str| match key {
            "uid" => accounts::find_user(root, name).ok().flatten().map(|account| account.uid),
            _ => accounts::find_group(root, name).ok().flatten(),
        };
        let known = Known { memory_bytes: self.env.facts.resources.memory_bytes, number: &number };
        missing(&mount.options, now, &mount.kind, &known)
    }

    /// What a mount does when something that it watches has changed.
    pub(super) fn remounted(&self, mount: &Mount, trial: bool) -> Result<Ended, StepFailure> {
        let comment = format!("{} remounted", mount.path);
        if !trial && self.env.root.is_host() && mount.mount {
            mounting::remount(&mount.kind, &mount.options, Path::new(&mount.path))?;
        }
        Ok(Ended::of(Outcome::Unchanged, comment))
    }
}

/// Makes the directory to mount at; why that is not done, if it is missing.
fn made(mount: &Mount, path: &Path) -> Result<Option<String>, StepFailure> {
    if files::exists(path)? {
        return Ok(None);
    }
    if !mount.make_directory {
        return Ok(Some("Mount directory is not present (mkmnt: True makes it)".to_owned()));
    }
    files::create_directory(path, Attributes { mode: 0o755, owner: None })?;
    Ok(None)
}
