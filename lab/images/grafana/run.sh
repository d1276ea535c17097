#!/bin/sh
# As the official image's: GF_X from the file of GF_X__FILE, exported to all that it starts.
set -e
for name in $(env | sed -n 's/^\(GF_[^=]*\)__FILE=..*/\1/p'); do
    file=
    eval "file=\$${name}__FILE"
    if [ -n "$(printenv "$name")" ]; then
        echo "ERROR: Both $name and ${name}__FILE are set (but are exclusive)" >&2
        exit 1
    fi
    echo "Getting secret $name from $file"
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}__FILE"
done
exec python3 /usr/share/grafana/double.py "$@"
