#!/bin/sh
# Makes .compiled/tree, this checkout with a compiled core, then writes the stamp file named by $1.
# The packages are copies beside their extension modules; all else is linked, so what runs in that
# folder sees the compiled packages, and what runs elsewhere never does.
set -eu

stamp=$1
python=$PWD/.venv/bin/python
tree=.compiled/tree
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fail() {
    printf 'compiling failed: %s\n' "$*" >&2
    exit 1
}

step() {
    printf '   %s\n' "$1"
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "$*"
    }
}

can_compile() {
    printf '#include <Python.h>\n' >"$log.c"
    ${CC:-cc} -fsyntax-only \
        "-I$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')" "$log.c" \
        >/dev/null 2>&1
    found=$?
    rm -f "$log.c"
    return $found
}

install_compiler() {
    packages='gcc libc6-dev python3-dev'
    command -v apt-get >/dev/null 2>&1 ||
        fail 'there is no C compiler, or no headers of Python: install both'
    [ "$(id -u)" -eq 0 ] ||
        fail "there is no C compiler, or no headers of Python; run: sudo apt-get install $packages"
    step "installing $packages" sh -c "apt-get update && apt-get install -y $packages"
    can_compile || fail "cannot compile with the headers of $("$python" --version)"
}

echo '== compiled build (once for each state of the sources)'
can_compile || install_compiler
rm -f .compiled/.built-*
mkdir -p "$tree"
# What is gone from the checkout must be gone here; extension modules are kept while they are new.
find "$tree" -name '*.py' -delete
find "$tree" -type l -delete
step 'compiling scoring and handlers (a few minutes the first time)' \
    env TIERSTREAM_COMPILE=1 "$python" setup.py --quiet build --build-base .compiled/build \
    --build-lib "$tree" build_ext --parallel 4
for entry in *; do
    [ -e "$tree/$entry" ] || ln -s "../../$entry" "$tree/$entry"
done
: >"$stamp"
