//! Datagrams from anywhere: what is read is written again as it was, and what is sent is never longer than allowed.
#![no_main]

use eos::discovery::datagram::{Datagram, LONGEST, Unsigned, query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| match Datagram::parse(bytes) {
    Ok(Datagram::Answer(answer)) => {
        let statement = &answer.statement;
        assert!(!statement.addresses.is_empty(), "an answer names no address");
        let words = [&statement.cluster, &statement.node, &statement.versions.version];
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_graphic())), "{words:?}");
        let unsigned = Unsigned::new(&answer.nonce, statement).expect("what was read can be written");
        assert_eq!(unsigned.to_sign(), answer.signed(), "the signature is over something else");
        let written = unsigned.with(&answer.signature).expect("it was a signature by its length");
        assert_eq!(written, bytes, "it has another form");
        assert!(written.len() <= LONGEST, "{} bytes", written.len());
    }
    Ok(Datagram::Announcement(sealed)) => {
        let announced = &sealed.announced;
        assert!(announced.node.bytes().all(|byte| byte.is_ascii_graphic()), "{:?}", announced.node);
        assert!(announced.expected > 0, "nobody takes part");
        assert_eq!(sealed.written().expect("what was read can be written"), bytes, "it has another form");
        assert!(bytes.len() <= LONGEST, "{} bytes", bytes.len());
    }
    Ok(Datagram::Query { version: 1, nonce }) => assert_eq!(query(&nonce), bytes, "it has another form"),
    Ok(_) => assert!(bytes.len() <= LONGEST, "{} bytes", bytes.len()),
    Err(_) => {}
});
