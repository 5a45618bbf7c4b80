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
fn a_pass_spares_what_is_critical_and_every_class_below_it() {
    let mut classes = StorageOps::parse(SINGLE).expect("the fixture is valid").classes;
    classes.important.push("/var/log/audit".into());
    let spared = classes.protected_from(Path::new("/var/log"));
    for path in ["/etc", "/var/lib/eos", "/etc/eos", "/run/eos", "/var/log/audit"] {
        assert!(spared.contains(&PathBuf::from(path)), "{path} is not spared");
    }
    assert!(!spared.contains(&PathBuf::from("/var/log")));
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
        ]
    );
    for error in ConfigError::samples() {
        assert!(error.hints().iter().all(|hint| hint.contains("eos state apply")), "{error}");
    }
}
