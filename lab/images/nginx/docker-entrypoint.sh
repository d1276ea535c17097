#!/bin/sh
# As the official image's: runs /docker-entrypoint.d/*.sh, fills templates, then the command.
set -e
if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for script in /docker-entrypoint.d/*.sh; do
        if [ -x "$script" ]; then "$script"; fi
    done
    for template in /etc/nginx/templates/*.template; do
        [ -e "$template" ] || continue
        variables=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
        target=/etc/nginx/conf.d/$(basename "$template" .template)
        envsubst "$variables" <"$template" >"$target"
    done
fi
exec "$@"
