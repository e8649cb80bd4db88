#!/bin/sh
# `elbo reproduce`: a small experiment is run, killed, resumed and drawn; wrong files are refused with their line.
#   ELBO         the command
#   SOURCE_DIR   the root of the source tree
set -u
: "${ELBO:?the command to test}" "${SOURCE_DIR:?the root of the source tree}"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
OMP_WAIT_POLICY=passive
export OMP_WAIT_POLICY
failures=0

fail() {
    printf 'FAIL: %s\n' "$*"
    failures=$((failures + 1))
}

# expect CODE PATTERN WORDS...: runs elbo WORDS; standard output and error together must have a line that matches.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" >out 2>err </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(cat err)"
    cat out err | grep -Eq -e "$pattern" || fail "elbo $*: no line like /$pattern/ in: $(cat out err)"
}
has() { grep -Eq -e "$1" "$2" || fail "no /$1/ in $2: $(head -c 1500 "$2")"; }
same() { cmp -s "$1" "$2" || fail "$1 and $2 differ"; }
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
refuse '26:9: "steps" is none of samples, epochs' 's/unit: samples/unit: steps/'
refuse '27:13: stages are to rise' 's/600\]/100]/'
refuse '29: there is no measurement "evalution"; one of evaluation, likelihood, clusters, gradvar, topics' '30s/evaluation/evalution/'
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

[ "$failures" -eq 0 ] || { echo "$failures failures"; exit 1; }
