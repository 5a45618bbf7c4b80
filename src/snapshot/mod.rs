//! Snapshots: a signed manifest and content-addressed parts, captured, stored, fetched, unpacked, activated.
//!
//! Reading order: `manifest` and `layout` fix the format, `pack` and `capture` produce it, `store` keeps it,
//! `fetch` moves it, `unpack` and `activate` put it in place. `retention` says what to drop.

pub mod activate;
pub mod capture;
pub mod fetch;
pub mod frame;
pub mod layout;
pub mod manifest;
pub mod pack;
pub mod retention;
pub mod store;
pub mod unpack;
