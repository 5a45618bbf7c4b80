//! Tests of the configuration of storage operations.

use super::*;
use crate::model::explain::{Exit, Explain};
use std::error::Error;

const SINGLE: &str = include_str!("../../../tests/fixtures/v1/storage-ops/single.yaml");

fn changed(from: &str, to: &str) -> Result<StorageOps, ConfigError> {
    assert!(SINGLE.contains(from), "the fixture has no {from:?}");
    StorageOps::parse(&SINGLE.replacen(from, to, 1))
}

fn refused(from: &str, to: &str) -> String {
    changed(from, to).expect_err("an invalid configuration").to_string()
}

#[test]
fn the_rendered_form_is_read_and_written_back() -> anyhow::Result<()> {
    let single = StorageOps::parse(SINGLE)?;
    assert_eq!(single.thresholds, Thresholds::of(Scale::Single));
    assert_eq!(single.retention, Retention::of(Scale::Single));
    assert_eq!(single.mode, Mode::Observe);
    assert_eq!(single.interval(), Duration::from_secs(30));
    assert_eq!(single.actions.at(Level::Cleanup), [Action::DeleteExpendable]);
    assert_eq!(StorageOps::parse(&serde_yaml::to_string(&single)?)?, single);
    Ok(())
}

#[test]
fn thresholds_ascend_within_1_to_100() {
    assert_eq!(
        refused("cleanup: 75", "cleanup: 70"),
        "threshold cleanup is 70, which is not above compress at 70"
    );
    assert_eq!(refused("critical: 90", "critical: 101"), "thresholds.critical is 101: 1 to 100 expected");
    assert_eq!(refused("warning: 60", "warning: 0"), "thresholds.warning is 0: 1 to 100 expected");
}

#[test]
fn unknown_keys_and_actions_are_named_with_their_place() {
    let error = changed("role: monolith", "role: monolith\nmood: good").expect_err("an unknown key");
    assert_eq!(error.code().to_string(), "EOS-V001");
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.source().expect("a cause").to_string().starts_with("unknown field `mood`"), "{error:?}");
    let error = changed("[notify]", "[reboot]").expect_err("an unknown action");
    assert!(error.source().expect("a cause").to_string().contains("unknown variant `reboot`"), "{error:?}");
    assert!(error.to_string().contains("at line "), "{error}");
    changed("  cache: 1\n", "").expect_err("a missing key");
}

#[test]
fn paths_are_absolute_without_detours_and_named_once() {
    assert_eq!(refused("- /var/log", "- var/log"), "classes.standard lists var/log, which is not absolute");
    assert_eq!(
        refused("- /var/cache/eos", "- /var/cache/../lib"),
        "classes.expendable lists /var/cache/../lib, which contains `..`"
    );
    assert_eq!(
        refused("- /var/cache/eos", "- /var/log/"),
        "classes.expendable lists /var/log/, which is listed twice"
    );
    assert_eq!(refused("- /var/cache/eos", "- /"), "classes.expendable lists /, which is the whole machine");
    assert_eq!(refused("mounts:\n  - /\n", "mounts: []\n"), "storage-ops.yaml names no mounts");
}

#[test]
fn nothing_that_is_removed_may_lie_inside_what_is_critical() {
    assert_eq!(
        refused("- /var/cache/eos", "- /etc/cache"),
        "classes.expendable lists /etc/cache, which lies inside critical /etc"
    );
    let own = SINGLE.replacen("    - /var/lib/eos\n", "", 1).replacen("- /var/log", "- /var/lib/eos/log", 1);
    assert_eq!(
        StorageOps::parse(&own).expect_err("the state of eos is critical unasked").to_string(),
        "classes.standard lists /var/lib/eos/log, which lies inside critical /var/lib/eos"
    );
}

#[test]
fn a_pass_spares_what_is_critical_or_important_anywhere_and_every_other_class() {
    let mut classes = StorageOps::parse(SINGLE).expect("the fixture is valid").classes;
    classes.important = ["/var/log/audit", "/var/backups", "/var"].map(PathBuf::from).into();
    let protected = classes.protected_from(Path::new("/var/log"));
    // A link may lead from anywhere into the directory.
    for path in ["/etc", "/var/lib/eos", "/etc/eos", "/run/eos", "/var/log/audit", "/var/backups"] {
        assert!(protected.contains(&PathBuf::from(path)), "{path} is not protected");
    }
    for path in ["/var", "/var/log"] {
        assert!(!protected.contains(&PathBuf::from(path)), "{path} holds it and is less deep");
    }
    let spared = classes.spared_from(Path::new("/var/log"));
    assert!(
        spared.contains(&PathBuf::from("/var/cache/eos")) && !spared.contains(&PathBuf::from("/var/log"))
    );
}

#[test]
fn every_error_says_what_and_what_helps() {
    let texts: Vec<String> =
        ConfigError::samples().iter().map(|error| format!("{} {error}", error.code())).collect();
    assert_eq!(
        texts,
        [
            "EOS-V001 storage-ops.yaml is not of the expected form at line 3, column 1",
            "EOS-V002 storage-ops.yaml has version 2: 1 expected",
            "EOS-V003 retention.logs is 0: 1 to 3650 expected",
            "EOS-V004 threshold cleanup is 70, which is not above compress at 75",
            "EOS-V005 storage-ops.yaml names no mounts",
            "EOS-V006 mounts lists var, which is not absolute",
            "EOS-V007 classes.expendable lists /etc/x, which lies inside critical /etc",
            "EOS-V013 services lists \"eos-agent\", which belongs to eos itself",
            "EOS-V014 notify.webhook names no host",
            "EOS-V015 budget.files is 0: at least 1 expected",
        ]
    );
    for error in ConfigError::samples() {
        assert!(error.hints().iter().all(|hint| hint.contains("eos state apply")), "{error}");
    }
}

/// The fixture with more lines at its end.
fn with(lines: &str) -> Result<StorageOps, ConfigError> {
    StorageOps::parse(&format!("{SINGLE}{lines}"))
}

#[test]
fn what_came_later_is_read_and_may_be_missing() -> anyhow::Result<()> {
    let old = StorageOps::parse(SINGLE)?;
    assert_eq!((old.services.len(), &old.notify, old.budget), (0, &None, None));
    let new = with(
        "services: [nginx, batch@1.service]\nbudget: {files: 100, bytes: 1000}\n\
         notify: {command: [/usr/bin/logger, -t, eos], webhook: 'https://hooks.example/x'}\n",
    )?;
    assert_eq!(new.services, ["nginx", "batch@1.service"]);
    assert_eq!(new.budget, Some(PassBudget { files: Some(100), bytes: Some(1000) }));
    assert_eq!(StorageOps::parse(&serde_yaml::to_string(&new)?)?, new);
    assert_eq!(with("services: []\nnotify:\nbudget:\n")?, old);
    assert_eq!(
        with("budget: {files: 0}\n").expect_err("none").to_string(),
        "budget.files is 0: at least 1 expected"
    );
    with("budget: {inodes: 3}\n").expect_err("an unknown key");
    Ok(())
}

#[test]
fn every_action_has_the_name_that_the_configuration_uses_and_a_level_may_name_any() -> anyhow::Result<()> {
    let all: Vec<&str> = Action::ALL.iter().map(|action| action.name()).collect();
    let found = changed("  compress: [compress-logs]", &format!("  warning: [{}]", all.join(", ")))?;
    assert_eq!(found.actions.at(Level::Warning), Action::ALL);
    assert_eq!(found.actions.lowest(Action::CompressLogs), Some(Level::Warning));
    assert_eq!(StorageOps::parse(SINGLE)?.actions.lowest(Action::RefuseSnapshots), Some(Level::Emergency));
    Ok(())
}

#[test]
fn a_service_of_eos_itself_is_never_stopped() {
    for name in ["eos-agent", "eos-master.service", "eos-storage-monitor", "eos-recovery"] {
        let error = with(&format!("services: [{name}]\n")).expect_err("a service of eos");
        assert_eq!(error.to_string(), format!("services lists {name:?}, which belongs to eos itself"));
    }
    for name in ["''", "-rf", "a/b", "'a b'", ".service"] {
        let error = with(&format!("services: [{name}]\n")).expect_err("no service").to_string();
        assert!(error.ends_with("which is not the name of a service"), "{error}");
    }
    let twice = with("services: [a, a.service]\n").expect_err("twice").to_string();
    assert_eq!(twice, "services lists \"a.service\", which is listed twice");
}

#[test]
fn whom_to_notify_is_a_program_by_its_path_or_a_url_which_no_error_quotes() {
    let refused = |lines: &str| with(lines).expect_err("not to be used").to_string();
    assert_eq!(
        refused("notify: {command: [logger]}\n"),
        "notify.command does not begin with the absolute path of a program"
    );
    for (url, problem) in [
        ("ftp://secret.example", "begins with neither https:// nor http://"),
        ("https:///secret", "names no host"),
        ("https://a/secret path", "contains a blank or a control character"),
    ] {
        assert_eq!(refused(&format!("notify: {{webhook: '{url}'}}\n")), format!("notify.webhook {problem}"));
    }
}
