#!/bin/sh
# elbo topics: topics, nearest words and documents of small trainings; what is refused.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export OMP_WAIT_POLICY=passive

fail() {
    echo "FAIL: $*"
    test -f "$work/out" && sed 's/^/    /' "$work/out"
    exit 1
}

# expect CODE PATTERN ARGUMENTS: the exit code of elbo topics, and a line of its output
expect() {
    code=$1 pattern=$2
    shift 2
    "$ELBO" topics "$@" --threads 1 >"$work/out" 2>&1
    got=$?
    test $got -eq "$code" || fail "elbo topics $*: exit code $got, not $code"
    grep -q -- "$pattern" "$work/out" || fail "elbo topics $*: no \"$pattern\""
}

source='synth:topics?topics=4&vocabulary=60&documents=600&test=100&length=60&seed=2'
"$ELBO" train nvdm --data "$source" --batch 50 --latent 8 --hidden 50 --alternate 0 --lr 0.005 --epochs 30 --quiet \
    --evaluate-every 30 --save-every 0 -o "$work/run" --threads 1 >"$work/out" 2>&1 || fail "training failed"
"$ELBO" train vae --data "$source" --likelihood poisson --hidden 8 --latent 2 --epochs 1 --quiet -o "$work/vae" \
    --threads 1 >"$work/out" 2>&1 || fail "training failed"

# topics
expect 0 'word[0-9]* word[0-9]* word[0-9]*$' "$work/run" --words 3
test "$(wc -l <"$work/out")" -eq 8 || fail "8 topics expected"
expect 0 'NPMI .*10 top words of each topic in 700 documents' "$work/run" --coherence data
expect 0 'in 600 documents' "$work/run" --coherence data --split train
expect 0 'in 120 documents' "$work/run" --coherence 'synth:topics?vocabulary=60&documents=100&test=20'
expect 0 '"npmi": -*0\.[0-9]*, .*"c_v"' "$work/run" --coherence data --json
expect 0 word "$work/run" -o "$work/weights.npy"
"$ELBO" score topics --topics "$work/weights.npy" >"$work/out" 2>&1 || fail "the weights cannot be read"
grep -q '8 topics over 60 words' "$work/out" || fail "weights of 8 topics and 60 words expected"

# words and documents
expect 0 '^word7: word[0-9]* word[0-9]*$' "$work/run" --nearest word7,word8 -w 2
grep -q '^word8: ' "$work/out" || fail "two lists expected"
expect 0 '"word7": \[{"word": "word' "$work/run" --nearest word7 --json
expect 0 '\[[0-3]\] word' "$work/run" --search 'word3 word5' -n 4 --split test
test "$(wc -l <"$work/out")" -eq 4 || fail "4 documents expected"
expect 0 '"row": [0-9]*, "similarity": ' "$work/run" --search word3 -n 1 --json

# what was learned: of the ten documents most like one, most are of its topic (of four, so by chance a quarter are)
good=0 all=0
for row in 0 1 2 3 4 5 6 7 8 9; do
    expect 0 word "$work/run" --like $row -n 11
    grep -q "^ *$row  *1.000" "$work/out" && fail "a document is not like itself"
    label=$("$ELBO" topics "$work/run" --like $row -n 1 --json | sed 's/.*"label": "\([0-9]*\)".*/\1/')
    good=$((good + $(grep -c "\[$label\]" "$work/out"))) all=$((all + $(wc -l <"$work/out")))
done
test $((10 * good)) -gt $((7 * all)) || fail "$good of $all documents share the topic of the nearest"

# perplexity: far below the number of words, and told for documents alone
"$ELBO" eval "$work/run" --json --threads 1 >"$work/out" 2>&1 || fail "eval failed"
grep -q '"document_perplexity": [1-5][0-9]\.' "$work/out" || fail "a perplexity below 60 expected"
"$ELBO" eval "$work/vae" --json --threads 1 >"$work/out" 2>&1 || fail "eval failed"
grep -q '"document_perplexity": null' "$work/out" || fail "no perplexity expected"

# what is refused
expect 1 'vae has no topics' "$work/vae"
expect 2 '"nothing" is none of the 60 words' "$work/run" --nearest nothing
expect 2 '"nothing" is none of the 60 words' "$work/run" --search 'word1 nothing'
expect 2 '--like 700: there are 700 rows' "$work/run" --like 700
expect 2 'one of --nearest, --search and --like' "$work/run" --nearest word1 --search word2
expect 2 '--count needs --search' "$work/run" --count 3
expect 2 '--split needs' "$work/run" --split test
expect 2 '--coherence judges topics' "$work/run" --nearest word1 --coherence data
expect 1 'documents of 50 words, but topics over 60' "$work/run" --coherence 'synth:topics?vocabulary=50'
echo "all of elbo topics is as expected"
