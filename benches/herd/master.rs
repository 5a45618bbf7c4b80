//! The real master: founded by the program, watched from outside, killed by its process.

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const ADDRESS: &str = "127.0.33.1";

/// A cluster of one node; reset when dropped.
pub struct Master {
    binary: PathBuf,
    root: TempDir,
    /// Its token.
    pub token: String,
}

impl Master {
    /// Founds it.
    pub fn found(binary: &Path) -> Result<Self> {
        let root = tempfile::Builder::new().prefix("eosherd").tempdir()?;
        let mut master = Self { binary: binary.to_owned(), root, token: String::new() };
        master.eos(&["bootstrap", "--single-node", "--advertise-address", ADDRESS, "--node-name", "m1"])?;
        let made = master.eos(&["token", "create"])?;
        master.token = made["result"]["token"].as_str().context("a token is a text")?.to_owned();
        Ok(master)
    }

    fn eos(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        command.arg("--root").arg(self.root.path()).args(["--output", "json"]).args(arguments);
        let output = command.output().with_context(|| self.binary.display().to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "eos {}: {text}", arguments.join(" "));
        Ok(serde_json::from_str(text.lines().last().context("there is a verdict")?)?)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(ADDRESS.parse().expect("an address"), 4507)
    }

    fn pid(&self) -> Result<i32> {
        let record = std::fs::read(self.root.path().join("run/eos/eos-master.pid"))?;
        let record: Value = serde_json::from_slice(&record)?;
        let pid = record["child"]["pid"].as_i64().context("the master runs")?;
        Ok(pid.try_into()?)
    }

    /// What is resident of it, in MiB.
    pub fn resident_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has a size")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024.0)
    }

    /// The time of the processors that it has used.
    pub fn processor(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        let fields: Vec<&str> =
            stat.rsplit(')').next().context("a process has a name")?.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Kills it; its supervisor starts it again.
    pub fn kill(&self) -> Result<()> {
        let pid = Pid::from_raw(self.pid()?).context("a process id is positive")?;
        Ok(kill_process(pid, Signal::KILL)?)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if let Err(error) = self.eos(&["reset", "--force"]) {
            println!("the master is left in {}: {error:#}", self.root.path().display());
        }
    }
}
