//! Parameters of the running kernel, as `/proc/sys` has them.

use super::files::FileError;
use std::path::PathBuf;

/// The value of a parameter, `net.ipv4.ip_forward`, without the line break at its end; none when there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn parameter(name: &str) -> Result<Option<String>, FileError> {
    let path = path(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim_end_matches('\n').to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", &path, error)),
    }
}

/// Sets a parameter.
///
/// # Errors
/// When there is none of that name, or the kernel does not take the value.
pub fn set_parameter(name: &str, value: &str) -> Result<(), FileError> {
    let path = path(name);
    std::fs::write(&path, format!("{value}\n")).map_err(|error| FileError::new("write", &path, error))
}

/// Limits of which the one that was set last counts, and the other one is zero.
const PAIRS: [(&str, &str); 2] =
    [("vm.dirty_bytes", "vm.dirty_ratio"), ("vm.dirty_background_bytes", "vm.dirty_background_ratio")];

/// The parameter that is set to zero when this one is set, if there is one.
pub fn counterpart(name: &str) -> Option<&'static str> {
    let plain = name.replace('/', ".");
    PAIRS.iter().find_map(|(one, other)| match plain.as_str() {
        plain if plain == *one => Some(*other),
        plain if plain == *other => Some(*one),
        _ => None,
    })
}

/// Gives a parameter a value again that it had before. Zero of one that has a counterpart says that this one counted:
/// the kernel does not take it, and sets it when the counterpart gets its value again.
///
/// # Errors
/// As [`set_parameter`].
pub fn restore_parameter(name: &str, value: &str) -> Result<(), FileError> {
    match value.trim() == "0" && counterpart(name).is_some() {
        true => Ok(()),
        false => set_parameter(name, value),
    }
}

/// Its file: dots and slashes change places, as `sysctl` reads a name whose first mark is a dot.
fn path(name: &str) -> PathBuf {
    let swap = name.find(['.', '/']).is_some_and(|at| name[at..].starts_with('.'));
    let turned = name.chars().map(|c| match c {
        '.' if swap => '/',
        '/' if swap => '.',
        other => other,
    });
    PathBuf::from("/proc/sys").join(turned.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_their_names() -> Result<(), FileError> {
        assert!(parameter("kernel.ostype")?.is_some_and(|text| text == "Linux"));
        assert_eq!(parameter("kernel.eos_no_such")?, None);
        assert_eq!(
            path("net.ipv4.conf.eth0/1.forwarding"),
            PathBuf::from("/proc/sys/net/ipv4/conf/eth0.1/forwarding")
        );
        assert_eq!(path("net/ipv4/ip_forward"), PathBuf::from("/proc/sys/net/ipv4/ip_forward"));
        Ok(())
    }

    #[test]
    fn a_zero_that_the_kernel_sets_by_itself_is_not_written() -> Result<(), FileError> {
        assert_eq!(counterpart("vm/dirty_background_bytes"), Some("vm.dirty_background_ratio"));
        assert_eq!(counterpart("vm.dirty_ratio"), Some("vm.dirty_bytes"));
        assert_eq!(counterpart("vm.swappiness"), None);
        let before = parameter("vm.dirty_bytes")?;
        restore_parameter("vm.dirty_bytes", "0")?;
        assert_eq!(parameter("vm.dirty_bytes")?, before);
        Ok(())
    }

    #[test]
    fn a_parameter_that_is_not_there_is_not_set() {
        let error = set_parameter("kernel.eos_no_such", "1").expect_err("there is none");
        assert_eq!(error.to_string(), "could not write /proc/sys/kernel/eos_no_such");
    }
}
