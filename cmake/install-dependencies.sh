#!/bin/sh
# Installs the Debian packages that elbo is built and tested with; this is the one list of them.
#
#   sh cmake/install-dependencies.sh          install what is missing (needs root, or sudo)
#   sh cmake/install-dependencies.sh --list   print the list
#
# When nothing is missing it looks at the package database only: no network, no root.
set -eu

# PACKAGE[|ALTERNATIVE]...   USE.  The first name is the one that is installed; any of them will do.
packages() {
    cat <<'LIST'
gcc                                           C compiler and OpenMP
libc6-dev                                     C library headers
g++                                           test: the public header in C++
cmake                                         build
ninja-build                                   build
pkg-config|pkgconf                            build: finds the libraries
libdnnl-dev                                   matrix products, convolution, normalisation (oneDNN)
librandom123-dev                              random numbers (Philox)
zlib1g-dev                                    .gz data
libzip-dev                                    .npz data
libpng-dev                                    pictures
libmatio-dev                                  .mat data
libjansson-dev                                JSON
libyaml-dev                                   recipes
libcurl4-gnutls-dev|libcurl4-openssl-dev      downloads of data sets
ca-certificates                               downloads of data sets
libcmocka-dev                                 tests
libgsl-dev                                    tests: numerical judge
LIST
}

say() { printf 'elbo: %s\n' "$*" >&2; }

is_installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

any_installed() {
    for name in $(printf '%s' "$1" | tr '|' ' '); do
        if is_installed "$name"; then return 0; fi
    done
    return 1
}

# Prints the lines of the list whose package is missing.
missing() {
    packages | while read -r names use; do
        any_installed "$names" || printf '%s\t%s\n' "${names%%|*}" "$use"
    done
}

# Runs a command as root, its output in the log; sudo asks for a password on the terminal if it needs one.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@" >>"$log" 2>&1 </dev/null
    else
        sudo "$@" >>"$log" 2>&1 </dev/null
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}

case ${1-} in
    --list) packages; exit 0 ;;
    '') ;;
    *) say "install-dependencies.sh: unknown argument '$1'; expected nothing or --list"; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say 'this machine has no apt-get, so nothing was installed. What elbo needs, by its names in Debian:'
    packages | sed 's/^/  /' >&2
    say 'install the counterparts, then: cmake --preset release && cmake --build --preset release'
    exit 1
fi

lines=$(missing)
[ -n "$lines" ] || exit 0
names=$(printf '%s\n' "$lines" | cut -f 1 | tr '\n' ' ')
names=${names% }

say 'these packages are missing and will be installed with apt-get:'
printf '%s\n' "$lines" | awk -F '\t' '{ printf "  %-22s %s\n", $1, $2 }' >&2
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    say 'that needs root, and there is no sudo here. As root:'
    printf '  apt-get update && apt-get install --no-install-recommends %s\n' "$names" >&2
    exit 1
fi

log=$(mktemp "${TMPDIR:-/tmp}/elbo-apt.XXXXXX")
# A third-party source that does not answer must not stop the installation: apt-get install is the judge.
apt update || say 'apt-get update reported an error; trying with the package lists at hand'
# shellcheck disable=SC2086 # one word for each package
if ! apt install --no-install-recommends $names; then
    tail -n 30 "$log" >&2
    say "the installation failed; the whole output is in $log. By hand, as root:"
    printf '  apt-get update && apt-get install --no-install-recommends %s\n' "$names" >&2
    exit 1
fi
rm -f "$log"

lines=$(missing)
if [ -n "$lines" ]; then
    say "apt-get succeeded, and still missing: $(printf '%s\n' "$lines" | cut -f 1 | tr '\n' ' ')"
    exit 1
fi
say 'installed.'
