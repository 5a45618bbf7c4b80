#!/usr/bin/env bash
# Measures how fast eos moves the state of a node against what people use, on this machine, in one run:
# cp, rclone, rsync, curl | zstd | tar, casync and restic. Writes the tables of docs/performance.md and docs/peers.svg.
#
#   benches/peers.sh [--binary PATH] [--rounds N] [--rows big,small,second,two,link,loss,huge] [--work DIR]
#
# Installs the peers on Debian 12. Run it as root on a quiet machine with 40 GiB of free disk. Nodes are roots
# in a directory of its own under --work (/var/tmp), with loopback addresses and network namespaces that it
# makes and removes.
set -euo pipefail
export LC_ALL=C NO_COLOR=1

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

arguments=()
binary=$PWD/target/release/eos
while (($#)); do
    case $1 in
        --binary) binary=$(realpath -- "$2") ;;
        --rounds | --rows | --work) arguments+=("$1" "$2") ;;
        *)
            sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    shift 2
done
[[ -x $binary ]] || { echo "peers.sh: $binary is not there: cargo build --release" >&2; exit 2; }
((EUID == 0)) || { echo "peers.sh: it must run as root: sudo $0" >&2; exit 2; }

packages=()
while read -r program package; do
    command -v "$program" >/dev/null || packages+=("$package")
done <<'LIST'
rclone rclone
rsync rsync
casync casync
restic restic
nginx nginx-light
zstd zstd
curl curl
/usr/bin/time time
gnuplot gnuplot-nox
gcc gcc
ip iproute2
python3 python3-minimal
LIST
if ((${#packages[@]})); then
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends libc6-dev "${packages[@]}"
fi

exec python3 benches/peers/measure.py --binary "$binary" "${arguments[@]}"
