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
    Entry {
        code: "A006",
        title: "what is to be applied is for another node",
        cause: "The file names the node for which its agent wrote it, and this host is another node: it was one of \
             another cluster before, or somebody put the file there. Nothing was done, and the file is removed.",
        evidence: "eos status; what started it: journalctl -u eos-apply -n 50",
        remedy: "The agent of this node gives its own orders by itself. If it happens again, see who writes the file: \
             only root can.",
        retry: true,
    },
    Entry {
        code: "A010",
        title: "a program of Salt could not be run",
        cause: "salt-key or salt-run is missing beside salt-call, may not be run, or took longer than it may.",
        evidence: "The causes below the error; ls -l /usr/bin/salt-*",
        remedy: "Install the whole Salt master on this host, then look: salt-run --version. The agent tries again by \
             itself.",
        retry: true,
    },
    Entry {
        code: "A011",
        title: "the Salt master did not do what it was asked",
        cause: "salt-key or salt-run ended with an error, or its answer is not understood: the Salt master does not \
             run, has never run, or its configuration is wrong. The error has its words.",
        evidence: "salt-run manage.status; systemctl status salt-master",
        remedy: "Correct what it names, and start the Salt master: systemctl restart salt-master.",
        retry: true,
    },
    Entry {
        code: "A012",
        title: "the key of a minion does not wait at the Salt master",
        cause: "A node told the key of its minion, and the minion has not asked the Salt master yet, or cannot reach it.",
        evidence: "salt-key --list-all on the master's host; journalctl -u salt-minion on the node",
        remedy: "Let the node reach the two TCP ports of the Salt master, 4505 and 4506 unless configured, and have the \
             minion ask again: systemctl restart salt-minion.",
        retry: true,
    },
    Entry {
        code: "A013",
        title: "the Salt master has another key under the name of a node",
        cause: "Somebody else asked the Salt master under this name, or an earlier installation of the node is still \
             known there. No key is accepted for its name.",
        evidence: "salt-key --print NAME on the master's host; the node's own is in the audit log: eos audit list",
        remedy: "If nobody should be there with that key, delete it on the master's host: salt-key --delete NAME; to see \
             what is done then: eos audit list.",
        retry: true,
    },
    Entry {
        code: "A014",
        title: "a file for Salt could not be used",
        cause: "The agent writes below /run/eos and /var/lib/eos for Salt, and could not.",
        evidence: "ls -ld /run/eos /var/lib/eos; df /run /var/lib/eos",
        remedy: "Make room, or give the directory back to root: chown root: /run/eos. The agent tries again by itself.",
        retry: true,
    },
    Entry {
        code: "A015",
        title: "minions do not answer the Salt master",
        cause: "The agents of these nodes are there, and their minions are not: salt-minion was stopped, hangs, or cannot \
             reach the Salt master. The orchestration goes on without them, and these nodes are given their generation \
             when it is over.",
        evidence: "salt-run manage.down on the master's host; systemctl status salt-minion on the node; what waited for \
             them: eos status",
        remedy: "On the node: systemctl restart salt-minion. The next orchestration asks for it again.",
        retry: true,
    },
];
