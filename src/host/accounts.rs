//! The system user that the master runs as: looked up, created and removed.

use super::command::{self, CommandError};
use super::files::{self, FileError};
use super::root::Root;
use crate::model::explain::{Code, Exit, Explain};
use std::path::PathBuf;
use std::time::Duration;

/// The user of the master.
pub const EOS_USER: &str = "eos";

/// `useradd` waits for the lock of the password files this long at most.
const DEADLINE: Duration = Duration::from_secs(30);

/// A user of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its home directory.
    pub home: PathBuf,
}

/// Why an account could not be looked up or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Accounts exist on the machine itself only.
    #[error("the user {name} can be changed on the machine itself only, not under {}", root.display())]
    NotTheHost {
        /// The user.
        name: String,
        /// The root that was given.
        root: PathBuf,
    },
    /// A line of a password file does not have the form that it must have.
    #[error("{}:{line}: the entry of {name} is not readable", path.display())]
    Malformed {
        /// `etc/passwd` or `etc/group`.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// The user or group.
        name: String,
    },
    /// The user was created and is not there.
    #[error("the user {name} is not in {} after it was created", path.display())]
    NotThere {
        /// The user.
        name: String,
        /// `etc/passwd`.
        path: PathBuf,
    },
    /// A password file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// `useradd` or `userdel` failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Explain for AccountError {
    fn code(&self) -> Code {
        match self {
            Self::NotTheHost { .. } => Code("H034"),
            Self::Malformed { .. } => Code("H035"),
            Self::NotThere { .. } => Code("H036"),
            Self::File(error) => error.code(),
            Self::Command(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        match self {
            Self::NotTheHost { .. } => Exit::Usage,
            Self::File(error) => error.exit(),
            Self::Command(error) => error.exit(),
            _ => Exit::Failed,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotTheHost { .. } => vec!["run the command without --root".to_owned()],
            Self::Malformed { path, .. } => {
                vec![format!("correct it: vipw, then pwck -r {}", path.display())]
            }
            Self::NotThere { name, .. } => vec![format!("see where users come from: getent passwd {name}")],
            Self::File(error) => error.hints(),
            Self::Command(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Command(CommandError::TooSlow { .. }))
    }
}

/// The user of that name in the root's `etc/passwd`.
///
/// # Errors
/// When the file cannot be read, or its entry is broken.
pub fn find_user(root: &Root, name: &str) -> Result<Option<Account>, AccountError> {
    let Some((line, fields)) = entry(root, "etc/passwd", name)? else { return Ok(None) };
    let number = |index: usize| fields.get(index).and_then(|field| field.parse().ok());
    match (number(2), number(3), fields.get(5)) {
        (Some(uid), Some(gid), Some(home)) => {
            Ok(Some(Account { name: name.to_owned(), uid, gid, home: PathBuf::from(home) }))
        }
        _ => Err(malformed(root, "etc/passwd", line, name)),
    }
}

/// The number of the group of that name in the root's `etc/group`.
///
/// # Errors
/// When the file cannot be read, or its entry is broken.
pub fn find_group(root: &Root, name: &str) -> Result<Option<u32>, AccountError> {
    let Some((line, fields)) = entry(root, "etc/group", name)? else { return Ok(None) };
    match fields.get(2).and_then(|field| field.parse().ok()) {
        Some(gid) => Ok(Some(gid)),
        None => Err(malformed(root, "etc/group", line, name)),
    }
}

/// Creates the system user, with a group of its name, without a login and without making its home.
/// One that is there already is left as it is; the second value tells whether it was created.
///
/// A crash leaves the user created or not; a second call finds out.
///
/// # Errors
/// When the root is not the machine's own, or `useradd` fails.
pub fn create_system_user(root: &Root, name: &str, home: &str) -> Result<(Account, bool), AccountError> {
    insist_on_host(root, name)?;
    if let Some(account) = find_user(root, name)? {
        return Ok((account, false));
    }
    let group: &[&str] = if find_group(root, name)?.is_some() {
        &["--no-user-group", "--gid", name]
    } else {
        &["--user-group"]
    };
    let mut argv = vec!["useradd", "--system", "--no-create-home", "--home-dir", home];
    argv.extend(["--shell", "/usr/sbin/nologin", "--comment", "eos storage cluster"]);
    argv.extend(group);
    argv.push(name);
    command::run_checked(&argv, DEADLINE)?;
    let path = root.join("etc/passwd");
    find_user(root, name)?
        .map(|account| (account, true))
        .ok_or_else(|| AccountError::NotThere { name: name.to_owned(), path })
}

/// Removes the user and the group of its name; says whether it was there. Its files stay.
///
/// # Errors
/// When the root is not the machine's own, or `userdel` fails.
pub fn remove_user(root: &Root, name: &str) -> Result<bool, AccountError> {
    insist_on_host(root, name)?;
    if find_user(root, name)?.is_none() {
        return Ok(false);
    }
    command::run_checked(&["userdel", name], DEADLINE)?;
    Ok(true)
}

fn insist_on_host(root: &Root, name: &str) -> Result<(), AccountError> {
    if root.is_host() {
        return Ok(());
    }
    Err(AccountError::NotTheHost { name: name.to_owned(), root: root.path().to_owned() })
}

fn entry(root: &Root, file: &str, name: &str) -> Result<Option<(usize, Vec<String>)>, AccountError> {
    let bytes = files::read_optional(&root.join(file))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let found = text.lines().enumerate().find(|(_, line)| line.split(':').next() == Some(name));
    Ok(found.map(|(index, line)| (index + 1, line.split(':').map(str::to_owned).collect())))
}

fn malformed(root: &Root, file: &str, line: usize, name: &str) -> AccountError {
    AccountError::Malformed { path: root.join(file), line, name: name.to_owned() }
}

#[cfg(test)]
impl AccountError {
    pub(crate) fn samples() -> Vec<Self> {
        let name = || EOS_USER.to_owned();
        vec![
            Self::NotTheHost { name: name(), root: "/srv/node1".into() },
            Self::Malformed { path: "/etc/passwd".into(), line: 7, name: name() },
            Self::NotThere { name: name(), path: "/etc/passwd".into() },
            Self::File(FileError::new("read", "/etc/passwd", std::io::ErrorKind::NotFound.into())),
            Self::Command(CommandError::TooSlow { program: "useradd".to_owned(), seconds: 30 }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn users_and_groups_of_a_root_are_found() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        assert_eq!(find_user(&root, "eos")?, None);
        std::fs::create_dir(folder.path().join("etc"))?;
        std::fs::write(
            folder.path().join("etc/passwd"),
            "eos-old:x:1:1::/:/bin/sh\neos:x:997:996:eos storage cluster:/var/lib/eos:/usr/sbin/nologin\nbad:x:7\n",
        )?;
        std::fs::write(folder.path().join("etc/group"), "eos:x:996:\nbad:x:many:\n")?;
        let account = find_user(&root, "eos")?.expect("it is there");
        assert_eq!((account.uid, account.gid, account.home), (997, 996, PathBuf::from("/var/lib/eos")));
        assert_eq!((find_group(&root, "eos")?, find_group(&root, "none")?), (Some(996), None));
        let path = folder.path().display();
        let text = format!("{path}/etc/passwd:3: the entry of bad is not readable");
        tells(&find_user(&root, "bad").expect_err("too short"), "EOS-H035", &text);
        let text = format!("{path}/etc/group:2: the entry of bad is not readable");
        tells(&find_group(&root, "bad").expect_err("no number"), "EOS-H035", &text);
        Ok(())
    }

    const ENTRY: &str = "EOS_TEST_USERADD";

    /// Not a test by itself: what the test below starts with a `useradd` of its own.
    #[test]
    fn useradd_entry() {
        if std::env::var_os(ENTRY).is_none() {
            return;
        }
        let machine = Root::new("/").expect("it is there");
        let error =
            create_system_user(&machine, "eos-no-such-user", "/nowhere").expect_err("nobody was made");
        tells(&error, "EOS-H036", "the user eos-no-such-user is not in /etc/passwd after it was created");
    }

    #[test]
    fn a_user_that_was_made_elsewhere_than_in_the_file_is_told() -> anyhow::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("useradd");
        std::fs::write(&program, "#!/bin/sh\nexit 0\n")?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        let output = std::process::Command::new(std::env::current_exe()?)
            .args(["--exact", "host::accounts::tests::useradd_entry", "--nocapture"])
            .env(ENTRY, "1")
            .env("PATH", folder.path())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        Ok(())
    }

    #[test]
    fn no_account_is_changed_for_another_root() -> anyhow::Result<()> {
        let root = Root::new("/srv/node1")?;
        let text = "the user eos can be changed on the machine itself only, not under /srv/node1";
        let created = create_system_user(&root, EOS_USER, "/var/lib/eos");
        tells(&created.expect_err("not the host"), "EOS-H034", text);
        tells(&remove_user(&root, EOS_USER).expect_err("not the host"), "EOS-H034", text);
        Ok(())
    }

    #[test]
    fn every_error_shows_its_facts() {
        let texts: Vec<String> = AccountError::samples()
            .iter()
            .map(|error| format!("{} {error}; {}", error.code(), error.hints().join("; ")))
            .collect();
        assert_eq!(
            texts,
            [
                "EOS-H034 the user eos can be changed on the machine itself only, not under /srv/node1; \
                 run the command without --root",
                "EOS-H035 /etc/passwd:7: the entry of eos is not readable; correct it: vipw, then pwck -r /etc/passwd",
                "EOS-H036 the user eos is not in /etc/passwd after it was created; \
                 see where users come from: getent passwd eos",
                "EOS-H001 could not read /etc/passwd; look at it: ls -ld /etc/passwd",
                "EOS-H011 useradd did not end within 30 s and was killed; \
                 run it by hand to see all that it says: useradd",
            ]
        );
    }
}
