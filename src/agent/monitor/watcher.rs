//! Waits for a new configuration, and survives the loss of the watch on it.

use crate::host::files::FileError;
use crate::host::watch::FileWatch;
use std::path::PathBuf;

/// A watch that is renewed when it was lost; meanwhile the configuration is read at every sample.
pub(super) struct Watcher {
    path: PathBuf,
    watch: Result<FileWatch, FileError>,
}

impl Watcher {
    pub(super) fn new(path: PathBuf) -> Self {
        let watch = FileWatch::new(&path);
        Self { path, watch }
    }

    /// Returns when the configuration may have changed; never while there is no watch.
    pub(super) async fn changed(&mut self) {
        match &mut self.watch {
            Ok(watch) => {
                if let Err(error) = watch.changed().await {
                    self.watch = Err(error);
                }
            }
            Err(_) => std::future::pending().await,
        }
    }

    /// Watches again when the watch was lost; returns what stands in the way.
    pub(super) fn renew(&mut self) -> Option<&FileError> {
        if self.watch.is_err() {
            self.watch = FileWatch::new(&self.path);
        }
        self.watch.as_ref().err()
    }
}
