//! The `salt` object of templates: the look-ups that states make, answered from the context.

use crate::sls::context::{Context, Machine};
use crate::sls::matching::glob;
use crate::sls::python::pairs;
use minijinja::value::{Kwargs, Object, Serde, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use std::sync::Arc;

/// `salt['pillar.get'](…)` and `salt.pillar.get(…)`.
#[derive(Debug)]
pub struct Salt {
    tables: Arc<Tables>,
    /// Empty for `salt` itself, `pillar` for `salt.pillar`.
    module: &'static str,
}

/// One function of it.
#[derive(Debug)]
struct Call {
    tables: Arc<Tables>,
    name: String,
}

struct Tables {
    id: String,
    grains: serde_json::Value,
    pillar: serde_json::Value,
    mine: serde_json::Value,
    machine: Arc<dyn Machine>,
}

// Never the values: an error of a template shows what it was called with.
impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

const MODULES: [&str; 8] = ["pillar", "grains", "mine", "config", "defaults", "file", "cmd", "slsutil"];

/// Every function that is answered.
const KNOWN: &str = "pillar.get, grains.get, grains.filter_by, mine.get, config.get, defaults.merge, slsutil.merge, \
                     file.file_exists, file.directory_exists";

impl Salt {
    /// Answers from this context.
    pub fn new(context: &Context) -> Self {
        let tables = Tables {
            id: context.id.clone(),
            grains: context.grains.clone(),
            pillar: context.pillar.clone(),
            mine: context.mine.clone(),
            machine: context.machine.clone(),
        };
        Self { tables: Arc::new(tables), module: "" }
    }
}

impl Object for Salt {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if self.module.is_empty() && !key.contains('.') {
            let module = MODULES.into_iter().find(|module| *module == key)?;
            return Some(Value::from_object(Self { tables: Arc::clone(&self.tables), module }));
        }
        let name = if self.module.is_empty() { key.to_owned() } else { format!("{}.{key}", self.module) };
        Some(Value::from_object(Call { tables: Arc::clone(&self.tables), name }))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match self.get_value(&Value::from(method)) {
            Some(function) => function.call(state, args),
            None => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Object for Call {
    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let tables = &self.tables;
        match self.name.as_str() {
            "pillar.get" => look_up(&[&tables.pillar], args),
            "grains.get" => look_up(&[&tables.grains], args),
            "grains.filter_by" => filter_by(&tables.grains, args),
            "config.get" => {
                let own = serde_json::json!({"id": tables.id});
                look_up(&[&own, &tables.grains, &tables.pillar], args)
            }
            "mine.get" => mine(&tables.mine, args),
            "defaults.merge" | "slsutil.merge" => merge(args),
            "file.file_exists" => path(args).map(|path| Value::from(tables.machine.is_file(&path))),
            "file.directory_exists" => path(args).map(|path| Value::from(tables.machine.is_directory(&path))),
            "cmd.run" | "cmd.shell" | "cmd.run_all" => Err(Error::new(
                ErrorKind::UnknownFunction,
                "salt['cmd.run'] is refused: rendering changes nothing and depends on nothing but grains, pillar and mine; \
                 use a grain, or a state cmd.run",
            )),
            other => {
                Err(Error::new(ErrorKind::UnknownFunction, format!("salt['{other}'] is none of {KNOWN}")))
            }
        }
    }
}

fn path(args: &[Value]) -> Result<String, Error> {
    let (path,): (String,) = from_args(args)?;
    Ok(path)
}

/// What stands at a path of keys, `a:b`; of a list, a key is the number of an item.
fn traverse<'a>(table: &'a serde_json::Value, path: &str, delimiter: &str) -> Option<&'a serde_json::Value> {
    path.split(delimiter).try_fold(table, |table, key| match table {
        serde_json::Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        table => table.get(key),
    })
}

/// `get('a:b', default)`: the first value at that path, or the default, or the empty text as Salt has it.
fn look_up(tables: &[&serde_json::Value], args: &[Value]) -> Result<Value, Error> {
    let (path, given, kwargs): (String, Option<Value>, Kwargs) = from_args(args)?;
    let named: Option<Value> = kwargs.get("default")?;
    let delimiter: Option<String> = kwargs.get("delimiter")?;
    kwargs.assert_all_used()?;
    let delimiter = delimiter.filter(|text| !text.is_empty()).unwrap_or_else(|| ":".to_owned());
    let found = tables.iter().find_map(|table| traverse(table, &path, &delimiter));
    Ok(match found {
        Some(value) => Value::from(Serde(value.clone())),
        None => given.or(named).unwrap_or_else(|| Value::from("")),
    })
}

/// `filter_by(lookup, grain='os_family', merge=None, default='default', base=None)`: the entry of the grain's value.
fn filter_by(grains: &serde_json::Value, args: &[Value]) -> Result<Value, Error> {
    let (lookup, given, kwargs): (Value, Option<String>, Kwargs) = from_args(args)?;
    let named: Option<String> = kwargs.get("grain")?;
    let over: Option<Value> = kwargs.get("merge")?;
    let default: Option<String> = kwargs.get("default")?;
    let base: Option<String> = kwargs.get("base")?;
    kwargs.assert_all_used()?;
    let grain = given.or(named).unwrap_or_else(|| "os_family".to_owned());
    let wanted: Vec<String> = match traverse(grains, &grain, ":") {
        Some(serde_json::Value::Array(items)) => items.iter().filter_map(text).collect(),
        Some(value) => text(value).into_iter().collect(),
        None => Vec::new(),
    };
    let entry = |name: &str| {
        pairs(&lookup).into_iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    };
    let matching = |value: &String| {
        let hit =
            pairs(&lookup).into_iter().find(|(key, _)| key.as_str().is_some_and(|key| glob(key, value)));
        entry(value).or(hit.map(|(_, found)| found))
    };
    let found = wanted.iter().find_map(matching).or_else(|| entry(default.as_deref().unwrap_or("default")));
    let found = match base.and_then(|base| entry(&base)) {
        Some(base) => Some(found.map_or(base.clone(), |found| merged(&base, &found))),
        None => found,
    };
    Ok(match (found, over.filter(|over| over.kind() == ValueKind::Map)) {
        (Some(found), Some(over)) => merged(&found, &over),
        (Some(found), None) => found,
        (None, _) => Value::from(()),
    })
}

fn text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `merge(below, above)`: the mapping above laid over the one below, and theirs likewise.
fn merge(args: &[Value]) -> Result<Value, Error> {
    let (below, above, kwargs): (Value, Value, Kwargs) = from_args(args)?;
    let lists: Option<bool> = kwargs.get("merge_lists")?;
    // Values of templates are never changed in their place; what is returned is the same.
    let _: Option<bool> = kwargs.get("in_place")?;
    kwargs.assert_all_used()?;
    if lists == Some(true) || below.kind() != ValueKind::Map || above.kind() != ValueKind::Map {
        let why = "merge takes two mappings, without merge_lists";
        return Err(Error::new(ErrorKind::InvalidOperation, why));
    }
    Ok(merged(&below, &above))
}

/// A mapping whose keys keep their order.
struct Ordered(Vec<(Value, Value)>);

impl serde::Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn merged(below: &Value, above: &Value) -> Value {
    if below.kind() != ValueKind::Map || above.kind() != ValueKind::Map {
        return above.clone();
    }
    let over = pairs(above);
    let laid = |key: &Value| over.iter().find(|(other, _)| other == key).map(|(_, value)| value);
    let under = pairs(below);
    let new = over.iter().filter(|(key, _)| !under.iter().any(|(other, _)| other == key)).cloned();
    let kept = under
        .iter()
        .map(|(key, value)| (key.clone(), laid(key).map_or(value.clone(), |over| merged(value, over))));
    Value::from(Serde(Ordered(kept.chain(new).collect())))
}
/// `get(target, function, tgt_type='glob')`: node name -> what the function reported there.
fn mine(table: &serde_json::Value, args: &[Value]) -> Result<Value, Error> {
    let (target, function, kwargs): (Value, String, Kwargs) = from_args(args)?;
    let kind: Option<String> = kwargs.get("tgt_type")?;
    kwargs.assert_all_used()?;
    let wanted: Vec<String> = match (kind.as_deref().unwrap_or("glob"), target.as_str()) {
        ("list", Some(text)) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        ("list", None) => target.try_iter()?.map(|name| name.to_string()).collect(),
        ("glob", Some(text)) => vec![text.to_owned()],
        _ => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "mine.get: a glob or a list of names expected",
            ));
        }
    };
    let matches = |node: &str| match kind.as_deref() {
        Some("list") => wanted.iter().any(|name| name == node),
        _ => wanted.iter().any(|pattern| glob(pattern, node)),
    };
    let mut found = serde_json::Map::new();
    for (node, functions) in table.as_object().into_iter().flatten() {
        if let Some(value) = functions.get(&function).filter(|_| matches(node)) {
            found.insert(node.clone(), value.clone());
        }
    }
    Ok(Value::from(Serde(serde_json::Value::Object(found))))
}
