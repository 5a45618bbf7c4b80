//! The configuration in layers: default < file < drop-ins < environment < flags; pure.
//!
//! Every layer is taken apart into keys and values, a later one replaces an earlier one key by
//! key, and each key remembers where its value came from. Secrets are no keys and never in it.

mod effect;
pub(crate) mod endpoint;
pub(crate) mod error;
mod keys;
mod kind;
mod machine;
mod place;
mod resolve;
mod wrong;

pub use effect::without_effect;
pub use endpoint::{Endpoint, Host, InvalidEndpoint, parse_endpoint};
pub use error::ConfigError;
pub use keys::{KEYS, Key};
pub use kind::Kind;
pub use place::Origin;
pub use resolve::{ConfigFile, FlagValue, Layers, Leaf, Origins, Resolved, resolve};

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
