//! The errors of moving, unpacking and activating snapshots.

use super::Entry;

/// Codes `T`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "T040",
        title: "a download cannot be written",
        cause: "No permission, no space or a failing disk on this side.",
        evidence: "df -h /var/lib/eos; the causes below the error",
        remedy: "Remove the cause, then run the same command again: it goes on where it stopped.",
        retry: false,
    },
    Entry {
        code: "T041",
        title: "there is not enough room for a snapshot",
        cause: "The file system has fewer bytes free than the snapshot needs.",
        evidence: "df -h /var/lib/eos",
        remedy: "Make room, for instance with eos storage cleanup --level cleanup, then run the same \
             command again.",
        retry: false,
    },
    Entry {
        code: "T042",
        title: "a node sent a manifest that is refused",
        cause: "It is damaged, not of this cluster, or not signed by one of its members; of the source cluster, not by the \
             master.",
        evidence: "eos snapshot verify on that node",
        remedy: "Have another node deliver it: on the master, see who holds what: eos snapshot list --cluster; then \
             the same command with --from NODE, or with --or-older. On the node that sent it, have it read: eos snapshot \
             verify. If it is of the source cluster and the master sent it, there: systemctl restart eos-master, which \
             has it make another one for the next node that joins.",
        retry: false,
    },
    Entry {
        code: "T043",
        title: "a node does not deliver the snapshot",
        cause: "It does not have it, or refuses to give it.",
        evidence: "eos snapshot list on that node; journalctl -u eos-master -n 50 there",
        remedy: "Use a snapshot that it has: eos snapshot list.",
        retry: false,
    },
    Entry {
        code: "T044",
        title: "a node failed again and again without delivering anything",
        cause: "The link is cut or the node is down or overloaded.",
        evidence: "nc -vz ADDRESS PORT; eos status on that node",
        remedy: "When it is up again, run the same command: it goes on where it stopped.",
        retry: true,
    },
    Entry {
        code: "T045",
        title: "a node delivers wrong bytes",
        cause: "A frame has another digest than the signed manifest says, twice: the copy on that node is \
             damaged.",
        evidence: "eos snapshot verify on that node",
        remedy: "Have another node deliver it: the same command with --from NODE (on the master, who holds what: eos \
             snapshot list --cluster), or with --or-older. On the node with the damaged copy, when others hold it \
             too: eos snapshot pull ID --repair. If its source is there: eos snapshot create SOURCE --full. If it is of \
             the source cluster and the master sent it, there: systemctl restart eos-master.",
        retry: false,
    },
    Entry {
        code: "T046",
        title: "a part has the wrong digest although its frames are right",
        cause: "The manifest contradicts itself, so it was not made by eos.",
        evidence: "eos snapshot show ID on a node that holds it: who signed it",
        remedy: "Make another one where its source is: eos snapshot create SOURCE --full; or take another one: the \
             same command with --or-older. If it is of the source cluster, on the master: systemctl restart eos-master, which \
             has it make another one for the next node that joins.",
        retry: false,
    },
    Entry {
        code: "T047",
        title: "a download was interrupted",
        cause: "Ctrl-C or a signal ended it; what arrived is kept.",
        evidence: "ls -l /var/lib/eos/snapshots",
        remedy: "Run the same command again: it goes on where it stopped.",
        retry: true,
    },
    Entry {
        code: "T060",
        title: "a snapshot cannot be unpacked",
        cause: "No permission, no space or a failing disk at the target.",
        evidence: "namei -l TARGET; df -h TARGET",
        remedy: "Remove the cause, then run the same command again.",
        retry: false,
    },
    Entry {
        code: "T062",
        title: "a snapshot is larger than allowed",
        cause: "It has more bytes or entries than the limits, which protect against archives that grow \
             without bound.",
        evidence: "eos snapshot list",
        remedy: "A cluster's own state is never so large: do not use it. Find out who made it: eos audit \
             verify on the master.",
        retry: false,
    },
    Entry {
        code: "T063",
        title: "there is not enough room to unpack a snapshot",
        cause: "The old tree stays until the new one is whole, so both must fit.",
        evidence: "df -h TARGET",
        remedy: "Make room or choose another target, then run the same command again.",
        retry: false,
    },
    Entry {
        code: "T064",
        title: "a staging directory exists already",
        cause: "An earlier unpacking was cut off, or the name belongs to somebody else.",
        evidence: "ls -la on the named directory",
        remedy: "If nobody needs it, remove it with rm -r, then run the same command again.",
        retry: false,
    },
    Entry {
        code: "T065",
        title: "an entry of a snapshot is refused",
        cause: "It would make a setuid program, a device or a link out of the target; eos never unpacks \
             that.",
        evidence: "eos snapshot list",
        remedy: "Find out where it came from; do not use it: eos snapshot list shows others.",
        retry: false,
    },
    Entry {
        code: "T066",
        title: "a frame of a snapshot is refused",
        cause: "It is cut, damaged or longer than the manifest says.",
        evidence: "eos snapshot verify",
        remedy: "Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T067",
        title: "the archive does not follow its manifest",
        cause: "Another entry stands where the manifest lists one.",
        evidence: "eos snapshot verify",
        remedy: "Do not use it. Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T068",
        title: "the archive has more than its manifest",
        cause: "Bytes follow the last entry and are not part of what was signed.",
        evidence: "eos snapshot verify",
        remedy: "Do not use it. Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T069",
        title: "the archive ends too early",
        cause: "Entries that the manifest lists are missing.",
        evidence: "eos snapshot verify",
        remedy: "Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T070",
        title: "the archive hides bytes",
        cause: "Padding that must be empty is not, so it was not made by eos.",
        evidence: "eos snapshot verify",
        remedy: "Do not use it. Make another one where its source is: eos snapshot create SOURCE. Of the source cluster, \
             on the master: systemctl restart eos-master, which has it make another one for the next node that joins.",
        retry: false,
    },
    Entry {
        code: "T071",
        title: "a file of a snapshot has the wrong content",
        cause: "Its digest is not the one of the signed manifest.",
        evidence: "eos snapshot verify",
        remedy: "Run the join again, which pulls it anew: eos bootstrap.",
        retry: false,
    },
    Entry {
        code: "T072",
        title: "a staging directory could not be removed",
        cause: "Unpacking failed, and so did clearing up after it.",
        evidence: "ls -la on the named directory; dmesg",
        remedy: "Remove it by hand with rm -r when nobody needs it.",
        retry: false,
    },
    Entry {
        code: "T180",
        title: "the progress of a restore cannot be kept",
        cause: "The file beside the new tree that says what is done cannot be written or read.",
        evidence: "namei -l PATH; df -h -i PATH",
        remedy: "Remove the cause, then run the same command.",
        retry: false,
    },
    Entry {
        code: "T181",
        title: "there is no room left while a tree is restored",
        cause: "The disk, its inodes or a quota ran out after the restore had begun; what was written is kept.",
        evidence: "df -h -i PATH",
        remedy: "Make room, then run the same command: it goes on where it stopped.",
        retry: true,
    },
    Entry {
        code: "T182",
        title: "nobody has the rest of a snapshot",
        cause: "Not all of its parts are on this machine, and no node is known that holds them.",
        evidence: "eos snapshot list",
        remedy: "Start a node that holds it, then run the same command.",
        retry: false,
    },
    Entry {
        code: "T183",
        title: "a restore was interrupted",
        cause: "Somebody stopped it; what was verified is kept.",
        evidence: "ls -la PATH",
        remedy: "Run the same command: it goes on where it stopped.",
        retry: true,
    },
    Entry {
        code: "T184",
        title: "somebody exchanged the tree that was being restored",
        cause: "A program that may write in the work area put something else in the place of the tree.",
        evidence: "ls -la PATH",
        remedy: "Remove what lies there, and have nothing but eos write in work areas; then run the same command.",
        retry: false,
    },
];
