/* Recipes: what is read, what is refused and where, and that anything written reads back. */
#include "train/recipe.h"

#include "base/rng.h"
#include "scratch.h"

/* "key=text;key=text" */
static const struct {
    const char *yaml;
    const char *entries;
} good[] = {
    {"", ""},
    {"# only a comment\n\n", ""},
    {"---\n...\n", ""},
    {"a: 1", "a=1;"},
    {"a: 1\nb: two words  # comment\n", "a=1;b=two words;"},
    {"data:\n  data: synth:glyphs\n  batch-size: 100\nseed: 1\nmodel:\n    hidden: [500, 200]\n    act: \"\"\n",
     "data=synth:glyphs;batch-size=100;seed=1;hidden=500,200;act=;"},
    {"a: []\nb: [x]\nc:\n  - 1\n  - '2'\n", "a=;b=x;c=1,2;"},
    {"a: null\nb: ~\nc: true\nd: 0x1F\ne: 007\n", "a=null;b=~;c=true;d=0x1F;e=007;"},
    {"a: 'it''s'\nb: \"\\x41\\n\\u20AC\"\n", "a=it's;b=A\n\xE2\x82\xAC;"},
    {"a: |\n  one\n  two\nb: >-\n  one\n  two\n", "a=one\ntwo\n;b=one two;"},
    {"{a: 1, s: {b: [1, 2]}}", "a=1;b=1,2;"},
    {"\xEF\xBB\xBF"
     "a: 1\n",
     "a=1;"},
    {"a: 1\r\nb: 2\r\n", "a=1;b=2;"},
    {"a: \xC3\xA9\n", "a=\xC3\xA9;"},
};

static void read_good(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        elbo_recipe recipe;
        elbo_error error = {0};
        char joined[256] = "";
        if (elbo_recipe_parse(&recipe, "r.yaml", good[i].yaml, strlen(good[i].yaml), &error) != ELBO_OK)
            fail_msg("case %zu: %s", i, error.message);
        for (size_t k = 0; k < recipe.count; k++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s=%s;", recipe.entries[k].key,
                     recipe.entries[k].text);
        assert_string_equal(joined, good[i].entries);
        elbo_recipe_clear(&recipe);
    }
}

/* The place, and a word of the message. */
static const struct {
    const char *yaml, *place, *word;
} bad[] = {
    {"just text\n", "r.yaml:1:1:", "a value where \"key: value\""},
    {"- a\n- b\n", "r.yaml:1:1:", "a list where"},
    {"a: 1\nb: 2\na: 3\n", "r.yaml:3:1:", "\"a\" is given twice; first in line 1"},
    {"x:\n  batch-size: 1\ny:\n  batch_size: 3\n", "r.yaml:4:3:", "first in line 2"},
    {"x:\n  a: 1\nx:\n  b: 3\n", "r.yaml:3:1:", "section \"x\" is given twice; first in line 1"},
    {"x:\n  a: 1\nx: 3\n", "r.yaml:3:1:", "as a section, in line 1"},
    {"x: 1\nx:\n  a: 1\n", "r.yaml:2:1:", "with a value, in line 1"},
    {"a:\nb: 1\n", "r.yaml:1:3:", "\"a\" has no value"},
    {"x:\n  # a: 1\n", "r.yaml:1:3:", "\"x\" has no value"},
    {"a: &x 1\n", "r.yaml:1:4:", "anchors (&x)"},
    {"a: &x [1]\n", "r.yaml:1:4:", "anchors (&x)"},
    {"&x a: 1\n", "r.yaml:1:1:", "anchors (&x)"},
    {"a: 1\nb: *x\n", "r.yaml:2:4:", "aliases (*x)"},
    {"a: !!int 1\n", "r.yaml:1:4:", "tags (tag:yaml.org,2002:int)"},
    {"s: !t\n  a: 1\n", "r.yaml:1:4:", "tags (!t)"},
    {"a: [!t 1]\n", "r.yaml:1:5:", "tags (!t)"},
    {"!t\na: 1\n", "r.yaml:1:1:", "tags (!t)"},
    {"s:\n  <<: *x\n", "r.yaml:2:3:", "\"<<\" cannot be a key"},
    {"a b: 1\n", "r.yaml:1:1:", "\"a b\" cannot be a key"},
    {"-x: 1\n", "r.yaml:1:1:", "cannot be a key"},
    {"\"\": 1\n", "r.yaml:1:1:", "cannot be a key"},
    {"[a]: 1\n", "r.yaml:1:1:", "a list where a key"},
    {"{a: 1}: 1\n", "r.yaml:1:1:", "a map where a key"},
    {"s:\n  t:\n    a: 1\n", "r.yaml:3:5:", "map inside a section"},
    {"a: [1, [2]]\n", "r.yaml:1:8:", "a list inside the list"},
    {"a: [1, {b: 2}]\n", "r.yaml:1:8:", "a map inside the list"},
    {"a: ['1,2']\n", "r.yaml:1:5:", "hold no comma"},
    {"a: [1, '']\n", "r.yaml:1:8:", "not empty"},
    {"a: 1\n---\nb: 2\n", "r.yaml:2:1:", "a second document"},
    {"%YAML 1.1\n---\na: 1\n", "r.yaml:1:1:", "directives"},
    {"a: \"\\0\"\n", "r.yaml:1:4:", "zero byte"},
    {"a: 1\nb: [1, 2\nc: 3\n", "r.yaml:", "flow sequence"},
    {"a: 'open\n", "r.yaml:", "quoted scalar"},
    {"a: 1\n b: 2\n", "r.yaml:2:", "mapping values"},
    {"a:\t1\n\tb: 2\n", "r.yaml:2:1:", "tab character"},
    {"a: 1\nbc: \xFF\n", "r.yaml:2:5:", "byte 9"},
    {"a: \x01\n", "r.yaml:1:4:", "UTF-8"},
};

static void read_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        elbo_recipe recipe;
        elbo_error error = {0};
        if (elbo_recipe_parse(&recipe, "r.yaml", bad[i].yaml, strlen(bad[i].yaml), &error) != ELBO_ERROR_FORMAT)
            fail_msg("case %zu was taken", i);
        if (strncmp(error.message, bad[i].place, strlen(bad[i].place)) != 0 || !strstr(error.message, bad[i].word))
            fail_msg("case %zu: %s", i, error.message);
        assert_int_equal(recipe.count, 0);
        assert_null(recipe.entries);
    }
}

static void places(void **state) {
    (void)state;
    static const char text[] = "seed: 1\n\nmodel:\n  latent_size: 2\n";
    elbo_recipe recipe;
    assert_int_equal(elbo_recipe_parse(&recipe, "r", text, strlen(text), NULL), ELBO_OK);
    const elbo_recipe_entry *entry = elbo_recipe_find(&recipe, "latent-size");
    assert_non_null(entry);
    assert_string_equal(entry->section, "model");
    assert_int_equal(entry->line, 4);
    assert_int_equal(entry->column, 3);
    assert_null(elbo_recipe_find(&recipe, "seed")->section);
    assert_null(elbo_recipe_find(&recipe, "model"));
    elbo_recipe_clear(&recipe);
}

static const char *const texts[] = {
    "",
    " ",
    "1",
    "-1e-3",
    "007",
    "true",
    "null",
    "NULL",
    "~",
    "-",
    "--",
    "---",
    "...",
    ".",
    "..",
    ".5",
    "+1",
    "1:30",
    "a",
    "a:",
    "a:b",
    ":a",
    "a: b",
    "a #b",
    "#a",
    "a#b",
    "- a",
    "? a",
    "! a",
    "!a",
    "&a",
    "*a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "|-",
    "[",
    "]",
    "[a]",
    "{",
    "}",
    "{a: b}",
    ",",
    "a,b",
    "a, b",
    "a,,b",
    ",a",
    "a,",
    "500,200",
    "'",
    "\"",
    "''",
    "\"a\"",
    "it's",
    "\\",
    "\\n",
    "a\nb",
    "\n",
    "\n\n",
    "a\n",
    " a",
    "a ",
    "\ta",
    "a\tb",
    "\r",
    "a\r\nb",
    "\x01\x1f\x7f",
    "\xC2\x80",
    "\xC2\x85",
    "\xC2\xA0",
    "\xC3\xA9",
    "\xE2\x80\xA8",
    "\xE2\x80\xA9",
    "\xE2\x82\xAC",
    "\xEF\xBB\xBF",
    "\xEF\xBF\xBE",
    "\xEF\xBF\xBF",
    "\xED\x9F\xBF",
    "\xEE\x80\x80",
    "\xF0\x9F\x98\x80",
    "\xF4\x8F\xBF\xBF",
    "<<",
    "=",
    "2001-01-01",
    "yes",
    "/a/b.npz#x",
    "synth:glyphs?count=10&seed=3",
    "a.mat#ff",
    "0x1f",
    "1e999",
    "key: [1, 2]",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void assert_reads_back(const char *path, const elbo_recipe_row *rows, size_t count) {
    elbo_recipe recipe;
    elbo_error error = {0};
    if (elbo_recipe_write(path, "title\nof \x01 two lines", rows, count, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    if (elbo_recipe_read(&recipe, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(recipe.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(recipe.entries[i].key, rows[i].key);
        assert_string_equal(recipe.entries[i].text, rows[i].text);
        if (rows[i].section)
            assert_string_equal(recipe.entries[i].section, rows[i].section);
        else
            assert_null(recipe.entries[i].section);
    }
    elbo_recipe_clear(&recipe);
}

static void any_text(void **state) {
    scratch *place = *state;
    static char keys[2 * TEXTS][8];
    elbo_recipe_row rows[2 * TEXTS];
    static const char *const helps[] = {NULL, "", "help: with # and \"", "two\nlines \xE2\x80\xA8 \x01",
                                        "a help so long that it does not fit behind the value and has to go above it"};
    for (size_t i = 0; i < 2 * TEXTS; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        rows[i] = (elbo_recipe_row){i < 10      ? NULL
                                    : i < TEXTS ? "first"
                                                : "second",
                                    keys[i], texts[i % TEXTS], helps[i % 5], i >= TEXTS};
    }
    assert_reads_back(place->path, rows, 2 * TEXTS);
    assert_reads_back(place->path, rows, 0);
}

/* Random texts of the characters that matter to YAML. */
static void random_texts(void **state) {
    scratch *place = *state;
    static const char *const pieces[] = {
        " ",    "\n", "\t", ":", "#", "-", "\"", "'", "\\", "[", "]", "{",        "}",        ",",
        "&",    "*",  "!",  "|", ">", "%", "@",  "?", "a",  "0", ".", "\xC3\xA9", "\xC2\x85", "\xE2\x80\xA8",
        "\x7f", "\r"};
    const elbo_rng rng = {.seed = 7, .stream = 1, .step = 0};
    enum { ROWS = 200, LENGTH = 12 };
    static char keys[ROWS][8], values[ROWS][LENGTH * 3 + 1];
    elbo_recipe_row rows[ROWS];
    for (uint32_t file = 0; file < 5; file++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            snprintf(keys[i], sizeof keys[i], "k%u", i);
            values[i][0] = 0;
            for (uint32_t k = 0; k < i % (LENGTH + 1); k++)
                strcat(values[i], pieces[elbo_rng_below(&rng, file * ROWS + i, k, sizeof pieces / sizeof *pieces)]);
            const char *section = i < 50 ? NULL : i < 100 ? "s" : "t";
            rows[i] = (elbo_recipe_row){section, keys[i], values[i], i % 3 ? values[i] : NULL, i % 5 == 0};
        }
        assert_reads_back(place->path, rows, ROWS);
    }
}

static void looks(void **state) {
    scratch *place = *state;
    size_t count;
    const elbo_recipe_row rows[] = {
        {"data", "data", "synth:glyphs", "what to train on", false},
        {"model", "hidden", "500,200", "units of each hidden layer", true},
        {"model", "activation", "", NULL, false},
        {"model", "tag", "null", NULL, false},
        {NULL, "seed", "1", "of every random number", false},
    };
    assert_int_equal(elbo_recipe_write(place->path, "A recipe.", rows, 5, NULL), ELBO_OK);
    char *text = scratch_read(place->path, &count);
    assert_string_equal(text,
                        "# A recipe.\n"
                        "\ndata:\n  data: synth:glyphs              # what to train on\n"
                        "\nmodel:\n  hidden: [500, 200]              # units of each hidden layer\n"
                        "  activation: \"\"\n"
                        "  tag: \"null\"\n"
                        "\nseed: 1                           # of every random number\n");
    free(text);
}

static void refused_by_the_writer(void **state) {
    scratch *place = *state;
    static const struct {
        elbo_recipe_row rows[3];
        const char *word;
    } cases[] = {
        {{{NULL, "a-b", "1", NULL, false}, {"s", "a_b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "given twice"},
        {{{"s", "a", "1", NULL, false}, {NULL, "b", "1", NULL, false}, {"s", "c", "", NULL, false}},
         "section \"s\" is given twice"},
        {{{"s", "a", "1", NULL, false}, {NULL, "s", "1", NULL, false}, {NULL, "c", "", NULL, false}}, "both a section"},
        {{{NULL, "s", "1", NULL, false}, {"s", "b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "both a section"},
        {{{NULL, "a b", "1", NULL, false}, {"s", "b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "\"a b\""},
        {{{"s t", "a", "1", NULL, false}, {"s", "b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "\"s t\""},
        {{{NULL, "a", "\xFF", NULL, false}, {"s", "b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "UTF-8"},
        {{{NULL, "a", "1", "\xC3", false}, {"s", "b", "1", NULL, false}, {"s", "c", "", NULL, false}}, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        assert_int_equal(elbo_recipe_write(place->path, NULL, cases[i].rows, 3, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, cases[i].word)) fail_msg("case %zu: %s", i, error.message);
        assert_int_not_equal(access(place->path, F_OK), 0);
    }
}

static const char sample[] =
    "# c\ndata:\n  data: 'x y'\n  n: [1, 2, 3]\nm:\n  t: \"\\u00e9\\n\"\n  u: |\n   a\n   b\nz: -1e-3 # c\n";

static void each_truncation_and_flip(void **state) {
    (void)state;
    char text[sizeof sample];
    size_t refused = 0;
    for (size_t length = 0; length < strlen(sample); length++) {
        elbo_recipe recipe;
        elbo_error error = {0};
        elbo_status status = elbo_recipe_parse(&recipe, "r", sample, length, &error);
        assert_true(status == ELBO_OK || status == ELBO_ERROR_FORMAT);
        elbo_recipe_clear(&recipe);
    }
    for (size_t at = 0; at < strlen(sample); at++)
        for (int value = 0; value < 256; value++) {
            elbo_recipe recipe;
            elbo_error error = {0};
            memcpy(text, sample, sizeof sample);
            text[at] = (char)value;
            elbo_status status = elbo_recipe_parse(&recipe, "r", text, strlen(sample), &error);
            assert_true(status == ELBO_OK || (status == ELBO_ERROR_FORMAT && strncmp(error.message, "r:", 2) == 0));
            refused += status != ELBO_OK;
            elbo_recipe_clear(&recipe);
        }
    assert_true(refused > strlen(sample) * 100);
}

/* Nothing that a small file says may cost much memory or time. */
static void floods(void **state) {
    scratch *place = *state;
    elbo_recipe recipe;
    elbo_error error = {0};
    enum { SIZE = 1 << 20 };
    char *text = calloc(1, SIZE + 2);
    assert_non_null(text);
    memset(text, '[', SIZE);
    assert_int_equal(elbo_recipe_parse(&recipe, "r", text, SIZE, &error), ELBO_ERROR_FORMAT);
    size_t used = 0;
    for (int i = 0; used < SIZE - 20; i++) used += (size_t)sprintf(text + used, "k%d: 1\n", i);
    assert_int_equal(elbo_recipe_parse(&recipe, "r", text, used, &error), ELBO_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "r:4097:1: more than 4096 keys"));
    memset(text, '#', SIZE + 1);
    scratch_write(place->path, text, SIZE + 1);
    assert_int_equal(elbo_recipe_read(&recipe, place->path, &error), ELBO_ERROR_FORMAT);
    free(text);
}

static void each_allocation(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_status status;
    elbo_recipe recipe;
    const elbo_recipe_row rows[] = {{"s", "a", "1", "help", false}};
    SCRATCH_EACH_ALLOCATION(number, status = elbo_recipe_write(place->path, "t", rows, 1, &error),
                            assert_true(status == ELBO_OK || (scratch_reached && status == ELBO_ERROR_MEMORY)));
    scratch_write(place->path, sample, strlen(sample));
    SCRATCH_EACH_ALLOCATION(number, status = elbo_recipe_read(&recipe, place->path, &error), {
        assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        elbo_recipe_clear(&recipe);
    });
}

static void full_and_unwritable(void **state) {
    scratch *place = *state;
    char path[160];
    size_t count;
    elbo_error error = {0};
    elbo_recipe recipe;
    const elbo_recipe_row rows[] = {{"section", "key", "some text", "help", false}};
    scratch_write(place->path, "old: 1\n", 7);
    scratch_disk_size(10);
    elbo_status status = elbo_recipe_write(place->path, "title", rows, 1, &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_int_equal(status, ELBO_ERROR_IO);
    char *text = scratch_read(place->path, &count);
    assert_string_equal(text, "old: 1\n");
    free(text);
    snprintf(path, sizeof path, "%s/below", place->path);
    assert_int_equal(elbo_recipe_write(path, NULL, rows, 1, &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_recipe_read(&recipe, path, &error), ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(elbo_recipe_read(&recipe, place->folder, &error), ELBO_ERROR_IO);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_good), cmocka_unit_test(read_bad),       cmocka_unit_test(places),
        IN_FOLDER(any_text),         IN_FOLDER(random_texts),          IN_FOLDER(looks),
        IN_FOLDER(floods),           IN_FOLDER(refused_by_the_writer), cmocka_unit_test(each_truncation_and_flip),
        IN_FOLDER(each_allocation),  IN_FOLDER(full_and_unwritable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
