//! Packages of Debian and its kin: which are installed, and installing and removing them.

use super::command::{self, CommandError, Output};
use crate::model::explain::{Code, Exit, Explain};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a question may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long installing may take, downloads included.
const WORK: Duration = Duration::from_secs(1800);

/// A package of which something is left on the machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Found {
    /// Whether it is installed, and not only its configuration.
    pub installed: bool,
    /// Its version.
    pub version: String,
}

/// Why packages could not be looked up or changed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The tools of Debian are not there.
    #[error("{tool} is not there, and only packages of Debian and its kin are known")]
    NoTool {
        /// The tool.
        tool: String,
    },
    /// The tool says no.
    #[error("{tool} could not {what} {}: {said}", packages.join(" "))]
    Refused {
        /// The tool.
        tool: &'static str,
        /// `install` or `remove`.
        what: &'static str,
        /// The packages.
        packages: Vec<String>,
        /// The last line that says why.
        said: String,
    },
    /// The archive has the old version no more.
    #[error("{package} cannot be undone: no source of packages has its version {version} any more")]
    NotUndone {
        /// The package.
        package: String,
        /// The version that it had.
        version: String,
    },
    /// It could not be run.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Explain for PackageError {
    fn code(&self) -> Code {
        match self {
            Self::NoTool { .. } => Code("H080"),
            Self::Refused { .. } => Code("H081"),
            Self::NotUndone { .. } => Code("H082"),
            Self::Command(error) => error.code(),
        }
    }

    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoTool { tool } => vec![format!("see whether it is installed: command -v {tool}")],
            Self::Refused { what, packages, .. } => {
                let update = "the lists of packages may be old: apt-get update".to_owned();
                vec![update, format!("see all that it says: apt-get {what} {}", packages.join(" "))]
            }
            Self::NotUndone { package, version } => vec![
                format!("see which versions there are: apt-cache madison {package}"),
                format!(
                    "with a file of the old one (snapshot.debian.org keeps them), put it back: apt-get install \
                     --allow-downgrades ./{package}_{version}_$(dpkg --print-architecture).deb"
                ),
            ],
            Self::Command(error) => error.hints(),
        }
    }

    fn retry_helps(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Command(CommandError::TooSlow { .. }))
    }
}

/// What is on the machine of these packages; those of which nothing is left are not told.
///
/// # Errors
/// When `dpkg-query` cannot be run.
pub fn found(names: &[String]) -> Result<BTreeMap<String, Found>, PackageError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let format = "--showformat=${Package}\t${binary:Package}\t${db:Status-Status}\t${Version}\n";
    let mut argv = vec!["dpkg-query", "--show", format, "--"];
    argv.extend(names.iter().map(String::as_str));
    // Its status only says that one of them is unknown.
    let output = tool(&argv, ANSWER)?;
    let mut found = BTreeMap::new();
    for line in output.stdout.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [plain, full, status, version] = fields.as_slice() else { continue };
        let installed = *status == "installed";
        if !installed && *status != "config-files" {
            continue;
        }
        for name in [plain, full] {
            if names.iter().any(|wanted| wanted == name) {
                found.insert((*name).to_owned(), Found { installed, version: (*version).to_owned() });
            }
        }
    }
    Ok(found)
}

/// The packages that installing these would install, replace or remove: what they need, and what they conflict with.
///
/// # Errors
/// When `apt-get` cannot be run or does not know one.
pub fn would_change(wanted: &[String]) -> Result<Vec<String>, PackageError> {
    let output = apt("install", &["--simulate"], wanted, ANSWER)?;
    Ok(changed_by(&output.stdout))
}

/// The packages that a simulation tells of: `Inst NAME ...`, `Remv NAME ...` and `Purg NAME ...`.
fn changed_by(simulated: &str) -> Vec<String> {
    let named = |line: &str| {
        let (what, rest) = line.split_once(' ')?;
        ["Inst", "Remv", "Purg"].contains(&what).then(|| rest.split(' ').next())?.map(str::to_owned)
    };
    simulated.lines().filter_map(named).collect()
}

/// The packages that removing these would remove, those that need them included.
///
/// # Errors
/// When `apt-get` cannot be run or refuses.
pub fn would_remove(names: &[String]) -> Result<Vec<String>, PackageError> {
    let output = apt("purge", &["--simulate"], names, ANSWER)?;
    let removed = |line: &'_ str| {
        let rest = line.strip_prefix("Purg ").or_else(|| line.strip_prefix("Remv "))?;
        rest.split(' ').next().map(str::to_owned)
    };
    Ok(output.stdout.lines().filter_map(removed).collect())
}

/// Reads the lists of packages anew.
///
/// # Errors
/// When `apt-get` fails.
pub fn refresh() -> Result<(), PackageError> {
    apt("update", &[], &[], WORK).map(|_| ())
}

/// Installs packages, each a name or `name=version`; configuration files that somebody changed stay.
///
/// # Errors
/// When `apt-get` fails; what it did until then is done.
pub fn install(wanted: &[String]) -> Result<(), PackageError> {
    let options =
        ["--allow-downgrades", "-oDPkg::Options::=--force-confold", "-oDPkg::Options::=--force-confdef"];
    apt("install", &options, wanted, WORK).map(|_| ())
}

/// Installs a package in the version that it had.
///
/// # Errors
/// As [`install`]; and when no source of packages has that version any more.
pub fn put_back(name: &str, version: &str) -> Result<(), PackageError> {
    let wanted = [format!("{name}={version}")];
    match install(&wanted) {
        Err(PackageError::Refused { .. }) if !is_offered(name, version)? => {
            Err(PackageError::NotUndone { package: name.to_owned(), version: version.to_owned() })
        }
        other => other,
    }
}

/// Whether a source of packages has this version; what is only installed is in none.
fn is_offered(name: &str, version: &str) -> Result<bool, PackageError> {
    let output = tool(&["apt-cache", "madison", "--", name], ANSWER)?;
    Ok(output.stdout.lines().any(|line| line.split('|').nth(1).is_some_and(|it| it.trim() == version)))
}

/// Removes packages with their configuration.
///
/// # Errors
/// As [`install`].
pub fn purge(names: &[String]) -> Result<(), PackageError> {
    apt("purge", &[], names, WORK).map(|_| ())
}

/// Removes packages, and keeps their configuration.
///
/// # Errors
/// As [`install`].
pub fn remove(names: &[String]) -> Result<(), PackageError> {
    apt("remove", &[], names, WORK).map(|_| ())
}

fn apt(
    what: &'static str,
    options: &[&str],
    packages: &[String],
    limit: Duration,
) -> Result<Output, PackageError> {
    let mut argv = vec!["apt-get", "-q", "-y"];
    argv.extend(options);
    argv.extend([what, "--"]);
    argv.extend(packages.iter().map(String::as_str));
    let output = tool(&argv, limit)?;
    match output.status {
        Some(0) => Ok(output),
        _ => {
            let lines = output.stderr.trim_end().lines();
            let said = lines.rev().find(|line| line.starts_with("E:")).or(output.stderr.lines().next_back());
            let said = said.unwrap_or("no message").to_owned();
            Err(PackageError::Refused { tool: "apt-get", what, packages: packages.to_vec(), said })
        }
    }
}

fn tool(argv: &[&str], limit: Duration) -> Result<Output, PackageError> {
    match command::run_clean(argv, &[("DEBIAN_FRONTEND", "noninteractive")], limit) {
        Err(CommandError::Start { program, source }) if source.kind() == std::io::ErrorKind::NotFound => {
            Err(PackageError::NoTool { tool: program })
        }
        other => Ok(other?),
    }
}

#[cfg(test)]
impl PackageError {
    pub(crate) fn samples() -> Vec<Self> {
        let packages = vec!["eos-none".to_owned()];
        vec![
            Self::NoTool { tool: "dpkg-query".to_owned() },
            Self::Refused {
                tool: "apt-get",
                what: "install",
                packages,
                said: "E: Unable to locate".to_owned(),
            },
            Self::NotUndone { package: "gpgv".to_owned(), version: "0.1".to_owned() },
            Self::Command(CommandError::TooSlow { program: "apt-get".to_owned(), seconds: 60 }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explain::tells;

    #[test]
    fn packages_of_the_machine_are_found_and_others_are_not() -> Result<(), PackageError> {
        let found = found(&["dpkg".to_owned(), "eos-no-such-package".to_owned()])?;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["dpkg"]);
        assert!(found["dpkg"].installed && found["dpkg"].version.contains('.'));
        Ok(())
    }

    #[test]
    fn what_an_installation_would_remove_counts_as_what_it_would_install() {
        let told = "NOTE: This is only a simulation!\n\
                    Remv exim4 [4.96-15] [mailutils ]\n\
                    Purg exim4-config [4.96-15]\n\
                    Inst postfix (3.7.11 Debian:12 [amd64])\n\
                    Conf postfix (3.7.11 Debian:12 [amd64])\n";
        assert_eq!(changed_by(told), ["exim4", "exim4-config", "postfix"]);
    }

    #[test]
    fn what_would_be_removed_is_named_and_still_there() -> Result<(), PackageError> {
        let name = || vec!["gpgv".to_owned()];
        let removed = would_remove(&name())?;
        assert!(removed.contains(&name()[0]), "{removed:?}");
        assert!(found(&name())?["gpgv"].installed, "nothing was removed");
        Ok(())
    }

    #[test]
    fn a_package_that_nobody_has_is_refused_with_what_apt_says() {
        let error = would_change(&["eos-no-such-package".to_owned()]).expect_err("nobody has it");
        let text =
            "apt-get could not install eos-no-such-package: E: Unable to locate package eos-no-such-package";
        tells(&error, "EOS-H081", text);
    }

    #[test]
    fn a_version_that_no_source_has_any_more_cannot_be_put_back_and_says_what_helps()
    -> Result<(), PackageError> {
        let before = found(&["gpgv".to_owned()])?;
        let error = put_back("gpgv", "0.1").expect_err("nobody has it");
        let text = "gpgv cannot be undone: no source of packages has its version 0.1 any more";
        tells(&error, "EOS-H082", text);
        assert!(error.hints()[1].contains("apt-get install --allow-downgrades ./gpgv_0.1_"), "{error:?}");
        assert_eq!(found(&["gpgv".to_owned()])?, before, "it is as it was");
        Ok(())
    }

    #[test]
    fn a_machine_without_the_tools_is_told() {
        let error = tool(&["eos-no-such-tool"], ANSWER).expect_err("missing");
        let text = "eos-no-such-tool is not there, and only packages of Debian and its kin are known";
        tells(&error, "EOS-H080", text);
    }

    #[test]
    fn every_error_shows_its_facts() {
        let texts: Vec<_> = PackageError::samples().iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "dpkg-query is not there, and only packages of Debian and its kin are known",
                "apt-get could not install eos-none: E: Unable to locate",
                "gpgv cannot be undone: no source of packages has its version 0.1 any more",
                "apt-get did not end within 60 s and was killed",
            ]
        );
    }
}
