//! Has container engines remove what nobody uses: stopped containers, dangling images, unused networks and build
//! cache, each only when it is older than the retention of caches.
//!
//! An engine is there when its socket is: the engine does the work, so the program that asks it needs no power.

use crate::host::command::{self, CommandError};
use crate::host::files;
use crate::host::root::Root;
use crate::model::explain::Failure;
use serde::Serialize;
use std::time::Duration;

/// An engine may take its time over many layers.
const LIMIT: Duration = Duration::from_secs(300);

/// An engine: its program, the option that names its socket, and the socket below the root.
const ENGINES: [(&str, &str, &str); 2] =
    [("docker", "--host", "run/docker.sock"), ("podman", "--url", "run/podman/podman.sock")];

/// What an engine did, or would be asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The command, word by word.
    pub command: Vec<String>,
    /// Bytes freed, as the engine said; missing when it was not asked yet: it does not tell beforehand.
    pub bytes: Option<u64>,
    /// What it said last.
    pub said: Option<String>,
    /// Why it did not do it.
    pub failure: Option<Failure>,
}

/// Asks every engine that is there.
pub fn prune(root: &Root, older_than_days: u32, dry_run: bool) -> Vec<Pruned> {
    let there = |socket: &str| files::exists(&root.join(socket)).unwrap_or(false);
    ENGINES
        .into_iter()
        .filter(|(_, _, socket)| there(socket))
        .map(|(program, option, socket)| {
            let socket = format!("unix://{}", root.join(socket).display());
            let until = format!("until={}h", u64::from(older_than_days) * 24);
            let words = [program, option, &socket, "system", "prune", "--force", "--filter", &until];
            let pruned =
                Pruned { command: words.map(str::to_owned).into(), bytes: None, said: None, failure: None };
            if dry_run { pruned } else { asked(pruned) }
        })
        .collect()
}

fn asked(pruned: Pruned) -> Pruned {
    let words: Vec<&str> = pruned.command.iter().map(String::as_str).collect();
    tracing::info!(command = words.join(" "), "having a container engine remove what nobody uses");
    match command::run_hook(&words, &[], LIMIT) {
        Ok(output) => told(pruned, &output.stdout),
        Err(error) => failed(pruned, &error),
    }
}

fn failed(pruned: Pruned, error: &CommandError) -> Pruned {
    Pruned { failure: Some(Failure::of(error)), ..pruned }
}

/// `Total reclaimed space: 1.5GB` is the last line of both engines.
fn told(pruned: Pruned, stdout: &str) -> Pruned {
    let last =
        stdout.lines().rev().find_map(|line| line.strip_prefix("Total reclaimed space:")).map(str::trim);
    Pruned { bytes: last.and_then(amount), said: last.map(|text| text.chars().take(40).collect()), ..pruned }
}

/// An amount as engines write it, in powers of 1000.
fn amount(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.'))?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * unit;
    (bytes.is_finite() && bytes >= 0.0).then_some(bytes.round() as u64)
}

#[cfg(test)]
mod tests;
