//! Threads that work on jobs side by side and hand back the results in the order of the jobs.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// The most threads: beyond that the disk is the limit.
const THREADS: usize = 4;

/// Jobs that each thread has before it.
const AHEAD: usize = 2;

/// What one thread does with each job.
pub(super) type Work<J, R> = Box<dyn FnMut(J) -> R + Send>;

/// The threads; the first one has the oldest job. They end when this is dropped.
pub(super) struct Row<J, R> {
    workers: VecDeque<Worker<J, R>>,
    waiting: usize,
}

struct Worker<J, R> {
    jobs: SyncSender<J>,
    results: Receiver<R>,
}

impl<J: Send + 'static, R: Send + 'static> Row<J, R> {
    /// Starts the threads, each with work of its own.
    pub(super) fn start(mut work: impl FnMut() -> io::Result<Work<J, R>>) -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
        let mut workers = VecDeque::new();
        for _ in 0..threads {
            let mut work = work()?;
            let (jobs, taken) = sync_channel::<J>(AHEAD);
            let (sender, results) = sync_channel(AHEAD);
            thread::Builder::new().name("snapshot".to_owned()).spawn(move || {
                for job in taken {
                    if sender.send(work(job)).is_err() {
                        return;
                    }
                }
            })?;
            workers.push_back(Worker { jobs, results });
        }
        Ok(Self { workers, waiting: 0 })
    }

    /// Whether a result must be taken before the next job.
    pub(super) fn is_full(&self) -> bool {
        self.waiting == self.workers.len() * AHEAD
    }

    /// Takes a job; only while it is not full.
    pub(super) fn push(&mut self, job: J) -> io::Result<()> {
        // Jobs go to the threads in turn, so that results come back in turn.
        let index = self.waiting % self.workers.len();
        self.workers[index].jobs.send(job).map_err(|_| ended())?;
        self.waiting += 1;
        Ok(())
    }

    /// The result of the oldest job; none when there is no job.
    pub(super) fn pop(&mut self) -> io::Result<Option<R>> {
        if self.waiting == 0 {
            return Ok(None);
        }
        let result = self.workers[0].results.recv().map_err(|_| ended())?;
        self.workers.rotate_left(1);
        self.waiting -= 1;
        Ok(Some(result))
    }
}

fn ended() -> io::Error {
    io::Error::other("a thread that worked on the snapshot has ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back_in_the_order_of_the_jobs_and_none_is_lost() {
        let mut row = Row::start(|| {
            Ok(Box::new(|job: u32| {
                // Large and small ones in turn, so that they would overtake each other.
                let rounds = if job.is_multiple_of(3) { 200_000 } else { 1 };
                (0..rounds).fold(u64::from(job), |sum, round| sum.wrapping_mul(31).wrapping_add(round) | 1);
                job
            }) as Work<u32, u32>)
        })
        .expect("threads");
        let mut results = Vec::new();
        for job in 0..100 {
            if row.is_full() {
                results.extend(row.pop().expect("it works"));
            }
            row.push(job).expect("there is room");
        }
        while let Some(result) = row.pop().expect("it works") {
            results.push(result);
        }
        assert_eq!(results, (0..100).collect::<Vec<u32>>());
    }

    #[test]
    fn a_thread_that_panics_is_told() {
        let mut row =
            Row::start(|| Ok(Box::new(|job: u32| assert_eq!(job, 7, "on purpose")) as Work<u32, ()>))
                .expect("threads");
        row.push(8).expect("there is room");
        let error = row.pop().expect_err("it panicked");
        assert_eq!(error.to_string(), "a thread that worked on the snapshot has ended");
    }
}
