//! Durations, points in time, bytes and percents as people read them.

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// Bytes in binary units with one decimal: `512 B`, `1.4 GiB`.
pub fn bytes(count: u64) -> String {
    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A duration by its largest unit, rounded down: `4 s`, `2 min`, `3 h`, `5 d`.
pub fn coarse(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A duration with its two largest units: `12 ms`, `1.2 s`, `12 s`, `2 min 5 s`, `3 h 10 min`.
pub fn precise(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let pair = |large: u64, name: &str, small: u64, rest: &str| match small {
        0 => format!("{large} {name}"),
        _ => format!("{large} {name} {small} {rest}"),
    };
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..10_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        10_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 => pair(seconds / 60, "min", seconds % 60, "s"),
        3_600_000..86_400_000 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// How long ago: `just now`, `4 s ago`, `2 min ago`.
pub fn ago(milliseconds: u64) -> String {
    if milliseconds < 1000 { "just now".to_owned() } else { format!("{} ago", coarse(milliseconds)) }
}

/// `node` for one, `nodes` for any other number.
pub fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_decimal_and_never_four_digits() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_570, "1.0 MiB"),
            (1_503_238_554, "1.4 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_are_short() {
        let cases = [
            (0, "0 s", "0 ms", "just now"),
            (999, "0 s", "999 ms", "just now"),
            (4_250, "4 s", "4.2 s", "4 s ago"),
            (59_999, "59 s", "59 s", "59 s ago"),
            (125_000, "2 min", "2 min 5 s", "2 min ago"),
            (600_000, "10 min", "10 min", "10 min ago"),
            (11_400_000, "3 h", "3 h 10 min", "3 h ago"),
            (446_400_000, "5 d", "5 d 4 h", "5 d ago"),
        ];
        for (milliseconds, short, long, since) in cases {
            assert_eq!(coarse(milliseconds), short);
            assert_eq!(precise(milliseconds), long);
            assert_eq!(ago(milliseconds), since);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(plural(1, "node", "nodes"), "node");
        assert_eq!(plural(0, "node", "nodes"), "nodes");
    }
}
