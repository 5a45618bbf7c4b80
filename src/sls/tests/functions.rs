//! Every function with its arguments, as the plan has it.

use super::plan_of;
use crate::sls::Function;
use crate::sls::function::{Attributes, Group, InsertAt, Package, Recursion};
use crate::sls::resolve::FUNCTIONS;

fn function(text: &str) -> Function {
    let plan = plan_of(&[("a.sls", text), ("d/x", "1"), ("d/y/z", "2")]).expect("renders");
    plan.states.into_iter().next().expect("one state").function
}

#[test]
fn every_function_is_known_by_the_name_that_its_states_tell() {
    let arguments = "    - name: NAME\n    - target: x\n    - source: salt://d\n    - text: x\n    - backup: False\n    - value: 1\n    \
                     - device: d\n    - fstype: f\n";
    for name in FUNCTIONS {
        let path = if name.starts_with("file.") || name.starts_with("mount.") { "/x" } else { "x" };
        let wanted = |argument: &str| {
            let takes = match name {
                "file.symlink" => "target",
                "file.recurse" => "source",
                "file.append" | "test.show_notification" => "text",
                "file.blockreplace" => "backup",
                "sysctl.present" => "value",
                "mount.mounted" => "device fstype",
                _ => "",
            };
            argument == "name" || takes.contains(argument)
        };
        let lines = arguments.replace("NAME", path);
        let lines = lines.lines().filter(|line| {
            wanted(
                line.trim_start_matches(" - ").trim_start_matches([' ', '-']).split(':').next().unwrap_or(""),
            )
        });
        let text = format!("a:\n  {name}:\n{}\n", lines.collect::<Vec<_>>().join("\n"));
        assert_eq!(function(&text).name(), name, "{text}");
    }
}

#[test]
fn files_are_resolved_with_their_attributes() {
    let link = function("l:\n  file.symlink: [{name: /l/}, {target: x}, {force: yes}]\n");
    let root = Attributes { mode: None, user: Some("0".into()), group: Some("0".into()) };
    let (path, target) = ("/l".into(), "x".into());
    assert!(
        link == Function::FileSymlink {
            path,
            target,
            attributes: root,
            make_directories: false,
            force: true
        }
    );
    let text = "d:\n  file.directory: [{name: /d}, {mode: '1777'}, {file_mode: 640}, {user: eos}, {group: 0}, {makedirs: true}, \
                {recurse: [user, mode]}]\n";
    let owned = Attributes { mode: Some(0o1777), user: Some("eos".into()), group: Some("0".into()) };
    let recursion = Recursion {
        user: true,
        directory_mode: Some(0o1777),
        file_mode: Some(0o640),
        ..Recursion::default()
    };
    let wanted = Function::FileDirectory {
        path: "/d".into(),
        attributes: owned,
        make_directories: true,
        recursion: Some(recursion),
    };
    assert!(function(text) == wanted);
    let Function::FileBlock(block) = function(
        "b:\n  file.blockreplace: [{name: /b}, {content: x}, {backup: false}, {append_if_not_found: yes}]\n",
    ) else {
        panic!("a block")
    };
    assert_eq!((block.start.as_str(), block.insert), ("#-- start managed zone --", InsertAt::End));
}

#[test]
fn a_tree_is_its_files_and_the_directories_that_hold_them() {
    let Function::FileRecurse(tree) =
        function("t:\n  file.recurse: [{name: /t}, {source: 'salt://d'}, {file_mode: 600}]\n")
    else {
        panic!("a tree")
    };
    assert_eq!(tree.directories, ["", "y"]);
    assert_eq!(tree.files, [("x".to_owned(), b"1".to_vec()), ("y/z".to_owned(), b"2".to_vec())]);
    assert_eq!((tree.file.mode, tree.directory.mode), (Some(0o600), None));
}

#[test]
fn contents_come_from_the_state_or_the_pillar() {
    let bytes = |text: &str| match function(text) {
        Function::FileManaged { contents, .. } => {
            contents.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        _ => panic!("a file"),
    };
    assert_eq!(bytes("f:\n  file.managed: [{name: /f}]\n"), None);
    assert_eq!(bytes("f:\n  file.managed: [{name: /f}, {contents: [a, 1]}]\n").as_deref(), Some("a\n1\n"));
    assert_eq!(bytes("f:\n  file.managed: [{name: /f}, {contents: ''}]\n").as_deref(), Some(""));
    let pillar =
        "f:\n  file.managed: [{name: /f}, {contents_pillar: 'deep:key'}, {contents_newline: false}]\n";
    assert_eq!(bytes(pillar).as_deref(), Some("value"));
    let template = "f:\n  file.managed: [{name: /f}, {contents: '{% raw %}{{ x }}{% endraw %}'}, {template: jinja}, {context: {x: 7}}]\n";
    assert_eq!(bytes(template).as_deref(), Some("7\n"));
}

#[test]
fn accounts_packages_and_services_are_resolved() {
    let Function::UserPresent(user) = function(
        "ann:\n  user.present: [{uid: 7}, {groups: [a, b]}, {home: /h}, {fullname: Ann}, {remove_groups: false}]\n",
    ) else {
        panic!("a user")
    };
    assert_eq!((user.name.as_str(), user.uid, user.home.as_deref()), ("ann", Some(7), Some("/h")));
    assert_eq!(
        (user.groups, user.remove_groups, user.create_home),
        (Some(vec!["a".into(), "b".into()]), false, true)
    );
    let group = function("g:\n  group.present: [{gid: 7}, {addusers: [ann]}]\n");
    let wanted = Group { name: "g".into(), gid: Some(7), add_users: vec!["ann".into()], ..Group::default() };
    assert!(group == Function::GroupPresent(wanted));
    let packages = function("p:\n  pkg.installed: [{pkgs: [a, {b: '1.0'}]}, {refresh: yes}]\n");
    let package = |name: &str, version: Option<&str>| Package {
        name: name.into(),
        version: version.map(str::to_owned),
    };
    let wanted = vec![package("a", None), package("b", Some("1.0"))];
    assert!(packages == Function::PackageInstalled { packages: wanted, refresh: true });
    let dead = function("s:\n  service.dead: [{name: s.service}, {enable: off}]\n");
    assert!(dead == Function::ServiceDead { name: "s".into(), enable: Some(false) });
}

#[test]
fn commands_have_a_place_and_an_environment_and_any_state_has_conditions() {
    let text = "c:\n  cmd.run: [{name: 'true'}, {cwd: /}, {env: [{A: 1}, {B: x}]}, {unless: 'false'}, {onlyif: [a, b]}, {creates: /c}]\n";
    let plan = plan_of(&[("a.sls", text)]).expect("renders");
    let state = &plan.states[0];
    let environment = vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x".to_owned())];
    let (command, directory) = ("true".into(), Some("/".into()));
    assert!(
        state.function
            == Function::CommandRun { command, directory, environment, timeout: None, waits: false }
    );
    let conditions = &state.conditions;
    assert_eq!((conditions.unless.len(), conditions.only_if.len()), (1, 2));
    assert_eq!((conditions.creates[0].as_str(), conditions.directory.as_deref()), ("/c", Some("/")));
}
