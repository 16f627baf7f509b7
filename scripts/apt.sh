# shellcheck shell=bash
# Installing distribution packages, for the scripts that source this file. Nothing here runs by itself.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

# Where this project's scripts keep what they build and log.
work_dir() {
    local dir=${CARGO_TARGET_DIR:-target}/setup
    mkdir -p "$dir" && printf '%s\n' "$dir"
}

# A password can be asked for only where there is a terminal to ask on.
can_be_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt-get with its chatter in a log that is shown only when it fails.
quiet_apt() {
    local log
    log=$(work_dir)/apt.log
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 && return
    cat "$log" >&2
    return 1
}

updated=
apt_update_once() {
    [ -n "$updated" ] && return
    updated=yes
    # A broken third-party source fails here, yet what is wanted may still install.
    quiet_apt update || say 'the package lists could not all be refreshed; going on with those at hand'
}

# install PURPOSE PACKAGE...: installs, or ends the script saying exactly what to install.
install() {
    local purpose=$1
    shift
    command -v apt-get >/dev/null || die "$purpose missing, and this distribution has no apt-get:" \
        "install your distribution's equivalents of: $*"
    can_be_root || die "$purpose missing, and installing needs root. Run this, then try again:" \
        "apt-get update && apt-get install -y $*"
    say "$purpose missing: installing $*"
    apt_update_once
    quiet_apt install -y --no-install-recommends "$@" || die "installing $* failed; what apt-get said stands above"
}
