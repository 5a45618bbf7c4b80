//! The functions of files.

use super::contents::{self, Rendering};
use crate::model::yaml::Value;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::function::{Attributes, Block, Function, InsertAt, Recursion, Tree};
use crate::sls::jinja::Renderer;
use crate::sls::tree::inside;

pub(super) fn managed(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Function, SlsError> {
    no_backup(arguments)?;
    // Sources of the tree are never fetched from elsewhere, so there is nothing to verify.
    arguments.boolean("skip_verify")?;
    Ok(Function::FileManaged {
        path: arguments.path()?,
        contents: contents::contents(renderer, declaration, arguments)?,
        attributes: attributes(arguments, "mode")?,
        make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
        directory_mode: arguments.mode("dir_mode")?,
        replace: arguments.boolean("replace")?.unwrap_or(true),
        create: arguments.boolean("create")?.unwrap_or(true),
        follow_links: arguments.boolean("follow_symlinks")?.unwrap_or(true),
        show_changes: arguments.boolean("show_changes")?.unwrap_or(true),
    })
}

pub(super) fn directory(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let mode = arguments.mode("mode")?;
    let directory_mode = arguments.mode("dir_mode")?.or(mode);
    let file_mode = arguments.mode("file_mode")?.or(directory_mode);
    let owner = attributes(arguments, "mode")?;
    let words = arguments.texts("recurse")?;
    let known = ["user", "group", "mode", "ignore_files", "ignore_dirs"];
    if words.iter().any(|word| !known.contains(&word.as_str())) {
        return Err(arguments.bad("recurse", "a list of user, group, mode, ignore_files, ignore_dirs"));
    }
    let says = |word: &str| words.iter().any(|other| other == word);
    if says("user") && owner.user.is_none() || says("group") && owner.group.is_none() {
        return Err(arguments.bad("recurse", "user and group only where the state names them"));
    }
    if says("ignore_files") && says("ignore_dirs") {
        return Err(arguments.bad("recurse", "only one of ignore_files and ignore_dirs"));
    }
    let recursion = Recursion {
        user: says("user"),
        group: says("group"),
        directory_mode: directory_mode.filter(|_| says("mode")),
        file_mode: file_mode.filter(|_| says("mode")),
        ignore_files: says("ignore_files"),
        ignore_directories: says("ignore_dirs"),
    };
    Ok(Function::FileDirectory {
        path: arguments.path()?,
        attributes: Attributes { mode: directory_mode, ..owner },
        make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
        recursion: (!words.is_empty()).then_some(recursion),
    })
}

pub(super) fn recurse(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Function, SlsError> {
    no_backup(arguments)?;
    let rendering = Rendering::of(renderer, declaration, arguments)?;
    let source = arguments.required("source")?;
    let base = contents::tree_path(arguments, &source)?;
    let found = if inside(&base) { renderer.tree.below(&base) } else { Vec::new() };
    if found.is_empty() {
        return Err(contents::missing(declaration, &source));
    }
    let mut files = Vec::with_capacity(found.len());
    let mut directories = vec![String::new()];
    for path in found {
        let relative = path[base.len() + 1..].to_owned();
        let directory = relative.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        if !directories.contains(&directory) {
            directories.push(directory);
        }
        let bytes = renderer.tree.read(&path).ok_or_else(|| contents::missing(declaration, &source))?;
        files.push((relative, rendering.made(&path, bytes)?));
    }
    // The one that holds no file of its own is made with those below it.
    if !files.iter().any(|(path, _)| !path.contains('/')) {
        directories.remove(0);
    }
    directories.sort();
    let owner = attributes(arguments, "file_mode")?;
    Ok(Function::FileRecurse(Tree {
        path: arguments.path()?,
        directories,
        files,
        directory: Attributes { mode: arguments.mode("dir_mode")?, ..owner.clone() },
        file: owner,
        replace: arguments.boolean("replace")?.unwrap_or(true),
        clean: arguments.boolean("clean")?.unwrap_or(false),
        kept: Vec::new(),
    }))
}

pub(super) fn symlink(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let owner = attributes(arguments, "mode")?;
    // As in Salt: a link belongs to whoever applies states, which is root, unless it is said.
    let root = || Some("0".to_owned());
    let group = owner.group.clone().or_else(|| if owner.user.is_none() { root() } else { None });
    Ok(Function::FileSymlink {
        path: arguments.path()?,
        target: arguments.required("target")?,
        attributes: Attributes { mode: owner.mode, user: owner.user.or_else(root), group },
        make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
        force: arguments.boolean("force")?.unwrap_or(false),
    })
}

pub(super) fn append(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let texts = arguments.texts("text")?;
    if texts.is_empty() {
        arguments.required("text")?;
    }
    let make_directories = arguments.boolean("makedirs")?.unwrap_or(false);
    Ok(Function::FileAppend { path: arguments.path()?, texts, make_directories })
}

pub(super) fn block(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    // Salt's default writes a second file, NAME.bak.
    if arguments.get("backup").and_then(Value::as_bool) != Some(false) {
        return Err(arguments.bad("backup", "False, because a rollback brings back what was there,"));
    }
    let end = arguments.boolean("append_if_not_found")?.unwrap_or(false);
    let beginning = arguments.boolean("prepend_if_not_found")?.unwrap_or(false);
    let insert = match (beginning, end) {
        (true, true) => return Err(arguments.bad("prepend_if_not_found", "only one of the two places")),
        (true, false) => InsertAt::Beginning,
        (false, true) => InsertAt::End,
        (false, false) => InsertAt::Nowhere,
    };
    let marker =
        |name, default: &str| Ok::<_, SlsError>(arguments.text(name)?.unwrap_or_else(|| default.to_owned()));
    Ok(Function::FileBlock(Block {
        path: arguments.path()?,
        start: marker("marker_start", "#-- start managed zone --")?,
        end: marker("marker_end", "#-- end managed zone --")?,
        content: arguments.text("content")?.unwrap_or_default(),
        insert,
        show_changes: arguments.boolean("show_changes")?.unwrap_or(true),
    }))
}

fn attributes(arguments: &Arguments<'_>, mode: &'static str) -> Result<Attributes, SlsError> {
    Ok(Attributes {
        mode: arguments.mode(mode)?,
        user: arguments.text("user")?,
        group: arguments.text("group")?,
    })
}

fn no_backup(arguments: &Arguments<'_>) -> Result<(), SlsError> {
    arguments.refuse("backup", "False, because a rollback brings back what was there,")
}
