//! The names under which a compressed log may be kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Logs of one name and one day that are kept apart.
const SAME_DAY: u32 = 100;

/// `NAME.zst`, and when that is taken, as it is from the second time on that a log of this name is compressed:
/// `NAME-20260102.zst` with the day of its last line in UTC, then `NAME-20260102.1.zst` and so on.
pub(super) fn names(name: &[u8], modified: i64) -> impl Iterator<Item = Vec<u8>> {
    let day = Timestamp::from_second(modified).ok().map(|time| time.to_zoned(TimeZone::UTC).date());
    let day = day.map_or_else(String::new, |day| day.strftime("-%Y%m%d").to_string());
    let ending = move |place: u32| match place {
        0 => ".zst".to_owned(),
        1 => format!("{day}.zst"),
        place => format!("{day}.{}.zst", place - 1),
    };
    (0..SAME_DAY).map(move |place| [name, ending(place).as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_the_day_of_the_log_and_then_a_number() {
        let all: Vec<String> =
            names(b"app.log", 1_767_322_800).map(|name| String::from_utf8(name).expect("letters")).collect();
        assert_eq!(
            all[..4],
            ["app.log.zst", "app.log-20260102.zst", "app.log-20260102.1.zst", "app.log-20260102.2.zst"]
        );
        assert_eq!(all.len(), 100);
    }
}
