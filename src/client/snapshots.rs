//! Snapshots, read by ranges from the master or from any other holder.

use crate::client::chance::apart;
use crate::client::error::ClientError;
use crate::client::line::{Connection, Head, Line};
use crate::client::master::{MasterClient, origin};
use crate::client::reply::{again, in_trace};
use crate::client::terms::Terms;
use crate::identity::authority::MASTER_NAME;
use crate::model::digest::Digest;
use crate::model::ids::SnapshotId;
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::snapshot::fetch::{Source, SourceError};
use crate::wire::{ErrorBody, embedded};
use bytes::Bytes;
use futures_util::StreamExt;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// A transfer that brings no byte for so long is cut and tried again.
const STALL: Duration = Duration::from_secs(20);

/// Memory that is taken for a body on the word of its holder alone; more is taken as it comes.
const FORETOLD: u64 = 1 << 20;

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
    line: Line,
    address: SocketAddr,
    origin: String,
    terms: Terms,
    /// For how long nothing may come.
    stall: Duration,
    runtime: Handle,
    name: String,
}

impl HttpSource {
    /// The master, over this connection.
    pub fn new(client: MasterClient, runtime: Handle) -> Self {
        let MasterClient { http, address, terms, config, local } = client;
        let line = Line::new(config, MASTER_NAME, address, local);
        let (origin, name, stall) = (origin(address), address.to_string(), STALL);
        Self { http, line, address, origin, terms, stall, runtime, name }
    }

    /// The holder with this connection, on which the name of its certificate is asked for.
    pub(super) fn at(
        (http, line, certified): (reqwest::Client, Line, &str),
        (name, address): (String, SocketAddr),
        terms: Terms,
        runtime: Handle,
    ) -> Self {
        let origin = format!("https://{certified}:{}", address.port());
        Self { http, line, address, origin, terms, stall: STALL, runtime, name }
    }

    /// The same, of which a transfer is cut that brings nothing for so long.
    #[cfg(test)]
    pub(super) fn stalling_after(self, stall: Duration) -> Self {
        Self { stall, ..self }
    }

    /// Says that nothing more is wanted, so that others have the place; an older holder does not know it.
    pub fn leave(&self, id: &SnapshotId) {
        let path = format!("/v1/snapshots/{id}/reservation");
        let request = self.http.delete(format!("{}{path}", self.origin));
        let farewell = async { tokio::time::timeout(FAREWELL, in_trace(request).send()).await };
        let told = self.runtime.block_on(farewell);
        tracing::debug!(holder = self.name, in_time = told.is_ok(), "left the place at a holder");
    }

    async fn open(&self, path: &str) -> Result<reqwest::Response, SourceError> {
        let response = self.ask(path).await?;
        if response.status() == 200 { Ok(response) } else { Err(self.refused(response, 200).await) }
    }

    /// The answer, whatever its status.
    async fn ask(&self, path: &str) -> Result<reqwest::Response, SourceError> {
        let request = self.http.get(format!("{}{path}", self.origin));
        let began = Instant::now();
        let response = self.within(&format!("answer GET {path}"), in_trace(request).send()).await?;
        response.map_err(|error| {
            let error = ClientError::of(self.address, &format!("GET {path}"), began.elapsed(), error);
            let retry = error.is_transient();
            SourceError { what: error.to_string(), retry, again: None, source: Some(Box::new(error)) }
        })
    }

    /// The whole body, which has at most so many bytes.
    async fn whole(
        &self,
        response: reqwest::Response,
        most: u64,
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Vec<u8>, SourceError> {
        let length = response.content_length().unwrap_or(0).min(most).min(FORETOLD);
        let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        let mut stream = response.bytes_stream();
        while let Some(bytes) = self.next(&mut stream).await? {
            if (body.len() + bytes.len()) as u64 > most {
                return Err(SourceError::lasting(format!("it sends more than {most} bytes")));
            }
            body.extend_from_slice(&bytes);
            if come(bytes.len() as u64).is_break() {
                return Err(SourceError::passing("it was told to stop"));
            }
        }
        Ok(body)
    }

    /// What an answer says that is none: its own words, and when to ask again.
    async fn refused(&self, mut response: reqwest::Response, wanted: u16) -> SourceError {
        let status = response.status().as_u16();
        let again = again(&response);
        let mut body = Vec::new();
        while let Ok(Ok(Some(bytes))) = self.within("say why it refuses", response.chunk()).await
            && body.len() + bytes.len() <= REFUSAL
        {
            body.extend_from_slice(&bytes);
        }
        refusal((status, wanted), again, &body)
    }

    /// Waits for what the source does next, for as long as it may bring nothing.
    async fn within<T>(&self, what: &str, next: impl Future<Output = T>) -> Result<T, SourceError> {
        let cause = format!("{} to {what}", self.name);
        let stalled = |waited: Duration| {
            SourceError::passing(format!("it did not {what} within {:.1} s", waited.as_secs_f64()))
        };
        self.terms.hold(cause, self.stall, next).await.map_err(stalled)
    }

    async fn next(
        &self,
        stream: &mut (impl StreamExt<Item = reqwest::Result<Bytes>> + Unpin),
    ) -> Result<Option<Bytes>, SourceError> {
        let bytes = self.within("send the next bytes of the snapshot", stream.next()).await?;
        bytes.transpose().map_err(|_| SourceError::passing("the connection broke"))
    }
}

impl HttpSource {
    /// Who is not believed, or does not speak as a holder does, is not asked again.
    fn unreachable(&self, action: &str, error: std::io::Error) -> SourceError {
        let retry = error.kind() != ErrorKind::InvalidData;
        let what = match action {
            "connect" => format!("it cannot be reached at {}", self.address),
            _ if retry => "the connection broke".to_owned(),
            _ => format!("what is at {} is not believed", self.address),
        };
        SourceError { what, retry, again: None, source: Some(Box::new(error)) }
    }
}

impl Source for HttpSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn manifest(
        &self,
        id: &SnapshotId,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), SourceError> {
        self.runtime.block_on(async {
            let mut stream = self.open(&format!("/v1/snapshots/{id}/manifest")).await?.bytes_stream();
            while let Some(bytes) = self.next(&mut stream).await?
                && each(&bytes).is_continue()
            {}
            Ok(())
        })
    }

    fn embedded(
        &self,
        id: &SnapshotId,
        at_most: u64,
        come: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Option<Vec<u8>>, SourceError> {
        let at_most = at_most.min(MOST_EMBEDDED_BYTES);
        self.runtime.block_on(async {
            let path = format!("/v1/snapshots/{id}/embedded?{}={at_most}", embedded::AT_MOST);
            let response = self.ask(&path).await?;
            match response.status().as_u16() {
                200 => self.whole(response, at_most, come).await.map(Some),
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
        let path = format!("/v1/snapshots/parts/{part}");
        let mut reading = Reading { source: self, path: &path, each };
        let range = (offset, offset + length - 1);
        let Some((mut connection, head)) = reading.begin(range)? else { return Ok(()) };
        if head.status != 206 {
            let body = reading.refusal(&mut connection, &head)?;
            return Err(refusal((head.status, 206), head.again.map(Duration::from_secs), &body));
        }
        let wanted = length.min(head.length);
        if !reading.body(&mut connection, wanted)? {
            return Ok(());
        }
        if head.length < length {
            return Err(SourceError::passing("the answer ended early"));
        }
        if head.length == length {
            self.line.keep(connection, &head);
        }
        Ok(())
    }
}

/// One range on its way.
struct Reading<'a, 'e> {
    source: &'a HttpSource,
    path: &'a str,
    each: &'e mut dyn FnMut(&[u8]) -> ControlFlow<()>,
}

impl Reading<'_, '_> {
    /// Asks, on an open connection if there is one; none when nothing is wanted any more.
    fn begin(&mut self, range: (u64, u64)) -> Result<Option<(Connection, Head)>, SourceError> {
        while let Some(mut connection) = self.source.line.idle() {
            // One that was closed in the meantime is replaced; what it says then is not about the source.
            if let Ok(answered) = self.ask(&mut connection, range) {
                return Ok(answered.map(|head| (connection, head)));
            }
        }
        let failed = |error| self.source.unreachable("connect", error);
        let mut connection = self.source.line.open(&self.source.runtime).map_err(failed)?;
        Ok(self.ask(&mut connection, range)?.map(|head| (connection, head)))
    }

    fn ask(&mut self, connection: &mut Connection, range: (u64, u64)) -> Result<Option<Head>, SourceError> {
        let what = format!("answer GET {}", self.path);
        let secured = self.until(&what, || match connection.is_secured() {
            Ok(secured) => Ok(secured.then_some(())),
            Err(error) => Err(error),
        })?;
        if secured.is_none() {
            return Ok(None);
        }
        let host = self.source.origin.trim_start_matches("https://");
        connection.ask(host, self.path, range).map_err(|error| self.source.unreachable("ask", error))?;
        let mut so_far = Vec::new();
        self.until(&what, || connection.head(&mut so_far))
    }

    /// Hands out so many bytes of the body; says whether all were wanted.
    fn body(&mut self, connection: &mut Connection, length: u64) -> Result<bool, SourceError> {
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let come = |come: &[u8]| come.len().min(most);
            let what = "send the next bytes of the snapshot";
            let Some(length) = self.until(what, || Ok(connection.come()?.map(come)))? else {
                return Ok(false);
            };
            let broken = |_| SourceError::passing("the connection broke");
            let Some(bytes) = connection.come().map_err(broken)? else { continue };
            let flow = (self.each)(&bytes[..length.min(bytes.len())]);
            connection.consume(length);
            left -= length as u64;
            if flow.is_break() {
                // The caller breaks off with its last byte too.
                return Ok(left == 0);
            }
        }
        Ok(true)
    }

    fn refusal(&mut self, connection: &mut Connection, head: &Head) -> Result<Vec<u8>, SourceError> {
        let (mut body, most) = (Vec::new(), head.length.min(REFUSAL as u64));
        while (body.len() as u64) < most {
            let come = self.until("say why it refuses", || {
                let come = connection.come()?.map(<[u8]>::to_vec);
                connection.consume(come.as_ref().map_or(0, Vec::len));
                Ok(come)
            })?;
            let Some(come) = come else { break };
            body.extend_from_slice(&come);
        }
        body.truncate(REFUSAL);
        Ok(body)
    }

    /// Takes steps until one brings something; none when nothing is wanted any more.
    fn until<T>(
        &mut self,
        what: &str,
        mut step: impl FnMut() -> std::io::Result<Option<T>>,
    ) -> Result<Option<T>, SourceError> {
        let source = self.source;
        let held = source.terms.hold_here(
            || format!("{} to {what}", source.name),
            source.stall,
            || match step() {
                Ok(Some(come)) => Some(Ok(Some(come))),
                Ok(None) if (self.each)(&[]).is_break() => Some(Ok(None)),
                Ok(None) => None,
                Err(error) => Some(Err(source.unreachable("read", error))),
            },
        );
        held.unwrap_or_else(|waited| {
            let what = format!("it did not {what} within {:.1} s", waited.as_secs_f64());
            Err(SourceError::passing(what))
        })
    }
}

/// What an answer means that is none.
fn refusal((status, wanted): (u16, u16), again: Option<Duration>, body: &[u8]) -> SourceError {
    let what = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) => format!("{} ({})", error.message, error.code),
        Err(_) if status >= 500 => format!("it answered {status}"),
        Err(_) => format!("it answered {status}, not {wanted}"),
    };
    match (status, again) {
        // Those that were refused at the same time come again at different ones, and none too soon.
        (503, again) => SourceError::busy(what, apart(again.unwrap_or(AGAIN).min(LONGEST) * 2)),
        (500.., _) => SourceError::passing(what),
        _ => SourceError::lasting(what),
    }
}
