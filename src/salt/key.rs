//! Public keys of minions: their fingerprints, and which of them a Salt master knows under a name.

use crate::model::digest::Fingerprint;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The fingerprint of a public key in PEM: the SHA-256 of its DER.
///
/// It is not the one that `salt-key -f` and `salt-call key.finger` print: these two hash different texts of one key.
/// None for what is no PEM.
pub fn fingerprint(pem: &str) -> Option<Fingerprint> {
    let der = STANDARD.decode(body(pem)?.concat()).ok()?;
    Some(sha256(&der))
}

fn sha256(bytes: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    Fingerprint::from_bytes(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}

/// The lines between the first one and the last one.
fn body(pem: &str) -> Option<Vec<&str>> {
    let mut lines = pem.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next().filter(|line| line.starts_with("-----BEGIN ") && line.contains("PUBLIC KEY"))?;
    let mut lines: Vec<&str> = lines.collect();
    lines.pop().filter(|line| line.starts_with("-----END "))?;
    (!lines.is_empty()).then_some(lines)
}

/// What a minion compares as `master_finger`: the SHA-256 of the lines between the first one and the last one, as they
/// stand in the file. None for what is no PEM.
pub fn master_finger(pem: &str) -> Option<String> {
    let text: String = body(pem)?.iter().map(|line| format!("{line}\n")).collect();
    let pairs: Vec<String> =
        sha256(text.as_bytes()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}

/// The keys that a Salt master knows under one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The one that it accepted.
    pub accepted: Option<Fingerprint>,
    /// The one that waits.
    pub waiting: Option<Fingerprint>,
    /// The one that it refused because another one was there, or that somebody rejected.
    pub refused: Option<Fingerprint>,
}

impl Known {
    /// From what `salt-key --print NAME --out=json` says of this name.
    ///
    /// # Errors
    /// When it is not understood; the text says what.
    pub fn parse(text: &str, name: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("its answer is no JSON: {error}"))?;
        let of = |status: &str| match &document[status][name] {
            Value::Null => Ok(None),
            Value::String(pem) => {
                fingerprint(pem).map(Some).ok_or_else(|| format!("{status} holds no public key of {name}"))
            }
            _ => Err(format!("what it says of {status} is not understood")),
        };
        Ok(Self {
            accepted: of("minions")?,
            waiting: of("minions_pre")?,
            refused: match of("minions_denied")? {
                Some(key) => Some(key),
                None => of("minions_rejected")?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nAAEC\nAwQF\n-----END PUBLIC KEY-----";

    #[test]
    fn a_key_has_one_fingerprint_however_its_file_ends_its_lines() {
        let wanted = sha256(&[0, 1, 2, 3, 4, 5]);
        for text in [PEM.to_owned(), format!("{PEM}\n"), PEM.replace('\n', "\r\n"), format!("\n{PEM}\n\n")] {
            assert_eq!(fingerprint(&text), Some(wanted), "{text:?}");
        }
        for wrong in ["", "AAEC", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "ssh-rsa AAEC x"] {
            assert_eq!(fingerprint(wrong), None, "{wrong:?}");
        }
        let private = PEM.replace("PUBLIC", "PRIVATE");
        assert_eq!(fingerprint(&private), None, "a private key is nothing to compare");
    }

    #[test]
    fn the_finger_of_a_master_is_the_one_that_minions_compute() {
        // As salt.utils.crypt.pem_finger of Salt 3008.3 makes it of a file with this text.
        let wanted =
            "99:c3:67:30:0f:77:de:de:ee:41:a4:60:21:f3:73:3b:b5:0b:85:72:ef:03:e5:c8:df:db:e3:cc:96:6f:83:72";
        assert_eq!(master_finger(PEM).as_deref(), Some(wanted));
    }

    #[test]
    fn keys_are_told_by_what_the_master_did_with_them() {
        let pem = serde_json::json!(PEM);
        let text = serde_json::json!({"minions_pre": {"n1": pem}, "minions_denied": {"n1": pem}}).to_string();
        let key = fingerprint(PEM);
        let known = Known::parse(&text, "n1").expect("it is understood");
        assert_eq!(known, Known { accepted: None, waiting: key, refused: key });
        assert_eq!(Known::parse("{}", "n1"), Ok(Known::default()));
        assert_eq!(Known::parse(&text, "n2"), Ok(Known::default()));
        for (wrong, why) in [
            ("x", "its answer is no JSON: expected value at line 1 column 1"),
            (r#"{"minions": {"n1": "x"}}"#, "minions holds no public key of n1"),
            (r#"{"minions": {"n1": 1}}"#, "what it says of minions is not understood"),
        ] {
            assert_eq!(Known::parse(wrong, "n1"), Err(why.to_owned()));
        }
    }
}
