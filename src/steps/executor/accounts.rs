//! `user.present` and `group.present`.

use super::{Working, changed, set};
use crate::host::account_changes as tools;
use crate::host::account_tables::{self as tables, GroupEntry, UserEntry};
use crate::host::files::{self, Attributes};
use crate::sls::difference::{Change, Outcome};
use crate::sls::function::{Group, User};
use crate::sls::run::Ended;
use crate::steps::error::StepFailure;
use std::path::Path;

/// What a user is not yet: what is told of it, and the options of the tool that makes it so.
#[derive(Default)]
struct Missing {
    changes: Vec<Change>,
    options: Vec<String>,
    password: Option<String>,
    home: Option<String>,
}

impl Missing {
    fn add(&mut self, option: &str, what: &str, from: &str, to: &str) {
        self.options.extend([option.to_owned(), to.to_owned()]);
        self.changes.push(set(what, Some(from), to));
    }
}

impl Working<'_> {
    pub(super) fn user(&self, wanted: &User, trial: bool) -> Result<Ended, StepFailure> {
        tools::insist_on_host(&self.env.root, &wanted.name)?;
        let groups = tables::groups(&self.env.root)?;
        let known = |name: &String| groups.iter().any(|(group, _)| group == name);
        let unknown: Vec<&str> =
            wanted.groups.iter().flatten().filter(|name| !known(name)).map(String::as_str).collect();
        if !unknown.is_empty() {
            let text = format!("The following group(s) are not present: {}", unknown.join(","));
            return Ok(Ended::of(Outcome::Failed, text));
        }
        let Some(now) = tables::user(&self.env.root, &wanted.name)? else {
            return self.new_user(wanted, &known, trial);
        };
        let missing = match self.missing(wanted, &now, &groups)? {
            Ok(missing) => missing,
            Err(why) => return Ok(Ended::of(Outcome::Failed, why)),
        };
        if missing.changes.is_empty() {
            let comment = format!("User {} is present and up to date", wanted.name);
            return Ok(Ended::of(Outcome::Unchanged, comment));
        }
        if trial {
            let comment = format!("The user {} is set to be changed", wanted.name);
            return Ok(Ended::of(Outcome::WouldChange, comment));
        }
        tools::change_user(&self.env.root, &wanted.name, &missing.options)?;
        if let Some(password) = &missing.password {
            tools::set_password(&self.env.root, &wanted.name, password)?;
        }
        if let Some(home) = missing.home {
            files::create_directory(
                Path::new(&home),
                Attributes { mode: 0o755, owner: Some((now.uid, now.gid)) },
            )?;
        }
        Ok(changed(false, format!("Updated user {}", wanted.name), missing.changes))
    }

    fn new_user(
        &self,
        wanted: &User,
        known: &dyn Fn(&String) -> bool,
        trial: bool,
    ) -> Result<Ended, StepFailure> {
        if trial {
            return Ok(Ended::of(Outcome::WouldChange, format!("User {} set to be added", wanted.name)));
        }
        let mut options = Vec::new();
        let mut add = |option: &str, value: Option<String>| {
            options.push(option.to_owned());
            options.extend(value);
        };
        if let Some(uid) = wanted.uid {
            add("--uid", Some(uid.to_string()));
        }
        match (&wanted.gid, wanted.own_group) {
            (Some(gid), _) => add("--gid", Some(gid.clone())),
            // As `useradd` would refuse to make a group that is there.
            (None, None | Some(true)) if known(&wanted.name) => add("--gid", Some(wanted.name.clone())),
            (None, Some(true)) => add("--user-group", None),
            (None, Some(false)) => add("--no-user-group", None),
            (None, None) => {}
        }
        let optional = wanted.optional_groups.iter().filter(|name| known(name));
        let groups: Vec<String> = wanted.groups.iter().flatten().chain(optional).cloned().collect();
        if !groups.is_empty() {
            add("--groups", Some(groups.join(",")));
        }
        for (option, value) in
            [("--home-dir", &wanted.home), ("--shell", &wanted.shell), ("--comment", &wanted.full_name)]
        {
            if value.is_some() {
                add(option, value.clone());
            }
        }
        add(if wanted.create_home { "--create-home" } else { "--no-create-home" }, None);
        if wanted.system {
            add("--system", None);
        }
        tools::add_user(&self.env.root, &wanted.name, &options)?;
        if let Some(password) = &wanted.password {
            tools::set_password(&self.env.root, &wanted.name, password)?;
        }
        Ok(changed(false, format!("New user {} created", wanted.name), vec![set("name", None, &wanted.name)]))
    }

    /// What an existing user is not yet; or why it must not become that.
    fn missing(
        &self,
        wanted: &User,
        now: &UserEntry,
        groups: &[(String, GroupEntry)],
    ) -> Result<Result<Missing, String>, StepFailure> {
        let mut missing = Missing::default();
        if let Some(uid) = wanted.uid.filter(|uid| *uid != now.uid) {
            if !wanted.allow_uid_change {
                return Ok(Err(not_permitted("uid", now.uid, uid)));
            }
            missing.add("--uid", "uid", &now.uid.to_string(), &uid.to_string());
        }
        let number = |name: &String| {
            let found = groups.iter().find(|(group, _)| group == name).map(|(_, entry)| entry.gid);
            name.parse().ok().or(found)
        };
        let gid = match &wanted.gid {
            Some(name) => match number(name) {
                Some(gid) => gid,
                None => return Ok(Err(format!("Group {name} is not present"))),
            },
            None => now.gid,
        };
        if gid != now.gid {
            if !wanted.allow_gid_change {
                return Ok(Err(not_permitted("gid", now.gid, gid)));
            }
            missing.add("--gid", "gid", &now.gid.to_string(), &gid.to_string());
        }
        let own = groups.iter().find(|(_, entry)| entry.gid == gid).map(|(name, _)| name.as_str());
        let member_of = wanted_groups(wanted, now, groups, own);
        let now_groups: Vec<&str> = now
            .groups
            .iter()
            .map(String::as_str)
            .filter(|name| Some(*name) != own && *name != wanted.name)
            .collect();
        if member_of != now_groups {
            missing.add("--groups", "groups", &now_groups.join(","), &member_of.join(","));
        }
        for (option, what, from, to) in [
            ("--home", "home", &now.home, &wanted.home),
            ("--shell", "shell", &now.shell, &wanted.shell),
            ("--comment", "fullname", &now.full_name, &wanted.full_name),
        ] {
            if let Some(to) = to.as_ref().filter(|to| *to != from) {
                missing.add(option, what, from, to);
            }
        }
        self.secret(wanted, &mut missing)?;
        let home = wanted.home.as_ref().unwrap_or(&now.home);
        if wanted.create_home && !files::is_directory(Path::new(home)) {
            missing.changes.push(set("homeDoesNotExist", None, home));
            missing.home = Some(home.clone());
        }
        Ok(Ok(missing))
    }

    /// The password, of which nothing is told but that it changes.
    fn secret(&self, wanted: &User, missing: &mut Missing) -> Result<(), StepFailure> {
        let Some(password) = &wanted.password else { return Ok(()) };
        let now = tables::password(&self.env.root, &wanted.name)?.unwrap_or_default();
        let unset = now.is_empty() || now == "!" || now == "*";
        if now != *password && (unset || wanted.enforce_password) {
            missing.password = Some(password.clone());
            missing.changes.push(set("passwd", None, "(not shown)"));
        }
        Ok(())
    }

    pub(super) fn group(&self, wanted: &Group, trial: bool) -> Result<Ended, StepFailure> {
        let root = &self.env.root;
        tools::insist_on_host(root, &wanted.name)?;
        let Some(now) = tables::group(root, &wanted.name)? else {
            if trial {
                let comment = format!("Group {} set to be added", wanted.name);
                return Ok(Ended::of(Outcome::WouldChange, comment));
            }
            let mut options: Vec<String> = Vec::new();
            options.extend(wanted.gid.iter().flat_map(|gid| ["--gid".to_owned(), gid.to_string()]));
            options.extend(wanted.system.then(|| "--system".to_owned()));
            tools::add_group(root, &wanted.name, &options)?;
            let members = wanted.members.as_ref().unwrap_or(&wanted.add_users);
            if !members.is_empty() {
                tools::set_members(root, &wanted.name, members)?;
            }
            let comment = format!("New group {} created", wanted.name);
            return Ok(changed(false, comment, vec![set("name", None, &wanted.name)]));
        };
        let members = members(wanted, &now);
        let mut changes = Vec::new();
        let renumbered = wanted.gid.filter(|gid| *gid != now.gid);
        if let Some(gid) = renumbered {
            changes.push(set("gid", Some(&now.gid.to_string()), &gid.to_string()));
        }
        if members != now.members {
            changes.push(set("members", Some(&now.members.join(",")), &members.join(",")));
        }
        if changes.is_empty() {
            let comment = format!("Group {} is present and up to date", wanted.name);
            return Ok(Ended::of(Outcome::Unchanged, comment));
        }
        if trial {
            let comment = format!("The group {} is set to be changed", wanted.name);
            return Ok(Ended::of(Outcome::WouldChange, comment));
        }
        if let Some(gid) = renumbered {
            tools::renumber_group(root, &wanted.name, gid)?;
        }
        if members != now.members {
            tools::set_members(root, &wanted.name, &members)?;
        }
        Ok(changed(false, format!("Group {} was changed", wanted.name), changes))
    }
}

fn not_permitted(what: &str, from: u32, to: u32) -> String {
    format!(
        "Changing {what} ({from} -> {to}) not permitted, set allow_{what}_change to True to force this change"
    )
}

/// The groups that a user shall be in besides its own, sorted.
fn wanted_groups<'a>(
    wanted: &'a User,
    now: &'a UserEntry,
    groups: &[(String, GroupEntry)],
    own: Option<&str>,
) -> Vec<&'a str> {
    let known = |name: &&String| groups.iter().any(|(group, _)| group == *name);
    let mut names: Vec<&str> = wanted.groups.iter().flatten().map(String::as_str).collect();
    names.extend(wanted.optional_groups.iter().filter(known).map(String::as_str));
    let unsaid = wanted.groups.is_none() && wanted.optional_groups.is_empty();
    if unsaid || !wanted.remove_groups {
        names.extend(now.groups.iter().map(String::as_str));
    }
    names.retain(|name| Some(*name) != own && *name != wanted.name);
    names.sort_unstable();
    names.dedup();
    names
}

/// The members that a group shall have: the wanted ones, in the order that there is where they are the same.
fn members(wanted: &Group, now: &GroupEntry) -> Vec<String> {
    match &wanted.members {
        Some(exactly) => {
            let same =
                exactly.len() == now.members.len() && exactly.iter().all(|user| now.members.contains(user));
            if same { now.members.clone() } else { exactly.clone() }
        }
        None => {
            let kept = now.members.iter().filter(|user| !wanted.remove_users.contains(user));
            let new = wanted.add_users.iter().filter(|user| !now.members.contains(user));
            kept.chain(new).cloned().collect()
        }
    }
}
