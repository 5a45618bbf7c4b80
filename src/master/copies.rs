//! Who speaks as one node: two programs that go on speaking by turns are two machines with one key. Pure.
//!
//! A program that starts anew never hears of its last run again, so one that comes back after another one spoke proves
//! that both are there. Nothing is written down: a master that starts anew sees it again within two polls.

use std::net::IpAddr;

/// How many are remembered; more than two is a disk that was copied often.
const REMEMBERED: usize = 8;

/// How often somebody has to come back after another one spoke. Once may be a last word that was late.
const RETURNS: u32 = 2;

/// A program that speaks as a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// What its agent drew when it started.
    pub life: String,
    /// The boot of its machine.
    pub boot_id: Option<String>,
    /// From where it speaks.
    pub address: IpAddr,
    /// When it was heard last, in milliseconds since 1970.
    pub heard_ms: u64,
}

/// What follows for one that speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the node.
    Alone,
    /// Somebody else spoke last: whoever of them waits for an answer should ask again, to be compared.
    Changed,
    /// This one was there first, and is there.
    Copy(Speaker),
}

/// Those that spoke as one node, in the order in which they were first heard.
#[derive(Debug, Clone, Default)]
pub struct Speakers {
    all: Vec<Speaker>,
    last: String,
    returns: u32,
}

impl Speakers {
    /// One spoke. Those that were silent for `alive_ms` are gone.
    pub fn hear(&mut self, speaker: Speaker, alive_ms: u64) -> Verdict {
        let now = speaker.heard_ms;
        self.all.retain(|other| now.saturating_sub(other.heard_ms) < alive_ms || other.life == speaker.life);
        let changed = !self.last.is_empty() && self.last != speaker.life;
        self.last.clone_from(&speaker.life);
        match self.all.iter().position(|known| known.life == speaker.life) {
            Some(at) => {
                self.all[at].clone_from(&speaker);
                self.returns += u32::from(changed);
            }
            None if self.all.len() < REMEMBERED => self.all.push(speaker.clone()),
            None => {}
        }
        if self.all.len() < 2 {
            self.returns = 0;
        }
        match &self.all[..] {
            [first, _, ..] if self.returns >= RETURNS && first.life != speaker.life => {
                Verdict::Copy(first.clone())
            }
            [_, _, ..] if changed && self.returns < RETURNS => Verdict::Changed,
            _ => Verdict::Alone,
        }
    }

    /// Those that speak besides the one that was there first, once it is sure that they do.
    pub fn copies(&self, now: u64, alive_ms: u64) -> impl Iterator<Item = &Speaker> {
        let sure = self.returns >= RETURNS;
        let there = move |speaker: &&Speaker| sure && now.saturating_sub(speaker.heard_ms) < alive_ms;
        self.all.iter().skip(1).filter(there)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: u64 = 45_000;

    fn speaks(speakers: &mut Speakers, life: &str, second: u64) -> Verdict {
        let address = IpAddr::from([10, 0, 1, life.as_bytes()[0]]);
        let heard_ms = second * 1000;
        speakers.hear(Speaker { life: life.to_owned(), boot_id: None, address, heard_ms }, ALIVE)
    }

    #[test]
    fn a_node_that_restarts_however_often_is_alone() {
        let mut speakers = Speakers::default();
        for (second, life) in
            ["a", "a", "b", "b", "c", "d", "d", "e", "f", "g", "h", "i", "j"].iter().enumerate()
        {
            let verdict = speaks(&mut speakers, life, second as u64);
            assert!(matches!(verdict, Verdict::Alone | Verdict::Changed), "{life}: {verdict:?}");
            assert_eq!(speakers.copies(1000 * second as u64, ALIVE).count(), 0);
        }
    }

    #[test]
    fn a_last_word_that_is_late_makes_no_copy() {
        let mut speakers = Speakers::default();
        for (second, life) in ["a", "b", "a", "b", "b", "b"].iter().enumerate() {
            let verdict = speaks(&mut speakers, life, second as u64);
            let late = second < 3;
            assert_eq!(matches!(verdict, Verdict::Copy(_)), !late && *life == "b" && speakers.returns >= 2);
        }
        let mut speakers = Speakers::default();
        for (second, life) in ["a", "b", "a", "a"].iter().enumerate() {
            assert!(!matches!(speaks(&mut speakers, life, second as u64), Verdict::Copy(_)));
        }
    }

    #[test]
    fn of_two_that_go_on_speaking_the_first_keeps_the_place_and_the_other_is_told_of_it() {
        let mut speakers = Speakers::default();
        assert_eq!(speaks(&mut speakers, "a", 0), Verdict::Alone);
        assert_eq!(speaks(&mut speakers, "b", 1), Verdict::Changed);
        assert_eq!(speaks(&mut speakers, "a", 2), Verdict::Changed);
        let Verdict::Copy(first) = speaks(&mut speakers, "b", 3) else { panic!("{speakers:?}") };
        assert_eq!(first.life, "a");
        assert_eq!(speaks(&mut speakers, "a", 4), Verdict::Alone);
        let copies: Vec<&str> = speakers.copies(4000, ALIVE).map(|copy| copy.life.as_str()).collect();
        assert_eq!(copies, ["b"]);
        assert_eq!(speakers.copies(60_000, ALIVE).count(), 0, "it went silent");
        assert_eq!(speaks(&mut speakers, "a", 60), Verdict::Alone);
        assert_eq!(speaks(&mut speakers, "c", 61), Verdict::Changed, "it begins anew");
    }

    #[test]
    fn who_is_left_takes_the_place_and_a_crowd_is_bounded() {
        let mut speakers = Speakers::default();
        for (second, life) in ["a", "b", "a", "b"].iter().enumerate() {
            speaks(&mut speakers, life, second as u64);
        }
        assert_eq!(speaks(&mut speakers, "b", 100), Verdict::Alone, "the first one is gone");
        for second in 0..1000 {
            speaks(&mut speakers, &format!("x{second}"), 100);
        }
        assert!(speakers.all.len() <= REMEMBERED);
    }
}
