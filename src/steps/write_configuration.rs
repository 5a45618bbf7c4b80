//! Renders `/etc/eos/cluster.yaml` from the decision.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::config::{Config, DiscoveryConfig, RolesConfig};
use crate::model::role_targets::{Minimums, Targets};
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::sls::{embedded, jinja};
use crate::steps::error::{StepFailure, to_step};
use crate::steps::{Decision, Env, Kind};

/// The step.
pub struct WriteConfiguration {
    decision: Decision,
}

impl WriteConfiguration {
    /// For this decision.
    pub fn new(decision: &Decision) -> Self {
        Self { decision: decision.clone() }
    }

    /// What the file will say: what was configured, with what the bootstrap chose and found out.
    fn resolved(&self) -> Config {
        let decision = &self.decision;
        let mut config = decision.config.clone();
        config.cluster.id = Some(decision.cluster.clone());
        config.cluster.master = Some(decision.master.ip().to_string());
        config.cluster.port = decision.master.port();
        config.cluster.ca_fingerprint = decision.authority.as_ref().map(|authority| authority.fingerprint);
        config.node.name = Some(decision.name.clone());
        config.node.preferred_role = decision.preferred;
        config.node.advertise_address = config.node.advertise_address.map(|_| decision.address);
        config
    }

    /// The file, which is parsed again: a key that the template does not know must not be lost.
    fn render(&self) -> Result<String, StepFailure> {
        let config = self.resolved();
        let (cluster, node) = (&config.cluster, &config.node);
        let discovery = cluster.discovery != DiscoveryConfig::default();
        // Only the master gives roles: elsewhere the section would seem to have an effect.
        let master = self.decision.kind == Kind::FirstNode;
        let variables = serde_json::json!({
            "id": cluster.id,
            "master": cluster.master,
            "port": cluster.port,
            "ca_fingerprint": cluster.ca_fingerprint,
            "discovery_method": discovery.then_some(cluster.discovery.method),
            "discovery_port": cluster.discovery.port,
            "roles": master || cluster.roles != RolesConfig::default(),
            "assignment": cluster.roles.assignment,
            "rebalance_on_join": cluster.roles.rebalance_on_join,
            "targets": (cluster.roles.targets != Targets::default()).then_some(cluster.roles.targets),
            "minimum": (cluster.roles.minimum != Minimums::default()).then_some(cluster.roles.minimum),
            "name": node.name,
            "preferred_role": node.preferred_role,
            "advertise_address": node.advertise_address,
            "agent_port": node.agent_port,
            "token_file": node.token_file,
        });
        let rendered = jinja::plain("templates/cluster.yaml.jinja", embedded::CLUSTER_CONFIG, &variables)?;
        says_all(rendered + &extra(&config)?, &config)
    }
}

/// The text, when reading it gives the configuration that it was made of.
fn says_all(text: String, config: &Config) -> Result<String, StepFailure> {
    let failed = |why| StepFailure::Template { name: "cluster.yaml", why };
    let parsed: Config = serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))?;
    match parsed == *config {
        true => Ok(text),
        false => Err(failed("it does not say all that was configured".to_owned())),
    }
}

/// The sections that the operator's configuration had beyond the cluster's and the node's.
fn extra(config: &Config) -> Result<String, StepFailure> {
    let mut rest = serde_yaml::Mapping::new();
    let mut keep = |name: &str, section: serde_yaml::Value, default: serde_yaml::Value| {
        if section != default {
            rest.insert(name.into(), section);
        }
    };
    let failed =
        |why: serde_yaml::Error| StepFailure::Template { name: "cluster.yaml", why: why.to_string() };
    let defaults = Config::default();
    let value = |section: Result<serde_yaml::Value, serde_yaml::Error>| section.map_err(failed);
    keep(
        "admission",
        value(serde_yaml::to_value(&config.admission))?,
        value(serde_yaml::to_value(&defaults.admission))?,
    );
    keep(
        "storage",
        value(serde_yaml::to_value(&config.storage))?,
        value(serde_yaml::to_value(&defaults.storage))?,
    );
    keep(
        "states",
        value(serde_yaml::to_value(&config.states))?,
        value(serde_yaml::to_value(&defaults.states))?,
    );
    keep(
        "snapshot",
        value(serde_yaml::to_value(&config.snapshot))?,
        value(serde_yaml::to_value(&defaults.snapshot))?,
    );
    keep(
        "telemetry",
        value(serde_yaml::to_value(&config.telemetry))?,
        value(serde_yaml::to_value(&defaults.telemetry))?,
    );
    if rest.is_empty() {
        return Ok(String::new());
    }
    serde_yaml::to_string(&rest).map(|text| format!("\n{text}")).map_err(failed)
}

impl Step<Env> for WriteConfiguration {
    fn name(&self) -> &'static str {
        "write-configuration"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("write /{}", paths::CLUSTER_CONFIG)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::File(paths::CLUSTER_CONFIG.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        let text = self.render().map_err(to_step)?;
        files::write_atomic(&env.root.join(paths::CLUSTER_CONFIG), text.as_bytes(), Attributes::PUBLIC)?;
        Ok(Outcome::Done)
    }

    fn undo(&self, _env: &mut Env) -> Result<(), StepError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::{
        AdmissionConfig, Assignment, ClusterConfig, DiscoveryMethod, NodeConfig, StorageConfig, StorageMode,
        TelemetryConfig,
    };
    use crate::model::digest::Fingerprint;
    use crate::model::explain::tells;
    use crate::model::glob::Glob;
    use crate::model::ids::{ClusterId, NodeName, SourceName};
    use crate::model::role::Role;
    use crate::model::role_targets::Target;
    use crate::model::snapshots::{
        Engine, Hook, Hooks, RetentionConfig, SnapshotConfig, SourceConfig, TransferMode,
    };
    use crate::model::storage_settings::{
        ActionSettings, BudgetSettings, ClassSettings, KernelValue, NotifySettings, RetentionSettings,
        RoleSettings, StorageSettings, ThresholdSettings,
    };
    use crate::steps::decision::{TrustedAuthority, VERSION};

    /// Every key set to something else than its default: without `..`, so that a new key is missed here.
    fn every_key() -> Config {
        let mut targets = Targets::default();
        targets.medium.edge = Some(Target::Share(40));
        targets.distributed.data = Some(Target::Count(3));
        let mut minimum = Minimums::default();
        minimum.core.cpus += 3;
        Config {
            cluster: ClusterConfig {
                id: Some(ClusterId::parse("eos-0123456789").expect("an id")),
                master: Some("127.0.0.2".to_owned()),
                port: 4607,
                ca_fingerprint: Some(Fingerprint::from_bytes([7; 32])),
                discovery: DiscoveryConfig { method: DiscoveryMethod::None, port: 4605 },
                roles: RolesConfig {
                    assignment: Assignment::Manual,
                    rebalance_on_join: false,
                    targets,
                    minimum,
                },
            },
            node: NodeConfig {
                name: Some(NodeName::parse("node-1").expect("a name")),
                advertise_address: Some("127.0.0.3".parse().expect("an address")),
                preferred_role: Some(Role::Data),
                agent_port: Some(4606),
                token_file: Some("/root/the token".to_owned()),
            },
            admission: AdmissionConfig {
                addresses: vec!["10.0.0.0/16".parse().expect("a range")],
                names: vec!["rack1-*".to_owned()],
                lease_seconds: Some(90),
                silent_seconds: Some(30),
            },
            states: crate::model::config::StatesConfig {
                engine: crate::model::config::StatesEngine::Salt,
                salt_call: Some("/opt/salt/bin/salt-call".to_owned()),
                salt_master: Some("/etc/salt".to_owned()),
            },
            storage: StorageConfig {
                every: every_key_of_storage(1),
                roles: RoleSettings {
                    monolith: every_key_of_storage(2),
                    edge: every_key_of_storage(3),
                    core: every_key_of_storage(4),
                    data: every_key_of_storage(5),
                    compute: every_key_of_storage(6),
                },
            },
            snapshot: every_key_of_snapshots(),
            telemetry: TelemetryConfig { otlp_endpoint: Some("http://127.0.0.1:4317".to_owned()) },
        }
    }

    fn every_key_of_storage(number: u8) -> StorageSettings {
        let words = |word: &str| Some(vec![format!("{word}{number}")]);
        let (path, action) = (words("/path"), Some(vec!["notify".to_owned()]));
        StorageSettings {
            mode: Some(StorageMode::Act),
            interval_seconds: Some(60 + u32::from(number)),
            mounts: path.clone(),
            thresholds: ThresholdSettings {
                warning: Some(number),
                compress: Some(number + 1),
                cleanup: Some(number + 2),
                degraded: Some(number + 3),
                emergency: Some(number + 4),
                critical: Some(number + 5),
            },
            retention: RetentionSettings {
                logs: Some(1),
                compressed: None,
                backups: Some(2),
                cache: Some(number.into()),
            },
            classes: ClassSettings {
                critical: words("/critical"),
                important: words("/important"),
                standard: words("/standard"),
                expendable: words("/expendable"),
            },
            actions: ActionSettings {
                warning: action.clone(),
                compress: action.clone(),
                cleanup: action.clone(),
                degraded: action.clone(),
                emergency: action.clone(),
                critical: action,
            },
            services: words("service"),
            notify: NotifySettings { command: path, webhook: Some("https://10.0.0.1/hook".to_owned()) },
            budget: BudgetSettings { files: Some(7), bytes: Some(1 << 40) },
            sysctl: [
                ("vm.swappiness".to_owned(), Some(KernelValue::Number(-1))),
                ("net.ipv4.tcp_rmem".to_owned(), Some(KernelValue::Text("4096 131072 6291456".to_owned()))),
                ("vm.dirty_bytes".to_owned(), None),
            ]
            .into(),
            limits: words("* soft core "),
        }
    }

    fn every_key_of_snapshots() -> SnapshotConfig {
        SnapshotConfig {
            mode: TransferMode::Streaming,
            embed_bytes: 7,
            connections: 3,
            bandwidth_bytes: Some(1 << 20),
            pullers: 5,
            retention: RetentionConfig { count: Some(4), age_seconds: Some(3600), bytes: Some(1 << 30) },
            sources: vec![SourceConfig {
                name: SourceName::parse("metrics").expect("a name"),
                engine: Engine::Directory,
                path: "/srv/metrics".to_owned(),
                roles: [Role::Data].into(),
                exclude: vec![Glob::parse("tmp").expect("a pattern")],
                write_once: vec![Glob::parse("*.sst").expect("a pattern")],
                outside_links: true,
                setuid: true,
                hooks: Hooks {
                    healthy: Some(Hook { command: vec!["/bin/true".to_owned()], timeout_seconds: 9 }),
                    ..Hooks::default()
                },
                keep_previous: false,
            }],
        }
    }

    fn step(config: Config) -> WriteConfiguration {
        let certificate = String::new();
        let authority = config.cluster.ca_fingerprint;
        WriteConfiguration::new(&Decision {
            version: VERSION,
            kind: Kind::Join,
            cluster: config.cluster.id.clone().expect("it is set"),
            name: config.node.name.clone().expect("it is set"),
            address: "127.0.0.3".parse().expect("an address"),
            master: format!("127.0.0.2:{}", config.cluster.port).parse().expect("an address"),
            authority: authority.map(|fingerprint| TrustedAuthority { fingerprint, certificate }),
            preferred: config.node.preferred_role,
            binary: "/usr/local/bin/eos".to_owned(),
            account: false,
            config,
        })
    }

    /// Every value that is no mapping, by its path.
    fn leaves(path: &str, value: &serde_json::Value, found: &mut Vec<(String, serde_json::Value)>) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| leaves(&format!("{path}.{name}"), value, found));
            }
            value => found.push((path.to_owned(), value.clone())),
        }
    }

    #[test]
    fn every_key_that_was_configured_is_in_the_file() {
        let config = every_key();
        let mut now = Vec::new();
        leaves("", &serde_json::to_value(&config).expect("it serialises"), &mut now);
        let mut default = Vec::new();
        leaves("", &serde_json::to_value(Config::default()).expect("it serialises"), &mut default);
        for (path, value) in &now {
            let table = path.contains(".targets.") || path.contains(".minimum.");
            // A name that is left to the kernel is said by null.
            let table = table || path.ends_with(".sysctl.vm.dirty_bytes");
            assert!(table || !default.contains(&(path.clone(), value.clone())), "{path} is not set");
        }
        let text = step(config.clone()).render().expect("it renders");
        let parsed: Config = serde_yaml::from_str(&text).expect("it parses");
        assert_eq!(parsed, config, "{text}");
    }

    #[test]
    fn a_text_that_does_not_say_what_was_configured_is_not_written() {
        let text = "the shipped template cluster.yaml could not be rendered: ";
        let wrong = says_all(String::from("node: {}\n"), &every_key()).expect_err("it lacks all keys");
        tells(&wrong, "EOS-S031", &format!("{text}it does not say all that was configured"));
        let broken = says_all(String::from("node: [\n"), &every_key()).expect_err("it is no YAML");
        assert!(broken.to_string().starts_with(text), "{broken}");
    }

    #[test]
    fn what_was_not_configured_is_left_out() {
        let all = every_key();
        let config = Config {
            cluster: ClusterConfig { id: all.cluster.id, ..ClusterConfig::default() },
            node: NodeConfig { name: all.node.name, ..NodeConfig::default() },
            ..Config::default()
        };
        let mut step = step(config);
        let text = step.render().expect("it renders");
        let nowhere =
            ["advertise_address", "agent_port", "token_file", "targets", "storage", "admission", "discovery"];
        for key in nowhere.iter().chain(&["roles", "assignment"]) {
            assert!(!text.contains(&format!("{key}:")), "{key}: {text}");
        }
        step.decision.kind = Kind::FirstNode;
        let text = step.render().expect("it renders");
        assert!(text.contains("    assignment: automatic\n"), "the master reads it: {text}");
        for key in nowhere {
            assert!(!text.contains(&format!("{key}:")), "{key}: {text}");
        }
    }
}
