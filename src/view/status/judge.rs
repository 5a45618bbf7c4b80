//! What is at risk: the rules behind the health level.

use crate::model::role::Role;
use crate::storage::growth::Resource;
use crate::storage::level::Level;
use crate::view::status::{Health, Local, STARTING, Warning};
use crate::view::units::{ago, coarse};
use crate::wire::admin::{ClusterStatus, CopyStatus, Neighbour, NodeStatus, Rivalry, RunStatus};

/// An agent reports at least twice as often, in milliseconds.
const SILENT_MS: u64 = 60_000;
/// An operation that goes on for so long, in milliseconds, may hang.
const LONG_MS: u64 = 600_000;
/// A node that is silent for so long, in milliseconds, is taken for lost.
const LOST_MS: u64 = 300_000;

/// Everything that is at risk, the worst first, else in the order of the rules.
pub fn warnings(cluster: Option<&ClusterStatus>, local: &Local) -> Vec<Warning> {
    let mut found = of_local(local);
    if let Some(cluster) = cluster {
        found.extend(of_size(cluster));
        found.extend(cluster.warnings.iter().map(|text| Warning {
            level: Health::Warning,
            text: format!("Recovery risk: {text}"),
            hints: vec!["see what is damaged: eos snapshot verify".to_owned()],
        }));
        found.extend(cluster.neighbours.iter().map(rival));
        found.extend(cluster.orchestration.iter().flat_map(of_orchestration));
        for node in &cluster.nodes {
            match node.state.as_str() {
                "pending" => found.push(pending(cluster, node)),
                "active" => found.extend(of_member(cluster, node, local)),
                _ => {}
            }
        }
    }
    found.sort_by_key(|warning| std::cmp::Reverse(warning.level));
    found
}

fn risk(level: Health, text: String) -> Warning {
    Warning { level, text, hints: Vec::new() }
}

fn of_local(local: &Local) -> Vec<Warning> {
    let mut found = Vec::new();
    if let Some(failure) = &local.identity {
        let text = format!("Identity risk: {} [{}]", failure.message, failure.code);
        found.push(Warning { level: Health::Error, text, hints: failure.hints.clone() });
    }
    if let Some(failure) = &local.master_error {
        let since = local.master_lost.as_ref().map(|(lost, age)| {
            let ago = ago(*age);
            format!("; the agent here lost it {ago}, at {}: {} [{}]", lost.since, lost.message, lost.code)
        });
        found.push(Warning {
            level: Health::Error,
            text: format!(
                "Availability risk: {} [{}]{}",
                failure.message,
                failure.code,
                since.unwrap_or_default()
            ),
            hints: failure.hints.clone(),
        });
    }
    for (service, state, _) in local.services.iter().filter(|(_, _, healthy)| !healthy) {
        // An operation starts services anew, and waits for them itself.
        let ordinary = state == STARTING && local.operation.is_some();
        let level = if ordinary { Health::Warning } else { Health::Error };
        found.push(risk(level, format!("Availability risk: {service} on {} is {state}", local.name)));
    }
    if !local.confirmed {
        let text = format!("Membership risk: {} is not confirmed by the master", local.name);
        let hints = vec!["go on with it: eos bootstrap".to_owned()];
        found.push(Warning { level: Health::Warning, text, hints });
    }
    if let Some(running) = local.operation.as_ref().filter(|running| running.age_ms >= LONG_MS) {
        let (what, age) = (&running.what, coarse(running.age_ms));
        let text = format!("Consistency risk: {what} has not ended on {} for {age}", local.name);
        let hints = vec![format!("see what it is: ps -fp {}", running.process)];
        found.push(Warning { level: Health::Warning, text, hints });
    }
    if let Some(complaint) = &local.monitor {
        found.push(monitor(&local.name, complaint));
    }
    for mount in local.storage.iter().filter(|mount| mount.level > Level::Normal) {
        let (path, level) = (mount.path.display(), mount.level);
        let of = if mount.decided_by == Resource::Inodes { " of its inodes" } else { "" };
        let what = format!("{path} on {} is at level {level} ({:.1} %{of})", local.name, mount.percent);
        found.push(storage(level, &what));
    }
    found.extend(of_effects(local));
    found
}

/// What the levels of this node's mounts came to.
fn of_effects(local: &Local) -> Vec<Warning> {
    let mut found = Vec::new();
    let hints = || vec!["see what is full and what was done about it: eos storage status".to_owned()];
    if !local.services_stopped.is_empty() {
        let names = local.services_stopped.join(", ");
        let text =
            format!("Availability risk: on {}, stopped until there is room again: {names}", local.name);
        found.push(Warning { level: Health::Warning, text, hints: hints() });
    }
    if local.snapshots_refused {
        let text =
            format!("Recovery risk: on {}, new snapshots are refused until there is room again", local.name);
        found.push(Warning { level: Health::Warning, text, hints: hints() });
    }
    found
}

fn monitor(node: &str, complaint: &str) -> Warning {
    risk(Health::Warning, format!("Capacity risk: storage on {node} is not watched: {complaint}"))
}

fn storage(level: Level, what: &str) -> Warning {
    let health = if level >= Level::Emergency { Health::Error } else { Health::Warning };
    risk(health, format!("Capacity risk: {what}"))
}

fn of_size(cluster: &ClusterStatus) -> Option<Warning> {
    let active: Vec<&NodeStatus> = cluster.nodes.iter().filter(|node| node.state == "active").collect();
    let data: Vec<&&NodeStatus> = active.iter().filter(|node| node.role == Some(Role::Data)).collect();
    let text = match (active.len(), data.as_slice()) {
        (0, _) => "Availability risk: no node is an active member".to_owned(),
        (1, _) => "Reliability risk: 1 node; a failure of it loses the cluster".to_owned(),
        (_, []) => "Reliability risk: no node has the role data".to_owned(),
        (_, [only]) => {
            format!("Data loss risk: 1 node with the role data; a failure of {} loses its data", only.name)
        }
        _ => return None,
    };
    Some(risk(Health::Warning, text))
}

/// A run that failed is run again; what is wrong with the cluster's own file is for the operator.
fn of_orchestration(run: &RunStatus) -> Vec<Warning> {
    let mut found = Vec::new();
    if let Some(trouble) = &run.trouble {
        let text = format!(
            "Consistency risk: {} of the states tree is not used: {} [{}]",
            run.sls, trouble.message, trouble.code
        );
        found.push(Warning { level: Health::Warning, text, hints: trouble.hints.clone() });
    }
    for step in run.steps.iter().filter(|step| run.state == "failed" && step.state == "failed") {
        let text = format!(
            "Consistency risk: generation {} is not handed on: {} ({}): {}",
            run.generation, step.id, step.place, step.comment
        );
        let hints = vec!["see every step of it: eos status --output json".to_owned()];
        found.push(Warning { level: Health::Warning, text, hints });
    }
    found
}

/// Whoever looks for the cluster finds two, and may join the wrong one.
fn rival(neighbour: &Neighbour) -> Warning {
    let Neighbour { cluster, node, address, authority, .. } = neighbour;
    let text = match neighbour.rivalry {
        Rivalry::SameName => format!(
            "Identity risk: another cluster on this network is called {cluster} as well: its master is {node} at \
             {address}, and its authority {authority}"
        ),
        Rivalry::SecondMaster => format!(
            "Consistency risk: a second master of {cluster} answers at {address}: {node} may be a copy of this one"
        ),
    };
    let hint = match neighbour.rivalry {
        Rivalry::SameName => "see both, and found one of them anew under another cluster.id: eos discover",
        Rivalry::SecondMaster => "end the one that is too many; on its host: eos reset",
    };
    Warning { level: Health::Error, text, hints: vec![hint.to_owned()] }
}

fn pending(cluster: &ClusterStatus, node: &NodeStatus) -> Warning {
    let text = format!("Pending: {} at {} asks to join with the key {}", node.name, node.address, node.key);
    // By a name that several wait under the master would refuse.
    let same = cluster.nodes.iter().filter(|other| other.state == "pending" && other.name == node.name);
    let named = if same.count() > 1 { node.id.as_str() } else { node.name.as_str() };
    let hints = vec![format!("compare the key with the one it shows, then run `eos node accept {named}`")];
    Warning { level: Health::Warning, text, hints }
}

fn of_member(cluster: &ClusterStatus, node: &NodeStatus, local: &Local) -> Vec<Warning> {
    let here = node.name.as_str() == local.name;
    let mut found: Vec<Warning> = unseen(node).into_iter().chain(unconverged(cluster, node, here)).collect();
    found.extend(node.copies.iter().map(|copy| copied(node, copy)));
    if let Some(complaint) = node.monitor.as_ref().filter(|_| !(here && local.monitor.is_some())) {
        found.push(monitor(node.name.as_str(), complaint));
    }
    // Of this node, the mounts themselves were looked at.
    if let Some((level, told)) = node.storage_level.as_deref().filter(|_| !here).and_then(raised) {
        found.push(storage(level, &format!("the fullest mount of {} is at level {told}", node.name)));
    }
    if !node.version.is_empty() && node.version != cluster.version {
        let text = format!(
            "Compatibility risk: {} runs eos {}, the master eos {}",
            node.name, node.version, cluster.version
        );
        found.push(risk(Health::Warning, text));
    }
    found
}

/// Two machines with one key: what one of them says of itself may be of the other.
fn copied(node: &NodeStatus, copy: &CopyStatus) -> Warning {
    let text = format!(
        "Identity risk: another machine at {} speaks as {}, last {}: one is a copy of the other's disk, and the one \
         that was there first is believed",
        copy.address,
        node.name,
        ago(copy.last_seen_ms)
    );
    let hints = vec!["on the one that is the copy: eos identity new".to_owned()];
    Warning { level: Health::Error, text, hints }
}

/// A level above normal, with the text that names it: `warning (71 %)`.
fn raised(told: &str) -> Option<(Level, &str)> {
    let level = Level::parse(told.split(' ').next()?)?;
    (level > Level::Normal).then_some((level, told))
}

fn unseen(node: &NodeStatus) -> Option<Warning> {
    let silent = match node.last_seen_ms {
        Some(silent) if silent < SILENT_MS => return None,
        Some(silent) => silent,
        None => {
            let text = format!("Availability risk: {} was not seen since the master started", node.name);
            return Some(risk(Health::Warning, text));
        }
    };
    let level = if silent >= LOST_MS { Health::Error } else { Health::Warning };
    let mut warning =
        risk(level, format!("Availability risk: {} was not seen for {}", node.name, coarse(silent)));
    warning.hints.push(format!("on {}, see whether its agent runs: eos status", node.name));
    Some(warning)
}

fn unconverged(cluster: &ClusterStatus, node: &NodeStatus, here: bool) -> Option<Warning> {
    if let Some(failure) = &node.failure {
        let text = format!(
            "Consistency risk: {} could not apply generation {}: {} [{}]",
            node.name, cluster.generation, failure.message, failure.code
        );
        let hints = failure.hints.iter().map(|hint| match here {
            true => hint.clone(),
            false => format!("on {}: {hint}", node.name),
        });
        return Some(Warning { level: Health::Error, text, hints: hints.collect() });
    }
    let text = format!(
        "Consistency risk: {} is at generation {} of {}",
        node.name, node.generation, cluster.generation
    );
    (!node.converged).then(|| risk(Health::Warning, text))
}
