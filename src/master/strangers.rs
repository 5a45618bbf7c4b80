//! How many lines of the audit log strangers may cause, so that they cannot fill the disk.
//!
//! Each address may cause some lines a minute, and all of them together some more; what is beyond is
//! counted, and told by the next line that is written.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Lines that one address may cause in a minute.
const PER_ADDRESS: u32 = 10;

/// Lines that all addresses together may cause in a minute.
const IN_ALL: u32 = 120;

const MINUTE_MS: u64 = 60_000;

/// The lines that strangers caused in this minute.
#[derive(Debug, Default)]
pub struct Strangers {
    began_ms: u64,
    written: BTreeMap<IpAddr, u32>,
    in_all: u32,
    left_out: u64,
}

impl Strangers {
    /// Whether to write a line of this address at this time, in milliseconds since 1970; with the
    /// number of lines that were left out since the last one.
    pub fn admits(&mut self, address: IpAddr, now: u64) -> Option<u64> {
        if now.abs_diff(self.began_ms) >= MINUTE_MS {
            *self = Self { began_ms: now, left_out: self.left_out, ..Self::default() };
        }
        let written = self.written.get(&address).copied().unwrap_or(0);
        if written >= PER_ADDRESS || self.in_all >= IN_ALL {
            self.left_out += 1;
            return None;
        }
        // No more addresses than lines: the map is as bounded as the log.
        self.written.insert(address, written + 1);
        self.in_all += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn an_address_is_heard_ten_times_a_minute_and_the_rest_is_counted() {
        let mut strangers = Strangers::default();
        let written: Vec<_> = (0..25).filter_map(|at| strangers.admits(address(1), 1_000_000 + at)).collect();
        assert_eq!(written, [0; 10]);
        assert_eq!(strangers.admits(address(2), 1_000_100), Some(15), "the next line tells of them");
        assert_eq!(strangers.admits(address(1), 1_000_200), None);
        assert_eq!(strangers.admits(address(1), 1_060_000), Some(1), "a new minute");
    }

    #[test]
    fn many_addresses_share_a_bound() {
        let mut strangers = Strangers::default();
        let written = (0..=255).filter(|last| strangers.admits(address(*last), 5).is_some()).count();
        assert_eq!(written, IN_ALL as usize);
    }
}
