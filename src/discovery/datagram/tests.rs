//! The form of the datagrams: what is read, what is refused, and that kept samples stay readable.

use super::*;
use proptest::prelude::*;

const NONCE: Nonce = [7; 16];

fn versions() -> Versions {
    Versions { protocol: 2, oldest_protocol: 1, version: "0.1.0".to_owned() }
}

fn statement(cluster: &str, node: &str, addresses: &[&str]) -> Statement {
    Statement {
        cluster: cluster.to_owned(),
        node: node.to_owned(),
        addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
        authority: Fingerprint::from_bytes([9; 32]),
        versions: versions(),
    }
}

fn encoded(statement: &Statement) -> Result<Vec<u8>, Malformed> {
    Unsigned::new(&NONCE, statement)?.with(&[5; 72])
}

/// The kept sample of this name.
fn sample(name: &str) -> Vec<u8> {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1/discovery").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn an_answer_is_read_as_it_was_written() -> Result<(), Malformed> {
    let said = statement("prod-cluster-001", "node1", &["10.0.1.10:4507", "[fd00::1]:4600"]);
    let unsigned = Unsigned::new(&NONCE, &said)?;
    let to_sign = unsigned.to_sign();
    let Datagram::Answer(answer) = Datagram::parse(&unsigned.with(&[5; 70])?)? else { panic!("no answer") };
    assert_eq!((answer.nonce, &answer.statement), (NONCE, &said));
    assert_eq!((answer.signature.len(), answer.signed()), (70, to_sign));
    Ok(())
}

#[test]
fn a_name_of_255_characters_with_an_ipv6_address_fits_one_datagram() -> Result<(), Malformed> {
    let (long, node) = ("c".repeat(255), "n".repeat(63));
    for said in [
        statement(&long, &node, &["[fd00:1:2:3:4:5:6:7]:4507"]),
        statement(&node, &long, &["[fd00:1:2:3:4:5:6:7]:4507"]),
    ] {
        let bytes = encoded(&said)?;
        assert!(bytes.len() <= LONGEST, "{} bytes", bytes.len());
        let Datagram::Answer(answer) = Datagram::parse(&bytes)? else { panic!("no answer") };
        assert_eq!(answer.statement, said);
    }
    Ok(())
}

#[test]
fn addresses_that_do_not_fit_are_left_out_and_one_is_always_there() -> Result<(), Malformed> {
    let many: Vec<String> = (0..20).map(|last| format!("[fd00::{last:x}1]:4507")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let named = |cluster: &str| -> Result<usize, Malformed> {
        let bytes = encoded(&statement(cluster, "node1", &many))?;
        let Datagram::Answer(answer) = Datagram::parse(&bytes)? else { panic!("no answer") };
        assert!(bytes.len() <= LONGEST);
        Ok(answer.statement.addresses.len())
    };
    assert_eq!((named("prod")?, named(&"c".repeat(240))?), (8, 6));
    let both = "n".repeat(255);
    assert_eq!(
        encoded(&statement(&both, &both, &many)).expect_err("too long"),
        Malformed::Field("list of addresses")
    );
    Ok(())
}

#[test]
fn a_query_of_any_version_is_known_by_its_nonce_and_is_as_long_as_an_answer() -> Result<(), Malformed> {
    let mut bytes = query(&NONCE);
    assert_eq!(bytes.len(), LONGEST);
    assert_eq!(Datagram::parse(&bytes)?, Datagram::Query { version: 1, nonce: NONCE });
    bytes[4] = 9;
    bytes[400] = 1;
    assert_eq!(Datagram::parse(&bytes)?, Datagram::Query { version: 9, nonce: NONCE });
    assert_eq!(Datagram::parse(&bytes[..499]), Err(Malformed::Unpadded));
    bytes[4] = 1;
    assert_eq!(Datagram::parse(&bytes), Err(Malformed::Trailing));
    Ok(())
}

#[test]
fn an_answer_of_a_later_version_is_told_and_not_read() -> Result<(), Malformed> {
    let mut bytes = encoded(&statement("prod", "node1", &["10.0.1.10:4507"]))?;
    bytes[4] = 2;
    assert_eq!(Datagram::parse(&bytes)?, Datagram::Unread { version: 2, nonce: NONCE });
    Ok(())
}

#[test]
fn what_is_cut_off_or_goes_on_or_is_too_long_is_refused() -> Result<(), Malformed> {
    let bytes = encoded(&statement("prod", "node1", &["10.0.1.10:4507", "[fd00::1]:4507"]))?;
    for length in 0..bytes.len() {
        assert!(Datagram::parse(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(Datagram::parse(&[&bytes[..], &[0]].concat()), Err(Malformed::Trailing));
    assert_eq!(Datagram::parse(&[&bytes[..], &[0; 500]].concat()), Err(Malformed::Long));
    for foreign in [&b""[..], b"eosd", b"eosd\0\x01", b"HTTP/1.1 200 OK\r\n\r\n"] {
        assert_eq!(Datagram::parse(foreign), Err(Malformed::Foreign));
    }
    Ok(())
}

#[test]
fn what_no_master_says_is_refused() {
    let at = |cluster: &str, address: &str| encoded(&statement(cluster, "node1", &[address]));
    for name in ["", "a b", "a\u{1b}[31m", "näher", "a\n", &"c".repeat(256)] {
        assert_eq!(at(name, "10.0.1.10:4507"), Err(Malformed::Field("cluster")), "{name:?}");
    }
    for nowhere in ["0.0.0.0:4507", "10.0.1.10:0", "239.1.1.1:4507", "[ff02::1]:4507"] {
        let bytes = at("prod", nowhere).expect("it can be written");
        assert_eq!(Datagram::parse(&bytes), Err(Malformed::Field("address")), "{nowhere}");
    }
    let mut backwards = at("prod", "10.0.1.10:4507").expect("it can be written");
    backwards[55] = 0;
    assert_eq!(Datagram::parse(&backwards), Err(Malformed::Field("protocol")));
}

#[test]
fn kept_samples_stay_readable() -> Result<(), Malformed> {
    assert_eq!(Datagram::parse(&sample("query"))?, Datagram::Query { version: 1, nonce: NONCE });
    let said = statement("prod-cluster-001", "node1", &["10.0.1.10:4507", "[fd00::1]:4600"]);
    let Datagram::Answer(answer) = Datagram::parse(&sample("answer"))? else { panic!("no answer") };
    assert_eq!(answer.statement, said);
    assert_eq!(sample("answer"), encoded(&said)?, "what is sent has the kept form");
    assert_eq!(sample("query"), query(&NONCE));
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_again_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..520)) {
        let kept = sample("answer");
        for start in [&b""[..], &kept[..6], &kept[..58], &kept[..64]] {
            let mut whole = [start, &bytes].concat();
            whole.truncate(LONGEST);
            if let Ok(Datagram::Answer(answer)) = Datagram::parse(&whole) {
                let again = Unsigned::new(&answer.nonce, &answer.statement)?.with(&answer.signature)?;
                prop_assert_eq!(again, whole);
            }
        }
    }
}
