//! Join tokens: `eos1.AUTHORITY.ID.SECRET.CHECKSUM`.
//!
//! AUTHORITY is the SHA-256 of the cluster's authority in hexadecimal digits, or `any` for a
//! pre-shared token that was made before there was a cluster. CHECKSUM tells a damaged token from
//! a wrong one without asking anybody. The secret never crosses the wire and is never stored: the
//! master keeps a key derived from it.

use crate::identity::error::IdentityError;
use crate::identity::key::{random, sha256};
use crate::model::digest::{Fingerprint, hex};
use crate::model::ids::TokenId;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret, SecretBox, SecretString};

const PREFIX: &str = "eos1";
const ANY: &str = "any";
const SECRET_BYTES: usize = 24;
const LENGTH: usize = 4 + 1 + 64 + 1 + 12 + 1 + 32 + 1 + 8;
const LENGTH_ANY: usize = LENGTH - 64 + 3;

/// A parsed token.
#[derive(Debug)]
pub struct Token {
    /// The authority it pins; none for a pre-shared token.
    pub authority: Option<Fingerprint>,
    /// Its public id.
    pub id: TokenId,
    secret: SecretBox<[u8; SECRET_BYTES]>,
}

impl Token {
    /// Makes a token with a fresh secret.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate(authority: Option<Fingerprint>) -> Result<Self, IdentityError> {
        let id = TokenId::parse(&hex(&random::<6>()?)).expect("hexadecimal digits make an id");
        Ok(Self { authority, id, secret: SecretBox::new(Box::new(random::<SECRET_BYTES>()?)) })
    }

    /// Parses the text that `eos token create` printed.
    ///
    /// # Errors
    /// Says which part is bad, and tells a truncated token from a malformed one.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let text = text.trim();
        let shape = |reason| IdentityError::TokenShape { reason };
        let Some(rest) = text.strip_prefix("eos1.") else {
            return Err(shape("it does not begin with eos1."));
        };
        let expected = if rest.starts_with("any") { LENGTH_ANY } else { LENGTH };
        let damaged = || IdentityError::TokenChecksum { length: text.len(), expected };
        let Some((body, sum)) = text.rsplit_once('.').filter(|(body, sum)| checksum(body) == *sum) else {
            return Err(damaged());
        };
        tracing::trace!(length = sum.len(), "the token's checksum fits");
        let parts: Vec<&str> = body.split('.').collect();
        let [_, authority, id, secret] = parts[..] else {
            return Err(shape("it has not five parts"));
        };
        let authority = match authority {
            ANY => None,
            other => Some(
                Fingerprint::parse(other).map_err(|_| shape("its authority is not 64 hexadecimal digits"))?,
            ),
        };
        let id = TokenId::parse(id).map_err(|_| shape("its id is malformed"))?;
        let secret =
            URL_SAFE_NO_PAD.decode(secret).ok().and_then(|bytes| <[u8; SECRET_BYTES]>::try_from(bytes).ok());
        let secret = secret.ok_or_else(|| shape("its secret is malformed"))?;
        let token = Self { authority, id, secret: SecretBox::new(Box::new(secret)) };
        match token.reveal().expose_secret() == text {
            true => Ok(token),
            false => Err(shape("it is not in the form in which eos prints tokens")),
        }
    }

    /// The whole token, to be shown once to the person who asked for it.
    pub fn reveal(&self) -> SecretString {
        let authority = self.authority.map_or_else(|| ANY.to_owned(), |authority| hex(authority.as_bytes()));
        let secret = URL_SAFE_NO_PAD.encode(self.secret.expose_secret());
        let body = format!("{PREFIX}.{authority}.{}.{secret}", self.id);
        SecretString::from(format!("{body}.{}", checksum(&body)))
    }

    /// The key that both sides prove to know; the master stores this and not the secret.
    pub fn key(&self) -> TokenKey {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.expose_secret());
        let tag = hmac::sign(&key, b"eos token key v1");
        TokenKey(SecretBox::new(Box::new(tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes"))))
    }
}

/// The key derived from a token's secret; never printed.
#[derive(Debug)]
pub struct TokenKey(SecretBox<[u8; 32]>);

impl TokenKey {
    /// Reads the form that the registry stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(SecretBox::new(Box::new(bytes.try_into().ok()?))))
    }

    /// The form that the registry stores.
    pub fn to_stored(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.expose_secret())
    }

    pub(crate) fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret())
    }
}

fn checksum(body: &str) -> String {
    hex(&sha256(body.as_bytes()).as_bytes()[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_printed_and_parsed() -> Result<(), IdentityError> {
        for (authority, length) in [(None, LENGTH_ANY), (Some(Fingerprint::from_bytes([9; 32])), LENGTH)] {
            let token = Token::generate(authority)?;
            let text = token.reveal();
            assert_eq!(text.expose_secret().len(), length);
            let again = Token::parse(&format!(" {}\n", text.expose_secret()))?;
            assert_eq!((again.authority, &again.id), (authority, &token.id));
            assert_eq!(again.key().to_stored(), token.key().to_stored());
        }
        Ok(())
    }

    #[test]
    fn every_truncation_of_a_token_is_named_as_such() -> Result<(), IdentityError> {
        let text = Token::generate(Some(Fingerprint::from_bytes([9; 32])))?.reveal();
        let text = text.expose_secret();
        for length in 5..text.len() {
            let error = Token::parse(&text[..length]).expect_err("truncated");
            assert!(matches!(error, IdentityError::TokenChecksum { .. }), "{length}: {error}");
        }
        assert!(matches!(Token::parse("K10abc"), Err(IdentityError::TokenShape { .. })));
        Ok(())
    }

    #[test]
    fn a_token_has_one_form() -> Result<(), IdentityError> {
        let token = Token::generate(Some(Fingerprint::from_bytes([0xab; 32])))?;
        let text = token.reveal();
        let (body, _) = text.expose_secret().rsplit_once('.').expect("five parts");
        for other in [body.replace("abab", "ABAB"), body.replace("eos1.", "eos1.sha256:")] {
            let error = Token::parse(&format!("{other}.{}", checksum(&other))).expect_err("another form");
            assert!(error.to_string().contains("the form in which eos prints tokens"), "{error}");
        }
        Ok(())
    }

    #[test]
    fn neither_debug_nor_an_error_shows_the_secret() -> Result<(), IdentityError> {
        let token = Token::generate(None)?;
        let text = token.reveal();
        let secret = text.expose_secret().split('.').nth(3).expect("five parts").to_owned();
        assert!(!format!("{token:?} {:?}", token.key()).contains(&secret));
        let damaged = text.expose_secret().replace("any", "anz");
        assert!(!format!("{:?}", Token::parse(&damaged)).contains(&secret));
        Ok(())
    }
}
