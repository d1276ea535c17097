#!/bin/sh
# Prints each file that exists in base64, after its name. Parameters: pairs of name and path.
while [ $# -gt 0 ]; do
    if [ -f "$2" ]; then
        printf 'file\t%s\n' "$1"
        base64 <"$2" || echo '!'
    fi
    shift 2
done
exit 0
