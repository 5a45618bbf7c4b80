//! Hands out the snapshots of a store over HTTPS: what master and agent have in common.
//!
//! Nothing here is written down: who pulls what is in memory, and after a restart a puller has its place and
//! its lease again with its next request.

mod access;
mod audience;
mod error;
mod handlers;
mod known;
mod pulls;
mod refusal;
mod shelf;
#[cfg(test)]
pub(crate) mod tests;
mod traffic;

pub use access::{Access, Admission, Reader, actor, puller};
pub use audience::{Audience, NoRoles, Reread, Roles};
pub use error::ServingError;
#[cfg(test)]
pub(crate) use error::samples;
pub use handlers::router;
pub use known::Known;
pub use pulls::{PLACE, Pulls, SILENCE};
pub use refusal::Refusal;
pub use shelf::Shelf;
pub use traffic::Traffic;
