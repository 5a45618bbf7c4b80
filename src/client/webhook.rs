//! Tells a server of somebody else's, by one POST.
//!
//! A webhook's URL is often a secret, so no error and no log quotes more of it than the host.

use crate::identity::tls;
use crate::model::explain::{Code, Explain};
use reqwest::{Client, Url};
use std::time::Duration;

/// A webhook that was not told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No answer came.
    #[error("the webhook at {host} did not answer")]
    Unreachable {
        /// The host.
        host: String,
        /// Why not, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The answer was none of success.
    #[error("the webhook at {host} answered with status {status}")]
    Refused {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
    },
}

impl WebhookError {
    /// One value of every variant.
    #[cfg(test)]
    pub(crate) fn samples() -> Vec<Self> {
        let host = || "hooks.example".to_owned();
        tls::be_the_default();
        let source = Client::new().get("no url").build().expect_err("no url");
        vec![Self::Unreachable { host: host(), source }, Self::Refused { host: host(), status: 404 }]
    }
}

impl Explain for WebhookError {
    fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code("V040"),
            Self::Refused { .. } => Code("V041"),
        }
    }

    fn hints(&self) -> Vec<String> {
        let (Self::Unreachable { host, .. } | Self::Refused { host, .. }) = self;
        vec![
            format!("see whether this node reaches it: curl -v https://{host}/"),
            "see storage.notify.webhook in /etc/eos/cluster.yaml of the master: eos config show".to_owned(),
        ]
    }

    fn retry_helps(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
        }
    }
}

/// Sends JSON and waits for the answer. No redirection is followed and no proxy used: the event goes to the host
/// that was configured, or nowhere.
///
/// # Errors
/// When no answer comes in time, or another than success.
pub async fn post(url: &str, json: Vec<u8>, deadline: Duration) -> Result<(), WebhookError> {
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(Url::host_str).unwrap_or("an unknown host").to_owned();
    let unreachable =
        |error: reqwest::Error| WebhookError::Unreachable { host: host.clone(), source: error.without_url() };
    tls::be_the_default();
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(deadline)
        .build()
        .map_err(unreachable)?;
    let agent = concat!("eos/", env!("CARGO_PKG_VERSION"));
    let request =
        client.post(url).header("content-type", "application/json").header("user-agent", agent).body(json);
    let status = request.send().await.map_err(unreachable)?.status();
    if status.is_success() {
        return Ok(());
    }
    Err(WebhookError::Refused { host, status: status.as_u16() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A server that answers one request with a status; what it was sent.
    async fn answering(status: &'static str) -> anyhow::Result<(String, tokio::task::JoinHandle<String>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/services/T0SECRET", listener.local_addr()?);
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut text = String::new();
            while !text.ends_with('}') {
                let mut piece = [0; 1024];
                let length = stream.read(&mut piece).await.expect("a request");
                text.push_str(std::str::from_utf8(&piece[..length]).expect("text"));
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            text
        });
        Ok((url, heard))
    }

    #[tokio::test]
    async fn what_is_told_arrives_as_json() -> anyhow::Result<()> {
        let (url, heard) = answering("204 No Content").await?;
        post(&url, br#"{"level":"degraded"}"#.to_vec(), LIMIT).await?;
        let heard = heard.await?.to_lowercase();
        assert!(heard.starts_with("post /services/t0secret http/1.1"), "{heard}");
        assert!(heard.contains("content-type: application/json"), "{heard}");
        assert!(heard.ends_with(r#"{"level":"degraded"}"#), "{heard}");
        Ok(())
    }

    #[tokio::test]
    async fn neither_a_refusal_nor_a_redirection_nor_silence_is_taken_for_success_or_quotes_the_url()
    -> anyhow::Result<()> {
        for (status, again) in [("302 Found", false), ("404 Not Found", false), ("503 Later", true)] {
            let (url, _heard) = answering(status).await?;
            let error = post(&url, b"{}".to_vec(), LIMIT).await.expect_err("not told");
            tells(
                &error,
                "EOS-V041",
                &format!("the webhook at 127.0.0.1 answered with status {}", &status[..3]),
            );
            assert_eq!(error.retry_helps(), again, "{status}");
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/T0SECRET", listener.local_addr()?);
        let error = post(&url, b"{}".to_vec(), Duration::from_millis(50)).await.expect_err("silence");
        tells(&error, "EOS-V040", "the webhook at 127.0.0.1 did not answer");
        let mut causes = format!("{error:?}");
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            causes.push_str(&next.to_string());
            cause = next;
        }
        assert!(!causes.contains("T0SECRET"), "{causes}");
        Ok(())
    }
}
