//! The errors of joining.

use super::Entry;

/// Codes `J`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "J001",
        title: "the versions of the node and the master do not meet",
        cause: "Their protocols have no version in common: one of them is much older.",
        evidence: "eos --version on both",
        remedy: "Install the master's version on this machine: ./install.sh.",
        retry: false,
    },
    Entry {
        code: "J002",
        title: "a token is not valid for this cluster",
        cause: "It was made by another cluster, or its number was never given out by this master.",
        evidence: "eos token list on the master",
        remedy: "Make a new one on the master: eos token create.",
        retry: false,
    },
    Entry {
        code: "J003",
        title: "a token expired",
        cause: "Tokens live for a limited time, and this one is past it; a clock that is off has the same \
             effect.",
        evidence: "eos token list on the master; date -u on both",
        remedy: "Make a new one on the master: eos token create.",
        retry: false,
    },
    Entry {
        code: "J004",
        title: "a token was revoked",
        cause: "The operator took it back.",
        evidence: "eos token list on the master",
        remedy: "Ask for a new one; on the master: eos token create.",
        retry: false,
    },
    Entry {
        code: "J005",
        title: "a token was used up",
        cause: "It was made for a number of nodes, and as many have joined with it.",
        evidence: "eos token list on the master",
        remedy: "Make a new one on the master, with as many uses as there are nodes: eos token create.",
        retry: false,
    },
    Entry {
        code: "J006",
        title: "a token does not admit the role",
        cause: "It was made for one role, and another was asked for.",
        evidence: "eos token list on the master",
        remedy: "Ask for the token's role with --preferred-role, or make another token: eos token create.",
        retry: false,
    },
    Entry {
        code: "J007",
        title: "the name of the node is taken",
        cause: "Another node of the cluster has this name, or this machine was reinstalled and its old self \
             is still listed.",
        evidence: "eos node list on the master",
        remedy: "Join under another name with --node-name NAME, or remove the old one on the master: eos \
             node remove NAME.",
        retry: false,
    },
    Entry {
        code: "J008",
        title: "this machine is a clone of another node",
        cause: "Both have the same machine-id: the disk or image was copied after its first boot.",
        evidence: "cat /etc/machine-id on both",
        remedy: "Give this machine an id of its own: rm /etc/machine-id && systemd-machine-id-setup; then \
             join.",
        retry: false,
    },
    Entry {
        code: "J009",
        title: "a challenge is too old",
        cause: "The node answered too late, or the master restarted in between.",
        evidence: "journalctl -u eos-master -n 50 on the master",
        remedy: "Run the same command again: eos bootstrap.",
        retry: true,
    },
    Entry {
        code: "J010",
        title: "the node was removed from the cluster",
        cause: "An operator took it out, and a removed node does not come back by itself.",
        evidence: "eos node list on the master",
        remedy: "Let it back in on the master (eos node accept NAME), or join anew: eos reset && eos \
             bootstrap --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "J011",
        title: "the node was rejected",
        cause: "An operator refused its request to join.",
        evidence: "eos node list on the master",
        remedy: "Let it in on the master: eos node accept NAME.",
        retry: false,
    },
    Entry {
        code: "J012",
        title: "too many nodes wait for the operator",
        cause: "Nodes without a token wait until somebody decides; so many wait already that no more are \
             remembered, in all or from this address.",
        evidence: "eos node list on the master",
        remedy: "Decide on them (eos node accept NAME, eos node reject NAME), or give the new ones a token: \
             eos token create.",
        retry: true,
    },
    Entry {
        code: "J013",
        title: "a text of the registration is too long",
        cause: "The machine-id, the hardware id, the boot id or the version is longer than any machine's.",
        evidence: "wc -c /etc/machine-id; cat /sys/class/dmi/id/product_uuid",
        remedy: "Correct it (systemd-machine-id-setup), then repeat the command.",
        retry: false,
    },
    Entry {
        code: "J014",
        title: "the master is busy with other nodes that want to join",
        cause: "It serves so many strangers at a time, so that they do not hold up the members; more wait, \
             and not for long. Who has no turn by then is given a slot behind all others that were given one.",
        evidence: "eos node list; journalctl -u eos-master -n 50 on the master",
        remedy: "Run the same command again a little later: eos bootstrap.",
        retry: true,
    },
    Entry {
        code: "J015",
        title: "another machine speaks as the same node",
        cause: "Two agents ask by turns with the key of one node, so two machines have it: the disk of one was copied \
             from the other's. The one that was heard first keeps the place; this is the other.",
        evidence: "eos status and eos audit list on the master; eos identity show on both machines",
        remedy: "On the copy: eos identity new, then join. If the one that keeps the place is the copy, do it there; this \
             one is believed as soon as that is silent.",
        retry: false,
    },
    Entry {
        code: "J020",
        title: "the master did not answer in time",
        cause: "Packets are dropped by a firewall, the address is wrong, the master is overloaded, or a part of the way has \
             a smaller MTU and says so to nobody: then connections open, and nothing large arrives.",
        evidence: "nc -vz ADDRESS PORT; ping -c 3 -M do -s 1400 ADDRESS; ip route get ADDRESS; eos status on the master",
        remedy: "Open the port, correct the address, or set the MTU of that way on both sides (ip link set dev INTERFACE \
             mtu 1400), then run the same command again: eos bootstrap.",
        retry: true,
    },
    Entry {
        code: "J021",
        title: "the master could not be reached",
        cause: "Nothing listens at that address and port, or there is no way to it.",
        evidence: "ss -ltn on the master; ip route get ADDRESS here",
        remedy: "Start the master there (systemctl start eos-master), then run the same command again.",
        retry: true,
    },
    Entry {
        code: "J022",
        title: "the answering host is not believed",
        cause: "Its certificate is not of the cluster's authority, or one of the clocks is far off.",
        evidence: "date -u on both; eos status on the master",
        remedy: "Set the clock right. If this machine belongs to another cluster: eos reset, then join.",
        retry: false,
    },
    Entry {
        code: "J023",
        title: "the answering host is not a master of eos",
        cause: "Another service listens at that address and port.",
        evidence: "ss -ltnp on that host",
        remedy: "Give the master's own address and port: eos bootstrap --join-cluster ADDRESS:PORT.",
        retry: false,
    },
    Entry {
        code: "J024",
        title: "the connection could not be set up with this node's identity",
        cause: "Its key, certificate or the trusted authority is missing or damaged.",
        evidence: "ls -l /var/lib/eos/identity",
        remedy: "Restore them from a backup, or give the node a new identity: eos reset && eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "J026",
        title: "the master refused the request",
        cause: "The master's own error, with its own code and hints, is shown in its place.",
        evidence: "journalctl -u eos-master -n 50 on the master",
        remedy: "Follow the hints; look the master's code up: eos explain CODE.",
        retry: false,
    },
    Entry {
        code: "J027",
        title: "the answer is longer than such an answer is",
        cause: "Something else than a master of eos listens at that address, or means harm; no more was read.",
        evidence: "ss -ltnp on that host; eos status on the master",
        remedy: "Give the master's own address and port: eos bootstrap --join-cluster ADDRESS:PORT.",
        retry: false,
    },
    Entry {
        code: "J030",
        title: "this host is not a member of a cluster",
        cause: "The command needs a membership, and /var/lib/eos/membership.json is not there.",
        evidence: "eos status; ls -l /var/lib/eos/membership.json",
        remedy: "Make it a member: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "J031",
        title: "nobody accepted the node in time",
        cause: "It asked to join without a token, and no operator decided while it waited.",
        evidence: "eos node list on the master; compare the key that the error shows",
        remedy: "Run the same command again, and accept it on the master while it waits: eos node accept NAME.",
        retry: false,
    },
    Entry {
        code: "J032",
        title: "interrupted while waiting for the master's decision",
        cause: "Ctrl-C or a signal ended the wait; the request was withdrawn from the master.",
        evidence: "eos node list on the master",
        remedy: "Run the same command again.",
        retry: true,
    },
    Entry {
        code: "J040",
        title: "the master is of another cluster than the one that was named",
        cause: "--cluster-id, EOS_CLUSTER_ID or cluster.id in cluster.yaml names one cluster, and the master at the \
             given address is of another one. Nothing was changed.",
        evidence: "eos config show --origin; eos status on the master",
        remedy: "Name a master of the cluster that is meant (--join-cluster ADDRESS), or correct the id.",
        retry: false,
    },
    Entry {
        code: "J041",
        title: "the master does not know this member any more",
        cause: "This host has the files of a member, and the master has no record of it: it left or was forgotten \
             while this host was away, or the master's state was restored from before it joined.",
        evidence: "eos node list and eos audit verify on the master",
        remedy: "Leave what is left and join again: eos reset, then eos bootstrap --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "J042",
        title: "the time of the whole bootstrap was over before a step",
        cause: "The steps before it took longer than --timeout; everything was undone.",
        evidence: "the times of the steps: the same command with -v",
        remedy: "Give it more time: --timeout 10m.",
        retry: true,
    },
];
