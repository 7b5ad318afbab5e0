#!/bin/sh
# Installs what the project needs and is missing: Debian's packages by apt, Python's into .venv.
# Called by make; cheap when there is nothing to do. With the word test also what only tests need.
set -eu
cd "$(dirname "$0")"

# python3-healpy draws the sky coverage on DaCHS' web pages
packages="python3-gavo python3-healpy postgresql stilts python3-venv"
stage=${1:-}
if [ "$stage" = test ]; then
    # a browser, npm to fetch Aladin Lite, and checkers of FITS files and of this script
    packages="$packages chromium chromium-driver curl fitsverify git shellcheck"
    command -v npm >/dev/null 2>&1 || packages="$packages npm"
fi
account=${KM3VO_USER:-km3vo}

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "this needs root once, and there is no sudo. Ask someone who may, to run here:"
        say "    ./setup.sh${stage:+ $stage}"
        [ -z "$missing" ] || say "It is about these Debian packages:$missing"
        exit 1
    fi
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
# q3c and pgSphere are packaged per version of PostgreSQL
major=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n | tail -n 1)
for extension in q3c pgsphere; do
    if [ -z "$major" ] || ! installed "postgresql-$major-$extension"; then
        missing="$missing postgresql-any-$extension"
    fi
done

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "this is not a Debian; DaCHS is packaged for Debian only. docker/README.md has another way."
        exit 1
    fi
    say "installing Debian packages; this takes a few minutes the first time"
    as_root apt-get -qq update
    if [ -z "$major" ]; then
        major=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
    fi
    missing=$(printf '%s' "$missing" | sed "s/postgresql-any-/postgresql-$major-/g")
    # shellcheck disable=SC2086  # the list is meant to be split
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null
fi

# Debian 12's pgSphere gives its old operators @ and ~ partners that its new ones have already.
# PostgreSQL refuses that since 15.19, and with it the extension. A second version of its script
# without these clauses goes beside the first one; nothing of Debian's is changed.
script=/usr/share/postgresql/15/extension/pg_sphere--1.2.0.sql
mended=${script%.sql}km3vo.sql
needed() { [ "$(id -u)" = 0 ] || dpkg --compare-versions "$(dpkg-query -W -f='${Version}' postgresql-15)" ge 15.19; }
if [ -f "$script" ] && [ ! -f "$mended" ] && needed; then
    say "mending pgSphere for this PostgreSQL: $mended"
    awk '/^[ \t]*CREATE[ \t]+OPERATOR[ \t]/ { old = ($3 ~ /^!?[@~]$/) }
        old { gsub(/(COMMUTATOR|NEGATOR)[ \t]*=[ \t]*[^ ,]+[ \t]*,?/, "") }
        /;/ { old = 0 }
        { print }' "$script" | as_root tee "$mended" >/dev/null
fi

# Servers do not run as root: root hands them to an account of their own.
if [ "$(id -u)" = 0 ] && ! getent passwd "$account" >/dev/null; then
    say "creating the system account $account"
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin "$account"
fi

python=${PYTHON:-/usr/bin/python3}
if ! .venv/bin/python -c '' 2>/dev/null; then
    say "making .venv"
    rm -rf .venv
    "$python" -m venv .venv
fi
wanted=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
    say "installing Python packages into .venv"
    .venv/bin/pip install -qq --disable-pip-version-check --editable '.[test]' --constraint constraints.txt
    # Its pin jsonschema<4 is older than what pyDataverse needs; it works with the new one.
    .venv/bin/pip install -qq --disable-pip-version-check --no-deps cffconvert --constraint constraints.txt
    printf '%s\n' "$wanted" > .venv/installed
fi

# GCN's schemas of notices have no licence to be passed on with; npm brings the version that is pinned
schemas=ingest/alerts/conversion/schemas/gcn
if ! cmp -s "$schemas/package-lock.json" "$schemas/node_modules/installed" && command -v npm >/dev/null 2>&1; then
    say "installing GCN's schemas of notices"
    (cd "$schemas" && npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/installed) \
        || say "that failed; without them km3vo alerts validate does not take notices in JSON"
fi
