//! Puts the layers together.

use super::error::ConfigError;
use super::keys::{self, KEYS, Key};
use super::place::{Origin, line_of};
use crate::model::config::Config;
use crate::model::yaml;
use serde::Serialize;
use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;

/// How many faults are gathered at most: more help nobody, and finding the line of each costs.
const MOST_FAULTS: usize = 20;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its path, to be shown.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A value that a flag gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagValue {
    /// The key, `node.name`.
    pub key: &'static str,
    /// The flag, `--node-name`.
    pub flag: &'static str,
    /// The value as it was given; a list is separated by commas.
    pub value: String,
}

/// What is laid over the defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layers {
    /// `cluster.yaml` and then its drop-ins, a later one over an earlier one.
    pub files: Vec<ConfigFile>,
    /// The environment; only `EOS_SECTION_...` variables are looked at, an empty one sets nothing.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub flags: Vec<FlagValue>,
}

/// A key with the value in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leaf {
    /// The key.
    pub key: &'static str,
    /// The value; null when unset.
    pub value: Value,
    /// Where it came from.
    pub origin: Origin,
}

/// Every key, in the order of [`KEYS`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Origins(pub Vec<Leaf>);

impl Origins {
    /// The key of that path.
    pub fn get(&self, key: &str) -> Option<&Leaf> {
        self.0.iter().find(|leaf| leaf.key == key)
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// It.
    pub config: Config,
    /// Where each of its values came from.
    pub origins: Origins,
}

/// The one place that turns text into YAML.
fn parse(file: &ConfigFile) -> Result<Value, ConfigError> {
    yaml::value(&file.path, &file.bytes).map_err(|source| ConfigError::File { source })
}

/// Lays the layers over the defaults and checks every value where it stands.
///
/// # Errors
/// Every fault at once (the first twenty), as [`ConfigError::Several`] when there is more than one.
pub fn resolve(layers: &Layers) -> Result<Resolved, ConfigError> {
    let mut stack = Stack::default();
    for file in &layers.files {
        match parse(file) {
            Ok(value) => stack.lay_section(file, "", &value),
            Err(error) => stack.faults.push(error),
        }
    }
    for (name, value) in &layers.environment {
        stack.lay_variable(name, value);
    }
    for flag in &layers.flags {
        let place = Origin::Flag { name: flag.flag.to_owned() };
        match keys::find(flag.key) {
            Some(key) => stack.lay(key, key.kind.value_of(&flag.value), place),
            None => {
                let (section, name) = flag.key.rsplit_once('.').unwrap_or(("", flag.key));
                stack.faults.push(unknown_key(place, section, name));
            }
        }
    }
    stack.check_sets();
    stack.finish()
}

/// The values so far, and what was wrong with the others.
#[derive(Default)]
struct Stack {
    values: BTreeMap<&'static str, (Value, Origin)>,
    faults: Vec<ConfigError>,
}

impl Stack {
    fn lay_section(&mut self, file: &ConfigFile, section: &str, value: &Value) {
        let place = |path: &str| Origin::File {
            path: file.path.clone(),
            line: line_of(&String::from_utf8_lossy(&file.bytes), path),
        };
        let entries = match value {
            Value::Null => return,
            Value::Mapping(entries) => entries,
            _ => {
                let (section, allowed) = (section.to_owned(), keys::names_in(section));
                return self.faults.push(ConfigError::NotASection {
                    place: place(&section),
                    section,
                    allowed,
                });
            }
        };
        for (name, value) in entries {
            if self.faults.len() >= MOST_FAULTS {
                return;
            }
            let name = plain(name);
            let path = join(section, &name);
            if name.contains('.') {
                // A dot in a name would reach into another section.
                self.faults.push(unknown_key(place(&path), section, &name));
            } else if let Some(key) = keys::find(&path) {
                self.lay(key, value.clone(), place(&path));
            } else if keys::is_section(&path) {
                self.lay_section(file, &path, value);
            } else {
                self.faults.push(unknown_key(place(&path), section, &name));
            }
        }
    }

    fn lay_variable(&mut self, name: &str, value: &str) {
        if value.is_empty() || !keys::is_for_a_section(name) {
            return;
        }
        let place = Origin::Environment { name: name.to_owned() };
        if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
            return self.lay(key, key.kind.value_of(value), place);
        }
        let variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
        let nearest = yaml::nearest(name, variables.iter().map(String::as_str)).map(str::to_owned);
        self.faults.push(ConfigError::UnknownVariable { name: name.to_owned(), nearest });
    }

    /// Null takes an earlier layer's value away, so that the default holds again.
    fn lay(&mut self, key: &'static Key, value: Value, place: Origin) {
        if value.is_null() {
            self.values.remove(key.path);
        } else if let Err(why) = key.kind.check(&value) {
            // Reasons that quote the value themselves need it only once.
            let quoted = value.as_str().is_some_and(|text| why.contains(&format!("{text:?}")));
            let shown = (key.kind.may_be_shown() && !quoted).then(|| plain(&value));
            self.faults.push(ConfigError::BadValue { place, key: key.path, value: shown, why });
        } else {
            self.values.insert(key.path, (value, place));
        }
    }

    /// Thresholds and retention replace those of the scale as a whole; thresholds ascend.
    fn check_sets(&mut self) {
        for section in ["storage.thresholds", "storage.retention"] {
            let set = |name: &&'static str| self.values.contains_key(format!("{section}.{name}").as_str());
            let (given, missing): (Vec<_>, Vec<_>) = keys::names_in(section).into_iter().partition(set);
            if !given.is_empty() && !missing.is_empty() {
                self.faults.push(ConfigError::Incomplete { section, missing });
            }
        }
        let levels = keys::names_in("storage.thresholds");
        for pair in levels.windows(2) {
            let percent =
                |name: &str| self.values.get(format!("storage.thresholds.{name}").as_str())?.0.as_u64();
            let (Some(lower_value), Some(higher_value)) = (percent(pair[0]), percent(pair[1])) else {
                continue;
            };
            if lower_value >= higher_value {
                let (lower, higher) = (pair[0], pair[1]);
                self.faults.push(ConfigError::NotAscending { lower, lower_value, higher, higher_value });
            }
        }
    }

    fn finish(mut self) -> Result<Resolved, ConfigError> {
        match self.faults.len() {
            0 => {}
            1 => return Err(self.faults.remove(0)),
            _ => return Err(ConfigError::Several { faults: self.faults }),
        }
        let mut tree = Value::Mapping(Mapping::new());
        for (path, (value, _)) in &self.values {
            insert(&mut tree, path, value.clone());
        }
        let config = typed(tree)?;
        let whole = serde_yaml::to_value(&config).map_err(|source| ConfigError::Unfit { source })?;
        let leaf = |key: &Key| Leaf {
            key: key.path,
            value: key
                .path
                .split('.')
                .try_fold(&whole, |value, name| value.get(name))
                .cloned()
                .unwrap_or_default(),
            origin: self.values.get(key.path).map_or(Origin::Default, |(_, origin)| origin.clone()),
        };
        Ok(Resolved { origins: Origins(KEYS.iter().map(leaf).collect()), config })
    }
}

pub(super) fn typed(tree: Value) -> Result<Config, ConfigError> {
    serde_yaml::from_value(tree).map_err(|source| ConfigError::Unfit { source })
}

fn insert(tree: &mut Value, path: &str, value: Value) {
    let Value::Mapping(entries) = tree else { return };
    match path.split_once('.') {
        None => {
            entries.insert(path.into(), value);
        }
        Some((section, rest)) => {
            let inner = entries.entry(section.into()).or_insert_with(|| Value::Mapping(Mapping::new()));
            insert(inner, rest, value);
        }
    }
}

fn unknown_key(place: Origin, section: &str, name: &str) -> ConfigError {
    let allowed = keys::names_in(section);
    let near = yaml::nearest(name, allowed.iter().copied()).map(|near| join(section, near));
    let last = name.rsplit('.').next();
    let elsewhere = || KEYS.iter().map(|key| key.path).find(|path| path.rsplit('.').next() == last);
    let nearest = near.or_else(|| elsewhere().map(str::to_owned));
    ConfigError::UnknownKey { place, nearest, allowed, section: section.to_owned(), key: join(section, name) }
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// A value on one line, as a person would write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.chars().take(80).collect(),
        Value::Sequence(list) => format!("[{}]", list.iter().map(plain).collect::<Vec<_>>().join(", ")),
        Value::Mapping(_) | Value::Tagged(_) => "a mapping".to_owned(),
    }
}
