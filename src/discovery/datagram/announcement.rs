//! What a machine that takes part in an election tells all others, sealed by the key that their token gives them. Pure.

use super::{ANNOUNCEMENT, LONGEST_NAME, Malformed, Nonce, Rest, head, put};
use crate::discovery::election::Announcement;
use crate::identity::election::{ElectionKey, SEAL};
use crate::model::digest::{Digest, Fingerprint};

/// What a seal is over, before the announcement itself: it is good for nothing else.
const PURPOSE: &[u8] = b"eos election announcement v1\0";

/// The longest id of a token, in bytes.
const LONGEST_TOKEN: usize = 32;

/// What a machine announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// Drawn when its program began to take part: two of them under one identity are copies.
    pub life: Nonce,
    /// The public id of its token.
    pub token: String,
    /// How many machines it was told.
    pub expected: u16,
    /// What it says.
    pub said: Announcement,
    /// What its node is called.
    pub node: String,
}

/// An announcement whose seal nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it says.
    pub announced: Announced,
    body: Vec<u8>,
    seal: [u8; SEAL],
}

impl Announced {
    /// The datagram, sealed by this key.
    ///
    /// # Errors
    /// When a name or the token's id is none.
    pub fn sealed(&self, key: &ElectionKey) -> Result<Vec<u8>, Malformed> {
        let body = self.body()?;
        Ok(with(&body, &key.seal(&to_seal(&body))))
    }

    fn body(&self) -> Result<Vec<u8>, Malformed> {
        let mut bytes = head(ANNOUNCEMENT, &self.life);
        put(&mut bytes, &self.token, LONGEST_TOKEN, "token")?;
        bytes.extend_from_slice(&self.expected.to_be_bytes());
        bytes.extend_from_slice(self.said.from.as_bytes());
        for other in [self.said.supports, self.said.first] {
            bytes.push(u8::from(other.is_some()));
            bytes.extend_from_slice(&other.map_or([0; 32], |other| *other.as_bytes()));
        }
        bytes.extend_from_slice(self.said.view.as_bytes());
        put(&mut bytes, &self.node, LONGEST_NAME, "node")?;
        Ok(bytes)
    }
}

impl Sealed {
    pub(super) fn read(bytes: &[u8], life: Nonce, mut rest: Rest<'_>) -> Result<Self, Malformed> {
        let token = rest.text(LONGEST_TOKEN, "token")?;
        let expected = u16::from_be_bytes(rest.take()?);
        let from = Fingerprint::from_bytes(rest.take()?);
        let (supports, first) = (other(&mut rest)?, other(&mut rest)?);
        let view = Digest::from_bytes(rest.take()?);
        let node = rest.text(LONGEST_NAME, "node")?;
        let body = bytes[..bytes.len() - rest.0.len()].to_vec();
        let seal = rest.take()?;
        if !rest.0.is_empty() {
            return Err(Malformed::Trailing);
        }
        if expected == 0 {
            return Err(Malformed::Field("number of machines"));
        }
        let said = Announcement { from, supports, first, view };
        Ok(Self { announced: Announced { life, token, expected, said, node }, body, seal })
    }

    /// Whether somebody who has this key sealed it.
    pub fn opens(&self, key: &ElectionKey) -> bool {
        key.holds(&to_seal(&self.body), &self.seal)
    }

    /// The datagram written anew from what was read of it.
    ///
    /// # Errors
    /// When it could not be written; what was read can be.
    pub fn written(&self) -> Result<Vec<u8>, Malformed> {
        Ok(with(&self.announced.body()?, &self.seal))
    }
}

fn other(rest: &mut Rest<'_>) -> Result<Option<Fingerprint>, Malformed> {
    let [there] = rest.take()?;
    let bytes: [u8; 32] = rest.take()?;
    match there {
        0 if bytes == [0; 32] => Ok(None),
        1 => Ok(Some(Fingerprint::from_bytes(bytes))),
        _ => Err(Malformed::Field("machine that is named")),
    }
}

fn to_seal(body: &[u8]) -> Vec<u8> {
    [PURPOSE, body].concat()
}

fn with(body: &[u8], seal: &[u8; SEAL]) -> Vec<u8> {
    [body, seal].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::datagram::{Datagram, LONGEST};
    use crate::identity::token::Token;
    use proptest::prelude::*;

    const TEXT: &str = "eos1.any.f1bee76a0db7.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB.5edf5ea7";

    fn announced() -> Announced {
        let id = |number| Fingerprint::from_bytes([number; 32]);
        let said = Announcement {
            from: id(1),
            supports: Some(id(2)),
            first: None,
            view: Digest::from_bytes([3; 32]),
        };
        Announced {
            life: [7; 16],
            token: "f1bee76a0db7".to_owned(),
            expected: 5,
            said,
            node: "node1".to_owned(),
        }
    }

    fn read(bytes: &[u8]) -> Result<Sealed, Malformed> {
        match Datagram::parse(bytes)? {
            Datagram::Announcement(sealed) => Ok(*sealed),
            other => panic!("{other:?}"),
        }
    }

    fn key() -> ElectionKey {
        ElectionKey::of(&Token::generate(None).expect("there is randomness").key())
    }

    #[test]
    fn an_announcement_is_read_as_it_was_written_and_opened_by_its_key_alone() -> Result<(), Malformed> {
        let (key, other) = (key(), key());
        let sealed = read(&announced().sealed(&key)?)?;
        assert_eq!(sealed.announced, announced());
        assert!(sealed.opens(&key) && !sealed.opens(&other));
        Ok(())
    }

    #[test]
    fn no_bit_of_it_can_be_changed() -> Result<(), Malformed> {
        let key = key();
        let bytes = announced().sealed(&key)?;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(Datagram::Announcement(sealed)) = Datagram::parse(&changed) {
                assert!(!sealed.opens(&key), "bit {bit}");
            }
        }
        Ok(())
    }

    #[test]
    fn the_longest_names_fit_one_datagram_and_what_is_cut_off_or_goes_on_is_refused() -> Result<(), Malformed>
    {
        let longest = Announced { token: "t".repeat(32), node: "n".repeat(255), ..announced() };
        let bytes = longest.sealed(&key())?;
        assert!(bytes.len() <= LONGEST, "{} bytes", bytes.len());
        for length in 0..bytes.len() {
            assert!(Datagram::parse(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert_eq!(Datagram::parse(&[&bytes[..], &[0]].concat()), Err(Malformed::Trailing));
        let nobody = Announced { node: "a b".to_owned(), ..announced() };
        assert_eq!(nobody.sealed(&key()), Err(Malformed::Field("node")));
        Ok(())
    }

    #[test]
    fn one_of_a_later_version_is_told_and_not_read() -> Result<(), Malformed> {
        let mut bytes = announced().sealed(&key())?;
        bytes[4] = 2;
        assert_eq!(Datagram::parse(&bytes)?, Datagram::Unread { version: 2, nonce: [7; 16] });
        Ok(())
    }

    #[test]
    fn the_kept_sample_stays_readable_and_is_what_is_sent() -> anyhow::Result<()> {
        let sample = include_bytes!("../../../tests/fixtures/v1/discovery/announcement");
        let key = ElectionKey::of(&Token::parse(TEXT)?.key());
        assert!(read(sample)?.opens(&key));
        assert_eq!(read(sample)?.announced, announced());
        assert_eq!(announced().sealed(&key)?, sample);
        Ok(())
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_written_again_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let kept = announced().sealed(&key())?;
            for start in [&kept[..6], &kept[..22], &kept[..35], &kept[..120]] {
                if let Ok(Datagram::Announcement(sealed)) = Datagram::parse(&[start, &bytes].concat()) {
                    prop_assert_eq!(sealed.written()?, [start, &bytes].concat());
                }
            }
        }
    }
}
