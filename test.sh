#!/bin/sh
# Runs all tests: fuzz targets for a minute each, documentation tests, unit tests, integration tests, the lab of
# network namespaces.
# What they need and is missing is installed with apt-get.
#
# With arguments it runs `cargo test` with them: `./test.sh tidy`, `./test.sh --test lab join`.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"

# What the tests run, by Debian package: compilers, the shells and the checker of install.sh, hosts
# made of network namespaces and what cuts their links, tools that read what eos wrote, real
# systemd hosts, clocks that are wrong, an environment of Python for Salt, an engine of containers.
PACKAGES="
    gcc g++ libc6-dev ca-certificates
    dash busybox shellcheck util-linux coreutils
    iproute2 nftables iputils-ping procps strace
    zstd tar sqlite3 openssl curl mandoc xfsprogs
    systemd systemd-container dbus debootstrap
    faketime python3-venv python3-pip
    podman crun
"

missing=
for package in $PACKAGES; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "test.sh: installing$missing" >&2
    if [ "$(id -u)" -ne 0 ]; then
        echo "hint: sudo apt-get install$missing" >&2
        exit 1
    fi
    apt-get update -q >&2
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing >&2
fi

command -v cargo >/dev/null 2>&1 || PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
export PATH

# Faults of requests to the master are a feature that only tests switch on.
if [ $# -gt 0 ]; then
    exec cargo test --locked --all-features "$@"
fi

# The largest part goes last, so that the last line is the verdict on it.
status=0
fuzz/run.sh || status=$?
cargo test --locked --all-features --doc || status=$?
cargo test --locked --all-features --lib --bins --tests --no-fail-fast || status=$?
exit "$status"
