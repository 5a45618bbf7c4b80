//! The errors of identity and trust.

use super::Entry;

/// Codes `I`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "I001",
        title: "a key or certificate could not be made",
        cause: "The library for certificates refused; this hardly happens outside of a defect or lack of \
             memory.",
        evidence: "the same command with -v; free -m",
        remedy: "Run it again with -v and report what it says.",
        retry: false,
    },
    Entry {
        code: "I002",
        title: "a key, certificate or file of identity is damaged",
        cause: "It is cut, empty or not in PEM.",
        evidence: "ls -l /var/lib/eos/identity; head -n 1 on the file",
        remedy: "Restore it from a backup, or give the node a new identity: eos reset && eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "I003",
        title: "TLS could not be set up",
        cause: "Key and certificate do not belong together, or are of a kind that is not supported.",
        evidence: "ls -l /var/lib/eos/identity; date",
        remedy: "Restore both files from the same backup, or give the node a new identity: eos reset && eos \
             bootstrap.",
        retry: false,
    },
    Entry {
        code: "I004",
        title: "a file of identity could not be used",
        cause: "It is missing, or its owner or mode is wrong: keys are for the user eos alone.",
        evidence: "ls -l /var/lib/eos/identity; df -h /var/lib/eos",
        remedy: "Correct owner and mode (chown eos, chmod 600), then run the same command again.",
        retry: false,
    },
    Entry {
        code: "I010",
        title: "a text is not a token",
        cause: "It does not begin with eos1., or a part of it has a wrong form; it may be a token's number \
             instead of the token.",
        evidence: "eos token list on the master",
        remedy: "Make one on the master and copy it whole: eos token create.",
        retry: false,
    },
    Entry {
        code: "I011",
        title: "a token is damaged",
        cause: "Its checksum does not fit: it was cut or changed while copying, for instance by a line \
             break.",
        evidence: "The error counts the characters",
        remedy: "Copy it whole, or put it into a file: --token-file FILE.",
        retry: false,
    },
    Entry {
        code: "I012",
        title: "the master has another certificate authority than expected",
        cause: "The token or fingerprint is of another cluster, the master was bootstrapped anew, or \
             someone answers in its place.",
        evidence: "eos status on the master shows its fingerprint",
        remedy: "Compare the fingerprints by another way; if the cluster is new, make a token there: eos \
             token create.",
        retry: false,
    },
    Entry {
        code: "I013",
        title: "the master's certificate is not signed by its authority",
        cause: "The answer was put together from two sources, which an honest master never does.",
        evidence: "eos status on the master shows its fingerprint",
        remedy: "Make sure that you reach the real master (ip route get ADDRESS), then join again.",
        retry: false,
    },
    Entry {
        code: "I014",
        title: "the master does not know the token's secret",
        cause: "It is not the master that the token was made for, so it is not trusted with anything.",
        evidence: "eos token list on the master",
        remedy: "Join the right address, or make a token on this master: eos token create.",
        retry: false,
    },
    Entry {
        code: "I015",
        title: "a signature does not verify",
        cause: "What was signed changed afterwards, on the way or on disk, or another cluster signed it.",
        evidence: "eos snapshot verify",
        remedy: "Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "I030",
        title: "the membership file is damaged",
        cause: "Something else than eos changed /var/lib/eos/membership.json; eos replaces it whole.",
        evidence: "cat /var/lib/eos/membership.json",
        remedy: "Restore it from a backup, or join again: eos reset && eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "I031",
        title: "a later eos wrote the membership file",
        cause: "This machine was used with a later version of eos, whose format this one does not know.",
        evidence: "head -n 3 /var/lib/eos/membership.json; eos --version",
        remedy: "Use the eos that wrote it, or a later one: ./install.sh.",
        retry: false,
    },
    Entry {
        code: "I032",
        title: "the record of the node's machine is not readable",
        cause: "A later eos wrote /var/lib/eos/machine.json, or something else changed it.",
        evidence: "cat /var/lib/eos/machine.json; eos --version",
        remedy: "If this is the node's own machine, write it anew: eos identity keep.",
        retry: false,
    },
    Entry {
        code: "I033",
        title: "the node got its identity on another machine",
        cause: "The disk, or an image of it that was made after the node had joined, runs in another machine: neither \
             its hardware id nor any of its network cards is that of the machine on which the node joined, or it is \
             a container with a machine-id of its own. While the first one runs, both would speak as one node.",
        evidence: "eos identity show; cat /var/lib/eos/machine.json",
        remedy: "If it is a copy and the machine that it was made of goes on: eos identity new, then join. If this \
             machine takes the place of that one for good, as after a repair: eos identity keep.",
        retry: false,
    },
    Entry {
        code: "I034",
        title: "the node's address is gone from its machine",
        cause: "DHCP gave the machine another address, an interface was taken out, or it is down without its addresses. \
             The node reaches nobody from an address that it does not have, and others look for it there.",
        evidence: "ip address show; eos status",
        remedy: "Run eos bootstrap: the node takes the address that leads to the master now, or the one named with \
             --advertise-address, and the master hears of it. The master's own address cannot change that way, since \
             all members know it: give it back to an interface, and reserve it where addresses are given out.",
        retry: false,
    },
];
