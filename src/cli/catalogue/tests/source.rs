//! Finds, in the source of the package, the files that have errors and the codes that they give.

use super::samples::PANIC;
use std::path::{Path, PathBuf};

/// A file that implements `Explain`, and the codes in it.
pub struct Errors {
    /// From the root of the package, with `/`.
    pub path: String,
    /// As written in the bodies of its `fn code`, in their order.
    pub codes: Vec<String>,
}

/// The root of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every such file under `src`, test files left out.
pub fn files() -> Vec<Errors> {
    let mut paths = Vec::new();
    gather(&root().join("src"), &mut paths);
    paths.sort();
    let errors = paths.into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let explains = text.lines().any(|line| line.starts_with("impl") && line.contains("Explain for "));
        if name == PANIC {
            return Some(Errors { path: name, codes: vec!["U001".to_owned()] });
        }
        explains.then(|| Errors { path: name, codes: codes(&text) })
    });
    errors.collect()
}

/// Every source file with its text, test files left out.
pub fn texts() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    gather(&root().join("src"), &mut paths);
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

fn gather(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            gather(&path, paths);
        } else if name.ends_with(".rs") && !name.contains("tests") {
            paths.push(path);
        }
    }
}

/// The codes that the methods `code` of a file give: a letter and three digits between quotes.
fn codes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("    fn code(&self)") {
            inside = true;
        } else if line == "    }" {
            inside = false;
        }
        if inside {
            found.extend(line.split('"').skip(1).step_by(2).filter(|text| is_code(text)).map(str::to_owned));
        }
    }
    found
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 4 && bytes[0].is_ascii_uppercase() && bytes[1..].iter().all(u8::is_ascii_digit)
}

#[test]
fn codes_are_read_from_the_methods_that_give_them_only() {
    let text = "impl Explain for A {\n    fn code(&self) -> Code {\n        Code(match self {\n            \
                Self::X => \"A001\",\n            Self::Y => \"A002\",\n        })\n    }\n\n    \
                fn hints(&self) {\n        \"A003\"\n    }\n}\n";
    assert_eq!(codes(text), ["A001", "A002"]);
}
