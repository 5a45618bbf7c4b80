//! Reads the arguments of one declaration of an orchestration file, and knows in the end which nobody asked for.

use crate::model::yaml::Value;
use crate::sls::SlsError;
use crate::sls::declaration::{Declaration, scalar};
use crate::sls::error::Place;
use std::cell::RefCell;

/// Arguments that every step takes.
pub const TAKEN_BY_ALL: [&str; 14] = [
    "name",
    "require",
    "require_in",
    "watch",
    "watch_in",
    "onchanges",
    "onchanges_in",
    "onfail",
    "onfail_in",
    "order",
    "retry",
    "parallel",
    "failhard",
    "timeout",
];

/// The arguments of one declaration.
pub struct Given<'a> {
    declaration: &'a Declaration,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Given<'a> {
    /// The arguments of a declaration.
    pub fn of(declaration: &'a Declaration) -> Self {
        Self { declaration, asked: RefCell::new(TAKEN_BY_ALL.to_vec()) }
    }

    /// The value of an argument, unless it is not given or null.
    pub fn get(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        let found = self.declaration.arguments.iter().find(|argument| argument.name == name);
        found.map(|argument| &argument.value).filter(|value| !value.is_null())
    }

    /// Where an argument stands, or the function.
    pub fn place(&self, name: &str) -> Place {
        let argument = self.declaration.arguments.iter().find(|argument| argument.name == name);
        argument.map_or(&self.declaration.place, |argument| &argument.place).clone()
    }

    /// That the argument is of another kind than wanted.
    pub fn bad(&self, name: &'static str, wanted: &'static str) -> SlsError {
        SlsError::BadArgument {
            place: self.place(name),
            function: self.declaration.function.clone(),
            argument: name.to_owned(),
            wanted,
        }
    }

    /// A text.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, SlsError> {
        self.get(name).map(|value| scalar(value).ok_or_else(|| self.bad(name, "a text"))).transpose()
    }

    /// A text that must be given.
    pub fn required(&self, name: &'static str) -> Result<String, SlsError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// That an argument is not given.
    pub fn missing(&self, name: &str) -> SlsError {
        SlsError::MissingArgument {
            place: self.declaration.place.clone(),
            function: self.declaration.function.clone(),
            argument: name.to_owned(),
        }
    }

    /// A truth value; unsaid is false.
    pub fn flag(&self, name: &'static str) -> Result<bool, SlsError> {
        let Some(value) = self.get(name) else { return Ok(false) };
        let text = value.as_str().map(str::to_ascii_lowercase);
        match (value.as_bool(), text.as_deref()) {
            (Some(yes), _) => Ok(yes),
            (None, Some("yes" | "on" | "true")) => Ok(true),
            (None, Some("no" | "off" | "false")) => Ok(false),
            _ => Err(self.bad(name, "true or false")),
        }
    }

    /// A whole number that is not negative.
    pub fn number(&self, name: &'static str) -> Result<Option<u32>, SlsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| self.bad(name, "a whole number that is not negative"))
    }

    /// One text or several; several may stand in one text with commas between them.
    pub fn texts(&self, name: &'static str) -> Result<Vec<String>, SlsError> {
        let bad = || self.bad(name, "a text or a list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Sequence(items)) => items.iter().map(|item| scalar(item).ok_or_else(bad)).collect(),
            Some(value) => {
                Ok(scalar(value).ok_or_else(bad)?.split(',').map(|text| text.trim().to_owned()).collect())
            }
        }
    }

    /// A mapping; unsaid is an empty one.
    pub fn mapping(&self, name: &'static str) -> Result<serde_json::Value, SlsError> {
        let Some(value) = self.get(name) else { return Ok(serde_json::json!({})) };
        match serde_json::to_value(value) {
            Ok(map @ serde_json::Value::Object(_)) => Ok(map),
            _ => Err(self.bad(name, "a mapping")),
        }
    }

    /// That no argument is left which nobody asked for.
    ///
    /// # Errors
    /// The first one.
    pub fn finish(&self) -> Result<(), SlsError> {
        let asked = self.asked.borrow();
        let Some(left) = self.declaration.arguments.iter().find(|one| !asked.contains(&one.name.as_str()))
        else {
            return Ok(());
        };
        let mut expected: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        expected.sort();
        expected.dedup();
        Err(SlsError::UnknownArgument {
            place: left.place.clone(),
            function: self.declaration.function.clone(),
            argument: self.declaration.rendered.shown(&left.name),
            expected,
        })
    }
}
