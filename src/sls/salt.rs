//! The `salt` object of templates: the look-ups that states make, answered from the context.

use crate::sls::context::{Context, glob};
use minijinja::value::{Kwargs, Object, Value, from_args};
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
    grains: serde_json::Value,
    pillar: serde_json::Value,
    mine: serde_json::Value,
}

// Never the values: an error of a template shows what it was called with.
impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tables")
    }
}

const MODULES: [&str; 3] = ["pillar", "grains", "mine"];

impl Salt {
    /// Answers from this context.
    pub fn new(context: &Context) -> Self {
        let tables = Tables {
            grains: context.grains.clone(),
            pillar: context.pillar.clone(),
            mine: context.mine.clone(),
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
        match self.name.as_str() {
            "pillar.get" => look_up(&self.tables.pillar, args),
            "grains.get" => look_up(&self.tables.grains, args),
            "mine.get" => mine(&self.tables.mine, args),
            other => Err(Error::new(
                ErrorKind::UnknownFunction,
                format!("salt['{other}'] is none of pillar.get, grains.get and mine.get"),
            )),
        }
    }
}

/// `get('a:b', default)`: the value at that path, or the default, or the empty text as Salt has it.
fn look_up(table: &serde_json::Value, args: &[Value]) -> Result<Value, Error> {
    let (path, given, kwargs): (String, Option<Value>, Kwargs) = from_args(args)?;
    let named: Option<Value> = kwargs.get("default")?;
    kwargs.assert_all_used()?;
    let found = path.split(':').try_fold(table, |table, key| table.get(key));
    Ok(match found {
        Some(value) => Value::from(minijinja::value::Serde(value.clone())),
        None => given.or(named).unwrap_or_else(|| Value::from("")),
    })
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
    Ok(Value::from(minijinja::value::Serde(serde_json::Value::Object(found))))
}
