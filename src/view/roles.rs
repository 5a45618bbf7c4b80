//! What a plan changes, has changed or would change of the roles, and why.

use crate::model::role::Role;
use crate::view::paragraph::clean;
use crate::view::table::table;
use crate::view::units::plural;
use crate::wire::admin::{PlannedRole, PlannedRoles};

/// More warnings than this are only counted.
const SHOWN_WARNINGS: usize = 10;

/// What has become of the plan that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// It was only thought out.
    Would,
    /// It waits for a node to confirm.
    Will,
    /// It is in force.
    Did,
}

/// The plan: the nodes that change, those that stay, and what the planner had to give up.
pub fn text(tense: Tense, plan: &PlannedRoles) -> String {
    let (changed, same): (Vec<&PlannedRole>, Vec<&PlannedRole>) =
        plan.changes.iter().partition(|change| change.from != change.to);
    let count = match changed.len() {
        0 => "no role".to_owned(),
        count => format!("{count} {}", plural(count, "role", "roles")),
    };
    let verb = match tense {
        Tense::Would => "would change",
        Tense::Will => "will change",
        Tense::Did => "changed",
    };
    let mut text = format!("scale {}: {count} {verb}\n", plan.scale);
    for (title, rows) in [("changes", changed), ("stay", same)] {
        if !rows.is_empty() {
            let rows: Vec<[String; 3]> = rows.into_iter().map(row).collect();
            text.push_str(&format!("\n{title}\n"));
            text.push_str(&table(usize::MAX, ["NODE", "ROLE", "REASON"], &rows));
        }
    }
    text.push_str(&warnings(&plan.warnings));
    text
}

fn row(change: &PlannedRole) -> [String; 3] {
    let name = |role: Option<Role>, none: &str| role.map_or(none.to_owned(), |role| role.to_string());
    let roles = match (change.from, change.to) {
        (from, to) if from == to => name(to, "none"),
        (from, to) => format!("{} -> {}", name(from, "new"), name(to, "leaves")),
    };
    [change.node.to_string(), roles, change.reason.clone()]
}

fn warnings(warnings: &[String]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let mut text = "\nwarnings\n".to_owned();
    for warning in warnings.iter().take(SHOWN_WARNINGS) {
        text.push_str(&format!("! {}\n", clean(warning)));
    }
    if let Some(more) = warnings.len().checked_sub(SHOWN_WARNINGS).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scale::Scale;
    use crate::view::samples;

    fn change(node: &str, from: Option<Role>, to: Option<Role>, reason: &str) -> PlannedRole {
        PlannedRole { node: samples::name(node), from, to, reason: reason.to_owned() }
    }

    #[test]
    fn changes_come_before_what_stays_and_have_a_reason() {
        let plan = PlannedRoles {
            changes: vec![
                change("node1", Some(Role::Monolith), Some(Role::Edge), "two nodes share the work"),
                change("node2", None, Some(Role::Core), "it asked for it"),
                change("node3", Some(Role::Data), Some(Role::Data), "it has it"),
                change("node4", Some(Role::Compute), None, "it leaves"),
            ],
            warnings: vec!["node3 asked for edge".to_owned()],
            scale: Scale::Small,
        };
        assert_eq!(
            text(Tense::Would, &plan),
            "\
scale small: 3 roles would change

changes
NODE   ROLE               REASON
node1  monolith -> edge   two nodes share the work
node2  new -> core        it asked for it
node4  compute -> leaves  it leaves

stay
NODE   ROLE  REASON
node3  data  it has it

warnings
! node3 asked for edge
"
        );
    }

    #[test]
    fn ten_warnings_are_shown_and_the_rest_is_counted() {
        let plan = |count: usize| PlannedRoles {
            changes: Vec::new(),
            warnings: (1..=count).map(|number| format!("warning {number}")).collect(),
            scale: Scale::Medium,
        };
        assert!(text(Tense::Would, &plan(12)).ends_with("! warning 10\n  and 2 more\n"));
        assert!(text(Tense::Would, &plan(10)).ends_with("! warning 9\n! warning 10\n"));
        assert_eq!(text(Tense::Would, &plan(0)), "scale medium: no role would change\n");
    }

    #[test]
    fn what_was_done_is_told_from_what_would_be() {
        let plan = PlannedRoles {
            changes: vec![change("node2", Some(Role::Core), Some(Role::Data), "set by the operator")],
            warnings: Vec::new(),
            scale: Scale::Small,
        };
        for (tense, head) in [
            (Tense::Would, "scale small: 1 role would change\n"),
            (Tense::Will, "scale small: 1 role will change\n"),
            (Tense::Did, "scale small: 1 role changed\n"),
        ] {
            assert!(text(tense, &plan).starts_with(head), "{}", text(tense, &plan));
        }
    }
}
