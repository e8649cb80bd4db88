#!/bin/sh
# Runs of several seeds, what they reach together, and data whose splits are pooled.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"
glyphs='synth:glyphs?train=300&test=100'

has() { grep -Eq -e "$1" "$2" || fail "no /$1/ in $2: $(head -c 1500 "$2")"; }
number() { sed -n "s/.*\"$1\": \(-\{0,1\}[0-9.e+-]*\).*/\1/p" "$2" | tail -1; }
figures() { sed 's/"\(seconds\|samples_per_second\)": [0-9.e+-]*//g' "$1"; }

# ---- Seeds ----

small="--hidden 10 --latent 2 --epochs 2 --threads 1"
# shellcheck disable=SC2086
expect 0 '^3 of 3 seeds complete' train vae --data "$glyphs" $small --seed 5 --seeds 3 --out three
has '^runs in three/seed\*, figures in three/seeds.json$' out
for seed in 5 6 7; do
    has "^ +seed: $seed" "three/seed$seed/recipe.yaml"
    [ "$(wc -l <three/seed$seed/metrics.jsonl)" -eq 2 ] || fail "seed $seed has not two epochs"
done

# Each is the run that it would be alone, whatever runs beside it.
# shellcheck disable=SC2086
expect 0 '^run in alone$' train vae --data "$glyphs" $small --seed 6 --out alone
expect 0 '^3 of 3 seeds complete' train --recipe three/recipe.yaml --threads 3 --seeds 3 --jobs 3 --out beside
for other in alone beside/seed6; do
    figures $other/metrics.jsonl >one
    figures three/seed6/metrics.jsonl >two
    same one two
done

# The summary, worked out by hand from the last lines.
summary=$(for seed in 5 6 7; do tail -1 three/seed$seed/metrics.jsonl; done | sed 's/.*"test_loss": \([0-9.]*\).*/\1/' |
    sort -n | awk '{ x[NR] = $1; s += $1 } END { m = s / 3; for (i = 1; i <= 3; i++) q += (x[i] - m) ^ 2
        printf "%.3f +%.3f +%.3f$", m, sqrt(q / 2), x[2] }')
"$ELBO" train --resume three >out 2>err || fail "a complete folder of seeds: $(cat err)"
has "^  test_loss +$summary" out
for file in three/seeds.json; do
    grep -q '"complete": false' $file && fail "$file: not complete"
    has '"sd": [0-9.]+' $file
    has '"median": [0-9.]+' $file
done

expect 2 'three is there already: --seeds makes a new folder \(--resume three goes on' train vae --seeds 2 --out three
expect 2 'alone is there already: --seeds makes a new folder$' train vae --seeds 2 --out alone
expect 2 'has its seeds already' train --resume three --seeds 4
expect 2 '^elbo train: --jobs needs --seeds N' train vae --jobs 2 --out other
expect 2 '^elbo train: run 1 of 3, seed1: --channels has no effect here' train vae --channels 4 --seeds 3 --out other
[ "$(grep -c channels err)" -eq 1 ] || fail "every seed is refused: $(cat err)"
expect 1 'seed1: .*no-such-file' train vae --data no-such-file.npy --seeds 2 --out other
[ ! -e other ] || fail 'what was refused left a folder'

# More epochs, and a run that is lost: the rest goes on to the same numbers.
rm -r beside/seed7
expect 0 '^3 of 3 seeds complete' train --resume beside --epochs 3 --threads 1
expect 0 '^3 of 3 seeds complete' train --resume three --epochs 3
for seed in 5 6 7; do
    figures beside/seed$seed/metrics.jsonl >one
    figures three/seed$seed/metrics.jsonl >two
    same one two
done

# Ctrl-C, and a kill.
begin() { # begin WORDS...: until the second seed has an epoch
    "$ELBO" train "$@" >out 2>err </dev/null &
    pid=$!
    tries=0
    while [ ! -s stopped/seed2/metrics.jsonl ] && [ "$tries" -lt 300 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}
begin vae --data "$glyphs" --hidden 10 --latent 2 --epochs 1000000 --seeds 3 --jobs 2 --out stopped
kill -INT "$pid"
wait "$pid"
code=$?
[ "$code" -eq 130 ] || fail "Ctrl-C gives exit code $code: $(cat err)"
has 'stopped with 0 of 3 runs complete; everything is saved. To go on: elbo train --resume stopped$' err
[ ! -e stopped/seed3 ] || fail 'a third run began'
begin --resume stopped
kill -KILL "$pid"
wait "$pid" 2>/dev/null
most=$(cat stopped/seed*/metrics.jsonl | sed 's/.*"epoch": \([0-9]*\).*/\1/' | sort -n | tail -1)
expect 0 '^3 of 3 seeds complete' train --resume stopped --epochs $((most + 1))

# ---- Evaluation of all of them ----

expect 0 '^  elbo +-[0-9.]+ +[0-9.]+ +-[0-9.]+$' eval three
"$ELBO" eval three --json >out 2>err || fail "eval three --json: $(cat err)"
sed 's/.*"summary"/"summary"/; s/.*"elbo": {"mean": \(-[0-9.]*\).*/\1/' out >mean
for seed in 5 6 7; do
    "$ELBO" eval three/seed$seed --json >one 2>err || fail "eval three/seed$seed: $(cat err)"
    number elbo one
done >each
awk 'NR == FNR { mean = $1; next } { s += $1 } END { d = s / 3 - mean; exit !(d * d < 1e-12) }' mean each ||
    fail "the mean of $(cat each) is $(cat mean)"
expect 0 '^  is_nll +[0-9.]+ +[0-9.]+ +[0-9.]+$' eval three --nll is,prior -n 10
expect 2 'three holds runs of 3 seeds: name one of them, such as three/seed5' info three
expect 0 '^  accuracy +0\.[0-9]+ +[0-9.]+ +0\.[0-9]+$' cluster three --mixture 10 --restarts 1
expect 2 'one file for the runs of several seeds' cluster three --mixture 10 -o clusters.npy
expect 2 'one file for the runs of several seeds' eval three --nll is --per-datum rows.npy
rm -r three/seed6
expect 1 '^elbo eval: three/seed6: ' eval three
echo '{' >three/seeds.json
expect 1 'three/seeds.json:[0-9]+: damaged' eval three
expect 1 'three/seeds.json:[0-9]+: damaged' train --resume three

"$ELBO" train nvdm --data 'synth:topics?documents=100&test=20&vocabulary=50' --epochs 1 --hidden 10 --latent 3 \
    --seeds 2 --out topics >out 2>err || fail "nvdm: $(cat err)"
expect 0 '^  npmi +-?[0-9.]+ +[0-9.]+ +-?[0-9.]+$' topics topics --coherence data
expect 2 'of several seeds there is --coherence SOURCE alone' topics topics

# ---- Pooled splits ----

expect 0 'train 400, valid 0, test 0' data "$glyphs" --pool --no-preview
"$ELBO" data convert "$glyphs" idx:digits >out 2>err || fail "convert: $(cat err)"
"$ELBO" data convert "$glyphs" rows.npy --split train >out 2>err || fail "convert: $(cat err)"
expect 0 'train 300, valid 0, test 100' data digits --no-preview
expect 0 'train 400, valid 0, test 0' data digits --pool --no-preview
expect 2 '--pool makes every row a training row: --test-count does not go with it' \
    data rows.npy --pool --test-count 3
expect 2 '--pool makes every row a training row: --valid-fraction' train vae --data digits --pool --valid-fraction 0.5
expect 2 '^elbo train: --evaluate-every has no effect here: it needs held-out rows, and --pool' \
    train vae --data digits --pool --evaluate-every 3 --out pooled
expect 2 '^elbo train: --early-stop needs held-out rows' train vae --data digits --pool --early-stop 3 --out pooled
expect 2 '^elbo train: --early-stop needs held-out rows, and rows.npy has none' \
    train vae --data rows.npy --test-fraction 0 --early-stop 3 --out pooled
[ ! -e pooled ] || fail 'what was refused left a folder'
# shellcheck disable=SC2086
expect 0 'nothing is held out' train vae --data digits --pool --hidden 10 --latent 2 --epochs 1 --threads 1 --out pooled
has '^  pool: true' pooled/recipe.yaml
has '"test_loss": null' pooled/metrics.jsonl
[ ! -e pooled/best.safetensors ] || fail 'a run without held-out rows has a best epoch'
expect 0 'nothing is held out' train --resume pooled --epochs 2
has '"epoch": 2, "step": 8,' pooled/metrics.jsonl
expect 1 'no test rows: with --pool all 400 are training rows. --split all takes them, and --no-pool' eval pooled
expect 0 'epoch 2: 400 data rows' eval pooled --split all
expect 0 'epoch 2: 100 test rows' eval pooled --no-pool
expect 0 'written to codes.npy' encode pooled --split all -o codes.npy

finish
