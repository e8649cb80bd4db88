#!/bin/sh
# The command's face: help texts against golden files, exit codes, messages, JSON, completion, manual page, and
# output that cannot be written.
#   ELBO         the command
#   SOURCE_DIR   the root of the source tree
#   ELBO_UPDATE_GOLDEN=1   write the golden files instead of comparing
set -u
: "${ELBO:?the command to test}" "${SOURCE_DIR:?the root of the source tree}"
golden=$SOURCE_DIR/tests/golden
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN WORDS...: runs elbo WORDS; standard output and error together must have a line that matches the
# extended regular expression; a usage error must leave standard output empty and point to the help.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted"
    cat "$work/out" "$work/err" | grep -Eq -e "$pattern" ||
        fail "elbo $*: no line like /$pattern/ in: $(cat "$work/out" "$work/err")"
    [ "$wanted" -ne 2 ] || [ ! -s "$work/out" ] || fail "elbo $*: a usage error wrote to standard output"
    [ "$wanted" -ne 2 ] || [ $# -eq 0 ] || grep -q "^Try 'elbo .*--help'\.$" "$work/err" ||
        fail "elbo $*: does not point to the help"
}

# The whole of standard output as one JSON object on one line.
expect_json() {
    "$ELBO" "$@" --json >"$work/out" 2>"$work/err" || fail "elbo $* --json: failed: $(cat "$work/err")"
    [ "$(wc -l <"$work/out")" -eq 1 ] || fail "elbo $* --json: not one line"
    grep -Eq '^\{.*\}$' "$work/out" || fail "elbo $* --json: not an object"
}

has() { grep -Eq -e "$1" "$work/out" || fail "no /$1/ in: $(head -c 2000 "$work/out")"; }

# ---- Help texts ----

compare() { # compare NAME: $work/out against the golden file
    if [ "${ELBO_UPDATE_GOLDEN:-}" ]; then
        mkdir -p "$golden"
        cp "$work/out" "$golden/$1.txt"
    elif ! diff -u "$golden/$1.txt" "$work/out"; then
        fail "the help of $1 differs from tests/golden/$1.txt (ELBO_UPDATE_GOLDEN=1 writes it anew)"
    fi
}

check_help() { # check_help COMMAND...
    name=$(echo "$*" | tr ' ' '_')
    "$ELBO" help "$@" >"$work/other" 2>&1
    "$ELBO" "$@" --help >"$work/out" 2>&1 || fail "elbo $* --help failed"
    cmp -s "$work/out" "$work/other" || fail "'elbo help $*' and 'elbo $* --help' differ"
    awk '!/^  elbo / && length($0) > 80 { print; bad = 1 } END { exit bad }' "$work/out" ||
        fail "elbo $* --help has lines of more than 80 columns"
    awk 'match($0, /^  (-.,|   ) --[^ =]+/) { name = substr($0, RSTART + 6, RLENGTH - 6); sub(/\[no-\]/, "", name)
         if (name in seen) { print name; bad = 1 } seen[name] = 1 } END { exit bad }' "$work/out" ||
        fail "elbo $* --help has an option twice"
    for part in '^Usage:$' '^Common options:$' '--json ' '^Examples:$'; do
        grep -q -e "$part" "$work/out" || fail "elbo $* --help has no $part"
    done
    compare "$name"
}

"$ELBO" --help >"$work/out" 2>&1 || fail "elbo --help failed"
"$ELBO" help >"$work/other" 2>&1
cmp -s "$work/out" "$work/other" || fail "'elbo help' and 'elbo --help' differ"
compare overview
commands=$("$ELBO" list commands | sed -n 's/^  \([a-z]*\) .*/\1/p')
[ "$(echo "$commands" | wc -l)" -ge 5 ] || fail "elbo list commands lists only: $commands"
for command in $commands; do
    grep -q "^  $command " "$work/out" || fail "elbo --help does not list $command"
done
for command in $commands; do
    check_help "$command"
    for below in $(sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/out"); do check_help "$command" "$below"; done
done

# ---- Words that are right and wrong ----

expect 0 '^elbo [0-9]+\.[0-9]+\.[0-9]+$' --version
expect 0 '^Usage:' -h
expect 2 '^Usage:'
expect 2 "^elbo: unknown command 'dtaa' \(did you mean 'data'\?\)" dtaa
expect 2 "^elbo: unknown command 'xyzzyxyzzy'$" xyzzyxyzzy
expect 2 "^elbo: unknown option '--frobnicate'" --frobnicate
expect 2 '^elbo data: SOURCE is missing' data
expect 2 "^elbo data: unexpected argument 'b'" data a b
expect 2 '^elbo data: unknown option --labls \(did you mean --labels\?\)' data x --labls y
expect 2 '^elbo data: unknown option --lim \(did you mean --limit\?\)' data x --lim 3
expect 2 '^elbo data: unknown option --wavelength$' data x --wavelength
expect 2 '^elbo data: unknown option -z' data x -z
expect 2 '^elbo data: option --limit needs a value' data x --limit
expect 2 '^elbo data: option --limit needs a value' data x --limit --json
expect 2 '^elbo data: option -n needs a value' data x -n
expect 2 "^elbo data: option limit: 'many' is not a whole number" data x --limit many
expect 2 "^elbo data: option limit: '-1' is out of bounds" data x --limit -1
expect 2 "^elbo data: option test-fraction: '2' is out of bounds, expected 0 to 0.9" data x --test-fraction=2
expect 2 "^elbo data: option count: 'x' is not a whole number" data x -nx
expect 2 "^elbo data: option split: 'trian' is none of train, valid, test, all \(did you mean train\?\)" data x --split trian
expect 2 "^elbo data: option json: 'maybe' is not true or false" data x --json=maybe
expect 2 '^elbo data: option --no-json takes no value' data x --no-json=1
expect 2 '^elbo data: unknown option --no-limit' data x --no-limit
expect 2 "^elbo data: option threads: '-1' is out of bounds" data x --threads -1
expect 2 '^elbo data convert: TO is missing' data convert x
expect 2 "^elbo data get: unknown NAME 'mnits' \(did you mean mnist\?\)" data get mnits
expect 2 "^elbo data get: unknown NAME 'xyzzyxyzzy', expected one of mnist, " data get xyzzyxyzzy
expect 2 "^elbo list: unknown TOPIC 'commandz' \(did you mean commands\?\)" list commandz
expect 2 "^elbo completion: unknown SHELL 'tcsh'" completion tcsh
expect 2 "^elbo help: unknown command 'dtaa' \(did you mean data\?\)" help dtaa
expect 2 "^elbo help: unknown subcommand 'conver' \(did you mean convert\?\)" help data conver
expect 1 '^elbo data: .*no-such-file' data "$work/no-such-file.csv"
expect 1 '^elbo data: .*--labels' data -- --labels
expect 0 'data get NAME' data --wavelength --help
expect 0 '^downloads|^Data sets' list downloads --no-json
expect 0 '^\{' list --json=true
expect 0 '^Commands' list --json --no-json

# ---- Data ----

awk 'BEGIN { print "width,height,kind"; for (i = 0; i < 20; i++) print i / 2 "," 3 * i "," (i % 2 ? "ash" : "oak") }' \
    >"$work/trees.csv"
expect_json data "$work/trees.csv" --labels kind --test-count 4
has '"format": "csv"'
has '"item_shape": \[2\]'
has '"rows": \{"train": 16, "valid": 0, "test": 4, "all": 20\}'
has '"name": "oak"'
expect 0 '^rows +20: train 20, valid 0, test 0' data "$work/trees.csv" --labels kind --test-fraction 0
expect 1 'are no images.*--item-shape' data "$work/trees.csv" --labels kind -o "$work/trees.png"
[ ! -e "$work/trees.png" ] || fail "a refused preview left a file"
expect_json data convert "$work/trees.csv" "$work/trees.npz" --labels kind --split train --test-count 4
has '"rows": 16'
expect_json data "$work/trees.npz" --test-fraction 0
has '"train": 16'
expect 0 '^labels: ' data 'synth:glyphs?train=40&test=10' -n 3 -o "$work/glyphs.png" --style ascii
grep -q '[#%@]' "$work/out" || fail "the preview has no ink"
[ "$(head -c 4 "$work/glyphs.png" | tail -c 3)" = PNG ] || fail "the preview is no PNG"
expect 0 '^rows +50: ' data 'synth:glyphs?train=40&test=10' --no-preview
! grep -q '^labels: ' "$work/out" || fail "--no-preview printed a preview"
expect 1 '^elbo data: .*no-such-folder' data 'synth:glyphs?train=40&test=10' -o "$work/no-such-folder/p.png"

# ---- JSON, completion, manual page ----

for words in help list 'list commands' 'list downloads' 'help data' 'completion bash' man; do
    # shellcheck disable=SC2086
    expect_json $words
done
expect_json help
for command in $commands; do has "\"name\": \"$command\""; done

"$ELBO" man >"$work/out" || fail "elbo man failed"
head -1 "$work/out" | grep -q '^\.TH ELBO 1 ' || fail "the manual page does not begin with .TH"
for command in $commands; do has "^\.SS elbo $command\$"; done
if command -v groff >/dev/null 2>&1; then
    groff -man -Tutf8 -ww -z "$work/out" >"$work/err" 2>&1
    [ ! -s "$work/err" ] || fail "groff warns: $(cat "$work/err")"
fi
"$ELBO" man -o "$work/elbo.1" || fail "elbo man -o failed"
cmp -s "$work/out" "$work/elbo.1" || fail "elbo man -o wrote something else"
expect 1 'cannot write .*no-such-folder/elbo.1: No such file' man -o "$work/no-such-folder/elbo.1"

complete_bash() { # complete_bash WORDS...: what bash would offer for the last word
    bash -c 'compopt() { :; }; source "$0" || exit 1
             COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elbo; echo "${COMPREPLY[*]}"' "$work/elbo.bash" "$@"
}
offers() { # offers EXPECTED WORDS...
    wanted=$1
    shift
    got=$(complete_bash "$@")
    [ "$got" = "$wanted" ] || fail "bash offers '$got' for '$*', expected '$wanted'"
}
"$ELBO" completion bash -o "$work/elbo.bash" || fail "elbo completion bash failed"
offers 'list' elbo lis
offers 'train valid test all' elbo data x --split ''
offers 'train' elbo data x --split = tr
offers '--split= --split-seed=' elbo data x --sp
offers 'bash zsh fish' elbo completion ''
offers '--base-url=' elbo data get mnist --ba
offers "$work/elbo.bash" elbo data x -o "$work/elbo.b"
for shell in zsh fish; do
    "$ELBO" completion "$shell" >"$work/elbo.$shell" || fail "elbo completion $shell failed"
    grep -q 'data convert' "$work/elbo.$shell" || fail "the $shell script knows no subcommand"
    ! command -v "$shell" >/dev/null 2>&1 || "$shell" -n "$work/elbo.$shell" || fail "$shell refuses the script"
done

# ---- Output that cannot be written ----

if [ -c /dev/full ]; then
    "$ELBO" help --json >/dev/full 2>"$work/err"
    [ $? -eq 1 ] || fail "a full disk is not a failure"
    grep -q 'cannot write to standard output' "$work/err" || fail "a full disk is not reported"
fi
{
    sleep 0.3
    "$ELBO" help --json 2>"$work/err"
    echo $? >"$work/code"
} | true
# 128 + SIGPIPE, and nothing said.
[ "$(cat "$work/code")" -eq 141 ] || fail "a closed pipe gives exit code $(cat "$work/code")"
[ ! -s "$work/err" ] || fail "a closed pipe makes noise: $(cat "$work/err")"

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
