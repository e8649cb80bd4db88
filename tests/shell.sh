# What tests of the command begin with, for `. "$(dirname "$0")/shell.sh"`: a folder of its own to work in, and words to
# say what was expected. $failures is the number of what was not so; a test ends with `finish`.
set -u
: "${ELBO:?the command to test}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
OMP_WAIT_POLICY=passive # tests run side by side
export OMP_WAIT_POLICY
failures=0

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN WORDS...: runs elbo WORDS; standard output and error together must have a line that matches, and a
# usage error says nothing on standard output.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" >out 2>err </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(cat err)"
    cat out err | grep -Eq -e "$pattern" || fail "elbo $*: no line like /$pattern/ in: $(cat out err)"
    [ "$wanted" -ne 2 ] || [ ! -s out ] || fail "elbo $*: a usage error wrote to standard output"
}
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }

finish() {
    [ "$failures" -eq 0 ] || { printf '%d failures\n' "$failures"; exit 1; }
}
