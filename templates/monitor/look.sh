#!/bin/sh
# What each look begins with, read by the program that launchd runs: the directory, logs that don't
# grow without end, and a Docker CLI that waits no longer than this for a silent daemon.
# Variables, from the job's property list: directory (the stack's), docker_cli.
# shellcheck disable=SC2154
umask 022
patience_s=20
log_bytes=1048576
cd "$directory/monitor" || exit 1
mkdir -p ../logs || exit 1

# Keeps three former files of a log that has grown too long.
rotate() {
    [ -f "$1" ] && [ "$(wc -c <"$1")" -gt "$log_bytes" ] || return 0
    for number in 2 1; do
        [ -f "$1.$number" ] && mv "$1.$number" "$1.$((number + 1))"
    done
    mv "$1" "$1.1"
}

# The Docker CLI, ended when the daemon doesn't answer in time: macOS has no `timeout`, and launchd
# starts no second look while this one waits. The watch's output goes nowhere, else whoever reads
# ours would wait for it.
ask() {
    "$docker_cli" "$@" 2>errors.new </dev/null &
    asked=$!
    {
        sleep "$patience_s" &
        timer=$!
        trap 'kill "$timer"; exit' TERM
        wait "$timer"
        kill -9 "$asked"
    } >/dev/null 2>&1 </dev/null &
    watch=$!
    wait "$asked" 2>/dev/null
    status=$?
    kill "$watch" 2>/dev/null
    wait "$watch" 2>/dev/null
    return "$status"
}

# Why the last question failed; nothing where only a container was gone.
unanswered() {
    [ -s errors.new ] || echo "no answer in $patience_s s"
    grep -iv 'no such container' errors.new | head -n 1
}
