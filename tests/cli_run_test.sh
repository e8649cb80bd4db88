#!/bin/sh
# The life of a run through the command: train, stop, resume, evaluate, and everything that a trained model is used for.
#   ELBO         the command
#   SOURCE_DIR   the root of the source tree
. "$(dirname "$0")/shell.sh"
glyphs='synth:glyphs?train=300&test=100'

expect_json() {
    "$ELBO" "$@" --json >out 2>err </dev/null || fail "elbo $* --json: failed: $(cat err)"
    [ "$(wc -l <out)" -eq 1 ] || fail "elbo $* --json: not one line"
    grep -Eq '^\{.*\}$' out || fail "elbo $* --json: not an object"
}

has() { grep -Eq -e "$1" out || fail "no /$1/ in: $(head -c 2000 out)"; }
number() { sed -n "s/.*\"$1\": \(-\{0,1\}[0-9.e+-]*\).*/\1/p" "${2:-out}" | tail -1; }
holds() { # holds EXPRESSION: an awk condition
    awk "BEGIN { exit !($1) }" || fail "not true: $1"
}
is_png() { [ "$(head -c 4 "$1" | tail -c 3)" = PNG ] || fail "$1 is no PNG"; }
differ() { ! cmp -s "$1" "$2" || fail "$1 and $2 are the same"; }
shape() { # shape FILE ROWS ITEM: of an array, as `elbo data` sees it
    "$ELBO" data "$1" --json --test-fraction 0 >out 2>err || fail "elbo data $1: $(cat err)"
    has "\"item_shape\": \[$3\]"
    has "\"all\": $2\}"
}
png_side() { od -An -tu1 -j"$2" -N4 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }'; }

# ---- Training ----

"$ELBO" help train vae >one
"$ELBO" train vae --help >two
same one two
"$ELBO" train --help >two
differ one two
grep -q '^      --latent=N ' one || fail "the help of a model lacks its own options"
! grep -q '^      --latent=N ' two || fail "the help of train has options of one model"
for topic in models optimisers schedules activations distributions formats generators operations; do
    expect 0 '^  [a-z0-9_:-]+ +[^ ]' list "$topic"
done

expect_json train vae --data "$glyphs" --hidden 20 --latent 2 --epochs 2 --threads 1 --out run
for key in epoch train_loss test_loss reconstruction kl seconds samples_per_second; do has "\"$key\": "; done
has '"epoch": 2,'
has '"folder": "run"'
for file in recipe.yaml run.json metrics.jsonl last.safetensors best.safetensors; do
    [ -s "run/$file" ] || fail "the run has no $file"
done
[ "$(wc -l <run/metrics.jsonl)" -eq 2 ] || fail 'metrics.jsonl has not two lines'

expect 2 '^elbo train: MODEL is missing' train
expect 2 "^elbo train: unknown MODEL 'vea' \(did you mean vae\?\)" train vea
expect 2 '^elbo train: unknown option --hiden \(did you mean --hidden\?\)' train vae --hiden 3
expect 2 "^elbo train: option epochs: '0' is out of bounds" train vae --epochs 0
expect 2 'holds a run already' train vae --out run
expect 2 'has its model already' train vae --resume run
expect 2 'has its folder already' train --resume run --out other
expect 2 'only --epochs may change, not --lr' train --resume run --lr 1
expect 2 'only --epochs may change, not --hidden' train --resume run --hidden 5
expect 2 "^elbo train: option epochs: 'many' is not a whole number" train --resume run --epochs many
expect 2 'a recipe names its model' train vae --recipe run/recipe.yaml
expect 1 'no-such-run' train --resume no-such-run
expect 1 'no-such-recipe' train --recipe no-such-recipe --out other
[ ! -e other ] || fail 'a refused command left a folder'

# Two epochs and one more are the same as three at once; a recipe makes the same run.
expect 0 '^run in run$' train --resume run --epochs 3 --threads 1
expect 0 '^epoch 3 of 3: ' train --recipe run/recipe.yaml --epochs 3 --threads 1 --out again
for line in 1 2 3; do
    sed -n "${line}p" run/metrics.jsonl >one
    sed -n "${line}p" again/metrics.jsonl >two
    [ "$(number test_loss one)" = "$(number test_loss two)" ] || fail "epoch $line of a resumed run differs"
done
expect 0 '^nothing left to train' train --resume run
expect 0 '^epoch 1/1  -ELBO [0-9.]+  reconstruction [0-9.]+  KL [0-9.]+  [0-9]+ samples/s  test [0-9.]+$' \
    train --recipe run/recipe.yaml --latent 3 --epochs 1 --out three --progress lines
mkdir elsewhere
(cd elsewhere && "$ELBO" train vae --data "$glyphs" --hidden 5 --epochs 1 >out 2>err) || fail "train without --out failed"
grep -q '^run in runs/vae-[0-9]*-[0-9]*$' elsewhere/out || fail "train without --out: $(cat elsewhere/out)"

# Ctrl-C: what is there is saved, and the run goes on.
"$ELBO" train vae --data "$glyphs" --hidden 20 --latent 2 --epochs 1000000 --out stopped >out 2>err </dev/null &
pid=$!
tries=0
while [ ! -s stopped/metrics.jsonl ] && [ "$tries" -lt 300 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -INT "$pid"
wait "$pid"
code=$?
[ "$code" -eq 130 ] || fail "an interrupted training gives exit code $code: $(cat err)"
grep -q 'everything is saved. To go on: elbo train --resume stopped$' err || fail "an interrupted training says: $(cat err)"
epoch=$(number epoch stopped/metrics.jsonl)
expect 0 "^epoch $((epoch + 2)) of $((epoch + 2)): " train --resume stopped --epochs $((epoch + 2))

# ---- Evaluation ----

expect_json eval run --samples 50
for key in elbo elbo_stderr nll nll_stderr nll_sampling_error ess_mean active_units latent kl_per_dim \
    mutual_information reconstruction kl samples count seconds warning; do
    has "\"$key\": "
done
has '"count": 100,'
has '"samples": 50,'
has '"kl_per_dim": \[[0-9.e-]+, [0-9.e-]+\]'
holds "$(number nll) <= -1 * $(number elbo) + 0.5"
holds "$(number ess_mean) >= 1 && $(number ess_mean) <= 50"
elbo=$(number elbo)
holds "(d = $elbo + $(number test_loss run/metrics.jsonl)) * d < 25"
expect_json eval run/last.safetensors
[ "$(number elbo)" = "$elbo" ] || fail 'the checkpoint alone gives another ELBO'
has '"nll": null'
expect_json eval run --split train -n 40
has '"count": 40,'
expect 0 '^  -ELBO +[0-9.]+ \+- [0-9.]+$' eval run
! grep -q ' $' out || fail 'the table of eval has blanks at the end of lines'
expect 1 'no-such-run' eval no-such-run
expect 1 'has no validation rows' eval run --split valid
expect 1 '\./elsewhere is no run' eval ./elsewhere

# ---- Samples ----

expect 0 '^7 samples written to s.npy$' sample run -n 7 -o s.npy
shape s.npy 7 '28, 28'
"$ELBO" sample run -n 7 -o - >pipe.npy || fail 'sample -o - failed'
same s.npy pipe.npy
"$ELBO" sample run -n 7 --seed 2 -o seed.npy >out
differ s.npy seed.npy
"$ELBO" sample run -n 7 --temperature 0 -o cold.csv >out
[ "$(sort -u cold.csv | wc -l)" -eq 1 ] || fail 'samples at temperature 0 differ'
"$ELBO" sample run -n 7 --draw -o drawn.csv >out
tr ',' '\n' <drawn.csv | sort -u | tr '\n' ' ' >values
[ "$(cat values)" = '0 255 ' ] || fail "draws are not black or white but $(head -c 200 values)"
expect_json sample run -n 6 --columns 3 --scale 1 -o s.png
has '"count": 6,'
has '"out": "s.png"'
is_png s.png
holds "$(png_side s.png 16) > 84 && $(png_side s.png 16) < 100 && $(png_side s.png 20) < 70"
expect 2 '^elbo sample: --out is missing: a file ending in .png, ' sample run
expect 2 '^elbo sample: --out x.gif: a file ending in ' sample run -o x.gif
expect 2 'both want standard output' sample run -o - --json
expect 1 'no-such-folder/s.png' sample run -o no-such-folder/s.png
expect 2 '^elbo sample: RUN is missing' sample -o s.png

# ---- Codes ----

expect 0 '^400 codes written to z.npy$' encode run -o z.npy
shape z.npy 400 2
"$ELBO" encode run --split test -n 10 -o test.npy >out && shape test.npy 10 2
"$ELBO" encode run --split test -n 10 --what both -o both.npy >out && shape both.npy 10 4
"$ELBO" encode run --split test -n 10 --what draw -o draw.npy >out && shape draw.npy 10 2
"$ELBO" encode run --split test -n 10 --what draw -o redraw.npy >out && same draw.npy redraw.npy
differ test.npy draw.npy
"$ELBO" encode run --split test -n 10 --what draw --draws 3 -o draws.npy >out && shape draws.npy 10 '3, 2'
"$ELBO" encode run --split test -n 10 --what draw --draws 3 --seed 2 -o other.npy >out && differ draws.npy other.npy
"$ELBO" encode run -o z.npz >out && shape 'z.npz#mean,labels' 400 2
has '"classes": \[\{'
shape 'z.npz#deviation,labels' 400 2
for file in *.tmp*; do [ ! -e "$file" ] || fail "$file is left"; done
expect 0 'codes written' encode run --split test -o latent.svg
[ "$(grep -o 'M[0-9]* [0-9]*h0' latent.svg | wc -l)" -eq 100 ] || fail 'latent.svg has not 100 points'
expect 0 'codes written' encode run --split test -n 10 --what draw --draws 7 -o draws.svg
[ "$(grep -o 'M[0-9]* [0-9]*h0' draws.svg | wc -l)" -eq 70 ] || fail 'draws.svg has not 70 points'
grep -q 'draws of q(z|x), 7 for each of 10 test rows' draws.svg || fail 'draws.svg does not say what it shows'
expect 2 '[-][-]draws needs --what draw' encode run -o z.npy --draws 3
expect 2 'the model.s dimensions are 0 to 1' encode run -o latent.svg --dims 0,2
expect 2 'a chart shows two dimensions' encode run -o latent.svg --dims 1
expect 2 'a chart shows means or draws' encode run -o latent.svg --what both
expect 1 'no-such-folder/z.npz' encode run -o no-such-folder/z.npz

"$ELBO" decode run test.npy -o x.npy >out
shape x.npy 10 '28, 28'
"$ELBO" reconstruct run -n 10 -o reconstruction.npy >out
same x.npy reconstruction.npy
"$ELBO" decode run 'z.npz#mean' -o x.png >out && is_png x.png
printf '0.5,1\n' >one.csv
"$ELBO" decode run one.csv -o one.npy >out && shape one.npy 1 '28, 28'
expect 1 's.npy holds an array of shape 7x28x28; Nx2 was expected' decode run s.npy -o x.npy
printf '0.5,nan\n' >bad.csv
expect 1 'bad.csv' decode run bad.csv -o bad.npy
[ ! -e bad.npy ] || fail 'a refused decode left a file'

expect 0 '^10 test rows, each above its reconstruction, written to r.png$' reconstruct run -o r.png
is_png r.png
"$ELBO" reconstruct run -n 3 -o r.npz >out && shape 'r.npz#x' 3 '28, 28' && shape 'r.npz#reconstruction' 3 '28, 28'

# Data that say how to be read differently are read as they say.
"$ELBO" data convert "$glyphs" flat.csv --split test >out 2>err || fail "convert: $(cat err)"
"$ELBO" encode run --data flat.csv --labels label --split all -n 10 -o flat.npy >out 2>err || fail "encode: $(cat err)"
same flat.npy test.npy
expect 1 'has items of shape 2; the model reads 28x28' encode run --data z.npy -o x.npy
awk 'BEGIN { for (i = 0; i < 20; i++) { for (j = 1; j < 784; j++) printf "%g,", (i + j) % 5 / 4; print 0.25 } }' >unit.csv
expect 0 'warning: unit.csv has values from 0 to 1, .* 0 to 255: are the units the same' \
    encode run --data unit.csv -o x.npy
"$ELBO" encode run --data unit.csv -o x.npy --quiet >out 2>err
[ ! -s err ] || fail "--quiet lets through: $(cat err)"

# ---- Walks ----

"$ELBO" interpolate run --from 0,1 --to 1,2 -n 2 -o way.npy >out && shape way.npy 4 '28, 28'
"$ELBO" reconstruct run -n 3 -o three.npy >out
tail -c $((2 * 784 * 4)) three.npy >one
tail -c $((2 * 784 * 4)) way.npy >two
same one two
"$ELBO" interpolate run --from 0 --to 5 -n 7 -o sphere.npy >out
"$ELBO" interpolate run --from 0 --to 5 -n 7 --path linear -o line.npy >out
differ sphere.npy line.npy
expect 0 '^5 strips of 11 steps written to strips.png$' interpolate run -o strips.png
is_png strips.png
expect 2 'from names 1 rows and --to 0' interpolate run --from 1 -o strips.png
expect 2 'row 100 of the test split, which has 100' interpolate run --from 100 --to 0 -o strips.png

"$ELBO" traverse run --range 0 -n 2 --dims 1 -o origin.npy >out && shape origin.npy 2 '28, 28'
"$ELBO" manifold run -n 1 -o middle.npy >out && shape middle.npy 1 '28, 28'
tail -c 3136 origin.npy >one
tail -c 3136 middle.npy >two
same one two
"$ELBO" traverse run --row 3 -o t.npy >out && shape t.npy 22 '28, 28'
expect 0 '^2 dimensions in 5 steps written to t.png$' traverse run -n 5 -o t.png
is_png t.png
expect 2 'the model.s dimensions are 0 to 1' traverse run --dims 2 -o t.png
expect 2 'is there twice' traverse run --dims 1,1 -o t.png

# The corners of a 3 x 3 grid lie at the quantile of 5/6, 0.967421566; the first row has the largest z[1].
"$ELBO" manifold run -n 3 -o grid.npy >out && shape grid.npy 9 '28, 28'
printf -- '-0.967421566,0.967421566\n0,0.967421566\n0.967421566,0.967421566\n-0.967421566,0\n0,0\n0.967421566,0\n' >grid.csv
printf -- '-0.967421566,-0.967421566\n0,-0.967421566\n0.967421566,-0.967421566\n' >>grid.csv
"$ELBO" decode run grid.csv -o grid2.csv >out
"$ELBO" manifold run -n 3 -o grid1.csv >out
paste -d, grid1.csv grid2.csv | awk -F, '{ for (i = 1; i <= 784; i++) { d = $i - $(i + 784); if (d * d > 1e-4) bad = 1 } }
    END { exit bad || NR != 9 }' || fail 'the manifold is not the grid that it should be'
expect 0 '^a manifold of 4 x 4 written to m.png$' manifold run -n 4 --scale 2 -o m.png
[ "$(png_side m.png 16)" -eq 224 ] || fail "the manifold is $(png_side m.png 16) pixels wide"
"$ELBO" manifold three -n 4 --dims 0,2 -o plane.npy >out && shape plane.npy 16 '28, 28'
expect 2 'two dimensions were expected' manifold three --dims 0,1,2 -o m.png

# ---- Info and report ----

expect 0 '^parameters  +[0-9]+$' info run
has 'encoder.*784x20'
has '^  \* latent +2$'
has '^    test_loss +[0-9.]+$'
expect_json info run
has '"hidden": \[20\]'
has '"options": \{.*"latent": 2,'
has '"metrics": \{"epoch": 3,'
expect_json info run/last.safetensors
has '"latent": 2,'

expect 0 '^a report written to run/index.html$' report run --samples 20
for file in samples.png reconstructions.png manifold.png latent.svg curves.svg kl.svg index.html; do
    [ -s "run/$file" ] || fail "the report has no $file"
done
[ "$(grep -o 'data:image\|<svg' run/index.html | wc -l)" -ge 6 ] || fail 'the page has fewer than six pictures'
for word in 'NLL' 'Active dimensions' 'synth:glyphs?train=300&amp;test=100'; do
    grep -q "$word" run/index.html || fail "the page does not say $word"
done
expect_json report three -o made/page.html
has '"pictures": \["made/samples.png", .*"made/traversal.png"'
expect 2 'needs a file name' report run -o -
expect 2 '--out is missing' report run/last.safetensors

# ---- Data that are no images ----

awk 'BEGIN { print "width,height,depth,kind"
    for (i = 0; i < 60; i++) print i / 2 "," 3 * i % 17 "," i % 7 / 3 "," (i % 2 ? "ash" : "oak") }' >trees.csv
expect 0 '^run in trees$' train vae --data trees.csv --labels kind --likelihood gaussian --normalize standard \
    --hidden 8 --latent 2 --epochs 2 --out trees
expect 1 'items of shape 3 are no images' sample trees -o trees.png
[ ! -e trees.png ] || fail 'a refused picture left a file'
"$ELBO" sample trees -n 9 -o trees.npy >out && shape trees.npy 9 3
expect 0 'test rows of trees.csv' eval trees
expect_json report trees
has '"pictures": \["trees/latent.svg", "trees/curves.svg", "trees/kl.svg"\]'

# ---- A loss without a reconstruction ----

expect 0 '^run in centres$' train dec --data "$glyphs" --hidden 8 --latent 2 --components 3 --pretrain-epochs 1 --epochs 1 \
    --out centres
sed -n 1p centres/metrics.jsonl | grep -Eq '"reconstruction": [0-9]' || fail "phase 1: $(sed -n 1p centres/metrics.jsonl)"
sed -n 2p centres/metrics.jsonl | grep -Eq '"reconstruction": null' || fail "phase 2: $(sed -n 2p centres/metrics.jsonl)"

finish
