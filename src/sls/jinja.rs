//! Jinja as Salt has it: strict about what is undefined, bounded in steps, its errors without values.

use crate::sls::context::Context;
use crate::sls::error::{Place, SlsError};
use crate::sls::filters;
use crate::sls::loads;
use crate::sls::python;
use crate::sls::salt::Salt;
use crate::sls::source_lines;
use crate::sls::tree::StateTree;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Steps that one template may take: far more than a tree needs, and over in well under a second.
pub const FUEL: u64 = 5_000_000;

/// A rendered state file.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its path in the tree.
    pub file: String,
    /// What the tree holds.
    pub source: String,
    /// What the template made of it.
    pub text: String,
    /// The source line of each line of the text.
    lines: Vec<usize>,
}

impl Rendered {
    /// The place in the source of a line (from 1) of the text.
    pub fn place(&self, line: usize) -> Place {
        let source = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(line);
        Place { file: self.file.clone(), line: source }
    }

    /// The place of a key, as deep as it is found.
    pub fn place_of(&self, path: &[&str]) -> Place {
        self.place(source_lines::locate(&self.text, path))
    }

    /// A name as errors may show it: only when it stands in the file, and is not made of values.
    pub fn shown(&self, name: &str) -> String {
        shown(&self.source, name)
    }
}

fn shown(source: &str, name: &str) -> String {
    let name: String = name.chars().take(80).collect();
    if source.contains(&name) { name } else { "(a rendered value)".to_owned() }
}

/// Renders files of one tree for one machine.
pub struct Renderer<'a> {
    /// The tree.
    pub tree: &'a dyn StateTree,
    /// The machine.
    pub context: &'a Context,
}

/// Templates that others include or import, read when they are asked for.
#[derive(Default)]
struct Library {
    texts: BTreeMap<String, String>,
    asked: BTreeSet<String>,
}

impl Renderer<'_> {
    /// Renders a state file; nothing when the tree has none at this path.
    pub fn state_file(&self, sls: &str, path: &str) -> Result<Option<Rendered>, SlsError> {
        let Some(source) = self.text(path)? else { return Ok(None) };
        let variables = self.variables(sls, path);
        let text = self.render(path, &source, variables.clone())?;
        let lines = self
            .render(path, &source_lines::marked(&source), variables)
            .ok()
            .and_then(|marked| source_lines::map(&text, &marked))
            .unwrap_or_default();
        Ok(Some(Rendered { file: path.to_owned(), source, text, lines }))
    }

    /// Renders a source of `file.managed` with variables of its own.
    pub fn template(
        &self,
        sls: &str,
        path: &str,
        source: &str,
        own: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<String, SlsError> {
        let mut variables = self.variables(sls, path);
        for (name, value) in own {
            variables.insert(name.clone(), Value::from(Serde(value.clone())));
        }
        self.render(path, source, variables)
    }

    fn text(&self, path: &str) -> Result<Option<String>, SlsError> {
        let bytes = self.tree.read(path);
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| SlsError::NotText { file: path.to_owned() })
    }

    fn variables(&self, sls: &str, path: &str) -> BTreeMap<String, Value> {
        let context = self.context;
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        BTreeMap::from([
            ("pillar".to_owned(), Value::from(Serde(context.pillar.clone()))),
            ("grains".to_owned(), Value::from(Serde(context.grains.clone()))),
            (
                "opts".to_owned(),
                Value::from(Serde(serde_json::json!({"test": context.test, "id": context.id}))),
            ),
            ("salt".to_owned(), Value::from_object(Salt::new(context))),
            ("sls".to_owned(), Value::from(sls)),
            ("slspath".to_owned(), Value::from(directory)),
            ("tpldir".to_owned(), Value::from(directory)),
            ("tplfile".to_owned(), Value::from(path)),
            ("saltenv".to_owned(), Value::from("base")),
        ])
    }

    /// Renders; a template that is included or imported and not known yet is read, and the rendering repeated.
    fn render(
        &self,
        path: &str,
        source: &str,
        variables: BTreeMap<String, Value>,
    ) -> Result<String, SlsError> {
        let library = Arc::new(Mutex::new(Library::default()));
        let source = &loads::rewritten(source);
        loop {
            let outcome = environment(Arc::clone(&library)).render_named_str(
                path,
                source,
                Value::from(Serde(&variables)),
            );
            let mut library = library.lock().expect("nothing panics while it holds the library");
            let asked = std::mem::take(&mut library.asked);
            let before = library.texts.len();
            for name in asked {
                if let Some(text) = self.text(&name)? {
                    library.texts.insert(name, loads::rewritten(&text));
                }
            }
            if library.texts.len() == before {
                return outcome.map_err(|error| explained(path, source, &library, &error));
            }
        }
    }
}

fn environment(library: Arc<Mutex<Library>>) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the default delimiters are valid"));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Without it errors do not name what is undefined. Its listing of values is never asked for.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.set_formatter(|out, state, value| match value.kind() {
        // Strings are themselves, and what is undefined is an error that the default knows.
        ValueKind::String | ValueKind::Undefined => minijinja::escape_formatter(out, state, value),
        _ => out.write_str(&python::text(value)).map_err(Error::from),
    });
    filters::add(&mut environment);
    loads::add(&mut environment);
    environment.set_loader(move |name| {
        let mut library = library.lock().expect("nothing panics while it holds the library");
        let text = library.texts.get(name).cloned();
        if text.is_none() && crate::sls::tree::inside(name) {
            library.asked.insert(name.to_owned());
        }
        Ok(text)
    });
    environment
}

fn explained(path: &str, source: &str, library: &Library, error: &Error) -> SlsError {
    let mut inner = error;
    // An error inside an included template is the source of the one of the includer.
    while let Some(deeper) = std::error::Error::source(inner).and_then(|next| next.downcast_ref::<Error>()) {
        inner = deeper;
    }
    let file = inner.name().or(error.name()).unwrap_or(path).to_owned();
    let place = Place { file, line: inner.line().or(error.line()).unwrap_or(1) };
    if inner.kind() == ErrorKind::OutOfFuel {
        return SlsError::Endless { place, steps: FUEL };
    }
    let known = |word: &str| source.contains(word) || library.texts.values().any(|text| text.contains(word));
    let problem = match inner.detail().filter(|detail| is_free_of_values(detail, known)) {
        Some(detail) => format!("{}: {detail}", inner.kind()),
        None => inner.kind().to_string(),
    };
    SlsError::Template { place, problem: problem.replace('\n', " ") }
}

/// Whether everything a message quotes, and every number in it, stands in the templates already.
fn is_free_of_values(message: &str, known: impl Fn(&str) -> bool) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let quoted = ['`', '"', '\'']
        .into_iter()
        .flat_map(|quote| message.split(quote).skip(1).step_by(2).flat_map(words).collect::<Vec<_>>());
    let numbers = words(message).into_iter().filter(|word| word.contains(|c: char| c.is_ascii_digit()));
    quoted.chain(numbers).all(|word| known(&word) || matches!(word.as_str(), "grains" | "mine" | "get"))
}

/// Renders a text over given variables, with nothing of Salt in it: units, the cluster's configuration.
pub fn plain(file: &str, source: &str, variables: &serde_json::Value) -> Result<String, SlsError> {
    let library = Arc::new(Mutex::new(Library::default()));
    let outcome =
        environment(Arc::clone(&library)).render_named_str(file, source, Value::from(Serde(variables)));
    outcome.map_err(|error| explained(file, source, &Library::default(), &error))
}
