//! Answers that do not end, from a real listener.

use crate::client::master::MasterClient;
use crate::client::snapshots::{HttpSource, MANIFEST};
use crate::client::{ClientError, Terms, look};
use crate::identity::authority::{Authority, Grant};
use crate::identity::certificate::Subject;
use crate::identity::key::PrivateKey;
use crate::identity::served::Served;
use crate::identity::tls;
use crate::model::explain::Explain;
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
            tokio::spawn(pour(stream, acceptor.clone(), head));
        }
    });
    Ok((address, authority.pem().to_owned()))
}

async fn pour(stream: TcpStream, acceptor: TlsAcceptor, head: &'static str) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    stream.read_u8().await?;
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
    assert_eq!((error.what, error.retry), (format!("a manifest of more than {MANIFEST} bytes"), false));
    Ok(())
}
