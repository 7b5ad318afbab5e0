#!/bin/sh
# Builds the images with buildah, on a base made by base.sh: docker/images.sh [IMAGE…]
#
# SUITE is the release of Debian (trixie), KM3VO_STORAGE a directory for the images instead of
# buildah's own place; SOURCE_DATE_EPOCH the time of all files in them, by default that of the
# commit. Lists of what they contain (SBOM) are written to build/images.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'images: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 2
}
command -v buildah >/dev/null 2>&1 || fail "buildah is not installed: apt-get install buildah"
[ "$(id -u)" = 0 ] || fail "this needs root, as debootstrap does; with docker, see docker/README.md"

suite=${SUITE:-trixie}
version=$(.venv/bin/python -c 'import ingest; print(ingest.__version__)')
tag=$version
[ "$suite" = trixie ] || tag=$version-$suite
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
# "chroot" works within containers as well, which cannot make namespaces.
export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"
storage=${KM3VO_STORAGE:+--root $KM3VO_STORAGE/root --runroot $KM3VO_STORAGE/run}
# shellcheck disable=SC2086  # the options are meant to be split
build() { buildah $storage "$@"; }

base=localhost/km3vo-base:$suite
if [ -z "$(build images --quiet --filter "reference=$base" 2>/dev/null)" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    docker/base.sh "$suite" "$work/base.tar"
    container=$(build from scratch)
    build add --quiet "$container" "$work/base.tar" / >/dev/null
    # without documents except licences, and without translations
    root=$(build mount "$container")
    find "$root/usr/share/doc" -type f ! -name copyright -delete
    rm -rf "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info" "$root/var/cache/apt" "$root"/var/log/*
    mkdir -p "$root/var/cache/apt/archives/partial"
    build config --label "org.opencontainers.image.title=Debian $suite" "$container"
    build commit --quiet --rm --timestamp "$SOURCE_DATE_EPOCH" "$container" "$base" >/dev/null
    rm -rf "$work"
fi

mkdir -p build/images
for image in "${@:-server postgres proxy}"; do
    for name in $image; do
        [ -e "docker/$name.Dockerfile" ] || fail "there is no docker/$name.Dockerfile"
        say "building $name"
        build bud --quiet --format docker --network host --timestamp "$SOURCE_DATE_EPOCH" \
            --build-arg BASE="$base" --build-arg VERSION="$version" --build-arg REVISION="$revision" \
            --build-arg CREATED="$created" --secret id=ca,src="${CA:-/etc/ssl/certs/ca-certificates.crt}" \
            --file "docker/$name.Dockerfile" --tag "localhost/km3vo-$name:$tag" . >/dev/null
        container=$(build from "localhost/km3vo-$name:$tag")
        .venv/bin/python docker/sbom.py "$(build mount "$container")" "km3vo-$name" "$version" \
            "$SOURCE_DATE_EPOCH" >"build/images/$name-$tag.cdx.json"
        build rm "$container" >/dev/null
    done
done
build images --filter label=org.opencontainers.image.vendor
