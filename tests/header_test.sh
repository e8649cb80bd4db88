#!/bin/sh
# elbo.h stands alone: strict C11, C17 and, where there is a C++ compiler, C++17 and C++20, included twice and without
# a warning. Run by ctest, or: SOURCE_DIR=. sh tests/header_test.sh
set -u
include=${SOURCE_DIR:?names the source tree}/include
work=$(mktemp -d "${TMPDIR:-/tmp}/elbo-header.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
status=0

cat >"$work/use.c" <<'SOURCE'
#include "elbo.h"
#include "elbo.h"
const char *use(void);
const char *use(void) { return elbo_status_text(ELBO_ERROR_SHAPE); }
SOURCE
cp "$work/use.c" "$work/use.cpp"

# try COMPILER STANDARD FILE WARNINGS...
try() {
    compiler=$1 standard=$2 file=$3
    shift 3
    if ! "$compiler" "-std=$standard" -pedantic-errors -Wall -Wextra -Werror "$@" -I "$include" -c "$work/$file" \
        -o "$work/use.o"; then
        printf 'elbo.h does not compile as %s\n' "$standard" >&2
        status=1
    fi
}

for standard in c11 c17; do
    try "${CC:-cc}" "$standard" use.c -Wstrict-prototypes -Wmissing-prototypes
done
if command -v "${CXX:-c++}" >/dev/null; then
    for standard in c++17 c++20; do
        try "${CXX:-c++}" "$standard" use.cpp
    done
else
    printf 'no C++ compiler here: elbo.h was tried as C only\n'
fi
exit $status
