//! eos and real Salt apply the same states: the shipped tree for every role and scale, and trees written for this that
//! use every function and every requisite. What they leave is the same in bytes, modes, owners and links, each state
//! ends the same way and in the same order, and a test run says the same before.
//!
//! Services need one service manager for both, and so are compared on hosts of `tests/systemd`, the monitor of the
//! shipped tree among them: below a root, Salt has those of `salt/service.py`, which only notes what it is told. Users,
//! packages, the kernel and mounts are in `salt/machine.rs`.

mod errors;
mod functions;
pub mod installed;
pub mod machine;
mod results;
mod shipped;
mod trees;
