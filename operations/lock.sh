#!/bin/sh
# Takes the lock of a stack's directory, and holds it for as long as lines come in: each goes back as
# it came, and `end`, the end of the input or its silence gives the lock back. Prints `taken` or `held`.
# Parameters: directory, this lock's name, who, for what, the name of a dead lock to break (or empty),
# seconds of silence that end it (0: any).
directory=$1 name=$2 who=$3 purpose=$4 dead=$5 silence_s=$6 watch=
exec 2>&1
umask 077
tab=$(printf '\t')

name_in() { sed -n "s/^name$tab//p" "$1/owner" 2>/dev/null; }

release() {
    [ -n "$watch" ] && kill "$watch"
    cd "$directory" || exit 1
    # Another one's lock stays: this one may have been broken.
    case $(name_in lock) in
    "$name" | '') mv lock "lock-$name" && rm -rf "lock-$name" ;;
    esac
} 2>/dev/null

# Ends the holding when no line came between two looks.
watch_silence() {
    while :; do
        : >asked
        sleep "$silence_s" &
        timer=$!
        trap 'kill "$timer"; exit' TERM
        wait "$timer"
        if [ -z "$(find heard -newer asked)" ]; then
            release
            kill -9 "$$" # Not every shell lets a milder signal end its reading.
            exit
        fi
    done
}

mkdir -p "$directory" && cd "$directory" || exit 1
if [ -n "$dead" ] && [ "$(name_in lock)" = "${dead#-}" ]; then
    mv lock "lock-$name" && rm -rf "lock-$name"
fi
if ! said=$(mkdir lock 2>&1); then
    if [ -d lock ]; then echo held; else echo "$said"; fi
    exit 0
fi
trap release EXIT
trap 'exit 1' HUP INT TERM PIPE
cd lock || exit 1
: >heard || exit 1
{
    printf 'name\t%s\npid\t%s\nwho\t%s\npurpose\t%s\n' "$name" "$$" "$who" "$purpose"
    printf 'since\t%s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')"
    # When the system was started, as its first process tells: what a restart leaves is nobody's.
    printf 'booted\t%s\n' "$(LC_ALL=C ps -o lstart= -p 1)"
} >owner.new && mv owner.new owner || exit 1
if [ "$silence_s" -gt 0 ]; then
    watch_silence >/dev/null 2>&1 </dev/null &
    watch=$!
fi
echo taken
while read -r line && [ "$line" != end ]; do
    : >heard && printf '%s\n' "$line" || exit 1
done
