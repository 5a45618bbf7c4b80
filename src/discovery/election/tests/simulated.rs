//! Thousands of elections on bad networks, each followed by a good one: one founder, and everybody knows it.

use super::network::{Draw, Network, Outcome, Weather};
use super::*;

/// How many elections of few machines are run.
const ELECTIONS: u64 = 3_000;

/// A bad network for so many machines, other for each seed.
fn weather(seed: u64, expected: usize) -> Weather {
    let mut draw = Draw::new(seed);
    Weather {
        terms: terms(expected, Duration::from_secs(5), Duration::from_secs(2)),
        present: expected,
        starts: draw.below(10_000),
        bad_until: 5_000 + draw.below(15_000),
        ends: 40_000,
        every: 500,
        loss: draw.below(60),
        delay: draw.below(3_000),
        restarts: draw.below(8),
        disks_are_lost: false,
    }
}

fn of_few(seed: u64) -> Weather {
    weather(seed, 2 + usize::try_from(seed % 6).expect("a small number"))
}

fn assert_one_founds(seed: u64, weather: &Weather, outcome: &Outcome) {
    let what = format!("seed {seed}, {weather:?}: {outcome:?}");
    assert_eq!(outcome.elected.len(), 1, "{what}");
    assert_eq!(outcome.elected, outcome.founded, "{what}");
    assert_eq!(outcome.done, weather.present, "not all know the cluster: {what}");
    assert!(outcome.fewest_supporters >= Some(weather.terms.quorum()), "a minority elected: {what}");
}

#[test]
fn few_machines_found_one_cluster_on_every_network_that_becomes_whole() {
    let (mut early, mut longest) = (0, 0);
    for seed in 0..ELECTIONS {
        let weather = of_few(seed);
        let outcome = Network::run(seed, weather);
        assert_one_founds(seed, &weather, &outcome);
        early += u64::from(outcome.at < weather.bad_until);
        longest = longest.max(outcome.at.saturating_sub(weather.bad_until.max(weather.starts)));
    }
    println!("{early} of {ELECTIONS} were over before the network was whole, the last {longest} ms after it");
    assert!(early > ELECTIONS / 20 && early < ELECTIONS, "{early}: the networks are all good, or all bad");
}

#[test]
fn hundreds_of_machines_found_one_cluster() {
    for (seed, machines) in [(1, 100), (2, 150), (3, 300)] {
        let weather = Weather {
            starts: 3_000,
            bad_until: 5_000,
            every: 1_000,
            loss: 10,
            delay: 200,
            restarts: 1,
            ..weather(seed, machines)
        };
        let outcome = Network::run(seed, weather);
        assert_one_founds(seed, &weather, &outcome);
        println!("{machines} machines: all know after {} ms", outcome.at);
    }
}

#[test]
fn fewer_than_a_quorum_elect_nobody_however_long_they_wait() {
    for seed in 0..ELECTIONS / 10 {
        let weather = of_few(seed);
        let present = weather.terms.quorum() - 1;
        let outcome = Network::run(seed, Weather { present, ..weather });
        assert_eq!(outcome, Outcome::default(), "seed {seed}, {present} of {weather:?}");
    }
}

#[test]
fn broken_rules_found_two_clusters_so_the_simulation_would_find_it() {
    let two = |change: fn(&mut Weather)| {
        (0..ELECTIONS).find(|seed| {
            let mut weather = of_few(*seed);
            change(&mut weather);
            Network::run(*seed, weather).elected.len() > 1
        })
    };
    let half = two(|weather| weather.terms.quorum = weather.terms.expected / 2);
    let lost = two(|weather| weather.disks_are_lost = true);
    println!("half elect: seed {half:?}; disks are lost: seed {lost:?}");
    assert!(half.is_some() && lost.is_some(), "half elect: {half:?}; disks are lost: {lost:?}");
}
