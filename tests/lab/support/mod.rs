//! What the scenarios are played with: hosts in network namespaces, processes, and conditions to wait for.

mod faults;
mod host;
mod lab;
mod network;
mod outcome;
mod running;
mod waiting;
mod watched;

pub use faults::Fault;
pub use host::{Host, fake_clock, uses_of_token};
pub use lab::Lab;
pub use network::Cut;
pub use running::Running;
pub use waiting::eventually;
pub use watched::Watched;
