//! What of a unit file is understood, refused and ignored.

use super::unit::{Readiness, Restart, Source, Unit, UnitError, parse};
use crate::model::explain::{Explain, tells};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn one(text: &str) -> Result<Unit, UnitError> {
    parse(&[Source { file: PathBuf::from("/u/x.service"), text: text.to_owned() }])
}

#[test]
fn a_unit_as_eos_writes_it_is_understood() -> anyhow::Result<()> {
    let unit = one(
        "# the agent\n[Unit]\nDescription=eos agent\nStartLimitIntervalSec=1min 30s\nStartLimitBurst=3\n\
        [Service]\nType=notify\nExecStart=/usr/local/bin/eos --root \"/srv/node 1\" \\\n  agent 'a b' 100%% $$1\n\
        Environment=EOS_A=1 \"EOS_B=two words\"\nEnvironment=EOS_A=3\nUser=eos\nRestart=on-failure\nRestartSec=2\n\
        TimeoutStartSec=500ms\nWatchdogSec=30s\nTimeoutStopSec=infinity\nProtectSystem=strict\nNoNewPrivileges=yes\n\
        [Install]\nWantedBy=multi-user.target\n",
    )?;
    assert_eq!(unit.command, ["/usr/local/bin/eos", "--root", "/srv/node 1", "agent", "a b", "100%", "$1"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(unit.environment, [pair("EOS_B", "two words"), pair("EOS_A", "3")]);
    assert_eq!(unit.user.as_deref(), Some("eos"));
    assert_eq!((unit.readiness, unit.restart), (Readiness::Notified, Restart::OnFailure));
    assert_eq!(unit.restart_delay, Duration::from_secs(2));
    assert_eq!(unit.start_timeout, Some(Duration::from_millis(500)));
    assert_eq!((unit.stop_timeout, unit.watchdog), (None, Some(Duration::from_secs(30))));
    assert_eq!((unit.start_limit_interval, unit.start_limit_burst), (Duration::from_secs(90), 3));
    assert_eq!(unit.wanted_by, ["multi-user.target"]);
    Ok(())
}

#[test]
fn a_drop_in_wins_and_an_empty_directive_resets() -> anyhow::Result<()> {
    let source = |file: &str, text: &str| Source { file: PathBuf::from(file), text: text.to_owned() };
    let unit = parse(&[
        source(
            "/u/x.service",
            "[Service]\nExecStart=/bin/a\nRestart=always\nEnvironment=A=1\nWorkingDirectory=/srv",
        ),
        source("/u/x.service.d/10.conf", "[Service]\nExecStart=\nExecStart=/bin/b\nEnvironment=\nRestart=no"),
    ])?;
    assert_eq!(unit.command, ["/bin/b"]);
    assert_eq!((unit.restart, unit.environment.len()), (Restart::No, 0));
    assert_eq!(unit.working_directory.as_deref(), Some(Path::new("/srv")));
    Ok(())
}

#[test]
fn what_would_run_differently_is_refused_with_its_line() {
    let start = "[Service]\nExecStart=/bin/a\n";
    let cases = [
        (
            format!("{start}ExecStartPre=/bin/b"),
            "/u/x.service:3: ExecStartPre=/bin/b is not known to supervised processes",
        ),
        (format!("{start}Type=forking"), "/u/x.service:3: Type=forking is not known to supervised processes"),
        (
            format!("{start}ExecStart=/bin/b"),
            "/u/x.service:3: ExecStart=/bin/b is not known to supervised processes",
        ),
        (
            "[Service]\nExecStart=/bin/a $HOME".to_owned(),
            "/u/x.service:2: ExecStart=/bin/a $HOME is not known to supervised processes",
        ),
        (
            "[Service]\nExecStart=/bin/a %i".to_owned(),
            "/u/x.service:2: ExecStart=/bin/a %i is not known to supervised processes",
        ),
        ("[Service]\nExecStart=a".to_owned(), "/u/x.service:2: a is not an absolute path"),
        (
            "[Service]\nExecStart=/bin/a 'b".to_owned(),
            "/u/x.service:2: /bin/a 'b has a quote that is not closed",
        ),
        (format!("{start}RestartSec=soon"), "/u/x.service:3: RestartSec=soon is not a span of time"),
        (
            format!("{start}WatchdogSec=99999999999999d"),
            "/u/x.service:3: WatchdogSec=99999999999999d is not a span of time",
        ),
        (format!("{start}Environment=A"), "/u/x.service:3: A in Environment is not NAME=VALUE"),
        ("[Service\n".to_owned(), "/u/x.service:1: [Service is not a section"),
        ("[Service]\nExecStart".to_owned(), "/u/x.service:2: ExecStart is not KEY=VALUE"),
        ("[Service]\nUser=a\n".to_owned(), "/u/x.service:2: the unit has no ExecStart"),
    ];
    for (text, expected) in cases {
        match one(&text).expect_err("refused") {
            error @ UnitError::Unsupported { .. } => tells(&error, "EOS-H021", expected),
            error => tells(&error, "EOS-H020", expected),
        }
    }
}

#[test]
fn every_refusal_explains_itself() {
    let texts: Vec<String> =
        UnitError::samples().iter().map(|error| format!("{} {error}", error.code())).collect();
    assert_eq!(
        texts,
        [
            "EOS-H020 /etc/systemd/system/eos-agent.service:3: ExecStart names no program",
            "EOS-H021 /etc/systemd/system/eos-agent.service:4: Type=forking is not known to supervised processes",
        ]
    );
    assert_eq!(
        UnitError::samples()[0].hints(),
        [
            "correct the line, then check the file: systemd-analyze verify /etc/systemd/system/eos-agent.service"
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = one(&format!("[Service]\nExecStart={text}\nEnvironment={text}\nRestartSec={text}\n{text}"));
    }
}
