//! The status of clusters in good and bad shape.
