/* Documents from known topics: determinism, and frequencies against the distributions that they are drawn from. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after the above */
#include <cmocka.h>

#include "base/memory.h"
#include "data/synth/synth.h"

static elbo_topics_options options_of(const char *source) {
    elbo_topics_options options;
    elbo_error error;
    if (elbo_synth_options(&elbo_topics_options_table, &options, source, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    return options;
}

static elbo_table table_of(const char *source) {
    elbo_topics_options options = options_of(source);
    elbo_table table = {0};
    assert_int_equal(elbo_synth_topics(&table, &options, NULL), ELBO_OK);
    return table;
}

static bool same_row(const elbo_table *a, int64_t row_a, const elbo_table *b, int64_t row_b) {
    int64_t start_a = a->sparse.row_start[row_a], start_b = b->sparse.row_start[row_b];
    int64_t count = a->sparse.row_start[row_a + 1] - start_a;
    return count == b->sparse.row_start[row_b + 1] - start_b &&
           memcmp(a->sparse.column + start_a, b->sparse.column + start_b, (size_t)count * sizeof(int32_t)) == 0 &&
           memcmp(a->sparse.value + start_a, b->sparse.value + start_b, (size_t)count * sizeof(float)) == 0 &&
           ((int32_t *)a->labels.data)[row_a] == ((int32_t *)b->labels.data)[row_b];
}

/* Other training rows leave the test rows as they are; another seed changes them. */
static void test_determinism(void **state) {
    (void)state;
    elbo_table some = table_of("synth:topics?documents=20&test=9"), more = table_of("synth:topics?documents=33&test=9");
    elbo_table other = table_of("synth:topics?documents=20&test=9&seed=1");
    for (int64_t row = 0; row < 20; row++) assert_true(same_row(&some, row, &more, row));
    for (int64_t row = 0; row < 9; row++) assert_true(same_row(&some, 20 + row, &more, 33 + row));
    assert_false(same_row(&some, 0, &other, 0));
    assert_int_equal(some.train_rows, 20);
    assert_int_equal(some.classes, 10);
    assert_int_equal(some.features, 500);
    assert_string_equal(some.feature_names[7], "word7");
    elbo_table_clear(&some);
    elbo_table_clear(&more);
    elbo_table_clear(&other);
}

/* Lengths lie in their range, and the label is the largest share. */
static void test_documents(void **state) {
    (void)state;
    const char *source = "synth:topics?documents=200&test=0&length=7&topics=4&vocabulary=30";
    elbo_topics_options options = options_of(source);
    elbo_table table = table_of(source);
    double shares[4];
    bool met[11] = {false};
    for (int64_t row = 0; row < 200; row++) {
        float length = 0;
        for (int64_t e = table.sparse.row_start[row]; e < table.sparse.row_start[row + 1]; e++)
            length += table.sparse.value[e];
        assert_true(length >= 4 && length <= 10);
        met[(int)length] = true;
        elbo_synth_topics_shares(&options, elbo_synth_sample(row, 200), shares);
        int32_t label = ((int32_t *)table.labels.data)[row];
        for (int k = 0; k < 4; k++) assert_true(shares[k] <= shares[label]);
    }
    for (int length = 4; length <= 10; length++) assert_true(met[length]); /* missed with probability 7 (6/7)^200 */
    elbo_table_clear(&table);
}

/* Shares of K topics with concentration a have mean 1/K and variance (1/K)(1 - 1/K) / (K a + 1). Over n documents the
 * mean of a share and of its square are within 5 standard errors, which a right generator misses less than once in
 * 10^5 times for the 2 x 3 x 2 comparisons here; the error of the square's mean is at most 1/sqrt(n) times 1/2. */
static void test_shares(void **state) {
    (void)state;
    enum { DOCUMENTS = 20000, TOPICS = 3 };
    static const char *const sources[] = {"synth:topics?topics=3&concentration=0.2",
                                          "synth:topics?topics=3&concentration=4"};
    for (int s = 0; s < 2; s++) {
        elbo_topics_options options = options_of(sources[s]);
        double sum[TOPICS] = {0}, square[TOPICS] = {0}, shares[TOPICS];
        for (uint32_t d = 0; d < DOCUMENTS; d++) {
            elbo_synth_topics_shares(&options, d, shares);
            for (int k = 0; k < TOPICS; k++) sum[k] += shares[k], square[k] += shares[k] * shares[k];
        }
        double variance = 2.0 / 9 / (TOPICS * options.concentration + 1), second = variance + 1.0 / 9;
        for (int k = 0; k < TOPICS; k++) {
            assert_true(fabs(sum[k] / DOCUMENTS - 1.0 / 3) < 5 * sqrt(variance / DOCUMENTS));
            assert_true(fabs(square[k] / DOCUMENTS - second) < 5 * 0.5 / sqrt(DOCUMENTS));
        }
    }
}

/* How often each word occurs against the mean over documents of shares times words: a chi-squared test, whose false
 * alarms are below 10^-6 at mean + 6 standard deviations. Words of one document share its topics, and the expectation
 * takes those as they are, so that only the draws of words are tested. */
static void test_words(void **state) {
    (void)state;
    enum { DOCUMENTS = 3000, TOPICS = 4, WORDS = 20 };
    const char *source = "synth:topics?topics=4&vocabulary=20&documents=3000&test=0&length=40&word_concentration=0.5";
    elbo_topics_options options = options_of(source);
    elbo_table table = table_of(source);
    double words[TOPICS * WORDS], shares[TOPICS], wanted[WORDS] = {0}, got[WORDS] = {0}, square = 0;
    elbo_synth_topics_words(&options, words);
    for (int k = 0; k < TOPICS; k++) {
        double sum = 0;
        for (int v = 0; v < WORDS; v++) sum += words[k * WORDS + v];
        assert_true(fabs(sum - 1) < 1e-12);
    }
    for (int64_t d = 0; d < DOCUMENTS; d++) {
        float row[WORDS], length = 0;
        elbo_sparse_row(&table.sparse, d, row);
        for (int v = 0; v < WORDS; v++) length += row[v], got[v] += (double)row[v];
        elbo_synth_topics_shares(&options, (uint32_t)d, shares);
        for (int k = 0; k < TOPICS; k++)
            for (int v = 0; v < WORDS; v++) wanted[v] += (double)length * shares[k] * words[k * WORDS + v];
    }
    int free = -1;
    for (int v = 0; v < WORDS; v++) {
        if (wanted[v] < 5) continue;
        square += (got[v] - wanted[v]) * (got[v] - wanted[v]) / wanted[v];
        free++;
    }
    assert_true(free > 5 && square < free + 6 * sqrt(2.0 * free));
    elbo_table_clear(&table);
}

static void test_memory(void **state) {
    (void)state;
    elbo_topics_options options = options_of("synth:topics?documents=5&test=2&vocabulary=9&topics=2");
    for (long number = 1;; number++) {
        elbo_table table = {0};
        elbo_memory_fail_at(number);
        elbo_status status = elbo_synth_topics(&table, &options, NULL);
        long made = elbo_memory_count();
        elbo_memory_fail_at(0);
        elbo_table_clear(&table);
        if (made < number) break;
        assert_int_equal(status, ELBO_ERROR_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_determinism), cmocka_unit_test(test_documents),
                                       cmocka_unit_test(test_shares), cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
