#!/bin/sh
# Prints the program that changes the size of a Docker runtime's VM, and what it says of it or where it
# keeps it: `program <tab> PATH`, `said <tab> LINE`, `file <tab> PATH`, `link <tab> PATH`.
# Parameters: the runtime (none: Homebrew is looked for), the Docker CLI, and the daemon's socket.
runtime=$1
cli=$2
socket=$3
unset DOCKER_CONTEXT DOCKER_HOST

first_executable() {
    for program in "$@"; do
        if [ -x "$program" ] && [ ! -d "$program" ]; then
            printf 'program\t%s\n' "$program"
            return
        fi
    done
    exit 0
}

case $runtime in
docker-desktop)
    directory="$HOME/Library/Group Containers/group.com.docker"
    file=$directory/settings-store.json
    [ -e "$file" ] || [ ! -e "$directory/settings.json" ] || file=$directory/settings.json
    kind='file'
    [ ! -h "$file" ] || kind='link'
    printf '%s\t%s\n' "$kind" "$file"
    if "$cli" desktop status >/dev/null 2>&1 </dev/null; then printf 'program\t%s\n' "$cli"; fi
    ;;
colima)
    first_executable /opt/homebrew/bin/colima /usr/local/bin/colima "$(command -v colima)"
    COLIMA_HOME=$(dirname "$(dirname "$socket")")
    PATH=$(dirname "$program"):$PATH
    export COLIMA_HOME PATH
    "$program" list --json 2>/dev/null </dev/null | sed 's/^/said	/'
    ;;
orbstack)
    first_executable /usr/local/bin/orb "$HOME/.orbstack/bin/orb" \
        /Applications/OrbStack.app/Contents/MacOS/bin/orb "$(command -v orb)"
    for key in cpu memory_mib; do
        "$program" config get "$key" 2>/dev/null </dev/null | sed "s/^/said	$key: /"
    done
    ;;
none) first_executable /opt/homebrew/bin/brew /usr/local/bin/brew "$(command -v brew)" ;;
esac
exit 0
