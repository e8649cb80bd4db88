# elbo gradvar: text, JSON, charts, exit codes. Run by ctest with $ELBO.
set -eu
folder=$(mktemp -d ./gradvar.XXXXXX)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() { echo "FAIL: $*" >&2; exit 1; }
# refused CODE PATTERN ARGUMENTS...: the exit code and a part of the message
refused() {
    wanted=$1 pattern=$2; shift 2
    code=0
    "$ELBO" gradvar "$@" > out 2> err || code=$?
    [ "$code" = "$wanted" ] || fail "gradvar $*: exit code $code, not $wanted: $(cat err)"
    grep -q -e "$pattern" err || fail "gradvar $*: \"$pattern\" is not in: $(cat err)"
}

"$ELBO" train vae --data 'synth:glyphs?train=200&test=50' --hidden 16 --latent 3 --epochs 1 --quiet --threads 1 --out run > /dev/null

# the textbook case
"$ELBO" gradvar --toy 2 --repeats 20000 > out
grep -q 'reparameterised .* 4.0000 .* 4.000$' out || fail "toy: $(cat out)"
grep -q 'score function .* 4.0000 .* 87.000$' out || fail "toy: $(cat out)"
"$ELBO" gradvar --toy 2 --json | grep -q '"exact_variance": *87' || fail 'toy as JSON'
refused 2 'stands alone' run --toy 2
refused 2 'rows does not go' --toy 2 --rows 3
refused 2 'RUN or --toy'

# a model
"$ELBO" gradvar run --estimators b:1,reinforce/mean:1 -n 20 --rows 10 --threads 1 > out
grep -q '^encoder: ' out || fail "no encoder: $(cat out)"
grep -q '^decoder: ' out || fail "no decoder: $(cat out)"
grep -q 'reinforce/mean:1: not trained with the model' out || fail "no note: $(cat out)"
"$ELBO" gradvar run --estimators b:1,stl:2 -n 20 --rows 10 --threads 1 -o figures --json > out
grep -q '"name": *"stl:2"' out || fail "JSON: $(cat out)"
for file in variance.svg snr.svg gradvar.json; do [ -s figures/$file ] || fail "no $file"; done
grep -q 'stl:2' figures/variance.svg || fail 'the chart does not name stl:2'
"$ELBO" gradvar run --estimators iwae,dreg --draws-list 1,3 -n 5 --rows 4 --threads 1 -o sweep.svg > out
grep -q 'iwae, encoder' sweep.svg || fail 'no line for iwae'
grep -q 'dreg:3' out || fail "no dreg:3: $(cat out)"
[ "$("$ELBO" gradvar run --estimators b:1 -n 9 --rows 4 --threads 1 --json | sed 's/"seconds": *[^,]*//')" = \
  "$("$ELBO" gradvar run --estimators b:1 -n 9 --rows 4 --threads 1 --json | sed 's/"seconds": *[^,]*//')" ] ||
    fail 'two calls differ'

# refusals
refused 2 'unknown estimator "elbow"' run --estimators elbow
refused 2 'draws 2 or more' run --estimators vimco:1
refused 1 'no such run' nowhere
"$ELBO" train vae --data 'synth:glyphs?train=200&test=50' --hidden 16 --latent 3 --epochs 1 --quiet --threads 1 \
    --prior bernoulli --posterior bernoulli --estimator vimco --draws 2 --out bits > /dev/null
refused 2 'not reparameterised' bits --estimators b:1
"$ELBO" gradvar bits -n 5 --rows 4 --threads 1 > out
grep -q 'vimco:10' out || fail "bits: $(cat out)"
"$ELBO" list estimators | grep -q '^  dreg ' || fail 'list estimators'
