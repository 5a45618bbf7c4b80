//! For tests: a process that dies at the n-th change which it makes through directory handles.

use rustix::io::Errno;
use std::cell::Cell;

/// What becomes of the changes of this thread.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// So many are made, then it dies.
    Dies(usize),
    /// It has died: nothing is changed any more.
    Dead,
    /// So many are made, then one fails, then all others are made.
    Fails(usize),
    /// One has failed.
    Failed,
}

thread_local! {
    static FATE: Cell<Option<Fate>> = const { Cell::new(None) };
}

/// Runs `work` in a world where this thread makes so many changes; all later ones fail, as if it were
/// dead. Says whether it came that far.
pub(crate) fn after<T>(changes: usize, work: impl FnOnce() -> T) -> (T, bool) {
    FATE.set(Some(Fate::Dies(changes)));
    let result = work();
    (result, matches!(FATE.take(), Some(Fate::Dead)))
}

/// Runs `work` in a world where the one change after so many fails, and those after it do not. Says whether
/// it came that far.
pub(crate) fn failing<T>(changes: usize, work: impl FnOnce() -> T) -> (T, bool) {
    FATE.set(Some(Fate::Fails(changes)));
    let result = work();
    (result, matches!(FATE.take(), Some(Fate::Failed)))
}

/// Whether this thread has died, so that it does nothing any more.
pub(crate) fn is_dead() -> bool {
    matches!(FATE.get(), Some(Fate::Dead))
}

/// Before each change.
pub(in crate::host) fn here() -> Result<(), Errno> {
    let (next, refused) = match FATE.get() {
        None => return Ok(()),
        Some(Fate::Dies(0) | Fate::Dead) => (Fate::Dead, true),
        Some(Fate::Dies(left)) => (Fate::Dies(left - 1), false),
        Some(Fate::Fails(0)) => (Fate::Failed, true),
        Some(Fate::Fails(left)) => (Fate::Fails(left - 1), false),
        Some(Fate::Failed) => (Fate::Failed, false),
    };
    FATE.set(Some(next));
    if refused { Err(Errno::IO) } else { Ok(()) }
}
