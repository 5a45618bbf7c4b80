//! Answers that do not end, from a real listener.

mod stalls;

use crate::client::master::MasterClient;
use crate::client::snapshots::HttpSource;
use crate::client::{ClientError, Terms, look};
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::digest::Digest;
use crate::model::explain::{Explain, tells};
use crate::model::ids::{ClusterId, SnapshotId};
use crate::model::snapshots::MOST_EMBEDDED_BYTES;
use crate::snapshot::fetch::{Source, SourceError};
use std::net::SocketAddr;
use std::ops::ControlFlow;
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
    let (listener, acceptor, authority) = listening().await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pour(stream, acceptor.clone(), head, body));
        }
    });
    Ok((address, authority))
}

/// A listener for whom a master's certificate speaks; gives its authority.
async fn listening() -> anyhow::Result<(TcpListener, TlsAcceptor, String)> {
    let now = crate::host::clock::now_seconds();
    let authority = Authority::create(ClusterId::parse("c-01")?, PrivateKey::generate()?, now)?;
    let key = PrivateKey::generate()?;
    let own = authority.sign_key(&key, &Grant { subject: Subject::Master, now })?;
    let mut config = tls::server(Served::new(&own, &key, authority.pem())?, authority.pem())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok((TcpListener::bind("127.0.0.1:0").await?, acceptor, authority.pem().to_owned()))
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
fn an_endless_reply_is_refused_whatever_may_come_in_one() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (address, authority) = runtime.block_on(endless("200 OK"))?;
    let client = MasterClient::new(address, &authority, None, None)?;
    let source = HttpSource::new(client, runtime.handle().clone());
    let id = SnapshotId::parse(&"ab".repeat(32))?;
    for (at_most, read) in [(1000, 1000), (u64::MAX, MOST_EMBEDDED_BYTES)] {
        let error =
            source.embedded(&id, at_most, &mut |_| ControlFlow::Continue(())).expect_err("it never ends");
        assert_eq!((error.what, error.retry), (format!("it sends more than {read} bytes"), false));
    }
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

/// What a holder that answers like this sends for ten bytes of a part, asked twice; and what it is refused for.
fn ten_bytes(head: &'static str, body: &'static str) -> anyhow::Result<(Vec<u8>, Result<(), SourceError>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (address, authority) = runtime.block_on(serving(head, Some(body)))?;
    let client = MasterClient::new(address, &authority, None, None)?;
    let source = HttpSource::new(client, runtime.handle().clone());
    let mut came = Vec::new();
    let mut take = |bytes: &[u8]| {
        came.extend_from_slice(bytes);
        ControlFlow::Continue(())
    };
    let part = Digest::of(b"part");
    let twice = source.read_range(&part, 5, 10, &mut take).and_then(|()| {
        // The holder closed the connection after its answer: another one takes its place.
        source.read_range(&part, 5, 10, &mut take)
    });
    Ok((came, twice))
}

#[test]
fn bytes_of_a_part_come_also_after_the_holder_closed_the_connection() -> anyhow::Result<()> {
    let (came, result) = ten_bytes("206 Partial Content", "0123456789")?;
    assert_eq!(came, b"01234567890123456789");
    assert!(result.is_ok());
    Ok(())
}

#[test]
fn an_answer_that_is_not_the_range_is_refused_with_its_reason() -> anyhow::Result<()> {
    let (came, result) = ten_bytes("206 Partial Content", "012345678")?;
    let error = result.expect_err("a byte is missing");
    assert_eq!((came.len(), error.what.as_str(), error.retry), (9, "the answer ended early", true));
    let (came, result) = ten_bytes("206 Partial Content", "0123456789x")?;
    assert!(result.is_ok() && came == b"01234567890123456789", "what is too much is not taken");
    for (head, what, retry) in [
        ("200 OK", "it answered 200, not 206", false),
        ("404 Not Found", "it answered 404, not 206", false),
        ("500 Internal Server Error", "it answered 500", true),
        ("503 Service Unavailable", "it answered 503", true),
    ] {
        let (came, result) = ten_bytes(head, "no such part")?;
        let error = result.expect_err("it is no range");
        assert_eq!((came.len(), error.what.as_str(), error.retry), (0, what, retry));
    }
    let (_, result) = ten_bytes("206 Partial Content\r\nTransfer-Encoding: chunked", "0123456789")?;
    let error = result.expect_err("its end is not certain");
    assert!(!error.retry && error.what.ends_with("is not believed"), "{}", error.what);
    Ok(())
}

#[test]
fn a_holder_of_another_authority_or_none_at_all_is_told_apart() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (address, _) = runtime.block_on(serving("206 Partial Content", Some("0123456789")))?;
    let now = crate::host::clock::now_seconds();
    let other = Authority::create(ClusterId::parse("c-01")?, PrivateKey::generate()?, now)?;
    let read = |address: SocketAddr| {
        let client = MasterClient::new(address, other.pem(), None, None)?;
        let source = HttpSource::new(client, runtime.handle().clone());
        let read = source.read_range(&Digest::of(b"part"), 0, 10, &mut |_| ControlFlow::Continue(()));
        Ok::<_, anyhow::Error>(read.expect_err("nothing comes"))
    };
    let strange = read(address)?;
    assert_eq!((strange.what, strange.retry), (format!("what is at {address} is not believed"), false));
    let free = std::net::TcpListener::bind("127.0.42.9:0")?.local_addr()?;
    let nobody = read(free)?;
    assert_eq!((nobody.what, nobody.retry), (format!("it cannot be reached at {free}"), true));
    Ok(())
}

#[tokio::test]
async fn who_is_given_a_slot_comes_then_and_no_answer_puts_it_off_for_long() -> anyhow::Result<()> {
    const BUSY: &str = r#"{"error":{"code":"EOS-J014","message":"busy","causes":[],"hints":[],"exit":4}}"#;
    let usual = std::time::Duration::from_secs(1);
    for (head, least, most) in [
        ("503 Service Unavailable\r\nRetry-After: 6", 6_500, 7_000),
        ("503 Service Unavailable\r\nRetry-After: 999999", 60_500, 61_000),
        ("503 Service Unavailable\r\nRetry-After: tomorrow", 500, 1_000),
        ("503 Service Unavailable", 500, 1_000),
    ] {
        let (address, authority) = serving(head, Some(BUSY)).await?;
        let client = MasterClient::new(address, &authority, None, None)?;
        let error = client.status().await.expect_err("it is busy");
        let pause = error.pause(usual).as_millis();
        assert!(error.is_transient() && (least..=most).contains(&pause), "{head}: {pause} ms");
    }
    Ok(())
}
