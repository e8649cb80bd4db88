#!/bin/sh
# elbo classify, export, eval --frechet, score frechet --classifier, sample --mixture and fit apply: files, figures,
# JSON, and what is refused.
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

# A figure of the last --json output.
figure() { sed -n "s/.*\"$1\": \([-0-9.e]*\).*/\1/p" "$work/out"; }
less() { # less A B: A < B
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && b != "" && a + 0 < b + 0) }'
}

data='synth:glyphs?train=1500&test=500'

# ---- Training and predicting ----

expect 0 'accuracy +0\.9' classify train "$data" --hidden 60 --epochs 15 -o "$work/c.safetensors"
expect 0 '500 test rows' classify "$data" --with "$work/c.safetensors"
expect 0 '"confusion": \[\[' classify "$data" --with "$work/c.safetensors" --json
less 0.9 "$(figure accuracy)" || fail "accuracy $(figure accuracy)"
sed 's/.*"confusion": //; s/\]\].*//; s/[][,]/ /g' "$work/out" |
    awk '{ for (i = 1; i <= NF; i++) sum += $i } END { exit !(NF == 100 && sum == 500) }' ||
    fail 'the confusion matrix does not hold every row once'
expect 0 '500 predictions written' classify "$data" --with "$work/c.safetensors" -o "$work/p.csv"
share=$(awk -F , 'NR > 1 { right += $2 == $4 } NR == 1 { head = $0 }
    END { printf "%s %d %.4f", head, NR, right / (NR - 1) }' "$work/p.csv")
expect 0 '"accuracy"' classify "$data" --with "$work/c.safetensors" --json
[ "$share" = "row,class,probability,label 501 $(printf %.4f "$(figure accuracy)")" ] || fail "predictions: $share"
expect 0 '\[500, 60\]|500.*60' classify "$data" --with "$work/c.safetensors" --features "$work/f.npy"
expect 0 '^0,.*[0-9]$' classify "$data" --with "$work/c.safetensors" -o -
expect 0 'predictions' classify "$data" --with "$work/c.safetensors" -o "$work/p.npy" --split all

# classes are matched by name: rows of two of the three, whose numbers are others
awk 'BEGIN { srand(1); for (i = 0; i < 300; i++) { k = i % 3; printf "%f,%f,%s\n", k - 1 + 0.1 * rand(), -k, substr("xyz", k + 1, 1) } }' \
    >"$work/three.csv"
(echo 'a,b,class' && cat "$work/three.csv") >"$work/named.csv"
grep -E ',[yz]$|class' "$work/named.csv" | sed '1s/.*/a,b,class/' >"$work/two.csv"
expect 0 'accuracy' classify train "$work/named.csv" --labels class --hidden 8 --epochs 60 --lr 0.01 -o "$work/n.safetensors"
expect 0 'accuracy +1\.0000' classify "$work/two.csv" --labels class --with "$work/n.safetensors" --split all
sed 's/z$/w/' "$work/two.csv" >"$work/strange.csv"
expect 0 'unknown +100 rows' classify "$work/strange.csv" --labels class --with "$work/n.safetensors" --split all

# refused
expect 2 '\-\-out : a file ending in .safetensors' classify train "$data"
expect 2 '\-\-with FILE is missing' classify "$data"
expect 2 '\-\-labelled 1501: .* has 1500 training rows' classify train "$data" --labelled 1501 -o "$work/x.safetensors"
expect 2 '\-\-freeze: there is no model' classify train "$data" --freeze -o "$work/x.safetensors"
expect 1 'no labels' classify train "$work/f.npy" -o "$work/x.safetensors"
expect 1 'shape 60; the classifier reads 28x28' classify "$work/f.npy" --with "$work/c.safetensors"
printf 'no file' >"$work/bad.safetensors"
expect 1 'bad.safetensors' classify "$data" --with "$work/bad.safetensors"
expect 2 'a file ending in .csv' classify "$data" --with "$work/c.safetensors" -o "$work/p.txt"

# ---- A trained encoder to begin as (that weights arrive is checked in classifier_test) ----

expect 0 'run in' train vae --data "$data" --hidden 60 --latent 8 --activation relu --epochs 15 -o "$work/vae"
expect 0 'run in' train ae --data "$data" --hidden 60 --latent 8 --activation relu --epochs 15 -o "$work/ae"
expect 0 '"start": "vae, epoch' classify train "$data" --from "$work/vae" --labelled 100 --epochs 40 \
    -o "$work/t.safetensors" --json
less 0.5 "$(figure accuracy)" || fail "accuracy $(figure accuracy) with 100 labels"
expect 0 'begun as vae, epoch [0-9]+, 40 epochs of 100 labelled' classify "$data" --with "$work/t.safetensors"
expect 2 '\-\-hidden: the model' classify train "$data" --from "$work/vae" --hidden 60 -o "$work/x.safetensors"
expect 0 'with its layers kept' classify train "$data" --from "$work/ae" --labelled 40 --freeze -o "$work/k.safetensors"

# ---- Exports ----

expect 0 '4 tensors of [0-9]+ numbers written' export "$work/vae" -o "$work/e.safetensors" --group encoder
expect 0 '4 tensors' export "$work/vae" -o "$work/e.npz" --group encoder
expect 0 '784' data "$work/e.npz#encoder.dense1.weight"
expect 0 '"tensors": 8' export "$work/vae" -o "$work/all.safetensors" --json
expect 2 'no parameters of a group "critic"; it has .*encoder' export "$work/vae" -o "$work/x.npz" --group critic
expect 2 'a file ending in .safetensors or .npz' export "$work/vae" -o "$work/x.npy"
[ ! -e "$work/x.npz" ] || fail 'a refused export left a file'

# ---- Frechet distances: training rows are nearer than draws of a model, and those nearer than noise ----

expect 0 'figures compare only with' eval "$work/vae" --frechet "$work/c.safetensors"
expect 0 '"floor"' eval "$work/vae" --frechet "$work/c.safetensors" -n 400 --json
draws=$(figure frechet) floor=$(figure floor)
[ "$(figure count)" -eq 400 ] || fail "count is $(figure count)"
less "$floor" "$draws" || fail "the floor is $floor, draws are at $draws"
expect 0 '"codes": "mixture of codes"' eval "$work/vae" --frechet "$work/c.safetensors" -n 400 --mixture 5 --json
expect 1 'autoencoder has no prior' eval "$work/ae" --frechet "$work/c.safetensors"
expect 0 'z from the mixture' eval "$work/ae" --frechet "$work/c.safetensors" --mixture 5
expect 0 'run in' train cvae --data "$data" --hidden 30 --latent 4 --epochs 1 -o "$work/cvae"
expect 0 '300 means of p' eval "$work/cvae" --frechet "$work/c.safetensors" -n 300
expect 1 'encodes items by their labels' sample "$work/cvae" --mixture 3 --label 1 -o "$work/x.npy"
expect 1 'cvae: its encoder reads 794 numbers' classify train "$data" --from "$work/cvae" -o "$work/x.safetensors"
awk 'BEGIN { srand(2); for (i = 0; i < 400; i++) { for (j = 0; j < 784; j++) printf "%s%d", j ? "," : "", 256 * rand()
    print "" } }' >"$work/noise.csv"
expect 0 'frechet' score frechet --classifier "$work/c.safetensors" --a "$work/noise.csv" --b "$data" --b-split test --json
less "$draws" "$(figure frechet)" || fail "noise is at $(figure frechet), draws at $draws"
expect 0 'frechet' score frechet --classifier "$work/c.safetensors" --a "$data" --a-split train --b "$data" \
    --b-split test --json
less "$(figure frechet)" "$draws" || fail "training rows are at $(figure frechet)"
# the same by the features in files
expect 0 features classify "$data" --with "$work/c.safetensors" --features "$work/ft.npy" --split train
expect 0 frechet score frechet --a "$work/ft.npy" --b "$work/f.npy" --json
files=$(printf %.6f "$(figure frechet)")
expect 0 frechet score frechet --classifier "$work/c.safetensors" --a "$data" --a-split train --b "$data" --b-split test --json
[ "$(printf %.6f "$(figure frechet)")" = "$files" ] || fail "by files $files, by the classifier $(figure frechet)"
expect 2 'need --classifier' score frechet --a "$work/ft.npy" --b "$work/f.npy" --b-split test
expect 2 'does not go with --frechet' eval "$work/vae" --frechet "$work/c.safetensors" --samples 5
expect 2 'needs --frechet' eval "$work/vae" --mixture 5
expect 2 'split all' eval "$work/vae" --frechet "$work/c.safetensors" --split all

# ---- Samples from a mixture of codes, and fits at work ----

expect 0 '20 samples' sample "$work/ae" --mixture 4 -n 20 -o "$work/s1.npy"
expect 0 '20 samples' sample "$work/ae" --mixture 4 -n 20 -o "$work/s2.npy"
cmp -s "$work/s1.npy" "$work/s2.npy" || fail 'the same seed gives other samples'
expect 0 written encode "$work/ae" --split train -o "$work/z.npy"
expect 0 'fit in' fit gmm --data "$work/z.npy" --components 4 --covariance full --test-fraction 0 -o "$work/fit"
expect 0 '20 samples' sample "$work/ae" --mixture "$work/fit" -n 20 -o "$work/s3.png"
expect 0 '20 samples' sample "$work/ae" --mixture "$work/fit/model.safetensors" -n 20 -o "$work/s3.npy"
expect 0 'log-likelihood of 1500 rows' fit apply "$work/fit" --data "$work/z.npy" --scores "$work/l.csv" --codes "$work/r.csv"
awk 'END { exit NR != 1500 }' "$work/l.csv" || fail 'not a score for each row'
awk -F , 'NF != 4 { bad = 1 } { sum = 0; for (i = 1; i <= NF; i++) sum += $i; if (sum < 0.9999 || sum > 1.0001) bad = 1 }
    END { exit bad }' "$work/r.csv" || fail 'responsibilities do not sum to 1'
expect 0 '"log_likelihood"' fit apply "$work/fit" --data "$work/z.npy" --json
mean=$(awk '{ sum += $1 } END { printf "%.4f", sum / NR }' "$work/l.csv")
[ "$(printf %.4f "$(figure log_likelihood)")" = "$mean" ] || fail "mean of the scores $mean, said $(figure log_likelihood)"
expect 0 '30 draws written' fit apply "$work/fit" --samples "$work/d.npy" -n 30
expect 2 '\-\-data SOURCE or --samples' fit apply "$work/fit"
expect 0 written encode "$work/ae" --split train --what both -o "$work/wide.npy"
expect 0 'fit in' fit gmm --data "$work/wide.npy" --components 2 --test-fraction 0 -o "$work/other"
expect 1 'a fit of rows of 16 numbers; the model.s codes have 8' sample "$work/ae" --mixture "$work/other" -o "$work/x.npy"
expect 2 'temperature' sample "$work/vae" --mixture 4 --temperature 0.5 -o "$work/x.npy"
expect 0 written sample "$work/vae" -n 12 --columns 6 -o "$work/c.png"
expect 0 written sample "$work/ae" --mixture 3 --data "$data" -n 12 --columns 6 -o "$work/c.png"
expect 2 'there is no --mixture K' sample "$work/vae" --data "$data" -o "$work/x.npy"
expect 2 '1 to 65536 components' sample "$work/vae" --mixture 0 -o "$work/x.npy"
expect 1 'nothing' sample "$work/vae" --mixture "$work/nothing" -o "$work/x.npy"

finish
