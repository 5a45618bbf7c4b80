//! The plan: every state of a node with its arguments resolved, in the order of execution.

use crate::sls::aftermath::Aftermath;
use crate::sls::condition::Conditions;
use crate::sls::context::Context;
use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::function::Function;
use crate::sls::graph::{Graph, Turn};
use crate::sls::jinja::Renderer;
use crate::sls::order::{self, Requisites};
use crate::sls::tree::StateTree;
use crate::sls::{load, resolve};

/// Which states are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Those that `top.sls` assigns to the node.
    Top,
    /// These SLS, `storage.config`.
    Named(Vec<String>),
}

/// What is to be applied, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatePlan {
    /// The states; a state comes after all that it requires.
    pub states: Vec<State>,
    /// Who gets its turn when, trials included; as indices into the states.
    pub turns: Vec<Turn>,
}

/// One state.
#[derive(Clone, PartialEq, Eq)]
pub struct State {
    /// Its id.
    pub id: String,
    /// Its name: the argument `name`, or the id.
    pub name: String,
    /// The SLS that declares it.
    pub sls: String,
    /// Its file, relative to the tree.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What it wants.
    pub function: Function,
    /// What it depends on, as indices into the plan.
    pub requisites: Requisites,
    /// What must hold on the machine for it to run.
    pub conditions: Conditions,
    /// What is asked of it once it ran.
    pub aftermath: Aftermath,
    /// Whether nothing else is run when it fails.
    pub fail_hard: bool,
}

// By hand, because names may be command lines, which may hold secrets.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}:{}", self.function, self.file, self.line)
    }
}

/// Renders the tree for a machine and puts its states in order.
pub fn render(tree: &dyn StateTree, wanted: &Wanted, context: &Context) -> Result<StatePlan, SlsError> {
    let renderer = Renderer { tree, context };
    let declarations = gathered(&renderer, wanted)?;
    let requisites = order::requisites(&declarations)?;
    let turns = Graph::of(&declarations, &requisites)?.turns()?;
    let order: Vec<usize> = turns.iter().filter(|turn| !turn.trial).map(|turn| turn.state).collect();
    let mut position = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, index)| position[*index] = at);
    let states = order.iter().map(|index| {
        let wanted = resolve::state(&renderer, &declarations[*index])?;
        Ok(state(&declarations[*index], wanted, &requisites[*index], &position))
    });
    let turns = turns.iter().map(|turn| Turn {
        state: position[turn.state],
        trial: turn.trial,
        needs: turn.needs.iter().map(|(kind, state)| (*kind, position[*state])).collect(),
    });
    let mut states = states.collect::<Result<Vec<_>, SlsError>>()?;
    keep_required(&mut states);
    Ok(StatePlan { states, turns: turns.collect() })
}

/// What a cleaned directory requires of other states stays in it.
fn keep_required(states: &mut [State]) {
    for index in 0..states.len() {
        let required = states[index].requisites.requires();
        let paths = required.iter().filter_map(|other| states[*other].function.path().map(str::to_owned));
        let paths: Vec<String> = paths.collect();
        if let Function::FileRecurse(tree) = &mut states[index].function {
            tree.kept = paths;
        }
    }
}

/// What the SLS declare, in the order of their files, whatever their functions: for orchestration, whose functions
/// (`salt.state`, `salt.wheel`) are not those of a node.
pub fn declarations(
    tree: &dyn StateTree,
    wanted: &Wanted,
    context: &Context,
) -> Result<Vec<Declaration>, SlsError> {
    gathered(&Renderer { tree, context }, wanted)
}

fn gathered(renderer: &Renderer<'_>, wanted: &Wanted) -> Result<Vec<Declaration>, SlsError> {
    let names = match wanted {
        Wanted::Top => load::assigned(renderer)?,
        Wanted::Named(names) => names.iter().map(|name| load::Reference::given(name)).collect(),
    };
    load::declarations(renderer, &names)
}

fn state(
    declaration: &Declaration,
    wanted: resolve::Resolved,
    requisites: &Requisites,
    position: &[usize],
) -> State {
    State {
        id: declaration.id.clone(),
        name: declaration.name().to_owned(),
        sls: declaration.sls.clone(),
        file: declaration.place.file.clone(),
        line: declaration.place.line,
        function: wanted.function,
        conditions: wanted.conditions,
        aftermath: wanted.aftermath,
        fail_hard: wanted.fail_hard,
        requisites: Requisites {
            edges: requisites.edges.iter().map(|(kind, index)| (*kind, position[*index])).collect(),
            listens: requisites
                .listens
                .iter()
                .map(|(heard, says)| (position[*heard], position[*says]))
                .collect(),
        },
    }
}
