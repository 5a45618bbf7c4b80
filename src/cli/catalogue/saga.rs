//! The errors of operations, journals and checkpoints.

use super::Entry;

/// Codes `G`.
pub const ENTRIES: &[Entry] = &[
    Entry {
        code: "G001",
        title: "a journal is damaged",
        cause: "A line does not continue the chain of those before it: the disk lost or changed data, or \
             someone edited the file.",
        evidence: "The named line of the journal; dmesg --level=err,crit",
        remedy: "Keep a copy (cp -a /var/lib/eos/journal /root), check the disk, then take away what eos \
             made: eos reset --verify.",
        retry: false,
    },
    Entry {
        code: "G002",
        title: "a record of eos is of a later format",
        cause: "A newer eos wrote it, and this one was installed over it.",
        evidence: "eos --version; head -n 1 on the named file",
        remedy: "Install the newer version again: ./install.sh.",
        retry: false,
    },
    Entry {
        code: "G003",
        title: "a record of eos is damaged",
        cause: "A journal, checkpoint or manifest is cut or changed. eos writes them whole and in one step, \
             so the disk or a person did it.",
        evidence: "ls -l on the named file; dmesg --level=err,crit",
        remedy: "Restore the file from a backup; without one, keep a copy and look at what remains: eos \
             checkpoint list.",
        retry: false,
    },
    Entry {
        code: "G004",
        title: "a file of a kind that no checkpoint keeps",
        cause: "A socket, pipe or device lies where eos is about to change files, and it could not be put \
             back on a rollback.",
        evidence: "ls -l on the named path; fuser -v PATH",
        remedy: "End the process that uses it and remove it, then run the command again.",
        retry: false,
    },
    Entry {
        code: "G005",
        title: "a step may not touch eos's own records",
        cause: "A step named a path inside /var/lib/eos/journal or checkpoints. This is a defect of eos; \
             nothing was changed.",
        evidence: "eos --version; the journal in /var/lib/eos/journal",
        remedy: "Report it with the version and the journal; an earlier version of eos may not have it.",
        retry: false,
    },
    Entry {
        code: "G010",
        title: "another operation is in progress",
        cause: "A second eos on this host holds the lock; two at once would undo each other's work.",
        evidence: "eos status; ps -fp with the named process",
        remedy: "Wait until it ends. If it hangs, end it with kill and run it again: it resumes.",
        retry: true,
    },
    Entry {
        code: "G011",
        title: "a later eos left its lock",
        cause: "A later version of eos died in an operation here; this one does not know what to take over.",
        evidence: "cat /var/lib/eos/operation.lock",
        remedy: "Use the eos that wrote it, or a later one: ./install.sh, then the same command again.",
        retry: false,
    },
    Entry {
        code: "G020",
        title: "a step failed, and everything was undone",
        cause: "The cause is in the error of the step, which is shown instead of this one wherever possible.",
        evidence: "The causes below the error; eos checkpoint list",
        remedy: "Remove the cause, then run the same command again.",
        retry: false,
    },
    Entry {
        code: "G021",
        title: "interrupted, and everything was undone",
        cause: "Ctrl-C or a signal ended the operation, and eos put back what it had changed.",
        evidence: "eos checkpoint list",
        remedy: "Run the same command again when you want it done.",
        retry: true,
    },
    Entry {
        code: "G022",
        title: "a failed operation could not be undone",
        cause: "A step failed and putting things back failed as well; the machine is between two states \
             until that is completed.",
        evidence: "The causes below the error; eos checkpoint show ID",
        remedy: "Remove the cause, then: eos rollback --to ID. The hints list the files to put right by \
             hand otherwise.",
        retry: false,
    },
    Entry {
        code: "G023",
        title: "an operation stopped because it could not be recorded",
        cause: "The journal could not be written (a full or failing disk), and eos does nothing that it \
             cannot record.",
        evidence: "df -h /var/lib/eos; dmesg --level=err,crit",
        remedy: "Make room or mend the disk, then run the same command again, or undo it: eos rollback --to \
             ID.",
        retry: false,
    },
    Entry {
        code: "G024",
        title: "the process ended at a planned crash",
        cause: "Only builds for tests have such points; it stands for a power cut after a record.",
        evidence: "The journal in /var/lib/eos/journal",
        remedy: "Run the same command again: it resumes after the last record.",
        retry: true,
    },
    Entry {
        code: "G025",
        title: "an earlier operation is not finished",
        cause: "A crash, a kill or a power cut stopped it in the middle; its journal says where.",
        evidence: "eos status; eos checkpoint list",
        remedy: "Run the same command again to finish it, or undo it: eos rollback --to ID.",
        retry: true,
    },
    Entry {
        code: "G026",
        title: "there is no such checkpoint",
        cause: "The id is misspelled, or the checkpoint was dropped because newer ones took its place.",
        evidence: "eos checkpoint list",
        remedy: "Choose one of the list: eos rollback --to ID.",
        retry: false,
    },
    Entry {
        code: "G027",
        title: "a checkpoint is not the newest",
        cause: "Later operations build on it; undoing it alone would leave them on a base that is gone.",
        evidence: "eos checkpoint list",
        remedy: "Undo all of them, newest first: eos rollback --to ID.",
        retry: false,
    },
    Entry {
        code: "G028",
        title: "a checkpoint can no longer be undone",
        cause: "An operation after it lost its checkpoint, so the way back is broken in between.",
        evidence: "eos checkpoint list",
        remedy: "Go back to one that is kept, or take away all that eos did: eos reset --verify.",
        retry: false,
    },
    Entry {
        code: "G029",
        title: "an operation was begun by another version of eos",
        cause: "Its journal names steps that this version does not have, so it can neither finish nor undo \
             it.",
        evidence: "eos --version; eos checkpoint show ID",
        remedy: "Install the version that began it, then: eos rollback --to ID.",
        retry: false,
    },
    Entry {
        code: "G030",
        title: "a name is not usable for an operation",
        cause: "A kind of operation or a step has a name that cannot stand in a journal. This is a defect \
             of eos; nothing was changed.",
        evidence: "eos --version",
        remedy: "Report it with the version and the command.",
        retry: false,
    },
    Entry {
        code: "G031",
        title: "a planned fault",
        cause: "Only builds for tests have it; it stands for any failing step.",
        evidence: "The journal in /var/lib/eos/journal",
        remedy: "Run the same command again.",
        retry: false,
    },
    Entry {
        code: "G050",
        title: "a part below failed",
        cause: "The step hands on the error of what it called; the code of that error says more.",
        evidence: "The causes below the error",
        remedy: "Follow its hints, and look its own code up: eos explain CODE.",
        retry: false,
    },
    Entry {
        code: "G051",
        title: "a later eos began the unfinished operation",
        cause: "The plan in the journal has a format that this eos does not know, so it can neither go on \
             with it nor undo it. Nothing was changed.",
        evidence: "head -n 1 /var/lib/eos/journal/*.jsonl",
        remedy: "Use the eos that wrote it, or a later one: ./install.sh, then the same command again.",
        retry: false,
    },
    Entry {
        code: "G052",
        title: "the plan of an operation is damaged",
        cause: "The first record of a journal does not say what the operation was to do, so it cannot be \
             gone on with or undone. Something else than eos changed it.",
        evidence: "head -n 1 /var/lib/eos/journal/*.jsonl; dmesg --level=err,crit",
        remedy: "Restore the journal from a backup: cp BACKUP /var/lib/eos/journal/.",
        retry: false,
    },
];
