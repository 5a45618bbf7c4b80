//! States that change the machine itself, on a copy of it in namespaces of its own: mounts under every name of their
//! device, secrets that no command line shows, and what comes back when a state fails.

use crate::salt::machine::in_a_copy;
use crate::support::EOS;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A node with a function that applies states and one that takes its directory of states for its own.
const NODE: &str = r#"
"$1" bootstrap --single-node --advertise-address 127.0.0.1 --node-name node1 > "$out/eos.log" 2>&1 || { cat "$out/eos.log"; exit 1; }
eos=$1
states=/var/lib/eos/cluster/states
printf "base:\n  '*':\n    - site\n" > $states/top.sls
# Applies what is on the standard input; the answer goes to the file of this name.
apply() {
    cat > $states/site.sls
    "$eos" state apply --output json > "$out/$1" 2> "$out/$1.err"
}
applied() { apply "$1" || { cat "$out/$1" "$out/$1.err"; exit 1; }; }
failed() { if apply "$1"; then cat "$out/$1"; exit 1; fi; }
FAILS='fails:
  test.fail_without_changes:
    - order: last'
"#;

/// What the copy told under this name.
fn told(out: &Path, name: &str) -> String {
    fs::read_to_string(out.join(name)).unwrap()
}

/// The states of an answer: id and outcome.
fn outcomes(out: &Path, name: &str) -> Vec<(String, String)> {
    let text = told(out, name);
    let answer: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let states = answer["result"]["states"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    states.iter().map(|state| (text(&state["id"]), text(&state["outcome"]))).collect()
}

const MOUNTS: &str = r#"
truncate -s 16M /srv/disk.img
mkfs.ext4 -q -U 6f1a1ed5-9a0e-4ad6-8a26-5d3d3d0c5e01 -L eos-states /srv/disk.img
loop=$(losetup --show --find /srv/disk.img)
trap 'umount /srv/by-uuid /srv/by-label /srv/by-path || true; losetup -d $loop' EXIT
mkdir -p /srv/source/inner; touch /srv/source/inner/file
ln -s $loop /srv/link-to-device
mounts() {
    cat <<STATES
by_uuid:
  mount.mounted: [{name: /srv/by-uuid, device: UUID=6f1a1ed5-9a0e-4ad6-8a26-5d3d3d0c5e01, fstype: ext4, mkmnt: True, opts: "rw,nofail,x-systemd.automount"}]
by_label:
  mount.mounted: [{name: /srv/by-label, device: LABEL=eos-states, fstype: ext4, mkmnt: True, opts: "rw,suid,exec,x-systemd.device-timeout=5"}]
absent:
  mount.mounted: [{name: /srv/absent, device: LABEL=eos-nowhere, fstype: ext4, mkmnt: True, persist: False, opts: nofail}]
by_path:
  mount.mounted: [{name: /srv/by-path, device: /srv/link-to-device, fstype: ext4, mkmnt: True}]
bound:
  mount.mounted: [{name: /srv/bound, device: /srv/source/inner, fstype: none, mkmnt: True, opts: bind}]
sized:
  mount.mounted: [{name: /srv/sized, device: eos-sized, fstype: tmpfs, mkmnt: True, persist: False, opts: "$1"}]
STATES
}
options() { findmnt -rno OPTIONS /srv/sized | sed 's/,inode64//'; }
mounts rw,size=1M,mode=0755,uid=root | applied first
options > "$out/options.before"
mounts rw,size=1M,mode=0755,uid=root | applied second
mounts rw,size=1M,mode=0755,uid=root > $states/site.sls
"$eos" state apply --test --output json > "$out/tested"
(mounts ro,noexec,size=2M,mode=0755; echo "$FAILS") | failed third
options > "$out/options.after"
sed -i 's|/srv/source/inner|/srv/source|' $states/site.sls
if "$eos" state apply --output json > "$out/other" 2> /dev/null; then exit 1; fi
for mount in by-uuid by-label by-path; do findmnt -rno SOURCE "/srv/$mount"; done | sort -u | wc -l > "$out/devices"
"#;

#[test]
fn a_mount_is_known_by_every_name_of_its_device_and_gets_its_options_back() {
    let out = TempDir::with_prefix("eos-told-").unwrap();
    in_a_copy(&format!("{NODE}{MOUNTS}"), out.path(), &[Path::new(EOS)]);
    let all = ["by_uuid", "by_label", "absent", "by_path", "bound", "sized"];
    let wanted = |outcome: &str| {
        let outcome = |id: &str| if id == "absent" { "unchanged" } else { outcome }.to_owned();
        all.map(|id| (id.to_owned(), outcome(id))).to_vec()
    };
    assert_eq!(outcomes(out.path(), "first"), wanted("changed"));
    assert_eq!(outcomes(out.path(), "second"), wanted("unchanged"), "nothing is mounted again");
    assert_eq!(told(out.path(), "devices").trim(), "1", "three names of one device");
    let mut tested = outcomes(out.path(), "tested");
    tested.retain(|(id, _)| id != "absent");
    assert!(tested.len() == 5 && tested.iter().all(|(_, outcome)| outcome == "unchanged"), "{tested:?}");
    let third = outcomes(out.path(), "third");
    assert!(third.contains(&("sized".to_owned(), "changed".to_owned())), "{third:?}");
    let before = told(out.path(), "options.before");
    assert!(before.contains("rw") && before.contains("size=1024k"), "{before}");
    assert_eq!(told(out.path(), "options.after"), before, "the remount was taken back");
    let other = outcomes(out.path(), "other");
    assert!(other.contains(&("bound".to_owned(), "failed".to_owned())), "another directory: {other:?}");
}

const SECRET: &str = r#"
mkdir /srv/real
for tool in useradd usermod chpasswd; do
    mv "$(command -v $tool)" /srv/real/$tool
    printf '#!/bin/sh\necho "$0 $*" >> /srv/told\nexec /srv/real/%s "$@"\n' $tool > /usr/sbin/$tool
    chmod 755 /usr/sbin/$tool
done
user() { printf 'ann:\n  user.present:\n    - name: eos-test-ann\n    - createhome: False\n    - password: "%s"\n' "$1"; }
shadow() { grep '^eos-test-ann:' /etc/shadow | cut -d: -f2; }
user '$6$first$HASH' | applied made
shadow > "$out/shadow"
user '$6$second$HASH' | applied changed
shadow >> "$out/shadow"
(user '$6$third$HASH'; echo "$FAILS") | failed undone
shadow >> "$out/shadow"
cp /srv/told "$out/told"
"#;

#[test]
fn the_hash_of_a_password_is_on_no_command_line() {
    let out = TempDir::with_prefix("eos-told-").unwrap();
    in_a_copy(&format!("{NODE}{SECRET}"), out.path(), &[Path::new(EOS)]);
    let commands = told(out.path(), "told");
    assert!(commands.contains("useradd ") && commands.contains("eos-test-ann"), "{commands}");
    assert!(!commands.contains("HASH"), "{commands}");
    assert_eq!(told(out.path(), "shadow"), "$6$first$HASH\n$6$second$HASH\n$6$second$HASH\n");
}

const PACKAGES: &str = r#"
packages() { dpkg-query -W -f='${Package} ${Version} ${db:Status-Status}\n' 'eos-test*' 2>/dev/null | sort; }
build eos-test-rival 2.0 ''
build eos-test-winner 1.0 'Conflicts: eos-test-rival
'
apt-get -q update > /dev/null
apt-get -q -y install eos-test-rival > /dev/null
packages > "$out/before"
(printf 'winner:\n  pkg.installed:\n    - name: eos-test-winner\n'; echo "$FAILS") | failed conflict
packages > "$out/conflict.after"
# The lists know nothing of these yet: the state asks for new ones.
build eos-test-new-needed 1.0 ''
build eos-test-new 1.0 'Depends: eos-test-new-needed
'
(printf 'new:\n  pkg.installed:\n    - name: eos-test-new\n    - refresh: True\n'; echo "$FAILS") | failed refreshed
packages > "$out/refreshed.after"
"#;

#[test]
fn packages_that_an_installation_removes_or_brings_along_are_as_before_when_it_is_undone() {
    let out = TempDir::with_prefix("eos-told-").unwrap();
    in_a_copy(&format!("{NODE}{PACKAGES}"), out.path(), &[Path::new(EOS)]);
    let before = told(out.path(), "before");
    assert_eq!(before, "eos-test-rival 2.0 installed\n");
    for (answer, id) in [("conflict", "winner"), ("refreshed", "new")] {
        let changed = (id.to_owned(), "changed".to_owned());
        assert!(outcomes(out.path(), answer).contains(&changed), "{}", told(out.path(), answer));
        assert_eq!(told(out.path(), &format!("{answer}.after")), before, "{answer}");
    }
}
