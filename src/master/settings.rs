//! Settings of the configuration that members get: a change of them begins a generation.
//!
//! What the newest generation brought is in the registry, written in the same transaction as the generation: a
//! master that dies in between begins it when it starts again, and one that starts unchanged begins none.

use crate::master::app::App;
use crate::master::error::MasterError;
use crate::registry::Change;

/// Compares the configuration with what the members got last; called when the master starts, which is when it reads
/// its configuration.
///
/// # Errors
/// When the registry or the audit log cannot be written; then nothing has changed.
pub fn settle(app: &App) -> Result<(), MasterError> {
    let digest = app.config.storage.digest();
    let mut cluster = app.cluster();
    if cluster.settings.as_ref() == Some(&digest.to_string()) {
        return Ok(());
    }
    let mut changes = vec![Change::Settings(digest)];
    // In a registry of before it was remembered nothing tells whether it is another: the next generation brings it.
    if cluster.settings.is_some() {
        let next = cluster.generation + 1;
        app.audit("master", "settings", &next.to_string(), "storage: of the configuration is another")?;
        tracing::info!(generation = next, "the storage settings of the configuration changed");
        changes.push(Change::Generation(next));
    }
    cluster.commit(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::fixture::MasterHost;
    use crate::model::digest::Digest;

    #[test]
    fn only_settings_that_members_did_not_get_yet_begin_a_generation() -> anyhow::Result<()> {
        let host = MasterHost::new()?;
        let generation = || host.app.cluster().generation;
        let before = generation();
        settle(&host.app)?;
        assert_eq!(generation(), before, "it was not remembered until now");
        settle(&host.app)?;
        assert_eq!(generation(), before, "nothing changed");
        host.app.cluster().commit(vec![Change::Settings(Digest::of(b"others"))])?;
        settle(&host.app)?;
        settle(&host.app)?;
        assert_eq!(generation(), before + 1);
        Ok(())
    }
}
