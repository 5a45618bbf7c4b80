//! The kinds of requisites: how each is written, and what it asks of the state that it names.

/// A kind of requisite, in the order of its weight in the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Runs when one of them failed.
    OnFail,
    /// The same.
    OnFailAny,
    /// Runs when all of them failed.
    OnFailAll,
    /// Runs when none of them failed.
    Require,
    /// Runs when one of them did not fail.
    RequireAny,
    /// Runs when one of them changed something.
    OnChanges,
    /// The same.
    OnChangesAny,
    /// As `require`, and reacts to their changes.
    Watch,
    /// As `require_any`, and reacts to their changes.
    WatchAny,
    /// Runs before them, and only when they would change something.
    Prereq,
}

/// The names of all kinds, in the order in which Salt reads them.
const NAMES: [(&str, Kind); 10] = [
    ("require", Kind::Require),
    ("require_any", Kind::RequireAny),
    ("watch", Kind::Watch),
    ("watch_any", Kind::WatchAny),
    ("prereq", Kind::Prereq),
    ("onfail", Kind::OnFail),
    ("onfail_any", Kind::OnFailAny),
    ("onfail_all", Kind::OnFailAll),
    ("onchanges", Kind::OnChanges),
    ("onchanges_any", Kind::OnChangesAny),
];

/// The names of those that a state may declare for another one.
const REVERSED: [(&str, Kind); 5] = [
    ("require_in", Kind::Require),
    ("watch_in", Kind::Watch),
    ("prereq_in", Kind::Prereq),
    ("onfail_in", Kind::OnFail),
    ("onchanges_in", Kind::OnChanges),
];

/// Modules whose states react to the changes that they watch; with others a watch is a require, as in Salt.
const REACTING: [&str; 5] = ["cmd", "mount", "pkg", "service", "test"];

/// A requisite as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Of the state itself.
    Own(Kind),
    /// `_in`: of the state that it names.
    Reversed(Kind),
    /// `listen`: reacts when all is done.
    Listen,
    /// `listen_in`.
    ListenIn,
}

impl Kind {
    /// All kinds in the order in which Salt reads them.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.into_iter().map(|(_, kind)| kind)
    }

    /// Its name in state files.
    pub fn name(self) -> &'static str {
        NAMES.into_iter().find(|(_, kind)| *kind == self).map_or("require", |(name, _)| name)
    }

    /// What it is for a state of this module.
    pub fn reconciled(self, module: &str) -> Self {
        match self {
            Self::Watch if !reacts(module) => Self::Require,
            Self::WatchAny if !reacts(module) => Self::RequireAny,
            other => other,
        }
    }
}

/// Whether states of this module react to changes.
pub fn reacts(module: &str) -> bool {
    REACTING.contains(&module)
}

/// Which requisite an argument is, if it is one.
pub fn written(argument: &str) -> Option<Written> {
    let among =
        |names: &[(&str, Kind)]| names.iter().find(|(name, _)| *name == argument).map(|(_, kind)| *kind);
    match argument {
        "listen" => Some(Written::Listen),
        "listen_in" => Some(Written::ListenIn),
        _ => among(&NAMES).map(Written::Own).or_else(|| among(&REVERSED).map(Written::Reversed)),
    }
}

/// The literal name of a requisite; an error may show it, because it is none of the file's.
pub fn literal(argument: &str) -> &'static str {
    let names = NAMES.iter().chain(&REVERSED).map(|(name, _)| *name).chain(["listen", "listen_in"]);
    names.into_iter().find(|name| *name == argument).unwrap_or("require")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_requisite_is_read_as_it_is_written() {
        for kind in Kind::all() {
            assert_eq!(written(kind.name()), Some(Written::Own(kind)));
        }
        assert_eq!(written("prereq_in"), Some(Written::Reversed(Kind::Prereq)));
        assert_eq!(written("listen_in"), Some(Written::ListenIn));
        assert_eq!(written("mode"), None);
        assert_eq!((literal("onfail_in"), literal("nope")), ("onfail_in", "require"));
    }

    #[test]
    fn a_watch_of_a_module_that_does_not_react_is_a_require() {
        assert_eq!(Kind::Watch.reconciled("file"), Kind::Require);
        assert_eq!(Kind::WatchAny.reconciled("user"), Kind::RequireAny);
        assert_eq!(Kind::Watch.reconciled("service"), Kind::Watch);
        assert_eq!(Kind::OnFail.reconciled("file"), Kind::OnFail);
    }
}
