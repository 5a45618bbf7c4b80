//! What a state wants: a closed list of functions with every argument resolved.

pub use crate::sls::wants::{
    Attributes, Block, Group, InsertAt, Mount, Package, Recursion, TestOutcome, Tree, User,
};

/// A state function with its arguments.
#[derive(Clone, PartialEq, Eq)]
pub enum Function {
    /// `file.managed`: a regular file with these contents and attributes.
    FileManaged {
        /// Absolute.
        path: String,
        /// The whole contents; without them only the attributes are kept, and a missing file is made empty.
        contents: Option<Vec<u8>>,
        /// Mode and owner.
        attributes: Attributes,
        /// Whether missing directories above it are made.
        make_directories: bool,
        /// Their mode; unsaid, it follows from the one of the file.
        directory_mode: Option<u32>,
        /// Whether contents that are there already are replaced.
        replace: bool,
        /// Whether the file is made when it is missing.
        create: bool,
        /// Whether a link at the path stands for the file that it leads to.
        follow_links: bool,
        /// Whether the difference may be shown.
        show_changes: bool,
    },
    /// `file.directory`: a directory with these attributes.
    FileDirectory {
        /// Absolute.
        path: String,
        /// Mode and owner.
        attributes: Attributes,
        /// Whether missing directories above it are made.
        make_directories: bool,
        /// What is given to all that is below it.
        recursion: Option<Recursion>,
    },
    /// `file.recurse`: a directory of the tree with all that is in it.
    FileRecurse(Tree),
    /// `file.absent`: nothing at this path.
    FileAbsent {
        /// Absolute.
        path: String,
    },
    /// `file.symlink`: a symbolic link.
    FileSymlink {
        /// Absolute.
        path: String,
        /// What it points to, as it is written in the link.
        target: String,
        /// Owner of the link, and mode of directories that are made above it.
        attributes: Attributes,
        /// Whether missing directories above it are made.
        make_directories: bool,
        /// Whether something else at the path is replaced.
        force: bool,
    },
    /// `file.append`: texts that are in a file, added at its end where they are not.
    FileAppend {
        /// Absolute.
        path: String,
        /// The texts.
        texts: Vec<String>,
        /// Whether missing directories above it are made.
        make_directories: bool,
    },
    /// `file.blockreplace`: what stands between two markers of a file.
    FileBlock(Block),
    /// `service.running`.
    ServiceRunning {
        /// Without `.service`.
        name: String,
        /// Whether it starts at boot; unsaid means as it is.
        enable: Option<bool>,
        /// Whether it reads its configuration again when something that it watches changes, instead of being restarted.
        reload: bool,
    },
    /// `service.dead`.
    ServiceDead {
        /// Without `.service`.
        name: String,
        /// Whether it starts at boot; unsaid means as it is.
        enable: Option<bool>,
    },
    /// `service.enabled`: starts at boot, whether it runs now or not.
    ServiceEnabled {
        /// Without `.service`.
        name: String,
    },
    /// `service.disabled`: does not start at boot, whether it runs now or not.
    ServiceDisabled {
        /// Without `.service`.
        name: String,
    },
    /// `cmd.run`: a command line for the shell.
    CommandRun {
        /// The command line.
        command: String,
        /// Where it runs.
        directory: Option<String>,
        /// Variables of its environment.
        environment: Vec<(String, String)>,
        /// Seconds that it may take.
        timeout: Option<u64>,
        /// Whether it runs only in reaction to changes (`cmd.wait`).
        waits: bool,
    },
    /// `user.present`.
    UserPresent(User),
    /// `group.present`.
    GroupPresent(Group),
    /// `pkg.installed`.
    PackageInstalled {
        /// The packages.
        packages: Vec<Package>,
        /// Whether the lists are brought up to date before something is installed.
        refresh: bool,
    },
    /// `sysctl.present`.
    SysctlPresent {
        /// The parameter, `net.ipv4.ip_forward`.
        name: String,
        /// Its value.
        value: String,
        /// The absolute path of the file that keeps it; unsaid, the one of the machine.
        file: Option<String>,
    },
    /// `mount.mounted`.
    Mounted(Mount),
    /// A function of `test`.
    Test(TestOutcome),
}

impl Function {
    /// The function's name in state files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FileManaged { .. } => "file.managed",
            Self::FileDirectory { .. } => "file.directory",
            Self::FileRecurse(_) => "file.recurse",
            Self::FileAbsent { .. } => "file.absent",
            Self::FileSymlink { .. } => "file.symlink",
            Self::FileAppend { .. } => "file.append",
            Self::FileBlock(_) => "file.blockreplace",
            Self::ServiceRunning { .. } => "service.running",
            Self::ServiceDead { .. } => "service.dead",
            Self::ServiceEnabled { .. } => "service.enabled",
            Self::ServiceDisabled { .. } => "service.disabled",
            Self::CommandRun { waits: false, .. } => "cmd.run",
            Self::CommandRun { waits: true, .. } => "cmd.wait",
            Self::UserPresent(_) => "user.present",
            Self::GroupPresent(_) => "group.present",
            Self::PackageInstalled { .. } => "pkg.installed",
            Self::SysctlPresent { .. } => "sysctl.present",
            Self::Mounted(_) => "mount.mounted",
            Self::Test(outcome) => outcome.function,
        }
    }

    /// The path that it may change, of those that change one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::FileManaged { path, .. }
            | Self::FileDirectory { path, .. }
            | Self::FileAbsent { path }
            | Self::FileAppend { path, .. }
            | Self::FileBlock(Block { path, .. })
            | Self::FileRecurse(Tree { path, .. })
            | Self::FileSymlink { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Mode and owner that it wants of its path.
    pub fn attributes(&self) -> Option<&Attributes> {
        match self {
            Self::FileManaged { attributes, .. }
            | Self::FileDirectory { attributes, .. }
            | Self::FileSymlink { attributes, .. } => Some(attributes),
            _ => None,
        }
    }

    /// Mode of the directories above its path that are made when they are missing; nothing when none is made.
    pub fn makes_directories(&self) -> Option<u32> {
        const PLAIN: u32 = 0o755;
        match self {
            Self::FileManaged { make_directories: true, directory_mode, attributes, .. } => {
                Some(directory_mode.or(attributes.mode.map(searchable)).unwrap_or(PLAIN))
            }
            Self::FileDirectory { make_directories: true, attributes, .. }
            | Self::FileSymlink { make_directories: true, attributes, .. } => {
                Some(attributes.mode.unwrap_or(PLAIN))
            }
            Self::FileAppend { make_directories: true, .. } => Some(PLAIN),
            _ => None,
        }
    }
}

/// The mode of a file with each digit that gives something giving search as well, as Salt makes directories.
fn searchable(mode: u32) -> u32 {
    let digit = |shift: u32| (mode >> shift) & 0o7;
    [6, 3, 0]
        .into_iter()
        .filter(|shift| digit(*shift) != 0)
        .fold(0, |all, shift| all | (digit(shift) | 1) << shift)
}

// By hand, because contents, command lines and password hashes are secrets.
impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        self.path().map_or(Ok(()), |path| write!(f, "({path})"))
    }
}

#[cfg(test)]
mod tests {
    use super::searchable;

    #[test]
    fn who_may_do_anything_with_a_file_may_enter_its_directory() {
        for (file, directory) in [(0o644, 0o755), (0o600, 0o700), (0o640, 0o750), (0o4755, 0o755)] {
            assert_eq!(searchable(file), directory, "{file:o}");
        }
    }
}
