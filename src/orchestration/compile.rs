//! From an orchestration file to steps in their order.

use crate::model::yaml::Value;
use crate::orchestration::arguments::Given;
use crate::orchestration::error::OrchestrationError;
use crate::orchestration::functions;
use crate::orchestration::requisites;
use crate::orchestration::step::{Needs, Retry, Step};
use crate::sls::context::Context;
use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::plan::{Wanted, declarations};
use crate::sls::tree::StateTree;

/// For how many seconds a node that is there may take for a step, unless `timeout` says.
pub const TIMEOUT_SECONDS: u32 = 600;

/// The steps of an orchestration file, in the order in which they begin.
///
/// # Errors
/// When the file is wrong, or asks for what the master does not do: with file and line.
pub fn compile(tree: &dyn StateTree, sls: &str, context: &Context) -> Result<Vec<Step>, OrchestrationError> {
    let declared = declarations(tree, &Wanted::Named(vec![sls.to_owned()]), context)?;
    let (needs, order) = requisites::of(&declared)?;
    let mut position = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, index)| position[*index] = at);
    let moved = |list: &[usize]| list.iter().map(|index| position[*index]).collect();
    let steps = order.iter().map(|index| {
        let needs = &needs[*index];
        let needs = Needs {
            require: moved(&needs.require),
            on_changes: moved(&needs.on_changes),
            on_fail: moved(&needs.on_fail),
        };
        step(&declared[*index], needs)
    });
    steps.collect()
}

fn step(declaration: &Declaration, needs: Needs) -> Result<Step, OrchestrationError> {
    let given = Given::of(declaration);
    let work = functions::work(declaration, &given)?;
    let step = Step {
        id: declaration.id.clone(),
        function: declaration.function.clone(),
        file: declaration.place.file.clone(),
        line: declaration.place.line,
        work,
        needs,
        retry: retry(&given)?,
        parallel: given.flag("parallel")?,
        failhard: given.flag("failhard")?,
        timeout_seconds: given.number("timeout")?.unwrap_or(TIMEOUT_SECONDS),
    };
    given.finish()?;
    Ok(step)
}

/// `retry: {attempts: 10, interval: 3}`; `True` is Salt's two attempts.
fn retry(given: &Given<'_>) -> Result<Retry, SlsError> {
    let bad = || given.bad("retry", "attempts and interval, both whole numbers, the first not 0");
    let mut retry = Retry::default();
    match given.get("retry") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => retry.attempts = 2,
        Some(Value::Mapping(map)) => {
            retry.attempts = 2;
            for (key, value) in map {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).ok_or_else(bad)?;
                match key.as_str() {
                    Some("attempts") if number > 0 => retry.attempts = number,
                    Some("interval") => retry.interval_seconds = number,
                    _ => return Err(bad()),
                }
            }
        }
        Some(_) => return Err(bad()),
    }
    Ok(retry)
}
