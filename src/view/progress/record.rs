//! An event as a line of JSON.

use crate::model::progress::Event;
use crate::view::SCHEMA;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Record<'a> {
    schema: u32,
    time: String,
    #[serde(flatten)]
    event: &'a Event,
}

/// The event with the schema's version and the time, RFC 3339 in UTC with milliseconds.
pub fn line(event: &Event, time: Timestamp) -> String {
    let record = Record { schema: SCHEMA, time: format!("{time:.3}"), event };
    let text = serde_json::to_string(&record).expect("an event has no failing serialiser");
    format!("{text}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_with_schema_and_time_first() {
        let time = "2026-01-02T03:04:05.6789Z".parse().expect("a time");
        let waiting = Event::Waiting {
            cause: "approval\nby the operator".to_owned(),
            elapsed_ms: 1,
            deadline_ms: 2,
            next_retry_ms: 3,
        };
        assert_eq!(
            line(&waiting, time),
            "{\"schema\":1,\"time\":\"2026-01-02T03:04:05.678Z\",\"event\":\"waiting\",\
             \"cause\":\"approval\\nby the operator\",\"elapsed_ms\":1,\"deadline_ms\":2,\"next_retry_ms\":3}\n"
        );
    }
}
