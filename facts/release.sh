#!/bin/sh
# Prints what lies in a stack's directory: the lock, directories, what launchd runs of the monitor,
# releases, secrets' names, the current release's files and the monitor's, manifest and record.
# Parameter: the directory. Variable: given, names of secrets whose value the data gives.
# shellcheck disable=SC2154
cd "$1" 2>/dev/null || exit 0
if [ -d lock ]; then
    value() { sed -n "s/^$1	//p" lock/owner 2>/dev/null; }
    state=dead
    name=$(value name)
    pid=$(value pid)
    # The process that holds a lock has the lock's name among its arguments.
    case "${name:+$(ps -ww -o args= -p "$pid" 2>/dev/null)}" in
    *"$name"*) state=${name:+held} ;;
    *) [ "$(value booted)" = "$(LC_ALL=C ps -o lstart= -p 1)" ] || state=restarted ;;
    esac
    printf 'lock_state\t%s\n' "${state:-dead}"
    sed 's/^/lock_/' lock/owner 2>/dev/null
fi
for directory in */; do
    directory=${directory%/}
    [ -d "$directory" ] && [ ! -h "$directory" ] && printf 'directory\t%s\n' "$directory"
done
stack=$PWD
label=dev.drydock.${stack##*/}.monitor
if command -v launchctl >/dev/null; then
    launchctl print "user/$(id -u)/$label" >/dev/null 2>&1 && printf 'loaded\tagent\n'
    launchctl print "system/$label" >/dev/null 2>&1 && printf 'loaded\tdaemon\n'
fi
[ -f monitor/caps ] && sed 's/^/cap	/' monitor/caps
for release in releases/*/; do
    release=${release%/}
    [ -d "$release" ] && printf 'release\t%s\n' "${release#releases/}"
done
if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
# An empty one was cut off while it was written: none is there.
for secret in secrets/*; do
    [ -f "$secret" ] && [ -s "$secret" ] && printf 'secret\t%s\n' "${secret#secrets/}"
done
for secret in $given; do
    [ -f "secrets/$secret" ] && printf 'given\t%s %s\n' "$secret" "$($sum <"secrets/$secret")"
done
# Volumes that were taken over from containers that others had made.
[ -f original/volumes ] && sed 's/^/adopted	/' original/volumes
set --
if [ -L current ]; then
    release=$(readlink current)
    printf 'current\t%s\n' "$release"
    [ -s "$release.cdx.json" ] && printf 'bill\t%s\n' "${release#releases/}"
    cd current/ 2>/dev/null && set -- .
fi
for file in "$stack"/monitor/*.sh "$stack"/monitor/*.awk "$stack"/monitor/*.tsv \
    "$stack"/monitor/*.plist "$HOME/Library/LaunchAgents/$label.plist" \
    "/Library/LaunchDaemons/$label.plist"; do
    [ -f "$file" ] && set -- "$@" "$file"
done
echo files
# shellcheck disable=SC2086
[ $# = 0 ] || find "$@" -type f -exec $sum {} +
[ "$1" = . ] || exit 0
echo manifest
[ -f manifest.json ] && base64 <manifest.json
echo record
record=$(pwd -P).json
[ -f "$record" ] && base64 <"$record"
exit 0
