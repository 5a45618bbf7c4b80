//! The errors of roles.

use super::Entry;

/// Codes `R`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "R001",
        title: "there is no node to plan for",
        cause: "The cluster or the file has no node that can have a role.",
        evidence: "eos node list",
        remedy: "Let a node join first: eos bootstrap --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "R002",
        title: "two nodes have one name",
        cause: "The input of the plan lists a name twice.",
        evidence: "eos node list",
        remedy: "Rename one of them in the file, or remove the stale one: eos node remove NAME.",
        retry: false,
    },
    Entry {
        code: "R003",
        title: "two nodes have one id",
        cause: "An entry was copied together with its id.",
        evidence: "eos node show NAME for both",
        remedy: "Give each its own entry, or remove the copy: eos node remove NAME.",
        retry: false,
    },
    Entry {
        code: "R004",
        title: "a node asks for the role monolith",
        cause: "Only the single node of a cluster is a monolith, and it becomes one by itself.",
        evidence: "eos node show NAME",
        remedy: "Ask for edge, core, data or compute: eos role set NODE ROLE.",
        retry: false,
    },
    Entry {
        code: "R005",
        title: "the shares of roles do not add up to 100 %",
        cause: "The targets of the named scale in cluster.yaml were changed in part.",
        evidence: "eos config show --origin",
        remedy: "Correct cluster.roles.targets in /etc/eos/cluster.yaml, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "R006",
        title: "the role targets leave nodes without a share",
        cause: "They count nodes one by one and say nothing about those beyond the count.",
        evidence: "eos config show --origin",
        remedy: "Give one role a share (data: 100%) in cluster.roles.targets, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "R007",
        title: "a node to take out is not in the cluster",
        cause: "The name is misspelled, or it has left already.",
        evidence: "eos node list",
        remedy: "Use a name of the list.",
        retry: false,
    },
    Entry {
        code: "R008",
        title: "a node to add is in the cluster already",
        cause: "The simulation would count it twice.",
        evidence: "eos node list",
        remedy: "Use another name.",
        retry: false,
    },
    Entry {
        code: "R009",
        title: "a file of nodes has an unknown version",
        cause: "It was written for another eos.",
        evidence: "head -n 5 on the file; eos --version",
        remedy: "Write version: 1; eos role plan --help shows the form.",
        retry: false,
    },
    Entry {
        code: "R010",
        title: "a role plan failed its own check",
        cause: "The planner and its independent checker disagree. This is a defect of eos; no role was \
             changed.",
        evidence: "eos role plan --output json",
        remedy: "Report it with that output; until then set roles by hand: eos role set NODE ROLE.",
        retry: false,
    },
];
