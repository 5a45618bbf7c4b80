//! Gathers the SLS that a node gets: `top.sls` matching, and includes before those who include them.

use crate::model::yaml::Value;
use crate::sls::declaration::{self, Declaration};
use crate::sls::error::{Place, SlsError};
use crate::sls::extend;
use crate::sls::jinja::Renderer;
use crate::sls::matching;
use crate::sls::names;
use crate::sls::tree::{candidates, inside};
use std::collections::BTreeSet;

const TOP: &str = "top.sls";

/// An SLS that is wanted, and by whom.
#[derive(Clone)]
pub struct Reference {
    /// Its name.
    pub sls: String,
    /// The name as errors may show it.
    pub shown: String,
    /// Where it is named; nothing when the caller named it.
    pub place: Option<Place>,
}

impl Reference {
    /// One that the caller named.
    pub fn given(sls: &str) -> Self {
        Self { sls: sls.to_owned(), shown: sls.to_owned(), place: None }
    }
}

/// The SLS that `top.sls` assigns to this node, in its order, each once.
pub fn assigned(renderer: &Renderer<'_>) -> Result<Vec<Reference>, SlsError> {
    let tried = [TOP.to_owned(), TOP.to_owned()];
    let rendered = renderer.state_file("top", TOP)?.ok_or(SlsError::NoSuchState {
        place: None,
        sls: "top".to_owned(),
        tried,
    })?;
    let value = declaration::document(&rendered)?;
    let shape = |path: &[&str], wanted| SlsError::Shape { place: rendered.place_of(path), wanted };
    let mut names: Vec<Reference> = Vec::new();
    let environments = value.as_mapping().ok_or_else(|| shape(&[], "a mapping of environments"))?;
    for (environment, targets) in environments {
        if environment.as_str() != Some("base") {
            return Err(SlsError::Unsupported {
                place: rendered.place(1),
                feature: "an environment other than base".to_owned(),
            });
        }
        let targets = targets.as_mapping().ok_or_else(|| shape(&["base"], "a mapping of targets"))?;
        for (target, states) in targets {
            let target = target.as_str().ok_or_else(|| shape(&["base"], "targets that are text"))?;
            let states =
                states.as_sequence().ok_or_else(|| shape(&["base", target], "a list of SLS names"))?;
            let states = matched(renderer, target, states).map_err(|feature| SlsError::Unsupported {
                place: rendered.place_of(&["base", target]),
                feature,
            })?;
            for sls in states {
                if names.iter().all(|name| name.sls != sls) {
                    let place = Some(rendered.place_of(&["base", target, &sls]));
                    names.push(Reference { shown: rendered.shown(&sls), sls, place });
                }
            }
        }
    }
    match names.is_empty() {
        true => Err(SlsError::NothingAssigned { file: TOP.to_owned(), node: renderer.context.id.clone() }),
        false => Ok(names),
    }
}

/// The SLS of one target when it matches the node; a way of matching that is not known here is an error.
fn matched(renderer: &Renderer<'_>, target: &str, states: &[Value]) -> Result<Vec<String>, String> {
    let context = renderer.context;
    let (mut kind, mut names) = ("glob", Vec::new());
    for state in states {
        match (state.as_str(), state.get("match").and_then(Value::as_str)) {
            (Some(name), _) => names.push(name.to_owned()),
            (None, Some(given)) => kind = given,
            (None, None) => return Err("an entry of top.sls other than a name or `match`".to_owned()),
        }
    }
    let matches = match kind {
        "glob" => matching::glob(target, &context.id),
        "list" => target.split(',').any(|name| name.trim() == context.id),
        "grain" => matching::data(&context.grains, target),
        "pillar" => matching::data(&context.pillar, target),
        _ => return Err("a match other than glob, list, grain or pillar".to_owned()),
    };
    Ok(if matches { names } else { Vec::new() })
}

/// Everything that these SLS, and what they include, declare; each SLS once, the included ones first, with
/// what `extend` changes and each of `names` by itself.
pub fn declarations(renderer: &Renderer<'_>, names: &[Reference]) -> Result<Vec<Declaration>, SlsError> {
    let mut loading = Loading::new(renderer);
    for name in names {
        loading.visit(name)?;
    }
    let Loading { declarations: mut all, extensions, .. } = loading;
    refuse_duplicates(&all)?;
    let mut unordered = 0..;
    for declaration in &mut all {
        let says = declaration.arguments.iter().any(|argument| argument.name == "order");
        declaration.position = if says { 0 } else { unordered.next().unwrap_or(0) };
    }
    extend::apply(&mut all, extensions)?;
    names::expanded(all)
}

/// What was found so far.
struct Loading<'a> {
    renderer: &'a Renderer<'a>,
    seen: BTreeSet<String>,
    /// The SLS that include each other on the way to the one that is read.
    path: Vec<String>,
    /// How many declarations were read.
    read: usize,
    declarations: Vec<Declaration>,
    extensions: Vec<Declaration>,
}

impl<'a> Loading<'a> {
    fn new(renderer: &'a Renderer<'a>) -> Self {
        let (seen, path) = (BTreeSet::new(), Vec::new());
        Self { renderer, seen, path, read: 0, declarations: Vec::new(), extensions: Vec::new() }
    }

    fn visit(&mut self, wanted: &Reference) -> Result<(), SlsError> {
        let sls = wanted.sls.as_str();
        if !self.seen.insert(sls.to_owned()) {
            return Ok(());
        }
        let mut rendered = None;
        for path in candidates(sls).iter().filter(|path| inside(path)) {
            if rendered.is_none() {
                rendered = self.renderer.state_file(sls, path)?;
            }
        }
        let Some(rendered) = rendered else {
            let (place, sls) = (wanted.place.clone(), wanted.shown.clone());
            return Err(SlsError::NoSuchState { place, tried: candidates(&sls), sls });
        };
        let mut contents = declaration::contents(sls, rendered)?;
        for declaration in &mut contents.declarations {
            declaration.seniority = self.read;
            self.read += 1;
        }
        // As in Salt: what a file extends comes before what those that it includes extend.
        self.extensions.extend(contents.extensions);
        self.path.push(sls.to_owned());
        for include in &contents.includes {
            self.visit(include)?;
        }
        self.path.pop();
        for mut declaration in contents.declarations {
            declaration.included_from.clone_from(&self.path);
            self.declarations.push(declaration);
        }
        Ok(())
    }
}

/// An id may have functions of several modules, as in Salt, but each module once, and in one file.
fn refuse_duplicates(all: &[Declaration]) -> Result<(), SlsError> {
    let mut first: std::collections::BTreeMap<&str, Vec<&Declaration>> = Default::default();
    for declaration in all {
        let earlier = first.entry(&declaration.id).or_default();
        let clash = earlier
            .iter()
            .find(|other| other.sls != declaration.sls || other.module() == declaration.module());
        if let Some(other) = clash {
            return Err(SlsError::DuplicateId {
                place: declaration.place.clone(),
                id: declaration.rendered.shown(&declaration.id),
                first: other.place.clone(),
            });
        }
        earlier.push(declaration);
    }
    Ok(())
}
