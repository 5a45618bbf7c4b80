//! Whom the monitor tells, and which services it may have stopped.

use crate::storage::config::ConfigError;
use serde::{Deserialize, Serialize};

/// Services of eos itself: without them nothing would ever be started again.
pub const OWN_SERVICES: [&str; 5] =
    ["eos-master", "eos-agent", "eos-storage-monitor", "eos-recovery", "eos-apply"];

/// Whom the action `notify` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notices {
    /// A program with its arguments: it gets the event as JSON on standard input, and as `EOS_*` variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A URL that the same JSON is sent to by POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

impl Notices {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(program) = self.command.first() {
            let wrong = |problem| ConfigError::Notify { key: "notify.command", problem };
            if !program.starts_with('/') {
                return Err(wrong("does not begin with the absolute path of a program"));
            }
            if self.command.iter().any(|word| word.contains('\0')) {
                return Err(wrong("contains a NUL"));
            }
        }
        let Some(url) = &self.webhook else { return Ok(()) };
        let wrong = |problem| ConfigError::Notify { key: "notify.webhook", problem };
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| wrong("begins with neither https:// nor http://"))?;
        if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) {
            return Err(wrong("names no host"));
        }
        if url.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(wrong("contains a blank or a control character"));
        }
        Ok(())
    }
}

pub(super) fn validate_services(services: &[String]) -> Result<(), ConfigError> {
    for (place, name) in services.iter().enumerate() {
        let wrong = |problem| ConfigError::Service { name: name.clone(), problem };
        let plain = plain(name);
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.@:".contains(letter);
        if plain.is_empty() || plain.starts_with(['.', '-']) || !plain.chars().all(allowed) {
            return Err(wrong("is not the name of a service"));
        }
        if OWN_SERVICES.contains(&plain) {
            return Err(wrong("belongs to eos itself"));
        }
        if services[..place].iter().any(|earlier| self::plain(earlier) == plain) {
            return Err(wrong("is listed twice"));
        }
    }
    Ok(())
}

/// The name without `.service`.
fn plain(name: &str) -> &str {
    name.strip_suffix(".service").unwrap_or(name)
}
