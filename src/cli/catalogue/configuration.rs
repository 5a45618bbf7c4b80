//! The errors of configuration.

use super::Entry;

/// Codes `C`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "C001",
        title: "a YAML file is too large to be read",
        cause: "Configuration is read up to 1 MiB; a file beyond that is usually a wrong path or not YAML \
             at all.",
        evidence: "ls -l FILE; head -c 1000 FILE",
        remedy: "Name the right file with --config, or take what does not belong there out of it.",
        retry: false,
    },
    Entry {
        code: "C002",
        title: "a YAML file is not UTF-8",
        cause: "An editor saved it in another encoding, or it is a binary file; the error names the first \
             wrong byte.",
        evidence: "file FILE; iconv -f UTF-8 -t UTF-8 FILE",
        remedy: "Save it as UTF-8: iconv -f LATIN1 -t UTF-8 FILE -o FILE.new.",
        retry: false,
    },
    Entry {
        code: "C003",
        title: "a YAML file repeats its anchors too often",
        cause: "Aliases of aliases grow without bound when they are spelled out; eos refuses such a file \
             before it does.",
        evidence: "grep -n '[&*]' FILE",
        remedy: "Write the repeated parts out, or remove the anchors.",
        retry: false,
    },
    Entry {
        code: "C004",
        title: "a YAML file does not parse",
        cause: "A wrong indentation, a missing colon or quote, or a tab; the error names line and column.",
        evidence: "sed -n LINEp FILE, and the line above it",
        remedy: "Correct the line, then check the whole: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C005",
        title: "a key is given twice",
        cause: "Two lines of one mapping have the same key, and YAML would silently keep the last.",
        evidence: "grep -n KEY FILE",
        remedy: "Keep one of them, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C006",
        title: "a key is unknown",
        cause: "It is misspelled, indented under the wrong parent, or from another version of eos.",
        evidence: "The error lists the keys that are possible at that place; eos --version",
        remedy: "Correct the key, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C007",
        title: "a value is not of the expected kind",
        cause: "A text stands where a number is expected, a list where one value is, or a number is out of \
             its range.",
        evidence: "sed -n LINEp FILE",
        remedy: "Correct the value, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C021",
        title: "a single value stands where keys are expected",
        cause: "The file, or the part of it that the error names, is a text, number or list instead of a \
             mapping.",
        evidence: "sed -n LINEp /etc/eos/cluster.yaml",
        remedy: "Put the keys that the hint lists below it, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C022",
        title: "a key of the configuration is unknown",
        cause: "It is misspelled or stands in the wrong place. A token never stands in the configuration.",
        evidence: "The hint names what is possible there; eos config show --origin",
        remedy: "Correct it, then: eos config validate. Pass a token with --token-file FILE.",
        retry: false,
    },
    Entry {
        code: "C023",
        title: "a value of the configuration is not usable",
        cause: "It is not of the kind or not in the range that the key needs; for secrets the value itself \
             is not shown.",
        evidence: "The error names file, line, key and range; eos config show --origin",
        remedy: "Correct it, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C024",
        title: "an environment variable of eos is unknown",
        cause: "Every variable that begins with EOS_ is configuration, and this one has no key: it is \
             misspelled or left over.",
        evidence: "env | grep ^EOS_",
        remedy: "Correct its name, or take it away with unset NAME.",
        retry: false,
    },
    Entry {
        code: "C026",
        title: "the thresholds of storage do not ascend",
        cause: "The thresholds must grow in the order warning, compress, cleanup, degraded, emergency, critical, or a \
             later action would come before an earlier one.",
        evidence: "eos config show --origin",
        remedy: "Correct one of the two keys, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C027",
        title: "the configuration does not fit together",
        cause: "Each value is right by itself, but two of them contradict each other; the cause below says \
             which.",
        evidence: "eos config show --origin",
        remedy: "Correct one of them, then: eos config validate.",
        retry: false,
    },
    Entry {
        code: "C028",
        title: "a text is not the address of a master",
        cause: "It is neither an IPv4 address, nor an IPv6 address (in brackets when a port follows), nor a \
             host name, or its port is out of range.",
        evidence: "The error says which part is wrong",
        remedy: "Write it as 10.0.1.10, 10.0.1.10:4507, [fd00::1]:4507 or master.example.org.",
        retry: false,
    },
    Entry {
        code: "C029",
        title: "the storage section does not fit a role",
        cause: "Each value is right by itself, but with the defaults of the role and scale that are named it makes no \
             storage configuration: thresholds that do not ascend, or a path that would be cleaned inside a critical \
             one. Every role and scale is looked at, also those that no node has yet.",
        evidence: "The cause names both values; docs/configuration.md has the defaults of each role",
        remedy: "Correct the value, or give the other one too, under storage or under storage.roles.ROLE, then: eos \
             config validate.",
        retry: false,
    },
    Entry {
        code: "C039",
        title: "the configuration has several faults",
        cause: "All faults are told at once; each stands in the text with its file and line.",
        evidence: "eos config validate",
        remedy: "Correct each of them; eos explain CODE tells of one kind.",
        retry: false,
    },
];
