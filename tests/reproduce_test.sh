#!/bin/sh
# `elbo reproduce`: a small experiment is run, killed, resumed and drawn; wrong files are refused with their line.
#   ELBO         the command
#   SOURCE_DIR   the root of the source tree
: "${SOURCE_DIR:?the root of the source tree}"
. "$(dirname "$0")/shell.sh"

has() { grep -Eq -e "$1" "$2" || fail "no /$1/ in $2: $(head -c 1500 "$2")"; }
lines() { wc -l <"$1" | tr -d ' '; }

cat >tiny.yaml <<'YAML'
name: tiny
title: Two estimators on generated digits
paper: Nobody, table 1
shows: >
  Which of two falls faster.

  In two paragraphs.
differs: Everything.
options: {data: "synth:glyphs?train=200&test=50", hidden: 20, latent: 2, epochs: 6, batch: 50}
panels:
  - name: two
    title: Two dimensions
    options: &small {estimator: b}
  - name: five
    options: {<<: *small, latent: 5}
    y-limits: [-600, 0]
series:
  - name: plain
    title: Analytic KL
  - name: other
    panels: [two]
    options:
      estimator: a
      hidden: [20, 10]
stages:
  unit: samples
  at: [200, 600]
measure:
  - name: test
    kind: evaluation
    when: stages
    options: {samples: 10, count: 30}
    quick: {count: 20}
  - name: best
    kind: evaluation
    checkpoint: best
charts:
  - name: bound
    x: samples
    x-log: true
    lines: {train_elbo: train, test_elbo: test}
  - name: likelihood
    x: epochs
    lines: {test.log_likelihood: test}
table:
  columns: {test_elbo: test ELBO, test.log_likelihood: log p(x), best.count: rows}
  paper:
    two-plain: "-200 +- 3"
    five-plain/test.log_likelihood: about -1
quick:
  options: {epochs: 2}
  seeds: 2
YAML

# ---- From nothing to a page ----

expect 0 '^two-other +to do +6 epochs of 200 rows$' reproduce ./tiny.yaml -o one --dry-run
[ ! -e one ] || fail '--dry-run leaves a folder'

expect 0 '^\| Two dimensions +\| Analytic KL +\| -[0-9.]+ +\| -200 \+- 3 \| [+-][0-9.]+, (within|outside) ' \
    reproduce ./tiny.yaml -o one --jobs 2
has 'run 3 of 3, five-plain: complete' err
for file in bound-two.svg bound-five.svg likelihood-two.svg likelihood-five.svg results.json table.md report.html; do
    [ -s "one/$file" ] || fail "the experiment left no $file"
done
for run in two-plain two-other five-plain; do
    [ "$(lines "one/runs/$run/metrics.jsonl")" -eq 6 ] || fail "$run has not six epochs"
    # stages at 200 / 200 = 1, 600 / 200 = 3 epochs and the end; best at the end alone
    grep -o '"epoch": [0-9]*' "one/runs/$run/reproduce.json" | tr '\n' ' ' >epochs
    [ "$(cat epochs)" = '"epoch": 1 "epoch": 3 "epoch": 6 "epoch": 6 ' ] || fail "$run was measured at $(cat epochs)"
done
[ "$(grep -c 'data:image\|<svg' one/report.html)" -ge 4 ] || fail 'the page has fewer than four charts'
for word in 'Which of two falls faster' 'Nobody, table 1' 'elbo reproduce ./tiny.yaml --out one --jobs 2' 'Everything'; do
    has "$word" one/report.html
    has "$word" one/table.md
done
# One circle for each epoch, series and line (2 x 2 x 6; 2 x 3 of the measured ones); a title says the x: rows seen.
[ "$(grep -o '<circle' one/bound-two.svg | wc -l)" -eq 24 ] || fail 'bound-two.svg has not 24 points'
[ "$(grep -o '<circle' one/likelihood-two.svg | wc -l)" -eq 6 ] || fail 'likelihood-two.svg has not 6 points'
has '^1200.00: ' one/bound-two.svg
has '^6.00000: ' one/likelihood-two.svg

# The numbers are those of the commands that one would type.
value() { sed -n "s/.*\"$1\": \(-\{0,1\}[0-9.]*\).*/\1/p" "$2" | tail -1; }
"$ELBO" eval one/runs/two-other --checkpoint last --samples 10 -n 30 --json >eval.json 2>err || fail "eval: $(cat err)"
nll=$(value nll eval.json)
grep -q "\"nll\": $(printf %.9s "$nll")" one/runs/two-other/reproduce.json || fail "eval says $nll, reproduce something else"
test_loss=$(value test_loss one/runs/two-plain/metrics.jsonl)
has "\| -$(printf %.2f "$test_loss") +\|" one/table.md

# ---- The same again costs nothing ----

expect 0 '^five-plain +trained +6 epochs of 200 rows$' reproduce ./tiny.yaml -o one --dry-run
cp one/runs/two-plain/last.safetensors before
expect 0 '^report in one/report.html$' reproduce ./tiny.yaml -o one
! grep -q complete err || fail "a finished experiment is repeated: $(cat err)"
same before one/runs/two-plain/last.safetensors
"$ELBO" reproduce ./tiny.yaml -o one --json >out 2>err || fail "--json: $(cat err)"
[ "$(lines out)" -eq 1 ] || fail '--json: not one line'
has '^\{"experiment": "tiny".*"complete": true.*"paper": "-200 \+- 3".*"report": "one/report.html"\}$' out

# ---- Stopped and resumed: the same numbers ----

sed 's/epochs: 6/epochs: 120/; s/at: \[200, 600\]/at: [200, 8000]/' tiny.yaml >long.yaml
start() { # start FOLDER: until a run has a few epochs
    "$ELBO" reproduce ./long.yaml -o "$1" --jobs 1 >out 2>err </dev/null &
    pid=$!
    tries=0
    while [ "$(cat "$1"/runs/*/metrics.jsonl 2>/dev/null | wc -l)" -lt 5 ] && [ "$tries" -lt 300 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}
start stopped
kill -INT "$pid"
wait "$pid"
code=$?
[ "$code" -eq 130 ] || fail "Ctrl-C gives exit code $code: $(cat err)"
has 'stopped with [0-2] of 3 runs complete; everything is saved. The same command goes on$' err
[ ! -e stopped/report.html ] || fail 'a stopped experiment has a report'
start stopped # the same folder: its run goes on
kill -KILL "$pid"
wait "$pid" 2>/dev/null
expect 0 '^report in stopped/report.html$' reproduce ./long.yaml -o stopped
expect 0 '^report in whole/report.html$' reproduce ./long.yaml -o whole --jobs 3 --threads 3
numbers() { sed 's/"\(seconds\|samples_per_second\)": [0-9.e+-]*//g' "$1"; }
for run in two-plain two-other five-plain; do
    numbers "stopped/runs/$run/metrics.jsonl" >one.txt
    numbers "whole/runs/$run/metrics.jsonl" >two.txt
    same one.txt two.txt
    numbers "stopped/runs/$run/reproduce.json" >one.txt
    numbers "whole/runs/$run/reproduce.json" >two.txt
    same one.txt two.txt
done

# ---- Another experiment in the same folder ----

sed 's/estimator: a/estimator: b/' tiny.yaml >changed.yaml
expect 1 '^elbo reproduce: one/runs/two-other holds a run with estimator a; it is to be b now' \
    reproduce ./changed.yaml -o one
sed 's/samples: 10/samples: 11/' tiny.yaml >changed.yaml
expect 1 'two-plain: one/runs/two-plain is at epoch 6, and test was not measured, or not like this, at epoch 1' \
    reproduce ./changed.yaml -o one
sed 's/checkpoint: best/checkpoint: last/' tiny.yaml >changed.yaml
expect 0 'run 1 of 3, two-plain: complete' reproduce ./changed.yaml -o one --jobs 1

# ---- Panels, seeds, the quick form ----

expect 0 '^\| five +\| Analytic KL +\| -[0-9.]+ \+- [0-9.]+ \(median -[0-9.]+ of 2\) \|' \
    reproduce ./tiny.yaml --quick --panels five
[ -d reproduce/tiny-quick/runs/five-plain-seed2 ] || fail 'there is no run of the second seed'
[ ! -e reproduce/tiny-quick/runs/two-plain-seed1 ] || fail '--panels five runs the panel two'
[ "$(lines reproduce/tiny-quick/runs/five-plain-seed1/metrics.jsonl)" -eq 2 ] || fail '--quick runs in full'
has '^seed: 2|^  seed: 2' reproduce/tiny-quick/runs/five-plain-seed2/recipe.yaml
has '"count": 20' reproduce/tiny-quick/runs/five-plain-seed1/reproduce.json
expect 2 "^elbo reproduce: --panels: there is no panel 'six', only two, five$" reproduce ./tiny.yaml --panels six

expect 0 '^two-other +to do ' reproduce ./tiny.yaml --series other --dry-run
[ "$(lines out)" -eq 1 ] || fail "--series other has other runs: $(cat out)"
expect 2 "^elbo reproduce: --series: there is no series 'odd', only plain, other$" reproduce ./tiny.yaml --series odd
expect 2 'none of these series has runs in these panels' reproduce ./tiny.yaml --series other --panels five

# ---- The full form, and stages in steps ----

cat >>tiny.yaml <<'YAML'
full:
  options: {epochs: 3}
  stages: {unit: steps, at: [1, 5, 8]}
YAML
expect 0 '^\| Two dimensions +\| Analytic KL +\| -[0-9.]+ +\| -200 \+- 3 \| ' reproduce ./tiny.yaml --full --panels two
state=reproduce/tiny-full/runs/two-plain
[ "$(lines $state/metrics.jsonl)" -eq 3 ] || fail '--full has not its epochs'
# 200 rows in batches of 50: 4 steps to an epoch; 8 is the end of the second; 12 the end, for both measurements
grep -o '"step": [0-9]*' $state/reproduce.json | tr '\n' ' ' >steps
[ "$(cat steps)" = '"step": 1 "step": 5 "step": 8 "step": 12 "step": 12 ' ] || fail "measured at $(cat steps)"
grep -o '"epoch": [0-9.]*' $state/reproduce.json | tr '\n' ' ' >epochs
[ "$(cat epochs)" = '"epoch": 0.25 "epoch": 1.25 "epoch": 2 "epoch": 3 "epoch": 3 ' ] || fail "measured at $(cat epochs)"
has '"full": true' reproduce/tiny-full/results.json
has "This is the full form: the paper" reproduce/tiny-full/report.html
expect 2 '^elbo reproduce: --quick and --full: one of them' reproduce ./tiny.yaml --quick --full
sed '/^full:/,$d' tiny.yaml >partless.yaml
expect 2 '^elbo reproduce: tiny has no full form: leave --full out' reproduce ./partless.yaml --full
# Stopping in the middle of an epoch changes no figure.
sed 's/unit: samples/unit: epochs/; s/at: \[200, 600\]/at: [1, 3]/' partless.yaml >whole.yaml
expect 0 'report in through' reproduce ./whole.yaml -o through --panels five
sed 's/at: \[1, 3\]/at: [1, 3, 7, 23]/; s/unit: epochs/unit: steps/' whole.yaml >steps.yaml
expect 0 'report in stepwise' reproduce ./steps.yaml -o stepwise --panels five
numbers through/runs/five-plain/metrics.jsonl >one.txt
numbers stepwise/runs/five-plain/metrics.jsonl >two.txt
same one.txt two.txt

# ---- Options without effect may differ ----

cp -r one altered
sed -i.bak 's/^  channels: .*/  channels: [7, 7]/' altered/runs/five-plain/recipe.yaml # of convolutions: there are none
cmp -s altered/runs/five-plain/recipe.yaml altered/runs/five-plain/recipe.yaml.bak && fail 'the recipe has no channels'
expect 0 '^report in altered/report.html$' reproduce ./partless.yaml -o altered --panels five
sed -i.bak 's/^  estimator: .*/  estimator: a/' altered/runs/five-plain/recipe.yaml
expect 1 'holds a run with estimator a; it is to be b now' reproduce ./partless.yaml -o altered --panels five

# ---- Pictures and factors ----

cat >sprites.yaml <<'YAML'
name: sprites
title: Codes of sprites
options: {data: "synth:sprites?count=200&test=50", hidden: 20, latent: 3, epochs: 2, batch: 50}
panels:
  - name: all
series:
  - name: vae
stages: {unit: steps, at: [1, 3]}
measure:
  - name: plane
    kind: picture
    when: stages
    options: {of: manifold, side: 3, dims: [0, 2]}
  - name: draws
    kind: picture
    options: {of: samples, side: 4}
  - name: codes
    kind: disentanglement
    options: {split: test, metrics: "mig,modularity"}
table:
  columns: {codes.mig: MIG, codes.modularity: modularity, codes.sap: SAP}
YAML
expect 0 '^\| all +\| vae +\| 0\.[0-9]+ \+- 0\.[0-9]+ \(median 0\.[0-9]+ of 2\) +\| 0\.[0-9]+ .*\| - +\|' \
    reproduce ./sprites.yaml -o sprites --seeds 2
run=sprites/runs/all-vae-seed1
for step in 1 3 8; do
    [ "$(head -c 4 $run/plane/step0000000$step.png | tail -c 3)" = PNG ] || fail "no picture after $step steps"
done
cmp -s $run/plane/step00000001.png $run/plane/step00000008.png && fail 'a manifold does not change in training'
"$ELBO" manifold $run -n 3 --dims 0,2 --scale 1 --checkpoint last -o manifold.png >out 2>err || fail "manifold: $(cat err)"
same manifold.png $run/plane/step00000008.png
"$ELBO" sample $run -n 16 --scale 1 --seed 1 --checkpoint last -o sample.png >out 2>err || fail "$(cat err)"
same sample.png $run/draws/step00000008.png
[ "$(grep -c 'data:image/png' sprites/report.html)" -ge 2 ] || fail 'the page has not the pictures'
has 'after 1, 3, 8 steps' sprites/report.html
has '\(plane-all-vae.png\)' sprites/table.md
# 3 x 64 pixels, three of them, gaps between and around
expect 0 '^item +[0-9]+x[0-9]+ of u8' data sprites/plane-all-vae.png --no-preview
"$ELBO" encode $run --split test --checkpoint last -o z.npz >out 2>err || fail "encode: $(cat err)"
expect 0 'factors of 50 rows written to v.npy: shape, scale, orientation, x, y$' \
    data factors 'synth:sprites?count=200&test=50' v.npy --split test
"$ELBO" score disentanglement --codes 'z.npz#mean' --factors v.npy --metrics mig,modularity --json >score.json 2>err ||
    fail "score: $(cat err)"
for name in mig modularity; do
    grep -q "\"$name\": $(value $name score.json | cut -c1-10)" $run/reproduce.json ||
        fail "$name: $(value $name score.json), and in reproduce.json $(grep $name $run/reproduce.json)"
done
expect 1 'synth:glyphs.* has no known factors' data factors 'synth:glyphs?train=10&test=5' w.npy
expect 2 'a file ending in .npy, .npz or .csv was expected' data factors synth:sprites w.png
sed 's/sprites?count=200/glyphs?train=200/' sprites.yaml >glyphs.yaml
expect 1 'has no known factors' reproduce ./glyphs.yaml -o glyphs
sed 's/dims: \[0, 2\]/dims: [0, 3]/' sprites.yaml >glyphs.yaml
expect 1 'run 1 of 1, all-vae: .*dims: 3' reproduce ./glyphs.yaml -o planes

# ---- A run that fails does not take the others with it ----

sed 's/estimator: a/lr: 1.0e6/; s/batch: 50/batch: 50, optimizer: sgd, lr: 0.001/' tiny.yaml >broken.yaml
expect 1 'run 2 of 3, two-other: .*not finite' reproduce ./broken.yaml -o broken
has '^\| Two dimensions +\| other +\| - .*\| not complete \|$' broken/table.md
has 'Not complete: two-other: ' broken/table.md
has '^\| five +\| Analytic KL +\| -[0-9.]+' broken/table.md

# ---- Wrong files, each with its line ----

refuse() { # refuse PATTERN SED
    sed "$2" tiny.yaml >bad.yaml
    cmp -s bad.yaml tiny.yaml && fail "sed $2 changes nothing"
    expect 1 "^elbo reproduce: \./bad\.yaml:$1" reproduce ./bad.yaml -o bad
}
refuse '9: vae has no option hiden \(did you mean hidden\?\)' 's/hidden: 20,/hiden: 20,/'
refuse '9: .*epochs' 's/epochs: 6/epochs: many/'
refuse '11:5: panels has no key "nmae"; one of name, title, ' 's/- name: two/- nmae: two/'
refuse '14:5: the name "two" is given twice; first in line 11' 's/- name: five/- name: two/'
refuse '11:11: ".*" cannot be a name; ' 's|- name: two|- name: ../two|'
refuse '21: there is no panel "too"' 's/panels: \[two\]/panels: [too]/'
refuse '26:9: "hours" is none of samples, epochs, steps' 's/unit: samples/unit: hours/'
refuse '27:13: stages are to rise' 's/600\]/100]/'
refuse '29: there is no measurement "evalution"; one of evaluation, likelihood, clusters, gradvar, disentanglement, denoising, anomalies, picture, topics' '30s/evaluation/evalution/'
refuse '32: unknown option smaples' 's/samples: 10/smaples: 10/'
refuse '44: "tset.log_likelihood": there is no measurement "tset"' '44s/test.log/tset.log/'
refuse '48: there is no run "six-plain"; PANEL-SERIES' 's/two-plain:/six-plain:/'
refuse '49: the table has no column "test.nll"' 's|five-plain/test.log_likelihood|five-plain/test.nll|'
refuse '1:1: an experiment lacks "title"' '2d'
refuse '2:1: "name" is given twice; first in line 1' '2s/.*/name: again/'
refuse '[0-9]+:[0-9]+: ' 's/panels: \[two\]/panels: [two/'
refuse '[0-9]+:[0-9]+: a list where a text was expected' 's/^differs: .*/differs: [a]/'
[ ! -e bad ] || fail 'a refused experiment left a folder'
: >bad.yaml
expect 1 'bad.yaml:1:1: nothing; an experiment was expected' reproduce ./bad.yaml
printf 'name: \377\n' >bad.yaml
expect 1 'bad.yaml: byte 6: ' reproduce ./bad.yaml
expect 1 'cannot open ./missing.yaml' reproduce ./missing.yaml
sed 's/test_elbo: test ELBO/test_bound: test ELBO/' tiny.yaml >bad.yaml
expect 1 'two-plain/metrics.jsonl has no "test_bound"' reproduce ./bad.yaml -o one

# ---- Data by name ----

sed 's/"synth:glyphs?train=200&test=50"/mnist/' tiny.yaml >named.yaml
expect 1 "mnist is not there: looked for here/mnist. 'elbo data get mnist --out here/mnist' fetches it" \
    reproduce ./named.yaml --data-dir here
sed 's/"synth:glyphs?train=200&test=50"/faces/' tiny.yaml >named.yaml
expect 1 "faces is not there: looked for data/faces. 'elbo data get' cannot fetch it" reproduce ./named.yaml
"$ELBO" data convert 'synth:glyphs?train=200&test=50' idx:data/faces --split train >out 2>err || fail "convert: $(cat err)"
expect 0 '^report in named/report.html$' reproduce ./named.yaml --quick -o named --panels two

# ---- Those that come with the program ----

expect 2 "unknown experiment 'aevb-fgi2' \(did you mean aevb-fig2\?\)" reproduce aevb-fgi2
expect 0 '^  aevb-fig2 +[A-Z]' reproduce
expect 0 '^  aevb-fig3 +[A-Z]' list experiments
for file in "$SOURCE_DIR"/recipes/experiments/*.yaml; do
    name=$(basename "$file" .yaml)
    "$ELBO" list experiments | grep -q "^  $name " || fail "$name is not in the program"
    # Everything but the data, which may be missing, is in order, in both forms.
    for form in --quick --no-quick; do
        "$ELBO" reproduce "$name" "$form" --dry-run --data-dir nowhere >out 2>err </dev/null ||
            has 'is not there: looked for nowhere/' err
    done
done

# ---- denoising and anomalies of a table: figures, and no picture ----

printf '%s\n' x,y,kind 0.1,0.2,0 0.2,0.3,0 0.3,0.1,0 0.1,0.1,0 0.2,0.1,0 0.3,0.3,0 9,9,1 8,9,1 >two.csv
cat >table.yaml <<'EOF'
name: table
title: a table
model: pca
options: {data: two.csv, labels: kind, columns: "x,y", test-fraction: 0, latent: 1, epochs: 1}
panels: [{name: p}]
series: [{name: s}]
measure:
  - {name: a, kind: anomalies, when: end, checkpoint: last, options: {split: train}}
  - {name: d, kind: denoising, when: end, checkpoint: last, options: {split: train, noise: gaussian}}
table:
  columns: {a.auroc: AUROC, d.noise_level: level}
EOF
"$ELBO" reproduce ./table.yaml --jobs 1 --threads 1 -o table >out 2>&1 || fail "an experiment on a table: $(tail -3 out)"
grep -Eq '^\| p +\| s +\| 1 .*\| 0\.3' out || fail "an experiment on a table: $(tail -5 out)"
find table -name '*.png' | grep -q . && fail "an experiment on a table draws pictures"

finish
