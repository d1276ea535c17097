#!/bin/sh
# Prints every release that lies in a stack's directory: its record, manifest and description in
# base64, and the digests of its files. Parameter: the directory.
cd "$1/releases" 2>/dev/null || exit 0
hash=shasum
command -v sha256sum >/dev/null && hash=sha256sum
for release in */; do
    release=${release%/}
    [ -d "$release" ] || continue
    printf 'release\t%s\n' "$release"
    for file in "record:$release.json" "manifest:$release/manifest.json" \
        "description:$release/release.json"; do
        echo "${file%%:*}"
        [ -f "${file#*:}" ] && base64 <"${file#*:}"
    done
    echo files
    (
        cd "$release" || exit
        if [ "$hash" = shasum ]; then set -- shasum -a 256; else set -- sha256sum; fi
        find . -type f ! -name manifest.json -exec "$@" {} +
    )
done
exit 0
