//! Properties that hold for any text.

use super::place::{key_at, value_at};
use super::*;
use proptest::prelude::*;

fn file(text: &str) -> Layers {
    let file = ConfigFile { path: "f".to_owned(), bytes: text.as_bytes().to_vec() };
    Layers { files: vec![file], ..Layers::default() }
}

proptest! {
    #[test]
    fn an_endpoint_that_is_read_is_written_so_that_it_is_read_alike(text in "[a-f0-9:.\\[\\]-]{0,24}") {
        if let Ok(endpoint) = parse_endpoint(&text) {
            prop_assert_eq!(parse_endpoint(&endpoint.to_string()), Ok(endpoint));
        }
    }

    #[test]
    fn any_text_gives_a_configuration_or_a_fault(text in "(cluster|node|port|id|[ :{}\\[\\],\\-\n#'\"a0]){0,40}") {
        let told = resolve(&file(&text)).err().map(|error| error.to_string());
        prop_assert!(told.is_none_or(|text| !text.is_empty()));
        for spot in [key_at(&text, "cluster.port"), value_at(&text, "cluster.port", Some("a"))] {
            prop_assert!(spot.is_none_or(|spot| spot.line <= text.lines().count()));
        }
    }
}

#[test]
fn a_file_of_nothing_but_faults_is_refused_at_once() {
    let text: String = (0..20_000).map(|number| format!("key{number}: 1\n")).collect();
    match resolve(&file(&text)) {
        Err(ConfigError::Several { faults }) => assert_eq!(faults.len(), 20),
        other => panic!("{other:?}"),
    }
}
