#!/bin/sh
# Builds the fuzz targets with the stable toolchain and runs each for some seconds (60 unless given) on a
# copy of its kept corpus. An input that breaks a promise is kept, and told with the command that shows it.
#
#   fuzz/run.sh             a minute each, from the same seed each time: what the tests run
#   fuzz/run.sh SECONDS     from a seed of its own
#   EOS_COMPARE=1 fuzz/run.sh 600   also holds what is unpacked to what another reader of tar makes of it
#   fuzz/run.sh --merge DIRECTORY   adds the inputs in DIRECTORY/TARGET to the kept corpora: those that reach
#                                   something new; what others make superfluous is dropped
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
command -v cargo >/dev/null 2>&1 || PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
export PATH

case ${1-} in
    --merge) seconds='' added=${2:?"fuzz/run.sh: --merge needs a directory"} ;;
    '' | *[!0-9]*) [ $# -eq 0 ] || { echo "fuzz/run.sh: SECONDS is a number, not $1" >&2; exit 2; }; seconds=60 ;;
    *) seconds=$1 ;;
esac
# 0 has libFuzzer choose one.
seed=0
[ $# -gt 0 ] || seed=1

# The dependencies are the package's own, as it builds them; eos is built once more, instrumented.
# Cargo does not see a change of fuzz/instrument: cargo clean --manifest-path fuzz/Cargo.toml -p eos
CARGO_TARGET_DIR=$PWD/target
export CARGO_TARGET_DIR
RUSTC_WRAPPER=$PWD/fuzz/instrument CARGO_INCREMENTAL=0 \
    cargo build --locked --quiet --manifest-path fuzz/Cargo.toml --bins
mkdir -p target/fuzz

# Most inputs make files, so these are made in memory where that is possible.
memory=/dev/shm
{ [ -d "$memory" ] && [ -w "$memory" ]; } || memory=${TMPDIR:-/tmp}
scratch=$(mktemp -d "$memory/eos-fuzz.XXXXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' HUP INT TERM

# Runs a target with its limits, quietly: it prints a line for every input that it learns from.
fuzz() {
    target=$1
    shift
    TMPDIR=$scratch "target/debug/$target" "-dict=fuzz/dictionaries/$target" -max_len=16384 \
        -rss_limit_mb=1024 -timeout=10 "-artifact_prefix=target/fuzz/$target-" "$@" >"$scratch/log" 2>&1
}

# What the log says of this: the last number after these words.
said() {
    sed -n "s/.*$1[: ]*\([0-9][0-9]*\).*/\1/p" "$scratch/log" | tail -n 1
}

failed() {
    grep -a -A 2 -e 'panicked at' -e 'ERROR: libFuzzer' "$scratch/log" >&2 || tail -n 20 "$scratch/log" >&2
    input=$(sed -n 's/.*Test unit written to //p' "$scratch/log" | tail -n 1)
    echo "fuzz: $1: FAILED${input:+ with $PWD/$input}" >&2
    [ -z "$input" ] || echo "hint: target/debug/$1 $input" >&2
}

status=0
for target in manifest archive frame datagram token; do
    corpus=$scratch/corpus
    rm -rf "$corpus"
    if [ -z "$seconds" ]; then
        mkdir "$corpus" && mkdir -p "$added/$target"
        if fuzz "$target" -set_cover_merge=1 "$corpus" "fuzz/corpus/$target" "$added/$target"; then
            rm -rf "fuzz/corpus/$target"
            cp -r "$corpus" "fuzz/corpus/$target"
            continue
        fi
    else
        cp -r "fuzz/corpus/$target" "$corpus"
        if fuzz "$target" "-seed=$seed" "-max_total_time=$seconds" -print_final_stats=1 "$corpus"; then
            echo "fuzz: $target: $(said number_of_executed_units) inputs in $seconds s," \
                "$(said DONE.*cov) places reached, $(said DONE.*corp) inputs in the corpus"
            continue
        fi
    fi
    failed "$target"
    status=1
done
exit "$status"
