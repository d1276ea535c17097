#!/bin/sh
# Run all tests. As root on Debian it installs what they need and starts the lab's simulated Macs;
# elsewhere the tests that need those are skipped, and say so.
set -eu
cd "$(dirname "$0")/.."
. tests/lab.env
python=.venv/bin/python
down=:

say() { printf '\n== %s\n' "$*"; }

packages="busybox chromium curl dash faketime git iproute2 lsof nginx-light openssh-client original-awk \
    postgresql prometheus redis-server"
command -v npm >/dev/null || packages="$packages nodejs npm"
can_run_lab() { [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]; }

if can_run_lab && command -v apt-get >/dev/null; then
    # shellcheck disable=SC2086
    if ! dpkg -s $packages >/dev/null 2>&1; then
        say "Installing what the tests run against: $packages"
        apt-get update -q
        # A test starts servers of its own: the packages' must not run.
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends $packages
    fi
fi

if ! command -v npm >/dev/null; then
    echo "npm is missing, with which the page is tested: install Node.js" >&2
    exit 1
fi

# pyinfra writes no bytecode, and the stories start it hundreds of times.
$python -m compileall -q facts link operations stack

# The browser's tests take axe-core from the page's packages.
prepare() {
    say "Checkov, and Nautilus' engines and backend, each in an environment of its own"
    "${UV:-uv}" sync --quiet --frozen --project tests/rendered/checkov
    "${UV:-uv}" sync --quiet --frozen --project nautilus
    say "Nautilus: its page"
    cd nautilus/frontend
    npm ci --no-progress
    npm test
}

log=$(mktemp)
beside=
# shellcheck disable=SC2317 # the trap calls it
end() {
    [ -z "$beside" ] || kill "$beside" 2>/dev/null || true
    rm -f "$log"
    $down
}
trap end EXIT

# The lab mostly waits for its packages.
(set -e; prepare) >"$log" 2>&1 &
beside=$!
if can_run_lab && ! $python -m lab status >/dev/null 2>&1; then
    say "Starting two simulated Macs"
    down="$python -m lab down"
    $python -m lab up --n 2 --chips m4max,m1
fi
prepared=0
wait $beside || prepared=$?
beside=
cat "$log"
[ $prepared = 0 ] || exit $prepared

if [ $# -gt 0 ]; then
    say "Drydock: $*"
    $python -m pytest "$@"
    exit
fi

# Most stories wait for a Mac more than they compute, so those of the first one and of odd ones, and some
# on a Mac of their own, are played beside those of the second and all that needs no Mac.
beside() {
    failed=0
    $python -m pytest -m mac1 || failed=$?
    say "Nautilus: its engines and its backend, in an environment of their own"
    nautilus/.venv/bin/python -m pytest -q -p no:cacheprovider tests/nautilus || failed=$?
    say "Drydock: the stories of odd Macs"
    $python -m pytest -m odd || failed=$?
    say "Drydock: the stories of rollback, in a lab of their own"
    DRYDOCK_LAB_NAME=apart DRYDOCK_LAB_DIR=/var/lib/drydock-apart $python -m pytest -m apart || failed=$?
    return "$failed"
}

say "Drydock: the stories of other Macs, and Nautilus' own tests: shown afterwards"
beside >"$log" 2>&1 &
beside=$!
say "Drydock: the stories of the second Mac, and of the lab itself"
status=0
$python -m pytest -m "lab and not mac1 and not odd and not apart" || status=$?
say "Drydock: units, operations, what is rendered"
$python -m pytest -m "not lab and not mac1 and not odd" || status=$?
say "What ran beside them"
if can_run_lab; then
    tail -n +1 -f --pid=$beside "$log"
fi
wait $beside || status=$?
can_run_lab || cat "$log"
exit "$status"
