#!/bin/sh
# The conditional VAE as a command: trainings that resume to the same bits, samples of classes, completions, and what is
# refused.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"

# expect CODE PATTERN WORDS...
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" --threads 1 >out 2>err </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(cat err)"
    tr '\n' ' ' <err >line
    cat out line | grep -Eq -e "$pattern" || fail "elbo $*: no line like /$pattern/ in: $(cat out err)"
}
differ() { cmp -s "$1" "$2" && fail "$1 and $2 are the same"; }
size_of() { od -An -tu1 -j16 -N8 "$1" | awk '{ print $3 * 256 + $4 "x" $7 * 256 + $8 }'; } # a PNG's header

data="synth:glyphs?train=300&test=40"
small="--hidden 32 --latent 4 --activation relu --batch 50 --lr 0.003"

# four epochs at once, or two and two: the same model
for kind in labels "quadrants --conditional-prior --quadrants 2" "quadrants --baseline"; do
    case $kind in *baseline) size="--hidden 32 --batch 50" ;; *) size=$small ;; esac
    rm -rf whole half
    # shellcheck disable=SC2086
    expect 0 'run in whole' train cvae --data "$data" --condition $kind $size --epochs 4 -o whole
    # shellcheck disable=SC2086
    expect 0 'run in half' train cvae --data "$data" --condition $kind $size --epochs 2 -o half
    expect 0 'run in half' train --resume half --epochs 4
    for run in whole half; do
        expect 0 '"elbo"' eval "$run/last.safetensors" --samples 5 --json
        sed 's/"seconds": [^,]*//' out >"$run.json"
        expect 0 'codes' encode "$run/last.safetensors" -o "$run.npy"
    done
    same whole.json half.json
    same whole.npy half.npy
done

# shellcheck disable=SC2086
expect 0 'run in labels' train cvae --data "$data" $small --epochs 8 --early-stop 2 -o labels
# shellcheck disable=SC2086
expect 0 'run in parts' train cvae --data "$data" --condition quadrants $small --conditional-prior --epochs 3 -o parts
expect 0 'condition +label, 10 classes: 0, 1, 2' info labels
expect 0 'condition +a part of the item' info parts

# samples of classes: by the seed alone, a row each
expect 0 '50 samples' sample labels --label all -n 5 --seed 3 --scale 1 -o all.png
expect 0 '50 samples' sample labels --label all -n 5 --seed 3 --scale 1 -o again.png
expect 0 '50 samples' sample labels --label all -n 5 --seed 4 --scale 1 -o other.png
same all.png again.png
differ all.png other.png
[ "$(size_of all.png)" = "152x302" ] || fail "all.png has $(size_of all.png) pixels: 5 images and 10 rows, 2 pixels apart, were expected"
expect 0 '6 samples' sample labels --label 3 -n 6 -o three.npy
expect 0 '6 samples' sample labels --label 3 -n 6 -o three2.npy
expect 0 '6 samples' sample labels --label 4 -n 6 -o four.npy
same three.npy three2.npy
differ three.npy four.npy

# completions: what is seen stays as it is
expect 0 '12 completions' sample parts --complete 3 -n 4 -o c.png
expect 0 '12 completions' sample parts --complete 3 -n 4 -o c.npy
expect 0 '12 completions' sample parts --complete 3 -n 4 -o c2.npy
same c.npy c2.npy
expect 0 '3 test rows' reconstruct parts -n 3 -o r.npz
expect 0 'written' reconstruct labels -o r.png
for command in "traverse labels --label 2" "traverse parts --row 1" "traverse labels --row 1" "interpolate labels" \
    "interpolate parts" "manifold labels --label 5 -n 4" "denoise parts -n 4" "denoise labels -n 4"; do
    # shellcheck disable=SC2086
    expect 0 'written' $command -o made.png
done
expect 0 'codes' encode labels -o z.npz
expect 0 'written' decode labels 'z.npz#mean' --label 1 -o d.npy
expect 0 'is +[0-9]' eval parts --nll prior,is --samples 20 --count 20
expect 0 'amortisation' eval labels --gap --count 4 --gap-steps 20 --samples 20
expect 0 'encoder' gradvar labels --rows 8 --repeats 4 --estimators b,stl
expect 0 'report written' report labels
expect 0 'report written' report parts

# refusals
expect 1 'conditioned on labels .*none is given' sample labels -o x.png
expect 1 'conditioned on a part of the item, and none is given' sample parts -o x.png
expect 2 'label 10; the model knows 10 classes' sample labels --label 10 -o x.png
expect 2 'all, or a class' sample labels --label one -o x.png
expect 1 'not conditioned on labels' sample parts --label 1 -o x.png
expect 1 'not conditioned on a part' sample labels --complete 2 -o x.png
expect 2 'do not go with' sample parts --complete 2 --label 1 -o x.png
expect 2 'needs --complete' sample labels --label 1 --split train -o x.png
expect 1 'only given data bring' eval labels --nll prior --simulated
"$ELBO" data convert "$data" bare.npy --split test >/dev/null 2>&1 || fail "no bare.npy"
expect 1 'has no labels' eval labels --data bare.npy --split all
expect 1 'has no labels' encode labels --data bare.npy --split all -o z.npy
expect 0 'ELBO' eval parts --data bare.npy --split all
expect 2 'no labels' train cvae --data bare.npy --epochs 1 -o x
expect 2 'no effect' train cvae --data "$data" --quadrants 2 --epochs 1 -o x
[ -e x ] && fail "a refused training left a folder"

# one row, one class
expect 0 'run in one' train cvae --data "$data" --limit 1 --epochs 1 -o one
expect 0 'ELBO' eval one --split train

finish
