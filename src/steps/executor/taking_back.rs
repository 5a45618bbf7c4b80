//! What a reset does with what states changed besides files: takes back what still is as eos left it, and leaves to a
//! person what somebody else has changed since or what the machine does not let go.
//!
//! Each is forgotten in the ledger once it is dealt with, so that after a crash another reset goes on with the rest.

use super::effects::{self, Before, KINDS, parts, recorded};
use super::going_back::{self, undo_one};
use crate::host::account_tables::{GroupEntry, UserEntry};
use crate::host::packages;
use crate::journal::ledger::Ledger;
use crate::model::explain::Failure;
use crate::steps::Env;
use crate::steps::error::StepFailure;
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of all of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// What is as it was before eos: `user deploy`.
    pub restored: Vec<String>,
    /// What is not.
    pub left: Vec<Left>,
}

/// One thing that is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// `user deploy`.
    pub what: String,
    /// Why.
    pub reason: String,
    /// What a person runs to take it back.
    pub command: String,
}

/// What to do with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It is as before already.
    Forget,
    /// Bring it back to this.
    TakeBack(Before),
    /// Leave it, because of this.
    Leave(String),
}

/// Takes back what the ledger has, of the kinds in the order in which they depend on each other.
///
/// # Errors
/// When the machine cannot be looked at, or the ledger is damaged or cannot be written; another attempt goes on.
pub fn take_back(env: &Env) -> Result<TakenBack, StepFailure> {
    let mut done = TakenBack::default();
    let Some(mut ledger) = Ledger::load(&env.root)? else { return Ok(done) };
    for kind in KINDS {
        let subjects = ledger.effects.keys().filter(|subject| parts(subject).0 == kind);
        for subject in subjects.cloned().collect::<Vec<_>>() {
            one(env, &ledger, &subject, &mut done)?;
            ledger.forget_effect(&subject);
            ledger.save(&env.root)?;
        }
    }
    Ok(done)
}

fn one(env: &Env, ledger: &Ledger, subject: &str, done: &mut TakenBack) -> Result<(), StepFailure> {
    let effect = &ledger.effects[subject];
    let before = recorded("ledger", subject, &effect.before)?;
    let written = recorded("ledger", subject, &effect.written)?;
    let asked = BTreeMap::from([(subject.to_owned(), before.clone())]);
    let Some(now) = effects::now(env, &asked)?.remove(subject) else { return Ok(()) };
    let (kind, name) = parts(subject);
    let what = format!("{kind} {name}");
    let mut verdict = judge(&before, &written, &now);
    if let (Verdict::TakeBack(Before::Package(_)), Some(reason)) = (&verdict, kept_by(ledger, name)) {
        verdict = Verdict::Leave(reason);
    }
    let reason = match verdict {
        Verdict::Forget => return Ok(()),
        Verdict::TakeBack(target) => match undo_one(env, name, &target) {
            Ok(()) => {
                done.restored.push(what);
                return Ok(());
            }
            // A user that somebody works as, a mount in use: the rest of the reset does not depend on it.
            Err(error) => {
                let failure = Failure::from(error);
                let why: Vec<String> = std::iter::once(failure.message).chain(failure.causes).collect();
                format!("it could not be taken back: {}", why.join(": "))
            }
        },
        Verdict::Leave(reason) => reason,
    };
    done.left.push(Left { what, reason, command: by_hand(name, &before, &now) });
    Ok(())
}

/// Why a package has to stay: another one would go with it that eos did not install, or nobody knows what would go.
fn kept_by(ledger: &Ledger, name: &str) -> Option<String> {
    let own = |other: &String| {
        other == name
            || ledger.effects.get(&format!("package:{other}")).is_some_and(|effect| {
                recorded("ledger", other, &effect.before).is_ok_and(|before| before == Before::Package(None))
            })
    };
    match packages::would_remove(&[name.to_owned()]) {
        Ok(removed) => {
            let other = removed.into_iter().find(|other| !own(other))?;
            Some(format!("{other} needs it, and was not installed by eos"))
        }
        Err(error) => Some(format!("it is not known what would go with it: {error}")),
    }
}

/// `before` eos, as eos has `written` it, and `now`.
fn judge(before: &Before, written: &Before, now: &Before) -> Verdict {
    let changed = || Verdict::Leave("it was changed since eos changed it".to_owned());
    match (before, written, now) {
        _ if before == now => Verdict::Forget,
        (Before::Service { active, enabled, .. }, Before::Service { active: a, enabled: e, .. }, now) => {
            let Before::Service { active: runs, enabled: boots, failed } = now else {
                return Verdict::Forget;
            };
            // What somebody has switched since stays as it is.
            let active = if runs == a { *active } else { *runs };
            let enabled = if boots == e { *enabled } else { *boots };
            let target = Before::Service { active, enabled, failed: *failed };
            if target == *now { Verdict::Forget } else { Verdict::TakeBack(target) }
        }
        (Before::Options(_), _, _) if written == now => Verdict::TakeBack(before.clone()),
        (Before::Mount(false), _, _) if written == now => Verdict::TakeBack(before.clone()),
        (Before::Mount(false), _, _) => Verdict::Leave("something else is mounted there since".to_owned()),
        (Before::Package(Some(found)), _, Before::Package(Some(now))) if found.installed && now.installed => {
            Verdict::Leave(format!(
                "it was there before in version {}, and stays as it is now",
                found.version
            ))
        }
        // States install packages, and what is in the way of one goes with its installation.
        (Before::Package(Some(found)), Before::Package(written), _) if found.installed => {
            let gone = written.as_ref().is_none_or(|written| !written.installed);
            let by = if gone { "an installation by eos removed it" } else { "it was removed since" };
            let version = &found.version;
            Verdict::Leave(format!("it was there before in version {version}; {by}, and it is not put back"))
        }
        (Before::Package(_), _, Before::Package(now)) => match now {
            Some(_) => Verdict::TakeBack(before.clone()),
            None => Verdict::Forget,
        },
        (_, _, Before::User { entry: None, .. } | Before::Group(None)) => Verdict::Forget,
        (Before::User { .. }, Before::User { .. }, _) if same_user(written, now) => {
            Verdict::TakeBack(before.clone())
        }
        (Before::Group(_), Before::Group(Some(written)), Before::Group(Some(now))) => {
            if same_group(written, now) { Verdict::TakeBack(before.clone()) } else { changed() }
        }
        (Before::Parameter(Some(_)), _, _) if written == now => Verdict::TakeBack(before.clone()),
        (Before::Parameter(None), _, _) => Verdict::Forget,
        (Before::Mount(true) | Before::Mounted(_) | Before::Run(_), _, _) => Verdict::Forget,
        _ => changed(),
    }
}

/// Groups that were taken back before are missed in the entry, and that is no change of somebody else.
fn same_user(written: &Before, now: &Before) -> bool {
    let (Before::User { entry: Some(was), password: old }, Before::User { entry: Some(is), password: new }) =
        (written, now)
    else {
        return false;
    };
    let plain = |entry: &UserEntry| UserEntry { groups: Vec::new(), ..entry.clone() };
    plain(was) == plain(is) && old == new && is.groups.iter().all(|group| was.groups.contains(group))
}

/// As for users, members that were taken back before are missed.
fn same_group(written: &GroupEntry, now: &GroupEntry) -> bool {
    written.gid == now.gid && now.members.iter().all(|member| written.members.contains(member))
}

/// The command that takes it back; without secrets.
fn by_hand(name: &str, before: &Before, now: &Before) -> String {
    going_back::by_hand(name, before, Some(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::packages::Found;

    fn user(shell: &str, groups: &[&str]) -> Before {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let entry = UserEntry {
            uid: 1000,
            gid: 1000,
            full_name: String::new(),
            home: "/home/ann".to_owned(),
            shell: shell.to_owned(),
            groups,
        };
        Before::User { entry: Some(entry), password: None }
    }

    const NOBODY: Before = Before::User { entry: None, password: None };

    fn left(before: &Before, written: &Before, now: &Before) -> bool {
        matches!(judge(before, written, now), Verdict::Leave(_))
    }

    #[test]
    fn a_user_that_eos_made_goes_unless_somebody_changed_it_and_one_from_before_only_changes_back() {
        let (sh, bash) = (user("/bin/sh", &["ops"]), user("/bin/bash", &["ops"]));
        assert_eq!(judge(&NOBODY, &sh, &sh), Verdict::TakeBack(NOBODY));
        assert!(left(&NOBODY, &sh, &bash) && left(&NOBODY, &sh, &user("/bin/sh", &["ops", "sudo"])));
        assert_eq!(judge(&NOBODY, &sh, &NOBODY), Verdict::Forget, "somebody else removed it");
        assert_eq!(judge(&NOBODY, &sh, &user("/bin/sh", &[])), Verdict::TakeBack(NOBODY), "its group went");
        assert_eq!(judge(&bash, &sh, &sh), Verdict::TakeBack(bash.clone()));
        assert_eq!(judge(&bash, &sh, &NOBODY), Verdict::Forget);
        assert!(left(&user("/bin/dash", &[]), &sh, &bash));
        assert_eq!(by_hand("ann", &NOBODY, &bash), "userdel ann");
        assert_eq!(by_hand("ann", &bash, &sh), "usermod --shell '/bin/bash' ann");
    }

    #[test]
    fn a_package_from_before_stays_and_one_of_eos_goes_in_whatever_version() {
        let found = |installed, version: &str| {
            Before::Package(Some(Found { installed, version: version.to_owned() }))
        };
        let none = Before::Package(None);
        assert_eq!(judge(&none, &found(true, "1"), &found(true, "2")), Verdict::TakeBack(none.clone()));
        assert_eq!(judge(&none, &found(true, "1"), &none), Verdict::Forget);
        let only_configured = found(false, "1");
        let verdict = judge(&only_configured, &found(true, "1"), &found(true, "1"));
        assert_eq!(verdict, Verdict::TakeBack(only_configured));
        assert!(left(&found(true, "1"), &found(true, "2"), &found(true, "2")));
        let command = "apt-get install --allow-downgrades nginx=1";
        assert_eq!(by_hand("nginx", &found(true, "1"), &found(true, "2")), command);
        assert_eq!(by_hand("nginx", &none, &found(true, "2")), "apt-get purge nginx");
    }

    #[test]
    fn a_package_that_went_with_an_installation_is_said_to_be_gone_with_the_command_that_brings_it_back() {
        let found = |installed| Before::Package(Some(Found { installed, version: "1".to_owned() }));
        let none = Before::Package(None);
        let by_eos =
            "it was there before in version 1; an installation by eos removed it, and it is not put back";
        let by_others = "it was there before in version 1; it was removed since, and it is not put back";
        for gone in [&none, &found(false)] {
            assert_eq!(judge(&found(true), gone, gone), Verdict::Leave(by_eos.to_owned()));
            assert_eq!(judge(&found(true), &found(true), gone), Verdict::Leave(by_others.to_owned()));
        }
        let command = "apt-get install --allow-downgrades exim4=1";
        assert_eq!(by_hand("exim4", &found(true), &none), command);
    }

    #[test]
    fn what_somebody_switched_set_or_mounted_since_stays_so() {
        let service = |active, enabled| Before::Service { active, enabled, failed: false };
        let verdict = judge(&service(false, false), &service(true, true), &service(true, true));
        assert_eq!(verdict, Verdict::TakeBack(service(false, false)));
        let verdict = judge(&service(false, false), &service(true, true), &service(true, false));
        assert_eq!(verdict, Verdict::TakeBack(service(false, false)));
        let verdict = judge(&service(true, true), &service(false, true), &service(true, true));
        assert_eq!(verdict, Verdict::Forget);
        let value = |text: &str| Before::Parameter(Some(text.to_owned()));
        assert_eq!(judge(&value("1"), &value("2"), &value("2")), Verdict::TakeBack(value("1")));
        assert!(left(&value("1"), &value("2"), &value("3")));
        assert_eq!(by_hand("vm.swappiness", &value("60"), &value("3")), "sysctl -w vm.swappiness='60'");
        let mounted = |device: &str| Before::Mounted(device.to_owned());
        let none = Before::Mount(false);
        assert_eq!(judge(&none, &mounted("tmpfs"), &mounted("tmpfs")), Verdict::TakeBack(none.clone()));
        assert!(left(&none, &mounted("tmpfs"), &mounted("/dev/sdb")));
        assert_eq!(by_hand("/mnt/a", &none, &mounted("/dev/sdb")), "umount /mnt/a");
    }

    #[test]
    fn a_group_loses_what_eos_gave_it_and_nothing_else() {
        let group = |members: &[&str]| {
            let members = members.iter().map(|member| (*member).to_owned()).collect();
            Before::Group(Some(GroupEntry { gid: 9, members }))
        };
        let none = Before::Group(None);
        assert_eq!(judge(&none, &group(&["ann"]), &group(&[])), Verdict::TakeBack(none.clone()));
        assert!(left(&none, &group(&["ann"]), &group(&["ann", "bob"])));
        let before = group(&["bob"]);
        let verdict = judge(&before, &group(&["ann", "bob"]), &group(&["ann", "bob"]));
        assert_eq!(verdict, Verdict::TakeBack(before.clone()));
        assert_eq!(by_hand("ops", &none, &group(&[])), "groupdel ops");
        let command = "groupmod --gid 9 ops; gpasswd --members 'bob' ops";
        assert_eq!(by_hand("ops", &before, &group(&["ann"])), command);
    }
}
