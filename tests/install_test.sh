#!/bin/sh
# Installs into an empty prefix, moves the prefix, and builds a program against it as a stranger would: through
# pkg-config and through find_package(elbo), with the shared and the static library, in C and in C++.
# Run by ctest, or: ELBO=build/elbo sh tests/install_test.sh
set -eu
build=$(cd -- "$(dirname -- "${ELBO:?names the built command}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/elbo-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    printf 'install_test: %s\n' "$*" >&2
    exit 1
}

quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "failed: $*"
    }
}

# A program beside a library with the sanitizers in it needs their run time as well.
sanitize=''
if grep -q '^ELBO_SANITIZE:BOOL=ON' "$build/CMakeCache.txt"; then sanitize='-fsanitize=address,undefined'; fi

quietly cmake --install "$build" --prefix "$work/first"
mv first moved
prefix=$work/moved
library=$(dirname "$(find "$prefix" -name libelbo.a)")
PKG_CONFIG_PATH=$library/pkgconfig
LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH LD_LIBRARY_PATH
for file in LICENSE NOTICE; do
    [ -n "$(find "$prefix/share/doc" -name $file)" ] || fail "$file is not installed"
done

# Opening a data set reaches every reader, and through them every library behind libelbo.
mkdir program
cat >program/main.c <<'SOURCE'
#include <elbo.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    elbo_error error = {ELBO_OK, ""};
    elbo_dataset *dataset = elbo_dataset_open("no-such-file.npy", NULL, &error);
    if (dataset != NULL || error.status == ELBO_OK || strstr(error.message, "no-such-file.npy") == NULL) {
        printf("a missing file gave: %s\n", error.message);
        return 1;
    }
    elbo_dataset_free(dataset);
    if (strcmp(elbo_version(), ELBO_VERSION) != 0) {
        printf("the library is %s, its header %s\n", elbo_version(), ELBO_VERSION);
        return 1;
    }
    puts(elbo_version());
    return 0;
}
SOURCE
cp program/main.c program/main.cpp

version=$(pkg-config --modversion elbo)

# runs PROGRAM: prints the installed version, and loads libelbo.so only if it should (yes or no).
runs() {
    output=$("./$1") || fail "$1 failed: $output"
    [ "$output" = "$version" ] || fail "$1 printed '$output', expected '$version'"
    loads=no
    if ldd "./$1" | grep -q 'libelbo\.so'; then loads=yes; fi
    [ "$loads" = "$2" ] || fail "$1 loads libelbo.so: $loads, expected $2"
}

# shellcheck disable=SC2046,SC2086 # flags are words
{
    quietly "${CC:-cc}" -Wall -Werror $sanitize program/main.c $(pkg-config --cflags --libs elbo) -o shared
    runs shared yes
    quietly "${CC:-cc}" -Wall -Werror $sanitize program/main.c $(pkg-config --cflags elbo) \
        $(pkg-config --static --libs elbo | sed 's/-lelbo/-l:libelbo.a/') -o static
    runs static no
    if command -v "${CXX:-c++}" >/dev/null; then
        quietly "${CXX:-c++}" -Wall -Werror $sanitize program/main.cpp $(pkg-config --cflags --libs elbo) -o shared_cpp
        runs shared_cpp yes
    fi
}
pkg-config --exists "elbo >= $version" || fail "pkg-config denies elbo >= $version"
if pkg-config --exists 'elbo >= 1000'; then fail 'pkg-config claims elbo >= 1000'; fi

cat >program/CMakeLists.txt <<'SOURCE'
cmake_minimum_required(VERSION 3.22)
project(program LANGUAGES C)
find_package(elbo ${WANTED} REQUIRED CONFIG)
foreach(kind elbo static)
  add_executable(program_${kind} main.c)
  target_link_libraries(program_${kind} PRIVATE elbo::${kind})
endforeach()
SOURCE
quietly cmake -S program -B . -G Ninja -DWANTED="$version" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="$sanitize"
quietly cmake --build .
runs program_elbo yes
runs program_static no
if cmake -S program -B refused -G Ninja -DWANTED=1000 -DCMAKE_PREFIX_PATH="$prefix" >log 2>&1; then
    fail 'find_package(elbo 1000) found this version'
fi
grep -q 'requested version "1000' log || { cat log >&2; fail 'find_package(elbo 1000) failed for another reason'; }

# The installed command runs from where it lies and is the same version.
"$prefix/bin/elbo" --version | grep -qF "$version" || fail "elbo --version does not say $version"
