//! A collector of traces on a real socket: it speaks the gRPC of OTLP and keeps what it is sent.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::post;
use hyper::body::Frame;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Listens until dropped.
pub struct Collector {
    address: SocketAddr,
    requests: mpsc::Receiver<Request>,
    _runtime: tokio::runtime::Runtime,
}

/// One export, as sent.
pub struct Request(Bytes);

impl Collector {
    /// On a free port of this machine.
    pub fn listen() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel();
        let export = post(move |body: Bytes| async move {
            sender.send(Request(body)).unwrap();
            accepted()
        });
        let router = axum::Router::new().route(EXPORT, export);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, requests, _runtime: runtime }
    }

    /// What to give as the endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next exports, in the order of their arrival.
    pub fn received(&self, count: usize) -> Vec<Request> {
        (0..count).map(|_| self.requests.recv_timeout(Duration::from_secs(10)).unwrap()).collect()
    }
}

impl Request {
    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the bytes occur in it.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.bytes().windows(bytes.len()).any(|window| window == bytes)
    }

    /// As `holds`, for an identifier written in hexadecimal.
    pub fn holds_hex(&self, text: &str) -> bool {
        let bytes: Vec<u8> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
        self.holds(&bytes)
    }
}

/// An empty answer, and the status in the trailers as gRPC wants it.
fn accepted() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = vec![Frame::trailers(trailers), Frame::data(Bytes::from_static(&[0; 5]))];
    Response::builder()
        .status(StatusCode::OK)
        .header("content-type", "application/grpc")
        .body(Body::new(Frames(frames)))
        .unwrap()
}

/// The frames still to send, last first.
struct Frames(Vec<Frame<Bytes>>);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop().map(Ok))
    }
}
