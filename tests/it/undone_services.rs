//! Services on the way back of a run of states: they run again, with the configuration that is back, whether it was the
//! bad one that ended them or another state that failed.

use crate::support::{Machine, Run};
use std::fs;

const STATES: &str = "var/lib/eos/cluster/states";

/// A service that writes down each configuration with which it began, and begins with none that is bad.
const PROGRAM: &str = r#"
import os, signal, socket, sys
configuration = open(sys.argv[1]).read()
if "good" not in configuration:
    sys.exit("bad configuration")
with open(sys.argv[2], "a") as told:
    told.write(configuration)
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ready.connect(os.environ["NOTIFY_SOCKET"])
ready.send(b"READY=1")
signal.pause()
"#;

struct Site {
    machine: Machine,
    role: String,
}

impl Site {
    fn founded(address: &str) -> Self {
        let machine = Machine::empty(address, "node1");
        machine.found();
        machine.put("srv/web.py", PROGRAM, 0o644);
        let role = fs::read_to_string(machine.path(&format!("{STATES}/roles/monolith.sls"))).unwrap();
        Self { machine, role }
    }

    /// Applies the states with this configuration of the service, and what comes after it.
    fn apply(&self, configuration: &str, after: &str) -> Run {
        let path = |name: &str| self.machine.path(name).display().to_string();
        let root = path("").trim_end_matches('/').to_owned();
        let unit = format!(
            "[Service]\\nType=notify\\nExecStart=/usr/bin/python3 {} {} {} {root}\\n",
            path("srv/web.py"),
            path("etc/web.conf"),
            path("srv/told"),
        );
        let states = format!(
            r#"
web_unit:
  file.managed:
    - name: {}
    - contents: "{unit}"

web_configuration:
  file.managed:
    - name: {}
    - contents: {configuration}

web:
  service.running:
    - require:
      - file: web_unit
    - watch:
      - file: web_configuration

{after}
"#,
            path("etc/systemd/system/web.service"),
            path("etc/web.conf"),
        );
        self.machine.put(&format!("{STATES}/roles/monolith.sls"), &format!("{}\n{states}", self.role), 0o644);
        self.machine.eos(&["state", "apply"])
    }

    /// The configurations with which the service began, in their order.
    fn told(&self) -> String {
        fs::read_to_string(self.machine.path("srv/told")).unwrap().trim().replace('\n', ", ")
    }

    /// Whether it runs, with this configuration in its place.
    #[track_caller]
    fn runs_with(&self, configuration: &str) {
        assert_eq!(
            fs::read_to_string(self.machine.path("etc/web.conf")).unwrap(),
            format!("{configuration}\n")
        );
        let record = fs::read_to_string(self.machine.path("run/eos/web.pid")).unwrap();
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let arguments = fs::read(format!("/proc/{}/cmdline", record["child"]["pid"])).unwrap();
        assert!(String::from_utf8_lossy(&arguments).contains("srv/web.py"), "{record}");
    }
}

#[test]
fn a_service_that_a_bad_configuration_ended_runs_again_with_the_one_that_is_back() {
    let site = Site::founded("127.0.51.51");
    site.apply("good one", "").ends_with(0);
    site.runs_with("good one");
    let run = site.apply("wrong", "").ends_with(1);
    assert!(format!("{run:?}").contains("everything was undone"), "{run:?}");
    site.runs_with("good one");
    assert_eq!(site.told(), "good one, good one");
}

#[test]
fn a_service_that_read_what_is_undone_reads_what_is_back_and_one_that_did_not_is_left_alone() {
    let site = Site::founded("127.0.51.61");
    site.apply("good one", "").ends_with(0);
    let fails = "fails:\n  test.fail_without_changes:\n    - require:\n      - service: web";
    site.apply("good one", fails).ends_with(1);
    assert_eq!(site.told(), "good one", "nothing of it was changed");
    site.apply("good two", fails).ends_with(1);
    site.runs_with("good one");
    assert_eq!(site.told(), "good one, good two, good one");
    site.apply("good three", "").ends_with(0);
    site.machine.eos(&["rollback"]).ends_with(0);
    site.runs_with("good one");
    assert_eq!(site.told(), "good one, good two, good one, good three, good one");
}

#[test]
fn a_service_that_did_not_run_before_is_ended_and_its_files_go() {
    let site = Site::founded("127.0.51.71");
    let fails = "fails:\n  test.fail_without_changes:\n    - require:\n      - service: web";
    site.apply("good one", fails).ends_with(1);
    assert_eq!(site.told(), "good one");
    for gone in ["etc/web.conf", "etc/systemd/system/web.service", "run/eos/web.pid"] {
        assert!(!site.machine.path(gone).exists(), "{gone}");
    }
}
