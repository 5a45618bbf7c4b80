//! The files of the package that the rules judge, and what a rule has to say of them.

use super::source::Source;
use std::fmt;
use std::fs;
use std::path::Path;

/// A text file that is not Rust source, or the same file seen as plain text.
#[derive(Debug)]
pub struct Text {
    /// Where it lies in the package, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Everything that is judged.
#[derive(Debug, Default)]
pub struct Tree {
    /// The Rust files.
    pub sources: Vec<Source>,
    /// Every text file, the Rust files among them.
    pub texts: Vec<Text>,
}

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub detail: String,
}

impl Violation {
    /// A violation in a Rust file.
    pub fn new(source: &Source, line: usize, detail: String) -> Self {
        Self { path: source.path.clone(), line, detail }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.detail)
    }
}

impl Tree {
    /// Reads the package, except what git and cargo keep there for themselves.
    pub fn of_package() -> Self {
        let mut tree = Self::default();
        tree.read_directory(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        tree.settle_test_modules();
        tree
    }

    /// A tree made of the given files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add((*path).to_owned(), (*text).to_owned());
        }
        tree.settle_test_modules();
        tree
    }

    fn read_directory(&mut self, directory: &Path, inside: &str) {
        let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().expect("names in the package are UTF-8");
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            let kind = entry.file_type().unwrap();
            // What the fuzz targets are fed is made by machines, and only chance decides whether it is text.
            if kind.is_dir() && !matches!(name.as_str(), ".git" | "target" | "corpus") {
                self.read_directory(&entry.path(), &path);
            } else if kind.is_file() && name != ".git" {
                // What is not UTF-8 is no text: archives and other fixtures.
                if let Ok(text) = String::from_utf8(fs::read(entry.path()).unwrap()) {
                    self.add(path, text);
                }
            }
        }
    }

    fn add(&mut self, path: String, text: String) {
        if path.ends_with(".rs") {
            self.sources.push(Source::parse(&path, &text));
        }
        self.texts.push(Text { path, text });
    }

    fn settle_test_modules(&mut self) {
        let modules: Vec<Vec<String>> = self.sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut self.sources {
            let path: Option<Vec<String>> =
                source.module().map(|module| module.into_iter().map(str::to_owned).collect());
            if path.is_some_and(|path| modules.iter().any(|module| path.starts_with(module))) {
                source.set_all_test();
            }
        }
    }
}
