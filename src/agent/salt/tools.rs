//! The programs of the Salt master of this host, and what it is.

use crate::agent::salt::SaltError;
use crate::host::command::{self, Output};
use crate::host::files;
use crate::host::root::Root;
use crate::host::services::{ServiceManager, transient};
use crate::identity::membership::Membership;
use crate::salt::key;
use crate::salt::programs;
use crate::salt::settings::Settings;
use crate::wire::salt::SaltMaster;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question may take: a start of Python on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a unit that took too long may take to end.
const ENDING: Duration = Duration::from_secs(10);

/// The service that all of this is for, and that its units end with.
const AGENT: &str = "eos-agent.service";

/// The programs.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The root.
    pub root: Root,
    /// The cluster, as the pillar names it.
    pub cluster: String,
    salt_call: String,
    directory: PathBuf,
    /// Whether systemd confines the agent, which then has the programs run in units of their own.
    confined: bool,
}

impl Tools {
    /// Of the Salt master that this node was founded beside; none where there is none.
    pub fn of(root: &Root, membership: &Membership, services: ServiceManager) -> Option<Self> {
        let (salt_call, directory) = (membership.salt_call.clone()?, membership.salt_master.as_deref()?);
        let directory = root.join(directory.trim_start_matches('/'));
        let cluster = membership.cluster.to_string();
        Some(Self {
            root: root.clone(),
            cluster,
            salt_call,
            directory,
            confined: services == ServiceManager::Systemd,
        })
    }

    /// The directory of the Salt master's configuration.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What `salt-key` says.
    ///
    /// # Errors
    /// When it cannot be run or refuses.
    pub fn salt_key(&self, arguments: &[&str]) -> Result<String, SaltError> {
        let (program, output) = self.run(("salt-key", "eos-salt-key"), &self.directory, arguments, LIMIT)?;
        if output.status != Some(0) {
            return Err(SaltError::Answer { program, why: said(&output) });
        }
        Ok(output.stdout)
    }

    /// What `salt-run` says of the minions, whatever its status.
    ///
    /// # Errors
    /// When it cannot be run, or takes longer than a question may.
    pub fn question(&self, arguments: &[&str]) -> Result<(String, Output), SaltError> {
        self.run(("salt-run", "eos-salt-minions"), &self.directory, arguments, LIMIT)
    }

    /// What `salt-run` says of an orchestration with this configuration, whatever its status.
    ///
    /// # Errors
    /// When it cannot be run, or takes longer than the limit.
    pub fn orchestrate(
        &self,
        configuration: &Path,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<(String, Output), SaltError> {
        self.run(("salt-run", "eos-salt-run"), configuration, arguments, limit)
    }

    /// Runs a program, in a unit of that name where the agent is confined.
    fn run(
        &self,
        (name, unit): (&str, &str),
        configuration: &Path,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<(String, Output), SaltError> {
        let program = programs::beside(&self.salt_call, name);
        let configuration = configuration.display().to_string();
        let mut argv = vec![program.as_str(), "--config-dir", configuration.as_str(), "--out=json"];
        argv.extend(arguments);
        let apart = self.confined.then(|| transient::command_line(unit, AGENT, limit, &argv));
        let argv = apart.as_ref().map_or(argv, |apart| apart.iter().map(String::as_str).collect());
        match command::run_clean(&argv, &[], limit + ENDING) {
            Ok(output) => Ok((program, output)),
            Err(source) => Err(SaltError::Start { program, source }),
        }
    }

    /// What minions have to know of the Salt master.
    ///
    /// # Errors
    /// When it cannot be asked, or has no key yet: it never ran.
    pub fn master(&self) -> Result<SaltMaster, SaltError> {
        let arguments = ["--log-level=error", "salt.cmd", "config.items"];
        let (program, output) =
            self.run(("salt-run", "eos-salt-settings"), &self.directory, &arguments, LIMIT)?;
        let settings = Settings::parse(&output.stdout).map_err(|why| SaltError::Answer {
            program: program.clone(),
            why: format!("{why}{}", beside(&output)),
        })?;
        for path in settings.public_keys() {
            let text = files::read_optional(Path::new(&path))?;
            let finger = text.and_then(|bytes| key::master_finger(&String::from_utf8_lossy(&bytes)));
            if let Some(finger) = finger {
                let (publish_port, return_port) = (settings.publish_port, settings.ret_port);
                return Ok(SaltMaster { publish_port, return_port, finger });
            }
        }
        let why = format!("the Salt master has no key in {}, so it never ran", settings.pki_dir);
        Err(SaltError::Answer { program, why })
    }
}

/// The last thing that it said of what went wrong.
pub fn said(output: &Output) -> String {
    let lines = || output.stderr.lines().chain(output.stdout.lines()).rev();
    let line = lines().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(|| format!("it ended with status {:?} and said nothing", output.status), str::to_owned)
}

/// The last line that it wrote besides its answer.
pub fn beside(output: &Output) -> String {
    let line = output.stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
    line.map_or_else(String::new, |line| format!("; {line}"))
}
