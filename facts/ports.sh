#!/bin/sh
# Prints who listens on TCP, from each source there is: only root sees everybody's programs, so
# lsof and ss name some listeners, and the tables of netstat or /proc tell of the others.
# Variable: ports, separated by commas.
# shellcheck disable=SC2154
export PATH="$PATH:/usr/sbin:/sbin"
if command -v lsof >/dev/null; then
    echo lsof
    lsof -nP -iTCP:"$ports" -sTCP:LISTEN -Fpcn 2>/dev/null
fi
if command -v ss >/dev/null; then
    echo ss
    ss -Hltnp
elif [ -r /proc/net/tcp ]; then
    echo proc
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
else
    echo netstat
    netstat -an -p tcp
fi
exit 0
