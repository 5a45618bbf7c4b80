//! Answers that are forged, replayed or of another version, and floods.

use super::impostor::{PORT, answer, flood, genuine, statement, while_answering};
use super::{assert_untouched, discovered, found, joining};
use crate::support::Lab;
use eos::discovery::datagram::{self, Datagram, Nonce};
use eos::identity::key::PrivateKey;
use eos::model::digest::Fingerprint;
use eos::wire::version::Versions;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[test]
fn forged_and_replayed_answers_are_put_aside_and_counted_and_the_true_cluster_is_joined() {
    let lab = Lab::new(3);
    let [master, joiner, impostor] = lab.hosts();
    found(master, "prod");
    let api = format!("{}:4507", master.address);
    let bytes = genuine(impostor, SocketAddr::new(master.address.parse().unwrap(), PORT), &[3; 16]);
    let Ok(Datagram::Answer(true_one)) = Datagram::parse(&bytes) else { panic!("no answer: {bytes:?}") };
    assert_eq!(true_one.statement.cluster, "prod");
    let own = PrivateKey::generate().expect("randomness");
    let forge = |nonce: &Nonce| -> Vec<Vec<u8>> {
        // The true authority and address, other words, and a signature of his own.
        let words = statement("evil", &api, true_one.statement.authority, Versions::own());
        let unsigned = datagram::Unsigned::new(nonce, &words).expect("it can be written");
        let signature = own.sign(&unsigned.to_sign()).expect("randomness");
        // The true words, and the signature of another answer.
        let stolen = answer(nonce, &true_one.statement, &true_one.signature);
        // An authority of his own, at the true address.
        let other = statement("prod", &api, Fingerprint::from_bytes([6; 32]), Versions::own());
        vec![
            unsigned.with(&signature).expect("it can be written"),
            stolen,
            answer(nonce, &other, &signature),
            bytes.clone(),
            b"eosd\x01\x02garbage".to_vec(),
        ]
    };
    let token = master.token(&[]);
    while_answering(impostor, &forge, || {
        let seen = joiner.eos(&["discover"]).done();
        let clusters = seen.result()["clusters"].as_array().expect("a list").clone();
        assert_eq!(clusters.len(), 1, "{}", seen.story());
        assert_eq!((&clusters[0]["cluster"], &clusters[0]["verified"]), (&"prod".into(), &true.into()));
        let ignored = &seen.result()["ignored"];
        for what in ["forged", "replayed", "malformed"] {
            assert!(ignored[what].as_u64().is_some_and(|count| count > 0), "{what}: {}", seen.story());
        }
        // The master itself looks for rivals, and counts the same.
        crate::support::eventually("the master counts them", || {
            let counts =
                ["eos_master_discovery_answers_forged_total", "eos_master_discovery_answers_replayed_total"];
            let counts = counts.map(|name| master.counted(name));
            if counts.iter().all(|count| *count > 0) { Ok(()) } else { Err(format!("{counts:?}")) }
        });
        assert_eq!(master.status()["neighbours"].as_array().expect("a list").len(), 0);
        let joined = joiner.eos(&joining(joiner, &["--token", &token])).done();
        assert!(joined.told("answers for masters that do not stand by it"), "{}", joined.story());
    });
    master.converged(2);
}

#[test]
fn somebody_who_only_forges_is_silence() {
    let lab = Lab::new(3);
    let [_, joiner, impostor] = lab.hosts();
    found(lab.host(1), "prod");
    let api = "10.77.0.11:4507";
    lab.host(1)
        .nft("table inet t { chain c { type filter hook input priority 0; udp dport 4505 drop; }; }\n");
    let forge = |nonce: &Nonce| -> Vec<Vec<u8>> {
        let words = statement("evil", api, Fingerprint::from_bytes([6; 32]), Versions::own());
        vec![answer(nonce, &words, &[1; 70])]
    };
    while_answering(impostor, &forge, || {
        joiner.eos(&joining(joiner, &[])).failed(4, "EOS-D001", &["no cluster answered within "]);
    });
    assert_untouched(joiner);
}

#[test]
fn a_cluster_of_other_versions_is_told_and_neither_joined_nor_founded_beside() {
    let lab = Lab::new(2);
    let [joiner, impostor] = lab.hosts();
    let later = Versions { protocol: 9, oldest_protocol: 8, version: "0.9.0".to_owned() };
    let words = statement("future", "10.77.0.12:4507", Fingerprint::from_bytes([6; 32]), later);
    let protocol = |nonce: &Nonce| -> Vec<Vec<u8>> { vec![answer(nonce, &words, &[1; 70])] };
    let plain = ["bootstrap", "--node-name", &joiner.name];
    while_answering(impostor, &protocol, || {
        let seen = joiner.eos(&["discover"]).done();
        assert_eq!(seen.result()["clusters"][0]["speaks"], false, "{}", seen.story());
        for arguments in [&joining(joiner, &[])[..], &plain] {
            let refused = joiner.eos(arguments);
            refused.failed(5, "EOS-D005", &["future (", "protocols 8 to 9 (0.9.0)", "protocols 1 to 2"]);
        }
    });
    let datagrams = |nonce: &Nonce| -> Vec<Vec<u8>> {
        let mut bytes = answer(nonce, &words, &[1; 70]);
        bytes[4] = 7;
        vec![bytes]
    };
    while_answering(impostor, &datagrams, || {
        let seen = joiner.eos(&["discover"]).done();
        assert_eq!(seen.result()["unread"][0]["version"], 7, "{}", seen.story());
        for arguments in [&joining(joiner, &[])[..], &plain] {
            let refused = joiner.eos(arguments);
            refused.failed(5, "EOS-D005", &["a master at 10.77.0.12:4505", "version 7 of discovery"]);
        }
    });
    assert_untouched(joiner);
}

#[test]
fn a_flood_gets_a_bounded_number_of_answers_and_others_are_answered_all_the_same() {
    let lab = Lab::new(3);
    let [master, other, flooder] = lab.hosts();
    found(master, "prod");
    let began = Instant::now();
    let answers = flood(flooder, 60_000, |number| {
        let mut bytes = datagram::query(&[5; 16]);
        if number % 4 == 1 {
            bytes.truncate(100);
        }
        bytes
    });
    let bound = 20 + (began.elapsed() + Duration::from_secs(1)).as_secs() as usize * 10;
    assert!((1..=bound).contains(&answers), "{answers} answers, at most {bound} are allowed");
    assert_eq!(discovered(other).len(), 1);
    assert!(master.counted("eos_master_discovery_queries_limited_total") > 0);
    assert!(master.counted("eos_master_discovery_datagrams_malformed_total") > 0);
    assert!(master.counted("eos_master_discovery_answers_total") <= bound as u64 + 100);
    master.converged(1);
}
