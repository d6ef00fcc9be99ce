#!/bin/sh
# Makes .venv from requirements/dev.lock and this checkout, then writes the stamp file named by $1.
# Works with nothing but Python 3.11 or later; every package is checked against its hash.
set -eu

stamp=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '%s\n' "$*"; }
fail() {
    printf 'set-up failed: %s\n' "$*" >&2
    exit 1
}

suitable_python() {
    for name in python3.11 python3 python3.12 python3.13; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$name"
            return
        fi
    done
}

# Runs a step quietly; its output is shown only if it fails.
step() {
    title=$1
    shift
    say "   $title"
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        fail "$title"
    }
}

make_venv() {
    if "$python" -m venv .venv >"$log" 2>&1; then
        return
    fi
    rm -rf .venv
    # Debian and Ubuntu ship Python without venv.
    if ! command -v apt-get >/dev/null 2>&1; then
        cat "$log" >&2
        fail "$python cannot make a virtual environment; install its venv module"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "$python has no venv module; run: sudo apt-get install python3-venv"
    fi
    step 'installing python3-venv' sh -c 'apt-get update && apt-get install -y python3-venv'
    step 'making .venv' "$python" -m venv .venv
}

say '== set-up (once, until the locked dependencies change)'
if [ ! -x .venv/bin/python ]; then
    python=$(suitable_python)
    [ -n "$python" ] || fail 'Python 3.11 or later is needed, and none was found on the PATH'
    say "   making .venv with $("$python" --version 2>&1)"
    make_venv
fi
rm -f .venv/.installed-*
step 'installing the locked dependencies (about 100 MB the first time)' \
    .venv/bin/python -m pip install --disable-pip-version-check --require-hashes \
    -r requirements/dev.lock
step 'installing tierstream from this checkout' \
    .venv/bin/python -m pip install --disable-pip-version-check --no-deps \
    --no-build-isolation --editable .
: >"$stamp"
