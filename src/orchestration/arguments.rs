//! The arguments of one declaration of an orchestration file: read as those of a state, but for what steps take besides.

use crate::sls::SlsError;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::Declaration;
use std::ops::Deref;

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
pub struct Given<'a>(Arguments<'a>);

impl<'a> Deref for Given<'a> {
    type Target = Arguments<'a>;

    fn deref(&self) -> &Arguments<'a> {
        &self.0
    }
}

impl<'a> Given<'a> {
    /// The arguments of a declaration.
    pub fn of(declaration: &'a Declaration) -> Self {
        Self(Arguments::of_step(declaration, &TAKEN_BY_ALL))
    }

    /// A truth value; unsaid is false.
    pub fn flag(&self, name: &'static str) -> Result<bool, SlsError> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    /// One text or several; several may stand in one text with commas between them.
    pub fn texts(&self, name: &'static str) -> Result<Vec<String>, SlsError> {
        match self.get(name).is_some_and(|value| value.as_sequence().is_some()) {
            true => self.0.texts(name),
            false => Ok(self.0.texts(name)?.iter().flat_map(|text| text.split(',')).map(trimmed).collect()),
        }
    }

    /// A mapping; unsaid is an empty one.
    pub fn mapping(&self, name: &'static str) -> Result<serde_json::Value, SlsError> {
        self.0.mapping(name).map(serde_json::Value::Object)
    }
}

fn trimmed(text: &str) -> String {
    text.trim().to_owned()
}
