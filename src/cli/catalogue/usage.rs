//! The errors of usage.

use super::Entry;

/// Codes `U`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "U001",
        title: "eos itself failed",
        cause: "A part of eos panicked. This is a defect; the operation that ran is journalled and can be \
             finished or undone. Exit status 1 when nothing was left unfinished, 6 otherwise.",
        evidence: "eos status; eos checkpoint list; the output of the same command with -vv",
        remedy: "Report it with that output; then run the same command again, which resumes, or undo it: \
             eos rollback.",
        retry: false,
    },
    Entry {
        code: "U002",
        title: "the command line is wrong",
        cause: "An argument is misspelled, missing, or contradicts another one.",
        evidence: "eos --help; the help of the command itself, with --help after its name",
        remedy: "Correct the command; completions help: eos completions bash.",
        retry: false,
    },
    Entry {
        code: "U003",
        title: "the root cannot be used",
        cause: "The directory given with --root does not exist, is no directory, or is not readable.",
        evidence: "ls -ld DIR",
        remedy: "Make it (mkdir -p DIR), or name another one with --root.",
        retry: false,
    },
    Entry {
        code: "U004",
        title: "the program could not start its threads",
        cause: "The limit of processes or the memory of this user or container is used up.",
        evidence: "ulimit -u; cat /sys/fs/cgroup/pids.max; free -m",
        remedy: "Raise the limit (ulimit -u), or end what uses it up, then run the same command again.",
        retry: true,
    },
    Entry {
        code: "U005",
        title: "this host belongs to another cluster",
        cause: "It is a member already, and eos never moves a node silently.",
        evidence: "eos status",
        remedy: "To leave the old cluster first: eos reset. Then join the new one: eos bootstrap \
             --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "U006",
        title: "the command is for the master's host",
        cause: "Only there is the key of the operator, which such a command needs.",
        evidence: "eos status shows where the master is",
        remedy: "Log in there and run it as root, or send it: ssh MASTER eos COMMAND.",
        retry: false,
    },
    Entry {
        code: "U007",
        title: "the master's name has no address",
        cause: "The name is misspelled, or the name service does not know it or does not answer.",
        evidence: "getent hosts NAME; cat /etc/resolv.conf",
        remedy: "Correct the name, or give the address itself: eos bootstrap --join-cluster ADDRESS.",
        retry: true,
    },
    Entry {
        code: "U008",
        title: "the token file cannot be used",
        cause: "It is missing, empty, holds more than one token, or others may read it.",
        evidence: "ls -l FILE",
        remedy: "Put the token alone into the file and make it private: chmod 600 FILE.",
        retry: false,
    },
    Entry {
        code: "U010",
        title: "there is no such checkpoint",
        cause: "The id is misspelled, or the checkpoint is no longer kept.",
        evidence: "eos checkpoint list",
        remedy: "Use an id of the list: eos rollback --to ID.",
        retry: false,
    },
    Entry {
        code: "U011",
        title: "the audit log was changed",
        cause: "A line does not follow from the one before it: the file was edited, cut or damaged.",
        evidence: "The named line of /var/lib/eos/master/audit.jsonl; ls -l /var/lib/eos/master",
        remedy: "Keep a copy (cp -a /var/lib/eos/master /root) and compare it with a backup to find out \
             what is missing.",
        retry: false,
    },
    Entry {
        code: "U012",
        title: "differences to the state before bootstrap are left",
        cause: "Something that eos made was changed by someone else afterwards, so it was kept, or could \
             not be removed.",
        evidence: "ls -ld on the named path; eos reset --verify lists them all",
        remedy: "Look at each; what nobody needs is removed by hand with rm. Then: eos reset --verify.",
        retry: false,
    },
    Entry {
        code: "U013",
        title: "interrupted",
        cause: "Ctrl-C or a signal ended the command; what it began is journalled.",
        evidence: "eos status; eos checkpoint list",
        remedy: "Run the same command again to go on, or undo it: eos rollback.",
        retry: false,
    },
    Entry {
        code: "U014",
        title: "the only master of other nodes would go",
        cause: "eos reset, or eos rollback of the bootstrap, was asked for on the master's host while other \
             nodes are members: they would be left without a master, and their certificates with it.",
        evidence: "eos node list",
        remedy: "Run eos reset on the other nodes first; or give the cluster up: eos reset --force.",
        retry: false,
    },
    Entry {
        code: "U015",
        title: "the configuration that was named is not there",
        cause: "The file given with --config does not exist.",
        evidence: "ls -l FILE",
        remedy: "Correct the name, or leave --config away: then /etc/eos/cluster.yaml is read if it is there.",
        retry: false,
    },
    Entry {
        code: "U016",
        title: "the directory to write into is not there",
        cause: "The directory that was named does not exist, or is a file.",
        evidence: "ls -ld DIR",
        remedy: "Make it: mkdir -p DIR.",
        retry: false,
    },
    Entry {
        code: "U020",
        title: "the token is of a cluster that exists",
        cause: "A first node was asked for (--single-node) together with a token that pins the authority of \
             another cluster; a new cluster has an authority of its own.",
        evidence: "eos status on the master shows its authority; the second part of the token names one, \
             or any",
        remedy: "Join that cluster: eos bootstrap --join-cluster ADDRESS; or give a new cluster a pre-shared \
             token: eos token generate.",
        retry: false,
    },
    Entry {
        code: "U022",
        title: "an election needs a token that all its machines have",
        cause: "With --expect the machines know each other, and the cluster that one of them founds, by a token that \
             was made before there is a cluster; none was given.",
        evidence: "the command line, EOS_TOKEN, and node.token_file: eos config show --origin",
        remedy: "Make one on any machine with eos token generate, put it into the same file on all of them, and name \
             it: eos bootstrap --auto-discover --expect N --token-file FILE.",
        retry: false,
    },
    Entry {
        code: "U023",
        title: "a node that is no copy keeps its identity",
        cause: "A new identity is for a machine whose disk was copied from a node's. This one is the machine on which the \
             node joined, and its master hears nobody else speak as it.",
        evidence: "eos identity show; eos node show NODE on the master",
        remedy: "To take the node out of its cluster, eos reset, which tells the master. If it is a copy all the same, \
             which nothing here can tell: eos identity new --force.",
        retry: false,
    },
    Entry {
        code: "U030",
        title: "the configuration has no such source of snapshots",
        cause: "The name is none of snapshot.sources, or the snapshot is of a source that this node has not.",
        evidence: "eos config show --origin",
        remedy: "Name one that there is, add it to snapshot.sources in /etc/eos/cluster.yaml, or restore the \
             snapshot to another place: eos snapshot restore ID --into DIR.",
        retry: false,
    },
    Entry {
        code: "U031",
        title: "there is no snapshot of a source",
        cause: "None was made yet, or none is held where it was looked for.",
        evidence: "eos snapshot list",
        remedy: "Look on the nodes that make it: eos snapshot list there.",
        retry: false,
    },
    Entry {
        code: "U032",
        title: "a node that was named does not hold the snapshot",
        cause: "--from names a node or an address that the master does not know as a holder of it.",
        evidence: "eos snapshot list on that node",
        remedy: "Name one of those that the error lists, or leave --from out: eos snapshot restore SOURCE.",
        retry: false,
    },
    Entry {
        code: "U033",
        title: "the tree from before a restore is needed by a join",
        cause: "This node joined, which restored the source, and the join is not confirmed: if it is undone, what was \
             there before has to return.",
        evidence: "eos status; eos checkpoint list",
        remedy: "Let the join end: eos bootstrap. Or undo it: eos rollback. Then free it: eos snapshot prune \
             --previous SOURCE.",
        retry: true,
    },
    Entry {
        code: "U090",
        title: "there is no such error code",
        cause: "It is misspelled, or from another version of eos.",
        evidence: "eos --version",
        remedy: "A code is a letter and three digits: eos explain EOS-J003.",
        retry: false,
    },
];
