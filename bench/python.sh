#!/bin/sh
# Gives a lab host a Python for Ansible's modules, and prints where it is: a lab host has none, as a
# Mac has none. It is the one of an image that the host has anyway, unpacked in the user's home.
# Parameters: the image, then the docker command line.
set -e
image=$1
shift
directory=$HOME/.drydock-bench/python
if [ ! -x "$directory/python" ]; then
    mkdir -p "$directory"
    container=$("$@" create "$image")
    "$@" export "$container" | tar -x -C "$directory" usr
    "$@" rm "$container" >/dev/null
    cat >"$directory/python" <<END
#!/bin/sh
export PYTHONHOME=$directory/usr LD_LIBRARY_PATH=$(echo "$directory"/usr/lib/*-linux-gnu)
exec $directory/usr/bin/python3 "\$@"
END
    chmod +x "$directory/python"
    "$directory/python" -c 'import json, ssl' || { rm "$directory/python" && exit 1; }
fi
echo "$directory/python"
