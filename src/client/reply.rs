//! How long an answer may take and be: whoever answers decides neither time nor memory of the caller.

use crate::client::error::ClientError;
use crate::client::terms::Terms;
use crate::telemetry::context;
use crate::wire::error::ErrorBody;
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a call may take that waits for nothing.
pub(crate) const CALL: Duration = Duration::from_secs(10);

/// The longest pause that is made because the other side asks for it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The most that an error may have, in bytes.
const ERROR: usize = 64 << 10;

/// What an answer may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    /// The time until all of it is there.
    pub deadline: Duration,
    /// Its bytes.
    pub bytes: usize,
}

/// An answer to a few questions, also from somebody who is not believed yet.
pub(crate) const BRIEF: Allowed = Allowed { deadline: CALL, bytes: 64 << 10 };

/// An answer of the believed master that grows with the cluster.
pub(crate) const LONG: Allowed = Allowed { deadline: CALL, bytes: 16 << 20 };

/// Sends the request and reads its answer; `action` is what the error names, `GET /v1/hello`.
pub(crate) async fn answer<T: DeserializeOwned>(
    request: RequestBuilder,
    address: SocketAddr,
    action: &str,
    allowed: Allowed,
    terms: &Terms,
) -> Result<T, ClientError> {
    let cause = format!("the master at {address} to answer {action}");
    let exchange = exchange(request, address, action, allowed);
    match terms.hold(cause, allowed.deadline, exchange).await {
        Ok(answer) => answer,
        Err(waited) => Err(ClientError::TimedOut { address, action: action.to_owned(), waited }),
    }
}

async fn exchange<T: DeserializeOwned>(
    request: RequestBuilder,
    address: SocketAddr,
    action: &str,
    allowed: Allowed,
) -> Result<T, ClientError> {
    let began = Instant::now();
    let failed = |source| ClientError::of(address, action, began.elapsed(), source);
    let response = in_trace(request).send().await.map_err(failed)?;
    let (status, again) = (response.status(), again(&response));
    let most = if status.is_success() { allowed.bytes } else { ERROR };
    let too_long = || ClientError::TooLong { address, action: action.to_owned(), most };
    let body = read(response, most).await.map_err(failed)?.ok_or_else(too_long)?;
    let foreign = |status| ClientError::Foreign { address, action: action.to_owned(), status };
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| foreign("no JSON".to_owned()));
    }
    Err(match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => ClientError::Refused { failure: body.error, again },
        Err(_) => foreign(status.to_string()),
    })
}

/// When the caller may come again, as `Retry-After` says in seconds.
pub(crate) fn again(response: &Response) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?;
    text.parse().ok().map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// The request as part of the trace that the caller is in.
pub(crate) fn in_trace(request: RequestBuilder) -> RequestBuilder {
    match context::current() {
        Some(traceparent) => request.header(context::HEADER, traceparent),
        None => request,
    }
}

/// The body of an answer; none when it is longer than `most`, and then no more of it is read.
async fn read(mut response: Response, most: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > most {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

#[cfg(test)]
mod tests;
