//! The agent's connection to the master for what it asks besides its round.

use crate::client::MasterClient;
use crate::host::root::Root;
use crate::identity::membership::Membership;
use crate::steps::{StepFailure, env};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long one connection is used: the certificate on disk or the master's address may change.
const KEPT: Duration = Duration::from_secs(60);

/// Makes connections to the master with what is on disk.
pub struct Link {
    root: Root,
    made: Mutex<Option<(Instant, MasterClient)>>,
}

impl Link {
    /// Of the node that lives here.
    pub fn new(root: Root) -> Self {
        Self { root, made: Mutex::default() }
    }

    /// A connection; it blocks while it reads keys and certificates.
    ///
    /// # Errors
    /// When they are missing or damaged.
    pub fn client(&self) -> Result<MasterClient, StepFailure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, client)) = made.as_ref().filter(|(since, _)| since.elapsed() < KEPT) {
            tracing::trace!(?since, "the connection is used again");
            return Ok(client.clone());
        }
        let membership = Membership::load(&self.root)?.ok_or(StepFailure::NoMembership)?;
        let client = env::member_client(&self.root, membership.master, membership.address)?;
        *made = Some((Instant::now(), client.clone()));
        Ok(client)
    }

    /// Gives the connection up: the next caller gets a new one.
    pub fn renew(&self) {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
