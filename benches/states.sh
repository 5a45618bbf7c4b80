#!/bin/sh
# Applies the whole shipped tree with eos and with `salt-call --local`, in turns in one run: on a root where nothing is
# there yet, and again when nothing changes. Prints each median in milliseconds, and how many times faster eos is.
#
#   benches/states.sh [ROUNDS]        as root; ROUNDS is 11 unless said otherwise
#
# It needs a release build (cargo build --release) and Salt in target/salt-3008.3, where the tests install it
# (cargo test --test it salt). Both run on one tree, with one pillar but for their roots.
set -eu

cd "$(dirname "$0")/.."
rounds=${1:-11}
eos=$PWD/target/release/eos
salt=$PWD/target/salt-3008.3
[ -x "$eos" ] || { echo "states.sh: $eos is missing: cargo build --release" >&2; exit 1; }
[ -e "$salt/installed" ] || { echo "states.sh: $salt is missing: cargo test --test it salt" >&2; exit 1; }

work=$(mktemp -d)
node=$work/node
other=$work/salt
stop() {
    "$eos" --root "$node" reset > "$work/reset.log" 2>&1 || cat "$work/reset.log" >&2
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

mkdir -p "$node" "$other/modules" "$other/services" "$other/pillar"
"$eos" --root "$node" bootstrap --single-node --advertise-address 127.0.96.1 --node-name node1 > "$work/log" 2>&1
states=$node/var/lib/eos/cluster/states
cp tests/it/salt/service.py "$other/modules/"
cat > "$other/minion" <<MINION
id: node1
file_client: local
file_roots: {base: [$states]}
pillar_roots: {base: [$other/pillar]}
module_dirs: [$other/modules]
root_dir: $other/state
conf_file: $other/minion
log_level: quiet
log_level_logfile: quiet
MINION
# The same settings as eos gives its states, below Salt's own root; the monitor is no part of it on either side.
cat > "$work/pillar.py" <<'PILLAR'
import json, re, sys

node, root = sys.argv[1:]
text = open(f"{node}/etc/eos/storage-ops.yaml", encoding="utf-8").read()
number = lambda key: int(re.search(rf"^ *{key}: (\d+)$", text, re.M).group(1))
names = ("warning", "compress", "cleanup", "degraded", "emergency", "critical")
print(json.dumps({"eos": {
    "node": "node1", "role": "monolith", "scale": "single", "root": root, "binary": "/usr/local/bin/eos",
    "mode": "observe", "interval_seconds": number("interval_seconds"), "mounts": ["/"], "services": True,
    "thresholds": {name: number(name) for name in names},
    "retention": {name: number(name) for name in ("logs", "backups", "cache")},
}}))
PILLAR
pillar=$(python3 "$work/pillar.py" "$node" "$other/root")

# What the states make on either side, taken away so that the next run is a first one. The monitor of eos runs on: it
# is restarted by the run, as Salt's is.
forget() {
    rm -rf "$1/srv" "$1/var/cache" "$1/var/backups" "$1/etc/eos/storage-ops.yaml"
    rm -f "$1/etc/systemd/system/eos-storage-monitor.service"
}

# Milliseconds that a command takes.
timed() {
    began=$(date +%s%N)
    "$@" > "$work/out" 2>&1 || { cat "$work/out" >&2; exit 1; }
    ended=$(date +%s%N)
    echo $(((ended - began) / 10000)) | sed 's/..$/.&/; s/^\./0./'
}

with_eos() { timed "$eos" --root "$node" state apply; }
with_salt() {
    timed env SERVICES="$other/services" PYTHONWARNINGS=ignore "$salt/bin/salt-call" --local --retcode-passthrough \
        --config-dir "$other" state.apply "pillar=$pillar"
}

mkdir -p "$other/root/etc" "$other/root/var"
with_salt > /dev/null
with_eos > /dev/null
for _ in $(seq "$rounds"); do
    forget "$node"
    forget "$other/root"
    with_eos >> "$work/eos.first"
    with_salt >> "$work/salt.first"
    with_eos >> "$work/eos.again"
    with_salt >> "$work/salt.again"
done

median() { sort -n "$1" | sed -n "$(((rounds + 1) / 2))p"; }
printf '%-34s %10s %10s %8s\n' "median of $rounds, in ms" eos salt-call ratio
for kind in first again; do
    name="the first time"
    [ "$kind" = first ] || name="when nothing changes"
    ours=$(median "$work/eos.$kind")
    theirs=$(median "$work/salt.$kind")
    printf '%-34s %10s %10s %8s\n' "$name" "$ours" "$theirs" "$(echo "$theirs $ours" | awk '{printf "%.1f", $1 / $2}')"
done
