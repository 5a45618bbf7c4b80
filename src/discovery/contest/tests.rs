//! What the hall makes of what it hears.

use super::hall::Copy;
use super::*;
use crate::discovery::datagram::Nonce;
use crate::identity::token::Token;
use crate::model::digest::{Digest, Fingerprint};
use std::net::IpAddr;

const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 12));
const LIFE: Nonce = [1; 16];

fn id(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 32])
}

fn contest(token: &Token, expected: u16) -> Contest {
    Contest {
        port: 4505,
        scope: Scope::Machine,
        expected: NonZeroU16::new(expected).expect("not none"),
        token: token.id.clone(),
        key: ElectionKey::of(&token.key()),
        node: NodeName::parse("node1").expect("a name"),
    }
}

fn hall(contest: &Contest) -> Hall<'_> {
    contest.hall(&Recorded::new(contest.token.clone(), id(1), Vec::new()), LIFE)
}

/// What the machine of this number says in such an election.
fn said(contest: &Contest, number: u8, life: Nonce) -> Vec<u8> {
    let said = Announcement { from: id(number), supports: None, first: Some(id(1)), view: Digest::of(b"") };
    let node = format!("node{number}");
    let (token, expected) = (contest.token.to_string(), contest.expected.get());
    let announced = Announced { life, token, expected, said, node };
    announced.sealed(&contest.key).expect("it can be announced")
}

fn told(hall: &mut Hall<'_>, now: Instant) -> String {
    hall.consider(now).1
}

#[test]
fn who_is_there_is_told_by_name_and_who_has_another_token_by_address() -> anyhow::Result<()> {
    let (token, other) = (Token::generate(None)?, Token::generate(None)?);
    let (own, foreign, now) = (contest(&token, 5), contest(&other, 5), Instant::now());
    let mut hall = hall(&own);
    assert_eq!(told(&mut hall, now), "1 of 5 machines are there: waits until 3 are (now: node1)");
    assert_eq!(hall.hear(&said(&own, 2, [2; 16]), FROM, now), Ok(()));
    let two = "2 of 5 machines are there: waits until 3 are (now: node1, node2)";
    assert_eq!(told(&mut hall, now), two);
    assert_eq!(hall.hear(&said(&foreign, 3, [3; 16]), FROM, now), Ok(()));
    let strange = format!("{two}; a machine at 10.0.1.12 takes part with another token");
    assert_eq!(told(&mut hall, now), strange);
    let later = now + own.pace().fresh - Duration::from_millis(1);
    assert_eq!(told(&mut hall, later), strange);
    assert_eq!(
        told(&mut hall, now + own.pace().fresh),
        "1 of 5 machines are there: waits until 3 are (now: node1)"
    );
    Ok(())
}

#[test]
fn the_id_of_the_token_without_its_key_is_worth_nothing() -> anyhow::Result<()> {
    let (token, other) = (Token::generate(None)?, Token::generate(None)?);
    let (own, now) = (contest(&token, 2), Instant::now());
    let forger = Contest { key: ElectionKey::of(&other.key()), ..contest(&token, 2) };
    let mut hall = hall(&own);
    assert_eq!(hall.hear(&said(&forger, 2, [2; 16]), FROM, now), Ok(()));
    assert!(told(&mut hall, now).starts_with("1 of 2 machines are there"));
    for damaged in [&said(&own, 2, [2; 16])[1..], b"", &[0; 600]] {
        assert_eq!(hall.hear(damaged, FROM, now), Ok(()));
    }
    assert_eq!(hall.candidate.there().len(), 1);
    Ok(())
}

#[test]
fn another_number_of_machines_holds_the_election_for_as_long_as_it_is_heard() -> anyhow::Result<()> {
    let token = Token::generate(None)?;
    let (own, two, now) = (contest(&token, 1), contest(&token, 2), Instant::now());
    let mut hall = hall(&own);
    assert_eq!(hall.hear(&said(&two, 2, [2; 16]), FROM, now), Ok(()));
    let settled = now + own.pace().settle;
    let (step, text) = hall.consider(settled);
    assert_eq!((step.write, step.standing), (None, Standing::Held));
    assert!(text.ends_with("node2 at 10.0.1.12 was told --expect 2, and this machine --expect 1"), "{text}");
    let over = now + own.pace().fresh;
    assert_eq!(hall.consider(over).0.write, Some(Record::Supports(id(1))));
    assert_eq!(hall.consider(over).0.standing, Standing::Elected);
    Ok(())
}

#[test]
fn its_own_words_come_back_and_those_of_a_copy_end_the_part_after_a_while() -> anyhow::Result<()> {
    let token = Token::generate(None)?;
    let (own, now) = (contest(&token, 3), Instant::now());
    let mut hall = hall(&own);
    assert_eq!(hall.hear(&said(&own, 1, LIFE), FROM, now), Ok(()));
    assert!(!told(&mut hall, now).contains("as this machine"));
    assert_eq!(hall.hear(&said(&own, 1, [9; 16]), FROM, now), Ok(()), "it may be of the last run");
    assert!(told(&mut hall, now).ends_with("node1 at 10.0.1.12 takes part as this machine"));
    let soon = now + Duration::from_millis(1900);
    assert_eq!(hall.hear(&said(&own, 1, [9; 16]), FROM, soon), Ok(()));
    let copy = Copy { node: "node1".to_owned(), at: FROM };
    assert_eq!(hall.hear(&said(&own, 1, [9; 16]), FROM, now + Duration::from_secs(2)), Err(copy));
    Ok(())
}
