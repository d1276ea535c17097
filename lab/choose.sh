#!/bin/sh
# Print the inventory that `make deploy` converges, and say why on standard error.
set -eu
if [ "$(uname -s)" = Darwin ]; then
    echo "This Mac (inventory.py)" >&2
    echo inventory.py
elif docker version >/dev/null 2>&1; then
    echo "This machine, whose Docker daemon answers (inventory.py)" >&2
    echo inventory.py
elif [ "$(id -u)" = 0 ]; then
    echo "No Docker daemon here: a simulated Mac (lab/inventory.py)" >&2
    echo lab/inventory.py
else
    echo "No Docker daemon here: start one, or run as root for a simulated Mac" >&2
    echo inventory.py
fi
