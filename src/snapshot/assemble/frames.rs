//! Where the frames of an assembled tree come from: parts on this machine first, then the sources.

use super::record::Record;
use super::{AssembleError, Order};
use crate::host::directory::Directory;
use crate::model::progress::{Files, Sink};
use crate::snapshot::crew::side_by_side;
use crate::snapshot::fetch::{Bring, Landed, Landing};
use crate::snapshot::meter::Meter;
use crate::snapshot::unpack::{PartFiles, Tree, UnpackError, Worker};

/// The tree as the place where frames land.
pub(super) struct Landscape<'a> {
    pub(super) tree: &'a Tree<'a>,
    pub(super) record: &'a Record<'a>,
}

impl<'a> Landing for Landscape<'a> {
    type Worker = Worker<'a>;
    type Error = AssembleError;

    fn worker(&self) -> Worker<'a> {
        self.tree.worker()
    }

    fn land(&self, worker: &mut Worker<'a>, frame: usize, bytes: &[u8]) -> Result<Landed, AssembleError> {
        let before = worker.placed;
        let again = self.tree.place(worker, frame, bytes)?;
        let (bytes, files) = (worker.placed.bytes - before.bytes, worker.placed.files - before.files);
        self.record.placed(frame, bytes, &again)?;
        Ok(Landed { bytes, files, again })
    }
}

/// How far the tree has come, for the progress.
pub(super) fn so_far(order: &Order<'_>, tree: &Tree<'_>) -> ((u64, u64), Files) {
    let there = tree.there();
    let total = order.manifest.entries.iter().filter(|entry| entry.size() > 0).count() as u64;
    ((there.bytes, order.manifest.restore_size()), Files { done: there.files.min(total), total })
}

/// Puts the frames in their place that parts on this machine hold; returns the bytes of content.
///
/// A frame that is damaged here comes from elsewhere, if there is an elsewhere.
///
/// # Errors
/// When the disk or the snapshot refuses, or `stop` ends it.
pub(super) fn from_here(
    order: &Order<'_>,
    landscape: &Landscape<'_>,
    have: &mut [bool],
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<u64, AssembleError> {
    let Some(parts) = order.local else { return Ok(0) };
    let mut here = Vec::with_capacity(order.manifest.parts.len());
    for part in &order.manifest.parts {
        here.push(match parts.open(part) {
            Err(error) if error.is_missing() => false,
            opened => opened.map(|_| true)?,
        });
    }
    let frames = order.manifest.frames.iter().enumerate();
    let wanted: Vec<usize> = frames
        .filter(|(index, frame)| !have[*index] && here[frame.part as usize])
        .map(|(index, _)| index)
        .collect();
    if wanted.is_empty() {
        return Ok(0);
    }
    let elsewhere = !order.terms.sources.is_empty() || order.held.is_some();
    let files = PartFiles::new(order.manifest, parts);
    let (progress, counted) = so_far(order, landscape.tree);
    let what = format!("restore {} from here", order.manifest.metadata.source);
    let mut meter = Meter::of_sources(sink, what, progress, Some(counted), &[]);
    let (mut bytes, mut again) = (0, Vec::new());
    let done = side_by_side(
        wanted.len(),
        || (landscape.worker(), Vec::new()),
        |(worker, buffer), job| match files.read(wanted[job], buffer) {
            Err(UnpackError::Frame { .. }) if elsewhere => Ok((wanted[job], None)),
            Err(error) => Err(AssembleError::from(error)),
            Ok(()) => Ok((wanted[job], Some(landscape.land(worker, wanted[job], buffer)?))),
        },
        stop,
        &mut |(frame, landed): (usize, Option<Landed>)| {
            let Some(landed) = landed else { return };
            have[frame] = true;
            bytes += landed.bytes;
            meter.add_files(landed.files);
            meter.add(landed.bytes);
            again.extend(landed.again);
        },
    )?;
    again.into_iter().for_each(|frame| have[frame] = false);
    if done { Ok(bytes) } else { Err(interrupted(landscape.tree)) }
}

/// Brings the frames that are still missing; returns the bytes that came for them.
///
/// # Errors
/// When no source delivers them, the disk or the snapshot refuses, or `stop` ends it.
pub(super) fn from_sources(
    order: &Order<'_>,
    landscape: &Landscape<'_>,
    have: Vec<bool>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<u64, AssembleError> {
    let missing = have.iter().filter(|have| !**have).count();
    if missing == 0 {
        return Ok(0);
    }
    if order.terms.sources.is_empty() && order.held.is_none() {
        return Err(AssembleError::NoSource { frames: missing });
    }
    let (progress, files) = so_far(order, landscape.tree);
    let what = format!("restore {}", order.manifest.metadata.source);
    let bring = Bring { terms: order.terms, manifest: order.manifest, held: order.held, what };
    bring.bring(landscape, have, progress, Some(files), stop, sink)
}

fn interrupted(tree: &Tree<'_>) -> AssembleError {
    let staging: &Directory = tree.staging();
    AssembleError::Interrupted { path: staging.path().to_owned() }
}
