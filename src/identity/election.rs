//! The key by which machines that elect a founder know each other: whoever has the token has it. Pure.

use crate::identity::token::TokenKey;
use ring::hmac;

/// The length of a seal, in bytes.
pub const SEAL: usize = 32;

/// The key, derived from a token's; never printed.
pub struct ElectionKey(hmac::Key);

impl ElectionKey {
    /// That of a token.
    pub fn of(token: &TokenKey) -> Self {
        let derived = hmac::sign(&token.hmac(), b"eos election key v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// The seal of these bytes, HMAC-SHA256.
    pub fn seal(&self, bytes: &[u8]) -> [u8; SEAL] {
        hmac::sign(&self.0, bytes).as_ref().try_into().expect("HMAC-SHA256 has 32 bytes")
    }

    /// Whether somebody who has the key sealed these bytes; takes as long for a seal that is nearly right.
    pub fn holds(&self, bytes: &[u8], seal: &[u8; SEAL]) -> bool {
        hmac::verify(&self.0, bytes, seal).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::token::Token;

    #[test]
    fn only_the_same_token_opens_a_seal_and_only_over_the_same_bytes() -> anyhow::Result<()> {
        let (one, other) = (Token::generate(None)?, Token::generate(None)?);
        let (own, again, foreign) = (&one.key(), &one.key(), &other.key());
        let seal = ElectionKey::of(own).seal(b"words");
        assert!(ElectionKey::of(again).holds(b"words", &seal));
        assert!(!ElectionKey::of(again).holds(b"sword", &seal));
        assert!(!ElectionKey::of(foreign).holds(b"words", &seal));
        Ok(())
    }
}
