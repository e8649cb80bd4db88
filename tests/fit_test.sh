#!/bin/sh
# elbo fit: what it refuses, what it writes, that the bound never falls in what it wrote, and that the number of threads
# changes nothing.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"

# expect CODE PATTERN WORDS...: a line of the output matches the extended regular expression.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" fit "$@" >"$work/out" 2>&1 </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo fit $*: exit code $code, expected $wanted: $(cat "$work/out")"
    grep -Eq -e "$pattern" "$work/out" || fail "elbo fit $*: no line like /$pattern/ in: $(cat "$work/out")"
}

# ---- Refused ----

expect 2 'METHOD is missing'
expect 2 "unknown METHOD 'gmmm'" gmmm
expect 2 'option --latent: gmm has no use for it' gmm --latent 10
expect 2 'option --prior-scale: gmm has no use for it' gmm --prior-scale 1
expect 2 'option --components: fa has no use for it' fa --components 10
expect 2 'covariance.*none of diagonal, full, spherical' gmm --covariance round
expect 2 'a file ending in .npy, .npz or .csv' gmm --codes z.png
expect 2 'there is no --codes to write' gmm --codes-split train
expect 1 'no-such-file' gmm --data "$work/no-such-file.csv"
expect 2 '3 latent dimensions for rows of 2 numbers' ppca --latent 3 --data 'synth:mixture?rows=20&test=5'
expect 2 '21 components for 20 rows' gmm --components 21 --data 'synth:mixture?rows=20&test=5'
expect 1 'cannot make the folder /dev/null: it is no folder' gmm --data 'synth:mixture?rows=20&test=5' -o /dev/null/file/below
printf '1,2\n3,nan\n5,6\n' >"$work/nan.csv"
expect 1 'nan|NaN' gmm --components 1 --data "$work/nan.csv" --test-fraction 0

# ---- Written ----

# The bound of a curve, E-step after M-step after E-step, never falls by more than rounding, and what EM's touches.
check_curve() {
    awk -v touches="$2" '
        function field(name) { match($0, "\"" name "\": [^,}]*"); return substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4) }
        { e = field("elbo_e") + 0; m = field("elbo_m") + 0; l = field("log_likelihood")
          room = 1e-9 * (1 + (e < 0 ? -e : e))
          if (m < e - room || (NR > 1 && e < last - room)) { print "falls at line " NR; bad = 1 }
          if (touches && (l - e > room || e - l > room)) { print "does not touch at line " NR; bad = 1 }
          if (!touches && l != "null") { print "has a likelihood at line " NR; bad = 1 }
          last = m }
        END { if (NR < 2) { print "has " NR " lines"; bad = 1 } exit bad }' "$1" || fail "$1"
}

small='synth:glyphs?train=300&test=50'
for method in gmm bgmm ppca fa; do
    case $method in
        *gmm) size='--components=4' tensor=means columns=4 ;;
        *) size='--latent=3' tensor=loadings columns=3 ;;
    esac
    touches=1
    [ $method != bgmm ] || touches=
    expect 0 "^fit in $work/deep/$method\$" $method "$size" --data "$small" -o "$work/deep/$method" --iterations 9 \
        --codes "$work/$method.csv" --threads 1
    for file in model.safetensors curve.jsonl curve.svg $tensor.png; do
        [ -s "$work/deep/$method/$file" ] || fail "elbo fit $method left no $file"
    done
    check_curve "$work/deep/$method/curve.jsonl" "$touches"
    [ "$(wc -l <"$work/$method.csv")" -eq 50 ] || fail "$method: not 50 rows of codes"
    awk -F , -v columns=$columns 'NF != columns { bad = 1 } END { exit bad }' "$work/$method.csv" ||
        fail "$method: not $columns codes for each row"
    expect 2 'holds a fit already' $method "$size" --data "$small" -o "$work/deep/$method"
    expect 0 "fit in" $method "$size" --data "$small" -o "$work/again$method" --iterations 9 --threads 3
    for run in deep/ again; do sed 's/, "seconds".*//' "$work/$run$method/curve.jsonl" >"$work/curve.${run%/}"; done
    cmp -s "$work/curve.deep" "$work/curve.again" || fail "$method: another number of threads gives other numbers"
done

# Responsibilities sum to 1.
awk -F , '{ sum = 0; for (i = 1; i <= NF; i++) sum += $i; if (sum < 0.99999 || sum > 1.00001) bad = 1 } END { exit bad }' \
    "$work/gmm.csv" || fail "responsibilities do not sum to 1"

# ---- JSON, a table, no test rows ----

"$ELBO" fit gmm --components 2 --data 'synth:mixture?rows=200&test=0' --test-fraction 0 --json >"$work/out" 2>&1 || fail "--json failed"
[ "$(wc -l <"$work/out")" -eq 1 ] || fail "--json: not one line: $(cat "$work/out")"
for part in '"method": "gmm"' '"train_rows": 200' '"test_log_likelihood": null' '"converged": (true|false)' '"out": null'; do
    grep -Eq -e "$part" "$work/out" || fail "--json has no $part: $(cat "$work/out")"
done
expect 0 'start [12] of 2' gmm --components 2 --restarts 2 --data 'synth:mixture?rows=200&test=20'
expect 0 'iteration 3' gmm --components 2 --data 'synth:mixture?rows=200&test=20' --progress lines

finish
