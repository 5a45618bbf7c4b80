//! An environment for the tests of steps: a root of its own, real services, nobody who watches.

use crate::host::root::Root;
use crate::host::{facts, services};
use crate::model::progress::Silent;
use crate::steps::Env;
use std::sync::Arc;
use std::time::Instant;

/// The environment of a saga below this root, which gives up at the deadline.
pub(crate) fn env(root: &Root, deadline: Instant, runtime: tokio::runtime::Handle) -> anyhow::Result<Env> {
    Ok(Env {
        root: root.clone(),
        binary: "/bin/true".into(),
        services: Arc::from(services::detect(root, "/bin/true".into())?),
        sink: Arc::new(Silent),
        runtime,
        interrupted: Arc::default(),
        facts: facts::gather(root, root.path())?,
        token: None,
        parts: true,
        deadline,
    })
}
