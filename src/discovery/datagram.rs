//! The datagrams of discovery, version 1: what a query, an answer and an announcement look like, byte by byte. Pure.
//!
//! Every version begins with the same 22 bytes: `eosd`, the version, the kind, and the sender's nonce. So a side
//! that does not know a version still knows whose question it is, and can say that they do not understand each
//! other. A query is as long as the longest answer: nobody is sent more than he sent himself.

mod announcement;

pub use announcement::{Announced, Sealed};

use crate::model::digest::Fingerprint;
use crate::wire::version::Versions;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The version of the datagrams that this build sends.
pub const VERSION: u8 = 1;

/// No datagram is longer, and no query is shorter, in bytes.
pub const LONGEST: usize = 500;

/// The longest name of a cluster or node, in bytes.
pub const LONGEST_NAME: usize = 255;

/// The most addresses that an answer may name.
const MOST_ADDRESSES: usize = 8;

/// The longest release, in bytes.
const LONGEST_RELEASE: usize = 32;

/// The longest signature: ECDSA P-256 in ASN.1, in bytes.
const LONGEST_SIGNATURE: usize = 72;

const MAGIC: &[u8; 4] = b"eosd";
const QUERY: u8 = 1;
const ANSWER: u8 = 2;
const ANNOUNCEMENT: u8 = 3;

/// What a signature of an answer is over, before the answer itself: it is good for nothing else.
const PURPOSE: &[u8] = b"eos discovery answer v1\0";

/// What an asker draws, and finds again in the answers to it.
pub type Nonce = [u8; 16];

/// A datagram that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datagram {
    /// Somebody asks who is there; of a later version, no more than the nonce is known.
    Query {
        /// The version of the datagram.
        version: u8,
        /// The asker's nonce.
        nonce: Nonce,
    },
    /// Somebody is there.
    Answer(Box<Answer>),
    /// Somebody takes part in an election.
    Announcement(Box<Sealed>),
    /// Somebody is there, in a version that this build does not read.
    Unread {
        /// The version of the datagram.
        version: u8,
        /// The asker's nonce.
        nonce: Nonce,
    },
}

/// What a master says of itself and its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The cluster's id.
    pub cluster: String,
    /// The name of the master's node.
    pub node: String,
    /// Where its API is.
    pub addresses: Vec<SocketAddr>,
    /// The fingerprint of the cluster's authority.
    pub authority: Fingerprint,
    /// What it speaks.
    pub versions: Versions,
}

/// An answer, whose signature nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The nonce of the query that it answers.
    pub nonce: Nonce,
    /// What it says.
    pub statement: Statement,
    /// The signature, ECDSA P-256 in ASN.1.
    pub signature: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    /// The bytes that the signature is over.
    pub fn signed(&self) -> Vec<u8> {
        signed(&self.body)
    }
}

/// Why bytes are no datagram of discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something else is spoken here.
    #[error("it does not begin as a datagram of discovery does")]
    Foreign,
    /// It ends too early.
    #[error("it ends before its end")]
    Short,
    /// A query that is shorter than an answer to it could be.
    #[error("it is a query shorter than an answer")]
    Unpadded,
    /// More follows than is told.
    #[error("it goes on after its end")]
    Trailing,
    /// It is longer than any.
    #[error("it is longer than 500 bytes")]
    Long,
    /// A field holds what it must not.
    #[error("its {0} is malformed")]
    Field(&'static str),
}

/// A query with this nonce.
pub fn query(nonce: &Nonce) -> Vec<u8> {
    let mut bytes = head(QUERY, nonce);
    bytes.resize(LONGEST, 0);
    bytes
}

/// An answer to the query with this nonce, still without its signature.
#[derive(Debug)]
pub struct Unsigned(Vec<u8>);

impl Unsigned {
    /// Writes it down. Of the addresses as many are named as fit; one always does.
    ///
    /// # Errors
    /// When a name is none, or the longest names come together, so that not even one address fits.
    pub fn new(nonce: &Nonce, statement: &Statement) -> Result<Self, Malformed> {
        let mut bytes = head(ANSWER, nonce);
        bytes.extend_from_slice(statement.authority.as_bytes());
        for protocol in [statement.versions.protocol, statement.versions.oldest_protocol] {
            let protocol = u16::try_from(protocol).map_err(|_| Malformed::Field("protocol"))?;
            bytes.extend_from_slice(&protocol.to_be_bytes());
        }
        put(&mut bytes, &statement.versions.version, LONGEST_RELEASE, "release")?;
        put(&mut bytes, &statement.cluster, LONGEST_NAME, "cluster")?;
        put(&mut bytes, &statement.node, LONGEST_NAME, "node")?;
        let count = bytes.len();
        bytes.push(0);
        for address in statement.addresses.iter().take(MOST_ADDRESSES) {
            let encoded = address_bytes(*address);
            if bytes.len() + encoded.len() + 1 + LONGEST_SIGNATURE > LONGEST {
                break;
            }
            bytes.extend_from_slice(&encoded);
            bytes[count] += 1;
        }
        if bytes[count] == 0 { Err(Malformed::Field("list of addresses")) } else { Ok(Self(bytes)) }
    }

    /// The bytes to sign.
    pub fn to_sign(&self) -> Vec<u8> {
        signed(&self.0)
    }

    /// The datagram with its signature.
    ///
    /// # Errors
    /// When that is no signature by its length.
    pub fn with(mut self, signature: &[u8]) -> Result<Vec<u8>, Malformed> {
        let length = u8::try_from(signature.len()).map_err(|_| Malformed::Field("signature"))?;
        if signature.is_empty() || signature.len() > LONGEST_SIGNATURE {
            return Err(Malformed::Field("signature"));
        }
        self.0.push(length);
        self.0.extend_from_slice(signature);
        Ok(self.0)
    }
}

impl Datagram {
    /// Reads a datagram. Of a later version only the common beginning is read.
    ///
    /// # Errors
    /// When it is none; nothing of it may be used then.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = Rest(bytes);
        let [a, b, c, d, version, kind] = rest.take().map_err(|_| Malformed::Foreign)?;
        if &[a, b, c, d] != MAGIC || version == 0 {
            return Err(Malformed::Foreign);
        }
        if bytes.len() > LONGEST {
            return Err(Malformed::Long);
        }
        let nonce: Nonce = rest.take()?;
        match (kind, version) {
            (QUERY, _) if bytes.len() < LONGEST => Err(Malformed::Unpadded),
            (QUERY, VERSION) if rest.0.iter().any(|byte| *byte != 0) => Err(Malformed::Trailing),
            (QUERY, _) => Ok(Self::Query { version, nonce }),
            (ANSWER, VERSION) => Ok(Self::Answer(Box::new(answer(bytes, nonce, rest)?))),
            (ANNOUNCEMENT, VERSION) => Ok(Self::Announcement(Box::new(Sealed::read(bytes, nonce, rest)?))),
            (ANSWER | ANNOUNCEMENT, _) => Ok(Self::Unread { version, nonce }),
            _ => Err(Malformed::Field("kind")),
        }
    }
}

fn answer(bytes: &[u8], nonce: Nonce, mut rest: Rest<'_>) -> Result<Answer, Malformed> {
    let authority = Fingerprint::from_bytes(rest.take()?);
    let protocol = u32::from(u16::from_be_bytes(rest.take()?));
    let oldest_protocol = u32::from(u16::from_be_bytes(rest.take()?));
    if oldest_protocol > protocol {
        return Err(Malformed::Field("protocol"));
    }
    let version = rest.text(LONGEST_RELEASE, "release")?;
    let cluster = rest.text(LONGEST_NAME, "cluster")?;
    let node = rest.text(LONGEST_NAME, "node")?;
    let [count] = rest.take()?;
    if count == 0 || usize::from(count) > MOST_ADDRESSES {
        return Err(Malformed::Field("list of addresses"));
    }
    let addresses = (0..count).map(|_| rest.address()).collect::<Result<Vec<_>, _>>()?;
    let body = bytes[..bytes.len() - rest.0.len()].to_vec();
    // Room for the longest signature is left, whatever the length of this one.
    if body.len() > LONGEST - 1 - LONGEST_SIGNATURE {
        return Err(Malformed::Long);
    }
    let [length] = rest.take()?;
    let signature = rest.slice(usize::from(length))?.to_vec();
    if signature.is_empty() || signature.len() > LONGEST_SIGNATURE {
        return Err(Malformed::Field("signature"));
    }
    if !rest.0.is_empty() {
        return Err(Malformed::Trailing);
    }
    let versions = Versions { protocol, oldest_protocol, version };
    let statement = Statement { cluster, node, addresses, authority, versions };
    Ok(Answer { nonce, statement, signature, body })
}

fn head(kind: u8, nonce: &Nonce) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LONGEST);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(nonce);
    bytes
}

fn signed(body: &[u8]) -> Vec<u8> {
    [PURPOSE, body].concat()
}

/// Names are shown to people and compared: letters, digits, `-`, `_`, `.` and `+`, as in ids and releases.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
}

fn put(bytes: &mut Vec<u8>, text: &str, longest: usize, field: &'static str) -> Result<(), Malformed> {
    let length = u8::try_from(text.len()).map_err(|_| Malformed::Field(field))?;
    if text.len() > longest || !is_name(text) {
        return Err(Malformed::Field(field));
    }
    bytes.push(length);
    bytes.extend_from_slice(text.as_bytes());
    Ok(())
}

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let mut bytes = Vec::new();
    match address.ip() {
        IpAddr::V4(ip) => {
            bytes.push(4);
            bytes.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.push(6);
            bytes.extend_from_slice(&ip.octets());
        }
    }
    bytes.extend_from_slice(&address.port().to_be_bytes());
    bytes
}

/// What is left to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn slice(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let taken = self.slice(N)?;
        taken.try_into().map_err(|_| Malformed::Short)
    }

    fn text(&mut self, longest: usize, field: &'static str) -> Result<String, Malformed> {
        let [length] = self.take()?;
        let bytes = self.slice(usize::from(length))?;
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Field(field))?;
        if text.len() > longest || !is_name(text) {
            return Err(Malformed::Field(field));
        }
        Ok(text.to_owned())
    }

    fn address(&mut self) -> Result<SocketAddr, Malformed> {
        let [kind] = self.take()?;
        let ip: IpAddr = match kind {
            4 => Ipv4Addr::from(self.take::<4>()?).into(),
            6 => Ipv6Addr::from(self.take::<16>()?).into(),
            _ => return Err(Malformed::Field("address")),
        };
        let port = u16::from_be_bytes(self.take()?);
        if port == 0 || ip.is_unspecified() || ip.is_multicast() {
            return Err(Malformed::Field("address"));
        }
        Ok(SocketAddr::new(ip, port))
    }
}

#[cfg(test)]
mod tests;
