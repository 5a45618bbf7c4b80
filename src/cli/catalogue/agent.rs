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
    Entry {
        code: "A004",
        title: "what is to be applied for the agent is not believed",
        cause: "An order in /run/eos/order.json, or the answer in answer.json beside it, is not a file that root \
             alone may read, or it is damaged, of a later eos, or for another node. The agent writes the one and \
             eos-apply.service the other; nobody else has to.",
        evidence: "ls -ld /run/eos; ls -l /run/eos; journalctl -u eos-apply -n 50",
        remedy: "Find out who wrote there. The file is removed, and the agent gives its order again by itself. After an \
             upgrade, start both with the same program: eos bootstrap && systemctl restart eos-agent.",
        retry: true,
    },
    Entry {
        code: "A005",
        title: "eos-apply.service died while it applied states for the agent",
        cause: "The unit was killed, by a person or because the machine had no memory left, or systemd could not start \
             it. What it had begun is undone before the agent has it tried again, which happens by itself, later each \
             time.",
        evidence: "systemctl status eos-apply; journalctl -u eos-apply -n 50; journalctl -k -n 50",
        remedy: "If it happens again and again, apply the states by hand to see which one it is: eos state apply. If \
             the unit is missing, have it written: eos bootstrap.",
        retry: true,
    },
];
