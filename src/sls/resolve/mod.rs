//! From a declaration to a function: arguments read, sources fetched and rendered.

mod accounts;
mod contents;
mod files;
mod machine;

use crate::sls::aftermath::Aftermath;
use crate::sls::arguments::Arguments;
use crate::sls::condition::Conditions;
use crate::sls::declaration::Declaration;
use crate::sls::error::SlsError;
use crate::sls::function::Function;
use crate::sls::jinja::Renderer;

/// Every function that is supported.
pub const FUNCTIONS: [&str; 25] = [
    "cmd.run",
    "cmd.wait",
    "file.absent",
    "file.append",
    "file.blockreplace",
    "file.directory",
    "file.managed",
    "file.recurse",
    "file.symlink",
    "group.present",
    "mount.mounted",
    "pkg.installed",
    "service.dead",
    "service.disabled",
    "service.enabled",
    "service.running",
    "sysctl.present",
    "test.configurable_test_state",
    "test.fail_with_changes",
    "test.fail_without_changes",
    "test.nop",
    "test.show_notification",
    "test.succeed_with_changes",
    "test.succeed_without_changes",
    "user.present",
];

/// A declaration with every argument read.
pub struct Resolved {
    /// What it wants.
    pub function: Function,
    /// What must hold for it to run.
    pub conditions: Conditions,
    /// What is asked of it once it ran.
    pub aftermath: Aftermath,
    /// Whether nothing else is run when it fails.
    pub fail_hard: bool,
}

/// What a declaration wants, and when.
///
/// # Errors
/// When the function is unknown, or an argument is unknown, missing or of another kind.
pub fn state(renderer: &Renderer<'_>, declaration: &Declaration) -> Result<Resolved, SlsError> {
    let arguments = Arguments::of(declaration);
    let function = function(renderer, declaration, &arguments)?;
    let directory = match &function {
        Function::CommandRun { directory, .. } => directory.as_deref(),
        _ => None,
    };
    let conditions = Conditions::of(&arguments, directory)?;
    let aftermath = Aftermath::of(&arguments)?;
    // Of this function it is another one, which has the new contents before they are in place.
    if !aftermath.checks.is_empty() && matches!(function, Function::FileManaged { .. }) {
        let feature = "check_cmd of file.managed".to_owned();
        return Err(SlsError::Unsupported { place: arguments.place("check_cmd"), feature });
    }
    let fail_hard = arguments.boolean("failhard")?.unwrap_or(false);
    arguments.finish()?;
    Ok(Resolved { function, conditions, aftermath, fail_hard })
}

fn function(
    renderer: &Renderer<'_>,
    declaration: &Declaration,
    arguments: &Arguments<'_>,
) -> Result<Function, SlsError> {
    match declaration.function.as_str() {
        "file.managed" => files::managed(renderer, declaration, arguments),
        "file.directory" => files::directory(arguments),
        "file.recurse" => files::recurse(renderer, declaration, arguments),
        "file.absent" => Ok(Function::FileAbsent { path: arguments.path()? }),
        "file.symlink" => files::symlink(arguments),
        "file.append" => files::append(arguments),
        "file.blockreplace" => files::block(arguments),
        "service.running" | "service.dead" | "service.enabled" | "service.disabled" => {
            machine::service(&declaration.function, arguments)
        }
        "cmd.run" => machine::command(arguments, false),
        "cmd.wait" => machine::command(arguments, true),
        "user.present" => accounts::user(arguments),
        "group.present" => accounts::group(arguments),
        "pkg.installed" => machine::packages(arguments),
        "sysctl.present" => machine::sysctl(arguments),
        "mount.mounted" => machine::mount(arguments),
        other if other.starts_with("test.") => machine::test(declaration, arguments),
        _ => Err(unknown(declaration)),
    }
}

/// That nobody knows the function.
fn unknown(declaration: &Declaration) -> SlsError {
    SlsError::UnknownFunction {
        place: declaration.place.clone(),
        function: declaration.rendered.shown(&declaration.function),
    }
}
