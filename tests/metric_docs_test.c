/* docs/metrics.md from the table of metrics: `metric_docs_test --write PATH` writes it (the target docs-metrics does),
 * the test compares the committed file with what would be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "elbo.h"

static const struct {
    const char *kind, *title, *text;
} kinds[] = {
    {"clusters", "Clusters",
     "    elbo score clusters --predicted c.npy --true y.npy\n\n"
     "Labels are whole numbers that mean nothing; there may be more clusters than classes and the\n"
     "reverse. N rows, c clusters, y classes, natural logarithms."},
    {"disentanglement", "Disentanglement",
     "    elbo score disentanglement --codes z.npy --factors v.npy\n\n"
     "Codes [N, Z], usually posterior means, beside the F factors [N, F] of the same rows: the whole grid of the "
     "factors\n"
     "or a sample of it. Factors with one value are left out. Batches with one factor fixed are drawn, with "
     "replacement,\n"
     "from the rows that share its value. Histograms and variances are those of 10 000 rows, fits are on 10 000 rows "
     "and\n"
     "judged on 5000 others; of fewer rows all, two thirds and a third. Trees: 100 rounds of depth 3 at rate 0.1,\n"
     "questions between at most 256 quantiles, importance by the decrease of the squared error. Defaults are those of\n"
     "Locatello et al. 2019; options change them."},
    {"topics", "Topics",
     "    elbo score topics --topics beta.npy --corpus train.npy --vocabulary vocab.txt\n"
     "    elbo score topics --bounds elbo.npy --lengths words.npy\n\n"
     "Coherence counts documents of a reference corpus in which words occur. Bags of words have no order, so that a\n"
     "document is one window. c_v as published slides a window of 110 words over text; figures of the two differ."},
    {"detection", "Detection",
     "    elbo score detection --scores s.npy --labels y.npy --false-alarms 0.05\n\n"
     "Scores are high for anomalies. Equal scores are never told apart."},
    {"probe", "Probes",
     "    elbo score probe --codes train_z.npy --labels train_y.npy --test-codes z.npy --test-labels y.npy\n\n"
     "Without test rows a fifth of the rows is held out. The linear probe is fitted by L-BFGS until no\n"
     "element of the gradient is above 1e-5; l2 = 1 is C = 1 of other tools."},
    {"frechet", "Frechet distance",
     "    elbo score frechet --a data_features.npy --b sample_features.npy\n"
     "    elbo score frechet --classifier c.safetensors --a samples.npy --b mnist --b-split test\n"
     "    elbo eval RUN --frechet c.safetensors\n\n"
     "Features come from a classifier or another extractor, the same for both sets: from files, or from the last\n"
     "hidden layer of a classifier that `elbo classify train` made of the same kind of data. Figures compare only\n"
     "with those of the same classifier and of as many rows. They are no FID, whose features are those of an\n"
     "Inception network.\n\n"
     "`elbo eval --frechet` compares draws of a model with rows of a split: means of p(x|z) at codes from the prior\n"
     "(`--mixture`: from a mixture fitted to codes of data), `--count` of them or 10 000. Means, since draws of\n"
     "pixels are noise beside grey values. `floor` is the distance of as many training rows: what a model that\n"
     "repeats its training data would have."},
    {"units", "Active units",
     "    elbo score units --codes means.npy --layers 64,32,16,8,4\n\n"
     "`elbo eval` counts them for a model: `active_units`, and for codes in levels `layers` and `layer_active`, from\n"
     "the data up. A table of `elbo reproduce` names the levels `active_units_1`, `active_units_2`, ... In a ladder\n"
     "the mean of a level moves with the level above it, though it says nothing of its own about the datum:\n"
     "`layer_used` (`used_units_1`, ...) counts the units whose KL from the prior is above 0.01 nats, as the paper of\n"
     "the ladder does."},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void write_metric(FILE *out, const elbo_metric_info *metric) {
    fprintf(out, "### %s\n\n%s.\n\n    %s\n\n- needs: %s\n- range: %s; %s\n- source: %s\n\n", metric->name,
            metric->title, metric->formula, metric->needs, metric->range, metric->direction, metric->source);
}

static void write_page(FILE *out) {
    elbo_metric_info metric;
    fputs(
        "# Metrics\n\n"
        "Generated from the code; `cmake --build --preset release --target docs-metrics` writes it anew.\n\n"
        "`elbo score KIND` reads arrays that were made anywhere and prints figures; `--json` prints them for a "
        "program,\n"
        "under the names below. `elbo_score_*` in elbo.h are the same as functions. Sums are in double precision. A\n"
        "figure that its input does not define is NaN (`null` in JSON), and a warning says why.\n\n"
        "| name | kind | what | range | |\n|---|---|---|---|---|\n",
        out);
    for (size_t i = 0; elbo_metric_at(i, &metric); i++)
        fprintf(out, "| [%s](#%s) | %s | %s | %s | %s |\n", metric.name, metric.name, metric.kind, metric.title,
                metric.range, metric.direction);
    for (int k = 0; k < KINDS; k++) {
        fprintf(out, "\n## %s\n\n%s\n\n", kinds[k].title, kinds[k].text);
        for (size_t i = 0; elbo_metric_at(i, &metric); i++)
            if (strcmp(metric.kind, kinds[k].kind) == 0) write_metric(out, &metric);
    }
}

/* The page as a string that the caller frees. */
static char *page(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    write_page(out);
    fclose(out);
    return text;
}

static void the_page_is_up_to_date(void **state) {
    (void)state;
    char *expected = page(), *found = NULL;
    assert_non_null(expected);
    FILE *in = fopen(TEST_DIR "/../docs/metrics.md", "r");
    if (!in) fail_msg("docs/metrics.md is not there; the target docs-metrics writes it");
    size_t size = strlen(expected);
    found = calloc(size + 2, 1);
    assert_non_null(found);
    size_t got = fread(found, 1, size + 1, in);
    fclose(in);
    bool same = got == size && memcmp(found, expected, size) == 0;
    free(found);
    free(expected);
    if (!same) fail_msg("docs/metrics.md is out of date; the target docs-metrics writes it");
}

static void every_metric_is_described_once(void **state) {
    (void)state;
    elbo_metric_info metric, other;
    size_t count = 0;
    for (; elbo_metric_at(count, &metric); count++) {
        const char *const texts[] = {metric.name,  metric.kind,      metric.title,   metric.needs,
                                     metric.range, metric.direction, metric.formula, metric.source};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) assert_true(texts[t] && *texts[t]);
        for (size_t i = 0; i < count && elbo_metric_at(i, &other); i++)
            assert_string_not_equal(metric.name, other.name);
        int known = 0;
        for (int k = 0; k < KINDS; k++) known += strcmp(metric.kind, kinds[k].kind) == 0;
        assert_int_equal(known, 1);
        const char *name, *title;
        assert_true(elbo_registry_entry("metrics", count, &name, &title));
        assert_string_equal(name, metric.name);
        assert_string_equal(title, metric.title);
    }
    assert_true(count > 20);
    assert_false(elbo_metric_at(count + 1000, &metric));
    assert_false(elbo_registry_entry("metrics", count, NULL, NULL));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        char *text = page();
        FILE *out = fopen(argv[2], "w");
        bool written = text && out && fputs(text, out) >= 0;
        if (out && fclose(out) != 0) written = false;
        free(text);
        return written ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_is_up_to_date),
                                       cmocka_unit_test(every_metric_is_described_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
