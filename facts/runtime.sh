#!/bin/sh
# Prints a line for every Docker socket that exists, up to the first that answers:
#   OUTCOME <tab> RUNTIME <tab> SOCKET <tab> CLI <tab> ANSWER
# and when none does, what is installed. Parameters: the CLI and the socket to use instead of looking
# for them, each may be empty. Variable: probe_timeout_s.
# shellcheck disable=SC2154
forced_cli=$1
forced_socket=$2
unset DOCKER_CONTEXT DOCKER_API_VERSION DOCKER_TLS DOCKER_TLS_VERIFY DOCKER_CERT_PATH

first_executable() {
    for file in "$@"; do
        if [ -x "$file" ] && [ ! -d "$file" ]; then
            printf %s "$file"
            return
        fi
    done
}

# macOS has no `timeout`: a watch ends a CLI that waits on a socket nobody answers. The watch's
# output goes nowhere, else SSH would wait for it.
ask() {
    DOCKER_HOST="unix://$2" "$1" version --format '{{json .Server}}' 2>&1 </dev/null &
    asked=$!
    {
        sleep "$probe_timeout_s" &
        timer=$!
        trap 'kill "$timer"; exit' TERM
        wait "$timer"
        kill -9 "$asked"
    } >/dev/null 2>&1 </dev/null &
    watch=$!
    wait "$asked"
    status=$?
    kill "$watch"
    return "$status"
}

try() {
    runtime=$1
    socket=$2
    shift 2
    if [ -n "$answered" ] || [ ! -S "$socket" ]; then return; fi
    if [ -n "$forced_cli" ]; then set -- "$forced_cli"; else
        set -- "$@" /usr/local/bin/docker /opt/homebrew/bin/docker /usr/bin/docker \
            "$HOME/.docker/bin/docker" "$HOME/.orbstack/bin/docker" "$HOME/.rd/bin/docker"
    fi
    cli=$(first_executable "$@")
    if [ -z "$cli" ]; then
        printf 'no-cli\t%s\t%s\t%s\t\n' "$runtime" "$socket" "$forced_cli"
        return
    fi
    answer=$(ask "$cli" "$socket" 2>/dev/null)
    case $? in
    0) outcome=answered answered=yes ;;
    137) outcome=silent ;;
    *) outcome=failed ;;
    esac
    printf '%s\t%s\t%s\t%s\t' "$outcome" "$runtime" "$socket" "$cli"
    printf '%s\n' "$answer" | tr '\t\n' '  '
    echo
}

answered=
if [ -n "$forced_socket" ]; then
    [ -S "$forced_socket" ] || printf 'failed\tforced\t%s\t\tno socket there\n' "$forced_socket"
    try forced "$forced_socket"
else
    other=linux
    [ "$(uname -s)" = Darwin ] && other=other
    try docker-desktop "$HOME/.docker/run/docker.sock" /usr/local/bin/docker \
        "$HOME/.docker/bin/docker" /Applications/Docker.app/Contents/Resources/bin/docker
    try orbstack "$HOME/.orbstack/run/docker.sock" /usr/local/bin/docker \
        "$HOME/.orbstack/bin/docker" /Applications/OrbStack.app/Contents/MacOS/xbin/docker
    try colima "$HOME/.colima/default/docker.sock" /opt/homebrew/bin/docker
    try colima "$HOME/.config/colima/default/docker.sock" /opt/homebrew/bin/docker
    try rancher "$HOME/.rd/docker.sock" "$HOME/.rd/bin/docker"
    try "$other" /var/run/docker.sock /usr/bin/docker
    try "$other" "/run/user/$(id -u)/docker.sock" /usr/bin/docker
fi
[ -n "$answered" ] && exit 0

for place in /Applications/Docker.app /Applications/OrbStack.app "/Applications/Rancher Desktop.app" \
    /opt/homebrew/bin/colima /usr/local/bin/docker /opt/homebrew/bin/docker /usr/bin/docker \
    "$HOME/.docker/bin/docker" "$HOME/.orbstack/bin/docker" "$HOME/.rd/bin/docker"; do
    [ -e "$place" ] && printf 'installed\t%s\n' "$place"
done
if [ "$(uname -s)" = Darwin ]; then
    # shellcheck disable=SC2012
    printf 'console_user\t%s\n' "$(ls -l /dev/console | awk '{ print $3 }')"
fi
exit 0
