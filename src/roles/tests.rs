//! How clusters of known sizes are planned, and what is said about it.
use super::*;
