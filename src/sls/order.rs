//! Requisites: which states an argument names, and what each state depends on.

use crate::model::yaml::Value;
use crate::sls::declaration::{Argument, Declaration, scalar};
use crate::sls::error::SlsError;
use crate::sls::graph::Graph;
use crate::sls::matching::glob;
use crate::sls::requisite::{self, Kind, Written};

/// Arguments that every function takes.
pub const TAKEN_BY_ALL: [&str; 30] = [
    "name",
    "names",
    "require",
    "require_any",
    "require_in",
    "watch",
    "watch_any",
    "watch_in",
    "onchanges",
    "onchanges_any",
    "onchanges_in",
    "onfail",
    "onfail_any",
    "onfail_all",
    "onfail_in",
    "prereq",
    "prereq_in",
    "listen",
    "listen_in",
    "unless",
    "onlyif",
    "creates",
    "check_cmd",
    "retry",
    "order",
    "failhard",
    "fire_event",
    "reload_modules",
    "reload_grains",
    "reload_pillar",
];

/// Arguments that Salt gives every function and eos does not know.
pub const UNSUPPORTED: [&str; 8] =
    ["use", "use_in", "parallel", "runas", "runas_password", "umask", "saltenv", "cmd_opts_exclude"];

/// The states that a state depends on, as indices into the declarations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requisites {
    /// Each requisite and the state that it names, in the order in which Salt reads them.
    pub edges: Vec<(Kind, usize)>,
    /// States to whose changes it reacts when all is done, each with the state that says so.
    pub listens: Vec<(usize, usize)>,
}

impl Requisites {
    /// The states that a kind of requisite names, ascending.
    pub fn of(&self, wanted: Kind) -> Vec<usize> {
        let named = self.edges.iter().filter(|(kind, _)| *kind == wanted);
        let mut named: Vec<usize> = named.map(|(_, index)| *index).collect();
        named.sort_unstable();
        named
    }

    /// Must have succeeded before.
    pub fn requires(&self) -> Vec<usize> {
        self.of(Kind::Require)
    }

    /// The same, and it reacts to their changes.
    pub fn watches(&self) -> Vec<usize> {
        self.of(Kind::Watch)
    }

    /// Without their changes nothing is done.
    pub fn on_changes(&self) -> Vec<usize> {
        self.of(Kind::OnChanges)
    }
}

/// The requisites of each declaration.
pub fn requisites(declarations: &[Declaration]) -> Result<Vec<Requisites>, SlsError> {
    let mut all = vec![Requisites::default(); declarations.len()];
    for (index, declaration) in declarations.iter().enumerate() {
        for argument in &declaration.arguments {
            let Some(written) = requisite::written(&argument.name) else { continue };
            for target in targets(declarations, declaration, argument)? {
                match written {
                    Written::Own(kind) => all[index].edges.push((kind, target)),
                    Written::Reversed(kind) => all[target].edges.push((kind, index)),
                    Written::Listen => all[index].listens.push((target, index)),
                    Written::ListenIn => all[target].listens.push((index, index)),
                }
            }
        }
    }
    for (declaration, requisites) in declarations.iter().zip(&mut all) {
        let module = declaration.module();
        requisites.edges.iter_mut().for_each(|(kind, _)| *kind = kind.reconciled(module));
        if !requisites.listens.is_empty() && !requisite::reacts(module) {
            let feature = "listen of a state that cannot react to changes".to_owned();
            return Err(SlsError::Unsupported { place: declaration.place.clone(), feature });
        }
        sort(requisites);
    }
    Ok(all)
}

/// In the order in which Salt reads them, each once.
fn sort(requisites: &mut Requisites) {
    let rank = |kind: Kind| Kind::all().position(|other| other == kind);
    requisites.edges.sort_by_key(|(kind, index)| (rank(*kind), *index));
    requisites.edges.dedup();
    requisites.listens.sort_unstable();
    requisites.listens.dedup();
}

fn targets(all: &[Declaration], from: &Declaration, argument: &Argument) -> Result<Vec<usize>, SlsError> {
    let wanted = "a list of `module: id or name`";
    let shape = || SlsError::Shape { place: argument.place.clone(), wanted };
    let one;
    let items = match &argument.value {
        Value::Sequence(items) => items,
        Value::Mapping(_) | Value::String(_) => {
            one = vec![argument.value.clone()];
            &one
        }
        Value::Null => return Ok(Vec::new()),
        _ => return Err(shape()),
    };
    let mut found = Vec::new();
    for item in items {
        let (module, name) = match item {
            Value::String(id) => (None, id.clone()),
            Value::Mapping(map) if map.len() == 1 => {
                let (module, name) = map.iter().next().expect("it has one entry");
                (Some(scalar(module).ok_or_else(shape)?), scalar(name).ok_or_else(shape)?)
            }
            _ => return Err(shape()),
        };
        // A function stands for its module, as in Salt: `file.managed: x` is `file: x`.
        let module = module.as_deref().map(|module| module.split('.').next().unwrap_or(module));
        let before = found.len();
        found.extend((0..all.len()).filter(|index| matches(&all[*index], module, &name)));
        if found.len() == before {
            return Err(no_target(from, argument, module, &name));
        }
    }
    Ok(found)
}

fn matches(declaration: &Declaration, module: Option<&str>, wanted: &str) -> bool {
    let is = |text: &str| text == wanted || (wanted.contains(['*', '?', '[']) && glob(wanted, text));
    match module {
        Some("sls") => is(&declaration.sls) || declaration.included_from.iter().any(|sls| is(sls)),
        None | Some("id") => is(&declaration.id) || is(declaration.name()),
        Some(module) => declaration.module() == module && (is(&declaration.id) || is(declaration.name())),
    }
}

fn no_target(from: &Declaration, argument: &Argument, module: Option<&str>, name: &str) -> SlsError {
    let name = from.rendered.shown(name);
    SlsError::NoSuchRequisite {
        place: argument.place.clone(),
        id: from.rendered.shown(&from.id),
        requisite: requisite::literal(&argument.name),
        target: module.map_or(name.clone(), |module| format!("{}: {name}", from.rendered.shown(module))),
    }
}

/// The declarations in their order of execution, as indices.
pub fn execution(declarations: &[Declaration], requisites: &[Requisites]) -> Result<Vec<usize>, SlsError> {
    let turns = Graph::of(declarations, requisites)?.turns()?;
    Ok(turns.into_iter().filter(|turn| !turn.trial).map(|turn| turn.state).collect())
}
