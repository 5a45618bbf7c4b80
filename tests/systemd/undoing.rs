//! Services of systemd on the way back of a run of states, and a way back that a person has to help.

use super::host::Host;
use super::lab::Lab;
use std::process::Output;

/// A service that begins with no bad configuration, only where it is allowed to, and writes down with which one it did.
const UNIT: &str = "[Service]
ExecStartPre=/bin/grep -q good /etc/web.conf
ExecStartPre=/bin/test -e /srv/allowed
ExecStartPre=/bin/sh -c 'cat /etc/web.conf >> /srv/told'
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
";

const PREPARE: &str = "set -e; printf %s \"$1\" > /etc/systemd/system/web.service; touch /srv/allowed; \
    echo 'good one' > /etc/web.conf; systemctl daemon-reload; systemctl enable --quiet --now web; \
    echo 'ttl before' > /etc/other.conf; \
    printf \"base:\\n  '*':\\n    - site\\n\" > /var/lib/eos/cluster/states/top.sls";

struct Site {
    host: Host,
    _lab: Lab,
}

impl Site {
    fn up() -> Self {
        let lab = Lab::new(1);
        let host = Host::boot(&lab, 1);
        host.run(&["eos", "bootstrap", "--single-node", "--node-name", "node1"]);
        host.run(&["sh", "-c", PREPARE, "sh", UNIT]);
        Self { host, _lab: lab }
    }

    /// Applies a configuration of the service and, before it, what else is said.
    fn apply(&self, configuration: &str, before: &str, after: &str) -> Output {
        let states = format!(
            "{before}
other:
  file.managed:
    - name: /etc/other.conf
    - contents: ttl after

web_configuration:
  file.managed:
    - name: /etc/web.conf
    - contents: {configuration}

web:
  service.running:
    - enable: True
    - watch:
      - file: web_configuration
{after}"
        );
        let write = "printf %s \"$1\" > /var/lib/eos/cluster/states/site.sls";
        self.host.run(&["sh", "-c", write, "sh", &states]);
        self.host.try_run(&["eos", "state", "apply"])
    }

    #[track_caller]
    fn is_as_before(&self, told: &str) {
        let is = |path: &str| self.host.output(&["cat", path]).trim().replace('\n', ", ");
        assert_eq!((is("/etc/web.conf"), is("/etc/other.conf")), ("good one".into(), "ttl before".into()));
        assert_eq!(is("/srv/told"), told);
        assert_eq!(self.host.property("web", "ActiveState"), "active");
        assert_eq!(self.host.run(&["systemctl", "is-enabled", "web"]).trim(), "enabled");
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_service_of_systemd_runs_with_the_configuration_that_is_back() {
    let site = Site::up();
    let process = site.host.property("web", "MainPID");
    let failed = site.apply(
        "good one",
        "",
        "\nfails:\n  test.fail_without_changes:\n    - require:\n      - service: web",
    );
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    site.is_as_before("good one");
    assert_eq!(site.host.property("web", "MainPID"), process, "nothing of it was changed");
    let failed = site.apply("wrong", "", "");
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    site.is_as_before("good one, good one");
    let failed = site.apply(
        "good two",
        "",
        "\nfails:\n  test.fail_without_changes:\n    - require:\n      - service: web",
    );
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));
    site.is_as_before("good one, good one, good two, good one");
}

#[test]
fn what_cannot_be_undone_keeps_nothing_else_from_it_and_is_undone_once_a_person_has_helped() {
    let site = Site::up();
    let forbid =
        "forbidden:\n  cmd.run:\n    - name: rm /srv/allowed\n    - require_in:\n      - service: web\n";
    let stuck = site.apply("good two", forbid, "");
    let text = said(&stuck);
    assert_eq!(stuck.status.code(), Some(6), "{text}");
    assert!(text.contains("or by hand: systemctl restart web"), "{text}");
    let is = |path: &str| site.host.output(&["cat", path]).trim().to_owned();
    assert_eq!((is("/etc/web.conf"), is("/etc/other.conf")), ("good one".into(), "ttl before".into()));
    // Nothing has changed for it, and it says so again.
    let saga = site.host.run(&["sh", "-c", "ls /var/lib/eos/journal | sort | tail -n 1"]);
    let saga = saga.trim().trim_end_matches(".jsonl");
    let again = site.host.try_run(&["eos", "rollback", "--to", saga]);
    assert_eq!(again.status.code(), Some(6), "{}", said(&again));
    site.host.run(&["touch", "/srv/allowed"]);
    let undone = site.host.try_run(&["eos", "rollback", "--to", saga]);
    assert_eq!(undone.status.code(), Some(0), "{}", said(&undone));
    site.is_as_before("good one, good one");
}
