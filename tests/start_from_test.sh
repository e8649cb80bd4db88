#!/bin/sh
# Training that begins with the parameters of another run.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"
data='synth:glyphs?train=300&test=100'
small="--hidden 10 --latent 2 --threads 1"

# What training changes is left out: a rate of 0 shows where it began.
figures() { "$ELBO" eval "$1" --threads 1 --json 2>err | sed 's/"\(seconds\|epoch\)": [^,]*//g'; }

# shellcheck disable=SC2086
expect 0 '^run in first$' train vae --data "$data" $small --epochs 3 -o first
# shellcheck disable=SC2086
expect 0 '^run in still$' train vae --data "$data" $small --seed 9 --lr 0 --epochs 1 --start-from first/last.safetensors \
    -o still
figures first/last.safetensors >one
figures still >two
grep -q '"elbo": -[0-9]' one || fail "no figures: $(cat err)"
same one two
# shellcheck disable=SC2086
expect 0 '^run in anew$' train vae --data "$data" $small --seed 9 --lr 0 --epochs 1 -o anew
figures anew >two
! cmp -s one two || fail 'a run that begins anew has the same figures'
grep -Eq '^  start-from: first/last.safetensors' still/recipe.yaml || fail "recipe.yaml: $(grep start still/recipe.yaml)"

# A folder means what it means elsewhere: the best epoch. Other options may differ: data, rate, estimator, batch.
# shellcheck disable=SC2086
expect 0 '^run in on$' train vae --data 'synth:glyphs?train=200&test=50' $small --batch 50 --estimator iwae --draws 3 \
    --lr 1e-4 --epochs 2 --start-from first -o on
cp -r first odd
cp anew/last.safetensors odd
# shellcheck disable=SC2086
expect 0 '^run in best$' train vae --data "$data" $small --lr 0 --epochs 1 --start-from odd -o best
figures first/best.safetensors >one
figures best >two
same one two

# Going on needs the origin no more, and never goes back to it.
# shellcheck disable=SC2086
expect 0 '^run in whole$' train vae --data "$data" $small --epochs 4 --start-from first -o whole
# shellcheck disable=SC2086
expect 0 '^run in part$' train vae --data "$data" $small --epochs 2 --start-from first -o part
mv first gone
expect 0 '^run in part$' train --resume part --epochs 4 --threads 1
figures whole >one
figures part >two
same one two
mv gone first

# What does not fit is refused, and leaves nothing behind.
expect 1 'tensor "encoder.dense1.weight" has shape \[784,10\]; \[784,11\] was expected' \
    train vae --data "$data" --hidden 11 --latent 2 --start-from first -o other
expect 1 'first/best.safetensors: no tensor "' train iwae --data "$data" --start-from first -o other
expect 1 'nowhere: no such run folder or checkpoint' train vae --data "$data" --start-from nowhere -o other
expect 1 'is no run: it has neither' train vae --data "$data" --start-from . -o other
for option in '--init normal' '--init-scale 2'; do
    # shellcheck disable=SC2086
    expect 2 "^elbo train: ${option% *} has no effect here: .*--start-from" \
        train vae --data "$data" $small $option --start-from first -o other
done
expect 2 '^elbo train: --output-bias has no effect here' \
    train iwae --data "$data" --output-bias zero --start-from first -o other
[ ! -e other ] || fail 'what was refused left a folder'
finish
