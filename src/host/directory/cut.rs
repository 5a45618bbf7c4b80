//! For tests: a process that dies at the n-th change which it makes through directory handles.

use rustix::io::Errno;
use std::cell::Cell;

thread_local! {
    static LEFT: Cell<Option<(usize, bool)>> = const { Cell::new(None) };
}

/// Runs `work` in a world where this thread makes so many changes; all later ones fail, as if it were
/// dead. Says whether it came that far.
pub(crate) fn after<T>(changes: usize, work: impl FnOnce() -> T) -> (T, bool) {
    LEFT.set(Some((changes, false)));
    let result = work();
    let died = LEFT.take().is_some_and(|(_, died)| died);
    (result, died)
}

/// Before each change.
pub(super) fn here() -> Result<(), Errno> {
    match LEFT.get() {
        None => Ok(()),
        Some((0, _)) => {
            LEFT.set(Some((0, true)));
            Err(Errno::IO)
        }
        Some((left, died)) => {
            LEFT.set(Some((left - 1, died)));
            Ok(())
        }
    }
}
