//! The completions and manual pages of the package are those that the binary generates, and the defaults of roles in
//! its documentation those of its states.
//!
//! `UPDATE=1 cargo test --test it generated` writes them again.

use crate::support::{EOS, package};
use eos::model::layers::KEYS;
use eos::model::role::Role;
use eos::model::scale::Scale;
use eos::model::storage_settings::ACTIONS;
use eos::sls::embedded::Embedded;
use eos::sls::{Context, Function, Inputs, Wanted, render};
use eos::steps::settings::places;
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

type Files = BTreeMap<String, String>;

fn read(directory: &Path) -> Files {
    let Ok(entries) = fs::read_dir(directory) else { return Files::new() };
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    };
    entries.map(|entry| file(entry.unwrap())).collect()
}

fn compare(directory: &str, generated: &Files) {
    let directory = package(directory);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(&directory).unwrap();
        for old in read(&directory).keys().filter(|old| !generated.contains_key(*old)) {
            fs::remove_file(directory.join(old)).unwrap();
        }
        for (name, text) in generated {
            fs::write(directory.join(name), text).unwrap();
        }
    }
    let kept = read(&directory);
    let stale: Vec<&String> = generated
        .iter()
        .filter(|(name, text)| kept.get(*name) != Some(text))
        .map(|(name, _)| name)
        .chain(kept.keys().filter(|name| !generated.contains_key(*name)))
        .collect();
    assert!(
        stale.is_empty(),
        "stale in {}: {stale:?}; generate again: UPDATE=1 cargo test --test it generated",
        directory.display()
    );
}

fn eos(arguments: &[&str]) -> String {
    let output = Command::new(EOS).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_completions_are_up_to_date() {
    let shells = [("bash", "eos.bash"), ("zsh", "_eos"), ("fish", "eos.fish")];
    let generated: Files =
        shells.iter().map(|(shell, file)| ((*file).to_owned(), eos(&["completions", shell]))).collect();
    assert!(generated.values().all(|text| text.contains("bootstrap") && text.contains("join-cluster")));
    compare("completions", &generated);
}

#[test]
fn the_manual_pages_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    eos(&["man", folder.path().to_str().unwrap()]);
    let generated = read(folder.path());
    assert!(generated.contains_key("eos.1") && generated.contains_key("eos-bootstrap.1"));
    let hidden = generated.keys().find(|name| name.contains("supervise"));
    assert_eq!(hidden, None, "what only eos itself runs has no page");
    compare("docs/man", &generated);
}

const DEFAULTS: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- Generated: UPDATE=1 cargo test --test it generated -->\n";
const END: &str = "<!-- End -->\n";

/// What the shipped states write on a node where everything is mounted that a role may watch.
struct Written {
    ops: Value,
    kernel: Vec<String>,
    limits: Vec<String>,
}

fn written(role: Role, scale: Scale) -> Written {
    let mounted = ["/var", "/var/log", "/var/cache", "/var/lib", "/var/backups", "/srv"].map(str::to_owned);
    let inputs = Inputs { mounted: mounted.into(), ..Inputs::of("node", role, scale) };
    let plan = render(&Embedded, &Wanted::Top, &Context::new("node", inputs.pillar())).unwrap();
    let text = |path: &str| {
        let state = plan.states.iter().find(|state| state.function.path() == Some(path)).unwrap();
        match &state.function {
            Function::FileManaged { contents: Some(bytes), .. } => String::from_utf8(bytes.clone()).unwrap(),
            _ => String::new(),
        }
    };
    let lines = |path: &str| {
        text(path).lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
    };
    Written {
        ops: serde_yaml::from_str(&text("/etc/eos/storage-ops.yaml")).unwrap(),
        kernel: lines("/etc/sysctl.d/60-eos.conf"),
        limits: lines("/etc/security/limits.d/60-eos.conf"),
    }
}

/// A row for each value, with the roles that have it.
fn rows(table: &mut String, key: &str, value: impl Fn(Role) -> Vec<String>) {
    let mut found: Vec<(Vec<String>, Vec<&str>)> = Vec::new();
    for role in Role::ALL {
        let value = value(role);
        match found.iter_mut().find(|(known, _)| *known == value) {
            Some((_, roles)) => roles.push(role.name()),
            None => found.push((value, vec![role.name()])),
        }
    }
    for (value, roles) in found {
        let roles = if roles.len() == Role::ALL.len() { "every role".to_owned() } else { roles.join(", ") };
        let value = value.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        table.push_str(&format!(
            "| `{key}` | {roles} | {} |\n",
            if value.is_empty() { "nothing" } else { &value }
        ));
    }
}

fn tables() -> String {
    let words = |value: &Value| -> Vec<String> {
        let list = value.as_sequence().cloned().unwrap_or_default();
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let levels = ["warning", "compress", "cleanup", "degraded", "emergency", "critical"];
    let kinds = ["logs", "backups", "cache"];
    let mut table = format!("\n| role | scale | {} | {} |\n", levels.join(" | "), kinds.join(" | "));
    table.push_str(&format!("|---|---|{}\n", "---|".repeat(levels.len() + kinds.len())));
    for (role, scale) in places() {
        let ops = written(role, scale).ops;
        let number = |section: &str, name: &str| format!(" {} |", ops[section][name].as_u64().unwrap());
        let percents: String = levels.iter().map(|level| number("thresholds", level)).collect();
        let days: String = kinds.iter().map(|kind| number("retention", kind)).collect();
        table.push_str(&format!("| {role} | {scale} |{percents}{days}\n"));
    }
    table.push_str("\n| key | role | default |\n|---|---|---|\n");
    let of = |role: Role| written(role, if role == Role::Monolith { Scale::Single } else { Scale::Small });
    rows(&mut table, "mounts", |role| words(&of(role).ops["mounts"]));
    for class in ["critical", "important", "standard", "expendable"] {
        rows(&mut table, &format!("classes.{class}"), |role| words(&of(role).ops["classes"][class]));
    }
    for level in levels {
        rows(&mut table, &format!("actions.{level}"), |role| words(&of(role).ops["actions"][level]));
    }
    rows(&mut table, "services", |role| words(&of(role).ops["services"]));
    rows(&mut table, "sysctl", |role| of(role).kernel);
    rows(&mut table, "limits", |role| of(role).limits);
    table + "\n"
}

#[test]
fn the_defaults_of_each_role_are_documented_as_the_states_have_them() {
    let path = package(DEFAULTS);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept == wanted, "{DEFAULTS} is stale; generate again: UPDATE=1 cargo test --test it generated");
}

#[test]
fn every_key_of_storage_is_documented() {
    let text = fs::read_to_string(package(DEFAULTS)).unwrap();
    let (_, table) = text.split_once("## Keys\n").unwrap();
    let own = KEYS.iter().filter_map(|key| key.path.strip_prefix("storage."));
    for key in own.filter(|key| !key.starts_with("roles.")) {
        let (section, name) = key.split_once('.').unwrap_or((key, ""));
        let named = match section {
            "thresholds" | "actions" => format!("`{section}.LEVEL`"),
            "classes" => "`classes.CLASS`".to_owned(),
            "retention" if name != "logs" && name != "compressed" => format!("`.{name}`"),
            _ => format!("`{key}`"),
        };
        assert!(
            table.contains(&format!("{named} |")) || table.contains(&format!("{named}, ")),
            "{key}: {named}"
        );
    }
    assert!(ACTIONS.iter().all(|action| table.contains(&format!("`{action}`"))));
}

/// A token of no cluster, so that the examples are whole.
const EXAMPLE_TOKEN: &str = "eos1.1f3126aa89105d67868ce9ac34a60e123e181b53fbb66d369025ff8c30b5fdc3.6883f8e36efd.UDtXT_fP7Bci7SRwHNmSvNz785IZjGXF.bbc05264";

/// One that no cluster made.
const PRE_SHARED_TOKEN: &str = "eos1.any.f1bee76a0db7.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB.5edf5ea7";

#[test]
fn the_examples_of_user_data_are_what_eos_renders() {
    let digest = "0".repeat(64);
    let program = ["--program-url=https://example.com/eos", "--program-sha256", &digest];
    let rendered = |token: &str, line: &[&str]| {
        let mut command = Command::new(EOS);
        command.env("EOS_TOKEN", token).args(["cloud-init", "render"]).args(line).args(program);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let examples = [
        ("single-node.yaml", rendered("", &["--single-node"])),
        ("joiner.yaml", rendered(EXAMPLE_TOKEN, &["--join-cluster=10.0.1.10", "--preferred-role=data"])),
        ("identical.yaml", rendered(PRE_SHARED_TOKEN, &["--auto-discover", "--expect=3"])),
    ];
    compare("examples/cloud-init", &examples.map(|(name, text)| (name.to_owned(), text)).into());
}
