//! Where a master listens, as people write it: `10.0.1.10`, `10.0.1.10:4507`, `[fd00::1]:4507`,
//! `master.example.org:4507`.

use crate::model::explain::{Code, Exit, Explain};
use std::fmt;
use std::net::IpAddr;

/// A host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// By address.
    Ip(IpAddr),
    /// By a name that is still to be resolved.
    Name(String),
}

/// A host, and its port when one was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Option<u16>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.port) {
            (Host::Ip(IpAddr::V6(ip)), Some(port)) => write!(f, "[{ip}]:{port}"),
            (Host::Ip(ip), None) => write!(f, "{ip}"),
            (Host::Ip(ip), Some(port)) => write!(f, "{ip}:{port}"),
            (Host::Name(name), None) => write!(f, "{name}"),
            (Host::Name(name), Some(port)) => write!(f, "{name}:{port}"),
        }
    }
}

/// A text that is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an address of a master: {why}")]
pub struct InvalidEndpoint {
    /// What was given, at most 80 characters of it.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Explain for InvalidEndpoint {
    fn code(&self) -> Code {
        Code("C028")
    }

    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "write it like one of these: 10.0.1.10, 10.0.1.10:4507, [fd00::1]:4507, master.example.org"
                .to_owned(),
        ]
    }
}

/// Reads an endpoint; does not resolve names.
///
/// # Errors
/// When it is none, with the reason.
pub fn parse_endpoint(text: &str) -> Result<Endpoint, InvalidEndpoint> {
    let invalid = |why| InvalidEndpoint { text: text.chars().take(80).collect(), why };
    if text.contains("://") {
        return Err(invalid("leave out the part up to ://"));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, rest) = rest.split_once(']').ok_or_else(|| invalid("the ] is missing"))?;
        let ip = ip.parse::<std::net::Ipv6Addr>().map_err(|_| invalid("no IPv6 address between [ and ]"))?;
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':').ok_or_else(|| invalid("only :PORT may follow the ]"))?),
        };
        return Ok(Endpoint { host: Host::Ip(ip.into()), port: parse_port(port).map_err(invalid)? });
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Endpoint { host: Host::Ip(ip), port: None });
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| port.contains(':')) {
        return Err(invalid("an IPv6 address with a port stands in brackets"));
    }
    Ok(Endpoint { host: parse_host(host).map_err(invalid)?, port: parse_port(port).map_err(invalid)? })
}

fn parse_port(text: Option<&str>) -> Result<Option<u16>, &'static str> {
    match text.map(str::parse::<u16>) {
        None => Ok(None),
        Some(Ok(port)) if port > 0 => Ok(Some(port)),
        Some(_) => Err("the port must be a number from 1 to 65535"),
    }
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(ip));
    }
    let label = |label: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        label.len() <= 63
            && edge(label.chars().next())
            && edge(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    if text.is_empty() {
        Err("the host is missing")
    } else if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        Err("an IPv4 address has four numbers from 0 to 255")
    } else if text.len() > 253 || !text.split('.').all(label) {
        Err("it is neither an IP address nor a host name")
    } else {
        Ok(Host::Name(text.to_owned()))
    }
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<InvalidEndpoint> {
    vec![InvalidEndpoint { text: "10.0.1".to_owned(), why: "an IPv4 address has four numbers from 0 to 255" }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn endpoints_are_read_and_written_alike() -> Result<(), InvalidEndpoint> {
        for text in
            ["10.0.1.10", "10.0.1.10:4507", "fd00::1", "[fd00::1]:4507", "master", "m-1.example.org:9000"]
        {
            assert_eq!(parse_endpoint(text)?.to_string(), text);
        }
        assert_eq!(parse_endpoint("[fd00::1]")?.to_string(), "fd00::1");
        assert_eq!(
            parse_endpoint("master:1")?,
            Endpoint { host: Host::Name("master".to_owned()), port: Some(1) }
        );
        Ok(())
    }

    #[test]
    fn what_is_no_endpoint_says_why() {
        for (text, why) in [
            ("", "the host is missing"),
            (":4507", "the host is missing"),
            ("10.0.1", "an IPv4 address has four numbers from 0 to 255"),
            ("10.0.1.300", "an IPv4 address has four numbers from 0 to 255"),
            ("10.0.1.10:0", "the port must be a number from 1 to 65535"),
            ("10.0.1.10:", "the port must be a number from 1 to 65535"),
            ("10.0.1.10:70000", "the port must be a number from 1 to 65535"),
            ("fd00::1:x", "an IPv6 address with a port stands in brackets"),
            ("[fd00::1", "the ] is missing"),
            ("[10.0.1.10]:1", "no IPv6 address between [ and ]"),
            ("[fd00::1]4507", "only :PORT may follow the ]"),
            ("https://master", "leave out the part up to ://"),
            ("my_master", "it is neither an IP address nor a host name"),
            ("a b", "it is neither an IP address nor a host name"),
        ] {
            let error = parse_endpoint(text).expect_err(text);
            tells(&error, "EOS-C028", &format!("{text:?} is not an address of a master: {why}"));
        }
    }

    #[test]
    fn a_wrong_address_is_a_usage_error_with_a_hint() {
        let sample = &samples()[0];
        assert_eq!((sample.code(), sample.exit(), sample.hints().len()), (Code("C028"), Exit::Usage, 1));
    }
}
