#!/bin/sh
# Appends its input to a log, and puts one that has grown too long aside: three former ones are kept.
# Parameters: the log, and the bytes from which on it is too long.
log=$1 most_bytes=$2
umask 077
mkdir -p "$(dirname "$log")" || exit 1
if [ -f "$log" ] && [ "$(wc -c <"$log")" -gt "$most_bytes" ]; then
    for number in 2 1; do
        [ -f "$log.$number" ] && mv "$log.$number" "$log.$((number + 1))"
    done
    mv "$log" "$log.1"
fi
cat >>"$log"
