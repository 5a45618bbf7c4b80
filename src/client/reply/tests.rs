//! Answers that do not end, from a real listener.

use crate::client::master::MasterClient;
use crate::client::snapshots::{HttpSource, MANIFEST};
use crate::client::{ClientError, Terms, look};
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::explain::{Explain, tells};
use crate::model::ids::{ClusterId, SnapshotId};
use crate::snapshot::fetch::Source;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A master that answers everything with bytes that never end; gives its authority.
async fn endless(head: &'static str) -> anyhow::Result<(SocketAddr, String)> {
    serving(head, None).await
}

/// A master that answers everything with this head and body; without one, with bytes that never end.
async fn serving(head: &'static str, body: Option<&'static str>) -> anyhow::Result<(SocketAddr, String)> {
    let now = crate::host::clock::now_seconds();
    let authority = Authority::create(ClusterId::parse("c-01")?, PrivateKey::generate()?, now)?;
    let key = PrivateKey::generate()?;
    let own = authority.sign_key(&key, &Grant { subject: Subject::Master, now })?;
    let mut config = tls::server(Served::new(&own, &key, authority.pem())?, authority.pem())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pour(stream, acceptor.clone(), head, body));
        }
    });
    Ok((address, authority.pem().to_owned()))
}

async fn pour(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    head: &'static str,
    body: Option<&'static str>,
) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    stream.read_u8().await?;
    if let Some(body) = body {
        let length = body.len();
        stream
            .write_all(format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())
            .await?;
        return stream.flush().await;
    }
    stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes()).await?;
    let spaces = vec![b' '; 1 << 16];
    loop {
        stream.write_all(&spaces).await?;
    }
}

#[tokio::test]
async fn an_endless_hello_is_refused_after_64_kib_also_as_an_error() -> anyhow::Result<()> {
    for head in ["200 OK", "500 Internal Server Error"] {
        let (address, _) = endless(head).await?;
        let error = look(address, None, None, Duration::from_secs(30), &Terms::default())
            .await
            .expect_err("it never ends");
        let text = format!("the answer from {address} to GET /v1/hello is longer than 65536 bytes");
        assert_eq!((error.to_string(), error.code().to_string().as_str()), (text, "EOS-J027"));
        assert!(!error.is_transient(), "asking again would bring the same");
    }
    Ok(())
}

#[tokio::test]
async fn an_endless_status_is_refused_as_well() -> anyhow::Result<()> {
    let (address, authority) = endless("200 OK").await?;
    let client = MasterClient::new(address, &authority, None, None)?;
    let error = client.status().await.expect_err("it never ends");
    assert!(matches!(error, ClientError::TooLong { most: 16_777_216, .. }), "{error}");
    Ok(())
}

#[test]
fn an_endless_manifest_is_refused() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (address, authority) = runtime.block_on(endless("200 OK"))?;
    let client = MasterClient::new(address, &authority, None, None)?;
    let source = HttpSource::new(client, runtime.handle().clone());
    let error = source.manifest(&SnapshotId::parse(&"ab".repeat(32))?).expect_err("it never ends");
    assert_eq!((error.what, error.retry), (format!("it sends more than {MANIFEST} bytes"), false));
    Ok(())
}

#[tokio::test]
async fn what_does_not_speak_eos_is_told_with_what_it_answers() -> anyhow::Result<()> {
    for (head, body, status) in
        [("200 OK", "<html>", "no JSON"), ("404 Not Found", "nothing", "404 Not Found")]
    {
        let (address, authority) = serving(head, Some(body)).await?;
        let client = MasterClient::new(address, &authority, None, None)?;
        let error = client.status().await.expect_err("it is no master");
        let text = format!("{address} answers, but not as an eos master ({status} to GET /v1/status)");
        tells(&error, "EOS-J023", &text);
        assert!(!error.is_transient(), "asking again would bring the same");
    }
    Ok(())
}

#[tokio::test]
async fn a_master_of_another_authority_is_not_believed() -> anyhow::Result<()> {
    let (address, _) = serving("200 OK", Some("{}")).await?;
    let now = crate::host::clock::now_seconds();
    let other = Authority::create(ClusterId::parse("c-01")?, PrivateKey::generate()?, now)?;
    let client = MasterClient::new(address, other.pem(), None, None)?;
    let error = client.status().await.expect_err("it is signed by another");
    tells(&error, "EOS-J022", &format!("{address} is not believed: TLS failed on GET /v1/status"));
    assert!(!error.is_transient(), "who is not believed is not asked again");
    Ok(())
}

#[tokio::test]
async fn an_address_that_accepts_and_says_nothing_is_given_up_by_the_deadline() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let error = look(address, None, None, Duration::from_secs(1), &Terms::default())
        .await
        .expect_err("it says nothing");
    assert_eq!(error.code().0, "J020");
    let text = format!("no answer from {address} to GET /v1/hello within 1.");
    assert!(error.to_string().starts_with(&text), "{error}");
    assert!(error.is_transient());
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_told_in_the_masters_words() -> anyhow::Result<()> {
    let body = r#"{"error": {"code": "EOS-M012", "message": "there is no node x", "causes": [],
        "hints": ["list them: eos node list"], "exit": 2}}"#;
    let (address, authority) = serving("404 Not Found", Some(body)).await?;
    let error = MasterClient::new(address, &authority, None, None)?.status().await.expect_err("refused");
    tells(&error, "EOS-J026", "there is no node x");
    assert_eq!(crate::model::explain::Failure::of(&error).code, "EOS-M012", "what is shown is the master's");
    Ok(())
}
