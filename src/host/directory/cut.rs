//! For tests: a process that dies at the n-th change which it makes through directory handles, what others do just
//! before that change, and what changes and syncs it makes in which order.

use rustix::io::Errno;
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

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

/// What others do after so many changes.
type Others = (usize, Box<dyn FnOnce()>);

thread_local! {
    static FATE: Cell<Option<Fate>> = const { Cell::new(None) };
    static MEANWHILE: RefCell<Option<Others>> = const { RefCell::new(None) };
    static LACKS: Cell<bool> = const { Cell::new(false) };
    static TRACE: RefCell<Option<Vec<(&'static str, PathBuf)>>> = const { RefCell::new(None) };
}

/// Writes like `write` in a world that may end in its middle: then half of the bytes are there.
pub(in crate::host) fn torn(
    bytes: &[u8],
    write: impl FnOnce(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    // Who is dead already writes nothing.
    let half = if is_dead() { &[][..] } else { &bytes[..bytes.len() / 2] };
    match here() {
        Ok(()) => write(bytes),
        Err(errno) => write(half).and(Err(errno.into())),
    }
}

/// Runs `work` and tells the changes and syncs that this thread made meanwhile, in their order.
pub(crate) fn traced<T>(work: impl FnOnce() -> T) -> (T, Vec<(&'static str, PathBuf)>) {
    TRACE.set(Some(Vec::new()));
    let result = work();
    (result, TRACE.take().unwrap_or_default())
}

/// Such a trace in lines, with paths below `top` and digests as `ID`; what is only made or removed is left out.
pub(crate) fn told(trace: &[(&'static str, PathBuf)], top: &Path) -> Vec<String> {
    let is_digest = |text: &str| text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |path: &Path| {
        let relative = path.strip_prefix(top).unwrap_or(path).display().to_string();
        let parts = relative.split_inclusive(['/', '.']).map(|part| {
            let end = part.len() - part.trim_end_matches(['/', '.']).len();
            let (name, end) = part.split_at(part.len() - end);
            format!("{}{end}", if is_digest(name) { "ID" } else { name })
        });
        parts.collect::<String>()
    };
    let mut lines = Vec::new();
    let mut steps = trace.iter();
    while let Some((action, path)) = steps.next() {
        match *action {
            "create" | "remove" => {}
            "rename" | "exchange" => {
                let to = steps.next().map(|(_, to)| short(to)).unwrap_or_default();
                lines.push(format!("{action} {} -> {to}", short(path)));
            }
            _ => lines.push(format!("{action} {}", short(path))),
        }
    }
    lines
}

/// Notes a change or a sync that is about to be made.
pub(super) fn note(action: &'static str, path: &Path) {
    TRACE.with_borrow_mut(|trace| {
        if let Some(trace) = trace {
            trace.push((action, path.to_owned()));
        }
    });
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

/// Runs `work`, and `others` just before the change after so many. Says whether it came that far.
pub(crate) fn meanwhile<T>(
    changes: usize,
    others: impl FnOnce() + 'static,
    work: impl FnOnce() -> T,
) -> (T, bool) {
    MEANWHILE.set(Some((changes, Box::new(others))));
    let result = work();
    (result, MEANWHILE.take().is_none())
}

/// Runs `work` in a world whose file systems cannot exchange two names.
pub(crate) fn without_exchange<T>(work: impl FnOnce() -> T) -> T {
    LACKS.set(true);
    let result = work();
    LACKS.set(false);
    result
}

/// Before an exchange.
pub(in crate::host) fn exchange() -> Result<(), Errno> {
    if LACKS.get() { Err(Errno::INVAL) } else { Ok(()) }
}

/// Whether this thread has died, so that it does nothing any more.
pub(crate) fn is_dead() -> bool {
    matches!(FATE.get(), Some(Fate::Dead))
}

/// Before each change, also those that a library makes by itself.
pub(crate) fn here() -> Result<(), Errno> {
    match MEANWHILE.take() {
        Some((0, others)) => others(),
        Some((left, others)) => MEANWHILE.set(Some((left - 1, others))),
        None => {}
    }
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
