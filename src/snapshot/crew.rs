//! Threads that share a list of jobs, while the caller listens and may stop them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most threads: beyond that the disk is the limit.
const THREADS: usize = 4;

/// How often it is looked whether the caller gave up.
const LOOK: Duration = Duration::from_millis(50);

/// Does the jobs `0..jobs` in ascending order, each once; says whether all were done, and not stopped.
///
/// Each thread has a worker of its own. What the jobs return is told as it comes, in no order.
///
/// # Errors
/// That of the lowest job that failed; those after it may not have been begun.
pub(in crate::snapshot) fn side_by_side<W, T: Send, E: Send>(
    jobs: usize,
    worker: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, usize) -> Result<T, E> + Sync,
    stop: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(T),
) -> Result<bool, E> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(jobs);
    let shared = Shared { next: AtomicUsize::new(0), over: AtomicBool::new(false), failed: Mutex::new(None) };
    if threads <= 1 {
        let mut worker = worker();
        for job in 0..jobs {
            if stop() {
                return Ok(false);
            }
            tell(work(&mut worker, job)?);
        }
        return Ok(true);
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (shared, worker, work, sender) = (&shared, &worker, &work, sender.clone());
            scope.spawn(move || shared.run(jobs, worker(), work, &sender));
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(done) => tell(done),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if stop() {
                shared.over.store(true, Ordering::Relaxed);
            }
        }
    });
    match shared.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some((_, error)) => Err(error),
        None => Ok(!shared.over.into_inner()),
    }
}

struct Shared<E> {
    next: AtomicUsize,
    over: AtomicBool,
    /// The lowest job that failed, and why.
    failed: Mutex<Option<(usize, E)>>,
}

impl<E> Shared<E> {
    fn run<W, T>(
        &self,
        jobs: usize,
        mut worker: W,
        work: impl Fn(&mut W, usize) -> Result<T, E>,
        tell: &Sender<T>,
    ) {
        while !self.over.load(Ordering::Relaxed) {
            let job = self.next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                return;
            }
            match work(&mut worker, job) {
                // The listener outlives the threads.
                Ok(done) => drop(tell.send(done)),
                Err(error) => {
                    self.over.store(true, Ordering::Relaxed);
                    let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    if failed.as_ref().is_none_or(|(lowest, _)| job < *lowest) {
                        *failed = Some((job, error));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once_and_told() {
        for jobs in [0, 1, 2, 500] {
            let mut told = Vec::new();
            let done =
                side_by_side(jobs, || (), |(), job| Ok::<_, ()>(job), &|| false, &mut |job| told.push(job));
            told.sort_unstable();
            assert_eq!((done, told), (Ok(true), (0..jobs).collect()));
        }
    }

    #[test]
    fn the_lowest_failure_is_told_and_ends_it() {
        for _ in 0..50 {
            let fail = |(): &mut (), job: usize| if job >= 7 { Err(job) } else { Ok(()) };
            assert_eq!(side_by_side(1000, || (), fail, &|| false, &mut drop), Err(7));
        }
    }

    #[test]
    fn who_gives_up_stops_it() {
        let endless = |(): &mut (), _: usize| Ok::<_, ()>(());
        assert_eq!(side_by_side(usize::MAX, || (), endless, &|| true, &mut drop), Ok(false));
    }
}
