#!/bin/sh
# As the official image's, for what this project relies on: a first start makes the cluster, the
# database and its owner, runs /docker-entrypoint-initdb.d, then starts the real server.
set -eu

if [ "${1#-}" != "$1" ]; then
    set -- postgres "$@"
fi
if [ "$1" != postgres ]; then
    exec "$@"
fi

file_env() {
    # POSTGRES_X from POSTGRES_X_FILE; both at once is a mistake. As with the official image, all that
    # is started from here on has it in its environment.
    value=$(eval "printf %s \"\${$1-}\"")
    file=$(eval "printf %s \"\${$1_FILE-}\"")
    if [ -n "$value" ] && [ -n "$file" ]; then
        echo "error: both $1 and $1_FILE are set" >&2
        exit 1
    fi
    if [ -n "$file" ]; then value=$(cat "$file"); fi
    export "$1=${value:-${2-}}"
    unset "$1_FILE"
}

file_env POSTGRES_PASSWORD
file_env POSTGRES_USER postgres
file_env POSTGRES_DB "$POSTGRES_USER"

if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 0700 "$PGDATA"
    exec gosu postgres "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD-}" != trust ]; then
        echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
        exit 1
    fi
    password_file=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password_file"
    method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile="$password_file" ${POSTGRES_INITDB_ARGS-}
    rm "$password_file"
    printf '\nhost all all all %s\n' "$method" >>"$PGDATA/pg_hba.conf"

    export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    # As with the official image, the server that runs the scripts cannot be reached over TCP.
    pg_ctl -D "$PGDATA" -o "$(printf "'%s' " "$@" -c listen_addresses= | cut -d' ' -f2-)" -w start
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d postgres -v name="$POSTGRES_DB" \
            <<'SQL'
CREATE DATABASE :"name";
SQL
    fi
    # shellcheck disable=SC1090 # which scripts there are is up to the image
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
        *.sh) if [ -x "$script" ]; then "$script"; else . "$script"; fi ;;
        *.sql) psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$script" ;;
        *.sql.gz) gunzip -c "$script" | psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d "$POSTGRES_DB" ;;
        *) echo "$0: ignoring $script" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset PGPASSWORD
    echo 'PostgreSQL init process complete; ready for start up.'
fi
exec "$@"
