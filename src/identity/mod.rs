//! Who is who: keys, the cluster's certificate authority, tokens, and the proofs made with them.

pub mod authority;
pub mod certificate;
pub mod election;
pub mod error;
pub mod key;
pub mod machine;
pub mod membership;
pub mod proof;
pub mod served;
pub mod signature;
pub mod tls;
pub mod token;

pub use error::IdentityError;

#[cfg(test)]
mod tests;
