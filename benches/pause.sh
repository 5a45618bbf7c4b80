#!/usr/bin/env bash
# Measures for how long a capture of many small files holds writers off: what is frozen is looked at and linked, not read.
#
#   benches/pause.sh [--binary PATH] [--files N] [--runs N] [--address 127.0.36.1]
#
# The node is a root in a temporary directory under /var/tmp; it is reset at the end. Run it on a quiet machine.
set -euo pipefail
export LC_ALL=C NO_COLOR=1

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
binary=$PWD/target/release/eos files=100000 runs=3 address=127.0.36.1

while (($#)); do
    case $1 in
        --binary) binary=$(realpath -- "$2") ;;
        --files) files=$2 ;;
        --runs) runs=$2 ;;
        --address) address=$2 ;;
        *)
            sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift 2
done
[[ -x $binary ]] || { echo "pause.sh: $binary is not there: cargo build --release" >&2; exit 2; }

work=$(mktemp -d -p /var/tmp eos-pause-XXXXXX)
eos() { "$binary" --root "$work/node" "$@" 2>>"$work/log" || { tail -n 20 "$work/log" >&2; exit 1; }; }
clean_up() {
    if [[ -e $work/node/var/lib/eos/manifest.json ]]; then eos reset --force >/dev/null; fi
    rm -rf -- "$work"
}
trap clean_up EXIT

mkdir -p "$work/node/etc/eos" "$work/node/srv/many"
cat >"$work/node/etc/eos/cluster.yaml" <<'CONFIGURATION'
snapshot:
  sources:
    - name: many
      path: /srv/many
      write_once: ['**']
      hooks:
        before_capture: {command: [/bin/true]}
        after_capture: {command: [/bin/true]}
CONFIGURATION
python3 - "$work/node/srv/many" "$files" <<'PROGRAM'
import os, sys
top, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    if number % 1000 == 0:
        folder = os.path.join(top, f"d{number // 1000:04}")
        os.mkdir(folder)
    with open(os.path.join(folder, f"f{number:07}"), "wb") as file:
        file.write(b"%099d\n" % number)
PROGRAM
eos bootstrap --single-node --advertise-address "$address" --node-name node >/dev/null
for ((run = 0; run < runs; run++)); do
    eos snapshot create many --full --output json | tail -n 1
done | python3 -c '
import json, statistics, sys
results = [json.loads(line)["result"]["snapshots"][0] for line in sys.stdin]
middle = lambda key: statistics.median(one[key] for one in results) / 1000
held, all_of_it = middle("paused_milliseconds"), middle("milliseconds")
print(f"writers held {held:.2f} s of {all_of_it:.2f} s, median of {len(results)}")
'
