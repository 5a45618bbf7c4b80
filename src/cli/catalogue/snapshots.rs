//! The errors of making and keeping snapshots.

use super::Entry;

/// How a snapshot is replaced whose manifest is not to be believed, whoever holds it.
const ANOTHER: &str = "Make another one where its source is: eos snapshot create SOURCE. Of the source cluster, on the \
     master: systemctl restart eos-master, which has it make another one for the next node that joins.";

/// Codes `T`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "T001",
        title: "a snapshot's manifest is too large",
        cause: "It has more bytes than a reader accepts: the source has very many files, or the file is no \
             manifest.",
        evidence: "ls -l /var/lib/eos/snapshots; eos snapshot list",
        remedy: "Remove the records of nodes that are gone: eos node list, then eos node remove NAME.",
        retry: false,
    },
    Entry {
        code: "T002",
        title: "a snapshot's manifest lists too many entries",
        cause: "The source has more files than one snapshot may hold.",
        evidence: "find SOURCE | wc -l",
        remedy: "Remove the records of nodes that are gone: eos node list, then eos node remove NAME.",
        retry: false,
    },
    Entry {
        code: "T003",
        title: "a snapshot's manifest cannot be read",
        cause: "It is cut or not a manifest at all.",
        evidence: "eos snapshot verify",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T004",
        title: "a snapshot's manifest is of another version",
        cause: "Another version of eos wrote it.",
        evidence: "eos --version on both hosts",
        remedy: "Install the version that wrote it, or a newer one: ./install.sh.",
        retry: false,
    },
    Entry {
        code: "T005",
        title: "a snapshot's manifest is not in canonical form",
        cause: "Its bytes are not those that eos writes, so it was made or changed by something else.",
        evidence: "eos snapshot verify",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T006",
        title: "the source of a snapshot has no usable name",
        cause: "The name is empty, too long or has control characters.",
        evidence: "eos snapshot list",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T007",
        title: "a snapshot lists a path that is refused",
        cause: "It would lead out of the directory that it is unpacked into; an honest snapshot never has \
             such a path.",
        evidence: "eos snapshot list",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T008",
        title: "a frame of a snapshot is refused",
        cause: "Its place, size or order contradicts the rest of the manifest.",
        evidence: "eos snapshot verify",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T009",
        title: "a part of a snapshot is refused",
        cause: "It has no frames or contradicts them.",
        evidence: "eos snapshot verify",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T010",
        title: "the sizes in a snapshot do not add up",
        cause: "The frames hold another number of bytes than the entries need.",
        evidence: "eos snapshot verify",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T011",
        title: "the signature of a snapshot was refused",
        cause: "Another cluster or nobody signed it, or it was changed afterwards.",
        evidence: "eos snapshot list; eos status",
        remedy: "Use only snapshots of this cluster: eos snapshot list.",
        retry: false,
    },
    Entry {
        code: "T012",
        title: "a snapshot could not be signed",
        cause: "The key or certificate of this node is missing or damaged.",
        evidence: "ls -l /var/lib/eos/identity",
        remedy: "Put the identity right (eos status tells), then run on the node that joins: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T013",
        title: "a snapshot is not the one that was asked for",
        cause: "The content of the manifest gives another id than its name.",
        evidence: "eos snapshot verify",
        remedy: "Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T020",
        title: "the snapshot store cannot use its disk",
        cause: "No permission, no space, a read-only file system or a failing disk.",
        evidence: "ls -ld /var/lib/eos/snapshots; df -h /var/lib/eos",
        remedy: "Remove the cause, then run the same command again.",
        retry: false,
    },
    Entry {
        code: "T021",
        title: "another process is changing the snapshot store",
        cause: "Two at once could remove what the other one needs.",
        evidence: "fuser -v /var/lib/eos/snapshots; eos status",
        remedy: "Wait until it ends, then run the same command again.",
        retry: true,
    },
    Entry {
        code: "T022",
        title: "there is no such snapshot in this store",
        cause: "The id is misspelled, or the snapshot was pruned or is on another node.",
        evidence: "eos snapshot list",
        remedy: "Use an id of the list: eos snapshot verify ID.",
        retry: false,
    },
    Entry {
        code: "T023",
        title: "a stored manifest is damaged",
        cause: "The disk or a person changed it.",
        evidence: "eos snapshot verify ID; dmesg --level=err,crit",
        remedy: "When another node holds it, have it mended: eos snapshot pull ID. Otherwise make another one where its \
             source is: eos snapshot create SOURCE. Of the source cluster, on the master: systemctl restart eos-master.",
        retry: false,
    },
    Entry {
        code: "T024",
        title: "a foreign file lies in the snapshot store",
        cause: "Somebody put a file among the manifests, and eos does not guess what it is.",
        evidence: "ls -la /var/lib/eos/snapshots",
        remedy: "Move it elsewhere with mv, then: eos snapshot list.",
        retry: false,
    },
    Entry {
        code: "T025",
        title: "a part of a snapshot is missing",
        cause: "It was removed by hand or lost by the disk.",
        evidence: "eos snapshot verify",
        remedy: "On a node that joins, run the join again: eos bootstrap. On a member, have it mended by another node that \
             holds it: eos snapshot pull ID.",
        retry: false,
    },
    Entry {
        code: "T026",
        title: "a part of a snapshot has the wrong size",
        cause: "It is cut or was changed.",
        evidence: "eos snapshot verify",
        remedy: "On a node that joins, run the join again: eos bootstrap. On a member, have it mended by another node that \
             holds it: eos snapshot pull ID.",
        retry: false,
    },
    Entry {
        code: "T027",
        title: "bytes outside of a part were asked for",
        cause: "The one who asked has another idea of the part than the store; one of them is damaged.",
        evidence: "eos snapshot verify",
        remedy: "On a node that joins, run the join again: eos bootstrap. On a member, have it mended by another node that \
             holds it: eos snapshot pull ID --repair.",
        retry: false,
    },
    Entry {
        code: "T028",
        title: "a stored snapshot is damaged",
        cause: "The disk gave other bytes than were written, or a file of the store was changed, cut off \
             or removed.",
        evidence: "eos snapshot verify; dmesg",
        remedy: "When another node holds it too, have it mended: eos snapshot pull ID --repair. Otherwise make another one \
             where its source is: eos snapshot create SOURCE --full. Of the source cluster, on the master: \
             systemctl restart eos-master, which has it make another one for the next node that joins.",
        retry: false,
    },
    Entry {
        code: "T029",
        title: "a snapshot is being read",
        cause: "A node pulls it, or another command of this host reads it. What is read is not removed: the \
             reader would be left with a part of it.",
        evidence: "eos snapshot show ID names the readers, and since when",
        remedy: "Wait until they are done, or end them; a node that asked for nothing for 10 minutes is \
             done. Then run the same command again.",
        retry: true,
    },
    Entry {
        code: "T030",
        title: "a snapshot cannot be captured",
        cause: "A file of the source could not be read, or the store could not be written; the cause below \
             the error says which.",
        evidence: "The causes below the error; df -h /var/lib/eos",
        remedy: "Remove the cause, then run the command again: eos snapshot create, or eos bootstrap on a \
             node that joins.",
        retry: false,
    },
    Entry {
        code: "T031",
        title: "a file changed while it was read",
        cause: "Something writes to it all the time, and a torn copy would be worth nothing.",
        evidence: "fuser -v FILE",
        remedy: "Have hooks around the capture pause its writer, put what is never written to twice into \
             write_once, or capture again at a quieter time: eos snapshot create.",
        retry: true,
    },
    Entry {
        code: "T032",
        title: "a file of a kind that no snapshot carries",
        cause: "A device, pipe or socket lies in the source.",
        evidence: "ls -l FILE",
        remedy: "Remove it with rm, then run on the node that joins: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T033",
        title: "a path cannot be in a snapshot",
        cause: "It is not UTF-8, climbs, or is too long for the format.",
        evidence: "ls -lab DIRECTORY",
        remedy: "Rename it with mv, then run on the node that joins: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T034",
        title: "a captured snapshot has no valid manifest",
        cause: "What was captured contradicts itself; the cause below the error says how.",
        evidence: "The causes below the error",
        remedy: ANOTHER,
        retry: false,
    },
    Entry {
        code: "T035",
        title: "a captured snapshot could not be stored",
        cause: "The store is full, in use or damaged; the cause below the error says which.",
        evidence: "df -h /var/lib/eos; eos snapshot list",
        remedy: "Remove the cause, then run on the node that joins: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T090",
        title: "several snapshots begin like this",
        cause: "The beginning of an id was given, and it stands for more than one.",
        evidence: "eos snapshot list",
        remedy: "Give more characters of the id: eos snapshot show ID.",
        retry: false,
    },
];
