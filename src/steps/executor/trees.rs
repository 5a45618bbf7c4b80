//! `file.recurse`: a directory of the tree, as one state of many files.

use super::{Working, changed};
use crate::host::entry;
use crate::host::files;
use crate::sls::difference::{Change, Outcome};
use crate::sls::function::{Attributes, Function, Tree};
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Working<'_> {
    pub(super) fn tree(&self, tree: &Tree, trial: bool) -> Result<Ended, StepFailure> {
        let mut changes = Vec::new();
        for part in parts(tree) {
            let path = part.path().unwrap_or("/").to_owned();
            if tree.clean && self.in_the_way(&part)? {
                if trial {
                    changes.push(Change::At {
                        path,
                        changes: vec![Change::Replaced("something else".to_owned())],
                    });
                    continue;
                }
                entry::remove(Path::new(&path))?;
            }
            let ended = self.file(&part, trial)?;
            if ended.outcome == Outcome::Failed {
                return Ok(Ended { changes, ..ended });
            }
            if !ended.changes.is_empty() {
                changes.push(Change::At { path, changes: ended.changes });
            }
        }
        for path in self.superfluous(tree)? {
            if !trial {
                entry::remove(&path)?;
            }
            changes.push(Change::At { path: path.display().to_string(), changes: vec![Change::Removed] });
        }
        let comment = match (changes.is_empty(), trial) {
            (true, _) => format!("The directory {} is in the correct state", tree.path),
            (false, true) => format!("The directory {} is set to be changed", tree.path),
            (false, false) => format!("Recursively updated {}", tree.path),
        };
        Ok(changed(trial, comment, changes))
    }

    /// Whether a file stands where a directory belongs, or the other way round.
    fn in_the_way(&self, part: &Function) -> Result<bool, StepFailure> {
        let path = Path::new(part.path().unwrap_or("/"));
        let wants_directory = matches!(part, Function::FileDirectory { .. });
        Ok(files::exists(path)? && files::is_directory(path) != wants_directory)
    }

    /// What is below the directory and neither in the tree nor of a state that this one requires; the highest only.
    fn superfluous(&self, tree: &Tree) -> Result<Vec<PathBuf>, StepFailure> {
        let base = Path::new(&tree.path);
        if !tree.clean || !files::exists(base)? {
            return Ok(Vec::new());
        }
        let own = tree.files.iter().map(|(path, _)| base.join(path));
        let kept: Vec<PathBuf> =
            tree.kept.iter().map(PathBuf::from).filter(|path| path.starts_with(base)).collect();
        let leaves: BTreeSet<PathBuf> = own.chain(kept.iter().cloned()).collect();
        let mut removed: Vec<PathBuf> = Vec::new();
        for (path, _) in entry::tree_below(base)? {
            let needed = leaves.iter().any(|leaf| leaf.starts_with(&path));
            let inside = kept.iter().any(|kept| path.starts_with(kept));
            if !needed && !inside && !removed.last().is_some_and(|above| path.starts_with(above)) {
                removed.push(path);
            }
        }
        Ok(removed)
    }
}

/// The states that a tree stands for: its directories, parents first, then its files.
fn parts(tree: &Tree) -> Vec<Function> {
    let at = |relative: &str| match relative {
        "" => tree.path.clone(),
        relative => format!("{}/{relative}", tree.path),
    };
    let directories = tree.directories.iter().map(|relative| Function::FileDirectory {
        path: at(relative),
        attributes: tree.directory.clone(),
        make_directories: true,
        recursion: None,
    });
    let files = tree.files.iter().map(|(relative, bytes)| Function::FileManaged {
        path: at(relative),
        contents: Some(bytes.clone()),
        attributes: Attributes { ..tree.file.clone() },
        make_directories: true,
        directory_mode: None,
        replace: tree.replace,
        create: true,
        follow_links: true,
        show_changes: true,
    });
    directories.chain(files).collect()
}
