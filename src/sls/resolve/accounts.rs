//! The functions of users and groups.

use crate::sls::arguments::Arguments;
use crate::sls::error::SlsError;
use crate::sls::function::{Function, Group, User};

pub(super) fn user(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let yes = |name| Ok::<_, SlsError>(arguments.boolean(name)?.unwrap_or(true));
    let no = |name| Ok::<_, SlsError>(arguments.boolean(name)?.unwrap_or(false));
    let groups = arguments.given("groups").then(|| named(arguments, "groups")).transpose()?;
    Ok(Function::UserPresent(User {
        name: account(arguments)?,
        uid: arguments.number("uid")?,
        gid: arguments.text("gid")?,
        own_group: arguments.boolean("usergroup")?,
        groups,
        optional_groups: named(arguments, "optional_groups")?,
        remove_groups: yes("remove_groups")?,
        home: arguments.absolute_path("home")?,
        create_home: yes("createhome")?,
        shell: field(arguments, "shell")?,
        full_name: field(arguments, "fullname")?,
        password: field(arguments, "password")?,
        enforce_password: yes("enforce_password")?,
        system: no("system")?,
        allow_uid_change: no("allow_uid_change")?,
        allow_gid_change: no("allow_gid_change")?,
    }))
}

pub(super) fn group(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let members = arguments.given("members").then(|| named(arguments, "members")).transpose()?;
    let add_users = named(arguments, "addusers")?;
    let remove_users = named(arguments, "delusers")?;
    if members.is_some() && (!add_users.is_empty() || !remove_users.is_empty()) {
        return Err(arguments.bad("members", "either members, or addusers and delusers"));
    }
    if add_users.iter().any(|user| remove_users.contains(user)) {
        return Err(arguments.bad("delusers", "users that addusers does not name"));
    }
    Ok(Function::GroupPresent(Group {
        name: account(arguments)?,
        gid: arguments.number("gid")?,
        system: arguments.boolean("system")?.unwrap_or(false),
        members,
        add_users,
        remove_users,
    }))
}

/// The name, as `useradd` takes it.
fn account(arguments: &Arguments<'_>) -> Result<String, SlsError> {
    let name = arguments.name();
    if is_account(&name) { Ok(name) } else { Err(arguments.bad("name", "the name of an account")) }
}

fn named(arguments: &Arguments<'_>, name: &'static str) -> Result<Vec<String>, SlsError> {
    let names = arguments.texts(name)?;
    match names.iter().all(|name| is_account(name)) {
        true => Ok(names),
        false => Err(arguments.bad(name, "a list of names of accounts")),
    }
}

/// Whether a name can stand in the tables of accounts, and is no option of a program.
fn is_account(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.$".contains(c);
    !name.is_empty() && name.len() <= 32 && !name.starts_with('-') && name.chars().all(allowed)
}

/// A text that can be a field of the tables of accounts.
fn field(arguments: &Arguments<'_>, name: &'static str) -> Result<Option<String>, SlsError> {
    let text = arguments.text(name)?;
    match text.as_deref().is_some_and(|text| text.contains([':', '\n', '\0'])) {
        true => Err(arguments.bad(name, "a text without colons and line breaks")),
        false => Ok(text),
    }
}
