//! Users, groups, packages, parameters of the kernel and mounts: on copies of this machine that are written to a file
//! system of their own, in namespaces of their own, so that the machine itself is not touched. eos is a node there,
//! with the root `/`.

use super::installed::{Minion, environment};
use super::results;
use crate::support::{EOS, package};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Runs the script $2 with the arguments after it in a copy of this machine: what it writes goes to the memory file system
/// at $1. The package that states install is in a repository there, and the other repositories are not asked.
const COPY: &str = r#"
set -eu
work=$1; shift
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work/root"
for part in proc sys dev; do mount --rbind "/$part" "$work/root/$part"; done
mount -t proc proc "$work/root/proc"
mount -t tmpfs tmpfs "$work/root/run"
[ "$out" = "${out#/tmp}" ] || { mkdir -p "$work/root$out"; }
mount --bind "$out" "$work/root$out"
ip link set lo up
exec chroot "$work/root" sh -eu -c "$script" copy "$@"
"#;

/// A package of three files in a repository of one, as the copy has it.
const PACKAGE: &str = r#"
build() {
    mkdir -p "/srv/repository/$1/DEBIAN" "/srv/repository/$1/usr/share/$1"
    echo "$1" > "/srv/repository/$1/usr/share/$1/file"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: eos <eos@localhost>\nDescription: a test\n%s' "$1" "$2" "$3" > "/srv/repository/$1/DEBIAN/control"
    dpkg-deb --build --root-owner-group "/srv/repository/$1" "/srv/repository/$1.deb" > /dev/null
    (cat "/srv/repository/$1/DEBIAN/control"; printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' "$1" "$(stat -c %s "/srv/repository/$1.deb")" "$(sha256sum "/srv/repository/$1.deb" | cut -d' ' -f1)") >> /srv/repository/Packages
}
mkdir -p /srv/repository
build eos-test-needed 1.0 ''
build eos-test-package 1.2-3 'Depends: eos-test-needed
'
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/srv/repository ./' > /etc/apt/sources.list
apt-get -q update > /dev/null
groupadd --gid 4100 eos-test-old; useradd --uid 4101 --gid 4100 --no-create-home --home-dir /home/eos-test-old --shell /bin/sh eos-test-old
groupadd --gid 4102 eos-test-members; gpasswd -M eos-test-old eos-test-members > /dev/null
printf 'net.ipv4.ip_default_ttl = 61\n' > /etc/sysctl.d/50-eos-test.conf
mkdir -p /srv/mounted
printf '# table\nnone /srv/there tmpfs rw 0 0\n' > /etc/fstab
"#;

/// What is there afterwards, line by line, of all that the states change.
const TELL: &str = r#"
tell() {
    grep -E '^eos-test' /etc/passwd /etc/group | sort
    grep -E '^eos-test' /etc/shadow | cut -d: -f1,2
    dpkg-query -W -f='${Package} ${Version} ${db:Status-Status}\n' 'eos-test*' 2>/dev/null | sort
    cat /etc/fstab /etc/sysctl.d/50-eos-test.conf /etc/sysctl.d/99-salt.conf 2>/dev/null || true
    stat -c '%a %u %g %n' /etc/fstab /etc/sysctl.d/*eos-test* /etc/sysctl.d/99-salt.conf /home/eos-test-* /srv/made 2>/dev/null || true
    sysctl -n net.ipv4.ip_default_ttl net.ipv4.ip_forward
    for place in /srv/mounted /srv/made; do
        findmnt -rno TARGET,FSTYPE,OPTIONS "$place" | sed 's/,inode64//' || true
    done
}
"#;

const SALT: &str = r#"
for run in 1 2 3 4; do
    case $run in 1|3) test=True;; *) test=False;; esac
    "$1/bin/salt-call" --local --out=json --config-dir "$2" state.apply machine "pillar={eos: {root: ''}}" test=$test > "$out/salt.$run.json" 2> "$out/salt.$run.err" || { cat "$out"/salt.$run.*; exit 1; }
done
tell > "$out/salt.after"
"#;

const WITH_EOS: &str = r#"
"$1" bootstrap --single-node --advertise-address 127.0.0.1 --node-name node1 > "$out/eos.log" 2>&1 || { cat "$out/eos.log"; exit 1; }
states=/var/lib/eos/cluster/states
rm -rf $states; cp -r "$2" $states
assign() { printf "base:\n  '*':\n    - %s\n" "$1" > $states/top.sls; }
tell > "$out/eos.before"
assign machine_failing
"$1" state apply --output json > "$out/eos.failing.json" 2> "$out/eos.failing.err" && exit 1
tell > "$out/eos.undone"
assign machine
for run in 1 2 3 4; do
    case $run in 1|3) test=--test;; *) test=;; esac
    [ $run != 3 ] || saga=$(ls /var/lib/eos/journal | sort | tail -n 1)
    "$1" state apply $test --output json > "$out/eos.$run.json" 2> "$out/eos.$run.err" || { cat "$out"/eos.$run.*; exit 1; }
done
tell > "$out/eos.after"
"$1" rollback --to "${saga%.jsonl}" > "$out/eos.rollback" 2>&1 || { cat "$out/eos.rollback"; exit 1; }
tell > "$out/eos.back"
"#;

/// Runs a script in a copy of this machine; what it tells is in the directory that is returned.
pub fn in_a_copy(script: &str, out: &Path, arguments: &[&Path]) {
    let work = TempDir::with_prefix("eos-copy-").unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"])
        .args(["sh", "-c", COPY, "copy"])
        .arg(work.path())
        .args(arguments)
        .env("out", out)
        .env("script", format!("{PACKAGE}{TELL}{script}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn read(out: &Path, name: &str) -> String {
    fs::read_to_string(out.join(name)).unwrap()
}

#[test]
fn accounts_packages_the_kernel_and_mounts_are_changed_as_by_salt_and_taken_back() {
    let out = TempDir::with_prefix("eos-told-").unwrap();
    let states: PathBuf = package("tests/fixtures/states");
    // Salt finds the services, users and packages of the copy with its own modules.
    let minion = Minion::of_this_machine(&states, "node1");
    in_a_copy(SALT, out.path(), &[environment(), minion.configuration()]);
    in_a_copy(WITH_EOS, out.path(), &[Path::new(EOS), &states]);
    for run in 1..=4 {
        let test = run % 2 == 1;
        let salt: Value = serde_json::from_str(&read(out.path(), &format!("salt.{run}.json"))).unwrap();
        let salt = results::of_salt(&salt["local"], "\0").unwrap();
        let eos = read(out.path(), &format!("eos.{run}.json"));
        let eos: Value = serde_json::from_str(eos.lines().last().unwrap()).unwrap();
        let eos = results::of_eos(&eos["result"]["states"], "\0");
        results::assert_same(&salt, &eos, test, &format!("machine, run {run}"));
    }
    assert_eq!(read(out.path(), "salt.after"), read(out.path(), "eos.after"));
    assert_ne!(read(out.path(), "eos.before"), read(out.path(), "eos.after"));
    assert_eq!(read(out.path(), "eos.before"), read(out.path(), "eos.undone"), "a failed state rolls back");
    assert_eq!(read(out.path(), "eos.before"), read(out.path(), "eos.back"), "and so does a rollback");
}
