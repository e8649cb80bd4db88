#!/bin/sh
# elbo cluster, and samples of clusters: models, fits, codes, files, JSON, and what is refused.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"

# expect CODE PATTERN WORDS...
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" --threads 1 >"$work/out" 2>"$work/err" </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(cat "$work/err")"
    cat "$work/out" "$work/err" | grep -Eq -e "$pattern" ||
        fail "elbo $*: no line like /$pattern/ in: $(cat "$work/out" "$work/err")"
}

# The figure NAME of the last --json output is above LIMIT.
above() {
    value=$(sed -n "s/.*\"$1\": \([-0-9.e]*\).*/\1/p" "$work/out")
    awk -v value="$value" -v limit="$2" 'BEGIN { exit !(value != "" && value > limit) }' ||
        fail "$1 is '$value', above $2 was expected"
}

data=synth:mixture
expect 0 'run in' train vade --data "$data" --hidden 16 --latent 2 --components 5 --likelihood gaussian \
    --pretrain-epochs 4 --epochs 3 -o "$work/run"
expect 0 '6000 rows in 5 of 5 clusters' cluster "$work/run"
expect 0 '^  accuracy +0\.9' cluster "$work/run"
expect 0 '"count": 1000,' cluster "$work/run" --split test --json
above accuracy 0.98
above ari 0.95

# files: assignments by themselves score like the command; an archive has probabilities and labels too
expect 0 'written to' cluster "$work/run" -o "$work/c.npz"
expect 0 '"accuracy"' score clusters --predicted "$work/c.npz#cluster" --true "$work/c.npz#labels" --json
above accuracy 0.98
expect 0 '\[6000, 5\]|6000.*5' data "$work/c.npz#probability"
expect 0 'written to' cluster "$work/run" -o "$work/c.npy"
expect 0 '"accuracy"' score clusters --predicted "$work/c.npy" --true "$work/c.npz#labels" --json
above accuracy 0.98

# data of another source: fewer rows, no labels
"$ELBO" data convert "$data" -o "$work/x.npy" --split test >/dev/null 2>&1 ||
    awk 'BEGIN { for (i = 0; i < 50; i++) print (i % 7) - 3 "," (i % 5) - 2 }' >"$work/x.csv"
[ -f "$work/x.csv" ] || awk 'BEGIN { for (i = 0; i < 50; i++) print (i % 7) - 3 "," (i % 5) - 2 }' >"$work/x.csv"
expect 0 '50 rows in' cluster "$work/run" --data "$work/x.csv"
grep -q accuracy "$work/out" && fail "figures without labels"

# samples
expect 0 'samples' sample "$work/run" --cluster 4 -n 7 -o "$work/s.npy"
expect 2 'cluster 5; 0 to 4' sample "$work/run" --cluster 5 -n 7 -o "$work/s.npy"
expect 1 'no images|no image|image' cluster "$work/run" --picture "$work/p.png"

# baselines: a mixture on the data, on codes of any model, and by the way over files
expect 0 'gmm|log' fit gmm --data "$data" --components 5 --restarts 5 -o "$work/fit"
expect 0 '"accuracy"' cluster "$work/fit" --data "$data" --json
above accuracy 0.98
expect 2 '--data SOURCE is missing' cluster "$work/fit"
expect 2 'mixture already' cluster "$work/fit" --data "$data" --mixture 3
expect 0 'run in' train vae --data "$data" --hidden 16 --latent 2 --likelihood gaussian --epochs 4 -o "$work/vae"
expect 1 'vae has no clusters of its own; --mixture' cluster "$work/vae"
expect 1 'vae has no clusters' sample "$work/vae" --cluster 0 -o "$work/s.npy"
expect 0 '"accuracy"' cluster "$work/vae" --mixture 5 --json
above accuracy 0.9
for covariance in full diagonal; do
    expect 0 'rows in' cluster "$work/vae" --mixture 5 --covariance $covariance -o "$work/$covariance.npz"
done
expect 0 'rows in' cluster "$work/vae" --mixture 5 -o "$work/default.npz"
cmp -s "$work/full.npz" "$work/default.npz" || fail "components are not full by default"
cmp -s "$work/full.npz" "$work/diagonal.npz" && fail "--covariance changes nothing"
expect 0 'codes' encode "$work/vae" -o "$work/z.npz"
expect 0 'log' fit gmm --data "$work/z.npz#mean" --test-fraction 0 --components 5 --restarts 5 -o "$work/codes"
expect 0 '"accuracy"' cluster "$work/codes" --data "$work/z.npz#mean" --labels "$work/z.npz#labels" --json
above accuracy 0.9

# options without effect
expect 2 'no --picture' cluster "$work/run" --count 3
expect 2 'restarts: there is no --mixture' cluster "$work/run" --restarts 3
expect 2 'covariance: there is no --mixture' cluster "$work/run" --covariance full
expect 2 'nothing to draw' cluster "$work/run" --seed 3
expect 2 'leave --mixture out' cluster "$work/run" --mixture 3 --picture "$work/p.png"
expect 2 'ending|.npy' cluster "$work/run" -o "$work/c.txt"

# more clusters than rows are refused before anything is written
expect 2 '--components 9: there are 4 training rows' train vade --data 'synth:mixture?rows=4&test=2' --likelihood gaussian \
    --components 9 -o "$work/none"
[ ! -e "$work/none" ] || fail "a refused training left a folder"

# pictures: ten rows of clusters
expect 0 'run in' train vade --data 'synth:glyphs?train=200&test=20' --hidden 16 --latent 2 --components 3 \
    --pretrain-epochs 1 --epochs 1 -o "$work/glyphs"
expect 0 'picture written' cluster "$work/glyphs" --picture "$work/p.png" --count 4
[ "$(head -c 4 "$work/p.png" | tail -c 3)" = PNG ] || fail "no picture"
expect 0 'samples' sample "$work/glyphs" --cluster 1 -n 4 -o "$work/s.png"

finish
