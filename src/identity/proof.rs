//! Proofs that both sides know a token (HMAC-SHA256) and that a node holds its key (ECDSA), each over
//! the transcript of this conversation.
//!
//! The transcript holds the authority's fingerprint, so a proof that someone in between obtained
//! with an authority of his own is worthless at the real master, and the other way round.

use crate::identity::authority::RequestedKey;
use crate::identity::error::IdentityError;
use crate::identity::key::{PrivateKey, random};
use crate::identity::token::TokenKey;
use crate::model::digest::{Fingerprint, hex};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

/// For how many seconds a challenge is good.
const CHALLENGE_SECONDS: u64 = 300;

/// What both sides saw.
#[derive(Debug, Clone)]
pub struct Transcript<'a> {
    /// The authority's fingerprint.
    pub authority: Fingerprint,
    /// The master's challenge.
    pub challenge: &'a str,
    /// The joiner's nonce.
    pub nonce: &'a str,
    /// The fingerprint of the joiner's key.
    pub key: Fingerprint,
}

/// Who proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The node that wants to join.
    Joiner,
    /// The master that lets it.
    Master,
}

/// What a node asks for in the name of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To be let in, or to be told whether it would be.
    Register,
    /// To be forgotten.
    Withdraw,
}

impl Transcript<'_> {
    fn bytes(&self, side: Side) -> Vec<u8> {
        match side {
            Side::Joiner => self.fields(b"eos join v1", b"joiner"),
            Side::Master => self.fields(b"eos join v1", b"master"),
        }
    }

    fn wish(&self, wish: Wish) -> Vec<u8> {
        match wish {
            Wish::Register => self.fields(b"eos wish v1", b"register"),
            Wish::Withdraw => self.fields(b"eos wish v1", b"withdraw"),
        }
    }

    fn fields(&self, what: &[u8], who: &[u8]) -> Vec<u8> {
        let fields: [&[u8]; 6] = [
            what,
            who,
            self.authority.as_bytes(),
            self.challenge.as_bytes(),
            self.nonce.as_bytes(),
            self.key.as_bytes(),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            bytes.extend_from_slice(&(field.len() as u64).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }

    /// The signature by the node's key: it is there and asks for this now, in base64.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn sign(&self, wish: Wish, key: &PrivateKey) -> Result<String, IdentityError> {
        Ok(URL_SAFE_NO_PAD.encode(key.sign(&self.wish(wish))?))
    }

    /// Whether the signature is by this key, for this wish.
    pub fn is_signed(&self, wish: Wish, key: &RequestedKey, signature: &str) -> bool {
        let signature = URL_SAFE_NO_PAD.decode(signature);
        key.fingerprint == self.key && signature.is_ok_and(|bytes| key.signed(&self.wish(wish), &bytes))
    }

    /// The proof of one side, in base64.
    pub fn prove(&self, side: Side, key: &TokenKey) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&key.hmac(), &self.bytes(side)))
    }

    /// Whether a proof holds; compared in constant time.
    pub fn holds(&self, side: Side, key: &TokenKey, proof: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(proof)
            .is_ok_and(|proof| hmac::verify(&key.hmac(), &self.bytes(side), &proof).is_ok())
    }
}

/// Makes and recognises challenges without remembering them; a restart makes all of them void.
pub struct Challenger {
    key: hmac::Key,
}

impl Challenger {
    /// A challenger with a fresh key.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new() -> Result<Self, IdentityError> {
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>()?) })
    }

    /// A challenge made at `now` (seconds since 1970).
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn issue(&self, now: u64) -> Result<String, IdentityError> {
        let body = format!("{now:x}.{}", hex(&random::<16>()?));
        Ok(format!("{body}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, body.as_bytes()))))
    }

    /// Whether this challenger made the challenge, at most five minutes before `now`.
    pub fn recognises(&self, challenge: &str, now: u64) -> bool {
        let Some((body, tag)) = challenge.rsplit_once('.') else { return false };
        let made = body.split_once('.').and_then(|(made, _)| u64::from_str_radix(made, 16).ok());
        let fresh = made.is_some_and(|made| now.saturating_sub(made) <= CHALLENGE_SECONDS && made <= now + 1);
        let genuine = URL_SAFE_NO_PAD
            .decode(tag)
            .is_ok_and(|tag| hmac::verify(&self.key, body.as_bytes(), &tag).is_ok());
        fresh && genuine
    }
}

/// A nonce for one registration.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn nonce() -> Result<String, IdentityError> {
    Ok(hex(&random::<16>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::authority::requested_key;
    use crate::identity::token::Token;

    #[test]
    fn a_proof_holds_for_its_own_conversation_only() -> Result<(), IdentityError> {
        let key = Token::generate(None)?.key();
        let one = Fingerprint::from_bytes([1; 32]);
        let transcript = Transcript { authority: one, challenge: "c", nonce: "n", key: one };
        let proof = transcript.prove(Side::Joiner, &key);
        assert!(transcript.holds(Side::Joiner, &key, &proof));
        assert!(!transcript.holds(Side::Master, &key, &proof), "a reflected proof");
        assert!(!transcript.holds(Side::Joiner, &Token::generate(None)?.key(), &proof), "another token");
        let between = Transcript { authority: Fingerprint::from_bytes([2; 32]), ..transcript.clone() };
        assert!(!between.holds(Side::Joiner, &key, &proof), "another authority");
        let shifted = Transcript { challenge: "cn", nonce: "", ..transcript };
        assert!(!shifted.holds(Side::Joiner, &key, &proof), "fields shifted into each other");
        Ok(())
    }

    #[test]
    fn a_signature_holds_for_its_own_key_challenge_and_wish_only() -> Result<(), IdentityError> {
        let (key, other) = (PrivateKey::generate()?, PrivateKey::generate()?);
        let requested = requested_key(&key.request()?)?;
        let authority = Fingerprint::from_bytes([1; 32]);
        let transcript = Transcript { authority, challenge: "c", nonce: "n", key: key.fingerprint() };
        let signature = transcript.sign(Wish::Register, &key)?;
        assert!(transcript.is_signed(Wish::Register, &requested, &signature));
        assert!(!transcript.is_signed(Wish::Withdraw, &requested, &signature), "another wish");
        let later = Transcript { challenge: "d", ..transcript.clone() };
        assert!(!later.is_signed(Wish::Register, &requested, &signature), "it was seen before");
        let elsewhere = Transcript { authority: Fingerprint::from_bytes([2; 32]), ..transcript.clone() };
        assert!(!elsewhere.is_signed(Wish::Register, &requested, &signature), "another master");
        let forged = transcript.sign(Wish::Register, &other)?;
        assert!(!transcript.is_signed(Wish::Register, &requested, &forged), "another key");
        Ok(())
    }

    #[test]
    fn a_challenge_is_void_after_five_minutes_and_at_another_master() -> Result<(), IdentityError> {
        let challenger = Challenger::new()?;
        let challenge = challenger.issue(1000)?;
        assert!(challenger.recognises(&challenge, 1300));
        assert!(!challenger.recognises(&challenge, 1301));
        assert!(!Challenger::new()?.recognises(&challenge, 1000));
        assert!(!challenger.recognises("", 1000));
        Ok(())
    }
}
