//! Snapshots of the cluster's own state, read from the master by ranges.
