//! Snapshots of the cluster's own state, read from the master by ranges.

use crate::client::error::ClientError;
use crate::client::master::{MasterClient, origin};
use crate::client::reply::in_trace;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::fetch::{Source, SourceError};
use bytes::Bytes;
use futures_util::StreamExt;
use std::future::Future;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A transfer that brings no byte for so long is cut and tried again.
const STALL: Duration = Duration::from_secs(20);

/// How often it is asked whether the bytes are still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// The most bytes of a manifest of the cluster's own state, which has an entry for each file of its
/// states: far below what the format allows for data of any kind.
pub const MANIFEST: usize = 64 << 20;

/// The master as a source of snapshots. Its calls block, so it must not be used within an async task.
pub struct HttpSource {
    client: MasterClient,
    runtime: Handle,
    name: String,
}

impl HttpSource {
    /// Over this connection.
    pub fn new(client: MasterClient, runtime: Handle) -> Self {
        Self { name: client.address().to_string(), client, runtime }
    }

    async fn open(&self, path: &str, range: Option<(u64, u64)>) -> Result<reqwest::Response, SourceError> {
        let mut request = self.client.http.get(format!("{}{path}", origin(self.client.address)));
        if let Some((offset, length)) = range {
            request = request.header("range", format!("bytes={offset}-{}", offset + length - 1));
        }
        let began = Instant::now();
        let response = self.within(&format!("answer GET {path}"), in_trace(request).send()).await?;
        let response = response.map_err(|error| {
            let error = ClientError::of(self.client.address, &format!("GET {path}"), began.elapsed(), error);
            SourceError {
                what: error.to_string(),
                retry: error.is_transient(),
                again: None,
                source: Some(Box::new(error)),
            }
        })?;
        let wanted = if range.is_some() { 206 } else { 200 };
        match response.status().as_u16() {
            status if status == wanted => Ok(response),
            status @ 500.. => Err(SourceError::passing(format!("the master answered {status}"))),
            status => Err(SourceError::lasting(format!("the master answered {status}, not {wanted}"))),
        }
    }

    /// Waits for what the source does next, for as long as it may bring nothing.
    async fn within<T>(&self, what: &str, next: impl Future<Output = T>) -> Result<T, SourceError> {
        let cause = format!("the master at {} to {what}", self.client.address);
        let stalled = |waited: Duration| {
            SourceError::passing(format!("it did not {what} within {:.1} s", waited.as_secs_f64()))
        };
        self.client.terms.hold(cause, STALL, next).await.map_err(stalled)
    }

    async fn next(
        &self,
        stream: &mut (impl StreamExt<Item = reqwest::Result<Bytes>> + Unpin),
    ) -> Result<Option<Bytes>, SourceError> {
        let bytes = self.within("send the next bytes of the snapshot", stream.next()).await?;
        bytes.transpose().map_err(|_| SourceError::passing("the connection broke"))
    }
}

impl Source for HttpSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn manifest(&self, id: &SnapshotId) -> Result<Vec<u8>, SourceError> {
        self.runtime.block_on(async {
            let response = self.open(&format!("/v1/snapshots/{id}/manifest"), None).await?;
            let mut stream = response.bytes_stream();
            let mut manifest = Vec::new();
            while let Some(bytes) = self.next(&mut stream).await? {
                if manifest.len() + bytes.len() > MANIFEST {
                    return Err(SourceError::lasting(format!("a manifest of more than {MANIFEST} bytes")));
                }
                manifest.extend_from_slice(&bytes);
            }
            Ok(manifest)
        })
    }

    fn read_range(
        &self,
        part: &Digest,
        offset: u64,
        length: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.runtime.block_on(async {
            let path = format!("/v1/snapshots/parts/{part}");
            let Some(response) = unless_stopped(self.open(&path, Some((offset, length))), each).await else {
                return Ok(());
            };
            let mut stream = response?.bytes_stream();
            let mut left = length;
            while left > 0 {
                let Some(bytes) = unless_stopped(self.next(&mut stream), each).await else { return Ok(()) };
                let bytes = bytes?.ok_or_else(|| SourceError::passing("the answer ended early"))?;
                let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                left -= taken as u64;
                if each(&bytes[..taken]).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Waits for what comes, and asks now and then whether it is still wanted; none when it is not.
async fn unless_stopped<T>(
    coming: impl Future<Output = T>,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Option<T> {
    tokio::pin!(coming);
    loop {
        match tokio::time::timeout(LOOK, &mut coming).await {
            Ok(came) => return Some(came),
            Err(_) if each(&[]).is_break() => return None,
            Err(_) => {}
        }
    }
}
