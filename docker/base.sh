#!/bin/sh
# Makes a minimal system of a Debian release: docker/base.sh SUITE TARGET
#
# TARGET is a directory that does not exist yet, or a file whose name ends in .tar. The mirror is
# the one that apt of this machine uses, or MIRROR. What debootstrap made is kept for KM3VO_DAYS
# (7) days in KM3VO_CACHE (/var/cache/km3vo), with its checksum.
set -eu

say() { printf 'base: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 2
}

[ $# = 2 ] || fail "usage: docker/base.sh SUITE TARGET, such as: docker/base.sh trixie /srv/trixie"
suite=$1 target=$2
case $suite in
    *[!a-z0-9-]* | -* | '') fail "$suite is not the name of a Debian release, such as trixie" ;;
    *) ;;
esac
[ "$(id -u)" = 0 ] || fail "this needs root, as debootstrap does: sudo docker/base.sh $suite $target"
[ ! -e "$target" ] || fail "$target exists already: name another target, or delete it"

cache=${KM3VO_CACHE:-/var/cache/km3vo}/base
kept=$cache/$suite.tar
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$cache"
# root unpacks what is there
[ -z "$(find -H "${cache%/base}" "$cache" -maxdepth 0 '(' ! -user 0 -o -perm /002 ')')" ] ||
    fail "others can write in $cache: name a directory of root in KM3VO_CACHE"

# The address of a Debian archive that apt of this machine uses, by the end of its name.
used() { # pattern
    command -v apt-get >/dev/null 2>&1 || return 0
    # shellcheck disable=SC2016  # apt replaces it
    apt-get indextargets --format '$(SITE) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
        sed 's/^[^ ]* //; s,/$,,' | grep "/debian$1\$" | head -n 1
}

make_base() {
    command -v debootstrap >/dev/null 2>&1 || fail "debootstrap is not installed: apt-get install debootstrap"
    mirror=${MIRROR:-$(used '')}
    security=$(used -security)
    [ -n "$security" ] || [ -z "$mirror" ] || security=$mirror-security
    say "making a minimal system of $suite, which takes one or two minutes"
    # otherwise it only warns if it has no keyring, and root runs what anybody on the way has sent
    [ -s "$keyring" ] || fail "$keyring is missing, without which nothing can be verified: apt-get install debian-archive-keyring"
    set -- --variant=minbase --force-check-gpg
    # a mirror with TLS needs certificates
    case $mirror in https:*) set -- "$@" --include=ca-certificates ;; *) ;; esac
    set -- "$@" "$suite" "$work/root"
    [ -z "$mirror" ] || set -- "$@" "$mirror"
    # What debootstrap mounts is seen by its own processes only, and gone when they end, whatever
    # happens: nothing can be deleted across a mount.
    if ! unshare --mount --propagation private debootstrap "$@" >"$work/log" 2>&1; then
        tail -n 5 "$work/log" "$work/root/debootstrap/debootstrap.log" >&2 2>/dev/null || :
        fail "debootstrap could not make $suite"
    fi
    [ -n "$mirror" ] || mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$work/root/etc/apt/sources.list" | head -n 1)
    {
        printf 'Types: deb\nURIs: %s\nSuites: %s' "$mirror" "$suite"
        case $suite in
            sid | unstable) printf '\n' ;;
            *) printf ' %s-updates\n' "$suite" ;;
        esac
        printf 'Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
        case $suite in
            sid | unstable) ;;
            *)
                printf '\nTypes: deb\nURIs: %s\nSuites: %s-security\n' "${security:-$mirror-security}" "$suite"
                printf 'Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
                ;;
        esac
    } >"$work/root/etc/apt/sources.list.d/debian.sources"
    rm -f "$work/root/etc/apt/sources.list" "$work/root"/var/cache/apt/archives/*.deb
    rm -f "$work/root"/var/lib/apt/lists/*_* "$work/root/var/log/bootstrap.log"
    # no service starts when its package is installed
    printf '#!/bin/sh\nexit 101\n' >"$work/root/usr/sbin/policy-rc.d"
    chmod 755 "$work/root/usr/sbin/policy-rc.d"
    # this machine's name, and how it finds others
    rm -f "$work/root/etc/hostname" "$work/root/etc/resolv.conf"
    tar --create --numeric-owner --xattrs --directory "$work/root" --file "$work/$suite.tar" .
    (cd "$work" && sha256sum "$suite.tar" >"$suite.tar.sha256")
    mv "$work/$suite.tar.sha256" "$kept.sha256"
    mv "$work/$suite.tar" "$kept"
}

work=
clean() { [ -z "$work" ] || rm -rf --one-file-system "$work"; }
trap clean EXIT
trap 'exit 130' INT TERM HUP
work=$(mktemp -d "$cache/$suite.XXXXXX")
(
    # two at a time would make the same
    flock 9
    if [ -z "$(find "$kept" -mtime "-${KM3VO_DAYS:-7}" 2>/dev/null)" ] ||
        ! (cd "$cache" && sha256sum --quiet --check "$suite.tar.sha256" >&2); then
        make_base
    fi
) 9>"$cache/$suite.lock"
say "$suite of $(date -u -r "$kept" '+%Y-%m-%d %H:%M') UTC, sha256 $(cut -c 1-16 "$kept.sha256")…"

case $target in
    *.tar) cp "$kept" "$target" ;;
    *)
        mkdir -p "$target"
        chmod 755 "$target"
        tar --extract --numeric-owner --xattrs --directory "$target" --file "$kept"
        ;;
esac
