//! Checks of what belongs to the machine: services, programs, kernel settings, limits of sessions.

use super::wrong::Wrong;
use serde_yaml::Value;

/// Services of eos itself: without them nothing would start again what was stopped.
const OWN_SERVICES: [&str; 5] =
    ["eos-master", "eos-agent", "eos-storage-monitor", "eos-recovery", "eos-apply"];

/// The types of limits.
const TYPES: [&str; 3] = ["soft", "hard", "-"];

/// What pam_limits can limit.
const ITEMS: [&str; 19] = [
    "core",
    "data",
    "fsize",
    "memlock",
    "nofile",
    "rss",
    "stack",
    "cpu",
    "nproc",
    "as",
    "maxlogins",
    "maxsyslogins",
    "nonewprivs",
    "priority",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
];

/// The name of a service that may be stopped, with or without `.service`.
pub fn service(name: &str) -> Result<(), Wrong> {
    let plain = name.strip_suffix(".service").unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@:".contains(c);
    if plain.is_empty() || plain.starts_with(['.', '-']) || !plain.chars().all(allowed) {
        return Err("must be names of services such as slurmd".into());
    }
    if OWN_SERVICES.contains(&plain) {
        return Err("must not be a service of eos itself".into());
    }
    Ok(())
}

/// A program with its arguments.
pub fn command(words: &[&str]) -> Result<(), Wrong> {
    match words.first() {
        Some(program) if program.starts_with('/') => Ok(()),
        _ => Err("must begin with the absolute path of a program".into()),
    }
}

/// Kernel settings: a mapping of names to numbers, texts, or null.
pub fn kernel_settings(value: &Value) -> Result<(), Wrong> {
    let settings =
        value.as_mapping().ok_or("must be a mapping of names to values, which only a file can say")?;
    for (name, value) in settings {
        let name = name.as_str().ok_or("must have names of kernel settings such as vm.swappiness")?;
        let part = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_/*".contains(c))
        };
        if !name.contains('.') || !name.split('.').all(part) || name.starts_with('-') {
            return Err(Wrong::from("must have names of kernel settings such as vm.swappiness").of(name));
        }
        let fits = match value {
            Value::Null => true,
            Value::Number(number) => number.is_i64(),
            Value::String(text) => !text.trim().is_empty() && !text.contains(char::is_control),
            _ => false,
        };
        if !fits {
            return Err(Wrong::from("must have whole numbers or texts of one line as values").of(name));
        }
    }
    Ok(())
}

/// A line of limits.conf.
pub fn limit(line: &str) -> Result<(), Wrong> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[domain, kind, item, value] = &words[..] else {
        return Err("must be limits of four words such as `@jobs soft core 0`".into());
    };
    if line.contains(char::is_control) || domain.starts_with('#') {
        return Err("must be limits of four words such as `@jobs soft core 0`".into());
    }
    if !TYPES.contains(&kind) {
        return Err(Wrong::word(kind, &TYPES).of(kind));
    }
    if !ITEMS.contains(&item) {
        return Err(Wrong::word(item, &ITEMS).of(item));
    }
    if value.parse::<i64>().is_err() && !["unlimited", "infinity"].contains(&value) {
        return Err(Wrong::from("must end with a number or unlimited").of(value));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(result: Result<(), Wrong>) -> String {
        let wrong = result.expect_err("it is wrong");
        format!("{} | {} | {}", wrong.why, wrong.entry.unwrap_or_default(), wrong.nearest.unwrap_or_default())
    }

    #[test]
    fn services_that_may_be_stopped_have_names_and_are_not_those_of_eos() {
        for name in ["slurmd", "getty@tty1.service", "a_b-c.d"] {
            assert_eq!(service(name), Ok(()), "{name}");
        }
        for name in ["", ".service", "-x", "a b", "../x"] {
            assert_eq!(why(service(name)), "must be names of services such as slurmd |  | ", "{name}");
        }
        for name in ["eos-agent", "eos-storage-monitor.service"] {
            assert_eq!(why(service(name)), "must not be a service of eos itself |  | ", "{name}");
        }
    }

    #[test]
    fn kernel_settings_have_names_with_dots_and_values_of_one_line() {
        let check = |text: &str| kernel_settings(&serde_yaml::from_str(text).expect("it is YAML"));
        for text in ["{}", "vm.swappiness: 10", "net.ipv4.conf.eth0/1.mtu: '1'", "vm.dirty_bytes:"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, entry) in
            [("swappiness: 1", "swappiness"), ("a..b: 1", "a..b"), ("'vm.x = 1 vm.y': 1", "vm.x = 1 vm.y")]
        {
            let told = format!("must have names of kernel settings such as vm.swappiness | {entry} | ");
            assert_eq!(why(check(text)), told, "{text}");
        }
        for value in ["[1]", "1.5", "true", "''", "\"1\\nvm.y = 2\""] {
            let told = "must have whole numbers or texts of one line as values | vm.x | ";
            assert_eq!(why(check(&format!("vm.x: {value}"))), told, "{value}");
        }
    }

    #[test]
    fn limits_are_lines_that_pam_limits_reads() {
        for line in ["* soft core 0", "@jobs - nofile unlimited", "root hard nice -5"] {
            assert_eq!(limit(line), Ok(()), "{line}");
        }
        for (line, told) in [
            ("* soft core", "must be limits of four words such as `@jobs soft core 0` |  | "),
            ("#a soft core 0", "must be limits of four words such as `@jobs soft core 0` |  | "),
            ("* sotf core 0", "must be one of soft, hard, - | sotf | soft"),
            ("* soft core many", "must end with a number or unlimited | many | "),
        ] {
            assert_eq!(why(limit(line)), told, "{line}");
        }
        assert!(why(limit("* soft nofiles 0")).ends_with("| nofiles | nofile"));
    }
}
