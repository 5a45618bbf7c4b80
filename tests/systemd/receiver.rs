//! A webhook on a host: a server with a certificate of an authority that nobody else knows, by rustls.
//!
//! It is this very program, started anew within the network of the host, because only a process of its own can be there.

use super::host::Host;
use super::lab::Lab;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ENTRY: &str = "EOS_TEST_RECEIVER";

/// The name that its certificate is for, and its port.
pub const NAME: &str = "hooks.internal";
/// The name of its authority.
pub const AUTHORITY: &str = "a private authority";

const ADDRESS: &str = "127.0.0.1:8443";

/// A server that runs until it is dropped.
pub struct Receiver {
    folder: PathBuf,
    child: Child,
    /// The certificate of its authority, in PEM.
    pub authority: String,
}

/// An authority: its certificate in PEM, and what signs.
fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}

/// The certificate of an authority of this name that signed nothing.
pub fn stranger(name: &str) -> String {
    authority(name).0
}

impl Receiver {
    /// Listens on a host.
    pub fn on(lab: &Lab, host: &Host) -> Self {
        let folder = lab.place(host.number()).join("receiver");
        fs::create_dir(&folder).unwrap();
        let (authority, issuer) = authority(AUTHORITY);
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        fs::write(folder.join("certificate"), certificate.pem()).unwrap();
        fs::write(folder.join("key"), key.serialize_pem()).unwrap();
        let space = format!("--net=/run/netns/{}", lab.space(host.number()));
        let child = Command::new("nsenter")
            .arg(space)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "receiver::receiver_entry", "--nocapture"])
            .env(ENTRY, &folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { folder, child, authority }
    }

    /// What it was sent, one object on each line.
    pub fn heard(&self) -> String {
        fs::read_to_string(self.folder.join("heard")).unwrap_or_default()
    }

    /// Why callers turned away from it, one reason on each line.
    pub fn refused(&self) -> String {
        fs::read_to_string(self.folder.join("refused")).unwrap_or_default()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Not a test by itself: the server, when it is told where its files are.
#[test]
fn receiver_entry() {
    let Some(folder) = std::env::var_os(ENTRY).map(PathBuf::from) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(&folder));
}

async fn serve(folder: &Path) {
    let certificate = CertificateDer::from_pem_file(folder.join("certificate")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(ADDRESS).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        match acceptor.accept(stream).await {
            Err(error) => append(&folder.join("refused"), &error.to_string()),
            Ok(mut stream) => {
                let mut request = Vec::new();
                while !request.ends_with(b"}") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                let request = String::from_utf8_lossy(&request);
                append(&folder.join("heard"), request.split("\r\n\r\n").nth(1).unwrap_or_default());
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.ok();
                stream.shutdown().await.ok();
            }
        }
    }
}

fn append(path: &Path, line: &str) {
    let before = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, format!("{before}{line}\n")).unwrap();
}
