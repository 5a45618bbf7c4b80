//! The functions of orchestration files, and what each asks of the master.

use crate::model::role::Role;
use crate::orchestration::arguments::Given;
use crate::orchestration::compound;
use crate::orchestration::error::OrchestrationError;
use crate::orchestration::step::{Batch, NodeWork, What, Work};
use crate::orchestration::target::Target;
use crate::sls::SlsError;
use crate::sls::declaration::Declaration;
use serde_json::Value;

/// Every function, with the names that a function of Salt may be asked for by.
pub const ALL: [&str; 20] = [
    "salt.state",
    "salt.function: test.ping",
    "salt.function: mine.update",
    "salt.function: saltutil.refresh_grains",
    "salt.function: saltutil.refresh_pillar",
    "salt.function: saltutil.sync_all",
    "salt.function: state.apply",
    "salt.function: state.sls",
    "salt.function: state.highstate",
    "salt.wheel: key.accept",
    "salt.wheel: key.reject",
    "salt.runner: manage.up",
    "salt.runner: manage.present",
    "salt.runner: manage.down",
    "salt.runner: manage.not_present",
    "salt.runner: manage.status",
    "test.nop",
    "test.succeed_without_changes",
    "test.succeed_with_changes",
    "test.fail_without_changes",
];

/// What a declaration asks for.
///
/// # Errors
/// When the master has no such function, or an argument is wrong.
pub fn work(declaration: &Declaration, given: &Given<'_>) -> Result<Work, OrchestrationError> {
    match declaration.function.as_str() {
        "salt.state" => state(given).map(Work::Nodes),
        "salt.function" => function(declaration, given).map(Work::Nodes),
        "salt.wheel" => wheel(declaration, given),
        "salt.runner" => runner(declaration),
        "test.nop" | "test.succeed_without_changes" => Ok(Work::Fixed { succeeds: true, changed: false }),
        "test.succeed_with_changes" => Ok(Work::Fixed { succeeds: true, changed: true }),
        "test.fail_without_changes" => Ok(Work::Fixed { succeeds: false, changed: false }),
        _ => Err(unknown(declaration, None)),
    }
}

fn unknown(declaration: &Declaration, name: Option<&str>) -> OrchestrationError {
    let shown = |text: &str| declaration.rendered.shown(text);
    let function = match name {
        None => shown(&declaration.function),
        Some(name) => format!("{}: {}", declaration.function, shown(name)),
    };
    OrchestrationError::UnknownFunction { place: declaration.place.clone(), function }
}

fn state(given: &Given<'_>) -> Result<NodeWork, OrchestrationError> {
    let names = given.texts("sls")?;
    let pillar = given.mapping("pillar")?;
    let test = given.flag("test")?;
    let highstate = given.flag("highstate")?;
    // An agent does one thing at a time, whatever is asked.
    given.flag("concurrent")?;
    given.flag("queue")?;
    let what = match (highstate, names.is_empty()) {
        (true, false) => return Err(together(given, "sls and highstate are two different things")),
        (false, true) => return Err(given.missing("sls").into()),
        (true, true) => wanted(given, Vec::new(), pillar, test)?,
        (false, false) => wanted(given, names, pillar, test)?,
    };
    nodes(given, what)
}

fn together(given: &Given<'_>, problem: &'static str) -> OrchestrationError {
    OrchestrationError::Together { place: given.place("sls"), function: "salt.state".to_owned(), problem }
}

/// The states of a role are the generation, which the plan makes; all others are a task of their own.
fn wanted(
    given: &Given<'_>,
    names: Vec<String>,
    pillar: Value,
    test: bool,
) -> Result<What, OrchestrationError> {
    let role = |name: &String| name.strip_prefix("roles.").and_then(|role| Role::parse(role).ok());
    let roles: Vec<Role> = names.iter().filter_map(role).collect();
    if roles.is_empty() && !names.is_empty() {
        return Ok(What::States { sls: names, pillar, test });
    }
    if test {
        return Err(together(given, "a role is given or not, and has no test: eos role plan shows it"));
    }
    let comes_with_it =
        |name: &String| role(name).is_some() || name == "storage" || name.starts_with("storage.");
    if !names.iter().all(comes_with_it) {
        return Err(together(given, "the state of a role and others need a step each"));
    }
    let other = pillar.as_object().into_iter().flatten().any(|(key, _)| key != "eos");
    let own = ["role", "scale", "thresholds", "retention"];
    let inner = pillar.get("eos").and_then(Value::as_object).into_iter().flatten();
    if other || inner.map(|(key, _)| key).any(|key| !own.contains(&key.as_str())) {
        let wanted = "only eos with role, scale, thresholds and retention, as the plan has them";
        return Err(given.bad("pillar", wanted).into());
    }
    let text = |key: &str| pillar["eos"][key].as_str();
    if let Some(named) = text("role")
        && roles.iter().any(|role| role.name() != named)
    {
        return Err(given.bad("pillar", "the role whose state the step names").into());
    }
    Ok(What::Generation { roles, scale: text("scale").map(str::to_owned) })
}

fn function(declaration: &Declaration, given: &Given<'_>) -> Result<NodeWork, OrchestrationError> {
    let named = match given.mapping("kwarg")? {
        Value::Object(map) => map,
        _ => serde_json::Map::new(),
    };
    let mut positional = given.texts("arg")?;
    let takes = |known: &[&str]| match named.keys().find(|key| !known.contains(&key.as_str())) {
        Some(_) => {
            Err(given.bad("kwarg", "only mods, pillar and test, and only of state.apply and its like"))
        }
        None => Ok(()),
    };
    let what = match declaration.name() {
        "test.ping"
        | "mine.update"
        | "saltutil.refresh_grains"
        | "saltutil.refresh_pillar"
        | "saltutil.sync_all" => {
            takes(&[])?;
            if !positional.is_empty() {
                return Err(given.bad("arg", "nothing: this function takes no argument").into());
            }
            What::Ping
        }
        "state.apply" | "state.sls" | "state.highstate" => {
            takes(&["mods", "pillar", "test"])?;
            match named.get("mods") {
                Some(Value::String(text)) => {
                    positional.extend(text.split(',').map(|one| one.trim().to_owned()))
                }
                Some(Value::Array(items)) => {
                    positional.extend(items.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                Some(_) => return Err(given.bad("kwarg", "mods as a text or a list").into()),
                None => {}
            }
            let pillar = named.get("pillar").cloned().unwrap_or_else(|| serde_json::json!({}));
            let test = named.get("test").and_then(Value::as_bool).unwrap_or(false);
            wanted(given, positional, pillar, test)?
        }
        other => return Err(unknown(declaration, Some(other))),
    };
    nodes(given, what)
}

fn nodes(given: &Given<'_>, what: What) -> Result<NodeWork, OrchestrationError> {
    Ok(NodeWork {
        target: target(given)?,
        what,
        batch: batch(given)?,
        allow_fail: given.number("allow_fail")?.unwrap_or(0),
        expect_all: given.flag("expect_minions")?,
    })
}

fn target(given: &Given<'_>) -> Result<Target, OrchestrationError> {
    let kind = given.text("tgt_type")?.unwrap_or_else(|| "glob".to_owned());
    let problem = |problem| OrchestrationError::Target { place: given.place("tgt"), problem };
    match kind.as_str() {
        "list" => {
            let names = given.texts("tgt")?;
            if names.is_empty() {
                return Err(given.missing("tgt").into());
            }
            Ok(Target::List(names))
        }
        "glob" => Ok(Target::Glob(given.required("tgt")?)),
        "grain" => match given.required("tgt")? {
            text if text.contains(':') => Ok(Target::Grain(text)),
            _ => Err(problem("grain:value expected")),
        },
        "compound" => {
            let text = given.required("tgt")?;
            compound::parse(&text).map_err(problem)?;
            Ok(Target::Compound(text))
        }
        _ => Err(given.bad("tgt_type", "glob, list, grain or compound").into()),
    }
}

fn batch(given: &Given<'_>) -> Result<Batch, SlsError> {
    let bad = || given.bad("batch", "a number of nodes, or so many of a hundred as 25%");
    let Some(text) = given.text("batch")? else { return Ok(Batch::All) };
    let (digits, percent) = text.strip_suffix('%').map_or((text.as_str(), false), |digits| (digits, true));
    let number: u32 = digits.trim().parse().map_err(|_| bad())?;
    match (percent, number) {
        (false, 1..) => Ok(Batch::Count(number)),
        (true, 1..=100) => Ok(Batch::Percent(number)),
        _ => Err(bad()),
    }
}

fn wheel(declaration: &Declaration, given: &Given<'_>) -> Result<Work, OrchestrationError> {
    let accept = match declaration.name() {
        "key.accept" => true,
        "key.reject" => false,
        other => return Err(unknown(declaration, Some(other))),
    };
    Ok(Work::Admit { pattern: given.required("match")?, accept })
}

fn runner(declaration: &Declaration) -> Result<Work, OrchestrationError> {
    let (up, down) = match declaration.name() {
        "manage.up" | "manage.present" => (true, false),
        "manage.down" | "manage.not_present" => (false, true),
        "manage.status" => (true, true),
        other => return Err(unknown(declaration, Some(other))),
    };
    Ok(Work::List { up, down })
}
