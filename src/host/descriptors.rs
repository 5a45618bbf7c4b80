//! How many files and sockets this process may have open at a time.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Has this process allowed `wanted` open descriptors, as far as the machine lets it; gives the number
/// that is allowed then. One that is allowed more keeps it.
pub fn allow(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current.unwrap_or(u64::MAX);
    let reachable = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    if reachable <= current {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum: limit.maximum }) {
        Ok(()) => reachable,
        Err(error) => {
            tracing::warn!(%error, current, wanted, "the limit of open descriptors stays as it is");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allowed_already_is_kept_and_nothing_beyond_the_hard_limit_is_promised() {
        let before = allow(0);
        assert_eq!(Some(before), getrlimit(Resource::Nofile).current);
        let most = getrlimit(Resource::Nofile).maximum;
        assert!(most.is_none_or(|most| allow(before + 1) <= most));
    }
}
