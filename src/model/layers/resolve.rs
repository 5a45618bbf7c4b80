//! Puts the layers together.

use super::error::ConfigError;
use super::keys::{self, KEYS, Key};
use super::place::{Origin, Spot, key_at, value_at};
use super::wrong::Wrong;
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

impl ConfigFile {
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    fn place(&self, spot: Option<Spot>) -> Origin {
        let (line, column) = (spot.map(|spot| spot.line), spot.map(|spot| spot.column));
        Origin::File { path: self.path.clone(), line, column }
    }
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
            Some(key) => stack.lay(key, key.kind.value_of(&flag.value), |_| place.clone()),
            None => {
                let (section, name) = flag.key.rsplit_once('.').unwrap_or(("", flag.key));
                stack.faults.push(unknown_key(place, section, name));
            }
        }
    }
    stack.check_thresholds();
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
        let key_place = |path: &str| file.place(key_at(&file.text(), path));
        let entries = match value {
            Value::Null => return,
            Value::Mapping(entries) => entries,
            _ => {
                let (section, allowed) = (section.to_owned(), keys::names_in(section));
                let place = key_place(&section);
                return self.faults.push(ConfigError::NotASection { place, section, allowed });
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
                self.faults.push(unknown_key(key_place(&path), section, &name));
            } else if let Some(key) = keys::find(&path) {
                let place = |entry: Option<&str>| file.place(value_at(&file.text(), &path, entry));
                self.lay(key, value.clone(), place);
            } else if keys::is_section(&path) {
                self.lay_section(file, &path, value);
            } else {
                self.faults.push(unknown_key(key_place(&path), section, &name));
            }
        }
    }

    fn lay_variable(&mut self, name: &str, value: &str) {
        if value.is_empty() || !keys::is_for_a_section(name) {
            return;
        }
        let place = Origin::Environment { name: name.to_owned() };
        if let Some(key) = KEYS.iter().find(|key| key.variable() == name) {
            return self.lay(key, key.kind.value_of(value), |_| place.clone());
        }
        let variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
        let nearest = yaml::nearest(name, variables.iter().map(String::as_str)).map(str::to_owned);
        self.faults.push(ConfigError::UnknownVariable { name: name.to_owned(), nearest });
    }

    /// Null takes an earlier layer's value away, so that the default holds again. The place is that of the value,
    /// or of one of its entries.
    fn lay(&mut self, key: &'static Key, value: Value, place: impl Fn(Option<&str>) -> Origin) {
        if value.is_null() {
            self.values.remove(key.path);
            return;
        }
        let Err(Wrong { why, entry, nearest }) = key.kind.check(&value) else {
            self.values.insert(key.path, (value, place(None)));
            return;
        };
        // Reasons that quote the value themselves need it only once.
        let shown = entry.clone().unwrap_or_else(|| plain(&value));
        let quoted = why.contains(&format!("{shown:?}"));
        let value = (key.kind.may_be_shown() && !quoted).then_some(shown);
        let place = place(entry.as_deref());
        self.faults.push(ConfigError::BadValue { place, key: key.path, value, why, nearest });
    }

    /// Thresholds that are given ascend, those for every node and those for a role over them. What is not given is
    /// the scale's, which is looked at where scales are known.
    fn check_thresholds(&mut self) {
        let levels = keys::names_in("storage.thresholds");
        let roles = keys::names_in("storage.roles");
        let sets = std::iter::once(None).chain(roles.into_iter().map(Some));
        for role in sets {
            let given = |level: &'static str| {
                let every = format!("storage.thresholds.{level}");
                let own = role.map(|role| format!("storage.roles.{role}.thresholds.{level}"));
                let key = own.filter(|own| self.values.contains_key(own.as_str())).unwrap_or(every);
                let (value, place) = self.values.get(key.as_str())?;
                Some((key, value.as_u64()?, place.clone()))
            };
            let given: Vec<_> = levels.iter().filter_map(|level| given(level)).collect();
            for [(lower, lower_value, lower_place), (higher, higher_value, place)] in given
                .windows(2)
                .filter_map(|pair| <&[_; 2]>::try_from(pair).ok())
                .filter(|pair| pair[0].1 >= pair[1].1)
            {
                // Of a pair that stands for every node it was told there.
                let told = role.is_some_and(|role| {
                    let own = format!("storage.roles.{role}.");
                    !lower.starts_with(&own) && !higher.starts_with(&own)
                });
                if !told {
                    let (lower, higher) = ((lower.clone(), *lower_value), (higher.clone(), *higher_value));
                    let (place, lower_place) = (place.clone(), lower_place.clone());
                    self.faults.push(ConfigError::NotAscending { place, higher, lower, lower_place });
                }
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
