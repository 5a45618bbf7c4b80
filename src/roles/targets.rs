//! How many nodes of each role are wanted in a cluster of a given size.

use super::input::{RoleRules, Target};
use crate::model::role::Role;
use crate::model::scale::Scale;

/// Nodes by role, in the order of [`Role::REQUESTABLE`].
pub(super) type Counts = [u64; 4];

/// The wanted counts; their sum is `nodes` from two nodes on, and a monolith needs no table.
///
/// Seats are handed out one at a time and a seat once given does not depend on the size, so that one
/// more node is one more seat for one role. Counts come first, in the order edge, core, data, compute;
/// each further seat goes to the share with the largest `share / (2 * seats + 1)`, the first of equals.
pub(super) fn wanted(nodes: usize, rules: &RoleRules) -> Counts {
    let table = match Scale::of(nodes) {
        Scale::Single => return [0; 4],
        Scale::Small => return [1, 1, u64::from(nodes == 3), 0],
        Scale::Medium => &rules.targets.medium,
        Scale::Distributed => &rules.targets.distributed,
    };
    let mut left = nodes as u64;
    let mut counts = [0; 4];
    let mut shares = [None; 4];
    for (index, (_, target)) in table.by_role().into_iter().enumerate() {
        match target {
            Some(Target::Count(count)) => {
                counts[index] = u64::from(count).min(left);
                left -= counts[index];
            }
            Some(Target::Share(percent)) if percent > 0 => shares[index] = Some(u64::from(percent)),
            _ => {}
        }
    }
    for _ in 0..left {
        let next = next_share(&shares, &counts);
        counts[next] += 1;
    }
    counts
}

/// The share that gets the next seat.
fn next_share(shares: &[Option<u64>; 4], counts: &Counts) -> usize {
    let mut best: Option<(usize, u64, u64)> = None;
    for (index, share) in shares.iter().enumerate() {
        let Some(share) = *share else { continue };
        let divisor = 2 * counts[index] + 1;
        if best.is_none_or(|(_, other, other_divisor)| share * other_divisor > other * divisor) {
            best = Some((index, share, divisor));
        }
    }
    best.expect("validated rules have a share wherever the counts leave nodes").0
}

/// What the table states as a count, where the cluster is too small for it: role, stated, given.
pub(super) fn cut_counts(nodes: usize, rules: &RoleRules) -> Vec<(Role, u64, u64)> {
    let table = match Scale::of(nodes) {
        Scale::Single | Scale::Small => return Vec::new(),
        Scale::Medium => &rules.targets.medium,
        Scale::Distributed => &rules.targets.distributed,
    };
    let given = wanted(nodes, rules);
    let stated = table.by_role().into_iter().zip(given);
    stated
        .filter_map(|((role, target), given)| match target {
            Some(Target::Count(count)) if u64::from(count) > given => Some((role, u64::from(count), given)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_targets_grow_by_one_seat_for_each_node() {
        let rules = RoleRules::default();
        let expected = [[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 2, 0], [1, 1, 2, 1], [1, 1, 3, 1], [1, 1, 4, 1]];
        for (nodes, counts) in (2..).zip(expected) {
            assert_eq!(wanted(nodes, &rules), counts, "{nodes} nodes");
        }
        for nodes in 2..300 {
            let (now, next) = (wanted(nodes, &rules), wanted(nodes + 1, &rules));
            assert_eq!(now.iter().sum::<u64>(), nodes as u64);
            assert!(now.iter().zip(next).all(|(now, next)| *now <= next), "{nodes}: {now:?} {next:?}");
        }
        assert_eq!(wanted(100, &rules), [10, 20, 50, 20]);
    }

    #[test]
    fn counts_that_exceed_the_cluster_are_filled_in_order_and_reported() {
        let mut rules = RoleRules::default();
        rules.targets.distributed.edge = Some(Target::Count(4));
        rules.targets.distributed.core = Some(Target::Count(5));
        assert_eq!(wanted(7, &rules), [4, 3, 0, 0]);
        assert_eq!(cut_counts(7, &rules), [(Role::Core, 5, 3)]);
        assert_eq!(cut_counts(9, &rules), []);
    }
}
