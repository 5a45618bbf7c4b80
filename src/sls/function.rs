//! What a state wants: a closed list of functions with every argument resolved.

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
        /// Whether contents that are there already are replaced.
        replace: bool,
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
    },
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
        /// Whether missing directories above it are made.
        make_directories: bool,
        /// Whether something else at the path is replaced.
        force: bool,
    },
    /// `service.running`.
    ServiceRunning {
        /// Without `.service`.
        name: String,
        /// Whether it starts at boot; unsaid means as it is.
        enable: Option<bool>,
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
    /// `cmd.run`: a command line for the shell.
    CommandRun {
        /// The command line.
        command: String,
        /// Where it runs.
        directory: Option<String>,
        /// It is not run when all of these succeed.
        unless: Vec<String>,
        /// It is run only when all of these succeed.
        only_if: Vec<String>,
        /// It is not run when all of these paths exist.
        creates: Vec<String>,
    },
    /// `test.nop` and `test.succeed_without_changes`.
    Nothing,
    /// `test.fail_without_changes`: fails with the state's name as its reason.
    Fail {
        /// For people.
        reason: String,
    },
}

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

impl Function {
    /// The function's name in state files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FileManaged { .. } => "file.managed",
            Self::FileDirectory { .. } => "file.directory",
            Self::FileAbsent { .. } => "file.absent",
            Self::FileSymlink { .. } => "file.symlink",
            Self::ServiceRunning { .. } => "service.running",
            Self::ServiceDead { .. } => "service.dead",
            Self::ServiceEnabled { .. } => "service.enabled",
            Self::CommandRun { .. } => "cmd.run",
            Self::Nothing => "test.nop",
            Self::Fail { .. } => "test.fail_without_changes",
        }
    }

    /// The path that it may change, of those that change one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::FileManaged { path, .. }
            | Self::FileDirectory { path, .. }
            | Self::FileAbsent { path }
            | Self::FileSymlink { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The directories above the path that may have to be made.
    pub fn makes_directories(&self) -> bool {
        matches!(
            self,
            Self::FileManaged { make_directories: true, .. }
                | Self::FileDirectory { make_directories: true, .. }
                | Self::FileSymlink { make_directories: true, .. }
        )
    }
}

// By hand, because contents and command lines may hold secrets.
impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        self.path().map_or(Ok(()), |path| write!(f, "({path})"))
    }
}
