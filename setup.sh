#!/bin/sh
# Installs the missing requirements: Debian packages with apt, Python packages into .venv.
# Called by make; quick if nothing is missing. "setup.sh test" also installs what only tests need,
# "setup.sh workflow" Snakemake.
# Images and installations are made of parts: "setup.sh server", "database", "proxy" and "check" install
# Debian packages, "setup.sh node" the Python packages that a node needs, and libraries.
set -eu
cd "$(dirname "$0")"
stage=${1:-}

# Images and installations are complete, and nobody may change them.
[ ! -e .venv/sealed ] || exit 0

# python3-healpy plots the sky coverage on DaCHS' web pages, python3-jinja2 fills in the templates of
# ours, python3-jwt and python3-cryptography check tokens
server="python3-gavo python3-healpy python3-jinja2 python3-jwt python3-cryptography"
database=postgresql
proxy=nginx
# npm fetches the libraries that pages and checks of packets use
tools="stilts python3-venv"
command -v npm >/dev/null 2>&1 || tools="$tools npm"
case $stage in
    # programs that make backups of a database elsewhere, and the commands for curators
    server) packages="$server postgresql-client make" database= ;;
    database) packages=$database ;;
    proxy) packages=$proxy database= ;;
    # the validator that km3vo check runs
    check) packages=stilts database= ;;
    node) packages="python3-venv npm" database= ;;
    *) packages="$server $database $tools" ;;
esac
if [ "$stage" = test ]; then
    # a browser, a proxy, what makes systems, a wrong clock, and checkers of FITS files and of this script
    packages="$packages chromium chromium-driver curl debootstrap faketime fitsverify git logrotate"
    packages="$packages openssl shellcheck $proxy"
    # the gateway at which browsers log in
    packages="$packages apache2-bin libapache2-mod-auth-openidc"
fi
account=${KM3VO_USER:-km3vo}

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "this step needs root, and there is no sudo. Ask an administrator to run here:"
        say "    ./setup.sh${stage:+ $stage}"
        [ -z "$missing" ] || say "It installs these Debian packages:$missing"
        exit 1
    fi
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

missing=
for package in $packages; do
    installed "$package" || missing="$missing $package"
done
# there is a package of q3c and of pgSphere for each version of PostgreSQL
major=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' 2>/dev/null | sort -n | tail -n 1)
for extension in ${database:+q3c pgsphere}; do
    if [ -z "$major" ] || ! installed "postgresql-$major-$extension"; then
        missing="$missing postgresql-any-$extension"
    fi
done

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "this is not a Debian system, the only one with a package of DaCHS; see docker/README.md instead."
        exit 1
    fi
    say "installing Debian packages, which takes a few minutes"
    as_root apt-get -qq update
    if [ -z "$major" ]; then
        major=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
    fi
    missing=$(printf '%s' "$missing" | sed "s/postgresql-any-/postgresql-$major-/g")
    # shellcheck disable=SC2086  # the list is meant to be split
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null
    # Debian's package starts nginx on port 80 for everybody; tests start their own on loopback
    if [ "$stage" = test ] && [ "${missing#* nginx}" != "$missing" ] && command -v systemctl >/dev/null 2>&1; then
        as_root systemctl disable --quiet --now nginx || true
    fi
fi

# In Debian 12's pgSphere the deprecated operators @ and ~ name commutators and negators that belong
# to other operators. PostgreSQL rejects this since 15.19. A second version of the extension's
# script without these clauses is written beside Debian's, which is not changed.
script=/usr/share/postgresql/15/extension/pg_sphere--1.2.0.sql
patched=${script%.sql}km3vo.sql
needed() { [ "$(id -u)" = 0 ] || dpkg --compare-versions "$(dpkg-query -W -f='${Version}' postgresql-15)" ge 15.19; }
if [ -f "$script" ] && [ ! -f "$patched" ] && needed; then
    say "writing a patched version of pgSphere: $patched"
    awk '/^[ \t]*CREATE[ \t]+OPERATOR[ \t]/ { old = ($3 ~ /^!?[@~]$/) }
        old { gsub(/(COMMUTATOR|NEGATOR)[ \t]*=[ \t]*[^ ,]+[ \t]*,?/, "") }
        /;/ { old = 0 }
        { print }' "$script" | as_root tee "$patched" >/dev/null
fi

# Servers never run as root: if root runs the tools, the servers have an account of their own.
if [ "$stage" != database ] && [ "$stage" != proxy ] && [ "$stage" != check ] && [ "$(id -u)" = 0 ] && ! getent passwd "$account" >/dev/null; then
    say "creating the system account $account"
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin "$account"
fi

case $stage in server | database | proxy | check) exit ;; *) ;; esac

python=${PYTHON:-/usr/bin/python3}
# after an upgrade of Debian, python is another version, which does not find its packages
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    say "creating .venv"
    rm -rf .venv
    "$python" -m venv .venv
fi
install_checked() { # lock, environment
    "${2:-.venv}/bin/pip" install -qq --disable-pip-version-check \
        --no-deps --no-build-isolation --require-hashes --requirement "$1"
}
locked_in() { # lock, names: the lines of these packages
    lock=$1
    shift
    awk -v names=" $* " '/^[^ #]/ { split($0, name, "=="); on = index(names, " " name[1] " ") } on' "$lock"
}
locked() { locked_in constraints.txt "$@"; }
needed_by_node() { # names of packages: resolved by uv, from the versions in the lock
    locked uv | install_checked /dev/stdin
    .venv/bin/uv pip compile --quiet --no-header --no-annotate --python .venv/bin/python \
        --constraint constraints.txt --extra node pyproject.toml | sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p'
    .venv/bin/pip uninstall -qq --yes uv
}
wanted=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat .venv/installed 2>/dev/null)" != "$wanted" ]; then
    say "installing Python packages into .venv"
    # Only files whose checksums are in the lock. First what builds packages, which pip would
    # otherwise fetch unchecked whenever one has no wheel.
    locked packaging setuptools wheel | install_checked /dev/stdin
    if [ "$stage" = node ]; then
        names=$(needed_by_node)
        # shellcheck disable=SC2086  # the list is meant to be split
        locked $names | install_checked /dev/stdin
    else
        install_checked constraints.txt
    fi
    .venv/bin/pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
    printf '%s\n' "$wanted" > .venv/installed
fi

provide() { # directory, what it is: an environment of its own, for what needs other versions than a node
    if ! "$1/.venv/bin/python" -c 'import pip' 2>/dev/null; then
        rm -rf "$1/.venv"
        "$python" -m venv "$1/.venv"
    fi
    wanted=$(sha256sum < "$1/constraints.txt")
    [ "$(cat "$1/.venv/installed" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing $2 into $1/.venv"
    locked_in "$1/constraints.txt" packaging setuptools wheel | install_checked /dev/stdin "$1/.venv"
    install_checked "$1/constraints.txt" "$1/.venv"
    printf '%s\n' "$wanted" > "$1/.venv/installed"
}
case $stage in
    workflow | test)
        # immutables, which Snakemake needs, has no wheel for Python 3.14 and is compiled
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 14))' && ! installed python3-dev; then
            say "installing a compiler"
            missing=" gcc libc6-dev python3-dev"
            # shellcheck disable=SC2086  # the list is meant to be split
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $missing >/dev/null
        fi
        provide workflow Snakemake
        ;;
    *) ;;
esac
[ "$stage" != test ] || provide tests/workflow/rucio "a Rucio server for tests"

# Prometheus is unpacked, not installed: its package would start a server that all can reach.
if [ "$stage" = test ] && [ ! -x .venv/prometheus/usr/bin/promtool ]; then
    say "unpacking Prometheus for tests"
    mkdir -p .venv/prometheus
    (cd .venv/prometheus && apt-get -qq download prometheus 2>/dev/null \
        && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb) \
        || say "this failed; without it its tests are skipped"
fi

# Not distributed with this project, because of their licences or sizes; npm installs pinned versions.
fetch() { # directory, what it is, what happens without it
    cmp -s "$1/package-lock.json" "$1/node_modules/installed" && return
    say "installing $2"
    (cd "$1" && npm ci --silent --no-audit --no-fund && cp package-lock.json node_modules/installed) \
        || say "this failed; without them $3"
}
fetch ingest/alerts/conversion/schemas/gcn "GCN's schemas of notices" \
    "km3vo alerts validate cannot check notices in JSON"
fetch web "the libraries of the web pages" "the pages show neither the sky nor diagrams"
if [ "$stage" = test ]; then
    fetch tests/logins "the provider that tests log in at" "the tests of logins are skipped"
    fetch tests/web "what tests judge web pages by" "the tests of web pages fail"
fi
