//! Clocks that are wrong, told as wrong clocks.

use crate::support::{Lab, fake_clock};

#[test]
fn a_clock_ten_minutes_or_a_year_off_is_named_in_seconds_before_anything_changes() {
    let mut lab = Lab::new(2);
    lab.host(1).bootstrap_single();
    let token = lab.host(1).token(&[]);
    for (offset, seconds, side) in [
        ("-10m", 600, "behind"),
        ("+10m", 600, "ahead of"),
        ("-365d", 31_536_000, "behind"),
        ("+365d", 31_536_000, "ahead of"),
    ] {
        lab.host_mut(2).environment = fake_clock(offset);
        let [master, joiner] = lab.hosts();
        let refused = joiner.join(master, &["--token", &token]);
        let measured = format!("{side} the master's");
        let refused =
            refused.failed(3, "EOS-P020", &["clock-offset", "--skip-check clock-offset", &measured]);
        let error = refused.error().to_string();
        let near = (seconds - 2..=seconds + 2).any(|near| error.contains(&format!("{near} s {side}")));
        assert!(near, "{offset}: {error}");
        assert!(!joiner.path("etc/eos").exists() && !joiner.path("var/lib/eos").exists());
    }
    lab.host_mut(2).environment.clear();
    let [master, joiner] = lab.hosts();
    joiner.join(master, &["--token", &token]).done();
    master.converged(2);
}
