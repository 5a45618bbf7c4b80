//! Reads the frames that are missing over several connections to several sources at once.
//!
//! Each connection is a thread that takes runs from the queue. A frame is verified before it is written.

use super::queue::Queue;
use super::standing::{Pause, Standing};
use super::{FetchError, SourceError, Terms};
use crate::model::digest::Digest;
use crate::snapshot::manifest::Manifest;
use std::ops::{ControlFlow, Range};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// After so many bytes of a frame it is looked whether others have brought what is read; records are much smaller.
const LOOK_BYTES: u64 = 256 << 10;

/// Where verified frames go: part files on the disk, or the tree itself.
pub(in crate::snapshot) trait Landing: Sync {
    /// What one connection needs for it.
    type Worker;
    /// Why a frame cannot land; it ends everything.
    type Error: From<FetchError> + Send;

    /// For one more connection.
    fn worker(&self) -> Self::Worker;

    /// Puts a frame in its place whose bytes were verified; each frame once, until it is asked for again.
    fn land(&self, worker: &mut Self::Worker, frame: usize, bytes: &[u8]) -> Result<Landed, Self::Error>;
}

/// What came of a frame that landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::snapshot) struct Landed {
    /// Bytes that count as done now.
    pub(in crate::snapshot) bytes: u64,
    /// Files that became whole.
    pub(in crate::snapshot) files: u64,
    /// Frames that are to be brought once more.
    pub(in crate::snapshot) again: Vec<usize>,
}

/// What the workers tell the one who waits for them.
pub(super) enum News {
    /// What came of a frame that is there now, and who sent how many bytes for it.
    Frame { source: usize, received: u64, bytes: u64, files: u64 },
    /// A source failed and is asked again.
    Pause(Pause),
    /// A source is not asked any more, others are.
    Dropped(String),
}

/// What all workers share.
pub(super) struct Team<'a, L: Landing> {
    terms: Terms<'a>,
    manifest: &'a Manifest,
    landing: &'a L,
    state: Mutex<State<L::Error>>,
    changed: Condvar,
}

struct State<E> {
    queue: Queue,
    standings: Vec<Standing>,
    /// How many readers each source has.
    readers: Vec<usize>,
    /// Set when all must stop.
    over: bool,
    error: Option<Ended<E>>,
}

/// Why all ended before every frame was there.
pub(super) enum Ended<E> {
    /// No source brings the rest, or the caller gave up.
    Source(FetchError),
    /// A frame could not be put in its place.
    Landing(E),
}

/// Why a run was broken off.
enum Broken<E> {
    /// A frame has another digest than the manifest says.
    Wrong(usize),
    /// It could not be put in its place.
    Landing(E),
}

/// How far a run has come.
struct Reading {
    reader: usize,
    source: usize,
    run: Range<usize>,
    next: usize,
    pending: Vec<u8>,
    /// Bytes that came since the last frame.
    received: u64,
    /// Those of them, and of frames before, that the source's standing does not count yet.
    uncounted: u64,
    /// Whether nothing more of it was wanted.
    enough: bool,
}

/// What is left when all workers have ended.
pub(super) struct Left<E> {
    pub(super) standings: Vec<Standing>,
    /// Of each frame, whether it is there.
    pub(super) have: Vec<bool>,
    pub(super) error: Option<Ended<E>>,
}

impl<'a, L: Landing> Team<'a, L> {
    pub(super) fn new(
        terms: Terms<'a>,
        manifest: &'a Manifest,
        landing: &'a L,
        have: &[bool],
        standings: Vec<Standing>,
    ) -> Self {
        let queue = Queue::new(&manifest.frames, have, terms.readers());
        let readers = vec![0; standings.len()];
        let state = Mutex::new(State { queue, standings, readers, over: false, error: None });
        Self { terms, manifest, landing, state, changed: Condvar::new() }
    }

    /// Works until every frame is there or nobody brings the rest; `tell` hears of it, `stop` ends it early.
    pub(super) fn work(self, stop: &dyn Fn() -> bool, tell: &mut dyn FnMut(News)) -> Left<L::Error> {
        let most = self.lock().queue.runs();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let sources = self.terms.sources.len();
            for reader in 0..self.terms.readers().min(most.max(sources)) {
                let (team, sender, span) = (&self, sender.clone(), tracing::Span::current());
                self.lock().readers[reader % sources] += 1;
                // What a connection asks belongs to the trace of the one who waits for it.
                scope.spawn(move || span.in_scope(|| team.read(reader, reader % sources, &sender)));
            }
            drop(sender);
            self.listen(&receiver, stop, tell);
        });
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let interrupted = || Ended::Source(FetchError::Interrupted { name: self.terms.names() });
        let error = state.error.or_else(|| (!state.queue.is_complete()).then(interrupted));
        Left { standings: state.standings, have: state.queue.have(), error }
    }

    /// Hands on what the workers tell, until all have ended.
    fn listen(&self, receiver: &Receiver<News>, stop: &dyn Fn() -> bool, tell: &mut dyn FnMut(News)) {
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(news) => tell(news),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if stop() {
                self.lock().over = true;
                self.changed.notify_all();
            }
        }
    }

    fn read(&self, reader: usize, mut source: usize, news: &Sender<News>) {
        let mut worker = self.landing.worker();
        let mut pending = Vec::new();
        while let Some(run) = self.next_run(reader, &mut source) {
            let (mut broken, next) = (None, run.start);
            let mut reading = Reading {
                reader,
                source,
                run: run.clone(),
                next,
                pending,
                received: 0,
                uncounted: 0,
                enough: false,
            };
            let result = self.read_run(&mut reading, &mut worker, news, &mut broken);
            let (enough, uncounted) = (reading.enough, reading.uncounted);
            pending = reading.pending;
            pending.clear();
            let mut state = self.lock();
            state.standings[source].received += uncounted;
            state.queue.give_back(reader);
            match broken {
                Some(Broken::Landing(error)) => state.end(Ended::Landing(error)),
                Some(Broken::Wrong(frame)) => {
                    let part = self.manifest.parts[self.manifest.frames[frame].part as usize].digest;
                    let judged = state.standings[source].lied(part, frame);
                    self.judge(&mut state, judged.map(|()| None), news);
                }
                None if enough || run.clone().all(|frame| state.queue.has(frame)) || state.over => {}
                None => {
                    let error = result.err().unwrap_or_else(SourceError::cut);
                    let now = Instant::now();
                    let judged = state.standings[source].failed(error, &self.terms.patience, now);
                    self.judge(&mut state, judged, news);
                }
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Tells of a pause, or drops the source, and ends all when it was the last one.
    fn judge(
        &self,
        state: &mut State<L::Error>,
        judged: Result<Option<Pause>, FetchError>,
        news: &Sender<News>,
    ) {
        // Nobody listens any more once the caller has given up.
        match judged {
            Ok(Some(pause)) => drop(news.send(News::Pause(pause))),
            Ok(None) => {}
            Err(error) if state.standings.iter().all(|standing| standing.dropped) => {
                state.end(Ended::Source(error));
            }
            Err(error) => drop(news.send(News::Dropped(told(&error)))),
        }
    }

    /// Waits for work; none when there is none any more. A reader whose source is dropped goes to another, and
    /// one whose source has failed to one in reserve.
    fn next_run(&self, reader: usize, source: &mut usize) -> Option<Range<usize>> {
        let mut state = self.lock();
        loop {
            if state.over || state.queue.is_complete() {
                return None;
            }
            let now = Instant::now();
            *source = state.source_after(*source, now)?;
            let pause = state.standings[*source].pause.map(|pause| pause.saturating_duration_since(now));
            let pause = pause.filter(|left| !left.is_zero());
            if pause.is_none()
                && let Some(run) = state.queue.take(reader, now)
            {
                return Some(run);
            }
            let most = pause.unwrap_or(LOOK);
            state = self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn read_run(
        &self,
        reading: &mut Reading,
        worker: &mut L::Worker,
        news: &Sender<News>,
        broken: &mut Option<Broken<L::Error>>,
    ) -> Result<(), SourceError> {
        let frames = &self.manifest.frames[reading.run.clone()];
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return Ok(()) };
        let part = self.manifest.parts[first.part as usize].digest;
        let length = last.offset + u64::from(last.compressed) - first.offset;
        let source = self.terms.sources[reading.source];
        source.read_range(&part, first.offset, length, &mut |bytes| match self
            .take(reading, worker, bytes, news)
        {
            Ok(flow) => flow,
            Err(error) => {
                *broken = Some(error);
                ControlFlow::Break(())
            }
        })
    }

    /// Takes bytes that follow those before. No bytes ask whether more are wanted.
    fn take(
        &self,
        reading: &mut Reading,
        worker: &mut L::Worker,
        mut bytes: &[u8],
        news: &Sender<News>,
    ) -> Result<ControlFlow<()>, Broken<L::Error>> {
        let came = bytes.len() as u64;
        reading.received += came;
        reading.uncounted += came;
        if let Some(limiter) = self.terms.limiter {
            limiter.take(came, &|| self.lock().over);
        }
        while reading.next < reading.run.end {
            let frame = &self.manifest.frames[reading.next];
            let length = frame.compressed as usize;
            // A frame that came in one piece is not copied.
            if reading.pending.is_empty() && bytes.len() >= length {
                let (whole, later) = bytes.split_at(length);
                bytes = later;
                self.whole(reading, worker, whole, news)?;
                continue;
            }
            if reading.pending.is_empty() {
                reading.pending.reserve_exact(length);
            }
            let want = length - reading.pending.len();
            let (now, later) = bytes.split_at(want.min(bytes.len()));
            reading.pending.extend_from_slice(now);
            bytes = later;
            if now.len() < want {
                if came > 0 && reading.uncounted < LOOK_BYTES {
                    return Ok(ControlFlow::Continue(()));
                }
                let flow = self.wanted(reading);
                reading.enough = flow.is_break();
                return Ok(flow);
            }
            let pending = std::mem::take(&mut reading.pending);
            let landed = self.whole(reading, worker, &pending, news);
            reading.pending = pending;
            reading.pending.clear();
            landed?;
        }
        reading.enough = true;
        Ok(ControlFlow::Break(()))
    }

    /// All bytes of the next frame are there.
    fn whole(
        &self,
        reading: &mut Reading,
        worker: &mut L::Worker,
        bytes: &[u8],
        news: &Sender<News>,
    ) -> Result<(), Broken<L::Error>> {
        let frame = reading.next;
        if Digest::of(bytes) != self.manifest.frames[frame].digest {
            return Err(Broken::Wrong(frame));
        }
        let claimed = {
            let mut state = self.lock();
            state.standings[reading.source].delivered();
            state.queue.claim(reading.reader, frame, Instant::now())
        };
        let mut landed = Landed::default();
        if claimed {
            landed = self.landing.land(worker, frame, bytes).map_err(Broken::Landing)?;
            let mut state = self.lock();
            state.queue.arrived(frame);
            state.queue.again(&landed.again);
        }
        reading.next += 1;
        let (source, received) = (reading.source, std::mem::take(&mut reading.received));
        // Nobody listens any more once the caller has given up.
        drop(news.send(News::Frame { source, received, bytes: landed.bytes, files: landed.files }));
        Ok(())
    }

    /// Whether anything of the rest of a run is still to be read.
    fn wanted(&self, reading: &mut Reading) -> ControlFlow<()> {
        let mut state = self.lock();
        state.standings[reading.source].received += std::mem::take(&mut reading.uncounted);
        match state.over || (reading.next..reading.run.end).all(|frame| state.queue.has(frame)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// A worker that panicked leaves what it had counted; the panic itself ends the others' scope.
    fn lock(&self) -> MutexGuard<'_, State<L::Error>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> State<E> {
    /// From where a reader of this source reads next; none when nobody is left.
    fn source_after(&mut self, source: usize, now: Instant) -> Option<usize> {
        let standing = &self.standings[source];
        if !standing.dropped && !standing.is_paused(now) {
            return Some(source);
        }
        let stays = (!standing.dropped).then_some(source);
        let paused = |other: &usize| self.standings[*other].is_paused(now);
        let fits = |other: &usize| !self.standings[*other].dropped;
        let spare = |other: &usize| stays.is_none() || self.readers[*other] == 0 && !paused(other);
        let others = (0..self.standings.len()).filter(fits).filter(spare);
        let next = others.min_by_key(|other| (paused(other), self.readers[*other])).or(stays)?;
        self.readers[source] -= 1;
        self.readers[next] += 1;
        Some(next)
    }

    fn end(&mut self, error: Ended<E>) {
        self.over = true;
        self.error.get_or_insert(error);
    }
}

/// The error with its causes, for a warning.
pub(super) fn told(error: &FetchError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    format!("{error}{causes}; other sources deliver the rest")
}
