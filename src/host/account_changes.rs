//! Changes users and groups of the machine, each with the system's own tool.
//!
//! Each call is safe to repeat: a crash leaves an account as it was or as it shall be, and the caller looks again.

use super::accounts::AccountError;
use super::command;
use super::root::Root;
use std::time::Duration;

/// The tools wait for the lock of the tables this long at most.
const DEADLINE: Duration = Duration::from_secs(60);

/// Refuses another root than the machine's own: the tools would change the accounts of the machine.
///
/// # Errors
/// When it is another.
pub fn insist_on_host(root: &Root, name: &str) -> Result<(), AccountError> {
    match root.is_host() {
        true => Ok(()),
        false => Err(AccountError::NotTheHost { name: name.to_owned(), root: root.path().to_owned() }),
    }
}

/// Adds a user with these options of `useradd`.
///
/// # Errors
/// When the root is not the machine's own, or the tool fails.
pub fn add_user(root: &Root, name: &str, options: &[String]) -> Result<(), AccountError> {
    run(root, "useradd", options, name)
}

/// Changes a user with these options of `usermod`; none changes nothing.
///
/// # Errors
/// As [`add_user`].
pub fn change_user(root: &Root, name: &str, options: &[String]) -> Result<(), AccountError> {
    if options.is_empty() { Ok(()) } else { run(root, "usermod", options, name) }
}

/// Gives a user this hash as its password. It is told on the standard input: what is on a command line, everybody on
/// the machine can read.
///
/// # Errors
/// As [`add_user`].
pub fn set_password(root: &Root, name: &str, hash: &str) -> Result<(), AccountError> {
    insist_on_host(root, name)?;
    let line = format!("{name}:{hash}\n").into_bytes();
    command::run_hook_on(&["chpasswd", "--encrypted"], &[], line, DEADLINE)?;
    Ok(())
}

/// Adds a group with these options of `groupadd`.
///
/// # Errors
/// As [`add_user`].
pub fn add_group(root: &Root, name: &str, options: &[String]) -> Result<(), AccountError> {
    run(root, "groupadd", options, name)
}

/// Gives a group another number.
///
/// # Errors
/// As [`add_user`].
pub fn renumber_group(root: &Root, name: &str, gid: u32) -> Result<(), AccountError> {
    run(root, "groupmod", &["--gid".to_owned(), gid.to_string()], name)
}

/// Gives a group exactly these members.
///
/// # Errors
/// As [`add_user`].
pub fn set_members(root: &Root, name: &str, members: &[String]) -> Result<(), AccountError> {
    run(root, "gpasswd", &["--members".to_owned(), members.join(",")], name)
}

/// Removes a group; its files stay.
///
/// # Errors
/// As [`add_user`].
pub fn remove_group(root: &Root, name: &str) -> Result<(), AccountError> {
    run(root, "groupdel", &[], name)
}

fn run(root: &Root, tool: &str, options: &[String], name: &str) -> Result<(), AccountError> {
    insist_on_host(root, name)?;
    let argv: Vec<&str> =
        std::iter::once(tool).chain(options.iter().map(String::as_str)).chain(["--", name]).collect();
    command::run_secret(&argv, DEADLINE)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn no_account_of_another_root_is_changed() -> anyhow::Result<()> {
        let root = Root::new("/srv/node1")?;
        let text = "the user ann can be changed on the machine itself only, not under /srv/node1";
        tells(&add_user(&root, "ann", &[]).expect_err("another root"), "EOS-H034", text);
        tells(&set_members(&root, "ann", &[]).expect_err("another root"), "EOS-H034", text);
        tells(&set_password(&root, "ann", "*").expect_err("another root"), "EOS-H034", text);
        tells(&remove_group(&root, "ann").expect_err("another root"), "EOS-H034", text);
        change_user(&root, "ann", &[])?;
        Ok(())
    }
}
