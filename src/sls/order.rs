//! Requisites and the order of execution, as Salt has it: the order of the files, `order`, and before each state
//! what it requires.

use crate::model::yaml::Value;
use crate::sls::declaration::{Argument, Declaration, scalar};
use crate::sls::error::SlsError;

/// Arguments that every function takes.
pub const TAKEN_BY_ALL: [&str; 8] =
    ["name", "require", "watch", "onchanges", "require_in", "watch_in", "onchanges_in", "order"];

/// Arguments that Salt gives every function and eos does not know.
pub const UNSUPPORTED: [&str; 12] = [
    "names",
    "prereq",
    "prereq_in",
    "onfail",
    "onfail_in",
    "require_any",
    "watch_any",
    "onchanges_any",
    "listen",
    "listen_in",
    "use",
    "retry",
];

/// The states that a state depends on, as indices into the declarations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requisites {
    /// Must have succeeded before.
    pub requires: Vec<usize>,
    /// The same, and their changes restart a service.
    pub watches: Vec<usize>,
    /// The same, and without their changes nothing is done.
    pub on_changes: Vec<usize>,
}

impl Requisites {
    /// All three, ascending, each once.
    pub fn all(&self) -> Vec<usize> {
        let mut all: Vec<_> =
            [&self.requires, &self.watches, &self.on_changes].into_iter().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The requisites of each declaration.
pub fn requisites(declarations: &[Declaration]) -> Result<Vec<Requisites>, SlsError> {
    let mut all = vec![Requisites::default(); declarations.len()];
    for (index, declaration) in declarations.iter().enumerate() {
        for argument in &declaration.arguments {
            let (kind, reverse): (&'static str, bool) = match argument.name.as_str() {
                "require" => ("require", false),
                "watch" => ("watch", false),
                "onchanges" => ("onchanges", false),
                "require_in" => ("require", true),
                "watch_in" => ("watch", true),
                "onchanges_in" => ("onchanges", true),
                _ => continue,
            };
            for target in targets(declarations, declaration, argument)? {
                let (from, to) = if reverse { (target, index) } else { (index, target) };
                let list = match kind {
                    "require" => &mut all[from].requires,
                    "watch" => &mut all[from].watches,
                    _ => &mut all[from].on_changes,
                };
                if from != to && !list.contains(&to) {
                    list.push(to);
                }
            }
        }
    }
    Ok(all)
}

/// The declarations that a requisite names, as indices.
pub fn targets(all: &[Declaration], from: &Declaration, argument: &Argument) -> Result<Vec<usize>, SlsError> {
    let wanted = "a list of `module: id or name`";
    let shape = || SlsError::Shape { place: argument.place.clone(), wanted };
    let one;
    let items = match &argument.value {
        Value::Sequence(items) => items,
        Value::Mapping(_) | Value::String(_) => {
            one = vec![argument.value.clone()];
            &one
        }
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
        let before = found.len();
        found.extend((0..all.len()).filter(|index| matches(&all[*index], module.as_deref(), &name)));
        if found.len() == before {
            return Err(no_target(from, argument, module.as_deref(), &name));
        }
    }
    Ok(found)
}

fn matches(declaration: &Declaration, module: Option<&str>, name: &str) -> bool {
    match module {
        Some("sls") => declaration.sls == name,
        None | Some("id") => declaration.id == name,
        Some(module) => {
            declaration.module() == module && (declaration.id == name || declaration.name() == name)
        }
    }
}

fn no_target(from: &Declaration, argument: &Argument, module: Option<&str>, name: &str) -> SlsError {
    let requisite = TAKEN_BY_ALL.into_iter().find(|common| *common == argument.name).unwrap_or("require");
    let name = from.rendered.shown(name);
    SlsError::NoSuchRequisite {
        place: argument.place.clone(),
        id: from.rendered.shown(&from.id),
        requisite,
        target: module.map_or(name.clone(), |module| format!("{}: {name}", from.rendered.shown(module))),
    }
}

/// The declarations in their order of execution, as indices.
pub fn execution(declarations: &[Declaration], requisites: &[Requisites]) -> Result<Vec<usize>, SlsError> {
    let mut by_rank = Vec::with_capacity(declarations.len());
    for (index, declaration) in declarations.iter().enumerate() {
        by_rank.push((rank(index, declaration)?, index));
    }
    by_rank.sort_unstable();
    let ranks: Vec<_> = {
        let mut ranks = vec![0; declarations.len()];
        by_rank.iter().for_each(|(rank, index)| ranks[*index] = *rank);
        ranks
    };
    let mut walk = Walk {
        declarations,
        requisites,
        ranks,
        done: vec![false; declarations.len()],
        path: vec![],
        order: vec![],
    };
    for (_, index) in by_rank {
        walk.visit(index)?;
    }
    Ok(walk.order)
}

/// What `order` says; without it, the place in the files after those that say a number.
fn rank(index: usize, declaration: &Declaration) -> Result<i64, SlsError> {
    const UNSAID: i64 = 10_000;
    const LAST: i64 = 1 << 40;
    let position = i64::try_from(index).unwrap_or(i64::MAX / 2);
    let Some(argument) = declaration.arguments.iter().find(|argument| argument.name == "order") else {
        return Ok(UNSAID + position);
    };
    match (argument.value.as_str(), argument.value.as_i64()) {
        (Some("first"), _) => Ok(0),
        (Some("last"), _) => Ok(LAST),
        (_, Some(number)) if number < 0 => Ok(LAST + number.max(-UNSAID)),
        (_, Some(number)) => Ok(number.min(LAST - UNSAID - 1)),
        _ => Err(SlsError::BadArgument {
            place: argument.place.clone(),
            function: declaration.function.clone(),
            argument: "order".to_owned(),
            wanted: "a whole number, first or last",
        }),
    }
}

struct Walk<'a> {
    declarations: &'a [Declaration],
    requisites: &'a [Requisites],
    ranks: Vec<i64>,
    done: Vec<bool>,
    path: Vec<usize>,
    order: Vec<usize>,
}

impl Walk<'_> {
    fn visit(&mut self, index: usize) -> Result<(), SlsError> {
        if self.done[index] {
            return Ok(());
        }
        if let Some(start) = self.path.iter().position(|earlier| *earlier == index) {
            let cycle = self.path[start..].iter().chain([&index]);
            let shown =
                |index: &usize| self.declarations[*index].rendered.shown(&self.declarations[*index].id);
            return Err(SlsError::Cycle {
                place: self.declarations[index].place.clone(),
                ids: cycle.map(shown).collect(),
            });
        }
        self.path.push(index);
        let mut before = self.requisites[index].all();
        before.sort_by_key(|other| (self.ranks[*other], *other));
        for other in before {
            self.visit(other)?;
        }
        self.path.pop();
        self.done[index] = true;
        self.order.push(index);
        Ok(())
    }
}
