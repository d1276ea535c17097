#!/bin/sh
# What a lab host runs: its SSH server and its Docker daemon. Ends when both have ended.
set -eu
mkdir -p /run/sshd
mkdir -m 1777 /run/lab-launchd
/usr/sbin/sshd -D -e 2>>/var/log/sshd.log &
PATH=/opt/engine/bin:$PATH dockerd >>/var/log/dockerd.log 2>&1 &
# As launchd does when a Mac starts.
for plist in /Library/LaunchDaemons/*.plist; do
    [ ! -e "$plist" ] || launchctl bootstrap system "$plist" 2>>/var/log/launchd.log || true
done
wait
