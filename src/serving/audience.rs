//! Which roles may have which sources, as configurations say that may change while a daemon runs.

use crate::model::explain::Failure;
use crate::model::role::Role;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long what was read is used.
const KEPT: Duration = Duration::from_secs(2);

/// For each source of a configuration the roles that may have it; everybody if none is named.
pub type Roles = BTreeMap<String, BTreeSet<Role>>;

/// Why it is not known who may have a source.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct NoRoles(pub Failure);

/// What the configurations at hand say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// The node's own.
    pub own: Roles,
    /// The cluster's, as it was when the node joined.
    pub pulled: Roles,
}

impl Audience {
    /// The roles that may have the source; everybody if there is none. What the master says of a source takes the
    /// place of what was pulled; the node's own configuration may only narrow it. A source that the master does not
    /// name stays as it was.
    pub fn of(&self, source: &str, master: Option<&Roles>) -> Option<BTreeSet<Role>> {
        let named = |roles: &Roles| roles.get(source).filter(|roles| !roles.is_empty()).cloned();
        let own = named(&self.own);
        match master.and_then(|master| master.get(source)) {
            Some(everybody) if everybody.is_empty() => own,
            Some(now) => Some(own.map_or_else(|| now.clone(), |own| &own & now)),
            None => own.or_else(|| named(&self.pulled)),
        }
    }
}

/// How something is read.
type Reading<T> = Box<dyn Fn() -> Result<T, Failure> + Send + Sync>;

/// What is read again and again. While it cannot be read, what was read before holds.
pub struct Reread<T> {
    read: Reading<T>,
    known: Mutex<Option<(Option<Instant>, Arc<T>)>>,
}

impl<T> Reread<T> {
    /// Read in this way, for the first time when it is asked for.
    pub fn new(read: impl Fn() -> Result<T, Failure> + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), known: Mutex::default() }
    }

    /// The same, of which this was read before.
    #[must_use]
    pub fn knowing(self, known: T) -> Self {
        Self { known: Mutex::new(Some((None, Arc::new(known)))), ..self }
    }

    /// What it says.
    ///
    /// # Errors
    /// When it could not be read even once.
    pub fn get(&self) -> Result<Arc<T>, NoRoles> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((Some(since), read)) = known.as_ref()
            && since.elapsed() < KEPT
        {
            return Ok(read.clone());
        }
        let read = match ((self.read)(), known.take()) {
            (Ok(read), _) => Arc::new(read),
            (Err(failure), Some((_, before))) => {
                let Failure { code, message, .. } = failure;
                tracing::warn!(code, message, "the roles of sources are not read again");
                before
            }
            (Err(failure), None) => return Err(NoRoles(failure)),
        };
        *known = Some((Some(Instant::now()), read.clone()));
        Ok(read)
    }

    /// Has it read again before the next answer.
    pub fn again(&self) {
        if let Some((since, _)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::ServingError;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn roles(told: &[(&str, &[Role])]) -> Roles {
        told.iter().map(|(source, roles)| ((*source).to_owned(), roles.iter().copied().collect())).collect()
    }

    #[test]
    fn what_the_master_says_now_takes_the_place_of_what_was_pulled_and_what_it_does_not_name_stays() {
        let pulled = roles(&[("metrics", &[Role::Core]), ("logs", &[Role::Data]), ("open", &[])]);
        let audience = Audience { own: Roles::new(), pulled };
        let of = |source: &str, master: Option<&Roles>| audience.of(source, master);
        let set = |roles: &[Role]| Some(roles.iter().copied().collect::<BTreeSet<_>>());
        assert_eq!(of("metrics", None), set(&[Role::Core]));
        assert_eq!((of("open", None), of("unknown", None)), (None, None));
        let now = roles(&[("metrics", &[Role::Edge]), ("open", &[Role::Data])]);
        assert_eq!(of("metrics", Some(&now)), set(&[Role::Edge]));
        assert_eq!(of("open", Some(&now)), set(&[Role::Data]));
        assert_eq!(of("logs", Some(&now)), set(&[Role::Data]), "it is not opened by being forgotten");
        assert_eq!(of("logs", Some(&roles(&[("logs", &[])]))), None, "it is for everybody now");
    }

    #[test]
    fn a_nodes_own_configuration_only_narrows_what_the_master_says() {
        let own = roles(&[("metrics", &[Role::Core, Role::Edge])]);
        let audience = Audience { own, pulled: roles(&[("metrics", &[Role::Data])]) };
        let of = |master: Option<&[Role]>| {
            let master = master.map(|master| roles(&[("metrics", master)]));
            audience.of("metrics", master.as_ref()).map(|roles| roles.into_iter().collect::<Vec<_>>())
        };
        let both = vec![Role::Edge, Role::Core];
        assert_eq!(of(None), Some(both.clone()), "without a master's word it goes before what was pulled");
        assert_eq!(of(Some(&[])), Some(both));
        assert_eq!(of(Some(&[Role::Core, Role::Data])), Some(vec![Role::Core]));
        assert_eq!(of(Some(&[Role::Data])), Some(Vec::new()), "nobody may have it");
    }

    #[test]
    fn what_was_read_holds_while_it_cannot_be_read_again() {
        let failure = || Failure::of(&ServingError::Full { most: 1 });
        let readings = AtomicUsize::new(0);
        let reread = Reread::new(move || match readings.fetch_add(1, Ordering::Relaxed) {
            0 | 2 => Err(failure()),
            number => Ok(number),
        });
        let told = |reread: &Reread<usize>| reread.get().map(|read| *read).map_err(|error| error.0.code);
        assert_eq!(told(&reread), Err(failure().code), "it was never read");
        assert_eq!(told(&reread), Ok(1));
        assert_eq!(told(&reread), Ok(1), "it is not read each time");
        reread.again();
        assert_eq!(told(&reread), Ok(1), "it cannot be read");
        reread.again();
        assert_eq!(told(&reread), Ok(3));
        let reread = Reread::new(move || Err(failure())).knowing(7);
        assert_eq!(told(&reread), Ok(7));
    }
}
