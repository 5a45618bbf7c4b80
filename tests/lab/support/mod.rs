//! What the scenarios are played with: hosts in network namespaces, processes, and conditions to wait for.

mod faults;
mod host;
mod lab;
mod network;
mod outcome;
mod running;
mod salt;
mod waiting;
mod watched;

pub use faults::Fault;
pub use host::{Host, fake_clock, uses_of_token};
pub use lab::Lab;
pub use network::Cut;
pub use outcome::Outcome;
pub use running::Running;
pub use salt::salt_call;
pub use waiting::eventually;
pub use watched::Watched;

/// A file of the package.
pub fn package(path: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
