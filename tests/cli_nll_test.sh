#!/bin/sh
# Likelihoods compared through the command: elbo eval RUN --nll.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"

has() { grep -Eq -e "$1" out || fail "no /$1/ in: $(head -c 2000 out)"; }
shape() { # shape FILE ROWS ITEM: of an array, as `elbo data` sees it
    "$ELBO" data "$1" --json --test-fraction 0 >out 2>err || fail "elbo data $1: $(cat err)"
    has "\"item_shape\": \[$3\]"
    has "\"all\": $2\}"
}

"$ELBO" train vae --data 'synth:glyphs?train=200&test=40' --hidden 12 --latent 2 --epochs 2 --threads 1 --out run \
    >out 2>err || fail "training: $(cat err)"

few='-n 5 --samples 40 --chains 2 --burn-in 10 --temperatures 5 --leapfrog 3 --threads 1'
# shellcheck disable=SC2086
{
    expect 0 '^vae, epoch 2: 5 test rows of synth:glyphs' eval run --nll is,prior,hmc,ais $few
    for line in '-ELBO' is prior hmc ais 'ais reverse'; do has "^  $line +[0-9.]+  \+- +[0-9.]+"; done
    has 'lower bound, approximate$'
    ! grep -q ' $' out || fail 'the table has blanks at the end of lines'
    expect 0 'each row written to all.npz' eval run --nll is,prior,hmc,ais $few --per-datum all.npz
    for name in is prior hmc ais ais_reverse; do shape "all.npz#$name" 5 2; done
    expect 0 'each row written to some.csv' eval run --nll hmc,ais $few --per-datum some.csv
    [ "$(wc -l <some.csv)" -eq 5 ] || fail 'not a line for each row'
    [ "$(head -1 some.csv | tr ',' '\n' | wc -l)" -eq 6 ] || fail 'not two columns for hmc, ais and ais in reverse'
    "$ELBO" eval run --nll hmc,ais $few --threads 2 --per-datum two.csv >out 2>err || fail "two threads: $(cat err)"
    same some.csv two.csv
    "$ELBO" eval run --nll ais,is $few --json >out 2>err || fail "--json: $(cat err)"
    for key in nll nll_stderr nll_sampling_error reverse_nll reverse_stderr reverse_sampling_error ess_mean acceptance \
        r_hat seconds reverse_exact warning method methods elbo simulated count latent data split; do
        has "\"$key\": "
    done
    has '"method": "ais".*"method": "is"'
    [ "$(wc -l <out)" -eq 1 ] || fail '--json: not one line'
    expect 0 '^vae, epoch 2: 6 simulated rows, nats for each$' eval run --nll ais --simulated -n 6 --chains 2 \
        --temperatures 5 --threads 1
    has 'lower bound$'
    "$ELBO" eval run --nll is --simulated --threads 1 --json >out 2>err || fail "--simulated: $(cat err)"
    has '"count": 100,'
    has '"data": null, "split": null'
}

expect 2 "no method is called 'ias'" eval run --nll ias
expect 2 "no method is called ''" eval run --nll ''
expect 2 'option temperatures is one of ais' eval run --nll is,hmc --temperatures 5
expect 2 'option samples is one of prior, is and hmc' eval run --nll ais --samples 5
expect 2 '^elbo eval: --chains needs --nll METHODS' eval run --chains 5
expect 2 '^elbo eval: --burn-in needs --nll METHODS' eval run --samples 5 --burn-in 5
expect 2 '^elbo eval: --simulated needs --nll' eval run --simulated
expect 2 '^elbo eval: --per-datum needs --nll' eval run --per-datum x.npy
expect 2 '^elbo eval: --per-datum x.png: a file ending in .npy, .npz or .csv' eval run --nll is --per-datum x.png
expect 2 'active-threshold does not go with --nll' eval run --nll is --active-threshold 0.1
expect 2 'simulated draws its data: --data and --split' eval run --nll is --simulated --split train
expect 2 'simulated draws its data: --limit' eval run --nll is --simulated --limit 5
expect 1 'has no validation rows' eval run --nll is --split valid
expect 1 'cannot write .*no-such-folder' eval run --nll is -n 3 --per-datum no-such-folder/x.npy

finish
