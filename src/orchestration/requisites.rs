//! What each step waits for, and the order in which they begin, as Salt has both.

use crate::orchestration::step::Needs;
use crate::sls::SlsError;
use crate::sls::declaration::Declaration;
use crate::sls::order::{self, Requisites};

/// The needs of each declaration, and the declarations in their order, as indices.
///
/// # Errors
/// When a requisite names no step, or steps wait for each other.
pub fn of(declarations: &[Declaration]) -> Result<(Vec<Needs>, Vec<usize>), SlsError> {
    let mut all = vec![Needs::default(); declarations.len()];
    for (index, declaration) in declarations.iter().enumerate() {
        for argument in &declaration.arguments {
            let name = argument.name.as_str();
            let kind = name.strip_suffix("_in").unwrap_or(name);
            if !matches!(kind, "require" | "watch" | "onchanges" | "onfail") {
                continue;
            }
            for target in order::targets(declarations, declaration, argument)? {
                let (from, to) = if name == kind { (index, target) } else { (target, index) };
                let list = match kind {
                    "onchanges" => &mut all[from].on_changes,
                    "onfail" => &mut all[from].on_fail,
                    _ => &mut all[from].require,
                };
                if from != to && !list.contains(&to) {
                    list.push(to);
                }
            }
        }
    }
    let after = |needs: &Needs| Requisites { requires: needs.all().collect(), ..Requisites::default() };
    let order = order::execution(declarations, &all.iter().map(after).collect::<Vec<_>>())?;
    Ok((all, order))
}
