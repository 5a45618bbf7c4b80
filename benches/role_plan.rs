//! How long the roles of 10,000 nodes take to plan and check: from nothing, and when one node joins.

use criterion::{Criterion, criterion_group, criterion_main};
use eos::model::facts::Resources;
use eos::model::ids::NodeName;
use eos::model::role::Role;
use eos::roles::{Availability, PlanNode, RoleRules, plan};
use std::hint::black_box;

const NODES: u64 = 10_000;
const GIB: u64 = 1 << 30;

/// Nodes of mixed sizes from a fixed sequence, a third of them with a preference.
fn nodes() -> Vec<PlanNode> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let node = |order: u64| PlanNode {
        resources: Resources {
            cpus: 1 + next(64) as u32,
            memory_bytes: (1 + next(256)) * GIB,
            disk_bytes: (1 + next(8192)) * GIB,
            disk_free_bytes: 0,
        },
        preferred: Role::REQUESTABLE.get(next(12) as usize).copied(),
        availability: if next(100) == 0 { Availability::Failing } else { Availability::Available },
        ..PlanNode::new(NodeName::parse(&format!("node-{order:05}")).expect("a valid name"), order)
    };
    (0..NODES).map(node).collect()
}

fn role_plan(criterion: &mut Criterion) {
    let rules = RoleRules::default();
    let mut nodes = nodes();
    let mut group = criterion.benchmark_group("role plan of 10,000 nodes");
    group.sample_size(20);
    group.bench_function("from nothing", |bench| {
        bench.iter(|| plan(black_box(&nodes), &rules).expect("a sound plan"))
    });
    let first = plan(&nodes[1..], &rules).expect("a sound plan");
    for node in &mut nodes {
        node.current = first.role_of(&node.name);
    }
    group.bench_function("one node joins", |bench| {
        bench.iter(|| plan(black_box(&nodes), &rules).expect("a sound plan"))
    });
    // Each node asks for another role than the one it has: the longest chains.
    for (node, turn) in nodes.iter_mut().zip(0..) {
        let has = Role::REQUESTABLE.iter().position(|role| Some(*role) == node.current).unwrap_or(0);
        node.preferred = Some(Role::REQUESTABLE[(has + 1 + turn % 3) % 4]);
    }
    group.bench_function("every node wants another role", |bench| {
        bench.iter(|| plan(black_box(&nodes), &rules).expect("a sound plan"))
    });
    group.finish();
}

criterion_group!(benches, role_plan);
criterion_main!(benches);
