//! A manifest on its way: in a file without a name, so that who sends it decides about none of this machine's memory
//! before it is known to be the wanted one and signed by somebody who may.

use super::obtain::judge;
use super::{Request, failed};
use crate::host::directory::{Directory, DirectoryError};
use crate::snapshot::manifest::{Limits, Manifest, ManifestError, SignedManifest, skim};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;

/// A manifest of at most so many bytes may be in memory before it is judged: to look at it twice takes longer.
const SMALL: u64 = 16 << 20;

/// What has come so far.
pub(super) struct Spool<'a> {
    room: &'a Directory,
    file: File,
    bytes: u64,
    broken: Option<Unspooled>,
}

/// Why there is no manifest.
pub(super) enum Unspooled {
    Disk(DirectoryError),
    Manifest(ManifestError),
}

impl From<DirectoryError> for Unspooled {
    fn from(error: DirectoryError) -> Self {
        Self::Disk(error)
    }
}

impl From<ManifestError> for Unspooled {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

/// What the file is called while it has a name.
fn name() -> OsString {
    format!("manifest.{}.new", std::process::id()).into()
}

impl<'a> Spool<'a> {
    /// Nothing has come.
    pub(super) fn begin(room: &'a Directory) -> Result<Self, DirectoryError> {
        let name = name();
        // Of a process with this number that died in between.
        room.remove_tree(&name)?;
        let file = room.create_file(&name, 0o600)?;
        room.remove_file(&name)?;
        Ok(Self { room, file, bytes: 0, broken: None })
    }

    /// Writes what has come, and waits until it was due; more than any manifest has is not wanted.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let limit = Limits::default().signed_bytes() as u64;
        self.bytes += bytes.len() as u64;
        self.broken = match self.file.write_all(bytes) {
            Err(source) => Some(failed("write", self.room, "manifest", source).into()),
            Ok(()) if self.bytes > limit => Some(ManifestError::TooLarge { bytes: self.bytes, limit }.into()),
            Ok(()) => return come(bytes.len() as u64),
        };
        ControlFlow::Break(())
    }

    /// The manifest, and how many bytes came for it.
    pub(super) fn judged(
        mut self,
        request: &Request<'_>,
    ) -> Result<(SignedManifest, Manifest, u64), Unspooled> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let io = |source| failed("read", self.room, "manifest", source);
        if self.bytes > SMALL {
            self.file.rewind().map_err(io)?;
            skim(&self.file)?.judge(request.id, request.verifier)?;
        }
        self.file.rewind().map_err(io)?;
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes).map_err(io)?;
        let (signed, manifest) = judge(request, &bytes)?;
        Ok((signed, manifest, self.bytes))
    }
}
