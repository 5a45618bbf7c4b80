//! Connections on which a part is read by the thread that uses it, in large pieces.
//!
//! Everything else goes over the general client. That one copies each byte more often and wakes a thread
//! for every few kilobytes; for bulk this costs more than cipher and digest together.

use crate::telemetry::context;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::runtime::Handle;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// A read that brings nothing for so long gives the caller a turn.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Bytes taken from the kernel at a time; the cipher takes them in much smaller pieces.
const TAKEN: usize = 256 << 10;

/// The most bytes of the head of an answer.
const HEAD: usize = 16 << 10;

/// A way to one holder: connections that are open and not in use.
pub(super) struct Line {
    config: Arc<ClientConfig>,
    certified: String,
    address: SocketAddr,
    local: Option<IpAddr>,
    idle: Mutex<Vec<Connection>>,
}

/// An open connection.
pub(super) struct Connection {
    tls: StreamOwned<ClientConnection, Socket>,
    /// Whether it has answered before: then it may have been closed in the meantime.
    pub(super) used: bool,
}

/// What stands before the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Bytes of the body.
    pub(super) length: u64,
    /// When to ask again, in seconds, if the answer says so.
    pub(super) again: Option<u64>,
    /// Whether the connection may be used again after the body.
    keep: bool,
}

struct Socket(BufReader<TcpStream>);

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.get_mut().flush()
    }
}

impl Line {
    /// To whoever has a certificate of this name at this address.
    pub(super) fn new(
        config: Arc<ClientConfig>,
        certified: &str,
        address: SocketAddr,
        local: Option<IpAddr>,
    ) -> Self {
        Self { config, certified: certified.to_owned(), address, local, idle: Mutex::default() }
    }

    /// A connection that is open already, if there is one.
    pub(super) fn idle(&self) -> Option<Connection> {
        self.connections().pop()
    }

    /// A new connection; `runtime` waits for it.
    pub(super) fn open(&self, runtime: &Handle) -> io::Result<Connection> {
        let connect = async {
            let socket = if self.address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            if let Some(local) = self.local {
                socket.bind((local, 0).into())?;
            }
            match tokio::time::timeout(CONNECT, socket.connect(self.address)).await {
                Ok(connected) => connected?.into_std(),
                Err(_) => Err(ErrorKind::TimedOut.into()),
            }
        };
        let stream = runtime.block_on(connect)?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.set_write_timeout(Some(CONNECT))?;
        let name = ServerName::try_from(self.certified.clone()).map_err(io::Error::other)?;
        let client = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        let socket = Socket(BufReader::with_capacity(TAKEN, stream));
        Ok(Connection { tls: StreamOwned::new(client, socket), used: false })
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn keep(&self, mut connection: Connection, head: &Head) {
        if head.keep {
            connection.used = true;
            self.connections().push(connection);
        }
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Goes on with the handshake; says whether it is over. To be called until it is.
    pub(super) fn is_secured(&mut self) -> io::Result<bool> {
        if !self.tls.conn.is_handshaking() {
            return Ok(true);
        }
        match self.tls.conn.complete_io(&mut self.tls.sock) {
            Ok((0, 0)) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(!self.tls.conn.is_handshaking()),
            Err(error) if is_pause(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks for a range.
    pub(super) fn ask(&mut self, host: &str, path: &str, (first, last): (u64, u64)) -> io::Result<()> {
        let trace = context::current().map(|value| format!("{}: {value}\r\n", context::HEADER));
        let trace = trace.unwrap_or_default();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nrange: bytes={first}-{last}\r\n{trace}\r\n");
        self.tls.write_all(request.as_bytes())?;
        self.tls.flush()
    }

    /// What has come and was not consumed; nothing when nothing came for a while.
    ///
    /// # Errors
    /// When the connection broke, or ended.
    pub(super) fn come(&mut self) -> io::Result<Option<&[u8]>> {
        match self.tls.fill_buf() {
            Ok([]) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if is_pause(&error) => Ok(None),
            Err(error) => Err(error),
            // Asked once more, since the answer of the first call may not be returned from one arm alone.
            Ok(_) => self.tls.fill_buf().map(Some),
        }
    }

    /// So much of it was used.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.tls.consume(bytes);
    }

    /// Adds what has come to a head; the head once it is whole.
    pub(super) fn head(&mut self, so_far: &mut Vec<u8>) -> io::Result<Option<Head>> {
        let Some(come) = self.come()? else { return Ok(None) };
        let (before, length) = (so_far.len(), come.len());
        so_far.extend_from_slice(come);
        let Some(end) = so_far.windows(4).position(|four| four == b"\r\n\r\n") else {
            self.consume(length);
            return if so_far.len() > HEAD { Err(strange()) } else { Ok(None) };
        };
        self.consume(end + 4 - before);
        Head::parse(&so_far[..end]).map(Some).ok_or_else(strange)
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let (mut length, mut again, mut keep) = (None, None, true);
        for line in lines {
            let (name, value) = line.split_once(':')?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" if length.is_none() => length = Some(value.parse().ok()?),
                // Two lengths, or a body in a form of its own: where it ends is anybody's guess.
                "content-length" | "transfer-encoding" => return None,
                "retry-after" => again = value.parse().ok(),
                "connection" => keep = !value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Some(Self { status, length: length?, again, keep })
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn strange() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it does not answer as a holder of snapshots does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_one_whose_body_has_no_certain_end_is_not() {
        let head = |status, length, again, keep| Some(Head { status, length, again, keep });
        let of = |text: &str| Head::parse(text.replace('\n', "\r\n").as_bytes());
        assert_eq!(of("HTTP/1.1 206 Partial Content\nContent-Length: 7"), head(206, 7, None, true));
        assert_eq!(
            of("HTTP/1.1 503 x\nretry-after: 3\nconnection: close\ncontent-length:  0 "),
            head(503, 0, Some(3), false)
        );
        for strange in [
            "",
            "HTTP/1.0 200 OK\ncontent-length: 1",
            "HTTP/1.1 2",
            "HTTP/1.1 206 x",
            "HTTP/1.1 206 x\ncontent-length: 1\ncontent-length: 2",
            "HTTP/1.1 206 x\ncontent-length: -1",
            "HTTP/1.1 206 x\ncontent-length: 1\ntransfer-encoding: chunked",
            "HTTP/1.1 206 x\nno header",
        ] {
            assert_eq!(of(strange), None, "{strange}");
        }
    }
}
