#!/bin/sh
# Builds eos, installs it with its completions, man pages, states and templates, and hands the
# remaining arguments to it. `install.sh --help` tells the rest.
#
# A crash at any point leaves a manifest that names every file put so far: the next run completes
# the installation, and `install.sh uninstall` removes it.
set -eu
umask 022
export LC_ALL=C

# A token among the arguments would stand in the process list for the whole build: it goes on in the
# environment, and this script starts again without it.
for argument in "$@"; do
    case $argument in --token | --token=*) token_given=yes ;; esac
done
if [ "${token_given:-}" = yes ]; then
    count=$#
    take=
    while [ "$count" -gt 0 ]; do
        argument=$1
        shift
        count=$((count - 1))
        if [ -n "$take" ]; then
            EOS_TOKEN=$argument
            take=
            continue
        fi
        case $argument in
            --token) take=yes ;;
            --token=*) EOS_TOKEN=${argument#--token=} ;;
            *) set -- "$@" "$argument" ;;
        esac
    done
    if [ -n "$take" ]; then
        printf '%s\n' "install.sh: --token has no value" "hint: EOS_TOKEN=TOKEN ./install.sh bootstrap" >&2
        exit 2
    fi
    export EOS_TOKEN
    # The shell that runs this now, which need not be /bin/sh.
    shell=$(readlink "/proc/$$/exe" 2>/dev/null) || shell=
    [ -x "$shell" ] || shell=/bin/sh
    case ${shell##*/} in
        busybox*) exec "$shell" sh "$0" "$@" ;;
        *) exec "$shell" "$0" "$@" ;;
    esac
fi

SOURCE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PREFIX=${PREFIX:-/usr/local}
PREFIX=${PREFIX%/}
DESTDIR=${DESTDIR:-}
SHARE=$PREFIX/share/eos
MANIFEST=$DESTDIR$SHARE/install.manifest
BINARY=$DESTDIR$PREFIX/bin/eos
TAB=$(printf '\t')

usage() {
    cat <<'END'
Usage: install.sh [COMMAND OF EOS...]   install eos, then run it with these arguments
       install.sh uninstall             remove exactly what was installed
       install.sh --help                show this text

Examples:
  ./install.sh bootstrap --single-node
  ./install.sh bootstrap --join-cluster=10.0.1.10 --token-file=/root/token
  EOS_ARTIFACT=./eos EOS_ARTIFACT_SHA256=... ./install.sh

Without EOS_ARTIFACT, eos is built from this checkout with cargo; a missing C compiler is installed
with apt-get. A second run changes nothing.

Environment:
  PREFIX               where to install (default /usr/local)
  DESTDIR              a directory to install under instead of /, for packages and images
  EOS_ARTIFACT         a prebuilt eos binary to install instead of building
  EOS_ARTIFACT_SHA256  its SHA-256; else the file EOS_ARTIFACT.sha256 is read
END
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "install.sh: $1"
    shift
    for hint in "$@"; do say "hint: $hint"; done
    exit 1
}

# --- what the build needs ------------------------------------------------------------------------

require_packages() {
    missing=
    command -v cc >/dev/null 2>&1 || missing="gcc libc6-dev"
    # cargo checks the certificates of the place it fetches crates from against these.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || die "missing packages: $missing" "sudo apt-get install $missing"
    command -v apt-get >/dev/null 2>&1 ||
        die "missing packages: $missing, and there is no apt-get here" "install them, then run this again"
    say "installing $missing"
    apt-get update -q >&2
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $missing >&2
}

require_cargo() {
    wanted=$(field rust-version)
    if ! command -v cargo >/dev/null 2>&1; then
        [ -x "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/cargo" ] ||
            die "cargo is missing: eos is built with Rust $wanted or newer" \
                "apt-get install -y curl ca-certificates (where curl is missing)" \
                "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal" \
                "or set EOS_ARTIFACT to a prebuilt binary"
        PATH=${CARGO_HOME:-${HOME:-/root}/.cargo}/bin:$PATH
        export PATH
    fi
    found=$(cargo --version 2>&1) || die "cargo does not run: $found" "rustup default stable"
    minor=$(printf '%s\n' "$found" | sed -n 's/^cargo 1\.\([0-9]*\)\..*/\1/p')
    [ "${minor:-0}" -ge "${wanted#*.}" ] ||
        die "$found is too old: eos is built with Rust $wanted or newer" "rustup update stable"
}

# The value of a key of the [package] table.
field() { sed -n "s/^$1 = \"\\(.*\\)\"\$/\\1/p" "$SOURCE/Cargo.toml" | head -n 1; }

# Sets `built` to the binary to install.
build() {
    require_packages
    require_cargo
    say "building eos $(field version) (the first time takes minutes)"
    (cd "$SOURCE" && cargo build --release --locked >&2) || die "the build failed; nothing was installed"
    target=${CARGO_TARGET_DIR:-target}
    case $target in /*) ;; *) target=$SOURCE/$target ;; esac
    built=$target/release/eos
}

# Sets `built` to a private copy of the artifact whose digest was checked, so that what is installed
# is what was checked even when someone replaces the artifact meanwhile.
take_artifact() {
    [ -f "$EOS_ARTIFACT" ] || die "EOS_ARTIFACT=$EOS_ARTIFACT is not a file"
    wanted=${EOS_ARTIFACT_SHA256:-}
    if [ -z "$wanted" ]; then
        [ -f "$EOS_ARTIFACT.sha256" ] ||
            die "no digest to check $EOS_ARTIFACT against; nothing was installed" \
                "set EOS_ARTIFACT_SHA256, or put the digest its maker published in $EOS_ARTIFACT.sha256"
        wanted=$(cut -d ' ' -f 1 <"$EOS_ARTIFACT.sha256" | head -n 1)
    fi
    wanted=$(printf '%s' "${wanted#sha256:}" | tr 'A-F' 'a-f')
    built=$WORK/eos
    cp -- "$EOS_ARTIFACT" "$built"
    found=$(digest "$built")
    [ "$found" = "$wanted" ] ||
        die "$EOS_ARTIFACT has SHA-256 $found, expected $wanted; nothing was installed" \
            "fetch the artifact again, from its maker"
    chmod 755 "$built"
}

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# --- what goes where -----------------------------------------------------------------------------

# Prints `SOURCE<tab>DESTINATION<tab>MODE` for every file to install.
layout() {
    printf '%s\t%s\t755\n' "$built" "$PREFIX/bin/eos"
    place "$SOURCE/completions/eos.bash" "$PREFIX/share/bash-completion/completions/eos"
    place "$SOURCE/completions/_eos" "$PREFIX/share/zsh/site-functions/_eos"
    place "$SOURCE/completions/eos.fish" "$PREFIX/share/fish/vendor_completions.d/eos.fish"
    for page in "$SOURCE"/docs/man/*.[1-8]; do
        place "$page" "$PREFIX/share/man/man${page##*.}/${page##*/}"
    done
    for tree in states templates; do
        [ -d "$SOURCE/$tree" ] || continue
        (cd "$SOURCE/$tree" && find . -type f | sort) | while IFS= read -r file; do
            place "$SOURCE/$tree/${file#./}" "$SHARE/$tree/${file#./}"
        done
    done
}

place() { [ ! -f "$1" ] || printf '%s\t%s\t644\n' "$1" "$2"; }

# Prints the lines of the manifest for what layout() lists in $WORK/layout.
describe_files() {
    while IFS=$TAB read -r from to _mode; do
        printf 'file\t%s\t%s\n' "$(digest "$from")" "$to"
    done <"$WORK/layout"
}

# Prints the directories that are not there yet and that the layout needs. The one of the manifest
# always is: it may be left from a run that was killed before it wrote the manifest.
missing_directories() {
    printf 'directory\t-\t%s\n' "$SHARE"
    { cut -f 2 "$WORK/layout"; printf '%s\n' "$SHARE/"; } | while IFS= read -r to; do
        directory=${to%/*}
        while [ -n "$directory" ] && [ ! -d "$DESTDIR$directory" ]; do
            printf 'directory\t-\t%s\n' "$directory"
            directory=${directory%/*}
        done
    done
}

# Whether the file at $1 is one that the old manifest says was put there with these bytes.
is_ours() {
    [ -f "$WORK/old" ] && grep -qxF "file$TAB$(digest "$DESTDIR$1")$TAB$1" "$WORK/old"
}

# --- install -------------------------------------------------------------------------------------

install_all() {
    can_write
    if [ -n "${EOS_ARTIFACT:-}" ]; then take_artifact; else build; fi
    version=$("$built" --version 2>"$WORK/refusal") ||
        die "the binary does not run on this machine ($(uname -m)): $(head -n 1 "$WORK/refusal")" \
            "take one built for it; if $WORK is mounted noexec, set TMPDIR to a directory that is not"
    expected="eos $(field version)"
    [ "$version" = "$expected" ] ||
        die "the binary says it is '$version', this checkout is $expected; nothing was installed" \
            "check out the sources that the binary was built from"

    layout >"$WORK/layout"
    describe_files >"$WORK/files"
    : >"$WORK/old"
    if [ -f "$MANIFEST" ]; then cp -- "$MANIFEST" "$WORK/old"; fi
    { grep "^directory$TAB" "$WORK/old" || true; missing_directories; } | sort -u >"$WORK/directories"
    { printf 'eos-install-manifest\t1\t%s\n' "${version#eos }"; cat "$WORK/directories" "$WORK/files"; } >"$WORK/new"

    find_changes
    if [ ! -s "$WORK/stale" ] && cmp -s "$WORK/new" "$MANIFEST"; then
        say "$version is already installed, nothing changed"
        return 0
    fi
    put_files
    say "$version is installed in $DESTDIR$PREFIX"
}

# Fills $WORK/stale with the lines of the layout that are to be put, and refuses to overwrite what
# this script did not put there.
find_changes() {
    : >"$WORK/stale"
    : >"$WORK/foreign"
    paste "$WORK/layout" "$WORK/files" | while IFS=$TAB read -r from to mode _kind wanted _to; do
        if [ ! -e "$DESTDIR$to" ] && [ ! -L "$DESTDIR$to" ]; then
            printf '%s\t%s\t%s\n' "$from" "$to" "$mode" >>"$WORK/stale"
        elif [ ! -f "$DESTDIR$to" ] || [ -L "$DESTDIR$to" ]; then
            printf '%s\n' "$DESTDIR$to" >>"$WORK/foreign"
        elif [ "$(digest "$DESTDIR$to")" = "$wanted" ]; then
            continue
        elif is_ours "$to"; then
            printf '%s\t%s\t%s\n' "$from" "$to" "$mode" >>"$WORK/stale"
        else
            printf '%s\n' "$DESTDIR$to" >>"$WORK/foreign"
        fi
    done
    [ -s "$WORK/foreign" ] || return 0
    say "install.sh: these were changed since they were installed, or were put there by someone else:"
    sed 's/^/  /' "$WORK/foreign" >&2
    die "nothing was installed, so as not to overwrite them" "move them away or remove them, then run this again"
}

put_files() {
    # Until all is in place the manifest names the old and the new bytes of each file, so that after
    # a crash both are known as ours.
    { cat "$WORK/new"; grep "^file$TAB" "$WORK/old" || true; } | awk '!seen[$0]++' >"$WORK/both"
    mkdir -p -- "$DESTDIR$SHARE"
    put "$WORK/both" "$MANIFEST" 644
    while IFS=$TAB read -r _kind _digest directory; do
        [ -d "$DESTDIR$directory" ] || mkdir -- "$DESTDIR$directory"
    done <"$WORK/directories"
    while IFS=$TAB read -r from to mode; do
        put "$from" "$DESTDIR$to" "$mode"
    done <"$WORK/stale"
    # Files of an older version that this one no longer has.
    cut -f 3 "$WORK/files" >"$WORK/kept"
    grep "^file$TAB" "$WORK/old" | cut -f 3 | sort -u | while IFS= read -r path; do
        if grep -qxF -- "$path" "$WORK/kept" || [ ! -f "$DESTDIR$path" ]; then continue; fi
        if is_ours "$path"; then rm -- "$DESTDIR$path"; else say "kept, changed since it was installed: $DESTDIR$path"; fi
    done
    put "$WORK/new" "$MANIFEST" 644
}

# Copies $1 to $2 with mode $3 in one visible step.
put() {
    temporary=$2.eos-install.$$
    # Those of a killed run.
    rm -f -- "$2".eos-install.*
    trap 'rm -f -- "$temporary"; rm -rf -- "$WORK"' EXIT
    cp -- "$1" "$temporary"
    chmod "$3" "$temporary"
    sync "$temporary"
    mv -f -- "$temporary" "$2"
    trap 'rm -rf -- "$WORK"' EXIT
}

# Fails with the way out when the nearest directory that exists cannot be written.
can_write() {
    nearest=$DESTDIR$PREFIX/
    while [ ! -d "$nearest" ]; do nearest=$(dirname -- "$nearest"); done
    [ -w "$nearest" ] ||
        die "$nearest is not writable for $(id -un); nothing was changed" \
            "run this as root, or set PREFIX=\$HOME/.local"
}

# --- uninstall -----------------------------------------------------------------------------------

uninstall() {
    if [ ! -f "$MANIFEST" ]; then
        say "eos is not installed in $DESTDIR$PREFIX (no $MANIFEST), nothing changed"
        return 0
    fi
    can_write
    [ ! -e "$DESTDIR/etc/systemd/system/eos-agent.service" ] ||
        die "this machine is a member of a cluster, and its services run $BINARY; nothing was changed" \
            "$BINARY reset --verify"
    cp -- "$MANIFEST" "$WORK/old"
    grep "^file$TAB" "$WORK/old" | cut -f 3 | sort -u >"$WORK/files"
    while IFS= read -r path; do
        rm -f -- "$DESTDIR$path".eos-install.*
        if [ ! -e "$DESTDIR$path" ] && [ ! -L "$DESTDIR$path" ]; then continue; fi
        if [ -f "$DESTDIR$path" ] && [ ! -L "$DESTDIR$path" ] && is_ours "$path"; then
            rm -- "$DESTDIR$path"
        else
            say "kept, changed since it was installed: $DESTDIR$path"
        fi
    done <"$WORK/files"
    # The manifest goes after all that can go before it, so that a killed run can be repeated.
    remove_empty_directories >/dev/null
    rm -f -- "$MANIFEST" "$MANIFEST".eos-install.*
    remove_empty_directories >&2
    say "eos is uninstalled from $DESTDIR$PREFIX; kept, when install.sh built it: packages installed with apt-get, and" \
        "${CARGO_TARGET_DIR:-$SOURCE/target}"
}

# Removes the directories of the manifest, innermost first, and names those that hold what someone
# else put there.
remove_empty_directories() {
    grep "^directory$TAB" "$WORK/old" | cut -f 3 | sort -ru | while IFS= read -r directory; do
        [ -d "$DESTDIR$directory" ] || continue
        rmdir -- "$DESTDIR$directory" 2>/dev/null || printf 'kept, not empty: %s\n' "$DESTDIR$directory"
    done
}

# --- the command line ----------------------------------------------------------------------------

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac
case $PREFIX in
    /* | '') ;;
    *) die "PREFIX=$PREFIX is not an absolute path" ;;
esac
[ -d "$DESTDIR/" ] || die "DESTDIR=$DESTDIR is not a directory" "mkdir -p $DESTDIR"
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ "${1:-}" = uninstall ]; then
    [ $# -eq 1 ] || die "uninstall takes no arguments, got: $2"
    uninstall
    exit 0
fi
install_all
[ $# -gt 0 ] || exit 0
rm -rf -- "$WORK"
exec "$BINARY" "$@"
