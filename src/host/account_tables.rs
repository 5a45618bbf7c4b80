//! Users and groups as the tables of a root have them, with all that a state may want to change.

use super::accounts::AccountError;
use super::files;
use super::root::Root;
use serde::{Deserialize, Serialize};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// The first part of what is told of it.
    pub full_name: String,
    /// Its home directory.
    pub home: String,
    /// Its login program.
    pub shell: String,
    /// The groups that list it as a member, sorted.
    pub groups: Vec<String>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Its number.
    pub gid: u32,
    /// Its members, in the order of the table.
    pub members: Vec<String>,
}

/// The user of that name; none when there is none.
///
/// # Errors
/// When a table cannot be read, or its entry is broken.
pub fn user(root: &Root, name: &str) -> Result<Option<UserEntry>, AccountError> {
    let Some((line, fields)) = find(root, "etc/passwd", name)? else { return Ok(None) };
    let [_, _, uid, gid, told, home, shell] = fields.as_slice() else {
        return Err(malformed(root, "etc/passwd", line, name));
    };
    let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else {
        return Err(malformed(root, "etc/passwd", line, name));
    };
    let all = groups(root)?;
    let mut groups: Vec<String> = all
        .into_iter()
        .filter(|(_, group)| group.members.iter().any(|member| member == name))
        .map(|(group, _)| group)
        .collect();
    groups.sort();
    let full_name = told.split(',').next().unwrap_or("").to_owned();
    Ok(Some(UserEntry { uid, gid, full_name, home: home.clone(), shell: shell.clone(), groups }))
}

/// The group of that name; none when there is none.
///
/// # Errors
/// As [`user`].
pub fn group(root: &Root, name: &str) -> Result<Option<GroupEntry>, AccountError> {
    Ok(groups(root)?.into_iter().find(|(other, _)| other == name).map(|(_, group)| group))
}

/// Every group, in the order of the table.
///
/// # Errors
/// As [`user`].
pub fn groups(root: &Root) -> Result<Vec<(String, GroupEntry)>, AccountError> {
    let mut found = Vec::new();
    for (index, line) in lines(root, "etc/group")?.iter().enumerate() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields.as_slice() else { continue };
        let gid = gid.parse().map_err(|_| malformed(root, "etc/group", index + 1, name))?;
        let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
        found.push(((*name).to_owned(), GroupEntry { gid, members }));
    }
    Ok(found)
}

/// The hash of a user's password, as the table has it; none when there is no entry.
///
/// # Errors
/// When the table cannot be read.
pub fn password(root: &Root, name: &str) -> Result<Option<String>, AccountError> {
    Ok(find(root, "etc/shadow", name)?.and_then(|(_, fields)| fields.get(1).cloned()))
}

fn lines(root: &Root, file: &str) -> Result<Vec<String>, AccountError> {
    let bytes = files::read_optional(&root.join(file))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect())
}

fn find(root: &Root, file: &str, name: &str) -> Result<Option<(usize, Vec<String>)>, AccountError> {
    let lines = lines(root, file)?;
    let found = lines.iter().enumerate().find(|(_, line)| line.split(':').next() == Some(name));
    Ok(found.map(|(index, line)| (index + 1, line.split(':').map(str::to_owned).collect())))
}

fn malformed(root: &Root, file: &str, line: usize, name: &str) -> AccountError {
    AccountError::Malformed { path: root.join(file), line, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn users_and_groups_are_told_with_what_belongs_to_them() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        assert_eq!((user(&root, "ann")?, group(&root, "ops")?, password(&root, "ann")?), (None, None, None));
        std::fs::create_dir(folder.path().join("etc"))?;
        let put = |name: &str, text: &str| std::fs::write(folder.path().join("etc").join(name), text);
        put("passwd", "ann:x:7:8:Ann Lee,1,2:/home/ann:/bin/sh\nbad:x:7\n")?;
        put("group", "own:x:8:\nops:x:9:bob,ann\nadm:x:10:ann\n")?;
        put("shadow", "ann:$6$hash:1::::::\n")?;
        let ann = UserEntry {
            uid: 7,
            gid: 8,
            full_name: "Ann Lee".into(),
            home: "/home/ann".into(),
            shell: "/bin/sh".into(),
            groups: vec!["adm".into(), "ops".into()],
        };
        assert_eq!(user(&root, "ann")?, Some(ann));
        let ops = GroupEntry { gid: 9, members: vec!["bob".into(), "ann".into()] };
        assert_eq!(group(&root, "ops")?, Some(ops));
        assert_eq!(password(&root, "ann")?.as_deref(), Some("$6$hash"));
        let text = format!("{}/etc/passwd:2: the entry of bad is not readable", folder.path().display());
        tells(&user(&root, "bad").expect_err("too short"), "EOS-H035", &text);
        Ok(())
    }
}
