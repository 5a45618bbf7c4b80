//! The completions and manual pages of the package are those that the binary generates.
//!
//! `UPDATE=1 cargo test --test it generated` writes them again.

use crate::support::{EOS, package};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

type Files = BTreeMap<String, String>;

fn read(directory: &Path) -> Files {
    let Ok(entries) = fs::read_dir(directory) else { return Files::new() };
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| file(entry.unwrap())).collect()
}

fn compare(directory: &str, generated: &Files) {
    let directory = package(directory);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&directory).unwrap();
        for old in read(&directory).keys().filter(|old| !generated.contains_key(*old)) {
            fs::remove_file(directory.join(old)).unwrap();
        }
        for (name, text) in generated {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let kept = read(&directory);
    let stale: Vec<&String> = generated
        .iter()
        .filter(|(name, text)| kept.get(*name) != Some(text))
        .map(|(name, _)| name)
        .chain(kept.keys().filter(|name| !generated.contains_key(*name)))
        .collect();
    assert!(
        stale.is_empty(),
        "stale in {}: {stale:?}; generate again: UPDATE=1 cargo test --test it generated",
        directory.display()
    );
}

fn eos(arguments: &[&str]) -> String {
    let output = Command::new(EOS).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_completions_are_up_to_date() {
    let shells = [("bash", "eos.bash"), ("zsh", "_eos"), ("fish", "eos.fish")];
    let generated: Files =
        shells.iter().map(|(shell, file)| ((*file).to_owned(), eos(&["completions", shell]))).collect();
    assert!(generated.values().all(|text| text.contains("bootstrap") && text.contains("join-cluster")));
    compare("completions", &generated);
}

#[test]
fn the_manual_pages_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    eos(&["man", folder.path().to_str().unwrap()]);
    let generated = read(folder.path());
    assert!(generated.contains_key("eos.1") && generated.contains_key("eos-bootstrap.1"));
    let hidden = generated.keys().find(|name| name.contains("supervise"));
    assert_eq!(hidden, None, "what only eos itself runs has no page");
    compare("docs/man", &generated);
}
