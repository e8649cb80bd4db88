#!/bin/sh
# The walls of the design, checked by reading the sources and the libraries' symbol tables:
#   - which folder of src/ may include which; the command sees elbo.h and its own headers only;
#   - only src/backend/cpu/onednn* talk to oneDNN;
#   - file lengths; no absolute path of somebody's machine;
#   - every public symbol is described in elbo.h and exported by libelbo.so, and nothing else is.
# Run by ctest, or: SOURCE_DIR=. ELBO=build/elbo sh tests/architecture_test.sh
set -u
LC_ALL=C
export LC_ALL
cd -- "${SOURCE_DIR:?names the source tree}" || exit 1
build=$(cd -- "$(dirname -- "${ELBO:?names the built command}")" && pwd) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/elbo-architecture.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT

# Reports the lines on standard input, if any, as violations of a rule. A file keeps the verdict: most calls are the
# end of a pipe, where a variable would be lost.
expect_none() {
    cat >"$work/found"
    if [ -s "$work/found" ]; then
        printf 'architecture: %s:\n' "$1" >&2
        sed 's/^/  /' "$work/found" >&2
        : >"$work/failed"
    fi
}

# Fails when a search that must find something found nothing: a rule that looks at no file proves nothing.
expect_some() {
    if [ ! -s "$2" ]; then
        printf 'architecture: found no %s\n' "$1" >&2
        : >"$work/failed"
    fi
}

# FOLDER: the folders that it may include, besides itself.
cat >"$work/allowed" <<'TABLE'
base:
data: base
graph: base
ops: base graph
backend: base graph ops
dist: base graph ops
nn: base graph ops
optim: base graph ops
infer: base graph ops data backend dist nn optim models
models: base graph ops data backend dist nn optim infer
train: base graph ops data backend dist nn optim infer models
eval: base graph ops data backend dist nn optim infer models train
viz: base graph ops data backend dist nn optim infer models train eval
TABLE

sources() { find src -name '*.[ch]' -o -name '*.def'; }
includes() { xargs grep -nE '^[[:space:]]*#[[:space:]]*include' /dev/null; }

sources | includes >"$work/includes"
expect_some 'include lines in src/' "$work/includes"
awk -v table="$work/allowed" '
    BEGIN {
        while ((getline line < table) > 0) {
            split(line, part, /: */)
            known[part[1]] = 1
            allowed[part[1], part[1]] = 1
            count = split(part[2], names, " ")
            for (i = 1; i <= count; i++) allowed[part[1], names[i]] = 1
        }
    }
    {
        split($0, field, ":")
        split(field[1], from, "/")
        folder = from[2]
        if (!(folder in known)) { print field[1] ": the folder src/" folder " is not in the table"; next }
        if (match($0, /"[^"]+"/) == 0) next
        header = substr($0, RSTART + 1, RLENGTH - 2)
        if (header == "elbo.h") next
        if (header ~ /\.\./) { print $0 " (name it from src/)"; next }
        if (split(header, to, "/") < 2) next # a neighbour in the same folder
        if (!((folder, to[1]) in allowed)) print $0
    }' "$work/includes" | expect_none 'a folder of src/ includes what lies above it'

# A neighbour is really a neighbour: "name.h" without a folder lies beside the file.
sed -nE 's/^([^:]*):[0-9]*:[^"]*"([^"\/]+)".*/\1 \2/p' "$work/includes" | while read -r file header; do
    [ "$header" = elbo.h ] || [ -e "$(dirname "$file")/$header" ] || printf '%s includes %s\n' "$file" "$header"
done | expect_none 'an include without a folder that names no neighbour'

find cli -name '*.[ch]' | includes >"$work/cli"
expect_some 'include lines in cli/' "$work/cli"
sed -nE 's/^([^:]*):[0-9]*:[^"]*"([^"]+)".*/\1 \2/p' "$work/cli" | while read -r file header; do
    [ "$header" = elbo.h ] || [ -e "cli/$header" ] || [ -e "$(dirname "$file")/$header" ] ||
        printf '%s includes %s\n' "$file" "$header"
done | expect_none 'the command includes more than elbo.h and its own headers'

grep -E '<(oneapi/)?dnnl' "$work/includes" "$work/cli" | cut -d : -f 2 | sort -u >"$work/dnnl"
grep -v '^src/backend/cpu/onednn' "$work/dnnl" | expect_none 'oneDNN is called from other files than onednn*'

tree() {
    find . \( -path ./build -o -path ./.git -o -path ./demo-run -o -path ./venv \) -prune -o -type f "$@" -print
}
tree \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.cmake' -o -name CMakeLists.txt \) >"$work/texts"
expect_some 'source files' "$work/texts"
# The public header is one file because its users read one; it has room for all of the API.
grep -v '^./include/elbo.h$' "$work/texts" | xargs awk 'FNR == 801 { print FILENAME }' |
    expect_none 'files of more than 800 lines'
awk 'FNR == 1601 { print FILENAME }' include/elbo.h | expect_none 'public headers of more than 1600 lines'

# The bracket keeps this line from finding itself.
tree | xargs grep -nIE '(^|[^[:alnum:]_.~}>-])/([h]ome|[r]oot|[w]ork|[U]sers|[m]nt)/[[:alnum:]]' |
    expect_none 'an absolute path of one machine'

# Every declaration of elbo.h, on one line each, marked by whether its paragraph holds a comment before it.
awk '
    /^[[:space:]]*$/ { described = 0; next }
    /\*\// { described = 1 }
    /^ELBO_API/ { text = ""; reading = 1; state = described ? "described" : "bare" }
    reading {
        text = text " " $0
        if ($0 ~ /;/) {
            reading = 0
            sub(/[[:space:]]*[(;[].*/, "", text)
            sub(/.*[^[:alnum:]_]/, "", text)
            print state, text
        }
    }' include/elbo.h >"$work/declared"
expect_some 'declarations in elbo.h' "$work/declared"
sed -n 's/^bare //p' "$work/declared" | expect_none 'public symbols without a comment in elbo.h'
# The X-macro lists declare one function for each X(name).
awk '/^#define ELBO_(UNARY|BINARY)_LIST/ { listing = 1; next }
     listing { line = $0; while (match(line, /X\([a-z0-9_]+\)/)) {
                   print "listed elbo_" substr(line, RSTART + 2, RLENGTH - 3); line = substr(line, RSTART + RLENGTH) }
               if ($0 !~ /\\$/) listing = 0 }' include/elbo.h >>"$work/declared"
cut -d ' ' -f 2 "$work/declared" | sort >"$work/public"
grep -v '^elbo_' "$work/public" | expect_none 'public symbols without the prefix elbo_'
uniq -d "$work/public" | expect_none 'public symbols declared twice'

# AddressSanitizer adds a symbol of its own for each variable.
nm -D --defined-only "$build/libelbo.so" | awk '$NF !~ /^__odr_asan/ { print $NF }' | sort >"$work/exported"
expect_some 'exported symbols in libelbo.so' "$work/exported"
comm -23 "$work/public" "$work/exported" | expect_none 'declared in elbo.h and not exported by libelbo.so'
comm -13 "$work/public" "$work/exported" | expect_none 'exported by libelbo.so and not declared in elbo.h'

# A program that links the static library sees every global symbol, internal ones too.
nm -g --defined-only "$build/libelbo.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | grep -Ev '^(elbo_|__odr_asan)' | sort -u |
    expect_none 'global symbols of libelbo.a without the prefix elbo_'

[ ! -e "$work/failed" ]
