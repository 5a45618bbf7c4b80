//! The errors of a node that hands out snapshots.

use super::Entry;

/// Codes `T160` and after.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "T160",
        title: "a snapshot was asked for without a certificate",
        cause: "The caller showed no certificate that this cluster's authority signed.",
        evidence: "journalctl -u eos-agent -n 50 on the node that was asked",
        remedy: "Ask with the certificate of a member; this makes the machine one: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T161",
        title: "a snapshot was asked for by somebody who is no member",
        cause: "The master does not know the caller, or has removed or rejected it, or the certificate is of \
             another cluster.",
        evidence: "eos node list",
        remedy: "If it shall be a member, on the master: eos node accept NAME.",
        retry: false,
    },
    Entry {
        code: "T162",
        title: "a source is for other roles",
        cause: "snapshot.sources in the master's configuration, or in that of the node that was asked, names the \
             roles that may have it, and the caller's is none of them.",
        evidence: "eos status; eos config show on the master and on the node that was asked",
        remedy: "Give the node one of these roles, on the master: eos role set NODE ROLE. Or change the roles of the \
             source in the master's cluster.yaml, which every agent follows within about a minute without a restart.",
        retry: false,
    },
    Entry {
        code: "T163",
        title: "a node does not hold a snapshot",
        cause: "It never had it, or has removed it since.",
        evidence: "eos snapshot list on that node",
        remedy: "On the master, see who holds what: eos snapshot list --cluster.",
        retry: false,
    },
    Entry {
        code: "T164",
        title: "a node serves enough pullers already",
        cause: "As many nodes pull from it as snapshot.pullers in its cluster.yaml allows; the place of one \
             that went away is free after 60 s.",
        evidence: "curl https://NODE:4506/metrics, eos_agent_snapshot_pullers",
        remedy: "Whoever pulls asks again by itself. If the node can do more, raise snapshot.pullers in its \
             cluster.yaml, then: systemctl restart eos-agent.",
        retry: true,
    },
    Entry {
        code: "T165",
        title: "a node cannot find out who asks it for a snapshot",
        cause: "It does not know the caller yet, and the master cannot be asked.",
        evidence: "eos status on the node that was asked",
        remedy: "Start the master again: systemctl start eos-master. Whoever pulls is served at its next try.",
        retry: true,
    },
    Entry {
        code: "T166",
        title: "a snapshot on a node cannot be read",
        cause: "Its manifest is damaged, or the disk fails.",
        evidence: "eos snapshot verify on that node; dmesg there",
        remedy: "See what is damaged on that node: eos snapshot verify. Then pull it from another one: eos snapshot pull ID --from NODE.",
        retry: false,
    },
    Entry {
        code: "T167",
        title: "no other node holds a snapshot",
        cause: "Only this node has it, or those who had it have removed it or left the cluster.",
        evidence: "eos snapshot list --cluster on the master",
        remedy: "Start the nodes that had it, and look again: eos snapshot list --cluster.",
        retry: false,
    },
    Entry {
        code: "T168",
        title: "a node that was named does not hold the snapshot",
        cause: "--from names a node, an id or an address that is none of the holders.",
        evidence: "the holders in the message",
        remedy: "Name one of the holders, or leave --from out: eos snapshot pull ID.",
        retry: false,
    },
    Entry {
        code: "T169",
        title: "a snapshot only says that it is the cluster's own state",
        cause: "The source of the snapshot is named cluster, and a node has signed it, not the master. The download \
             is gone.",
        evidence: "eos snapshot show ID on the node that holds it",
        remedy: "Remove it there, and find out how it came to be. The master's own is pulled with: \
             eos snapshot pull cluster --from master.",
        retry: false,
    },
    Entry {
        code: "T170",
        title: "a snapshot does not fit into one reply",
        cause: "It was asked for in one reply, and has more bytes than the caller takes in one.",
        evidence: "eos snapshot list --cluster on the master",
        remedy: "Whoever pulls goes on by ranges, as this does: eos snapshot pull ID.",
        retry: false,
    },
    Entry {
        code: "T171",
        title: "a request for a snapshot is malformed",
        cause: "What it gives as the id of a snapshot, the digest of a part or a number of bytes is none.",
        evidence: "the message, which says what is missing",
        remedy: "Ask for it as this does: eos snapshot pull ID.",
        retry: false,
    },
    Entry {
        code: "T172",
        title: "a node does not know which roles may have a source",
        cause: "Its own configuration, or the cluster's that it pulled, cannot be read.",
        evidence: "the causes below the error; eos config show on that node",
        remedy: "Correct its configuration: eos config show. The same command then goes on.",
        retry: true,
    },
];
