#!/bin/sh
# Trainings towards known figures: MNIST's first epochs against PyTorch's (where MNIST is at hand, in $MNIST or
# ../shared/data/mnist), and the generated digits towards what this network reached when the test was written.
# Run by ctest -L long, or: SOURCE_DIR=. ELBO=build/elbo sh tests/long_results_test.sh
set -eu
elbo=${ELBO:?names the built command}
source=${SOURCE_DIR:?names the source tree}
work=$(mktemp -d "${TMPDIR:-/tmp}/elbo-long.XXXXXX")
trap 'rm -rf "$work"' EXIT

# value FILE NAME: of every line of a metrics file, one a line
value() { sed -n 's/.*"'"$2"'": *\([-+0-9.eE]*\).*/\1/p' "$1"; }
near() { # WHAT VALUE WANTED TOLERANCE
    awk -v v="$2" -v w="$3" -v t="$4" 'BEGIN { exit !(v - w <= t && w - v <= t) }' ||
        { echo "$1 is $2; $3 +- $4 was expected" >&2; exit 1; }
    echo "$1: $2, expected $3 +- $4"
}

mnist=${MNIST:-$source/../shared/data/mnist}
if [ -e "$mnist/train-images-idx3-ubyte.gz" ]; then
    "$elbo" train vae --data "$mnist" --hidden 500 --latent 20 --activation tanh --binarize dynamic --optimizer adam \
        --lr 1e-3 --batch 100 --epochs 3 --seed 1 --threads 2 --out "$work/mnist" --quiet
    set -- $(value "$work/mnist/metrics.jsonl" train_loss)
    # PyTorch 1.13 printed these; seeds move them by about 0.5
    near 'MNIST, epoch 1' "$1" 150.9 1.5
    near 'MNIST, epoch 2' "$2" 121.2 1.5
    near 'MNIST, epoch 3' "$3" 116.2 1.5
else
    echo "no MNIST in $mnist: its epochs are not checked"
fi

"$elbo" train vae --data synth:glyphs --latent 10 --epochs 20 --seed 1 --out "$work/glyphs" --quiet
near 'generated digits, held out -ELBO' "$(value "$work/glyphs/metrics.jsonl" test_loss | tail -n 1)" 109.7 1.5
