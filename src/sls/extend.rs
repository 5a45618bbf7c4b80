//! `extend`: what a file changes of states that other files declare, as Salt merges it.

use crate::sls::declaration::{Argument, Declaration};
use crate::sls::error::SlsError;
use crate::sls::requisite::{self, Written};

/// Merges each extension into the declaration that it names, in order.
///
/// # Errors
/// When one names no declaration, or several.
pub fn apply(all: &mut [Declaration], extensions: Vec<Declaration>) -> Result<(), SlsError> {
    for extension in extensions {
        let missing = || SlsError::NothingToExtend {
            place: extension.place.clone(),
            id: extension.rendered.shown(&extension.id),
            module: extension.rendered.shown(extension.module()),
        };
        let target = target(all, &extension).ok_or_else(missing)?;
        merge(&mut all[target], extension);
    }
    Ok(())
}

fn target(all: &[Declaration], extension: &Declaration) -> Option<usize> {
    let of_module = |declaration: &&Declaration| declaration.module() == extension.module();
    let by_id = all.iter().position(|one| of_module(&one) && one.id == extension.id);
    by_id.or_else(|| {
        let mut named = (0..all.len()).filter(|at| of_module(&&all[*at]) && all[*at].name() == extension.id);
        named.next().filter(|_| named.next().is_none())
    })
}

/// Requisites are added; any other argument, and the function when it is said, replaces what was there.
fn merge(into: &mut Declaration, extension: Declaration) {
    if extension.function.contains('.') {
        into.function = extension.function;
    }
    for argument in extension.arguments {
        if !matches!(requisite::written(&argument.name), Some(Written::Own(_) | Written::Listen)) {
            let replaces = |old: &Argument| {
                old.name == argument.name || (argument.name == "name" && old.name == "names")
            };
            into.arguments.retain(|old| !replaces(old));
        }
        into.arguments.push(argument);
    }
}
