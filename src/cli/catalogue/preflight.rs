//! The errors of preflight.

use super::Entry;

/// Codes `P`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "P001",
        title: "an address is not one of this machine",
        cause: "--advertise-address, or the configuration, names an address that no interface has.",
        evidence: "ip address show",
        remedy: "Name one of the list with --advertise-address, or give the address to an interface.",
        retry: false,
    },
    Entry {
        code: "P002",
        title: "several addresses are possible and none is preferred",
        cause: "eos does not guess: a wrong address would make a node that nobody reaches.",
        evidence: "ip address show; ip route show",
        remedy: "Name the right one: --advertise-address ADDRESS.",
        retry: false,
    },
    Entry {
        code: "P003",
        title: "the master's address is of this machine",
        cause: "The node to join and the master would be one and the same address.",
        evidence: "eos status; ip address show",
        remedy: "For a second node on this machine use an address of its own: --advertise-address 127.0.0.2 \
             --root DIR.",
        retry: false,
    },
    Entry {
        code: "P004",
        title: "without a way to the master no address can be chosen",
        cause: "The address is taken from the route to the master, and there is none.",
        evidence: "ip route get ADDRESS",
        remedy: "Bring the network up, or correct --join-cluster ADDRESS.",
        retry: false,
    },
    Entry {
        code: "P020",
        title: "a preflight check failed; nothing was changed",
        cause: "The machine does not meet what eos needs. Each failed check stands in the error with its \
             measured values.",
        evidence: "eos preflight",
        remedy: "Follow the hint of each check; where you know better: --skip-check NAME.",
        retry: false,
    },
    Entry {
        code: "P021",
        title: "there is no such preflight check",
        cause: "The name given to --skip-check is misspelled.",
        evidence: "eos preflight lists the names",
        remedy: "Use a name of the list: --skip-check NAME.",
        retry: false,
    },
    Entry {
        code: "P022",
        title: "the facts of this machine could not be gathered",
        cause: "/proc, /etc or the network could not be read; the cause below the error says which.",
        evidence: "The causes below the error; findmnt /proc",
        remedy: "Remove the cause, then: eos preflight.",
        retry: false,
    },
];
