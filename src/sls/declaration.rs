//! What a rendered SLS declares: ids, functions and their arguments, each with its place, as Salt reads them.

use crate::model::yaml::{self, Value, YamlError};
use crate::sls::error::{Place, SlsError};
use crate::sls::jinja::Rendered;
use crate::sls::load::Reference;
use std::rc::Rc;

/// One function of one id.
#[derive(Clone)]
pub struct Declaration {
    /// The id.
    pub id: String,
    /// The SLS that declares it, `storage.config`.
    pub sls: String,
    /// `file.managed`.
    pub function: String,
    /// Where the function stands.
    pub place: Place,
    /// Its arguments in the order of the file.
    pub arguments: Vec<Argument>,
    /// The file, for places and for names that errors may show.
    pub rendered: Rc<Rendered>,
    /// The SLS by whose includes it came, the outermost first.
    pub included_from: Vec<String>,
    /// Its place when a file comes before those that it includes, from 0: the order in which Salt reads requisites.
    pub seniority: usize,
    /// Its place among those that say no `order`, from 0.
    pub position: i64,
    /// Its place among the `names` of its id, from 1; 0 without them.
    pub name_order: i64,
}

/// One argument.
#[derive(Clone)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// What an SLS says.
#[derive(Clone, Default)]
pub struct Contents {
    /// The SLS it includes, in order.
    pub includes: Vec<Reference>,
    /// What it declares, in order.
    pub declarations: Vec<Declaration>,
    /// What it changes of the declarations of others, in order.
    pub extensions: Vec<Declaration>,
}

// By hand, because everything but the place may be made of the pillar's values.
impl std::fmt::Debug for Declaration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Declaration({})", self.place)
    }
}

impl Declaration {
    /// `file` of `file.managed`.
    pub fn module(&self) -> &str {
        self.function.split('.').next().unwrap_or(&self.function)
    }

    /// The argument `name` when it is a text, or the id.
    pub fn name(&self) -> &str {
        let name = self.arguments.iter().rev().find(|argument| argument.name == "name");
        name.and_then(|argument| argument.value.as_str()).unwrap_or(&self.id)
    }
}

/// Parses the YAML of a rendered file.
pub fn document(rendered: &Rendered) -> Result<Value, SlsError> {
    yaml::value(&rendered.file, rendered.text.as_bytes())
        .and_then(|mut value| {
            value.apply_merge().map_err(|error| YamlError::Syntax {
                file: String::new(),
                line: 1,
                column: 1,
                problem: error.to_string(),
            })?;
            Ok(value)
        })
        .map_err(|error| without_values(rendered, error))
}

/// Reads what a rendered SLS declares.
pub fn contents(sls: &str, rendered: Rendered) -> Result<Contents, SlsError> {
    let value = document(&rendered)?;
    let rendered = Rc::new(rendered);
    let mut contents = Contents::default();
    let Some(map) = value.as_mapping() else {
        return match value {
            Value::Null => Ok(contents),
            _ => Err(SlsError::Shape { place: rendered.place(1), wanted: "a mapping of ids" }),
        };
    };
    for (key, body) in map {
        let id = scalar(key)
            .ok_or_else(|| SlsError::Shape { place: rendered.place(1), wanted: "ids that are text" })?;
        let place = rendered.place_of(&[&id]);
        match id.as_str() {
            "include" => contents.includes = includes(sls, body, &rendered)?,
            "exclude" => return Err(SlsError::Unsupported { place, feature: id }),
            "extend" => contents.extensions = extensions(sls, body, &rendered)?,
            _ => declare(sls, &[&id], body, &rendered, &mut contents.declarations)?,
        }
    }
    Ok(contents)
}

fn extensions(sls: &str, body: &Value, rendered: &Rc<Rendered>) -> Result<Vec<Declaration>, SlsError> {
    let shape = || SlsError::Shape { place: rendered.place_of(&["extend"]), wanted: "a mapping of ids" };
    let mut found = Vec::new();
    for (key, body) in body.as_mapping().ok_or_else(shape)? {
        let id = scalar(key).ok_or_else(shape)?;
        declare(sls, &["extend", &id], body, rendered, &mut found)?;
    }
    Ok(found)
}

fn includes(sls: &str, body: &Value, rendered: &Rendered) -> Result<Vec<Reference>, SlsError> {
    let shape = || SlsError::Shape { place: rendered.place_of(&["include"]), wanted: "a list of SLS names" };
    let items = body.as_sequence().ok_or_else(shape)?;
    let names = items.iter().map(|item| {
        let name = item.as_str().ok_or_else(shape)?;
        let place = Some(rendered.place_of(&["include", name]));
        Ok(Reference { sls: absolute(sls, name, &rendered.file), shown: rendered.shown(name), place })
    });
    names.collect()
}

/// `.config` beside the SLS that names it; `..x` one level up.
fn absolute(sls: &str, name: &str, file: &str) -> String {
    let dots = name.len() - name.trim_start_matches('.').len();
    if dots == 0 {
        return name.to_owned();
    }
    let mut parents: Vec<&str> = sls.split('.').collect();
    // The name of a directory stands for its init.sls, which is one level deeper than it looks.
    let up = if file.ends_with("/init.sls") { dots - 1 } else { dots };
    parents.truncate(parents.len().saturating_sub(up));
    parents.push(&name[dots..]);
    parents.join(".")
}

/// Reads the functions of one id; the path leads to it.
fn declare(
    sls: &str,
    path: &[&str],
    body: &Value,
    rendered: &Rc<Rendered>,
    into: &mut Vec<Declaration>,
) -> Result<(), SlsError> {
    let new = |function: String, key: &str, arguments| Declaration {
        id: path.last().copied().unwrap_or_default().to_owned(),
        sls: sls.to_owned(),
        function,
        place: rendered.place_of(&[path, &[key]].concat()),
        arguments,
        rendered: Rc::clone(rendered),
        included_from: Vec::new(),
        seniority: 0,
        position: 0,
        name_order: 0,
    };
    let place = rendered.place_of(path);
    match body {
        Value::String(function) => into.push(new(function.clone(), function, Vec::new())),
        Value::Mapping(functions) if !functions.is_empty() => {
            for (key, arguments) in functions {
                let key =
                    key.as_str().ok_or(SlsError::Shape { place: place.clone(), wanted: "a function" })?;
                let (function, arguments) = arguments_of(path, key, arguments, rendered)?;
                into.push(new(function, key, arguments));
            }
        }
        _ => return Err(SlsError::Shape { place, wanted: "a function with its arguments" }),
    }
    Ok(())
}

/// The arguments of `file.managed: [...]`, or of the older `file: [managed, ...]`.
fn arguments_of(
    path: &[&str],
    key: &str,
    body: &Value,
    rendered: &Rendered,
) -> Result<(String, Vec<Argument>), SlsError> {
    let shape = |wanted| SlsError::Shape { place: rendered.place_of(&[path, &[key]].concat()), wanted };
    let items = match body {
        Value::Null => &Vec::new(),
        Value::Sequence(items) => items,
        _ => return Err(shape("a list of arguments")),
    };
    let (mut function, mut arguments) = (key.to_owned(), Vec::new());
    for item in items {
        match item {
            Value::String(name) if !function.contains('.') => function = format!("{key}.{name}"),
            Value::Mapping(map) => {
                for (name, value) in map {
                    let name = scalar(name).ok_or_else(|| shape("arguments whose names are text"))?;
                    let place = rendered.place_of(&[path, &[key, &name]].concat());
                    arguments.push(Argument { name, value: value.clone(), place });
                }
            }
            _ => return Err(shape("a list of arguments, each `name: value`")),
        }
    }
    Ok((function, arguments))
}

fn without_values(rendered: &Rendered, error: YamlError) -> SlsError {
    match error {
        YamlError::Syntax { line, problem, .. } => {
            // The parser's own words quote nothing; what quotes may quote a value.
            let quotes = problem.contains(['"', '`']);
            let problem =
                if quotes { "this is not YAML that states are made of".to_owned() } else { problem };
            SlsError::Yaml { place: rendered.place(line), problem }
        }
        YamlError::DuplicateKey { line, key, .. } => {
            SlsError::DuplicateKey { place: rendered.place(line), key: rendered.shown(&key) }
        }
        other => SlsError::Yaml { place: rendered.place(1), problem: other.to_string() },
    }
}

/// A scalar as text.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(if *yes { "True" } else { "False" }.to_owned()),
        _ => None,
    }
}
