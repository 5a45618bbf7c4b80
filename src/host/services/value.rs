//! Values in unit files: words with quotes, and spans of time.

use std::time::Duration;

/// The text, or nothing when it is empty.
pub(super) fn optional(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Splits at white space outside of quotes; understands the escapes that systemd does, but `\x`.
pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (_, '\\') => {
                let escaped = letters.next().and_then(unescape);
                let escaped = escaped.ok_or_else(|| format!("{text} has an escape that is not known"))?;
                word.get_or_insert_default().push(escaped);
            }
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, _) if letter.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err(format!("{text} has a quote that is not closed"));
    }
    words.extend(word);
    Ok(words)
}

fn unescape(letter: char) -> Option<char> {
    match letter {
        'n' => Some('\n'),
        't' => Some('\t'),
        's' => Some(' '),
        '\\' | '"' | '\'' => Some(letter),
        _ => None,
    }
}

/// A word without variables and specifiers; none when it has any, `$$` and `%%` aside.
pub(super) fn plain(word: &str) -> Option<String> {
    let rest = word.replace("$$", "");
    if rest.contains('$') { None } else { plain_percent(&word.replace("$$", "$")) }
}

/// A word without specifiers; none when it has any, `%%` aside.
pub(super) fn plain_percent(word: &str) -> Option<String> {
    let rest = word.replace("%%", "");
    if rest.contains('%') { None } else { Some(word.replace("%%", "%")) }
}

/// A span of time; none for `infinity`.
pub(super) fn span(key: &str, text: &str) -> Result<Option<Duration>, String> {
    let invalid = || format!("{key}={text} is not a span of time");
    if text == "infinity" {
        return Ok(None);
    }
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = microseconds(&rest[..letters]).ok_or_else(invalid)?;
        let added = number.checked_mul(unit).map(Duration::from_micros);
        total = added.and_then(|added| total.checked_add(added)).ok_or_else(invalid)?;
        rest = rest[letters..].trim_start();
    }
    Ok(Some(total))
}

/// A limit in time; none for `infinity` and for 0, which mean that there is none.
pub(super) fn limit(key: &str, text: &str) -> Result<Option<Duration>, String> {
    Ok(span(key, text)?.filter(|span| !span.is_zero()))
}

fn microseconds(unit: &str) -> Option<u64> {
    match unit {
        "us" | "usec" => Some(1),
        "ms" | "msec" => Some(1_000),
        "" | "s" | "sec" | "second" | "seconds" => Some(1_000_000),
        "m" | "min" | "minute" | "minutes" => Some(60_000_000),
        "h" | "hr" | "hour" | "hours" => Some(3_600_000_000),
        "d" | "day" | "days" => Some(86_400_000_000),
        _ => None,
    }
}
