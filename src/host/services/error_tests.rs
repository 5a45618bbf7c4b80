//! Every text that a failing service can show.

use super::error::{LastLine, LogPlace, ServiceError};
use super::unit::UnitError;
use crate::host::accounts::AccountError;
use crate::host::files::FileError;
use crate::model::explain::{Explain, Failure};
use std::io::ErrorKind;
use std::path::PathBuf;

impl ServiceError {
    pub(crate) fn samples() -> Vec<Self> {
        let name = || "eos-agent".to_owned();
        let log = || LogPlace::File(PathBuf::from("/var/lib/eos/log/eos-agent.log"));
        let mut samples = vec![
            Self::NotInstalled { name: name(), path: "/etc/systemd/system/eos-agent.service".into() },
            Self::Failed {
                name: name(),
                reason: "it ended with status 3".to_owned(),
                last_line: LastLine(Some("no key".to_owned())),
                log: LogPlace::Journal,
            },
            Self::NotReady { name: name(), milliseconds: 1500, last_line: LastLine(None), log: log() },
            Self::StillRunning { name: name(), milliseconds: 1500, log: log() },
            Self::Supervised { name: name() },
            Self::Bus {
                action: "start eos-agent".to_owned(),
                source: Box::new(zbus::Error::Failure("access denied".to_owned())),
            },
            Self::BusSilent { action: "start eos-agent".to_owned(), seconds: 25 },
            Self::System {
                action: "start the supervisor /usr/local/bin/eos".to_owned(),
                source: ErrorKind::NotFound.into(),
            },
            Self::PathTooLong { path: "/srv/long/run/eos/eos-agent.notify".into(), length: 120 },
            Self::NothingWantsIt { name: name() },
            Self::BadName { name: "a/b".to_owned() },
            Self::NoSuchUser { name: name(), user: "eos".to_owned() },
            Self::File(FileError::new("read", "/run/eos/eos-agent.pid", ErrorKind::PermissionDenied.into())),
        ];
        samples.push(Self::Account(AccountError::Malformed {
            path: "/etc/passwd".into(),
            line: 7,
            name: "eos".to_owned(),
        }));
        samples.extend(UnitError::samples().into_iter().map(Self::Unit));
        samples
    }
}

#[test]
fn every_error_shows_its_facts() {
    let texts: Vec<String> =
        ServiceError::samples().iter().map(|error| format!("{} {error}", error.code())).collect();
    assert_eq!(
        texts,
        [
            "EOS-H022 there is no service eos-agent: /etc/systemd/system/eos-agent.service does not exist",
            "EOS-H023 service eos-agent failed: it ended with status 3; its last line: no key",
            "EOS-H024 service eos-agent was not ready within 1500 ms; it logged nothing",
            "EOS-H025 service eos-agent did not end within 1500 ms",
            "EOS-H026 service eos-agent has a supervisor already",
            "EOS-H027 systemd did not start eos-agent",
            "EOS-H028 systemd did not answer within 25 s when asked to start eos-agent",
            "EOS-H029 could not start the supervisor /usr/local/bin/eos",
            "EOS-H030 /srv/long/run/eos/eos-agent.notify has 120 bytes, and a socket's path at most 107",
            "EOS-H031 service eos-agent cannot be enabled: its unit has no WantedBy",
            "EOS-H032 \"a/b\" is not the name of a service",
            "EOS-H033 service eos-agent cannot run as eos: there is no such user",
            "EOS-H001 could not read /run/eos/eos-agent.pid",
            "EOS-H035 /etc/passwd:7: the entry of eos is not readable",
            "EOS-H020 /etc/systemd/system/eos-agent.service:3: ExecStart names no program",
            "EOS-H021 /etc/systemd/system/eos-agent.service:4: Type=forking is not known to supervised processes",
        ]
    );
}

#[test]
fn every_error_names_the_command_that_helps() {
    let hints: Vec<String> = ServiceError::samples().iter().flat_map(Explain::hints).collect();
    assert_eq!(
        hints,
        [
            "put the services in place: eos bootstrap",
            "see why: journalctl -u eos-agent -n 50",
            "see why: tail -n 50 /var/lib/eos/log/eos-agent.log",
            "see why: tail -n 50 /var/lib/eos/log/eos-agent.log",
            "see what runs: eos status",
            "as root, ask systemd yourself: systemctl status",
            "see what systemd is busy with: systemctl list-jobs",
            "see what the kernel says: dmesg | tail -n 20",
            "choose a root with a shorter path: --root /srv/eos",
            "add WantedBy=multi-user.target under [Install]: systemctl edit --full eos-agent",
            "name one of the services: eos status",
            "create it: useradd --system --no-create-home --shell /usr/sbin/nologin eos",
            "run the command as root, or with a --root that you own",
            "correct it: vipw, then pwck -r /etc/passwd",
            "correct the line, then check the file: systemd-analyze verify /etc/systemd/system/eos-agent.service",
            "correct the line, then check the file: systemd-analyze verify /etc/systemd/system/eos-agent.service",
        ]
    );
}

#[test]
fn a_refusal_of_the_bus_is_told_as_a_cause() {
    let failure = Failure::of(&ServiceError::samples()[5]);
    assert_eq!(failure.causes, ["access denied"]);
}
