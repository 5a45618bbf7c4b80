//! A disk without inodes, a disk that is full to its last byte, and daemons that die while it is.

use super::*;

#[test]
fn a_disk_without_inodes_is_as_full_as_one_without_bytes_and_is_relieved() {
    let site = Site::new("127.0.95.10", |path| Disk::ext4_of(path, 1024));
    let all = rustix::fs::statvfs(site.machine.path("disk")).unwrap().f_files;
    let files: Vec<_> =
        (0..all * 96 / 100).map(|n| (site.file(&format!("disk/cache/{n}"), 0), 3650)).collect();
    site.disk.age(&files);
    site.configure(Scale::Single, "observe", "");
    let status = site.at("critical");
    let mount = &status["mounts"][0];
    assert_eq!(mount["decided_by"], "inodes");
    assert!(
        mount["inodes_percent"].as_f64().unwrap() > 95.0 && mount["bytes_percent"].as_f64().unwrap() < 10.0
    );
    let told = site.machine.eos(&["storage", "status"]).ends_with(0).stdout;
    assert!(told.contains("% of inodes"), "{told}");
    assert!(site.demo_runs() && site.machine.path("disk/cache/0").exists(), "observing does nothing");
    site.configure(Scale::Single, "act", "");
    site.at("normal");
    assert_eq!(fs::read_dir(site.machine.path("disk/cache")).unwrap().count(), 0);
    assert!(eventually(LIMIT, || site.demo_runs()));
}

#[test]
fn a_disk_that_is_full_to_the_last_byte_does_not_stop_the_monitor_that_lies_on_it() {
    let machine = Machine::empty("127.0.95.11", "node1");
    let disk = Disk::memory(&machine.path(""), 96 << 20, 20_000);
    let first = [&machine.first_node()[..], &["--skip-check", "disk-space"]].concat();
    machine.eos(&first).ends_with(0);
    let status = || -> Value {
        serde_json::from_slice(&fs::read(machine.path("run/eos/storage-monitor.json")).unwrap()).unwrap()
    };
    fs::create_dir(machine.path("cache")).unwrap();
    let old = machine.path("cache/old");
    fs::write(&old, vec![1; 32 << 20]).unwrap();
    fs::File::open(&old).unwrap().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400)).unwrap();
    let write = |mode: &str| {
        let text = configuration(Scale::Single, mode, "/", "").replace("services: [demo]\n", "");
        fs::write(machine.path("etc/eos/storage-ops.yaml"), text).unwrap();
    };
    write("observe");
    assert!(eventually(LIMIT, || status()["mounts"][0]["path"] == "/"));
    let before = status();
    disk.exhaust();
    let written = || fs::metadata(machine.path("run/eos/storage-monitor.json")).unwrap().modified().unwrap();
    let last = written();
    let pid = before["pid"].as_u64().unwrap();
    // What it would write does not fit, and it goes on all the same.
    let log = machine.path("var/lib/eos/log/eos-storage-monitor.log");
    assert!(eventually(LIMIT, || written() == last && last.elapsed().unwrap() > Duration::from_secs(4)));
    assert!(Path::new(&format!("/proc/{pid}")).exists(), "{}", fs::read_to_string(log).unwrap());
    fs::remove_file(&old).unwrap();
    assert!(eventually(LIMIT, || written() > last), "it reports again once there is room");
    assert_eq!(status()["pid"], before["pid"], "the same process");
    drop(machine.eos(&["reset", "--force"]));
    drop((machine, disk));
}

/// The process of a supervised service.
fn process(machine: &Machine, service: &str) -> i32 {
    let record: Value =
        serde_json::from_slice(&fs::read(machine.path(&format!("run/eos/{service}.pid"))).unwrap()).unwrap();
    record["child"]["pid"].as_i64().unwrap_or(0) as i32
}

#[test]
fn whoever_dies_while_a_service_is_stopped_it_is_started_again() {
    let site = Site::new("127.0.95.12", |path| Disk::memory(path, 64 << 20, 10_000));
    site.configure(Scale::Single, "act", "");
    site.disk.fill(82.0);
    site.at("degraded");
    assert!(eventually(LIMIT, || !site.demo_runs()));
    for service in ["eos-storage-monitor", "eos-agent"] {
        let pid = process(&site.machine, service);
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
        assert!(eventually(LIMIT, || ![0, pid].contains(&process(&site.machine, service))), "{service}");
    }
    let again = site.until("the next monitor", |status| {
        status["pid"] == process(&site.machine, "eos-storage-monitor") && status["services_stopped"] == true
    });
    assert_eq!(again["mounts"][0]["level"], "degraded");
    assert_eq!(again["totals"]["stop-services"]["done"], 1, "it was not stopped twice: {again:#}");
    assert!(!site.demo_runs());
    site.disk.fill(20.0);
    site.at("normal");
    assert!(eventually(LIMIT, || site.demo_runs()), "started again by whoever came after");
}

#[test]
fn a_node_that_is_reset_while_a_service_is_stopped_starts_it_again() {
    let site = Site::new("127.0.95.13", |path| Disk::memory(path, 64 << 20, 10_000));
    site.configure(Scale::Single, "act", "");
    site.disk.fill(82.0);
    site.at("degraded");
    assert!(eventually(LIMIT, || !site.demo_runs()));
    site.machine.eos(&["reset", "--force"]).ends_with(0);
    assert!(site.demo_runs());
}
