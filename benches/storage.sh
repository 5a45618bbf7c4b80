#!/usr/bin/env bash
# Measures what the storage monitor costs: resident memory and processor time at its interval, and passes over
# 100,000 files.
#
#   benches/storage.sh [--binary PATH] [--files N] [--seconds N] [--address 127.0.33.1]
#
# One node is a root in a temporary directory; it is reset at the end. The files lie on an ext4 whose image is in
# memory, so that what a disk takes does not count: run it as root, on a quiet machine with 12 GiB of free memory.
set -euo pipefail
export LC_ALL=C NO_COLOR=1

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
BINARY=$PWD/target/release/eos
FILES=100000
SECONDS_IDLE=610
ADDRESS=127.0.33.1

while (($#)); do
    case $1 in
        --binary) BINARY=$(realpath -- "$2") ;;
        --files) FILES=$2 ;;
        --seconds) SECONDS_IDLE=$2 ;;
        --address) ADDRESS=$2 ;;
        *)
            sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift 2
done
[[ -x $BINARY ]] || { echo "storage.sh: $BINARY is not there: cargo build --release" >&2; exit 2; }

WORK=$(mktemp -d)
IMAGE=$(mktemp /dev/shm/eos-storage.XXXXXX)
ROOT=$WORK/node
trap clean_up EXIT

eos() {
    "$BINARY" --root "$ROOT" "$@" 2>>"$WORK/log"
}

clean_up() {
    if [[ -e $ROOT/var/lib/eos/manifest.json ]]; then eos reset --force >/dev/null || true; fi
    if mountpoint -q "$ROOT/disk"; then umount -l "$ROOT/disk"; fi
    rm -rf -- "$WORK" "$IMAGE"
}

mount_disk() {
    mount -o loop,noatime "$IMAGE" "$ROOT/disk"
}

# Makes all files of a directory so many days old. Nobody can set when a file last changed, so that is written on the
# disk while it is not mounted.
age_files() {
    local at=$((EPOCHSECONDS - $2 * 86400))
    find "$ROOT/disk/$1" -type f -printf "set_inode_field <%i> ctime @$at\n" >"$WORK/requests"
    until_true 30 umount "$ROOT/disk"
    debugfs -w -f "$WORK/requests" "$IMAGE" >/dev/null 2>&1
    mount_disk
}

# Waits until a command succeeds, for at most so many seconds.
until_true() {
    local end=$((EPOCHSECONDS + $1))
    shift
    until "$@"; do
        ((EPOCHSECONDS < end)) || { echo "storage.sh: in vain: $*" >&2; exit 1; }
        read -rt 0.05 <> <(:) || true
    done
}

# A field of the monitor's status: of `.a.b`, or nothing.
status() {
    python3 - "$ROOT/run/eos/storage-monitor.json" "$1" <<'PY'
import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value.get(key, {}) if isinstance(value, dict) else value[int(key)]
print(value if value != {} else 0)
PY
}

# Nanoseconds of processor time that all threads of a process took so far.
processor() {
    cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum }'
}

# Lines of /proc/PID/status, in KiB.
memory() {
    awk -v key="$2:" '$1 == key { print $2 }' "/proc/$1/status"
}

# Runs a command and prints: name, wall, user and system seconds.
timed() {
    local name=$1 TIMEFORMAT="%R %U %S"
    shift
    { time "$@" >"$WORK/out"; } 2>"$WORK/time" || { tail -n 20 "$WORK/log" >&2; exit 1; }
    awk -v name="$name" '{ printf "%-52s wall %6.2f s  user %5.2f s  system %5.2f s\n", name, $1, $2, $3 }' "$WORK/time"
}

# Files in 100 directories, all of one size; the last argument is their age in days.
make_files() {
    python3 - "$1" "$FILES" "$2" "$3" <<'PY'
import os, sys, time
place, count, size, days = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
line = b"2026-01-02T03:04:05Z node1 app[4711]: request %08d took 12 ms and all is well\n"
at = time.time() - days * 86400
for n in range(count):
    if n % 1000 == 0:
        directory = os.path.join(place, "%03d" % (n // 1000))
        os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, "app-%06d.log" % n)
    with open(path, "wb") as file:
        file.write((b"".join(line % (n + i) for i in range(size // len(line % 0) + 1)))[:size])
    os.utime(path, (at, at))
PY
}

configure() {
    cat >"$ROOT/etc/eos/storage-ops.yaml.new" <<YAML
version: 1
scale: single
role: monolith
mode: $1
interval_seconds: $2
mounts: [/disk]
thresholds: {warning: 1, compress: 2, cleanup: 3, degraded: 97, emergency: 98, critical: 99}
retention: {logs: 7, backups: 3, cache: 1}
classes: {critical: [], important: [], standard: [/disk/log], expendable: [/disk/cache]}
actions: {compress: [compress-logs], cleanup: [delete-expendable]}
YAML
    mv "$ROOT/etc/eos/storage-ops.yaml.new" "$ROOT/etc/eos/storage-ops.yaml"
}

deleted() {
    (($(status totals.delete-expendable.files) >= FILES))
}

watches_disk() {
    [[ $(status mounts.0.path) == /disk ]]
}

echo "$("$BINARY" --version), $(uname -sr), load $(cut -d' ' -f1-3 /proc/loadavg)"
eos bootstrap --single-node --advertise-address "$ADDRESS" --node-name node1 >/dev/null
PID=$(status pid)

mkdir "$ROOT/disk"
truncate -s 6G "$IMAGE"
mkfs.ext4 -q -m 0 -N $((4 * FILES)) -O ^has_journal -E lazy_itable_init=0 "$IMAGE"
mount_disk
mkdir "$ROOT/disk/log" "$ROOT/disk/cache"

configure observe 86400
until_true 30 watches_disk
make_files "$ROOT/disk/log" 4096 3
timed "$FILES young logs, nothing to do" eos storage cleanup --level compress
rm -rf "$ROOT/disk/log" && mkdir "$ROOT/disk/log"
make_files "$ROOT/disk/log" 8192 30
age_files log 30
timed "$FILES old logs of 8 KiB, dry run of compression" eos storage cleanup --level compress --dry-run
timed "$FILES old logs of 8 KiB, compressed" eos storage cleanup --level compress
timed "$FILES compressed logs, nothing to do" eos storage cleanup --level compress
make_files "$ROOT/disk/cache" 4096 30
age_files cache 30
timed "$FILES expendable files, dry run" eos storage cleanup --level cleanup --dry-run

before=$(processor "$PID")
began=${EPOCHREALTIME/./}
configure act 1
until_true 120 deleted
ended=${EPOCHREALTIME/./}
after=$(processor "$PID")
awk -v files="$FILES" -v wall=$((ended - began)) -v cpu=$((after - before)) 'BEGIN {
    printf "%-52s wall %6.2f s  processor %5.2f s\n", files " expendable files deleted by the monitor", wall / 1e6, cpu / 1e9 }'
echo "monitor after these passes: resident $(memory "$PID" VmRSS) KiB, its own $(memory "$PID" RssAnon) KiB"
umount -l "$ROOT/disk"
rmdir "$ROOT/disk"
eos reset --force >/dev/null

eos bootstrap --single-node --advertise-address "$ADDRESS" --node-name node1 >/dev/null
PID=$(status pid)
before=$(processor "$PID")
began=${EPOCHREALTIME/./}
echo "monitor: interval $(status interval_seconds) s; watching it for $SECONDS_IDLE s"
read -rt "$SECONDS_IDLE" <> <(:) || true
ended=${EPOCHREALTIME/./}
after=$(processor "$PID")
awk -v wall=$((ended - began)) -v cpu=$((after - before)) 'BEGIN {
    printf "monitor: %.3f s of processor time in %.0f s: %.4f %%\n", cpu / 1e9, wall / 1e6, cpu / 1e3 / wall * 100 }'
echo "monitor: resident $(memory "$PID" VmRSS) KiB, its own $(memory "$PID" RssAnon) KiB, of files $(memory "$PID" RssFile) KiB"
