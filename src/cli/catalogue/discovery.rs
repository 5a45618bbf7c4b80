//! The errors of discovery.

use super::Entry;

/// Codes `D`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "D001",
        title: "no cluster answered",
        cause: "Nobody on the networks of this machine answered the queries by multicast: the interface lacks the \
             multicast flag, an address or a route; a firewall here or at the master drops UDP 4505; the network in \
             between carries no multicast; or there is no master. The error names the likeliest of them.",
        evidence: "the lines before the error, one for each interface and configured master; eos discover; ip \
             address show; ip maddress show; nft list ruleset",
        remedy: "Run the command of the hint and try again, or name the master: eos bootstrap --join-cluster \
             ADDRESS.",
        retry: true,
    },
    Entry {
        code: "D002",
        title: "several clusters answered",
        cause: "More than one cluster is on the network, or one cluster answers with two authorities or from two \
             masters, and nothing says which one is meant.",
        evidence: "eos discover",
        remedy: "Name the one that is meant: eos bootstrap --auto-discover --cluster-id ID. Two of the same id are \
             told apart by --ca-fingerprint, or by the master: eos bootstrap --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "D003",
        title: "other clusters answered than the one that was named",
        cause: "The cluster of --cluster-id, of the configuration or of the token is not among those that answered.",
        evidence: "eos discover; eos config show --origin (cluster.id, cluster.ca_fingerprint)",
        remedy: "Correct the id or the token, see that the cluster's master runs, or name it: eos bootstrap \
             --join-cluster ADDRESS.",
        retry: true,
    },
    Entry {
        code: "D004",
        title: "the name of a new cluster is taken",
        cause: "A cluster of the id that the new one would have answers on the network. Nodes that look for it would \
             find two.",
        evidence: "eos discover",
        remedy: "Join it: eos bootstrap --auto-discover --cluster-id ID. Or give the new one another cluster.id, or \
             found it all the same: eos bootstrap --new-cluster.",
        retry: false,
    },
    Entry {
        code: "D005",
        title: "a cluster speaks nothing that this eos speaks",
        cause: "The master's protocols, or its datagrams of discovery, have no version in common with this eos.",
        evidence: "eos --version on both; eos discover",
        remedy: "Install the master's version on this machine: ./install.sh.",
        retry: false,
    },
    Entry {
        code: "D006",
        title: "the machines elected no founder in time",
        cause: "With --expect N more than half of N machines have to be there and see each other before one of them \
             founds the cluster, and no master answered. The error says who is there and what is waited for.",
        evidence: "eos discover on each machine, which tells whether it is heard; the same --expect and the same \
             token on all of them; --timeout",
        remedy: "Start the machines that are missing and run the same command again: what was agreed on stays. Or \
             found the cluster on one of them by hand, eos bootstrap --single-node; the others join it.",
        retry: true,
    },
    Entry {
        code: "D007",
        title: "a copy of this machine takes part in the election",
        cause: "Another machine announces itself with the identity that this one drew when it first took part: the \
             disk of one was copied from the other after that.",
        evidence: "the name and the address in the error; /var/lib/eos/election.json on both",
        remedy: "On one of the two: eos reset, and the same eos bootstrap again. An image for many machines is one on which \
             no bootstrap ever ran.",
        retry: false,
    },
    Entry {
        code: "D008",
        title: "the record of an election is not readable",
        cause: "A later eos wrote /var/lib/eos/election.json, or something else did.",
        evidence: "cat /var/lib/eos/election.json; eos --version",
        remedy: "Use the eos that wrote it. Or forget that election on this machine, which then takes part as a new \
             one: eos reset.",
        retry: false,
    },
];
