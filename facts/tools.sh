#!/bin/sh
# Prints the Docker CLI's plugins, the free disk space, and links that lie where Drydock writes.
# Parameter: the stack's directory. Variable: docker_cli.
# shellcheck disable=SC2154
directory=$1
cli_directory=$(dirname "$docker_cli")
for place in "$HOME/.docker/cli-plugins" /usr/local/lib/docker/cli-plugins \
    /usr/local/libexec/docker/cli-plugins /opt/homebrew/lib/docker/cli-plugins \
    /Applications/Docker.app/Contents/Resources/cli-plugins \
    /Applications/OrbStack.app/Contents/MacOS/xbin "$HOME/.rd/bin" \
    /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins "$cli_directory"; do
    [ -x "$place/docker-compose" ] || [ -x "$place/docker-buildx" ] || continue
    printf 'plugin_directory\t%s\n' "$place"
    if [ -z "$compose" ] && [ -x "$place/docker-compose" ]; then
        compose=$("$place/docker-compose" version --short 2>/dev/null </dev/null)
    fi
    if [ -z "$buildx" ] && [ -x "$place/docker-buildx" ]; then
        buildx=$("$place/docker-buildx" version 2>/dev/null </dev/null)
    fi
done
printf 'compose\t%s\nbuildx\t%s\n' "$compose" "$buildx"

# The links to the current release are meant, and are never written through.
for path in "$(dirname "$directory")" "$directory" "$directory"/* "$directory"/releases/* \
    "$directory"/secrets/* "$directory"/docker/* "$directory"/monitor/* "$directory"/logs/* \
    "$directory"/backups/* "$directory"/original/*; do
    case $path in "$directory"/current | "$directory"/current-*) continue ;; esac
    [ -h "$path" ] && printf 'link\t%s\n' "$path"
done

# Before the first deploy the directory is not there yet.
while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
printf 'free_kib\t%s\n' "$(df -Pk "$directory" | awk 'NR == 2 { print $4 }')"
