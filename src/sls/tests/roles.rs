//! What each role means for a node's storage, what replaces it, and what is left when a role goes.

use crate::model::config::StorageConfig;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::sls::embedded::Embedded;
use crate::sls::requisite::Kind;
use crate::sls::{Context, Function, Inputs, StatePlan, Wanted, render};
use serde_json::{Value, json};

const OPS: &str = "/etc/eos/storage-ops.yaml";
const KERNEL: &str = "/etc/sysctl.d/60-eos.conf";
const LIMITS: &str = "/etc/security/limits.d/60-eos.conf";

fn plan(inputs: &Inputs) -> StatePlan {
    render(&Embedded, &Wanted::Top, &Context::new(&inputs.node, inputs.pillar())).expect("the tree renders")
}

fn inputs(role: Role, scale: Scale, storage: Value) -> Inputs {
    let storage: StorageConfig = serde_json::from_value(storage).expect("it is of the form");
    Inputs::of("n1", role, scale).configured(&storage)
}

/// What is to stand at a path, without comments; nothing when it is to be absent.
fn wanted(plan: &StatePlan, wanted: &str) -> Option<String> {
    let state =
        plan.states.iter().find(|state| state.function.path() == Some(wanted)).expect("it is planned");
    match &state.function {
        Function::FileManaged { contents: Some(bytes), .. } => {
            let text = String::from_utf8(bytes.clone()).expect("text");
            Some(text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect())
        }
        Function::FileAbsent { .. } => None,
        other => panic!("{other:?}"),
    }
}

fn ops(inputs: &Inputs) -> Value {
    let text = wanted(&plan(inputs), OPS).expect("it is written");
    serde_yaml::from_str(&text).expect("YAML")
}

#[test]
fn roles_differ_in_what_they_can_do_without() {
    let of = |role| ops(&inputs(role, Scale::Medium, json!({})));
    for role in Role::ALL {
        let ops = of(role);
        let (edge, compute) = (role == Role::Edge, role == Role::Compute);
        assert_eq!(
            ops["retention"],
            json!({"logs": 30, "backups": 30, "cache": if edge { 1 } else { 7 }}),
            "{role}"
        );
        let services = if compute { json!(["atd", "slurmd"]) } else { Value::Null };
        assert_eq!(ops["services"], services, "{role}");
        let mut cleanup =
            json!(["delete-expendable", "delete-compressed-logs", "vacuum-journal", "clean-package-cache"]);
        let mut expendable = json!(["/var/cache/eos"]);
        if compute {
            cleanup.as_array_mut().expect("a list").push(json!("prune-containers"));
            expendable.as_array_mut().expect("a list").push(json!("/var/crash"));
        }
        assert_eq!(ops["actions"]["cleanup"], cleanup, "{role}");
        assert_eq!(ops["classes"]["expendable"], expendable, "{role}");
    }
}

#[test]
fn kernel_settings_and_limits_are_those_of_the_role_and_the_only_node_has_all() {
    let of = |role| plan(&inputs(role, Scale::Small, json!({})));
    let (edge, core) = ("fs.inotify.max_user_instances = 1024\n", "vm.swappiness = 10\n");
    let data = "vm.dirty_background_bytes = 67108864\nvm.dirty_bytes = 268435456\n";
    let all = format!("{edge}{data}{core}");
    for (role, kernel, limits) in [
        (Role::Edge, Some(edge), None),
        (Role::Core, Some(core), None),
        (Role::Data, Some(data), None),
        (Role::Compute, None, Some("* soft core 0\n")),
        (Role::Monolith, Some(all.as_str()), Some("* soft core 0\n")),
    ] {
        assert_eq!(wanted(&of(role), KERNEL).as_deref(), kernel, "{role}");
        assert_eq!(wanted(&of(role), LIMITS).as_deref(), limits, "{role}");
    }
}

#[test]
fn kernel_settings_come_into_force_at_once_on_the_machine_itself_only() {
    let at_once = |inputs: &Inputs| {
        let plan = plan(inputs);
        let settings =
            plan.states.iter().position(|state| state.id == "role_kernel_settings").expect("planned");
        let found = plan.states.iter().find(|state| state.id == "role_kernel_settings_in_force");
        found.map(|state| {
            let Function::CommandRun { command, .. } = &state.function else { panic!("{state:?}") };
            assert_eq!(command, "systemctl restart systemd-sysctl.service");
            assert!(
                state
                    .conditions
                    .only_if
                    .iter()
                    .any(|line| line == "! systemd-detect-virt --quiet --container")
            );
            assert_eq!(state.requisites.of(Kind::OnChanges), [settings]);
        })
    };
    let host = inputs(Role::Data, Scale::Small, json!({}));
    assert_eq!(at_once(&host), Some(()));
    assert_eq!(at_once(&Inputs { root: "/srv/n1".to_owned(), ..host.clone() }), None);
    assert_eq!(at_once(&Inputs { services: false, ..host }), None);
}

#[test]
fn mounts_of_a_role_are_watched_where_they_are_mounted() {
    let mounts = |role, mounted: &[&str], storage| {
        let mounted = mounted.iter().map(|mount| (*mount).to_owned()).collect();
        ops(&Inputs { mounted, ..inputs(role, Scale::Small, storage) })["mounts"].clone()
    };
    let machine = ["/", "/boot", "/srv", "/var/lib", "/var/log", "/home"];
    assert_eq!(mounts(Role::Data, &[], json!({})), json!(["/"]));
    assert_eq!(mounts(Role::Data, &machine, json!({})), json!(["/", "/var/log", "/srv"]));
    assert_eq!(mounts(Role::Core, &machine, json!({})), json!(["/", "/var/log", "/var/lib"]));
    assert_eq!(mounts(Role::Edge, &machine, json!({})), json!(["/", "/var/log"]));
    assert_eq!(mounts(Role::Monolith, &machine, json!({})), json!(["/", "/var/log", "/var/lib", "/srv"]));
    assert_eq!(mounts(Role::Data, &machine, json!({"mounts": ["/data"]})), json!(["/data"]));
}

#[test]
fn everything_can_be_replaced_for_every_node_and_for_one_role() {
    let storage = json!({
        "mode": "act", "interval_seconds": 30, "mounts": ["/", "/data"],
        "thresholds": {"warning": 50}, "retention": {"cache": 2},
        "classes": {"expendable": ["/var/cache/eos", "/data/tmp"], "important": []},
        "actions": {"warning": ["notify"], "degraded": []},
        "services": ["cron"], "notify": {"command": ["/usr/bin/logger", "it's \"full\""]},
        "budget": {"files": 1000}, "sysctl": {"vm.swappiness": 1, "net.ipv4.tcp_rmem": "4096 87380 6291456"},
        "limits": ["@jobs - nofile 65536"],
        "roles": {"data": {"mode": "observe", "retention": {"logs": 60}, "services": [], "limits": [],
                           "notify": {"webhook": "https://10.0.0.1/hook"}, "budget": {"bytes": 1_u64 << 40},
                           "sysctl": {"vm.dirty_bytes": null}}},
    });
    let core = ops(&inputs(Role::Core, Scale::Small, storage.clone()));
    assert_eq!((&core["mode"], &core["interval_seconds"]), (&json!("act"), &json!(30)));
    assert_eq!(core["mounts"], json!(["/", "/data"]));
    assert_eq!((&core["thresholds"]["warning"], &core["thresholds"]["compress"]), (&json!(50), &json!(75)));
    assert_eq!(core["retention"], json!({"logs": 14, "backups": 7, "cache": 2}));
    assert_eq!(core["classes"]["expendable"], json!(["/var/cache/eos", "/data/tmp"]));
    assert_eq!(
        (&core["classes"]["important"], &core["classes"]["standard"]),
        (&json!([]), &json!(["/var/log"]))
    );
    assert_eq!((&core["actions"]["warning"], &core["actions"]["degraded"]), (&json!(["notify"]), &json!([])));
    assert_eq!(core["actions"]["compress"], json!(["compress-logs"]));
    assert_eq!(core["services"], json!(["cron"]));
    assert_eq!(core["notify"], json!({"command": ["/usr/bin/logger", "it's \"full\""]}));
    assert_eq!(core["budget"], json!({"files": 1000}));
    let data = inputs(Role::Data, Scale::Small, storage.clone());
    let read = ops(&data);
    assert_eq!((&read["mode"], &read["services"]), (&json!("observe"), &Value::Null));
    assert_eq!(read["retention"], json!({"logs": 60, "backups": 7, "cache": 2}));
    assert_eq!(read["notify"]["webhook"], "https://10.0.0.1/hook");
    assert_eq!(read["budget"], json!({"files": 1000, "bytes": 1_u64 << 40}));
    let rmem = "net.ipv4.tcp_rmem = 4096 87380 6291456\n";
    assert_eq!(
        wanted(&plan(&inputs(Role::Core, Scale::Small, storage)), KERNEL).as_deref(),
        Some(&*format!("{rmem}vm.swappiness = 1\n"))
    );
    assert_eq!(
        wanted(&plan(&data), KERNEL).as_deref(),
        Some(&*format!("{rmem}vm.dirty_background_bytes = 67108864\nvm.swappiness = 1\n"))
    );
    assert_eq!(wanted(&plan(&data), LIMITS), None);
}

#[test]
fn a_webhook_is_for_nobody_elses_eyes() {
    let attributes = |storage| {
        let plan = plan(&inputs(Role::Data, Scale::Small, storage));
        let state =
            plan.states.into_iter().find(|state| state.function.path() == Some(OPS)).expect("planned");
        let Function::FileManaged { attributes, show_changes, .. } = state.function else { panic!("a file") };
        (attributes.mode, show_changes)
    };
    assert_eq!(attributes(json!({})), (Some(0o644), true));
    assert_eq!(attributes(json!({"notify": {"webhook": "https://h/secret"}})), (Some(0o600), false));
}
