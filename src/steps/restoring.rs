//! Builds the tree of a snapshot beside its target, from what is here and from nodes, and has it put in place.

mod asked;

use crate::host::clock;
use crate::host::directory::Directory;
use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::host::root::Root;
use crate::model::ids::SnapshotId;
use crate::model::progress::{Event, Silent, Sink};
use crate::model::snapshots::SourceConfig;
use crate::snapshot::assemble::{self, AssembleError, Seed, Verified, WorkArea};
use crate::snapshot::fetch::{self, Held, Request, Room, Source};
use crate::snapshot::manifest::{Content, Limits, Manifest, Metadata, Name, SignedManifest, Verifier};
use crate::snapshot::restore::{self, Activated, Age, Applied, INCOMING, Order, Restore, RestoreError};
use crate::snapshot::store::{DiskStore, Parts, SnapshotStore, StoreError};
use crate::snapshot::unpack::{Policy, UnpackError};
use crate::steps::error::StepFailure;
use crate::steps::trusted;
use crate::wire::snapshots::Holding;
use asked::Asked;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A snapshot, where it shall go, and from where it may come.
pub struct Job<'a> {
    /// Where it goes.
    pub order: Order<'a>,
    /// Whether it may be older than the one restored last.
    pub older: bool,
    /// The snapshot, the nodes that have it, and on what terms they are asked.
    pub request: Request<'a>,
    /// What its holders say of it, which its manifest has to bear out.
    pub told: Option<&'a Holding>,
    /// This node's store, of which parts are used, and the manifest if it has it.
    pub store: Option<&'a DiskStore>,
    /// Whether files that an earlier restore verified are read again.
    pub reread: bool,
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// What stands where now.
    pub activated: Activated,
    /// Entries of the snapshot.
    pub entries: usize,
    /// Bytes of content.
    pub restored_bytes: u64,
    /// Bytes that came over the network.
    pub received_bytes: u64,
    /// Bytes of content that came from trees that were here.
    pub seeded_bytes: u64,
    /// Bytes of content that were there from an earlier run.
    pub resumed_bytes: u64,
    /// From where the rest came.
    pub from: Vec<String>,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// How long it took to put it in place, from the first hook to good health.
    pub applying: Duration,
}

/// A tree that is built, and what it is.
struct Built {
    staged: PathBuf,
    applied: Applied,
    entries: usize,
    seeded_bytes: u64,
    resumed_bytes: u64,
    verified: Verified,
}

/// Why none is built.
enum Unbuilt {
    /// The snapshot is not taken, so what was received for it is of no use.
    Refused(StepFailure),
    /// Another run goes on where this one stopped.
    Stopped(StepFailure),
}

impl<E: Into<StepFailure>> From<E> for Unbuilt {
    fn from(error: E) -> Self {
        Self::Stopped(error.into())
    }
}

/// Carries the job out.
///
/// # Errors
/// When it is refused, cannot be built, or does not stay; what was there is then there again.
pub fn restore(job: &Job<'_>, stop: &dyn Fn() -> bool, sink: &dyn Sink) -> Result<Restored, StepFailure> {
    let began = Instant::now();
    let restore = Restore::begin(job.order.clone(), sink)?;
    let asked: Vec<Asked<'_>> = job.request.sources.iter().map(|source| Asked::new(*source)).collect();
    let sources: Vec<&dyn Source> = asked.iter().map(|asked| asked as _).collect();
    let request = Request { sources: &sources, ..job.request };
    let counted = Job { order: job.order.clone(), request, ..*job };
    let restored = carried_out((&counted, &asked), restore, began, stop, sink);
    if job.order.into.is_none() {
        let code = restored.as_ref().err().map(StepFailure::told_code);
        let (source, id) = (job.order.source.name.as_str(), Some(job.request.id.as_str()));
        restore::ended(job.order.root, (source, id), code, sink);
    }
    restored
}

/// What is left over of a restore that failed does not change why it did.
fn left(cleared: Result<(), RestoreError>, sink: &dyn Sink) {
    if let Err(error) = cleared {
        let text = format!("what the restore left is not cleared away: {error}; the next one does");
        sink.emit(Event::Warning { text });
    }
}

fn carried_out(
    (job, asked): (&Job<'_>, &[Asked<'_>]),
    restore: Restore<'_>,
    began: Instant,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Restored, StepFailure> {
    let built = match build((job, asked), &restore, stop, sink) {
        Ok(built) => built,
        Err(Unbuilt::Refused(failure)) => {
            left(restore.forget_progress(), sink);
            return Err(failure);
        }
        Err(Unbuilt::Stopped(failure)) => {
            left(restore.forget_empty_area(), sink);
            return Err(failure);
        }
    };
    let Built { staged, applied, entries, seeded_bytes, resumed_bytes, verified } = built;
    let (restored_bytes, received_bytes) = (applied.restored_bytes, applied.received_bytes);
    let from = applied.from.clone();
    let ready = Instant::now();
    let activated = restore.knowing(verified).activate(&staged, applied, stop, sink)?;
    let applying = ready.elapsed();
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Restored {
        activated,
        entries,
        restored_bytes,
        received_bytes,
        seeded_bytes,
        resumed_bytes,
        from,
        milliseconds,
        applying,
    })
}

fn build(
    (job, asked): (&Job<'_>, &[Asked<'_>]),
    restore: &Restore<'_>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<Built, Unbuilt> {
    let area = restore.area()?;
    let had_some = area.metadata_optional(OsStr::new(INCOMING))?.is_some();
    restore.probe()?;
    let (manifest, held, first_bytes) = manifest(job, restore, stop, sink)?;
    let metadata = &manifest.metadata;
    is_of(job.request.id, metadata, job.order.source.name.as_str())?;
    job.told.map_or(Ok(()), |told| bears_out(metadata, told))?;
    let (created_at, generation) = (metadata.created_at, metadata.generation);
    if !job.older {
        let age = Age { id: job.request.id.as_str(), created_at, generation };
        restore.refuse_older(age).map_err(|error| Unbuilt::Refused(error.into()))?;
    }
    let source = job.order.source;
    let top = top(&manifest, source, job.order.into.is_some());
    let policy = policy(source, top);
    let (there, before) = (restore.seed()?, restore.previous_seed()?);
    let known = if job.reread { None } else { restore.verified()? };
    let seed = |tree, verified| Seed {
        tree,
        prefix: Name::new(top.map_or(&b""[..], OsStr::as_bytes)),
        write_once: &source.write_once,
        verified,
    };
    let there = there.as_ref().map(|tree| seed(tree, known.as_ref()));
    let seeds: Vec<Seed<'_>> =
        there.into_iter().chain(before.as_ref().map(|tree| seed(tree, None))).collect();
    let order = assemble::Order {
        id: job.request.id,
        manifest: &manifest,
        terms: job.request.terms(),
        held: held.as_ref(),
        local: job.store.map(|store| store as &dyn Parts),
        seeds: &seeds,
        policy: &policy,
    };
    let assembled =
        assemble::assemble(&order, &WorkArea(&area), stop, sink).map_err(|error| judged(error, had_some))?;
    let received_bytes = assembled.received_bytes + first_bytes;
    let verified = assembled.verified(&order, &seed(&assembled.staging, None));
    Ok(Built {
        staged: top.map_or_else(|| PathBuf::from(INCOMING), |top| Path::new(INCOMING).join(top)),
        applied: applied((job, asked), &manifest, (received_bytes, assembled.local_bytes)),
        entries: manifest.entries.len(),
        seeded_bytes: assembled.seeded.bytes,
        resumed_bytes: assembled.resumed.bytes,
        verified,
    })
}

/// What is put in place, for the records.
fn applied(
    (job, asked): (&Job<'_>, &[Asked<'_>]),
    manifest: &Manifest,
    (received_bytes, local_bytes): (u64, u64),
) -> Applied {
    Applied {
        id: job.request.id.clone(),
        created_at: manifest.metadata.created_at,
        generation: manifest.metadata.generation,
        restored_at: clock::timestamp(),
        from: origins(job.store, asked, local_bytes),
        received_bytes,
        restored_bytes: manifest.restore_size(),
    }
}

/// Whether what is in the work area is of use to another run. Without room for the snapshot there is nothing but
/// its manifest, unless an earlier run received some of it.
fn judged(error: AssembleError, had_some: bool) -> Unbuilt {
    let no_room = matches!(error, AssembleError::Tree(UnpackError::Space { .. }));
    match error.is_refusal() || no_room && !had_some {
        true => Unbuilt::Refused(error.into()),
        false => Unbuilt::Stopped(error.into()),
    }
}

/// The manifest, with the parts that came along with it, and how many bytes that were.
fn manifest(
    job: &Job<'_>,
    restore: &Restore<'_>,
    stop: &dyn Fn() -> bool,
    sink: &dyn Sink,
) -> Result<(Manifest, Option<Held>, u64), StepFailure> {
    let id = job.request.id;
    if let Some(store) = job.store
        && store.ids()?.contains(id)
    {
        match judged_again(store, id, job.request.verifier) {
            Err(error @ (StoreError::Manifest { .. } | StoreError::Unknown { .. }))
                if !job.request.sources.is_empty() =>
            {
                let text = format!("what this node has of it is of no use, so others are asked: {error}");
                sink.emit(Event::Warning { text });
            }
            here => {
                let (signed, manifest) = here?;
                trusted::may_sign(&signed, &manifest)?;
                return Ok((manifest, None, 0));
            }
        }
    }
    let obtained = fetch::obtain(&job.request, Room::Kept(&restore.area()?), stop, sink)?;
    trusted::may_sign(&obtained.signed, &obtained.manifest)?;
    Ok((obtained.manifest, obtained.held, obtained.received_bytes))
}

/// A manifest of this node's store, with its signature judged again.
///
/// # Errors
/// When it is damaged, or signed by nobody who may sign it.
pub fn verified(
    store: &DiskStore,
    id: &SnapshotId,
    verifier: &dyn Verifier,
) -> Result<Manifest, StepFailure> {
    let (signed, manifest) = judged_again(store, id, verifier)?;
    trusted::may_sign(&signed, &manifest)?;
    Ok(manifest)
}

fn judged_again(
    store: &DiskStore,
    id: &SnapshotId,
    verifier: &dyn Verifier,
) -> Result<(SignedManifest, Manifest), StoreError> {
    let signed = store.manifest(id)?;
    let verified = signed.verify(id, verifier, &Limits::default());
    let manifest = verified.map_err(|source| StoreError::Manifest { id: id.to_string(), source })?;
    Ok((signed, manifest))
}

/// Insists that the snapshot is of the source that is wanted: two sources may have the same last name.
///
/// # Errors
/// When it is of another one.
pub fn is_of(id: &SnapshotId, metadata: &Metadata, wanted: &str) -> Result<(), StepFailure> {
    match metadata.source == wanted {
        true => Ok(()),
        false => {
            let (found, wanted) = (metadata.source.clone(), wanted.to_owned());
            Err(StepFailure::OtherSource { id: id.clone(), found, wanted })
        }
    }
}

/// Insists that the manifest says what its holders said, by which it was chosen.
///
/// # Errors
/// When it does not.
pub fn bears_out(metadata: &Metadata, told: &Holding) -> Result<(), StepFailure> {
    is_of(&told.id, metadata, &told.source)?;
    if (metadata.created_at, metadata.generation) == (told.created_at, told.generation) {
        return Ok(());
    }
    Err(StepFailure::Contradicted {
        id: told.id.clone(),
        found: metadata.created_at,
        generation: metadata.generation,
        told: told.created_at,
        told_generation: told.generation,
    })
}

/// Of which source a snapshot is that is not here.
///
/// # Errors
/// When nobody delivers its manifest.
pub fn named(root: &Root, request: &Request<'_>, stop: &dyn Fn() -> bool) -> Result<String, StepFailure> {
    let scratch = root.join(paths::RESTORES);
    files::create_directory(&scratch, Attributes { mode: 0o700, owner: None })?;
    let obtained = fetch::obtain(request, Room::Scratch(&Directory::open(&scratch)?), stop, &Silent)?;
    trusted::may_sign(&obtained.signed, &obtained.manifest)?;
    Ok(obtained.manifest.metadata.source)
}

fn policy(source: &SourceConfig, top: Option<&OsStr>) -> Policy {
    Policy {
        outside_links: source.outside_links,
        setuid: source.setuid,
        trees: top.iter().map(|top| Name::new(top.as_bytes())).collect(),
        // Under another user than root, owners cannot be given away; modes and contents hold all the same.
        owners: rustix::process::geteuid().is_root(),
        ..Policy::default()
    }
}

/// From where bytes came that were not in a tree here, for people.
fn origins(store: Option<&DiskStore>, asked: &[Asked<'_>], local_bytes: u64) -> Vec<String> {
    let nodes = asked.iter().filter(|asked| asked.sent_bytes() > 0).map(|asked| asked.name().to_owned());
    let store = store.filter(|_| local_bytes > 0).map(|store| store.path().display().to_string());
    store.into_iter().chain(nodes).collect()
}

/// The one entry that is exchanged: the snapshot of a source has all under the last name of the source's path.
/// At another place, that is a directory with all beneath it, or the whole snapshot.
fn top<'a>(manifest: &'a Manifest, source: &'a SourceConfig, elsewhere: bool) -> Option<&'a OsStr> {
    if !elsewhere {
        return Path::new(&source.path).file_name();
    }
    let mut tops = manifest.entries.iter().filter(|entry| !entry.path.as_bytes().contains(&b'/'));
    match (tops.next(), tops.next()) {
        (Some(only), None) if only.content == Content::Directory => {
            Some(OsStr::from_bytes(only.path.as_bytes()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use crate::snapshot::manifest::tests::metadata;
    use jiff::Timestamp;

    #[test]
    fn a_snapshot_of_another_source_or_another_time_than_was_told_is_refused() -> anyhow::Result<()> {
        let metadata = Metadata {
            source: "metrics".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            generation: 3,
            ..metadata()
        };
        let id = SnapshotId::parse("abcd")?;
        is_of(&id, &metadata, "metrics")?;
        let error = is_of(&id, &metadata, "logs").expect_err("it is of another one");
        tells(&error, "EOS-T228", "snapshot abcd is of the source metrics, and not of logs");
        let told = Holding {
            id,
            source: "metrics".to_owned(),
            generation: 3,
            created_at: Timestamp::UNIX_EPOCH,
            restore_bytes: 1,
            stored_bytes: 1,
        };
        bears_out(&metadata, &told)?;
        let other = Holding { source: "logs".to_owned(), ..told.clone() };
        let error = bears_out(&metadata, &other).expect_err("it is of another one");
        tells(&error, "EOS-T228", "snapshot abcd is of the source metrics, and not of logs");
        let later = Holding { created_at: Timestamp::from_second(86_400)?, ..told };
        let error = bears_out(&metadata, &later).expect_err("it was made before");
        let text = "snapshot abcd was made at 1970-01-01T00:00:00Z, generation 3, and its holders told of \
                    1970-01-02T00:00:00Z, generation 3";
        tells(&error, "EOS-T229", text);
        Ok(())
    }
}
