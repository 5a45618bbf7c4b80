//! Tests of what a state would change of a path.

use super::*;

fn managed_file(contents: &str, mode: u32) -> Function {
    Function::FileManaged {
        path: "/etc/a".into(),
        contents: Some(contents.into()),
        attributes: Attributes { mode: Some(mode), user: Some("eos".into()), group: None },
        make_directories: false,
        directory_mode: None,
        replace: true,
        create: true,
        follow_links: false,
        show_changes: true,
    }
}

fn existing(kind: FileKind) -> Existing {
    Existing { kind, mode: 0o644, user: 0, group: 0 }
}

#[test]
fn a_file_as_it_should_be_is_unchanged() {
    let now = existing(FileKind::File(b"a\n".to_vec()));
    let owner = OwnerNumbers { user: Some(0), group: None };
    assert_eq!(difference(&managed_file("a\n", 0o644), Some(&now), owner), Difference::Unchanged);
}

#[test]
fn contents_mode_and_owner_are_told_apart() {
    let now = existing(FileKind::File(b"a\n".to_vec()));
    let owner = OwnerNumbers { user: Some(7), group: None };
    assert_eq!(
        difference(&managed_file("b\n", 0o600), Some(&now), owner),
        Difference::Changed(vec![
            Change::Contents("--- /etc/a\n+++ /etc/a\n@@ -1,1 +1,1 @@\n-a\n+b\n".into()),
            Change::Mode { from: "0644".into(), to: "0600".into() },
            Change::User { from: 0, to: 7 },
        ])
    );
}

#[test]
fn what_may_not_be_shown_is_not() {
    let mut function = managed_file("secret\n", 0o644);
    if let Function::FileManaged { show_changes, .. } = &mut function {
        *show_changes = false;
    }
    let now = existing(FileKind::File(b"old secret\n".to_vec()));
    let changed = difference(&function, Some(&now), OwnerNumbers::default());
    assert_eq!(
        changed,
        Difference::Changed(vec![Change::Contents("not shown (show_changes: False)".into())])
    );
    assert_eq!(format!("{function:?}"), "file.managed(/etc/a)");
    let binary = existing(FileKind::File(vec![0xff]));
    let changed = difference(&managed_file("b\n", 0o644), Some(&binary), OwnerNumbers::default());
    assert_eq!(changed, Difference::Changed(vec![Change::Contents("not text: 1 bytes become 2".into())]));
}

#[test]
fn a_directory_in_the_way_is_never_removed() {
    let now = existing(FileKind::Directory);
    let blocked = difference(&managed_file("", 0o644), Some(&now), OwnerNumbers::default());
    assert_eq!(blocked, Difference::Blocked("/etc/a is a directory, not a file".into()));
}

#[test]
fn links_are_compared_by_their_target() {
    let link = |force| Function::FileSymlink {
        attributes: Attributes::default(),
        path: "/l".into(),
        target: "/new".into(),
        make_directories: false,
        force,
    };
    let now = existing(FileKind::Symlink("/old".into()));
    assert_eq!(
        difference(&link(false), Some(&now), OwnerNumbers::default()),
        Difference::Changed(vec![Change::Target { from: "/old".into(), to: "/new".into() }])
    );
    let file = existing(FileKind::File(vec![]));
    assert_eq!(
        difference(&link(true), Some(&file), OwnerNumbers::default()),
        Difference::Changed(vec![Change::Replaced("file".into())])
    );
    assert_eq!(
        difference(&link(false), Some(&file), OwnerNumbers::default()),
        Difference::Blocked("/l is a file, not a symlink (force: True replaces it)".into())
    );
    assert_eq!(
        difference(&Function::FileAbsent { path: "/l".into() }, Some(&file), OwnerNumbers::default()),
        Difference::Changed(vec![Change::Removed])
    );
}
