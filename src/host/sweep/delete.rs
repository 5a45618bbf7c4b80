//! Deletes one file of a sweep.

use super::compress::mark;
use super::take::{Found, Taken};
use super::{Reason, Sweep, Work, before_change, printable};
use rustix::fs::AtFlags;
use std::io;

/// Logs the deletion, then deletes what is still the same file. A file with another name elsewhere frees nothing.
pub(super) fn take(sweep: &Sweep<'_>, found: &Found<'_>) -> io::Result<Taken> {
    if sweep.work == Work::Compressed && !mark::is_marked(found)? {
        return Ok(Taken::Kept(Reason::Foreign));
    }
    let bytes = if found.stat.st_nlink > 1 { 0 } else { found.allocated() };
    if !sweep.dry_run {
        let path = printable(found.path);
        match sweep.work {
            Work::Vacuum => tracing::info!(path, bytes, "deleting an archived journal"),
            Work::Compressed => tracing::info!(path, bytes, "deleting a log that was compressed long ago"),
            Work::Packages => tracing::info!(path, bytes, "deleting a downloaded package"),
            Work::Delete | Work::Compress => tracing::info!(path, bytes, "deleting an expendable file"),
        }
        before_change()?;
        // To log takes its time, and a younger file may have been renamed to this name meanwhile.
        if !found.is_unchanged()? {
            return Ok(Taken::Kept(Reason::Changed));
        }
        rustix::fs::unlinkat(found.directory, found.name, AtFlags::empty())?;
    }
    Ok(Taken::Freed(bytes))
}
