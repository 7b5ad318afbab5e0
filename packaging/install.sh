#!/bin/sh
# Installs this software on a Debian host for the service manager, or removes it again: "make
# install" and "make uninstall", as root. docs/operations.md says what comes where, decision 043 why.
#
#   packaging/install.sh install|uninstall
#
# PREFIX   the directory of the software, /opt by default
# SITE     a file with the settings of the site, which becomes /etc/km3vo/site.toml
# DESTDIR  put all files below this directory, and install nothing else: for packages and tests
#
# A file below /etc that the site has changed is never overwritten or deleted. Data are never touched.
set -eu
umask 022
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/opt}
destination=${DESTDIR:-}
link=$destination$prefix/km3vo
state=$destination/var/lib/km3vo
record=$state/installed
account=km3vo

say() { printf 'install: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
commit=$(git rev-parse --short HEAD 2>/dev/null || true)
name=km3vo-$version${commit:+-$commit}
code=$destination$prefix/$name

case $prefix in
    *[!A-Za-z0-9/._+-]* | [!/]* | *..*) fail "PREFIX: $prefix is not an absolute path of letters, digits and ._+-" ;;
    *) ;;
esac

# Root believes the record, so nobody else may write it, nor replace directories beside it.
check_state() {
    [ ! -e "$state" ] || [ -z "$(find -H "$state" -maxdepth 0 '(' ! -user "$(id -u)" -o -perm /022 ')')" ] \
        || fail "$state must belong to $(id -un), and nobody else may write there: chown and chmod go-w"
}

digest() { sha256sum "$1" | cut -d ' ' -f 1; }
recorded() { [ -f "$record" ] && sed -n "s#^\([0-9a-f]*\)  $1\$#\1#p" "$record" | tail -n 1; }

# Whether a file is as this script wrote it.
is_ours() { # path without DESTDIR
    [ ! -e "$destination$1" ] || [ "$(digest "$destination$1")" = "$(recorded "$1")" ]
}

put() { # path without DESTDIR, mode; the content comes from standard input
    target=$destination$1
    mkdir -p "$(dirname "$target")"
    cat > "$target.new"
    chmod "$2" "$target.new"
    if [ -e "$target" ] && [ "$(digest "$target")" = "$(digest "$target.new")" ]; then
        rm "$target.new"
    elif is_ours "$1"; then
        mv "$target.new" "$target"
    else
        say "$1 was changed here and stays; the new one is $1.new"
        return
    fi
    printf '%s  %s\n' "$(digest "$target")" "$1" >> "$record"
}

settle() { # keep the last line of each file in the record
    tac "$record" | awk '!seen[$2]++' | tac > "$record.new"
    mv "$record.new" "$record"
}

copy_code() {
    [ ! -e "$code" ] || rm -rf "$code"
    mkdir -p "$code"
    if [ -d .git ] || [ -f .git ]; then
        [ -z "$(git status --porcelain --untracked-files=no)" ] \
            || say "warning: changes that are not committed are not installed"
        git archive HEAD | tar -xC "$code"
    else
        tar -c --exclude=./var --exclude=./.venv --exclude=./dist . | tar -xC "$code"
    fi
    for part in web ingest/alerts/conversion/schemas/gcn; do
        [ ! -d "$part/node_modules" ] || cp -R "$part/node_modules" "$code/$part/"
    done
}

install_packages() {
    for stage in server database check node; do (cd "$code" && ./setup.sh $stage); done
    # nobody else may change what root runs
    chown -R root:root "$code"
    chmod -R go-w "$code"
    touch "$code/.venv/sealed"
}

do_install() {
    [ -n "$destination" ] || [ "$(id -u)" = 0 ] || fail "this needs root: sudo make install"
    [ -n "$destination" ] || [ -f /etc/debian_version ] \
        || fail "this is not a Debian system; docker/README.md describes images instead"
    [ -z "${SITE:-}" ] || [ -f "$SITE" ] || fail "SITE: there is no file $SITE"
    check_state
    mkdir -p "$state"
    touch "$record"
    say "copying the software to $prefix/$name"
    copy_code
    if [ -z "$destination" ]; then install_packages; fi

    if [ -n "${SITE:-}" ]; then
        # the site's own, so it is not in the record
        if [ -e "$destination/etc/km3vo/site.toml" ]; then
            cmp -s "$SITE" "$destination/etc/km3vo/site.toml" \
                || say "/etc/km3vo/site.toml exists and stays; compare it with $SITE"
        else
            mkdir -p "$destination/etc/km3vo"
            cp "$SITE" "$destination/etc/km3vo/site.toml"
            chmod 644 "$destination/etc/km3vo/site.toml"
        fi
    elif [ ! -e "$destination/etc/km3vo/site.toml" ]; then
        put /etc/km3vo/site.toml 644 < packaging/system/site.toml
    fi
    put /etc/default/km3vo 644 < packaging/system/default
    put /etc/logrotate.d/km3vo 644 < packaging/system/logrotate
    for unit in site/systemd/*; do
        sed "s#/opt/km3vo#$prefix/km3vo#g" "$unit" | put "/etc/systemd/system/$(basename "$unit")" 644
    done
    sed "s#/opt/km3vo#$prefix/km3vo#g" packaging/system/km3vo | put /usr/local/bin/km3vo 755
    settle

    if [ -z "$destination" ]; then
        for directory in instance alerts backups; do
            install -d -o $account -g $account -m 0755 "$state/$directory"
        done
    fi
    # in one step, so that a service that starts just now finds the old or the new software
    ln -sfn "$name" "$link.new"
    mv -T "$link.new" "$link"
    if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    for old in "$destination$prefix"/km3vo-*; do
        [ "$old" = "$code" ] || say "an earlier version stays until you delete it: ${old#"$destination"}"
    done
    say "installed. Now, or after an upgrade:
    edit /etc/km3vo/site.toml
    systemctl enable --now km3vo     (after an upgrade: systemctl restart km3vo)
    km3vo import
    systemctl enable --now km3vo-due.timer km3vo-seal.timer km3vo-backup.timer km3vo-check.timer
  and what else of /etc/systemd/system/km3vo-* you need."
}

do_uninstall() {
    [ -n "$destination" ] || [ "$(id -u)" = 0 ] || fail "this needs root: sudo make uninstall"
    check_state
    [ -f "$record" ] || fail "nothing is installed: there is no $record"
    if [ -z "$destination" ] && [ -d /run/systemd/system ]; then
        for unit in /etc/systemd/system/km3vo*; do
            [ ! -e "$unit" ] || systemctl disable --now --quiet "$(basename "$unit")" || true
        done
    elif [ -x "$link/.venv/bin/km3vo" ] && [ -z "$destination" ]; then
        "$destination/usr/local/bin/km3vo" instance down || true
    fi
    while read -r _ path; do
        if [ ! -e "$destination$path" ]; then
            continue
        elif is_ours "$path"; then
            rm "$destination$path"
        else
            say "$path was changed here and stays"
        fi
    done < "$record"
    rm -rf "$record" "$link" "$destination$prefix"/km3vo-[0-9]*
    rmdir "$destination/etc/km3vo" 2>/dev/null || true
    if [ -z "$destination" ] && [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    say "removed. The data stay in $state, the account $account and Debian's packages as well."
}

case ${1:-} in
    install) do_install ;;
    uninstall) do_uninstall ;;
    *) fail "usage: packaging/install.sh install|uninstall" ;;
esac
