//! What was restored to the path of a source, and how the last attempt ended.

use crate::snapshot::restore::{Ended, Told};
use jiff::Timestamp;
use serde_json::{Value, json};

/// So many characters of a snapshot's id are shown.
const SHOWN_DIGITS: usize = 12;

/// The codes of a restore that came into place and did not stay.
const TAKEN_BACK: [&str; 2] = ["EOS-T216", "EOS-T217"];

/// In one word, how an attempt ended: `restored`, `taken-back` or `failed`.
fn outcome(ended: &Ended) -> &'static str {
    match ended.code.as_deref() {
        None => "restored",
        Some(code) if TAKEN_BACK.contains(&code) => "taken-back",
        Some(_) => "failed",
    }
}

fn short(id: &str) -> &str {
    id.get(..SHOWN_DIGITS).unwrap_or(id)
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `metrics: snapshot 1a2b3c4d1a2b since 2026-01-02 03:04:05, what was there before is kept`.
pub fn line(told: &Told) -> String {
    let mut text = format!("{}: ", told.source);
    let now = told.last.as_ref().and_then(|last| last.now.as_ref());
    text.push_str(&match now {
        Some(now) => format!("snapshot {} since {}", short(now.id.as_str()), time(now.restored_at)),
        None => "as before its first restore".to_owned(),
    });
    if told.last.as_ref().is_some_and(|last| last.has_previous) {
        text.push_str(", what was there before is kept");
    }
    text.extend(told.ended.as_ref().and_then(trouble).map(|trouble| format!("; {trouble}")));
    text
}

/// Why the last attempt did not end well, if it did not.
fn trouble(ended: &Ended) -> Option<String> {
    let code = ended.code.as_ref()?;
    let of = ended.id.as_ref().map(|id| format!(" of {}", short(id))).unwrap_or_default();
    let how = if TAKEN_BACK.contains(&code.as_str()) { "was taken back" } else { "failed" };
    Some(format!("the last restore{of} {how} at {} [{code}]", time(ended.ended_at)))
}

/// What the restores of a source say of one snapshot, if it is the one that stands there or was tried last.
pub fn of(told: &Told, id: &str) -> Option<String> {
    let last = told.last.as_ref();
    let now = last.and_then(|last| Some((last, last.now.as_ref()?)));
    match now.filter(|(_, now)| now.id.as_str() == id) {
        Some((last, now)) => Some(format!("stands at {} since {}", last.target, time(now.restored_at))),
        None => told.ended.as_ref().filter(|ended| ended.id.as_deref() == Some(id)).and_then(trouble),
    }
}

/// The same for programs.
pub fn json(told: &Told) -> Value {
    let last = told.last.as_ref();
    let now = last.and_then(|last| last.now.as_ref());
    json!({
        "source": told.source,
        "target": last.map(|last| &last.target),
        "id": now.map(|now| &now.id),
        "created_at": now.map(|now| now.created_at),
        "generation": now.map(|now| now.generation),
        "restored_at": now.map(|now| now.restored_at),
        "received_bytes": now.map(|now| now.received_bytes),
        "restored_bytes": now.map(|now| now.restored_bytes),
        "has_previous": last.is_some_and(|last| last.has_previous),
        "last_attempt": told.ended.as_ref().map(|ended| json!({
            "id": ended.id, "ended_at": ended.ended_at, "outcome": outcome(ended), "code": ended.code,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples;

    #[test]
    fn what_stands_is_told_and_an_attempt_that_did_not_stay_with_its_code() {
        let mut told = samples::restored();
        let id = "1a2b3c4d".repeat(8);
        assert_eq!(
            line(&told),
            "metrics: snapshot 1a2b3c4d1a2b since 2026-01-02 03:04:05, what was there before is kept"
        );
        assert_eq!(of(&told, &id).as_deref(), Some("stands at /srv/metrics since 2026-01-02 03:04:05"));
        assert_eq!(json(&told)["last_attempt"]["outcome"], "restored");
        let other = "ab".repeat(32);
        for (code, how, outcome) in
            [("EOS-T216", "was taken back", "taken-back"), ("EOS-T065", "failed", "failed")]
        {
            let ended = told.ended.as_mut().unwrap();
            (ended.id, ended.code) = (Some(other.clone()), Some(code.to_owned()));
            let trouble = format!("the last restore of abababababab {how} at 2026-01-02 03:04:06 [{code}]");
            assert!(line(&told).ends_with(&format!("; {trouble}")), "{}", line(&told));
            assert_eq!(of(&told, &other), Some(trouble));
            assert_eq!(json(&told)["last_attempt"]["outcome"], outcome);
        }
        told.last = None;
        assert!(line(&told).starts_with("metrics: as before its first restore; "), "{}", line(&told));
        assert_eq!(of(&told, &id), None);
    }
}
