//! The status as text: health, risks, this node, the nodes, what goes on.

use crate::storage::growth::Resource;
use crate::view::paragraph::{clean, wrap};
use crate::view::status::{Health, Local, Warning, Watched, warnings, worst};
use crate::view::style::{Tone, paint};
use crate::view::table::{fields, table};
use crate::view::units::{bytes, coarse, plural, precise};
use crate::view::{Output, node, orchestration, restores};
use crate::wire::admin::{ClusterStatus, Operation};
use jiff::Timestamp;

/// More warnings than this are only counted, the worst being the first.
const SHOWN_RISKS: usize = 20;

/// So many characters of a snapshot's id are shown.
const SHOWN_DIGITS: usize = 12;

/// The codes with which a master says that a node was removed or rejected, and that says it forgot it.
const PUT_OUT: &str = "EOS-J010";
const REJECTED: &str = "EOS-J011";
const FORGOTTEN: &str = "EOS-J041";

/// The whole status; `cluster` is missing when the master could not be asked.
pub fn text(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> String {
    let warnings = warnings(output, cluster, local);
    let health = worst(&warnings);
    let mut sections = vec![format!("{}\n", paint(output.color, tone(health), &health.to_string()))];
    if !warnings.is_empty() {
        sections.push(risks(output, &warnings));
    }
    sections.push(summary(output, cluster, local));
    if let Some(cluster) = cluster {
        sections.push(node::list(output, &cluster.nodes));
    }
    sections.extend(operations(output, cluster, local));
    let run = cluster.and_then(|cluster| cluster.orchestration.as_ref());
    sections.extend(run.and_then(|run| orchestration::text(output, run)));
    if let Some(cluster) = cluster {
        sections.extend(snapshots(output, cluster));
    }
    sections.join("\n")
}

fn tone(health: Health) -> Tone {
    match health {
        Health::Ok => Tone::Good,
        Health::Warning => Tone::Warning,
        Health::Error => Tone::Bad,
    }
}

fn risks(output: &Output, warnings: &[Warning]) -> String {
    let mut text: String = warnings.iter().take(SHOWN_RISKS).map(|warning| risk(output, warning)).collect();
    if let Some(more) = warnings.len().checked_sub(SHOWN_RISKS).filter(|more| *more > 0) {
        text.push_str(&format!(
            "  and {more} more: {} lists all\n",
            output.rooted("`eos status --output json`")
        ));
    }
    text
}

fn risk(output: &Output, warning: &Warning) -> String {
    let mark = if warning.level == Health::Error { "x " } else { "! " };
    let text = wrap(mark, &warning.text, output.width);
    // Coloured after the lines are broken: an escape has no width.
    let mut text = match text.strip_prefix(mark) {
        Some(rest) => format!("{}{rest}", paint(output.color, tone(warning.level), mark)),
        None => text,
    };
    for hint in &warning.hints {
        text.push_str(&format!("  hint: {}\n", clean(hint)));
    }
    text
}

fn summary(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> String {
    let mut rows = Vec::new();
    if let Some(cluster) = cluster {
        let nodes = counts(cluster);
        let (id, scale, generation) = (&cluster.cluster, cluster.scale, cluster.generation);
        rows.push(("cluster", format!("{id}, {nodes}, scale {scale}, generation {generation}")));
        rows.push(("master", format!("{}, eos {}", cluster.master, cluster.version)));
        // What a node shows that trusts on first use: a person compares the two.
        rows.push(("authority", cluster.authority.clone()));
    }
    rows.push(("this node", this_node(local)));
    if let Some(program) = &local.salt_call {
        rows.push(("states", format!("applied by {program}")));
    }
    for (name, state, _) in &local.services {
        rows.push(("service", format!("{name}: {state}")));
    }
    rows.extend(local.storage.iter().map(|mount| ("storage", storage(mount))));
    if !local.services_stopped.is_empty() {
        rows.push(("stopped", format!("{}, until there is room again", local.services_stopped.join(", "))));
    }
    rows.extend(local.restores.iter().map(|told| ("restored", restores::line(told))));
    fields(output.width, &rows)
}

/// `/srv: 81.5 % of the inodes, degraded, full in 3 h`.
fn storage(mount: &Watched) -> String {
    let of = if mount.decided_by == Resource::Inodes { " of the inodes" } else { "" };
    let full =
        mount.time_to_full_seconds.map(|left| format!(", full in {}", coarse(left.saturating_mul(1000))));
    let (path, full) = (mount.path.display(), full.unwrap_or_default());
    format!("{path}: {:.1} %{of}, {}{full}", mount.percent, mount.level)
}

/// `3 nodes, 1 pending`: the members, and who is on the way.
fn counts(cluster: &ClusterStatus) -> String {
    let count = |state: &str| cluster.nodes.iter().filter(|node| node.state == state).count();
    let active = count("active");
    let mut text = format!("{active} {}", plural(active, "node", "nodes"));
    for state in ["joining", "pending"] {
        if count(state) > 0 {
            text.push_str(&format!(", {} {state}", count(state)));
        }
    }
    text
}

fn this_node(local: &Local) -> String {
    let role = local.role.map_or("no role yet".to_owned(), |role| role.to_string());
    let generation = local.generation.map_or("none".to_owned(), |generation| generation.to_string());
    let refusal = local.master_error.as_ref().map(|failure| failure.code.as_str());
    let confirmed = match refusal {
        Some(PUT_OUT | REJECTED | FORGOTTEN) => "not a member any more",
        _ if local.confirmed => "confirmed",
        _ => "not confirmed",
    };
    format!("{}, {role}, generation {generation}, {confirmed}", local.name)
}

fn operations(output: &Output, cluster: Option<&ClusterStatus>, local: &Local) -> Option<String> {
    let join = |operation: &Operation| {
        [
            operation.what.clone(),
            operation.stage.clone(),
            precise(operation.age_ms),
            precise(operation.remaining_ms),
            operation.holder.clone(),
        ]
    };
    let here = local.operation.iter().map(|running| {
        let none = || "-".to_owned();
        [running.what.clone(), none(), precise(running.age_ms), none(), running.holder(local)]
    });
    let joins = cluster.into_iter().flat_map(|cluster| &cluster.operations).map(join);
    let rows: Vec<[String; 5]> = joins.chain(here).collect();
    let header = ["OPERATION", "STAGE", "FOR", "REMAINING", "HOLDER"];
    (!rows.is_empty()).then(|| table(output.width, header, &rows))
}

/// An id is cut to what tells it from the others: whole, it leaves no room for anything else in a line.
fn snapshots(output: &Output, cluster: &ClusterStatus) -> Option<String> {
    let rows: Vec<[String; 4]> = cluster
        .snapshots
        .iter()
        .map(|snapshot| {
            let made = snapshot.created_at.parse::<Timestamp>();
            let made = made.map_or_else(|_| snapshot.created_at.clone(), |made| format!("{made:.0}"));
            let id = snapshot.id.as_str().chars().take(SHOWN_DIGITS).collect();
            [id, snapshot.source.clone(), made, bytes(snapshot.bytes)]
        })
        .collect();
    let head = format!(
        "snapshots of the cluster's own state; {} has whole ids",
        output.rooted("`eos snapshot list`")
    );
    let table = table(output.width, ["ID", "SOURCE", "MADE", "SIZE"], &rows);
    (!rows.is_empty()).then(|| format!("{}{table}", wrap("", &head, output.width)))
}
