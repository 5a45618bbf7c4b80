//! What the operator asks for, and what follows from it: pure once everything was read.

use crate::cli::bootstrap::look::Seen;
use crate::cli::bootstrap::salt;
use crate::cli::context::{Context, failure};
use crate::cli::error::CliError;
use crate::cli::redact;
use crate::host::files;
use crate::identity::key::random;
use crate::identity::token::Token;
use crate::model::config::Config;
use crate::model::digest::{Fingerprint, hex};
use crate::model::explain::Failure;
use crate::model::facts::Facts;
use crate::model::ids::{ClusterId, NodeName};
use crate::model::layers::{self, FlagValue, Host, Origin, parse_endpoint};
use crate::model::role::Role;
use crate::steps::decision::{Decision, Kind, TrustedAuthority, VERSION};
use clap::Args;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

/// Options of `eos bootstrap`.
#[derive(Debug, Clone, Args)]
pub struct BootstrapArguments {
    /// Make this machine the first node of a new cluster
    #[arg(long, conflicts_with_all = ["join_cluster", "auto_discover"])]
    pub single_node: bool,
    /// Found a new cluster whatever is on the network, even one of the same name
    #[arg(long, conflicts_with_all = ["join_cluster", "auto_discover"])]
    pub new_cluster: bool,
    /// Join the cluster whose master is at this address
    #[arg(long, value_name = "ADDR[:PORT]", conflicts_with = "auto_discover")]
    pub join_cluster: Option<String>,
    /// Only ever join, never make a new cluster: the one that is configured, or that answers on the network
    #[arg(long)]
    pub auto_discover: bool,
    /// With the same command on N machines: where no cluster answers, more than half of them elect the one that founds
    /// it, and all others join; needs a token of `eos token generate`
    #[arg(long, value_name = "N", requires = "auto_discover")]
    pub expect: Option<NonZeroU16>,
    /// The role to ask for
    #[arg(long, value_name = "ROLE", value_parser = ["edge", "core", "data", "compute"])]
    pub preferred_role: Option<String>,
    /// The join token; a file or EOS_TOKEN keeps it out of the shell's history
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    pub token: Option<String>,
    /// The file that holds the join token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The fingerprint of the cluster's certificate authority
    #[arg(long, value_name = "sha256:HEX")]
    pub ca_fingerprint: Option<String>,
    /// The cluster's id; of several that answer on the network, the one to join
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<String>,
    /// The address at which other nodes reach this one
    #[arg(long, value_name = "IP")]
    pub advertise_address: Option<String>,
    /// The name of this node; the hostname unless given
    #[arg(long, value_name = "NAME")]
    pub node_name: Option<String>,
    /// What applies the states of this node: eos itself, or an installed Salt
    #[arg(long, value_name = "ENGINE", value_parser = ["embedded", "salt"])]
    pub engine: Option<String>,
    /// The salt-call to apply them with; looked for where programs are unless given
    #[arg(long, value_name = "FILE")]
    pub salt_call: Option<String>,
    /// The configuration of the Salt master on the first node's machine, or none: it then keeps the minions' keys and
    /// runs the orchestrations; /etc/salt where that has one unless given
    #[arg(long, value_name = "DIR")]
    pub salt_master: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// For cloud-init: what became of it is in /run/eos/status.json, and the exit status is 0, 1 (a person is needed) or
    /// 2 (nothing changed, and the same command may succeed later)
    #[arg(long, conflicts_with = "dry_run")]
    pub cloud_init: bool,
    /// A check whose failure is passed over
    #[arg(long = "skip-check", value_name = "NAME")]
    pub skip_check: Vec<String>,
    /// How long the whole command may take, 10m or 90s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// More than this is a mistake, and more than some clocks can add.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// Parses `90s`, `10m`, `1h`, or seconds.
///
/// # Errors
/// When it is no time, none at all, or more than a month.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 90s or 10m");
    let digits = text.trim_end_matches(['s', 'm', 'h']);
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    match number.checked_mul(unit) {
        Some(0) => Err("the time must be above 0".to_owned()),
        Some(seconds) if seconds <= LONGEST.as_secs() => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("{text:?} is more than {} h", LONGEST.as_secs() / 3600)),
    }
}

/// What the operator asks for, from flags, environment and files.
pub struct Asked {
    /// The configuration.
    pub config: Config,
    /// What this machine shall become, by what was given.
    pub aim: Aim,
    /// The token.
    pub token: Option<Token>,
    /// The authority of the cluster that answered on the network, which its master has to have.
    pub heard: Option<Fingerprint>,
    /// Whether this run names the cluster, by a flag or a variable, and not a file.
    pub explicit: bool,
    /// What this run names of the node itself.
    named: Named,
    /// What is configured and has no effect unless this becomes the first node.
    of_the_master: Vec<String>,
}

/// What a flag or a variable of this run says, as opposed to a file that an earlier run may have written.
#[derive(Debug, Clone, Copy)]
struct Named {
    name: bool,
    address: bool,
    role: bool,
}

/// What this machine shall become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The first node.
    FirstNode,
    /// A member of the cluster of this master.
    Join(SocketAddr),
}

impl Asked {
    /// An unfinished bootstrap goes on with its own aim unless another one was named: the file that it
    /// wrote itself names its master already. With the same aim its name, address and role stand as well
    /// where this run names no others; whether it does is the answer.
    pub fn follow(&mut self, before: &Decision) -> bool {
        let theirs = match before.kind {
            Kind::FirstNode => Aim::FirstNode,
            Kind::Join => Aim::Join(before.master),
        };
        if !self.explicit {
            self.aim = theirs;
        }
        if self.aim != theirs {
            return false;
        }
        let node = &mut self.config.node;
        if !self.named.name {
            node.name = Some(before.name.clone());
        }
        if !self.named.address {
            node.advertise_address = Some(before.address);
        }
        if !self.named.role {
            node.preferred_role = before.preferred;
        }
        true
    }

    /// What is configured and has no effect here, by what this machine shall become now.
    pub fn without_effect(&self) -> &[String] {
        if self.aim == Aim::FirstNode { &[] } else { &self.of_the_master }
    }

    /// The name that the node will have.
    ///
    /// # Errors
    /// When it is the hostname's, and that cannot be one.
    pub fn name(&self, facts: &Facts) -> Result<NodeName, Failure> {
        match &self.config.node.name {
            Some(name) => Ok(name.clone()),
            None => NodeName::parse(&short(&facts.hostname)).map_err(|error| {
                failure(CliError::Usage { line: format!("the hostname cannot be the node's name: {error}") })
            }),
        }
    }

    /// The role that the node asks for.
    pub fn preferred(&self) -> Option<Role> {
        self.config.node.preferred_role.filter(|role| *role != Role::Monolith)
    }

    /// The authority that the master must have.
    pub fn pin(&self) -> Option<Fingerprint> {
        self.token.as_ref().and_then(|token| token.authority).or(self.config.cluster.ca_fingerprint)
    }
}

/// Reads flags, environment and files.
///
/// # Errors
/// When any of them is wrong.
pub fn read(context: &Context, arguments: &BootstrapArguments) -> Result<Asked, Failure> {
    let resolved = context.resolve_for_all_roles(flags(arguments))?;
    let named = |key: &str| {
        let origin = resolved.origins.get(key).map(|leaf| &leaf.origin);
        matches!(origin, Some(Origin::Flag { .. } | Origin::Environment { .. }))
    };
    let explicit = arguments.single_node || arguments.new_cluster || named("cluster.master");
    let aim = aim(arguments, &resolved.config)?;
    let token = token(arguments, &resolved.config)?;
    let named = Named {
        name: named("node.name"),
        address: named("node.advertise_address"),
        role: named("node.preferred_role"),
    };
    // Discovery may still make it a member.
    let of_the_master = layers::without_effect(&resolved, false);
    Ok(Asked { config: resolved.config, aim, token, heard: None, explicit, named, of_the_master })
}

/// The flags that say what the configuration could say too.
pub fn flags(arguments: &BootstrapArguments) -> Vec<FlagValue> {
    let given: [(&str, &str, Option<String>); 9] = [
        ("cluster.master", "--join-cluster", arguments.join_cluster.clone()),
        ("cluster.id", "--cluster-id", arguments.cluster_id.clone()),
        ("cluster.ca_fingerprint", "--ca-fingerprint", arguments.ca_fingerprint.clone()),
        ("node.preferred_role", "--preferred-role", arguments.preferred_role.clone()),
        ("node.advertise_address", "--advertise-address", arguments.advertise_address.clone()),
        ("node.name", "--node-name", arguments.node_name.clone()),
        ("states.engine", "--engine", arguments.engine.clone()),
        ("states.salt_call", "--salt-call", arguments.salt_call.clone()),
        ("states.salt_master", "--salt-master", arguments.salt_master.clone()),
    ];
    let flag = |(key, flag, value): (&'static str, &'static str, Option<String>)| {
        value.map(|value| FlagValue { key, flag, value })
    };
    given.into_iter().filter_map(flag).collect()
}

/// The token that this run was given, by a flag or a variable.
///
/// # Errors
/// When its file cannot be read, or it is none.
pub fn given_token(arguments: &BootstrapArguments) -> Result<Option<Token>, Failure> {
    token(arguments, &Config::default())
}

fn aim(arguments: &BootstrapArguments, config: &Config) -> Result<Aim, Failure> {
    if arguments.single_node || arguments.new_cluster {
        return Ok(Aim::FirstNode);
    }
    match &config.cluster.master {
        Some(master) => Ok(Aim::Join(resolve(master, config.cluster.port)?)),
        // Unless somebody answers on the network.
        None => Ok(Aim::FirstNode),
    }
}

/// The address of a master that was named.
///
/// # Errors
/// When the name is none, or has no address.
pub fn resolve(master: &str, port: u16) -> Result<SocketAddr, Failure> {
    let endpoint = parse_endpoint(master).map_err(failure)?;
    let port = endpoint.port.unwrap_or(port);
    match endpoint.host {
        Host::Ip(ip) => Ok(SocketAddr::new(ip, port)),
        Host::Name(name) => (name.as_str(), port)
            .to_socket_addrs()
            .ok()
            .and_then(|mut addresses| addresses.next())
            .ok_or_else(|| failure(CliError::NoAddress { name })),
    }
}

fn token(arguments: &BootstrapArguments, config: &Config) -> Result<Option<Token>, Failure> {
    let file = arguments.token_file.clone().or_else(|| config.node.token_file.as_ref().map(PathBuf::from));
    let variable = std::env::var(redact::VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let text = match (&arguments.token, &arguments.token_file, variable, file) {
        (Some(token), ..) => Some(token.clone()),
        (None, None, Some(token), _) => Some(token),
        (None, _, _, Some(file)) => Some(read_token(&file)?),
        (None, _, _, None) => None,
    };
    text.map(|text| Token::parse(&text).map_err(failure)).transpose()
}

fn read_token(path: &std::path::Path) -> Result<String, Failure> {
    let wrong =
        |why: &str| failure(CliError::TokenFile { path: path.display().to_string(), why: why.to_owned() });
    let bytes = files::read_optional(path).map_err(failure)?.ok_or_else(|| wrong("it is not there"))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not text"))?;
    if text.trim().is_empty() { Err(wrong("it is empty")) } else { Ok(text) }
}

/// The decision that follows from what was asked and seen.
///
/// # Errors
/// When the node's name is none, or no id can be made.
pub fn decision(
    context: &Context,
    asked: &Asked,
    seen: &Seen,
    before: Option<&Decision>,
) -> Result<Decision, Failure> {
    let name = asked.name(&seen.facts)?;
    let address: IpAddr = seen.address.address;
    let (kind, master, cluster, authority) = match (&asked.aim, &seen.master) {
        (Aim::Join(master), Some(looked)) => {
            let authority =
                TrustedAuthority { fingerprint: looked.authority, certificate: looked.authority_pem.clone() };
            (Kind::Join, *master, looked.hello.cluster.clone(), Some(authority))
        }
        _ => {
            if let Some(token) = asked.token.as_ref().filter(|token| token.authority.is_some()) {
                return Err(failure(CliError::TokenOfCluster { id: token.id.to_string() }));
            }
            let master = SocketAddr::new(address, asked.config.cluster.port);
            (Kind::FirstNode, master, first_id(asked, before)?, None)
        }
    };
    let mut config = asked.config.clone();
    config.states.salt_master = salt::master(context, &config.states, kind)?;
    Ok(Decision {
        version: VERSION,
        kind,
        cluster,
        name,
        address,
        master,
        authority,
        preferred: asked.preferred(),
        binary: context.binary()?.display().to_string(),
        account: kind == Kind::FirstNode && context.root.is_host() && rustix::process::geteuid().is_root(),
        config,
    })
}

/// A hostname without its domain.
pub fn short(hostname: &str) -> String {
    hostname.split('.').next().unwrap_or(hostname).to_owned()
}

fn first_id(asked: &Asked, before: Option<&Decision>) -> Result<ClusterId, Failure> {
    if let Some(id) = &asked.config.cluster.id {
        return Ok(id.clone());
    }
    if let Some(before) = before.filter(|before| before.kind == Kind::FirstNode) {
        return Ok(before.cluster.clone());
    }
    let text = format!("eos-{}", hex(&random::<5>().map_err(failure)?));
    Ok(ClusterId::parse(&text).expect("hexadecimal digits make an id"))
}

#[cfg(test)]
impl Asked {
    /// What a plain bootstrap asks for with this configuration.
    pub fn of(config: Config) -> Self {
        let named = Named { name: false, address: false, role: false };
        let of_the_master = Vec::new();
        Self { config, aim: Aim::FirstNode, token: None, heard: None, explicit: false, named, of_the_master }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_joins_by_discovery_is_told_what_has_no_effect_on_it() {
        let mut asked = Asked::of(Config::default());
        asked.of_the_master = vec!["admission: on this node has no effect".to_owned()];
        assert!(asked.without_effect().is_empty(), "it may become the first node");
        asked.aim = Aim::Join(SocketAddr::from(([10, 0, 1, 10], 4507)));
        assert_eq!(asked.without_effect(), asked.of_the_master);
    }

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for wrong in ["", "m", "1d", "10mm", "-1", "0", "0s", "0h", "721h", "18446744073709551615h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
