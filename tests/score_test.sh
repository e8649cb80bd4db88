#!/bin/sh
# elbo score: figures of small files with known answers, every kind in words and as JSON, and what is refused.
#   ELBO         the command
#   SOURCE_DIR   the root of the source tree
set -u
: "${ELBO:?the command to test}" "${SOURCE_DIR:?the root of the source tree}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failures=0
OMP_NUM_THREADS=1
TMPDIR=$work
export OMP_NUM_THREADS TMPDIR

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN WORDS...: a line of standard output and error together matches the extended regular expression.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" score "$@" >"$work/out" 2>&1 </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo score $*: exit code $code, expected $wanted: $(head -3 "$work/out")"
    grep -Eq -e "$pattern" "$work/out" || fail "elbo score $*: no line matches /$pattern/ in: $(head -c 600 "$work/out")"
}

# json WORDS...: one object, valid JSON, in $work/out.
json() {
    "$ELBO" score "$@" --json >"$work/out" 2>"$work/err" </dev/null || fail "elbo score $* --json: $(cat "$work/err")"
    [ "$(wc -l <"$work/out")" -eq 1 ] || fail "elbo score $* --json: not one line"
    if command -v python3 >/dev/null 2>&1; then
        python3 -m json.tool "$work/out" >/dev/null 2>&1 || fail "elbo score $* --json: no JSON"
    fi
}
has() { grep -Eq -e "$1" "$work/out" || fail "no /$1/ in: $(head -c 1500 "$work/out")"; }

# Every figure of a kind that 'elbo list metrics' names is a member of the JSON of that kind.
names() {
    for name in $("$ELBO" list metrics --json |
        sed 's/{/\n{/g' | sed -n 's/.*"name": "\([a-z_]*\)".*"kind": "'"$1"'".*/\1/p'); do
        has "\"$name\": "
        seen="${seen:-} $name"
    done
}

cd "$work" || exit 1

# ---- Clusters ----

printf '7\n7\n7\n2\n2\n2\n' >predicted.csv
printf '0\n0\n0\n0\n1\n1\n' >true.csv
expect 0 '^  accuracy +0\.8333' clusters --predicted predicted.csv --true true.csv
expect 0 '^6 rows, 2 clusters, 2 classes$' clusters --predicted predicted.csv --true true.csv
json clusters --predicted predicted.csv --true true.csv
names clusters
has '"kind": "clusters"'
has '"purity": 0\.8333'
has '\{"cluster": 7, "class": 0\}'
"$ELBO" score clusters --predicted - --true true.csv <predicted.csv >out 2>&1 || fail "standard input: $(cat out)"
has '^  accuracy +0\.8333'
for left in elbo-score-*; do [ ! -e "$left" ] || fail "standard input left $left behind"; done
expect 2 '^elbo score clusters: --true FILE is missing' clusters --predicted predicted.csv
expect 2 'both read standard input' clusters --predicted - --true -
expect 1 'standard input is empty' clusters --predicted - --true true.csv
printf '0\n1\n' >two.csv
expect 1 'predicted: 6 rows, but true: 2' clusters --predicted predicted.csv --true two.csv
expect 1 'no-such-file' clusters --predicted no-such-file.npy --true true.csv
printf '0.5\n1\n' >half.csv
expect 1 'predicted: row 0, column 0 \(from 0\) is 0\.5; a whole number' clusters --predicted half.csv --true two.csv

# ---- Detection ----

printf '0.1\n0.4\n0.35\n0.8\n' >scores.csv
printf '0\n0\n1\n1\n' >labels.csv
printf '4\n4\n9\n5\n' >digits.csv
expect 0 '^  auroc +0\.7500' detection --scores scores.csv --labels labels.csv
expect 0 '^threshold: alarm at scores of 0\.3(5|49999994) and above' detection --scores scores.csv --labels labels.csv --false-alarms 0.5
expect 0 '^  auroc +0\.7500' detection --scores scores.csv --labels digits.csv --normal 4
expect 0 '^  auroc +0\.7500' detection --scores scores.csv --labels digits.csv --anomaly 9,5
json detection --scores scores.csv --labels labels.csv
names detection
has '"threshold": 0\.8'
expect 1 'labels: row 0 \(from 0\) is 4; 0 \(normal\) or 1' detection --scores scores.csv --labels digits.csv
expect 1 'every row is normal' detection --scores scores.csv --labels digits.csv --anomaly 3
expect 2 'do not go together' detection --scores scores.csv --labels digits.csv --anomaly 3 --normal 4
expect 2 'out of bounds' detection --scores scores.csv --labels labels.csv --false-alarms 2

# ---- Probe ----

awk 'BEGIN { for (i = 0; i < 200; i++) print (i % 2) * 8 + (i * 37 % 11) / 10 "," (i * 53 % 7) / 3 }' >codes.csv
awk 'BEGIN { for (i = 0; i < 200; i++) print i % 2 + 3 }' >classes.csv
expect 0 '^160 training and 40 test rows of 2 numbers, 2 classes' probe --codes codes.csv --labels classes.csv
expect 0 '^  linear_accuracy +1\.0000' probe --codes codes.csv --labels classes.csv
expect 0 '^  knn_accuracy +1\.0000' probe --codes codes.csv --labels classes.csv --test-codes codes.csv --test-labels classes.csv
json probe --codes codes.csv --labels classes.csv
names probe
has '"converged": true'
expect 2 'go together' probe --codes codes.csv --labels classes.csv --test-codes codes.csv
expect 2 'do not go' probe --codes codes.csv --labels classes.csv --test-codes codes.csv --test-labels classes.csv --seed 3
expect 1 'codes: 200 rows, but labels: 6' probe --codes codes.csv --labels true.csv

# ---- Disentanglement ----

awk 'BEGIN { for (i = 0; i < 600; i++) print i % 3 "," int(i / 3) % 4 "," 2 }' >factors.csv
awk 'BEGIN { for (i = 0; i < 600; i++) print 5 - int(i / 3) % 4 "," i % 3 }' >codes2.csv
expect 0 '^  mig +1\.0000' disentanglement --codes codes2.csv --factors factors.csv --metrics mig,beta_vae
expect 0 '^  sap +not defined' disentanglement --codes codes2.csv --factors factors.csv --metrics mig
expect 0 '^warning: 1 of 3 factors take one value only' disentanglement --codes codes2.csv --factors factors.csv --metrics mig
json disentanglement --codes codes2.csv --factors factors.csv --votes 300 --test-votes 100 --trees 5
names disentanglement
has '"factor_vae": 1\.0'
has '"dci_disentanglement": 1\.0'
expect 2 "unknown 'mgi'" disentanglement --codes codes2.csv --factors factors.csv --metrics mgi
expect 1 'codes: 600 rows, but factors: 6' disentanglement --codes codes2.csv --factors true.csv

# ---- Topics ----

printf '2,1,1,0,1,1\n1,3,0,1,1,0\n0,0,4,0,0,1\n0,0,0,9,0,0\n' >corpus.csv
printf '9,8,0,0,0,0\n0,0,7,6,0,0\n' >beta.csv
printf 'apple 3\npear 2\nplum 1\nfig 1\nnut 0\noat 0\n' >vocabulary.txt
expect 0 '^  npmi +0\.0000' topics --topics beta.csv --corpus corpus.csv --top-words 2
expect 0 '^ +0 +1\.000  apple pear$' topics --topics beta.csv --corpus corpus.csv --top-words 2 --vocabulary vocabulary.txt
printf '0,1\n2,3\n' >words.csv
expect 0 '^  npmi +0\.0000' topics --words words.csv --corpus corpus.csv
expect 0 '^  diversity +1\.0000' topics --words words.csv
printf '%s\n%s\n' -20 -90 >bounds.csv
printf '10\n30\n' >lengths.csv
expect 0 '^  corpus_perplexity +15\.6426' topics --bounds bounds.csv --lengths lengths.csv
json topics --topics beta.csv --corpus corpus.csv --top-words 2 --vocabulary vocabulary.txt --bounds bounds.csv --lengths lengths.csv
names topics
has '"words": \["apple", "pear"\]'
expect 2 'go together' topics --bounds bounds.csv
expect 2 'do not go together' topics --topics beta.csv --words words.csv
expect 2 'expected' topics
expect 2 '--corpus needs' topics --bounds bounds.csv --lengths lengths.csv --corpus corpus.csv
expect 1 'documents of 6 words, but topics over 2' topics --topics words.csv --corpus corpus.csv
head -3 vocabulary.txt >short.txt
expect 1 'short.txt has 3 lines, but the vocabulary 6 words' topics --topics beta.csv --corpus corpus.csv --vocabulary short.txt

# ---- Frechet, units ----

printf '1,2\n1,2\n1,2\n' >a.csv
printf '4,5\n4,5\n4,5\n' >b.csv
expect 0 '^  frechet +18\.0000' frechet --a a.csv --b b.csv
json frechet --a a.csv --b b.csv
names frechet
expect 1 'a has 2 columns and b 1' frechet --a a.csv --b true.csv
printf '0,5,1,0\n0.2,5,-1,0\n' >means.csv
expect 0 '^  active_units +2 of 4$' units --codes means.csv
expect 0 '^    layer 1 +1 of 2$' units --codes means.csv --layers 2,1,1
json units --codes means.csv --layers 2,2
names units
has '"layer_active": \[1, 1\]'
expect 2 'layers: 3 units in all, but the codes have 4' units --codes means.csv --layers 3

# ---- The kinds ----

expect 2 'KIND is missing'
expect 2 "unknown KIND 'cluster' \(did you mean clusters\?\)" cluster
expect 2 'the kind comes first' --json clusters
listed=$("$ELBO" list metrics --json | sed 's/{/\n{/g' | grep -c '"kind": ')
[ "$(echo "$seen" | wc -w)" -eq "$listed" ] || fail "the kinds show these figures, of $listed:$seen"

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
