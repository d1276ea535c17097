#!/bin/sh
# Gives launchd a job: ends a former one of that name, puts the property list in its place, loads it.
# Without a property list it only ends the job and takes its property list away. Parameters: domain,
# label, where the property list belongs, and the property list.
domain=$1 label=$2 place=$3 plist=${4-}
launchctl bootout "$domain/$label" 2>/dev/null
# It comes back before the job is gone, and what is loaded meanwhile fails with error 5. There is no
# event to wait for in a shell; each look is a second after the last.
left=20
while launchctl print "$domain/$label" >/dev/null 2>&1; do
    left=$((left - 1))
    if [ "$left" = 0 ]; then
        echo "launchd doesn't end $domain/$label: look at it with launchctl print $domain/$label" >&2
        exit 1
    fi
    sleep 1
done
if [ -z "$plist" ]; then
    rm -f "$place"
    exit
fi
umask 022
mkdir -p "$(dirname "$place")" && cp "$plist" "$place.new" && chmod 644 "$place.new" &&
    mv "$place.new" "$place" || exit 1
said=$(launchctl bootstrap "$domain" "$place" 2>&1)
status=$?
[ "$status" = 0 ] && exit
case $status in
125) why="there is no such domain: nobody with that name has logged in since the Mac started" ;;
119) why="somebody has disabled it: launchctl enable $domain/$label" ;;
*) why="launchctl error $status says what that is" ;;
esac
echo "launchd doesn't take the monitor: $said; $why; or do without: --data monitor=off" >&2
exit 1
