#!/bin/sh
# What a lab host runs: its SSH server and its Docker daemon. Ends when both have ended.
set -eu
mkdir -p /run/sshd
/usr/sbin/sshd -D -e 2>>/var/log/sshd.log &
PATH=/opt/engine/bin:$PATH dockerd >>/var/log/dockerd.log 2>&1 &
wait
