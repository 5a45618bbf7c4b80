//! `eos role`: who does what, simulated or set.

use crate::cli::context::{Context, failure};
use crate::cli::done::{Done, json};
use crate::cli::error::CliError;
use crate::cli::node::{changed, node_name};
use crate::client::MasterClient;
use crate::host::files;
use crate::model::config::RolesConfig;
use crate::model::explain::Failure;
use crate::model::facts::Resources;
use crate::model::ids::NodeName;
use crate::model::role::Role;
use crate::model::yaml;
use crate::roles::{self, PlanFile, PlanNode, RoleRules};
use crate::sls::Inputs;
use crate::view;
use crate::view::roles::Tense;
use crate::wire::admin::{DecidedNode, NodeStatus, PlannedRole, PlannedRoles, SetRole, Use};
use clap::Subcommand;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What is said of a plan by the rules of this host, which need not be those of a master of another version.
const OWN_RULES: &str = "the master may plan otherwise: it did not tell its cluster.roles in a form known here, so \
     those of this host were taken";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum RoleCommand {
    /// Show which roles a change of nodes would bring, and change nothing
    Plan {
        /// Nodes from a file in place of the live cluster
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// A node to add: NAME, NAME:ROLE or NAME:ROLE:CPUS:MEMORY_GIB:DISK_GIB
        #[arg(long, value_name = "NODE")]
        add: Vec<String>,
        /// A node to take away, by its name or id
        #[arg(long, value_name = "NODE")]
        remove: Vec<String>,
    },
    /// Give a node a role, or give the choice back to the planner
    Set {
        /// Its name or id
        node: String,
        /// edge, core, data, compute or automatic
        #[arg(value_parser = ["edge", "core", "data", "compute", "automatic"])]
        role: String,
        /// Only show what would change
        #[arg(long)]
        plan: bool,
    },
}

impl RoleCommand {
    /// Its name in the verdict object.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "role plan",
            Self::Set { .. } => "role set",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the nodes cannot be read, the plan is impossible, or the master refuses.
pub fn run(context: &Context, command: RoleCommand) -> Result<Done, Failure> {
    let what = command.name();
    match command {
        RoleCommand::Plan { file, add, remove } => plan(context, file.as_deref(), &add, &remove),
        RoleCommand::Set { node, role, plan } => {
            let role = match role.as_str() {
                "automatic" => None,
                name => Some(
                    Role::parse(name)
                        .map_err(|error| CliError::Usage { line: error.to_string() }.failure())?,
                ),
            };
            let call = async |master: &MasterClient, id: &NodeName| {
                master.set_role(&SetRole { node: id.clone(), role, plan }).await
            };
            let decided = context.decide_on(what, (&node_name(&node)?, Use::Role), call)?;
            let (outcome, changes) = match plan {
                true => ("planned", view::roles::text(Tense::Would, &decided.answer.plan)),
                false => ("done", changed(&decided)),
            };
            let decided = decided.answer;
            let text = format!("{}{changes}", set(&decided, role, plan));
            Ok(Done::new(json(&decided), text).outcome(outcome))
        }
    }
}

/// What was done, or would be: the command's own line.
fn set(decided: &DecidedNode, role: Option<Role>, plan: bool) -> String {
    let name = &decided.meant.name;
    match (role, plan) {
        (Some(role), true) => format!("{name} would be set to {role} by hand; nothing is changed now\n"),
        (Some(role), false) => format!("{name} is set to {role} by hand\n"),
        (None, true) => format!("the planner would choose the role of {name}; nothing is changed now\n"),
        (None, false) => format!("the planner chooses the role of {name}\n"),
    }
}

fn plan(context: &Context, file: Option<&Path>, add: &[String], remove: &[String]) -> Result<Done, Failure> {
    let (live, rules, note) = match file {
        Some(file) => from_file(file).map(|(live, rules)| (live, rules, None))?,
        None => from_cluster(context)?,
    };
    let add = add.iter().map(|text| added(text)).collect::<Result<Vec<_>, _>>()?;
    let remove = remove.iter().map(|text| removed(&live, text)).collect::<Result<Vec<_>, _>>()?;
    let simulation = roles::simulate(&live, &add, &remove, &rules).map_err(failure)?;
    let mut planned = planned(&simulation);
    planned.warnings.extend(unknown(live.iter().chain(&add)).into_iter().chain(note));
    // A plan that changes nothing still shows who has which role, since that is what was asked.
    if file.is_some() && planned.changes.is_empty() {
        planned.changes = standing(&simulation);
    }
    let mut result = json(&planned);
    result["assignments"] = json(&simulation.plan.assignments);
    // What follows from the scale, for orchestration files: with what is configured on this host, as its master has it.
    let storage = context.resolve(Vec::new())?.config.storage;
    let inputs = Inputs::of("master", Role::Monolith, planned.scale).configured(&storage);
    result["thresholds"] = json(&inputs.thresholds);
    result["retention"] = json(&inputs.retention);
    Ok(Done::new(result, view::roles::text(Tense::Would, &planned)).outcome("planned"))
}

/// Says once of whom nobody told the resources.
fn unknown<'a>(nodes: impl Iterator<Item = &'a PlanNode>) -> Option<String> {
    let names: Vec<&str> =
        nodes.filter(|node| node.resources.is_unknown()).map(|node| node.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the resources of {} are not known, so nothing was judged by them: say NAME:ROLE:CPUS:MEMORY_GIB:DISK_GIB",
            names.join(", ")
        )
    })
}

fn planned(simulation: &roles::Simulation) -> PlannedRoles {
    let line = |change: &roles::RoleChange| PlannedRole {
        node: change.node.clone(),
        from: change.from,
        to: change.to,
        reason: change.reason.as_ref().map_or_else(|| "it leaves".to_owned(), ToString::to_string),
    };
    PlannedRoles {
        changes: simulation.difference.changes.iter().map(line).collect(),
        warnings: simulation.difference.warnings.iter().map(ToString::to_string).collect(),
        scale: simulation.difference.scale_after,
    }
}

fn standing(simulation: &roles::Simulation) -> Vec<PlannedRole> {
    let line = |assignment: &roles::RoleAssignment| PlannedRole {
        node: assignment.node.clone(),
        from: assignment.previous,
        to: Some(assignment.role),
        reason: assignment.reason.to_string(),
    };
    simulation.plan.assignments.iter().map(line).collect()
}

fn from_file(path: &Path) -> Result<(Vec<PlanNode>, RoleRules), Failure> {
    let bytes = files::read(path).map_err(failure)?;
    let file: PlanFile = yaml::typed(&path.display().to_string(), &bytes).map_err(failure)?;
    let (nodes, rules) = file.accept().map_err(failure)?;
    Ok((nodes, rules.unwrap_or_default()))
}

/// The members, the rules by which the master plans, and what has to be said of them.
fn from_cluster(context: &Context) -> Result<(Vec<PlanNode>, RoleRules, Option<String>), Failure> {
    let status = context.ask(async |master| master.status().await)?;
    let told = status.roles.as_ref().and_then(|roles| RolesConfig::deserialize(roles).ok());
    let (roles, note) = match told {
        Some(roles) => (roles, None),
        None => (context.resolve(Vec::new())?.config.cluster.roles, Some(OWN_RULES.to_owned())),
    };
    let rules = RoleRules::from(&roles);
    let mut members: Vec<&NodeStatus> = status.nodes.iter().filter(|node| node.state == "active").collect();
    members.sort_by_key(|node| node.order);
    let node = |(order, node): (usize, &NodeStatus)| PlanNode {
        id: Some(node.id.clone()),
        resources: node.resources,
        preferred: node.preferred.filter(|role| *role != Role::Monolith),
        current: node.role,
        pinned: node.pinned,
        ..PlanNode::new(node.name.clone(), order as u64)
    };
    Ok((members.into_iter().enumerate().map(node).collect(), rules, note))
}

/// The name of the node of this name or id.
fn removed(live: &[PlanNode], text: &str) -> Result<NodeName, Failure> {
    let of_id = live.iter().find(|node| node.id.as_ref().is_some_and(|id| id.as_str() == text));
    of_id.map_or_else(|| node_name(text), |node| Ok(node.name.clone()))
}

/// `NAME[:ROLE[:CPUS:MEMORY_GIB:DISK_GIB]]`.
fn added(text: &str) -> Result<PlanNode, Failure> {
    let wrong = || {
        let line = format!("{text:?} is not NAME, NAME:ROLE or NAME:ROLE:CPUS:MEMORY_GIB:DISK_GIB");
        CliError::Usage { line }.failure()
    };
    let parts: Vec<&str> = text.split(':').collect();
    let mut node = PlanNode::new(node_name(parts.first().ok_or_else(wrong)?)?, 0);
    if let Some(role) = parts.get(1).filter(|role| !role.is_empty()) {
        node.preferred = Some(Role::parse(role).map_err(|_| wrong())?);
    }
    if let [_, _, cpus, memory, disk] = parts[..] {
        let gib = |text: &str| {
            text.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << 30)).ok_or_else(wrong)
        };
        let disk_bytes = gib(disk)?;
        node.resources = Resources {
            cpus: cpus.parse().map_err(|_| wrong())?,
            memory_bytes: gib(memory)?,
            disk_bytes,
            disk_free_bytes: disk_bytes,
        };
    } else if parts.len() > 2 {
        return Err(wrong());
    }
    Ok(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Vec<PlanNode> {
        let node = |number: u64| PlanNode {
            resources: Resources {
                cpus: 16,
                memory_bytes: 64 << 30,
                disk_bytes: 4000 << 30,
                disk_free_bytes: 4000 << 30,
            },
            ..PlanNode::new(NodeName::parse(&format!("node{number}")).expect("a name"), number)
        };
        (1..=3).map(node).collect()
    }

    #[test]
    fn resources_that_were_not_given_are_unknown_and_not_none_at_all() {
        let live = cluster();
        let add = [added("x").expect("a name"), added("y:data").expect("a name and a role")];
        let simulation = roles::simulate(&live, &add, &[], &RoleRules::default()).expect("a plan");
        assert_eq!(planned(&simulation).warnings, [""; 0], "no minimum is judged");
        assert_eq!(
            unknown(live.iter().chain(&add)).as_deref(),
            Some(
                "the resources of x, y are not known, so nothing was judged by them: say \
                 NAME:ROLE:CPUS:MEMORY_GIB:DISK_GIB"
            )
        );
        assert_eq!(unknown(live.iter()), None);
        let small = [added("x:data:1:1:1").expect("a whole node")];
        let simulation = roles::simulate(&live, &small, &[], &RoleRules::default()).expect("a plan");
        assert!(!planned(&simulation).warnings.is_empty(), "what was given is judged");
    }
}
