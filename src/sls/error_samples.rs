//! One value of every error of states, and the exact text of each.

use super::*;

fn place() -> Place {
    Place { file: "storage/config.sls".into(), line: 7 }
}

pub(crate) fn samples() -> Vec<SlsError> {
    let (place, at) = (place(), place());
    let name = |text: &str| text.to_owned();
    vec![
        SlsError::NoSuchState {
            place: Some(place.clone()),
            sls: name("storge"),
            tried: [name("storge.sls"), name("storge/init.sls")],
        },
        SlsError::NotText { file: name("a.sls") },
        SlsError::Template {
            place: place.clone(),
            problem: name("undefined value: `pillar.nope` is undefined"),
        },
        SlsError::Endless { place: place.clone(), steps: 1000 },
        SlsError::Yaml { place: place.clone(), problem: name("did not find expected key") },
        SlsError::DuplicateKey { place: place.clone(), key: name("mode") },
        SlsError::Shape { place: place.clone(), wanted: "a mapping" },
        SlsError::Unsupported { place: place.clone(), feature: name("extend") },
        SlsError::UnknownFunction { place: place.clone(), function: name("file.mangaed") },
        SlsError::UnknownArgument {
            place: place.clone(),
            function: name("file.absent"),
            argument: name("nmae"),
            expected: vec![name("name")],
        },
        SlsError::BadArgument {
            place: place.clone(),
            function: name("file.managed"),
            argument: name("mode"),
            wanted: "octal digits",
        },
        SlsError::MissingArgument {
            place: place.clone(),
            function: name("file.symlink"),
            argument: name("target"),
        },
        SlsError::DuplicateId {
            place: place.clone(),
            id: name("a"),
            first: Place { file: name("b.sls"), line: 1 },
        },
        SlsError::NoSuchRequisite {
            place: place.clone(),
            id: name("a"),
            requisite: "require",
            target: name("file: b"),
        },
        SlsError::Cycle { place: place.clone(), ids: vec![name("a"), name("b"), name("a")] },
        SlsError::NoSuchSource { place, source_file: name("salt://x") },
        SlsError::NothingAssigned { file: name("top.sls"), node: name("n1") },
        SlsError::NothingToExtend { place: at, id: name("a"), module: name("file") },
    ]
}

#[test]
fn every_text_names_the_place_and_what_was_expected() {
    let texts: Vec<_> = samples().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "storage/config.sls:7: the tree has no state storge: neither storge.sls nor storge/init.sls",
            "a.sls is not UTF-8 text",
            "storage/config.sls:7: template: undefined value: `pillar.nope` is undefined",
            "storage/config.sls:7: the template takes more than 1000 steps",
            "storage/config.sls:7: did not find expected key",
            "storage/config.sls:7: the key mode is given twice in the mapping that starts here",
            "storage/config.sls:7: a mapping expected",
            "storage/config.sls:7: extend is not supported",
            "storage/config.sls:7: unknown function file.mangaed",
            "storage/config.sls:7: file.absent takes no argument nmae: one of name expected",
            "storage/config.sls:7: mode of file.managed: octal digits expected",
            "storage/config.sls:7: file.symlink needs the argument target",
            "storage/config.sls:7: the id a is declared at b.sls:1 already",
            "storage/config.sls:7: require of a: no state file: b",
            "storage/config.sls:7: states wait for each other: a -> b -> a",
            "storage/config.sls:7: the tree has no source salt://x",
            "top.sls assigns no state to the node n1",
            "storage/config.sls:7: extend: no single state file: a",
        ]
    );
    let codes: std::collections::BTreeSet<_> = samples().iter().map(Explain::code).collect();
    assert_eq!(codes.len(), samples().len());
    assert!(samples().iter().all(|error| !error.hints().is_empty()));
    assert_eq!(samples()[8].hints()[0], "did you mean file.managed?");
}
