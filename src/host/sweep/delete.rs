//! Deletes one file of a sweep.

use super::open_files::OpenFiles;
use super::walk::{Found, Taken};
use super::{Sweep, printable};
use rustix::fs::AtFlags;
use std::io;

/// Logs the deletion, then deletes. A file with another name elsewhere frees nothing.
pub(super) fn take(sweep: &Sweep<'_>, _: &mut OpenFiles, found: &Found<'_>) -> io::Result<Taken> {
    let bytes = if found.stat.st_nlink > 1 { 0 } else { found.allocated() };
    if !sweep.dry_run {
        tracing::info!(path = printable(found.path), bytes, "deleting an expendable file");
        rustix::fs::unlinkat(found.directory, found.name, AtFlags::empty())?;
    }
    Ok(Taken::Freed(bytes))
}
