#!/bin/sh
# elbo denoise, anomaly and probe, and what an autoencoder answers: figures, files, JSON and what is refused.
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
cd "$work" || exit 1

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN WORDS...: a line of standard output and error together matches the extended regular expression.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" >out 2>&1 </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(head -3 out)"
    grep -Eq -e "$pattern" out || fail "elbo $*: no line matches /$pattern/ in: $(head -c 600 out)"
}

# number NAME: the member of the JSON object in ./out.
number() { sed -n 's/.*"'"$1"'": \(-\{0,1\}[0-9.e+-]*\).*/\1/p' out; }
# less A B
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 < b + 0) }'; }

data='synth:glyphs?train=600&test=100'
expect 0 '^epoch 6 of 6: reconstruction error [0-9.]+, held out [0-9.]+$' train ae --data "$data" --hidden 64 \
    --latent 16 --epochs 6 --batch 50 --activation relu --noise masking --noise-level 0.5 -o ae
expect 0 '^run in pca$' train pca --data "$data" --latent 4 --epochs 1 -o pca
expect 0 '^run in vae$' train vae --data "$data" --hidden 32 --latent 4 --epochs 2 --batch 50 -o vae

# ---- An autoencoder in the other commands ----

for run in ae pca; do
    expect 0 '^  reconstruction error +[0-9.]+' eval $run
    if grep -q ELBO out; then fail "elbo eval $run speaks of an ELBO"; fi
    expect 1 'has codes, not a posterior' eval $run --samples 10
    expect 1 'there is no likelihood to estimate' eval $run --nll is
    expect 1 'has no prior' sample $run -o x.png
    expect 1 'nothing to draw|no gradient|no variance' gradvar $run
    expect 0 'written to r.png' reconstruct $run -o r.png
    expect 0 'written to z.npy' encode $run -o z.npy
    expect 0 'written to t.png' traverse $run -o t.png
    expect 0 'written to i.png' interpolate $run -o i.png
    expect 0 'written to' report $run -o page/index.html
done
expect 0 'written to z.npy' encode ae -o z.npy
expect 1 'nothing to draw from' decode ae z.npy --draw -o x.npy

# ---- denoise ----

for kind in masking gaussian salt-pepper blur; do
    expect 0 '^mean squared error: corrupted [0-9.]+, restored [0-9.]+$' denoise ae --noise $kind --noise-level 0.5 -o d.png
    expect 0 '^10 rows: originals, with '$kind' noise of level 0.5, restored, written to d.png$' denoise vae \
        --noise $kind --noise-level 0.5 -o d.png
done
head -c 4 d.png | grep -q PNG || fail "d.png is no picture"
# what is not asked for is that of the training, and masking of 0.3 where it had none
expect 0 '^10 rows: originals, with masking noise of level 0.5, restored,' denoise ae -o d.png
expect 0 '^10 rows: originals, with masking noise of level 0.1, restored,' denoise ae --noise-level 0.1 -o d.png
expect 0 '^10 rows: originals, with gaussian noise of level 0.3, restored,' denoise ae --noise gaussian -o d.png
expect 0 '^10 rows: originals, with masking noise of level 0.3, restored,' denoise vae -o d.png
expect 0 '"noise": "salt-pepper"' denoise ae --noise salt-pepper --noise-level 0.5 -n 50 -o d.npz --json
less "$(number mse_restored)" "$(number mse_corrupted)" || fail "nothing was restored: $(cat out)"
expect 0 '' denoise ae --noise masking --noise-level 0.5 --seed 3 -o one.npz --json
expect 0 '' denoise ae --noise masking --noise-level 0.5 --seed 3 -o two.npz --json
cmp -s one.npz two.npz || fail "the same seed gave other noise"
expect 2 'a share of the values, 0 to 1' denoise ae --noise masking --noise-level 2 -o d.png
expect 2 'none of auto, masking' denoise ae --noise fog -o d.png
expect 2 'FILE|out' denoise ae
expect 2 '' denoise ae -o d.txt

# ---- anomaly ----

expect 0 '^  AUROC +[01]\.[0-9]+ ' anomaly vae --normal-label 1 --worst 5 -o w.png
head -c 4 w.png | grep -q PNG || fail "w.png is no picture"
expect 0 'by reconstruction$' anomaly ae --normal-label 1
expect 0 '^no labels tell anomalies' anomaly ae
for score in elbo reconstruction likelihood; do
    expect 0 '"auroc": [01]' anomaly vae --score $score --normal-label 1 --json --scores s.csv
    grep -q '"score": "'$score'"' out || fail "no score $score in $(cat out)"
    [ "$(wc -l <s.csv)" -eq 100 ] || fail "$score: s.csv has $(wc -l <s.csv) lines"
    # the first of the worst rows has the largest score
    worst=$(sed -n 's/.*"worst": \[\([0-9]*\).*/\1/p' out)
    [ "$(sort -g s.csv | tail -1)" = "$(sed -n "$((worst + 1))p" s.csv)" ] || fail "$score: row $worst is not the worst"
    # alarms are the scores above the threshold
    above=$(awk -v t="$(number threshold)" '$1 > t + 0 { n++ } END { print n + 0 }' s.csv)
    [ "$above" = "$(number alarms)" ] || fail "$score: $(number alarms) alarms, $above scores above the threshold"
done
# of the training rows themselves at most the chosen share is above the threshold
expect 0 '"alarms"' anomaly vae --score reconstruction --split train --false-alarms 0.1 --json
[ "$(number alarms)" = 60 ] || fail "$(number alarms) of 600 training rows are above a threshold for 0.1"
# labels that are 0 and 1 need no --normal-label
printf '%s\n' x,y,kind 0.1,0.2,0 0.2,0.3,0 0.3,0.1,0 0.1,0.1,0 0.2,0.1,0 0.3,0.3,0 9,9,1 8,9,1 >two.csv
expect 0 'run in two' train pca --data two.csv --labels kind --columns x,y --test-fraction 0 --latent 1 --epochs 1 -o two
expect 0 '"anomalies": 2,' anomaly two --split train --json
# a run of some classes takes those for normal
expect 0 'run in ones' train vae --data "$data" --train-labels 1,7 --hidden 32 --latent 4 --epochs 2 --batch 20 -o ones
expect 0 '"auroc": [01]' anomaly ones --json
known=$(number anomalies)
"$ELBO" data "$data" >table 2>&1
expected=$(awk '$1 ~ /^[0-9]$/ && $1 != 1 && $1 != 7 { n += $NF } END { print n }' table)
[ "$known" = "$expected" ] || fail "trained on 1 and 7: $known anomalies, $expected test rows of other classes"
expect 0 '"anomalies":' anomaly ones --normal-label 1 --json
[ "$(number anomalies)" != "$known" ] || fail "--normal-label 1 has as many anomalies as the run's classes"
expect 2 'no training row of .* has this label' anomaly ones --normal-label 3
# and reads other data, with labels or without
expect 0 '"anomalies": [1-9]' anomaly ones --data 'synth:glyphs?train=1&test=50' --json
expect 0 '' data convert 'synth:glyphs?train=20&test=1' bare.npy --split train
expect 0 '^no labels tell anomalies' anomaly ones --data bare.npy --split all
expect 2 'no class is called "x"; there are 0, 1' train vae --data "$data" --train-labels x -o none
expect 2 'the rows have no labels' train vae --data bare.npy --train-labels 1 -o none
expect 1 'no ELBO: use --score reconstruction' anomaly ae --score elbo
expect 1 'no likelihood to estimate' anomaly ae --score likelihood
expect 2 '^elbo anomaly: --samples needs --score likelihood' anomaly vae --samples 5
expect 2 'no test row of .* has this label' anomaly vae --normal-label 77
expect 2 'a file ending in .png was expected' anomaly vae -o w.npy
expect 2 '--worst needs' anomaly vae --worst 5
expect 2 'false-alarms' anomaly vae --false-alarms 2

# ---- probe ----

expect 0 '^  linear probe +[01]\.[0-9]+ ' probe ae
expect 0 '"knn_accuracy": ' probe ae --json
less 0.5 "$(number linear_accuracy)" || fail "the codes tell nothing of the digits: $(cat out)"
expect 0 '"train": 300, "test": 100, "dims": 16, "classes": 10,' probe ae -n 300 --json
printf '%s\n' x,y 0.1,0.2 0.2,0.3 0.3,0.1 >plain.csv
expect 0 'run in plain' train pca --data plain.csv --latent 1 --epochs 1 -o plain
expect 1 'has no labels' probe plain
expect 1 'no such run' probe nowhere

[ "$failures" -eq 0 ] || {
    printf '%d failures\n' "$failures"
    exit 1
}
