//! The errors of the agent.

use super::Entry;

/// Codes `A`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "A001",
        title: "the agent runs on a host that is no member",
        cause: "The agent was started by hand, or its unit stayed behind after a reset; there is no \
             membership in /var/lib/eos/membership.json.",
        evidence: "ls -l /var/lib/eos/membership.json; eos status",
        remedy: "Make the host a member: eos bootstrap. If it should not be one, take the unit away: eos \
             reset.",
        retry: false,
    },
    Entry {
        code: "A002",
        title: "the agent's identity cannot be used",
        cause: "The node's key or certificate under /var/lib/eos/identity is missing, damaged, expired or \
             unreadable for the user eos.",
        evidence: "The causes below the error name the file; ls -l /var/lib/eos/identity",
        remedy: "Put the files back from a backup, or give the node a new identity: eos reset && eos \
             bootstrap --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "A003",
        title: "the agent cannot listen on its address",
        cause: "Another process holds the port, or the advertised address is no longer on an interface of \
             this machine.",
        evidence: "ss -ltnp; ip address show",
        remedy: "End the other process, or put the address back and restart: systemctl restart eos-agent.",
        retry: true,
    },
];
