//! What the shipped template renders is what the monitor reads.

use crate::sls::embedded::Embedded;
use crate::sls::tree::StateTree;
use crate::sls::{Context, Function, Wanted, render};
use crate::storage::StorageOps;
use crate::storage::config::{Action, Notices, PassBudget};
use crate::storage::level::Level;
use serde_json::{Value, json};

/// The shipped tree, with one state that renders the template from the pillar.
struct Rendering;

impl StateTree for Rendering {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if path != "probe.sls" {
            return Embedded.read(path);
        }
        let state = "/ops.yaml:\n  file.managed:\n    - source: salt://storage/files/storage-ops.yaml.jinja\n    \
                     - template: jinja\n    - context: {{ pillar['context'] | tojson }}\n";
        Some(state.as_bytes().to_vec())
    }

    fn below(&self, directory: &str) -> Vec<String> {
        Embedded.below(directory)
    }
}

fn rendered(more: &Value) -> anyhow::Result<StorageOps> {
    let levels = ["warning", "compress", "cleanup", "degraded", "emergency", "critical"];
    let thresholds: Value =
        levels.iter().zip(60u8..).map(|(level, at)| ((*level).to_owned(), Value::from(at))).collect();
    let mut context = json!({
        "role": "data", "scale": "small", "mode": "act", "interval_seconds": 300, "thresholds": thresholds,
        "retention": {"logs": 14, "backups": 7, "cache": 3}, "mounts": ["/", "/srv"],
        "classes": {"critical": ["/etc"], "important": [], "standard": ["/var/log"], "expendable": []},
        "actions": levels.map(|level| (level.to_owned(), json!([]))).into_iter().collect::<serde_json::Map<_, _>>(),
        "services": [], "notify": {}, "budget": {},
    });
    let all = context.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    let wanted = Wanted::Named(vec!["probe".to_owned()]);
    let plan = render(&Rendering, &wanted, &Context::new("n1", json!({"context": context})))?;
    let found = plan.states.iter().find_map(|state| match &state.function {
        Function::FileManaged { contents: Some(bytes), .. } => Some(bytes.clone()),
        _ => None,
    });
    Ok(StorageOps::parse(&String::from_utf8(found.expect("one file"))?)?)
}

#[test]
fn everything_that_a_role_may_ask_for_is_rendered_so_that_the_monitor_reads_it() -> anyhow::Result<()> {
    let names = Action::ALL.map(Action::name);
    let ops = rendered(&json!({
        "services": ["nginx", "batch@1.service"],
        "notify": {"command": ["/usr/bin/logger", "-t", "it's \"eos\": #1"], "webhook": "https://hooks.example/x?a=b"},
        "actions": {
            "warning": ["notify"], "compress": [], "cleanup": [], "degraded": [], "emergency": [], "critical": names,
        },
        "budget": {"files": 500, "bytes": 1_000_000},
    }))?;
    assert_eq!(ops.services, ["nginx", "batch@1.service"]);
    let command = ["/usr/bin/logger", "-t", "it's \"eos\": #1"].map(str::to_owned).into();
    let webhook = Some("https://hooks.example/x?a=b".to_owned());
    assert_eq!(ops.notify, Some(Notices { command, webhook }));
    assert_eq!(ops.budget, Some(PassBudget { files: Some(500), bytes: Some(1_000_000) }));
    assert_eq!(
        (ops.actions.at(Level::Warning), ops.actions.at(Level::Compress)),
        (&[Action::Notify][..], &[][..])
    );
    assert_eq!(ops.actions.at(Level::Critical), Action::ALL);
    Ok(())
}

#[test]
fn the_unit_may_write_to_every_package_cache_that_the_monitor_clears_and_to_no_other() -> anyhow::Result<()> {
    let inputs =
        crate::sls::Inputs::of("n1", crate::model::role::Role::Core, crate::model::scale::Scale::Small);
    let plan = render(&Embedded, &Wanted::Top, &Context::new("n1", inputs.pillar()))?;
    let unit = plan.states.iter().find_map(|state| match &state.function {
        Function::FileManaged { contents: Some(bytes), .. }
            if state.function.path().is_some_and(|path| path.ends_with("eos-storage-monitor.service")) =>
        {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    });
    let unit = unit.ok_or_else(|| anyhow::anyhow!("no unit is planned"))?;
    let caches = unit.lines().filter_map(|line| line.strip_prefix("ReadWritePaths=-"));
    let caches = caches.filter(|path| path.starts_with("/var/cache/") && !path.starts_with("/var/cache/eos"));
    let cleared = crate::agent::monitor::actions::PACKAGES;
    assert_eq!(caches.collect::<Vec<_>>(), cleared);
    Ok(())
}

#[test]
fn what_is_empty_is_left_out_and_each_of_a_pair_may_be() -> anyhow::Result<()> {
    let plain = rendered(&json!({}))?;
    assert_eq!((plain.services.len(), &plain.notify, plain.budget), (0, &None, None));
    assert!(plain.actions.at(Level::Warning).is_empty() && plain.actions.at(Level::Emergency).is_empty());
    let one = rendered(&json!({"notify": {"webhook": "http://h/"}, "budget": {"bytes": 7}}))?;
    assert_eq!(one.budget, Some(PassBudget { files: None, bytes: Some(7) }));
    assert_eq!(one.notify, Some(Notices { command: vec![], webhook: Some("http://h/".to_owned()) }));
    Ok(())
}
