//! Tokens that somebody typed, cut off or made up: what is accepted is printed again as it was, and nothing but that
//! shows a secret.
#![no_main]

use eos::identity::key::sha256;
use eos::identity::token::Token;
use eos::model::digest::hex;
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    read(text);
    // Mutation alone never gets the checksum right.
    let body = text.trim();
    read(&format!("{body}.{}", hex(&sha256(body.as_bytes()).as_bytes()[..4])));
});

fn read(text: &str) {
    let text = text.trim();
    match Token::parse(text) {
        Ok(token) => {
            assert_eq!(token.reveal().expose_secret(), text, "it has another form");
            let secret = text.split('.').nth(3).expect("a token has five parts");
            assert_eq!(secret.len(), 32, "{} characters of a secret", secret.len());
            let shown = format!("{token:?} {:?} {}", token.key(), token.id);
            // Parts of the id may look like anything; the whole secret is nowhere.
            assert!(!shown.contains(secret), "the secret is shown");
        }
        Err(error) => {
            let words = format!("{error} {error:?}");
            assert!(words.len() < 400, "an error says what it was given: {} bytes", words.len());
        }
    }
}
