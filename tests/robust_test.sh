#!/bin/sh
# When things go wrong: damaged files, full disks, impossible shapes, kills. Whatever happens, a message says what and
# where, the exit code is 1 (failure) or 2 (usage), nothing that was there before is lost, and a run goes on to the same
# numbers as if nothing had happened.
#   ELBO         the command
. "$(dirname "$0")/shell.sh"
trap 'umount tiny fixed 2>/dev/null; cd /; rm -rf "$work"' EXIT
glyphs='synth:glyphs?train=300&test=100'

# expect CODE PATTERN WORDS...: runs elbo WORDS; standard output and error together must have a line that matches. A
# failure must write nothing to standard output and name itself on standard error.
expect() {
    wanted=$1 pattern=$2
    shift 2
    "$ELBO" "$@" >out 2>err </dev/null
    code=$?
    [ "$code" -eq "$wanted" ] || fail "elbo $*: exit code $code, expected $wanted: $(cat err)"
    cat out err | grep -Eq -e "$pattern" || fail "elbo $*: no line like /$pattern/ in: $(head -c 2000 out; cat err)"
    [ "$wanted" -eq 0 ] || [ ! -s out ] || fail "elbo $*: a failure wrote to standard output: $(head -c 200 out)"
    [ "$wanted" -eq 0 ] || head -1 err | grep -q '^elbo' || fail "elbo $*: an error without the command's name"
}

# refuse CODE PATTERN OPTIONS...: the same for a training with these options, which must not leave a folder.
refuse() {
    wanted=$1 pattern=$2
    shift 2
    expect "$wanted" "$pattern" train vae --data "$glyphs" --hidden 5 --epochs 1 --threads 1 --out refused "$@"
    [ ! -e refused ] || fail "elbo train $*: a refused training left a folder"
    rm -rf refused
}

# The tensors of a checkpoint: what follows its header, which holds times.
tensors() {
    length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +$((length + 9)) "$1"
}
same_tensors() {
    tensors "$1" >first && tensors "$2" >second && [ -s first ] && cmp -s first second || fail "$1 and $2 hold different tensors"
}
train() { "$ELBO" train vae --data "$glyphs" --hidden 20 --latent 2 --threads 1 "$@" >out 2>err </dev/null; }

train --epochs 2 --out run || fail "training failed: $(cat err)"
cp run/last.safetensors good.safetensors
bytes=$(wc -c <good.safetensors)

# ---- Damaged checkpoints ----

expect 1 'bad.safetensors: no such run' info bad.safetensors
: >bad.safetensors
expect 1 'bad.safetensors: 0 bytes; ' info bad.safetensors
for count in 5 1000 200000 $((bytes - 1)); do
    head -c "$count" good.safetensors >bad.safetensors
    expect 1 '^elbo info: bad.safetensors: ' info bad.safetensors
done
for offset in 2 150 3000 300000 $((bytes - 1)); do
    cp good.safetensors bad.safetensors
    printf '\377' | dd of=bad.safetensors bs=1 seek="$offset" conv=notrunc 2>err || fail "dd: $(cat err)"
    expect 1 '^elbo info: bad.safetensors: ' info bad.safetensors
done
printf 'x' | cat good.safetensors - >bad.safetensors
expect 1 'bad.safetensors: the header places [0-9]* bytes of data; the file holds ' info bad.safetensors

# A header that is in order for safetensors, without checksums, but that no training wrote.
forge() { # forge PERL: runs it on the header's text
    perl -e 'local $/; binmode STDIN; binmode STDOUT; my $all = <STDIN>; my $size = unpack("Q<", $all);
             $_ = substr($all, 8, $size); s/"elbo\.crc32(\.header)?":"[^"]*",?//g; s/,\}/}/g; '"$1"';
             s/\s+$//; $_ .= " " x (-length($_) % 8); print pack("Q<", length), $_, substr($all, 8 + $size)' \
        <good.safetensors >bad.safetensors
}
forge ''
expect 0 '^latent  *2$' info bad.safetensors
while IFS='|' read -r edit pattern; do
    forge "$edit"
    expect 1 "^elbo info: bad.safetensors: $pattern" info bad.safetensors
done <<'TABLE'
s/"model":"vae"/"model":"vea"/|metadata "model": unknown model "vea"
s/"option.latent":"2"/"option.latent":"0"/|metadata "option.latent": option latent: '0' is out of bounds
s/"option.hidden":"20"/"option.hidden":"21"/|tensor "encoder.dense1.weight" has shape \[784,20\]; \[784,21\] was expected
s/"option.hidden":"20"/"option.hidden":"1000000"/|a model of these options has 1576000788 numbers, more than
s/"option.network":"mlp"/"option.network":"conv"/|a model of these options has
s/"dtype":"u8"/"dtype":"f16"/|metadata "dtype" is "f16"; u8 or f32 was expected
s/"item.rank":"2"/"item.rank":"99"/|metadata "item.rank" is "99"; a whole number from 1 to 6 was expected
s/("item.shape..":")28/${1}99999999/g|metadata "item.shape.1" is "99999999"; a whole number
s/"binarize":"1"/"binarize":"7"/|metadata "binarize" is "7"
s/"factor":"[^"]*"/"factor":"0x0p+0"/|values are scaled as
s/"shift":"[^"]*"/"shift":"nan"/|metadata "shift" is "nan"; a number was expected
s/"state.epoch":"2"/"state.epoch":"-2"/|metadata "state.epoch" is "-2"; a whole number
s/"state.threads":"1"/"state.threads":"1000000"/|metadata "state.threads" is "1000000"; a whole number
s/decoder.output.bias/decoder.output.base/|no tensor "decoder.output.bias" among its 10
s/"shape":\[784\]/"shape":[392,2]/|tensor "decoder.output.bias" has shape \[392,2\]; \[784\] was expected
TABLE
forge 's/"state.loss":"[^"]*",//'
expect 1 'bad.safetensors is no checkpoint of elbo: metadata "state.loss" is missing' info bad.safetensors
mkdir forged
cp run/recipe.yaml forged
forge 's/"state.step_in_epoch":"0"/"state.step_in_epoch":"4"/'
cp bad.safetensors forged/last.safetensors
expect 1 'forged/last.safetensors: step 4 of an epoch of 3' train --resume forged --epochs 3
forge 's/optimizer.0.mean_square/optimizer.0.mean_squore/'
cp bad.safetensors forged/last.safetensors
expect 1 'no tensor "optimizer.0.mean_square"' train --resume forged --epochs 3
forge 's/("state.data_rows":")300/${1}299/'
cp bad.safetensors forged/last.safetensors
expect 1 'has 300 training rows; this run began with 299' train --resume forged --epochs 3
forge ''
perl -pi -e 'BEGIN { $/ = undef } substr($_, 8 + unpack("Q<", $_), 4) = pack("V", 0x7fc00000)' \
    bad.safetensors
expect 1 'bad.safetensors: element 0 of "[a-z0-9.]*" is -?nan; finite parameters were expected' info bad.safetensors

# ---- Runs and recipes that are none ----

mkdir empty
expect 1 '^elbo eval: empty is no run' eval empty
expect 1 '^elbo train: empty holds no run to resume' train --resume empty
expect 1 'run/recipe.yaml: byte 0 gives a header of' info run/recipe.yaml
expect 2 '^elbo info: RUN is empty' info ''
while IFS='|' read -r text code pattern; do
    printf '%b' "$text" >recipe.yaml
    expect "$code" "$pattern" train --recipe recipe.yaml --out refused
    [ ! -e refused ] || fail "the recipe '$text' left a folder"
done <<'TABLE'
|2|^elbo train: recipe.yaml names no model
model: vea\n|2|^elbo train: recipe.yaml:1: unknown model "vea"
model: vae\nmodel-options:\n  latnt: 3\n|2|recipe.yaml:3: vae has no option latnt \(did you mean latent\?\)
model: vae\nmodel-options:\n  latent: 0\n|2|recipe.yaml:3: option latent: '0' is out of bounds
model: vae\nmodel-options:\n  latent: [1\n|1|^elbo train: recipe.yaml:[0-9:]* did not find
model: vae\ntraining:\n  epochs: 1\n  epochs: 2\n|1|recipe.yaml:4:3: "epochs" is given twice; first in line 3
\0\0\0|1|recipe.yaml:1:1: byte 0: control characters
- vae\n|1|recipe.yaml:1:1: a list where
TABLE

# ---- Options ----

refuse 2 "option lr: '-1' is out of bounds, expected 0 to 1000000" --lr -1
refuse 2 "option lr: 'nan' is not a number" --lr nan
refuse 2 "option epochs: '0' is out of bounds, expected 1 to" --epochs 0
refuse 2 "option epochs: '99999999999999999999' is out of bounds" --epochs 99999999999999999999
refuse 2 "option hidden: '500,abc' is not a list of whole numbers" --hidden 500,abc
refuse 2 "option hidden: '500,' is not a list" --hidden 500,
refuse 2 "option latent: '2.5' is not a whole number" --latent 2.5
refuse 2 "option activation: 'é' is none of tanh" --activation 'é'
refuse 2 "^elbo train: unknown option --samples$" --samples 10
refuse 2 "unknown option --lattent \(did you mean --latent\?\)" --lattent 3
refuse 2 'option --out is empty; a name was expected' --out ''
refuse 2 'option --data is empty; a name was expected' --data=
long=$(printf '%05000d' 0)
refuse 2 "option columns: '0{60}\.\.\.' is not shorter than 4096 bytes" --columns "$long"
refuse 2 "option latent: '0{60}1*\.\.\.' is out of bounds" --latent "${long}9999999999"
expect 0 '^run in thousand$' train vae --data "$glyphs" --hidden 5 --latent 1e3 --epochs 1 --threads 1 --out thousand
expect 2 'a file ending in .png was expected' data "$glyphs" -o p.jpg

# ---- Shapes and values ----

numbers() { awk "BEGIN { srand(1); for (i = 0; i < $1; i++) { for (j = 1; j < $2; j++) printf \"%g,\", $3; print $3 } }"; }
numbers 20 729 'rand()' >27.csv
numbers 20 3 'rand() - 0.5' >signed.csv
numbers 1 4 'rand()' >one.csv
numbers 20 4 7 >sevens.csv
numbers 20 4 0 >zeros.csv
printf '1,2\n3,nan\n' >nan.csv
printf '1,2\n3\n' >ragged.csv
printf '1,2\n3,\n' >hole.csv
printf 'a,b\n' >header.csv
refuse 2 'halves the image 2 times: 27 x 27 must be divisible by 4' --data 27.csv --item-shape 27x27 --network conv
refuse 2 'needs images; give --item-shape' --data 27.csv --network conv
refuse 2 'needs --channels' --network conv --channels ''
refuse 1 'item shape 5x5 has 25 values, but an item of synth:glyphs.* has 784' --item-shape 5x5
refuse 2 'item shape "28x": expected lengths' --item-shape 28x
refuse 2 'a bernoulli likelihood needs values in \[0,1\]' --data signed.csv --normalize none
refuse 2 'a categorical likelihood needs whole numbers' --data signed.csv --likelihood categorical
refuse 2 'all training values are 7' --data sevens.csv --likelihood gaussian --normalize standard
refuse 1 'nan.csv: line 2, column 2 holds nan; a finite number was expected' --data nan.csv
refuse 1 'ragged.csv: line 2 has 1 cells; the first record has 2' --data ragged.csv
refuse 1 'hole.csv: line 2, column 2 is empty' --data hole.csv
refuse 1 'header.csv holds no data: 0 rows' --data header.csv
refuse 1 'cannot read none.csv: No such file' --data none.csv
for data in one.csv sevens.csv zeros.csv; do
    expect 0 '^epoch 1 of 1: -ELBO [0-9.]+, ' train vae --data $data --hidden 3 --latent 2 --batch 1000000 --epochs 1 \
        --threads 1 --out "${data%.csv}"
    expect 0 '^3 samples' sample "${data%.csv}" -n 3 -o s.npy
done
expect 1 'one.csv has no test rows \(train 1, valid 0, test 0\); --split names' eval one
expect 1 '27.csv has items of shape 729; the model reads 28x28' eval run --data 27.csv
expect 1 '27.csv has items of shape 729; the model reads 28x28' encode run --data 27.csv -o z.npy
expect 1 '27.csv has items of shape 729; the model reads 28x28' reconstruct run --data 27.csv -o z.npy
numbers 20 3 '1e30 * rand()' >big.csv
"$ELBO" train vae --data big.csv --likelihood gaussian --hidden 3 --epochs 1 --threads 1 --out big >out 2>err
[ $? -eq 1 ] || fail 'numbers that overflow are no failure'
grep -q 'step 1 (epoch 1): reconstruction is inf.* in reconstruction, .*training row [0-9]*).* last good state is saved' \
    err || fail "numbers that overflow: $(cat err)"
expect 0 '^state  *epoch 0, step 0$' info big/last.safetensors

# Whole numbers may come as floats or as bytes: the same rows give the same figures.
numbers 20 3 'i / 2 + j' >halves.csv
expect 0 '^run in halves$' train vae --data halves.csv --likelihood gaussian --normalize standard --hidden 5 --latent 2 \
    --epochs 2 --threads 1 --out halves
awk 'BEGIN { for (i = 1; i <= 20; i++) print i "," i + 20 "," 61 - i }' >whole.csv
{
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 3), }"
    tr ',' '\n' <whole.csv | while read -r number; do printf "\\$(printf '%03o' "$number")"; done
} >whole.npy
expect 0 'item  *3 of u8' data whole.npy
for source in whole.csv whole.npy; do
    "$ELBO" eval halves --data $source --split all --samples 4 >$source.eval 2>err || fail "eval of $source: $(cat err)"
    sed '1d; /^  time /d' $source.eval >$source.figures
done
cmp -s whole.csv.figures whole.npy.figures || fail 'bytes and floats of the same numbers give different figures'
"$ELBO" data convert "$glyphs" glyphs.csv >out 2>&1 || fail "convert: $(cat out)"
for source in "$glyphs" glyphs.csv; do
    "$ELBO" eval run --data "$source" --labels "$([ "$source" = glyphs.csv ] && echo label)" --split all -n 20 >out 2>err ||
        fail "eval of $source: $(cat err)"
    sed '1d; /^  time /d' out >"figures.${source%%[?]*}"
done
cmp -s figures.synth:glyphs figures.glyphs.csv || fail 'images as bytes and as CSV give different figures'

# What is to be known of the data stays with the model.
expect 0 'warning: grey values' train vae --data "$glyphs" --binarize none --hidden 5 --epochs 1 --threads 1 --out grey
expect 0 '"warning": ".*grey values under a bernoulli likelihood' eval grey -n 5 --json

# ---- Interruptions ----

options='--batch 7 --save-every 0.001'
train $options --epochs 12 --out whole || fail "training failed: $(cat err)"
for delay in 0.05 0.1 0.15 0.2 0.3 0.4; do
    if [ -e killed/last.safetensors ]; then
        "$ELBO" train --resume killed >out 2>err </dev/null &
    else
        "$ELBO" train vae --data "$glyphs" --hidden 20 --latent 2 --threads 1 $options --epochs 12 --out killed \
            >out 2>err </dev/null &
    fi
    pid=$!
    sleep $delay
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
done
[ -e killed/last.safetensors ] || train $options --epochs 12 --out killed || fail "training failed: $(cat err)"
: >killed/last.safetensors.tmp.99999999
expect 0 '^run in killed$' train --resume killed
same_tensors whole/last.safetensors killed/last.safetensors
[ -z "$(ls killed | grep tmp)" ] || fail "killed trainings leave $(ls killed | grep tmp)"
for key in epoch train_loss test_loss; do
    for name in whole killed; do sed "s/.*\"$key\": \([^,]*\).*/\1/" $name/metrics.jsonl >$name.$key; done
    cmp -s whole.$key killed.$key || fail "a killed run has another $key"
done

for signal in INT TERM HUP; do
    if [ -e asked/last.safetensors ]; then
        "$ELBO" train --resume asked >out 2>err </dev/null &
    else
        "$ELBO" train vae --data "$glyphs" --hidden 20 --latent 2 --threads 1 --epochs 1000000 --out asked \
            >out 2>err </dev/null &
    fi
    pid=$!
    tries=0
    while { [ ! -s asked/metrics.jsonl ] || [ ! -s asked/.lock ]; } && [ "$tries" -lt 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    "$ELBO" train --resume asked >out2 2>err2
    [ $? -eq 1 ] && grep -q "^elbo train: process $pid is already training in asked" err2 || fail "two trainers: $(cat err2)"
    "$ELBO" train vae --data "$glyphs" --out asked >out2 2>err2
    [ $? -eq 2 ] && grep -q '^elbo train: asked holds a run already' err2 || fail "a second run in a folder: $(cat err2)"
    kill -$signal $pid
    wait $pid
    code=$?
    [ "$code" -eq 130 ] || fail "SIG$signal gives exit code $code"
    grep -q 'everything is saved. To go on: elbo train --resume asked$' err || fail "SIG$signal: $(cat err)"
done
"$ELBO" train --resume asked >out 2>err </dev/null &
pid=$!
sleep 0.3
kill -INT $pid
kill -INT $pid 2>/dev/null
wait $pid
[ $? -eq 130 ] || fail 'two interrupts give another exit code than 130'
expect 0 '^state  *epoch ' info asked/last.safetensors
expect 2 'only --epochs may change, not --lr' train --resume asked --lr 1

# ---- Disks ----

expect 1 'cannot make folder /dev/null: a file of that name is in the way' train vae --data "$glyphs" --out /dev/null/x
expect 1 'cannot write /dev/null/x.npy: Not a directory' sample run -n 1 -o /dev/null/x.npy
if [ -c /dev/full ]; then
    "$ELBO" sample run -n 3 -o - >/dev/full 2>err
    [ $? -eq 1 ] && [ "$(cat err)" = 'elbo sample: cannot write standard output: No space left on device' ] ||
        fail "-o - to a full disk: $(cat err)"
fi
{
    "$ELBO" sample run -n 3000 -o - 2>err
    echo $? >code
} | head -c 10 >/dev/null
[ "$(cat code)" -eq 141 ] && [ ! -s err ] || fail "a closed pipe: exit code $(cat code), $(cat err)"

mkdir tiny fixed
if mount -t tmpfs -o size=2m tmpfs tiny 2>/dev/null; then
    cp -r run tiny/run
    cp -r run spare
    head -c 1300000 /dev/zero >tiny/fill
    expect 1 '^elbo train: cannot write tiny/run/last.safetensors: No space left on device$' train --resume tiny/run --epochs 4
    cmp -s tiny/run/last.safetensors good.safetensors || fail 'a full disk damages the checkpoint'
    expect 1 'cannot write tiny/new/last.safetensors: No space left' train vae --data "$glyphs" --threads 1 --out tiny/new
    rm -rf tiny/new
    head -c 2000000 /dev/zero >>tiny/fill 2>/dev/null
    for file in x.npy x.npz x.csv x.png; do
        expect 1 "tiny/$file: .*No space left on device" sample run -n 100 -o tiny/$file
    done
    expect 1 'tiny/x.svg: No space left on device' encode run -o tiny/x.svg
    expect 1 'tiny/x.idx: No space left on device' data convert "$glyphs" tiny/x.idx
    [ "$(ls tiny | tr '\n' ' ')" = 'fill run ' ] || fail "a full disk leaves $(ls tiny)"
    rm tiny/fill
    expect 0 '^run in tiny/run$' train --resume tiny/run --epochs 4
    expect 0 '^run in spare$' train --resume spare --epochs 4
    same_tensors tiny/run/last.safetensors spare/last.safetensors
else
    echo 'SKIP: no right to mount: full disks are not tested'
fi
if mount --bind run fixed 2>/dev/null && mount -o remount,ro,bind fixed 2>/dev/null; then
    expect 1 'fixed/.lock: Read-only file system' train --resume fixed --epochs 3
    expect 1 'cannot write fixed/.*: Read-only file system' report fixed --samples 2
    expect 1 'cannot make folder fixed/sub: Read-only file system' train vae --data "$glyphs" --out fixed/sub
    expect 0 '^vae, epoch 2' eval fixed -n 5
else
    echo 'SKIP: no right to mount: folders that cannot be written are not tested'
fi

# ---- JSON ----

if command -v python3 >/dev/null 2>&1; then
    one_object() {
        "$ELBO" "$@" --json >out 2>err </dev/null || fail "elbo $* --json: $(cat err)"
        python3 -c 'import json, sys; sys.exit(not isinstance(json.load(open("out")), dict))' 2>err2 ||
            fail "elbo $* --json prints other than one object: $(cat err2)"
    }
    one_object train vae --data "$glyphs" --hidden 5 --epochs 1 --threads 1 --out object
    one_object train --resume object
    one_object eval run --samples 2 -n 10
    one_object encode run -o z.npz
    one_object decode run 'z.npz#mean' -o x.npy
    for command in sample reconstruct interpolate traverse manifold; do one_object $command run -o x.png; done
    for words in 'info run' 'report run --samples 2' 'list' 'help train' 'man' 'completion zsh' "data $glyphs" \
        "data convert $glyphs x.npz"; do
        # shellcheck disable=SC2086
        one_object $words
    done
else
    echo 'SKIP: no python3: JSON is not parsed'
fi

finish
