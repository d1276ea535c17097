#!/bin/sh
# Waits until a Mac's thermal pressure is below a level, or for so long; prints the level it then has,
# nothing where none can be asked. Parameters: the level, the seconds to wait at most.
wanted=$1 left=$2
key=com.apple.system.thermalpressurelevel
look_s=10

# Ends with the next news of the pressure. News between a look and this must not be waited for in
# vain, so it ends after a few seconds, too.
next_news() {
    notifyutil -1 "$key" >/dev/null 2>&1 &
    news=$!
    {
        sleep "$1" &
        timer=$!
        trap 'kill "$timer"; exit' TERM
        wait "$timer"
        kill "$news"
    } >/dev/null 2>&1 </dev/null &
    watch=$!
    wait "$news" 2>/dev/null
    kill "$watch" 2>/dev/null
    wait "$watch" 2>/dev/null
}

now_s() { date +%s; }

until_s=$(($(now_s) + left))
while :; do
    said=$(notifyutil -g "$key" 2>/dev/null)
    level=${said##* }
    case $level in
    [0-4]) ;;
    *) exit 0 ;;
    esac
    left=$((until_s - $(now_s)))
    [ "$level" -ge "$wanted" ] && [ "$left" -gt 0 ] || break
    if [ "$left" -gt "$look_s" ]; then left=$look_s; fi
    next_news "$left"
done
echo "$level"
