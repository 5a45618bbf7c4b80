//! Reads the frames that are missing over several connections to several sources at once.
//!
//! Each connection is a thread that takes runs from the queue. A frame is verified before it is written.

use super::part::Downloads;
use super::queue::Queue;
use super::standing::{Pause, Standing};
use super::{FetchError, Request, SourceError};
use crate::host::directory::DirectoryError;
use crate::model::digest::Digest;
use crate::snapshot::manifest::Manifest;
use std::ops::{ControlFlow, Range};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// What the workers tell the one who waits for them.
pub(super) enum News {
    /// Bytes of a frame that is there now.
    Frame(u64),
    /// A source failed and is asked again.
    Pause(Pause),
    /// A source is not asked any more, others are.
    Dropped(String),
}

/// What all workers share.
pub(super) struct Team<'a> {
    request: &'a Request<'a>,
    manifest: &'a Manifest,
    downloads: &'a Downloads<'a>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    queue: Queue,
    standings: Vec<Standing>,
    /// Set when all must stop.
    over: bool,
    error: Option<FetchError>,
}

/// Why a run was broken off.
enum Broken {
    /// A frame has another digest than the manifest says.
    Wrong(usize),
    /// The disk refused.
    Disk(DirectoryError),
}

impl<'a> Team<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        manifest: &'a Manifest,
        downloads: &'a Downloads<'a>,
        queue: Queue,
        standings: Vec<Standing>,
    ) -> Self {
        let state = Mutex::new(State { queue, standings, over: false, error: None });
        Self { request, manifest, downloads, state, changed: Condvar::new() }
    }

    /// Works until every frame is there; `tell` hears of it, `stop` ends it early.
    pub(super) fn work(
        self,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(News),
    ) -> Result<Vec<Standing>, FetchError> {
        let most = self.lock().queue.runs();
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let sources = self.request.sources.len();
            for reader in 0..(sources * self.request.connections.max(1)).min(most.max(sources)) {
                let (team, sender, span) = (&self, sender.clone(), tracing::Span::current());
                // What a connection asks belongs to the trace of the one who waits for it.
                scope.spawn(move || span.in_scope(|| team.read(reader, reader % sources, &sender)));
            }
            drop(sender);
            self.listen(&receiver, stop, tell);
        });
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.error {
            Some(error) => Err(error),
            None if state.queue.is_complete() => Ok(state.standings),
            None => {
                let names: Vec<&str> = self.request.sources.iter().map(|source| source.name()).collect();
                Err(FetchError::Interrupted { name: names.join(", ") })
            }
        }
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

    fn read(&self, reader: usize, source: usize, news: &Sender<News>) {
        while let Some(run) = self.next_run(reader, source) {
            let mut broken = None;
            let result = self.read_run(source, run.clone(), news, &mut broken);
            let mut state = self.lock();
            state.queue.give_back(reader);
            match broken {
                Some(Broken::Disk(error)) => state.end(error.into()),
                Some(Broken::Wrong(frame)) => {
                    let part = self.manifest.parts[self.manifest.frames[frame].part as usize].digest;
                    let judged = state.standings[source].lied(part, frame);
                    self.judge(&mut state, judged.map(|()| None), news);
                }
                None if run.clone().all(|frame| state.queue.has(frame)) || state.over => {}
                None => {
                    let error = result.err().unwrap_or_else(SourceError::cut);
                    let now = Instant::now();
                    let judged = state.standings[source].failed(error, &self.request.patience, now);
                    self.judge(&mut state, judged, news);
                }
            }
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Tells of a pause, or drops the source, and ends all when it was the last one.
    fn judge(&self, state: &mut State, judged: Result<Option<Pause>, FetchError>, news: &Sender<News>) {
        // Nobody listens any more once the caller has given up.
        match judged {
            Ok(Some(pause)) => drop(news.send(News::Pause(pause))),
            Ok(None) => {}
            Err(error) if state.standings.iter().all(|standing| standing.dropped) => state.end(error),
            Err(error) => drop(news.send(News::Dropped(told(&error)))),
        }
    }

    /// Waits for work; none when there is none any more for this source.
    fn next_run(&self, reader: usize, source: usize) -> Option<Range<usize>> {
        let mut state = self.lock();
        loop {
            let standing = &state.standings[source];
            if state.over || state.queue.is_complete() || standing.dropped {
                return None;
            }
            let now = Instant::now();
            let pause = standing.pause.map(|pause| pause.saturating_duration_since(now));
            let pause = pause.filter(|left| !left.is_zero());
            if pause.is_none()
                && let Some(run) = state.queue.take(reader)
            {
                return Some(run);
            }
            let most = pause.unwrap_or(LOOK);
            state = self.changed.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn read_run(
        &self,
        source: usize,
        run: Range<usize>,
        news: &Sender<News>,
        broken: &mut Option<Broken>,
    ) -> Result<(), SourceError> {
        let frames = &self.manifest.frames[run.clone()];
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else { return Ok(()) };
        let part = self.manifest.parts[first.part as usize].digest;
        let length = last.offset + u64::from(last.compressed) - first.offset;
        let (mut next, mut pending) = (run.start, Vec::new());
        self.request.sources[source].read_range(&part, first.offset, length, &mut |bytes| match self.take(
            source,
            run.clone(),
            &mut next,
            &mut pending,
            bytes,
            news,
        ) {
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
        source: usize,
        run: Range<usize>,
        next: &mut usize,
        pending: &mut Vec<u8>,
        mut bytes: &[u8],
        news: &Sender<News>,
    ) -> Result<ControlFlow<()>, Broken> {
        self.lock().standings[source].received += bytes.len() as u64;
        while *next < run.end {
            let frame = &self.manifest.frames[*next];
            let want = frame.compressed as usize - pending.len();
            let (now, later) = bytes.split_at(want.min(bytes.len()));
            pending.extend_from_slice(now);
            bytes = later;
            if now.len() < want {
                return Ok(self.wanted(*next..run.end));
            }
            if Digest::of(pending) != frame.digest {
                return Err(Broken::Wrong(*next));
            }
            self.downloads.write(frame, pending).map_err(Broken::Disk)?;
            pending.clear();
            let mut state = self.lock();
            state.standings[source].delivered();
            if state.queue.arrived(*next) {
                drop(news.send(News::Frame(u64::from(frame.compressed))));
            }
            *next += 1;
        }
        Ok(ControlFlow::Break(()))
    }

    /// Whether anything of these frames is still to be read.
    fn wanted(&self, frames: Range<usize>) -> ControlFlow<()> {
        let state = self.lock();
        match state.over || frames.into_iter().all(|frame| state.queue.has(frame)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// A worker that panicked leaves what it had counted; the panic itself ends the others' scope.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, error: FetchError) {
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
