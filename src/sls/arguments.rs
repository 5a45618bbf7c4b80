//! Reads the arguments of a declaration one by one, and knows in the end which nobody asked for.

use crate::model::yaml::Value;
use crate::sls::declaration::{Declaration, scalar};
use crate::sls::error::{Place, SlsError};
use crate::sls::order::{TAKEN_BY_ALL, UNSUPPORTED};
use std::cell::RefCell;

/// The arguments of one declaration.
pub struct Arguments<'a> {
    declaration: &'a Declaration,
    asked: RefCell<Vec<&'static str>>,
    /// Those that every function takes, and that are not told when another one is unknown.
    by_all: &'static [&'static str],
    unsupported: &'static [&'static str],
}

impl<'a> Arguments<'a> {
    /// The arguments of a declaration.
    pub fn of(declaration: &'a Declaration) -> Self {
        let asked = RefCell::new(Vec::new());
        Self { declaration, asked, by_all: &TAKEN_BY_ALL, unsupported: &UNSUPPORTED }
    }

    /// Those of a step of an orchestration, which takes these whatever its function is.
    pub fn of_step(declaration: &'a Declaration, taken: &[&'static str]) -> Self {
        Self { declaration, asked: RefCell::new(taken.to_vec()), by_all: &[], unsupported: &[] }
    }

    /// Its value, unless it is null. The last one counts, as `extend` puts it.
    pub fn get(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        let found = self.declaration.arguments.iter().rev().find(|argument| argument.name == name);
        found.map(|argument| &argument.value).filter(|value| !value.is_null())
    }

    /// Whether it is given.
    pub fn given(&self, name: &'static str) -> bool {
        self.get(name).is_some()
    }

    /// Where the argument stands, or the function.
    pub fn place(&self, name: &str) -> Place {
        let argument = self.declaration.arguments.iter().rev().find(|argument| argument.name == name);
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

    /// A text; a number or a truth value counts as its text.
    pub fn text(&self, name: &'static str) -> Result<Option<String>, SlsError> {
        let value = self.get(name);
        value.map(|value| scalar(value).ok_or_else(|| self.bad(name, "a text"))).transpose()
    }

    /// A text that must be given.
    pub fn required(&self, name: &'static str) -> Result<String, SlsError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// That the argument is not given.
    pub fn missing(&self, name: &str) -> SlsError {
        SlsError::MissingArgument {
            place: self.declaration.place.clone(),
            function: self.declaration.function.clone(),
            argument: name.to_owned(),
        }
    }

    /// The argument `name` when it is a text, or the id.
    pub fn name(&self) -> String {
        self.asked.borrow_mut().push("name");
        self.declaration.name().to_owned()
    }

    /// The name as an absolute path that stays where it says, without a slash at its end.
    pub fn path(&self) -> Result<String, SlsError> {
        let name = self.name();
        Self::absolute(&name).ok_or_else(|| self.bad("name", "an absolute path without .."))
    }

    /// An absolute path that stays where it says.
    pub fn absolute_path(&self, name: &'static str) -> Result<Option<String>, SlsError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        Self::absolute(&text).map(Some).ok_or_else(|| self.bad(name, "an absolute path without .."))
    }

    fn absolute(path: &str) -> Option<String> {
        let climbs = path.split('/').any(|part| part == "..");
        let stays = path.starts_with('/') && !climbs && !path.contains('\0');
        stays.then(|| if path.len() > 1 { path.trim_end_matches('/') } else { path }.to_owned())
    }

    /// A truth value, also as YAML 1.1 spells it (`yes`, `off`), which Salt reads.
    pub fn boolean(&self, name: &'static str) -> Result<Option<bool>, SlsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().map(str::to_ascii_lowercase);
        match (value.as_bool(), text.as_deref()) {
            (Some(yes), _) => Ok(Some(yes)),
            (None, Some("yes" | "on" | "true")) => Ok(Some(true)),
            (None, Some("no" | "off" | "false")) => Ok(Some(false)),
            _ => Err(self.bad(name, "true or false")),
        }
    }

    /// Permission bits, written in octal digits whether quoted or not.
    pub fn mode(&self, name: &'static str) -> Result<Option<u32>, SlsError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let digits = text.strip_prefix("0o").unwrap_or(&text);
        let mode =
            u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777 && !digits.starts_with('+'));
        mode.map(Some).ok_or_else(|| self.bad(name, "octal digits, at most 7777"))
    }

    /// A whole number that is not negative.
    pub fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<Option<T>, SlsError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let plain = text.chars().all(|c| c.is_ascii_digit());
        let number = Some(text).filter(|_| plain).and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.bad(name, "a whole number that is not negative"))
    }

    /// That the argument, if it is given, says no.
    pub fn refuse(&self, name: &'static str, wanted: &'static str) -> Result<(), SlsError> {
        match self.get(name) {
            None => Ok(()),
            Some(value) if value.as_bool() == Some(false) || value.as_str() == Some("") => Ok(()),
            Some(_) => Err(self.bad(name, wanted)),
        }
    }

    /// One text or several.
    pub fn texts(&self, name: &'static str) -> Result<Vec<String>, SlsError> {
        let bad = || self.bad(name, "a text or a list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Sequence(items)) => items.iter().map(|item| scalar(item).ok_or_else(bad)).collect(),
            Some(value) => Ok(vec![scalar(value).ok_or_else(bad)?]),
        }
    }

    /// A mapping, for templates.
    pub fn mapping(
        &self,
        name: &'static str,
    ) -> Result<serde_json::Map<String, serde_json::Value>, SlsError> {
        let Some(value) = self.get(name) else { return Ok(serde_json::Map::new()) };
        match serde_json::to_value(value) {
            Ok(serde_json::Value::Object(map)) => Ok(map),
            _ => Err(self.bad(name, "a mapping")),
        }
    }

    /// That no argument is left which nobody asked for.
    pub fn finish(&self) -> Result<(), SlsError> {
        let asked = self.asked.borrow();
        for argument in &self.declaration.arguments {
            let name = argument.name.as_str();
            if self.unsupported.contains(&name) {
                return Err(SlsError::Unsupported {
                    place: argument.place.clone(),
                    feature: name.to_owned(),
                });
            }
            if !asked.contains(&name) && !self.by_all.contains(&name) {
                // Of those that every function takes, only the name is told: they are many.
                let own = asked.iter().filter(|name| **name == "name" || !self.by_all.contains(name));
                let mut expected: Vec<String> = own.map(|name| (*name).to_owned()).collect();
                expected.sort();
                expected.dedup();
                return Err(SlsError::UnknownArgument {
                    place: argument.place.clone(),
                    function: self.declaration.function.clone(),
                    argument: self.declaration.rendered.shown(name),
                    expected,
                });
            }
        }
        Ok(())
    }
}
