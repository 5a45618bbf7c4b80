//! `names`: one id that stands for several states, each with a name of its own.

use crate::model::yaml::Value;
use crate::sls::declaration::{Argument, Declaration, scalar};
use crate::sls::error::SlsError;

/// A declaration for each name, in order; the others as they are.
///
/// # Errors
/// When `names` is no list of texts, or of texts with arguments of their own.
pub fn expanded(all: Vec<Declaration>) -> Result<Vec<Declaration>, SlsError> {
    let mut found = Vec::with_capacity(all.len());
    for declaration in all {
        match declaration.arguments.iter().position(|argument| argument.name == "names") {
            None => found.push(declaration),
            Some(at) => expand(declaration, at, &mut found)?,
        }
    }
    Ok(found)
}

fn expand(mut declaration: Declaration, at: usize, into: &mut Vec<Declaration>) -> Result<(), SlsError> {
    let names = declaration.arguments.remove(at);
    let wanted = "a list of names, each a text or `name: [arguments]`";
    let shape = || SlsError::Shape { place: names.place.clone(), wanted };
    let items = names.value.as_sequence().filter(|items| !items.is_empty()).ok_or_else(shape)?;
    let mut seen: Vec<&Value> = Vec::new();
    for item in items {
        if seen.contains(&item) {
            continue;
        }
        seen.push(item);
        let mut one = declaration.clone();
        one.name_order = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        let (name, own) = match item {
            Value::Mapping(map) if map.len() == 1 => {
                let (name, own) = map.iter().next().expect("it has one entry");
                (scalar(name).ok_or_else(shape)?, own.as_sequence().ok_or_else(shape)?.as_slice())
            }
            item => (scalar(item).ok_or_else(shape)?, [].as_slice()),
        };
        set(&mut one, "name".to_owned(), Value::String(name), &names);
        for arguments in own {
            for (key, value) in arguments.as_mapping().ok_or_else(shape)? {
                set(&mut one, scalar(key).ok_or_else(shape)?, value.clone(), &names);
            }
        }
        into.push(one);
    }
    Ok(())
}

fn set(declaration: &mut Declaration, name: String, value: Value, from: &Argument) {
    declaration.arguments.retain(|argument| argument.name != name);
    declaration.arguments.push(Argument { name, value, place: from.place.clone() });
}
