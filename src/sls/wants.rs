//! The arguments of the functions that have many.

use crate::sls::difference::Outcome;

/// Mode and owner that a file should have; what is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Permission bits, at most 0o7777.
    pub mode: Option<u32>,
    /// Name or number of the owner.
    pub user: Option<String>,
    /// Name or number of the group.
    pub group: Option<String>,
}

/// What `file.directory` gives to all that is below the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recursion {
    /// Whether its owner.
    pub user: bool,
    /// Whether its group.
    pub group: bool,
    /// The mode of directories.
    pub directory_mode: Option<u32>,
    /// The mode of files.
    pub file_mode: Option<u32>,
    /// Whether files are left alone.
    pub ignore_files: bool,
    /// Whether directories are left alone.
    pub ignore_directories: bool,
}

/// What `file.recurse` puts below a directory.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    /// The directory, absolute.
    pub path: String,
    /// Directories below it, by relative path, parents first.
    pub directories: Vec<String>,
    /// Files below it, by relative path, with their contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Mode and owner of directories.
    pub directory: Attributes,
    /// Mode and owner of files.
    pub file: Attributes,
    /// Whether contents that are there already are replaced.
    pub replace: bool,
    /// Whether what is there and not in the tree is removed.
    pub clean: bool,
    /// What stays all the same: what other states that it requires manage there.
    pub kept: Vec<String>,
}

/// Where a block goes that is not in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertAt {
    /// Nowhere: the state fails.
    Nowhere,
    /// At the end.
    End,
    /// At the beginning.
    Beginning,
}

/// What `file.blockreplace` keeps in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    /// The file, absolute.
    pub path: String,
    /// What the line before the block contains.
    pub start: String,
    /// What the line after the block contains.
    pub end: String,
    /// The block; lines.
    pub content: String,
    /// Where it goes when it is not there.
    pub insert: InsertAt,
    /// Whether the difference may be shown.
    pub show_changes: bool,
}

/// What `user.present` wants; what is not said stays as it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct User {
    /// The name.
    pub name: String,
    /// Its number.
    pub uid: Option<u32>,
    /// Name or number of its group.
    pub gid: Option<String>,
    /// Whether a group of its name is made with it.
    pub own_group: Option<bool>,
    /// Groups that it is in besides its own.
    pub groups: Option<Vec<String>>,
    /// The same, of those that exist.
    pub optional_groups: Vec<String>,
    /// Whether it leaves all others.
    pub remove_groups: bool,
    /// Its home directory.
    pub home: Option<String>,
    /// Whether that is made.
    pub create_home: bool,
    /// Its login program.
    pub shell: Option<String>,
    /// Its full name.
    pub full_name: Option<String>,
    /// The hash of its password.
    pub password: Option<String>,
    /// Whether a password that is set already is replaced.
    pub enforce_password: bool,
    /// Whether it is a user of the system.
    pub system: bool,
    /// Whether its number may change.
    pub allow_uid_change: bool,
    /// Whether its group may change.
    pub allow_gid_change: bool,
}

/// What `group.present` wants; what is not said stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The name.
    pub name: String,
    /// Its number.
    pub gid: Option<u32>,
    /// Whether it is a group of the system.
    pub system: bool,
    /// Exactly these members.
    pub members: Option<Vec<String>>,
    /// These among its members.
    pub add_users: Vec<String>,
    /// These not among its members.
    pub remove_users: Vec<String>,
}

/// A package that `pkg.installed` wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Exactly this version; any when nothing is said.
    pub version: Option<String>,
}

/// What `mount.mounted` wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where, absolute.
    pub path: String,
    /// What.
    pub device: String,
    /// The file system.
    pub kind: String,
    /// The options.
    pub options: Vec<String>,
    /// The fifth field of its entry.
    pub dump: u32,
    /// The sixth.
    pub pass: u32,
    /// Whether there is an entry in the table.
    pub persist: bool,
    /// Whether it is mounted now.
    pub mount: bool,
    /// Whether the directory is made.
    pub make_directory: bool,
    /// The absolute path of the table; unsaid, the one of the machine.
    pub table: Option<String>,
}

/// How a function of `test` ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutcome {
    /// Its name, `test.nop`.
    pub function: &'static str,
    /// How it ends.
    pub outcome: Outcome,
    /// How it ends in a test run.
    pub tested: Outcome,
    /// Whether it pretends to change something.
    pub changes: bool,
    /// What it says.
    pub comment: String,
}
