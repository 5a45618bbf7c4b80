//! Snapshots: a signed manifest and content-addressed parts, captured, stored, fetched, unpacked, restored.
//!
//! Reading order: `manifest` and `layout` fix the format, `pack` and `capture` produce it, `store` keeps it,
//! `create` takes a configured source with its hooks, `fetch` moves it, `unpack` and `assemble` build its tree,
//! `restore` puts that in place, with hooks and a way back. `retention` says what to drop.

pub mod area;
pub mod assemble;
pub mod capture;
mod compress;
pub mod create;
mod crew;
mod database;
pub mod fetch;
pub mod frame;
pub mod layout;
pub mod manifest;
mod meter;
pub mod pack;
pub mod restore;
pub mod retention;
mod row;
#[cfg(test)]
pub(crate) mod seeds;
pub mod store;
pub mod tarball;
pub mod unpack;

/// One value of every error of this module, for the checks of codes and texts.
#[cfg(test)]
pub(crate) fn samples() -> Vec<Box<dyn crate::model::explain::Explain>> {
    fn boxed<E: crate::model::explain::Explain>(
        errors: Vec<E>,
    ) -> Vec<Box<dyn crate::model::explain::Explain>> {
        errors.into_iter().map(|error| Box::new(error) as _).collect()
    }
    [
        boxed(manifest::samples()),
        boxed(store::samples()),
        boxed(capture::samples()),
        boxed(create::samples()),
        boxed(fetch::samples()),
        boxed(unpack::samples()),
        boxed(assemble::samples()),
        boxed(tarball::samples()),
        boxed(restore::samples()),
        boxed(area::samples()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_error_has_a_code_of_its_own() {
        let errors = super::samples();
        let codes: std::collections::BTreeSet<_> = errors.iter().map(|error| error.code()).collect();
        assert_eq!(codes.len(), errors.len());
        assert!(codes.iter().all(|code| code.0.starts_with('T')));
    }
}
