#!/usr/bin/env bash
# Measures what an operator waits for and what a node costs: first node, second run, joins, reset,
# resident memory, size of the binary, start of the program.
#
#   benches/bootstrap.sh [--binary PATH] [--joins N] [--runs N] [--net 127.0.32]
#
# Nodes are roots in a temporary directory with loopback addresses NET.1, NET.2, ...; all that was
# started is reset at the end. Run it on a quiet machine: it measures wall-clock time.
set -euo pipefail
export LC_ALL=C NO_COLOR=1

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
BINARY=$PWD/target/release/eos
JOINS=30
RUNS=10
NET=127.0.32

while (($#)); do
    case $1 in
        --binary) BINARY=$(realpath -- "$2") ;;
        --joins) JOINS=$2 ;;
        --runs) RUNS=$2 ;;
        --net) NET=$2 ;;
        *)
            sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift 2
done
[[ -x $BINARY ]] || { echo "bootstrap.sh: $BINARY is not there: cargo build --release" >&2; exit 2; }
[[ -z $(pgrep -f "eos .*$NET\\." || true) ]] || { echo "bootstrap.sh: $NET.* is in use" >&2; exit 2; }

WORK=$(mktemp -d)
trap clean_up EXIT

eos() {
    local node=$1
    shift
    "$BINARY" --root "$WORK/$node" "$@" 2>>"$WORK/log"
}

clean_up() {
    local root
    for root in "$WORK"/n*; do
        if [[ -e $root/var/lib/eos/manifest.json ]]; then eos "${root##*/}" reset --force >/dev/null || true; fi
    done
    rm -rf -- "$WORK"
}

# Runs a command and prints the milliseconds that it took, with one decimal.
milliseconds() {
    local began=${EPOCHREALTIME/./} ended
    "$@" >/dev/null || { tail -n 20 "$WORK/log" >&2; exit 1; }
    ended=${EPOCHREALTIME/./}
    printf '%d.%d\n' $(((ended - began) / 1000)) $(((ended - began) / 100 % 10))
}

# Prints one line of the result from the milliseconds on its input: number, median, p99, extremes.
summary() {
    sort -n | awk -v what="$1" '
        { value[NR] = $1 }
        function rank(p,  at) { at = int(p * NR + 0.999999); return value[at < 1 ? 1 : at] }
        END { printf "%-44s %3d runs  p50 %7.1f ms  p99 %7.1f ms  min %7.1f ms  max %7.1f ms\n",
                     what, NR, rank(0.5), rank(0.99), value[1], value[NR] }'
}

first_node() { eos "$1" bootstrap --single-node --advertise-address "$NET.1" --node-name "$1"; }

join_node() {
    local node=n$1
    eos "$node" bootstrap --join-cluster="$NET.1" --advertise-address "$NET.$1" --node-name "$node" --token "$TOKEN"
}

# Waits until every node has applied the newest generation, for at most 60 s.
converged() {
    local until=$((SECONDS + 60))
    while eos n1 node list | grep -q 'not converged'; do
        ((SECONDS < until)) || { echo "bootstrap.sh: the nodes do not converge" >&2; exit 1; }
    done
}

memory() {
    local pattern=$1 what=$2 pid
    for pid in $(pgrep -f -- "$pattern"); do
        awk '/^VmRSS/ { all = $2 } /^RssAnon/ { own = $2 } END { print all, own }' "/proc/$pid/status"
    done | sort -n | awk -v what="$what" '
        { all[NR] = $1; own[NR] = $2 }
        END { at = int((NR + 1) / 2)
              printf "%-44s %3d of them  median %6.1f MiB (own memory %4.1f MiB)  largest %6.1f MiB\n",
                     what, NR, all[at] / 1024, own[at] / 1024, all[NR] / 1024 }'
}

echo "machine: $(nproc) cores, $(uname -sr), load $(cut -d' ' -f1-3 /proc/loadavg)"
echo "binary:  $("$BINARY" --version), $(stat -c %s "$BINARY") bytes"

for ((run = 0; run < 5 * RUNS; run++)); do milliseconds "$BINARY" --version; done | summary 'eos --version'

for ((run = 0; run < RUNS; run++)); do
    milliseconds first_node n1 >>"$WORK/first"
    milliseconds first_node n1 >>"$WORK/second"
    milliseconds eos n1 reset --verify >>"$WORK/reset"
done
summary 'bootstrap --single-node, empty root' <"$WORK/first"
summary 'bootstrap --single-node, second run' <"$WORK/second"
summary 'reset --verify of a single node' <"$WORK/reset"

first_node n1 >/dev/null
TOKEN=$(eos n1 token create)
for ((node = 2; node <= 5; node++)); do join_node "$node" >/dev/null; done
converged
memory "$BINARY master --root $WORK/n1" 'master, 5 nodes'
memory "$BINARY agent --root $WORK/" 'agent, 5 nodes'
memory "$BINARY storage monitor --root $WORK/" 'storage monitor'
memory "$BINARY --root $WORK/.* supervise" 'supervisor of a service (no systemd)'
for ((node = 5; node >= 2; node--)); do
    milliseconds eos "n$node" reset --verify >>"$WORK/leave"
    converged
done
summary 'reset --verify of a member' <"$WORK/leave"

for ((node = 2; node <= JOINS + 1; node++)); do
    milliseconds join_node 2 >>"$WORK/alone"
    converged
    eos n2 reset --verify >/dev/null
    converged
done
summary 'join of a second node, which then leaves' <"$WORK/alone"

for ((node = 2; node <= JOINS + 1; node++)); do milliseconds join_node "$node" >>"$WORK/growing"; done
summary "join, cluster grows from 1 to $((JOINS + 1)) nodes" <"$WORK/growing"
converged
memory "$BINARY master --root $WORK/n1" "master, $((JOINS + 1)) nodes"
