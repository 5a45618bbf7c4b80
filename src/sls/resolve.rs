//! From a declaration to a function: arguments read, sources fetched and rendered.

use crate::model::yaml::nearest;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::function::{Attributes, Function};
use crate::sls::jinja::Renderer;
use crate::sls::tree::inside;

/// Every function that is supported.
pub const FUNCTIONS: [&str; 11] = [
    "cmd.run",
    "file.absent",
    "file.directory",
    "file.managed",
    "file.symlink",
    "service.dead",
    "service.enabled",
    "service.running",
    "test.fail_without_changes",
    "test.nop",
    "test.succeed_without_changes",
];

/// The function that a declaration names, with its arguments.
pub fn function(renderer: &Renderer<'_>, declaration: &Declaration) -> Result<Function, SlsError> {
    let arguments = Arguments::of(declaration);
    let function = match declaration.function.as_str() {
        "file.managed" => managed(renderer, declaration, &arguments)?,
        "file.directory" => Function::FileDirectory {
            path: arguments.path()?,
            attributes: attributes(&arguments)?,
            make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
        },
        "file.absent" => Function::FileAbsent { path: arguments.path()? },
        "file.symlink" => Function::FileSymlink {
            path: arguments.path()?,
            target: arguments.required("target")?,
            make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
            force: arguments.boolean("force")?.unwrap_or(false),
        },
        "service.running" => {
            Function::ServiceRunning { name: service(&arguments)?, enable: arguments.boolean("enable")? }
        }
        "service.dead" => {
            Function::ServiceDead { name: service(&arguments)?, enable: arguments.boolean("enable")? }
        }
        "service.enabled" => Function::ServiceEnabled { name: service(&arguments)? },
        "cmd.run" => command(&arguments)?,
        "test.nop" | "test.succeed_without_changes" => {
            arguments.name()?;
            Function::Nothing
        }
        "test.fail_without_changes" => Function::Fail { reason: arguments.name()? },
        other => {
            return Err(SlsError::UnknownFunction {
                place: declaration.place.clone(),
                function: declaration.rendered.shown(other),
                meant: nearest(other, FUNCTIONS.into_iter()).map(str::to_owned),
            });
        }
    };
    arguments.finish()?;
    Ok(function)
}

fn attributes(arguments: &Arguments<'_>) -> Result<Attributes, SlsError> {
    Ok(Attributes { mode: arguments.mode()?, user: arguments.text("user")?, group: arguments.text("group")? })
}

fn service(arguments: &Arguments<'_>) -> Result<String, SlsError> {
    let name = arguments.name()?;
    let name = name.strip_suffix(".service").unwrap_or(&name);
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if name.is_empty() || !name.chars().all(valid) {
        return Err(arguments.bad("name", "the name of a service"));
    }
    Ok(name.to_owned())
}

fn command(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    Ok(Function::CommandRun {
        command: arguments.name()?,
        directory: arguments.text("cwd")?,
        unless: arguments.texts("unless")?,
        only_if: arguments.texts("onlyif")?,
        creates: arguments.texts("creates")?,
    })
}

fn managed(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Function, SlsError> {
    Ok(Function::FileManaged {
        path: arguments.path()?,
        contents: contents(renderer, declaration, arguments)?,
        attributes: attributes(arguments)?,
        make_directories: arguments.boolean("makedirs")?.unwrap_or(false),
        replace: arguments.boolean("replace")?.unwrap_or(true),
        show_changes: arguments.boolean("show_changes")?.unwrap_or(true),
    })
}

/// The bytes of `contents` or of `source`, rendered when `template` says so.
fn contents(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Option<Vec<u8>>, SlsError> {
    let mut variables = arguments.mapping("defaults")?;
    variables.extend(arguments.mapping("context")?);
    let template = match arguments.text("template")?.as_deref() {
        None => false,
        Some("jinja") => true,
        Some(_) => return Err(arguments.bad("template", "jinja")),
    };
    let source = arguments.text("source")?;
    let inline = arguments.given("contents").then(|| arguments.texts("contents")).transpose()?;
    let (path, bytes) = match (source, inline) {
        (Some(_), Some(_)) => return Err(arguments.bad("contents", "either source or contents")),
        (None, None) => return Ok(None),
        (None, Some(lines)) => {
            let mut text = lines.join("\n");
            // As Salt does: a text that is not empty ends with a line break.
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            (declaration.rendered.file.clone(), text.into_bytes())
        }
        (Some(source), None) => {
            let path = source
                .strip_prefix("salt://")
                .ok_or_else(|| arguments.bad("source", "salt:// and a path"))?;
            let bytes = Some(path).filter(|path| inside(path)).and_then(|path| renderer.tree.read(path));
            let missing = || SlsError::NoSuchSource {
                place: declaration.rendered.place_of(&[&declaration.id, &declaration.function, "source"]),
                source_file: declaration.rendered.shown(&source),
            };
            (path.to_owned(), bytes.ok_or_else(missing)?)
        }
    };
    if !template {
        return Ok(Some(bytes));
    }
    let text = String::from_utf8(bytes).map_err(|_| SlsError::NotText { file: path.clone() })?;
    renderer.template(&declaration.sls, &path, &text, &variables).map(|text| Some(text.into_bytes()))
}
