//! The functions of services, commands, packages, the kernel and mounts, and those of `test`.

use super::unknown;
use crate::model::yaml::Value;
use crate::sls::arguments::Arguments;
use crate::sls::declaration::{Declaration, scalar};
use crate::sls::difference::Outcome;
use crate::sls::error::SlsError;
use crate::sls::function::{Function, Mount, Package, TestOutcome};

pub(super) fn service(function: &str, arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let name = arguments.name();
    let name = name.strip_suffix(".service").unwrap_or(&name).to_owned();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if name.is_empty() || !name.chars().all(valid) {
        return Err(arguments.bad("name", "the name of a service"));
    }
    Ok(match function {
        "service.running" => Function::ServiceRunning {
            name,
            enable: arguments.boolean("enable")?,
            reload: arguments.boolean("reload")?.unwrap_or(false),
        },
        "service.dead" => Function::ServiceDead { name, enable: arguments.boolean("enable")? },
        "service.enabled" => Function::ServiceEnabled { name },
        _ => Function::ServiceDisabled { name },
    })
}

pub(super) fn command(arguments: &Arguments<'_>, waits: bool) -> Result<Function, SlsError> {
    // What is logged of it is decided elsewhere.
    arguments.text("output_loglevel")?;
    arguments.boolean("hide_output")?;
    Ok(Function::CommandRun {
        command: arguments.name(),
        directory: arguments.text("cwd")?,
        environment: environment(arguments)?,
        timeout: arguments.number("timeout")?,
        waits,
    })
}

/// `env` as a mapping, or as a list of mappings.
fn environment(arguments: &Arguments<'_>) -> Result<Vec<(String, String)>, SlsError> {
    let bad = || arguments.bad("env", "a mapping of names to texts");
    let mut found = Vec::new();
    let mut add = |value: &Value| {
        for (name, value) in value.as_mapping().ok_or_else(bad)? {
            let name = scalar(name).filter(|name| !name.is_empty() && !name.contains(['=', '\0']));
            let value = scalar(value).filter(|value| !value.contains('\0'));
            found.push((name.ok_or_else(bad)?, value.ok_or_else(bad)?));
        }
        Ok(())
    };
    match arguments.get("env") {
        None => {}
        Some(Value::Sequence(items)) => items.iter().try_for_each(&mut add)?,
        Some(value) => add(value)?,
    }
    Ok(found)
}

pub(super) fn packages(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let bad = || arguments.bad("pkgs", "a list of names, or of `name: version`");
    let mut packages = Vec::new();
    match arguments.get("pkgs") {
        None => packages.push(Package { name: arguments.name(), version: version(arguments)? }),
        Some(value) => {
            for item in value.as_sequence().ok_or_else(bad)? {
                let (name, version) = match item {
                    Value::Mapping(map) if map.len() == 1 => {
                        let (name, version) = map.iter().next().expect("it has one entry");
                        (scalar(name).ok_or_else(bad)?, Some(scalar(version).ok_or_else(bad)?))
                    }
                    item => (scalar(item).ok_or_else(bad)?, None),
                };
                packages.push(Package { name, version });
            }
        }
    }
    let name = |text: &str| {
        let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        first && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:".contains(c))
    };
    let exact = |text: &String| {
        !text.starts_with('-')
            && !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:~".contains(c))
    };
    if packages.iter().any(|package| !name(&package.name) || !package.version.iter().all(exact)) {
        let argument = if arguments.given("pkgs") { "pkgs" } else { "name" };
        return Err(arguments.bad(argument, "names of packages, and exact versions"));
    }
    Ok(Function::PackageInstalled { packages, refresh: arguments.boolean("refresh")?.unwrap_or(false) })
}

fn version(arguments: &Arguments<'_>) -> Result<Option<String>, SlsError> {
    match arguments.text("version")? {
        Some(latest) if latest == "latest" => Err(arguments.bad("version", "an exact version")),
        other => Ok(other),
    }
}

pub(super) fn sysctl(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let name = arguments.name();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if name.is_empty() || name.starts_with(['.', '/', '-']) || name.contains("..") || !name.chars().all(valid)
    {
        return Err(arguments.bad("name", "the name of a parameter, net.ipv4.ip_forward"));
    }
    let value = arguments.required("value")?;
    if value.contains(['\n', '\0']) {
        return Err(arguments.bad("value", "one line"));
    }
    Ok(Function::SysctlPresent { name, value, file: arguments.absolute_path("config")? })
}

pub(super) fn mount(arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    let options = match arguments.get("opts") {
        None => vec!["defaults".to_owned()],
        Some(Value::String(text)) => text.split(',').map(str::to_owned).collect(),
        Some(_) => arguments.texts("opts")?,
    };
    let mount = Mount {
        path: arguments.path()?,
        device: arguments.required("device")?,
        kind: arguments.required("fstype")?,
        options,
        dump: arguments.number("dump")?.unwrap_or(0),
        pass: arguments.number("pass_num")?.unwrap_or(0),
        persist: arguments.boolean("persist")?.unwrap_or(true),
        mount: arguments.boolean("mount")?.unwrap_or(true),
        make_directory: arguments.boolean("mkmnt")?.unwrap_or(false),
        table: arguments.absolute_path("config")?,
    };
    let word = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(char::is_control);
    if ![&mount.device, &mount.kind].into_iter().chain(&mount.options).all(|text| word(text)) {
        return Err(arguments.bad("device", "a device, a file system and options that are words"));
    }
    Ok(Function::Mounted(mount))
}

pub(super) fn test(declaration: &Declaration, arguments: &Arguments<'_>) -> Result<Function, SlsError> {
    use Outcome::{Changed, Failed, Unchanged, WouldChange};
    let said =
        |default: &str| Ok::<_, SlsError>(arguments.text("comment")?.unwrap_or_else(|| default.to_owned()));
    let outcome = |function, outcome, tested, changes, comment| {
        Function::Test(TestOutcome { function, outcome, tested, changes, comment })
    };
    let name = arguments.name();
    Ok(match declaration.function.as_str() {
        "test.nop" => outcome("test.nop", Unchanged, Unchanged, false, said("Success!")?),
        "test.succeed_without_changes" => {
            outcome("test.succeed_without_changes", Unchanged, Unchanged, false, said("Success!")?)
        }
        "test.succeed_with_changes" => {
            outcome("test.succeed_with_changes", Changed, WouldChange, true, said("Success!")?)
        }
        "test.fail_without_changes" => {
            let comment = said(&format!("Failure! {name}"))?;
            outcome("test.fail_without_changes", Failed, Failed, false, comment)
        }
        "test.fail_with_changes" => {
            outcome("test.fail_with_changes", Failed, WouldChange, true, said(&format!("Failure! {name}"))?)
        }
        "test.show_notification" => {
            outcome("test.show_notification", Unchanged, Unchanged, false, arguments.required("text")?)
        }
        "test.configurable_test_state" => configurable(arguments, said("")?)?,
        _ => return Err(unknown(declaration)),
    })
}

fn configurable(arguments: &Arguments<'_>, comment: String) -> Result<Function, SlsError> {
    use Outcome::{Changed, Failed, Unchanged, WouldChange};
    let changes = arguments.boolean("changes")?.unwrap_or(true);
    let succeeds = arguments.boolean("result")?.unwrap_or(true);
    let may_fail = arguments.boolean("allow_test_mode_failure")?.unwrap_or(false);
    let outcome = match (succeeds, changes) {
        (false, _) => Failed,
        (true, true) => Changed,
        (true, false) => Unchanged,
    };
    let tested = match (may_fail && !succeeds, changes) {
        (true, _) => Failed,
        (false, true) => WouldChange,
        (false, false) => Unchanged,
    };
    let function = "test.configurable_test_state";
    Ok(Function::Test(TestOutcome { function, outcome, tested, changes, comment }))
}
