//! Programs in units of their own, made for one run: for a service that systemd confines, and whose work is not
//! (pure, but for what runs the command line).

use std::time::Duration;

/// What a unit knows besides what systemd itself sets.
const ENVIRONMENT: [&str; 3] =
    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"];

/// The command line that runs a program in a unit of this name: with the output and the exit status of the program, for at
/// most so long, and no longer than the service that it is for. While there is a unit of the name, no other one begins.
pub fn command_line(unit: &str, of: &str, limit: Duration, argv: &[&str]) -> Vec<String> {
    let mut line: Vec<String> =
        ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
            .map(str::to_owned)
            .into();
    line.push(format!("--unit={unit}"));
    line.extend(ENVIRONMENT.map(|variable| format!("--setenv={variable}")));
    line.push(format!("--property=BindsTo={of}"));
    line.push(format!("--property=RuntimeMaxSec={}", limit.as_secs()));
    line.push("--".to_owned());
    line.extend(argv.iter().map(|word| (*word).to_owned()));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_its_arguments_come_behind_all_that_is_said_of_the_unit() {
        let line =
            command_line("eos-x", "eos-agent.service", Duration::from_secs(60), &["salt-key", "--yes"]);
        let at = line.iter().position(|word| word == "--").expect("there is an end of options");
        assert_eq!(line[at + 1..], ["salt-key", "--yes"]);
        for word in ["--unit=eos-x", "--property=BindsTo=eos-agent.service", "--property=RuntimeMaxSec=60"] {
            assert!(line[..at].iter().any(|said| said == word), "{word}");
        }
    }
}
