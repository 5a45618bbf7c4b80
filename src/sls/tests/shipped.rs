//! The shipped tree: every role and scale renders, exactly, and the same each time.

use crate::model::config::StorageConfig;
use crate::model::role::Role;
use crate::model::scale::Scale;
use crate::sls::embedded::{AGENT_UNIT, APPLY_UNIT, CLUSTER_CONFIG, Embedded, MASTER_UNIT, RECOVERY_UNIT};
use crate::sls::inputs::WRITABLE;
use crate::sls::{Context, Function, Inputs, StatePlan, Wanted, jinja, render};
use serde_json::json;
use std::path::Path;

fn plan(inputs: &Inputs) -> StatePlan {
    render(&Embedded, &Wanted::Top, &Context::new(&inputs.node, inputs.pillar()))
        .expect("the shipped tree renders")
}

fn contents(plan: &StatePlan, wanted: &str) -> String {
    let found = plan.states.iter().find_map(|state| match &state.function {
        Function::FileManaged { path, contents: Some(bytes), .. } if path == wanted => Some(bytes.clone()),
        _ => None,
    });
    String::from_utf8(found.expect("the file is in the plan")).expect("text")
}

#[test]
fn every_role_and_scale_renders_and_says_so_in_its_configuration() {
    for role in Role::ALL {
        for scale in Scale::ALL {
            let plan = plan(&Inputs::of("n1", role, scale));
            let text = contents(&plan, "/etc/eos/storage-ops.yaml");
            assert!(text.contains(&format!("\nrole: {role}\nscale: {scale}\n")), "{text}");
            let value: serde_yaml::Value = serde_yaml::from_str(&text).expect("YAML");
            for class in ["critical", "important", "standard", "expendable"] {
                assert!(value["classes"][class].is_sequence(), "{text}");
            }
            let own = match role {
                Role::Monolith => Role::REQUESTABLE.to_vec(),
                role => vec![role],
            };
            for role in own {
                assert!(plan.states.iter().any(|state| state.sls == format!("roles.{role}")));
            }
        }
    }
}

#[test]
fn thresholds_and_retention_are_those_of_the_scale() {
    let table = [
        (Scale::Single, [60, 70, 75, 80, 85, 90], [7, 3, 1]),
        (Scale::Small, [65, 75, 80, 85, 90, 95], [14, 7, 3]),
        (Scale::Medium, [70, 80, 85, 90, 93, 95], [30, 30, 7]),
        (Scale::Distributed, [70, 80, 85, 90, 93, 95], [30, 30, 7]),
    ];
    for (scale, [warning, compress, cleanup, degraded, emergency, critical], [logs, backups, cache]) in table
    {
        let text = contents(&plan(&Inputs::of("n1", Role::Data, scale)), "/etc/eos/storage-ops.yaml");
        let thresholds = format!(
            "thresholds:\n  warning: {warning}\n  compress: {compress}\n  cleanup: {cleanup}\n  degraded: {degraded}\n  \
             emergency: {emergency}\n  critical: {critical}\n"
        );
        assert!(text.contains(&thresholds), "{text}");
        let retention = format!("retention:\n  logs: {logs}\n  backups: {backups}\n  cache: {cache}\n");
        assert!(text.contains(&retention), "{text}");
    }
}

#[test]
fn the_configuration_of_a_single_node_is_exactly_this() {
    let text = contents(&plan(&Inputs::of("n1", Role::Monolith, Scale::Single)), "/etc/eos/storage-ops.yaml");
    let lines: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(
        lines.join("\n"),
        "version: 1\nrole: monolith\nscale: single\nmode: observe\ninterval_seconds: 300\n\
         thresholds:\n  warning: 60\n  compress: 70\n  cleanup: 75\n  degraded: 80\n  emergency: 85\n  critical: 90\n\
         retention:\n  logs: 7\n  backups: 3\n  cache: 1\nmounts:\n  - \"/\"\nclasses:\n  critical:\n    - \"/boot\"\n    \
         - \"/etc\"\n    - \"/srv\"\n    - \"/usr\"\n    - \"/var/lib\"\n  important:\n    - \"/var/backups\"\n  standard:\n    \
         - \"/var/log\"\n  expendable:\n    - \"/var/cache/eos\"\nactions:\n  compress:\n    \
         - compress-logs\n  cleanup:\n    - delete-expendable\n    - delete-compressed-logs\n    - vacuum-journal\n    - clean-package-cache\n  \
         degraded:\n    - stop-services\n    - notify\n  emergency:\n    - refuse-snapshots\n    - notify\n  \
         critical:\n    - notify"
    );
}

#[test]
fn the_monitor_starts_after_its_unit_and_configuration_and_restarts_with_them() {
    let plan = plan(&Inputs::of("n1", Role::Core, Scale::Small));
    let at = |id: &str| plan.states.iter().position(|state| state.id == id).expect("planned");
    let service = &plan.states[at("storage_monitor_service")];
    assert_eq!(
        service.function,
        Function::ServiceRunning { name: "eos-storage-monitor".into(), enable: Some(true), reload: false }
    );
    let mut watches = vec![at("storage_monitor_unit"), at("storage_ops_configuration")];
    watches.sort_unstable();
    assert_eq!(service.requisites.watches(), watches);
    assert!(watches.iter().all(|index| *index < at("storage_monitor_service")));
    assert!(at("storage_thresholds_ascend") < at("storage_ops_configuration"));
    assert_eq!((service.file.as_str(), service.sls.as_str()), ("storage/monitor.sls", "storage.monitor"));
    let source = include_str!("../../../states/storage/monitor.sls");
    let line = source.lines().position(|line| line.contains("service.running")).expect("it is there") + 1;
    assert_eq!(service.line, line);
}

#[test]
fn under_a_root_every_path_lies_below_it_and_the_service_gets_it() {
    let root = "/tmp/node 1";
    let inputs = Inputs { root: root.to_owned(), ..Inputs::of("n1", Role::Monolith, Scale::Single) };
    let plan = plan(&inputs);
    assert!(plan.states.iter().filter_map(|state| state.function.path()).all(|path| path.starts_with(root)));
    let unit = contents(&plan, &format!("{root}/etc/systemd/system/eos-storage-monitor.service"));
    assert!(
        unit.contains("\nExecStart=/usr/local/bin/eos storage monitor --root \"/tmp/node 1\"\n"),
        "{unit}"
    );
}

#[test]
fn thresholds_that_do_not_ascend_become_a_state_that_fails_before_the_configuration() {
    let mut inputs = Inputs::of("n1", Role::Data, Scale::Small);
    inputs.thresholds.cleanup = 99;
    let plan = plan(&inputs);
    let failing = plan.states.iter().position(|state| state.function.name() == "test.fail_without_changes");
    let failing = failing.expect("a state that fails");
    let configuration =
        plan.states.iter().find(|state| state.id == "storage_ops_configuration").expect("planned");
    assert!(configuration.requisites.requires().contains(&failing));
}

#[test]
fn an_image_is_built_without_running_services() {
    let inputs = Inputs { services: false, ..Inputs::of("n1", Role::Edge, Scale::Small) };
    assert!(
        plan(&inputs).states.iter().all(|state| !matches!(state.function, Function::ServiceRunning { .. }))
    );
}

#[test]
fn the_configuration_overrides_the_defaults_of_the_scale() {
    let storage: StorageConfig = serde_json::from_value(json!({
        "mounts": ["/data"],
        "interval_seconds": 60,
        "thresholds": {"warning": 60, "compress": 70},
        "mode": "act",
    }))
    .expect("it is of the form");
    let inputs = Inputs::of("n1", Role::Data, Scale::Medium).configured(&storage);
    let text = contents(&plan(&inputs), "/etc/eos/storage-ops.yaml");
    for wanted in
        ["mode: act\n", "interval_seconds: 60\n", "warning: 60\n", "logs: 30\n", "mounts:\n  - \"/data\"\n"]
    {
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn states_write_only_where_the_unit_of_the_agent_may() {
    let own = ["etc/eos", "etc/systemd/system", "var/lib/eos", "run/eos"];
    for role in Role::ALL {
        for state in plan(&Inputs::of("n1", role, Scale::Small)).states {
            let Some(path) = state.function.path() else { continue };
            let inside =
                own.iter().chain(&WRITABLE).any(|top| Path::new(path).starts_with(format!("/{top}")));
            assert!(inside, "{path}");
        }
    }
}

#[test]
fn the_same_inputs_make_the_same_plan() {
    let inputs = Inputs::of("n1", Role::Monolith, Scale::Medium);
    assert_eq!(plan(&inputs), plan(&inputs));
}

#[test]
fn units_have_one_line_to_execute_and_no_shell() {
    let variables = json!({"binary": "/usr/local/bin/eos", "root": "", "user": "eos", "writable": ["/srv"]});
    for (source, wanted) in [
        (MASTER_UNIT, "ExecStart=/usr/local/bin/eos master"),
        (AGENT_UNIT, "ExecStart=/usr/local/bin/eos agent"),
    ] {
        let unit = jinja::plain("unit", source, &variables).expect("renders");
        let starts: Vec<_> = unit.lines().filter(|line| line.starts_with("Exec")).collect();
        assert_eq!(starts, [wanted]);
        assert!(unit.starts_with("# The ") && unit.contains("written by eos.\n[Unit]\n"), "{unit}");
        for line in ["Type=notify", "NotifyAccess=main", "NoNewPrivileges=yes", "ProtectSystem=strict"] {
            assert!(unit.lines().any(|have| have == line), "{line}");
        }
    }
}

#[test]
fn recovery_and_application_of_states_are_not_confined_as_the_agent_is_that_has_them_run() {
    let variables = json!({"binary": "/usr/local/bin/eos", "root": "/srv/a b", "writable": []});
    let render = |source| jinja::plain("unit", source, &variables).expect("renders");
    assert!(render(AGENT_UNIT).lines().any(|line| line == "Wants=eos-recovery.service"));
    for (source, command) in [(RECOVERY_UNIT, "snapshot recover"), (APPLY_UNIT, "state carry-out")] {
        let unit = render(source);
        let has = |wanted: &str| unit.lines().any(|line| line == wanted);
        assert!(has(&format!("ExecStart=/usr/local/bin/eos {command} --root \"/srv/a b\"")), "{unit}");
        assert!(has("Type=oneshot") && has("TimeoutStartSec=infinity") && has("KillMode=process"), "{unit}");
        for sandbox in
            ["Protect", "Private", "Restrict", "ReadWritePaths", "Capability", "SystemCall", "NoNew"]
        {
            assert!(!unit.lines().any(|line| line.starts_with(sandbox)), "{sandbox}: {unit}");
        }
    }
}

#[test]
fn the_cluster_configuration_is_read_back_as_it_was_meant() {
    let variables = json!({
        "id": "prod-cluster-001", "master": "10.0.1.10", "port": 4507, "ca_fingerprint": null,
        "discovery_method": "multicast", "discovery_port": 4505, "roles": true, "assignment": "automatic",
        "rebalance_on_join": true, "targets": null, "minimum": null, "name": "n1", "preferred_role": "data",
        "advertise_address": "10.0.1.12", "agent_port": 4606, "token_file": null,
    });
    let text = jinja::plain("cluster.yaml", CLUSTER_CONFIG, &variables).expect("renders");
    let config: crate::model::config::Config =
        crate::model::yaml::typed("cluster.yaml", text.as_bytes()).expect("the schema holds");
    assert_eq!(config.cluster.master.as_deref(), Some("10.0.1.10"));
    assert_eq!(config.node.preferred_role, Some(Role::Data));
    assert!(config.cluster.roles.rebalance_on_join);
}
