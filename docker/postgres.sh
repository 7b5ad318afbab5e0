#!/bin/sh
# Runs PostgreSQL in a container; creates the cluster when the volume is empty.
#
# The superuser's password is in the file that SUPERUSER_PASSWORD_FILE names. When the secret is
# another one than at the last start, the password becomes the new one. The settings are
# those that "km3vo instance postgres-settings" wrote into the volume /settings.
set -eu
umask 077

data=/var/lib/postgresql/data
settings=/settings/postgresql.conf
superuser=dachsroot

fail() {
    printf 'postgres: %s\n' "$1" >&2
    exit 2
}

secret=${SUPERUSER_PASSWORD_FILE:-/run/secrets/superuser_password}
[ -r "$secret" ] || fail "the superuser's password cannot be read
  file:     $secret
  expected: a secret with this name that uid $(id -u) can read
  remedy:   see Secrets in docker/README.md"
password=$(tr -d '\n' <"$secret")
[ ${#password} -ge 14 ] || fail "the superuser's password is too short
  file:     $secret
  expected: at least 14 characters
  remedy:   see Secrets in docker/README.md"
case $password in
    *[!A-Za-z0-9_.+/=-]*) fail "the superuser's password has characters other than letters, digits and _.+/=-
  file:     $secret" ;;
    *) ;;
esac
[ -w "${data%/*}" ] || fail "the volume belongs to another user
  directory: ${data%/*}
  expected: one in which uid $(id -u) can write
  remedy:   chown -R $(id -u):$(id -g) the volume"

[ -r "$settings" ] || fail "the settings cannot be read
  file:     $settings
  remedy:   run the service settings first; see docker/README.md"

newest=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -n 1)
if [ -e "$data/PG_VERSION" ]; then
    major=$(cat "$data/PG_VERSION")
    [ "$major" = "$newest" ] || fail "the database was created by another version of PostgreSQL
  directory: $data
  value:    $major
  expected: $newest
  remedy:   see Upgrades in docs/operations.md"
fi
programs=/usr/lib/postgresql/$newest/bin
mark=$data/km3vo.secret
fingerprint=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)

if [ ! -e "$data/PG_VERSION" ]; then
    # Created under another name, then renamed: an interruption leaves no partial cluster.
    rm -rf "$data.new" "$data"
    # the same as in ingest/instance/postgres.py
    "$programs/initdb" --pgdata="$data.new" --username="$superuser" --pwfile="$secret" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --lc-collate=C >/dev/null
    # the network of the containers decides who can connect
    echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
    echo 'host replication all all scram-sha-256' >>"$data.new/pg_hba.conf"
    printf %s "$fingerprint" >"$data.new/km3vo.secret"
    sync
    mv "$data.new" "$data"
elif [ "$(cat "$mark" 2>/dev/null)" != "$fingerprint" ]; then
    echo 'postgres: the secret has changed, and the password becomes the new one' >&2
    printf "ALTER ROLE %s PASSWORD '%s';\n" "$superuser" "$password" |
        "$programs/postgres" --single -D "$data" -c log_min_messages=error postgres >/dev/null
    printf %s "$fingerprint" >"$mark"
fi

cp "$settings" "$data/km3vo.conf"
grep -q "^include = 'km3vo.conf'" "$data/postgresql.conf" ||
    printf "\ninclude = 'km3vo.conf'\n" >>"$data/postgresql.conf"
# All processes of the server inherit this limit, even those that run code in C which does not
# listen to timeouts. They report "out of memory" for their query.
memory=$(sed -n 's/^# Memory of each process: \([0-9]*\) MiB.*/\1/p' "$settings" | head -n 1)
exec prlimit --as="$((${memory:-640} * 1048576))" "$programs/postgres" -D "$data" -c unix_socket_directories=''
