#!/bin/sh
# Prints the packages in a container's image, from what package managers keep: run in the container.
# Parameter: where its root is; none in a container.
exec 2>/dev/null
root=${1-}
echo "os $(sed -n 's/^ID=//p' "$root/etc/os-release" | tr -d '"')"
echo deb
for file in "$root"/var/lib/dpkg/status "$root"/var/lib/dpkg/status.d/*; do
    [ -f "$file" ] && sed -n '/^Package: /p;/^Status: /p;/^Version: /p;/^Architecture: /p;/^$/p' "$file"
    echo
done
echo apk
for file in "$root"/lib/apk/db/installed "$root"/usr/lib/apk/db/installed; do
    [ -f "$file" ] && sed -n '/^[PVA]:/p;/^$/p' "$file"
    echo
done
echo pypi
# Not those of other file systems: what is mounted is no part of the image.
find "$root/" -xdev -path '*.dist-info/METADATA' -exec sh -c '
    for file; do sed -n "1,/^\$/{/^Name: /p;/^Version: /p;}" "$file"; echo; done' sh {} +
exit 0
