//! Snapshots, read by ranges from the master or from any other holder.

use crate::client::error::ClientError;
use crate::client::master::{MasterClient, origin};
use crate::client::reply::in_trace;
use crate::client::terms::Terms;
use crate::identity::key::random;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::snapshot::fetch::{Source, SourceError};
use crate::wire::{ErrorBody, embedded};
use bytes::Bytes;
use futures_util::StreamExt;
use std::future::Future;
use std::net::SocketAddr;
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

/// However long a holder wants to be left alone, it is asked again after this or twice this.
const LONGEST: Duration = Duration::from_secs(15);

/// How long a holder may take to hear that nothing more is wanted.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a holder says when it has no place is asked again after this, unless it says when.
const AGAIN: Duration = Duration::from_secs(2);

/// The most bytes of a refusal.
const REFUSAL: usize = 64 << 10;

/// A holder as a source of snapshots. Its calls block, so it must not be used within an async task.
pub struct HttpSource {
    http: reqwest::Client,
    address: SocketAddr,
    origin: String,
    terms: Terms,
    runtime: Handle,
    name: String,
}

impl HttpSource {
    /// The master, over this connection.
    pub fn new(client: MasterClient, runtime: Handle) -> Self {
        let MasterClient { http, address, terms } = client;
        Self { http, address, origin: origin(address), terms, runtime, name: address.to_string() }
    }

    /// The holder with this connection, on which the name of its certificate is asked for.
    pub(super) fn at(
        (http, certified): (reqwest::Client, &str),
        (name, address): (String, SocketAddr),
        terms: Terms,
        runtime: Handle,
    ) -> Self {
        let origin = format!("https://{certified}:{}", address.port());
        Self { http, address, origin, terms, runtime, name }
    }

    /// Says that nothing more is wanted, so that others have the place; an older holder does not know it.
    pub fn leave(&self, id: &SnapshotId) {
        let path = format!("/v1/snapshots/{id}/reservation");
        let request = self.http.delete(format!("{}{path}", self.origin));
        let told = self.runtime.block_on(tokio::time::timeout(FAREWELL, in_trace(request).send()));
        tracing::debug!(holder = self.name, in_time = told.is_ok(), "left the place at a holder");
    }

    async fn open(&self, path: &str, range: Option<(u64, u64)>) -> Result<reqwest::Response, SourceError> {
        let response = self.ask(path, range).await?;
        let wanted = if range.is_some() { 206 } else { 200 };
        if response.status() == wanted { Ok(response) } else { Err(self.refused(response, wanted).await) }
    }

    /// The answer, whatever its status.
    async fn ask(&self, path: &str, range: Option<(u64, u64)>) -> Result<reqwest::Response, SourceError> {
        let mut request = self.http.get(format!("{}{path}", self.origin));
        if let Some((offset, length)) = range {
            request = request.header("range", format!("bytes={offset}-{}", offset + length - 1));
        }
        let began = Instant::now();
        let response = self.within(&format!("answer GET {path}"), in_trace(request).send()).await?;
        response.map_err(|error| {
            let error = ClientError::of(self.address, &format!("GET {path}"), began.elapsed(), error);
            let retry = error.is_transient();
            SourceError { what: error.to_string(), retry, again: None, source: Some(Box::new(error)) }
        })
    }

    /// The whole body, which has at most so many bytes.
    async fn whole(&self, response: reqwest::Response, most: u64) -> Result<Vec<u8>, SourceError> {
        let length = response.content_length().unwrap_or(0).min(most);
        let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let mut stream = response.bytes_stream();
        while let Some(bytes) = self.next(&mut stream).await? {
            if (body.len() + bytes.len()) as u64 > most {
                return Err(SourceError::lasting(format!("it sends more than {most} bytes")));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(body)
    }

    /// What an answer says that is none: its own words, and when to ask again.
    async fn refused(&self, mut response: reqwest::Response, wanted: u16) -> SourceError {
        let status = response.status().as_u16();
        let again = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while let Ok(Ok(Some(bytes))) = self.within("say why it refuses", response.chunk()).await
            && body.len() + bytes.len() <= REFUSAL
        {
            body.extend_from_slice(&bytes);
        }
        let what = match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => format!("{} ({})", error.message, error.code),
            Err(_) if status >= 500 => format!("it answered {status}"),
            Err(_) => format!("it answered {status}, not {wanted}"),
        };
        match (status, again) {
            (503, again) => SourceError::busy(what, apart(again.map_or(AGAIN, Duration::from_secs))),
            (500.., _) => SourceError::passing(what),
            _ => SourceError::lasting(what),
        }
    }

    /// Waits for what the source does next, for as long as it may bring nothing.
    async fn within<T>(&self, what: &str, next: impl Future<Output = T>) -> Result<T, SourceError> {
        let cause = format!("{} to {what}", self.name);
        let stalled = |waited: Duration| {
            SourceError::passing(format!("it did not {what} within {:.1} s", waited.as_secs_f64()))
        };
        self.terms.hold(cause, STALL, next).await.map_err(stalled)
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
            self.whole(response, MANIFEST as u64).await
        })
    }

    fn embedded(&self, id: &SnapshotId, at_most: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.runtime.block_on(async {
            let path = format!("/v1/snapshots/{id}/embedded?{}={at_most}", embedded::AT_MOST);
            let response = self.ask(&path, None).await?;
            match response.status().as_u16() {
                200 => self.whole(response, at_most).await.map(Some),
                // It is larger, or its holder is older and has no such reply; the ranges tell what else is wrong.
                404 | 413 => Ok(None),
                _ => Err(self.refused(response, 200).await),
            }
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

/// Those that were refused at the same time come again at different ones.
fn apart(again: Duration) -> Duration {
    let chance = random::<1>().map_or(0, |[chance]| chance);
    again.min(LONGEST) + again.min(LONGEST) * u32::from(chance) / u32::from(u8::MAX)
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
