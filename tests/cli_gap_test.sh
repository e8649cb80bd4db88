#!/bin/sh
# The gap through the command: elbo eval RUN --gap.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"

has() { grep -Eq -e "$1" out || fail "no /$1/ in: $(head -c 2000 out)"; }

for inference in sgvb bbvi; do
    "$ELBO" train vae --data 'synth:glyphs?train=60&test=12' --hidden 12 --latent 2 --epochs 2 --threads 1 \
        --inference "$inference" --out "$inference" >out 2>err || fail "training: $(cat err)"
done

few='--gap --gap-steps 20 --gap-draws 5 --samples 50 -n 5 --threads 1'
# shellcheck disable=SC2086
{
    expect 0 '^vae, epoch 2: 5 test rows of synth:glyphs' eval sgvb $few
    for line in 'log p\(x\)' 'ELBO, fitted' 'ELBO, encoder' 'approximation gap' 'amortisation gap' rise; do
        has "^  $line +-?[0-9.]+ +\+- [0-9.]+"
    done
    ! grep -q ' $' out || fail 'blanks at the end of lines'
    expect 0 '^    gained by the other ' eval sgvb $few --gap-posterior multivariate_normal
    has 'the best multivariate_normal for each row'
    expect 0 '^  ELBO, as evaluated ' eval bbvi $few
    "$ELBO" eval sgvb $few --gap-posterior laplace --json >out 2>err || fail "--json: $(cat err)"
    for key in elbo fitted_elbo other_elbo log_p amortisation_gap approximation_gap family_gap rise other_rise; do
        has "\"$key\": -?[0-9]"
        has "\"${key}_stderr\": [0-9]"
    done
    has '"encoder": true, "posterior": "normal", "other_posterior": "laplace"'
    has '"count": 5, "latent": 2, "samples": 50'
    has '"split": "test"'
    [ "$(wc -l <out)" -eq 1 ] || fail '--json: not one line'
    expect 2 'does not go with --gap' eval sgvb $few --nll is
    expect 2 'does not go with --gap' eval sgvb $few --active-threshold 0.1
    expect 2 'did you mean normal' eval sgvb $few --gap-posterior nrmal
    expect 2 'real numbers' eval sgvb $few --gap-posterior bernoulli
    expect 1 'row [0-9]+: .*--gap-rate' eval sgvb $few --gap-rate 1000 --gap-steps 200
}
expect 2 '--gap-steps needs --gap' eval sgvb --gap-steps 100

finish
