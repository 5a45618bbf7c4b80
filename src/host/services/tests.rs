//! Supervised processes, with real ones: this test binary is the supervisor, `sh` the service, and
//! `systemd-notify` (of Debian's `systemd`) speaks for it.

use super::process::ProcessId;
use super::record::{self, Paths, PidRecord};
use super::{ProcessServices, ServiceError, Services, supervisor};
use crate::host::root::Root;
use crate::model::explain::{Explain, tells};
use rustix::process::Signal;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
/// A service that is ready, then lives until its supervisor is gone or it is told to end.
const READY: &str = "systemd-notify --ready --status=up; exec cat";

/// Not a test by itself: what the tests below start as `eos supervise`.
#[test]
fn supervise_entry() -> anyhow::Result<()> {
    let variable = |name| std::env::var(name).ok();
    let (Some(root), Some(unit)) = (variable("EOS_TEST_ROOT"), variable("EOS_TEST_UNIT")) else {
        return Ok(());
    };
    Ok(supervisor::run(&Root::new(root)?, &unit)?)
}

struct Fixture {
    folder: tempfile::TempDir,
    root: Root,
    services: ProcessServices,
}

impl Fixture {
    fn new(script: &str, more: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let root = Root::new(folder.path())?;
        let units = root.join("etc/systemd/system");
        std::fs::create_dir_all(&units)?;
        let quoted = script.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$").replace('%', "%%");
        let text = format!(
            "[Service]\nType=notify\nExecStart=/bin/sh -c \"{quoted}\"\nEnvironment=HERE={}\n{more}\n\
             [Install]\nWantedBy=multi-user.target\n",
            folder.path().display()
        );
        std::fs::write(units.join("x.service"), text)?;
        let entry = concat!(module_path!(), "::supervise_entry").split_once("::").expect("in a crate").1;
        let arguments = ["--exact", entry, "--nocapture"].map(str::to_owned).to_vec();
        let variables = vec![("EOS_TEST_ROOT".to_owned(), folder.path().display().to_string())];
        let services =
            ProcessServices::new(root.clone(), std::env::current_exe()?).launched_with(arguments, variables);
        Ok(Self { folder, root, services })
    }

    fn paths(&self) -> Paths {
        Paths::of(&self.root, "x")
    }

    fn record(&self) -> PidRecord {
        PidRecord::read(&self.paths().pid).expect("readable").expect("it runs")
    }

    /// A pipe that scripts write to, for a test to wait on.
    fn pipe(&self, name: &str) -> anyhow::Result<std::path::PathBuf> {
        let path = self.folder.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)?;
        Ok(path)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let stopped = self.services.stop("x", LONG);
        if !std::thread::panicking() {
            stopped.expect("nothing is left running");
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_service_is_started_once_seen_and_stopped_without_traces() -> anyhow::Result<()> {
    let fixture = Fixture::new(&format!("echo hello; {READY}"), "")?;
    let started = fixture.services.start("x", LONG)?;
    let again = fixture.services.start("x.service", LONG)?;
    assert_eq!((started.already_running, again.already_running), (false, true));
    assert_eq!(started.pid, again.pid);
    let status = fixture.services.status("x")?;
    assert!(status.installed && status.active && status.ready && status.started_at.is_some(), "{status:?}");
    assert_eq!((status.pid, status.restarts), (Some(started.pid), 0));
    assert_eq!(fixture.services.last_line("x")?.as_deref(), Some("hello"));
    assert!(fixture.services.restart("x", LONG)?.pid != started.pid);
    assert!(fixture.services.stop("x", LONG)?);
    assert!(!fixture.services.stop("x", LONG)?, "a second stop finds nothing");
    assert!(!fixture.services.status("x")?.active);
    assert_eq!(crate::host::files::list(&fixture.root.join("run/eos"))?, [] as [&str; 0]);
    Ok(())
}

#[test]
fn one_that_is_never_ready_is_told_by_the_deadline_and_can_be_stopped() -> anyhow::Result<()> {
    let fixture = Fixture::new("echo waiting > $HERE/pipe; exec cat", "")?;
    let pipe = fixture.pipe("pipe")?;
    let error = fixture.services.start("x", Duration::from_millis(300)).expect_err("never ready");
    assert_eq!(error.code().to_string(), "EOS-H024");
    assert!(error.to_string().starts_with("service x was not ready within 300 ms; "), "{error}");
    assert_eq!(read(&pipe)?, "waiting\n");
    let status = fixture.services.status("x")?;
    assert!(status.active && !status.ready, "{status:?}");
    assert!(fixture.services.stop("x", LONG)?);
    Ok(())
}

#[test]
fn one_that_is_not_ready_by_its_own_timeout_fails() -> anyhow::Result<()> {
    let fixture = Fixture::new("exec cat", "TimeoutStartSec=50ms")?;
    let error = fixture.services.start("x", LONG).expect_err("too slow").to_string();
    assert!(error.starts_with("service x failed: it was not ready within TimeoutStartSec; "), "{error}");
    Ok(())
}

#[test]
fn one_that_fails_at_once_tells_status_and_last_line() -> anyhow::Result<()> {
    let fixture = Fixture::new("echo no key >&2; exit 3", "")?;
    let error = fixture.services.start("x", LONG).expect_err("fails");
    assert!(matches!(error, ServiceError::Failed { .. }), "{error}");
    assert!(error.to_string().starts_with("service x failed: it ended with status 3; "), "{error}");
    let missing = Fixture::new("", "ExecStart=\nExecStart=/no/such/program")?;
    let error = missing.services.start("x", LONG).expect_err("fails").to_string();
    assert!(error.contains("could not start /no/such/program: No such file or directory"), "{error}");
    Ok(())
}

#[test]
fn a_crash_is_followed_by_a_restart_that_is_counted() -> anyhow::Result<()> {
    let script = format!("echo started > $HERE/pipe; {READY}");
    let fixture = Fixture::new(&script, "Restart=on-failure\nRestartSec=10ms")?;
    let pipe = fixture.pipe("pipe")?;
    std::thread::scope(|scope| {
        let first = scope.spawn(|| read(&pipe));
        let started = fixture.services.start("x", LONG)?;
        assert_eq!(first.join().expect("no panic")?, "started\n");
        let crashed = ProcessId::of(started.pid)?.expect("it runs").open()?.expect("it runs");
        crashed.signal(Signal::KILL)?;
        assert_eq!(read(&pipe)?, "started\n");
        let again = fixture.services.start("x", LONG)?;
        assert!(again.already_running && again.pid != started.pid);
        assert_eq!(fixture.services.status("x")?.restarts, 1);
        Ok(())
    })
}

#[test]
fn a_service_that_falls_silent_is_ended_by_its_watchdog() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "WatchdogSec=50ms")?;
    fixture.services.start("x", LONG)?;
    let supervisor = fixture.record().supervisor.open()?;
    assert!(supervisor.is_none_or(|held| held.ended_by(Instant::now() + LONG).expect("awaited")));
    let failure = fixture.services.status("x")?.failure;
    assert_eq!(failure.as_deref(), Some("it was silent for longer than WatchdogSec allows"));
    Ok(())
}

#[test]
fn the_service_of_a_killed_supervisor_ends_and_its_traces_do_no_harm() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "")?;
    fixture.services.start("x", LONG)?;
    let record = fixture.record();
    let child = record.child.expect("it runs").open()?.expect("it runs");
    record.supervisor.open()?.expect("it runs").signal(Signal::KILL)?;
    assert!(child.ended_by(Instant::now() + LONG)?, "its standard input was closed");
    assert!(fixture.paths().pid.exists(), "nobody could clean up");
    let status = fixture.services.status("x")?;
    assert!(!status.active && !status.ready && status.pid.is_none(), "{status:?}");
    assert!(!fixture.services.start("x", LONG)?.already_running);
    Ok(())
}

#[test]
fn an_orphan_that_does_not_end_by_itself_is_ended_before_the_next_start() -> anyhow::Result<()> {
    let fixture = Fixture::new("systemd-notify --ready; exec cat $HERE/never", "")?;
    fixture.pipe("never")?;
    fixture.services.start("x", LONG)?;
    let record = fixture.record();
    record.supervisor.open()?.expect("it runs").signal(Signal::KILL)?;
    fixture.services.start("x", LONG)?;
    assert!(record.child.expect("it ran").open()?.is_none(), "it ended before the second one started");
    Ok(())
}

#[test]
fn a_stubborn_service_is_killed_after_its_stop_timeout() -> anyhow::Result<()> {
    let script = "trap '' TERM INT; systemd-notify --ready; while :; do cat $HERE/never; done";
    let fixture = Fixture::new(script, "TimeoutStopSec=100ms")?;
    fixture.pipe("never")?;
    let started = fixture.services.start("x", LONG)?;
    assert!(fixture.services.stop("x", LONG)?);
    assert_eq!(ProcessId::of(started.pid)?, None);
    Ok(())
}

#[test]
fn a_stop_that_takes_too_long_says_so() -> anyhow::Result<()> {
    let script = "trap '' TERM INT; systemd-notify --ready; while :; do cat $HERE/never; done";
    let fixture = Fixture::new(script, "TimeoutStopSec=2s")?;
    fixture.pipe("never")?;
    fixture.services.start("x", LONG)?;
    let error = fixture.services.stop("x", Duration::from_millis(50)).expect_err("stubborn");
    tells(&error, "EOS-H025", "service x did not end within 50 ms");
    Ok(())
}

#[test]
fn a_second_supervisor_is_refused() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "")?;
    let started = fixture.services.start("x", LONG)?;
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(["--exact", "host::services::tests::supervise_entry", "--nocapture"])
        .env("EOS_TEST_ROOT", fixture.folder.path())
        .env("EOS_TEST_UNIT", "x")
        .stdin(std::process::Stdio::null())
        .output()?;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("service x has a supervisor already") || said.contains("Supervised"), "{said}");
    let error = supervisor::run(&fixture.root, "x").expect_err("there is one");
    tells(&error, "EOS-H026", "service x has a supervisor already");
    assert_eq!(fixture.services.status("x")?.pid, Some(started.pid));
    Ok(())
}

#[test]
fn what_cannot_even_be_tried_is_told_before_a_service_starts() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "")?;
    let gone = ProcessServices::new(fixture.root.clone(), "/no/such/eos".into());
    let error = gone.start("x", LONG).expect_err("no supervisor");
    tells(&error, "EOS-H029", "could not start the supervisor /no/such/eos");

    let unit = fixture.root.join("etc/systemd/system/x.service");
    let text = std::fs::read_to_string(&unit)?;
    std::fs::write(&unit, text.replace("WantedBy=", "Alias="))?;
    let error = fixture.services.enable("x").expect_err("nothing wants it");
    tells(&error, "EOS-H031", "service x cannot be enabled: its unit has no WantedBy");

    let stranger = format!("{text}\n[Service]\nUser=no-such-user\n");
    let unit = super::unit::parse(&[super::unit::Source { file: unit, text: stranger }])?;
    let error = super::launch::owner(&Root::new("/")?, "x", &unit).expect_err("nobody has the name");
    tells(&error, "EOS-H033", "service x cannot run as no-such-user: there is no such user");
    Ok(())
}

#[test]
fn a_root_whose_path_is_too_long_for_a_socket_is_told_with_its_length() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let long = folder.path().join("d".repeat(120));
    let units = long.join("etc/systemd/system");
    std::fs::create_dir_all(&units)?;
    std::fs::write(units.join("x.service"), "[Service]\nType=notify\nExecStart=/bin/true\n")?;
    let error = supervisor::run(&Root::new(&long)?, "x").expect_err("the path is too long");
    let ServiceError::PathTooLong { path, length } = &error else { panic!("{error:?}") };
    let text = format!("{} has {length} bytes, and a socket's path at most 107", path.display());
    tells(&error, "EOS-H030", &text);
    Ok(())
}

#[test]
fn a_process_that_has_the_number_by_now_is_never_signalled() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "")?;
    let mut bystander = std::process::Command::new("sleep").arg("600").spawn()?;
    let now = ProcessId::of(bystander.id())?.expect("it runs");
    let before = ProcessId { start: now.start - 1, ..now };
    std::fs::create_dir_all(fixture.root.join("run/eos"))?;
    record::write(&fixture.paths().pid, &PidRecord::new(before, Some(before))?)?;
    assert!(!fixture.services.status("x")?.active);
    assert!(!fixture.services.stop("x", LONG)?);
    record::write(&fixture.paths().pid, &PidRecord::new(before, Some(before))?)?;
    fixture.services.start("x", LONG)?;
    assert_eq!(ProcessId::of(bystander.id())?, Some(now), "it lives");
    bystander.kill()?;
    bystander.wait()?;
    Ok(())
}

#[test]
fn a_service_is_enabled_by_a_link_that_systemd_would_make() -> anyhow::Result<()> {
    let fixture = Fixture::new(READY, "")?;
    let link = fixture.root.join("etc/systemd/system/multi-user.target.wants/x.service");
    fixture.services.enable("x")?;
    fixture.services.enable("x")?;
    assert_eq!(std::fs::read_link(&link)?, Path::new("/etc/systemd/system/x.service"));
    fixture.services.disable("x")?;
    fixture.services.disable("x")?;
    assert!(!link.parent().expect("a folder").exists());
    let missing = fixture.services.start("y", LONG).expect_err("there is none");
    assert_eq!(missing.code().to_string(), "EOS-H022");
    assert!(missing.to_string().starts_with("there is no service y: "), "{missing}");
    assert!(!fixture.services.status("y")?.installed);
    assert!(!fixture.services.stop("y", LONG)?);
    let bad = fixture.services.stop("../y", LONG).expect_err("bad");
    tells(&bad, "EOS-H032", "\"../y\" is not the name of a service");
    let detected = super::detect(&fixture.root, "/usr/local/bin/eos".into())?;
    let path = fixture.folder.path().display();
    let text =
        format!("services run as supervised background processes: {path} is not the machine's own root");
    assert_eq!(detected.explain(), text);
    Ok(())
}
