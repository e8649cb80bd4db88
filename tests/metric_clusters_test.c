/* Clusters against classes: matchings against every permutation, figures against NumPy's and against hand-made ones. */
#include "metric_support.h"

#include "eval/metric/assignment.h"

/* ---- Matchings ---- */

/* The best sum over all ways to give rows columns, by trying them. */
static int64_t best_by_trying(const int64_t *gain, int64_t rows, int64_t columns, int64_t row, unsigned taken,
                              int64_t may_skip) {
    if (row == rows) return 0;
    int64_t best = INT64_MIN;
    if (may_skip > 0) best = best_by_trying(gain, rows, columns, row + 1, taken, may_skip - 1);
    for (int64_t c = 0; c < columns; c++) {
        if (taken & (1U << c)) continue;
        int64_t rest = best_by_trying(gain, rows, columns, row + 1, taken | (1U << c), may_skip);
        if (rest > INT64_MIN && rest + gain[row * columns + c] > best) best = rest + gain[row * columns + c];
    }
    return best;
}

static void matchings_are_the_best(void **state) {
    (void)state;
    elbo_rng rng = {7, 1, 0};
    for (uint32_t trial = 0; trial < 600; trial++) {
        int64_t rows = 1 + (int64_t)elbo_rng_below(&rng, trial, 0, 6), match[6], sum = 0;
        int64_t columns = 1 + (int64_t)elbo_rng_below(&rng, trial, 1, 6), gain[36];
        uint64_t range = trial % 3 == 0 ? 3 : 1000; /* many equal gains, or few */
        unsigned taken = 0;
        for (int64_t i = 0; i < rows * columns; i++)
            gain[i] = (int64_t)elbo_rng_below(&rng, trial, 2 + (uint32_t)i, range);
        assert_int_equal(elbo_assignment(gain, rows, columns, match, NULL), ELBO_OK);
        int64_t matched = 0;
        for (int64_t r = 0; r < rows; r++) {
            if (match[r] < 0) continue;
            assert_true(match[r] < columns);
            assert_false(taken & (1U << match[r]));
            taken |= 1U << match[r];
            sum += gain[r * columns + match[r]];
            matched++;
        }
        assert_int_equal(matched, rows < columns ? rows : columns);
        assert_int_equal(sum, best_by_trying(gain, rows, columns, 0, 0, rows > columns ? rows - columns : 0));
    }
}

static void large_matchings_are_refused(void **state) {
    (void)state;
    elbo_error error = {0};
    int64_t gain = 0, match = 0; /* refused before they are looked at */
    assert_int_equal(elbo_assignment(&gain, 10000, 10000, &match, &error), ELBO_ERROR_UNSUPPORTED);
    expect_message(&error, ELBO_ERROR_UNSUPPORTED, "10000 clusters");
}

/* ---- Figures ---- */

static elbo_cluster_scores score(const double *predicted, const double *truth, int64_t count) {
    elbo_array arrays[] = {table_from(predicted, count, 0), table_from(truth, count, 0)};
    elbo_cluster_scores scores;
    elbo_error error = {0};
    if (elbo_score_clusters(&arrays[0], &arrays[1], &scores, &error) != ELBO_OK) fail_msg("%s", error.message);
    free_all(arrays, 2);
    return scores;
}

static void figures_are_numpys(void **state) {
    (void)state;
    elbo_array table = fixture("clusters"), wanted = fixture("clusters_scores");
    elbo_array predicted = column_of(&table, 0), truth = column_of(&table, 1);
    elbo_cluster_scores s = score(numbers(&predicted), numbers(&truth), 80);
    const double got[] = {s.accuracy, s.nmi, s.nmi_geometric, s.nmi_max, s.ari, s.purity};
    /* Sums of about 30 terms of size 1: 1e-13 is far above their rounding. */
    for (size_t i = 0; i < COUNT(got); i++) close_to(got[i], numbers(&wanted)[i], 1e-13, "a figure");
    assert_int_equal(s.clusters, 7);
    assert_int_equal(s.classes, 4);
    elbo_cluster_scores_clear(&s);
    free_all((elbo_array[]){table, wanted, predicted, truth}, 4);
}

/* Two clusters of 3 and 3 rows against classes of 4 and 2, table {3 0, 1 2}. */
static void figures_by_hand(void **state) {
    (void)state;
    static const double predicted[] = {5, 5, 5, 9, 9, 9}, truth[] = {0, 0, 0, 0, 1, 1};
    elbo_cluster_scores s = score(predicted, truth, 6);
    double information = 0.5 * log(3 * 6 / 12.0) + log(6 / 12.0) / 6 + log(2 * 6 / 6.0) / 3;
    double first = log(2), second = -(2 * log(2 / 3.0) + log(1 / 3.0)) / 3;
    close_to(s.accuracy, 5.0 / 6, 1e-15, "accuracy");
    close_to(s.purity, 5.0 / 6, 1e-15, "purity");
    close_to(s.nmi, information / (0.5 * (first + second)), 1e-14, "nmi");
    close_to(s.nmi_geometric, information / sqrt(first * second), 1e-14, "nmi_geometric");
    close_to(s.nmi_max, information / log(2), 1e-14, "nmi_max");
    /* Pairs together in both: 3 + 0 + 0 + 1; in clusters: 3 + 3; in classes: 6 + 1; of 15 in all. */
    close_to(s.ari, (4 - 6 * 7 / 15.0) / (6.5 - 6 * 7 / 15.0), 1e-14, "ari");
    assert_int_equal(s.cluster[0], 5);
    assert_int_equal(s.matched[0], 0);
    assert_int_equal(s.cluster[1], 9);
    assert_int_equal(s.matched[1], 1);
    elbo_cluster_scores_clear(&s);
}

static void names_mean_nothing(void **state) {
    (void)state;
    static const double predicted[] = {-1, -1, 70, 70, 3, 3}, truth[] = {2, 2, 0, 0, 1, 1};
    elbo_cluster_scores s = score(predicted, truth, 6);
    const double got[] = {s.accuracy, s.nmi, s.nmi_geometric, s.nmi_max, s.ari, s.purity};
    for (size_t i = 0; i < COUNT(got); i++) close_to(got[i], 1, 1e-15, "a figure of perfect clusters");
    elbo_cluster_scores_clear(&s);
}

static void more_clusters_than_classes_and_the_reverse(void **state) {
    (void)state;
    static const double many[] = {0, 1, 2, 3, 4, 5}, few[] = {0, 0, 0, 1, 1, 1};
    elbo_cluster_scores s = score(many, few, 6);
    close_to(s.accuracy, 2.0 / 6, 1e-15, "accuracy of single rows");
    close_to(s.purity, 1, 1e-15, "purity of single rows");
    close_to(s.nmi, log(2) / (0.5 * (log(6) + log(2))), 1e-14, "nmi of single rows");
    close_to(s.ari, 0, 1e-15, "ari of single rows");
    int unmatched = 0;
    for (int i = 0; i < 6; i++) unmatched += s.matched[i] == ELBO_UNMATCHED;
    assert_int_equal(unmatched, 4);
    elbo_cluster_scores_clear(&s);
    s = score(few, many, 6);
    close_to(s.accuracy, 2.0 / 6, 1e-15, "accuracy of two clusters");
    close_to(s.purity, 2.0 / 6, 1e-15, "purity of two clusters");
    elbo_cluster_scores_clear(&s);
}

static void one_label(void **state) {
    (void)state;
    static const double same[] = {4, 4, 4, 4}, two[] = {0, 0, 1, 1};
    elbo_cluster_scores s = score(same, same, 4);
    const double got[] = {s.accuracy, s.nmi, s.nmi_geometric, s.nmi_max, s.ari, s.purity};
    for (size_t i = 0; i < COUNT(got); i++) close_to(got[i], 1, 0, "one cluster, one class");
    elbo_cluster_scores_clear(&s);
    s = score(same, two, 4);
    const double none[] = {s.nmi, s.nmi_geometric, s.nmi_max, s.ari};
    for (size_t i = 0; i < COUNT(none); i++) close_to(none[i], 0, 1e-15, "one cluster, two classes");
    close_to(s.accuracy, 0.5, 1e-15, "accuracy of one cluster");
    elbo_cluster_scores_clear(&s);
    s = score(same, two, 1);
    close_to(s.ari, 1, 0, "ari of one row");
    elbo_cluster_scores_clear(&s);
}

/* Labels that know nothing of each other: 2 N I is chi-squared with (K-1)(C-1) = 81 degrees of freedom, beyond 160 with
 * a probability of about 4e-7. ARI is about (X^2 - 81) / (9 N) with X^2 distributed likewise: six standard deviations
 * are passed with a probability below 1e-6. */
static void independent_labels(void **state) {
    (void)state;
    enum { ROWS = 20000 };
    elbo_rng rng = {3, 1, 0};
    elbo_array a = table_new(ROWS, 0), b = table_new(ROWS, 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        numbers(&a)[i] = (double)elbo_rng_below(&rng, i, 0, 10);
        numbers(&b)[i] = (double)elbo_rng_below(&rng, i, 1, 10);
    }
    elbo_cluster_scores s = score(numbers(&a), numbers(&b), ROWS);
    assert_true(s.nmi * log(10) * 2 * ROWS < 160);
    close_to(s.ari, 0, 6 * sqrt(162) / (9.0 * ROWS), "ari of independent labels");
    elbo_cluster_scores_clear(&s);
    free_all((elbo_array[]){a, b}, 2);
}

static void refused(const elbo_array *a, const elbo_array *b, elbo_status status, const char *part) {
    elbo_error error = {0};
    elbo_cluster_scores s;
    assert_int_equal(elbo_score_clusters(a, b, &s, &error), status);
    expect_message(&error, status, part);
    assert_null(s.cluster);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    elbo_array three = table_new(3, 0), four = table_new(4, 0), empty = table_new(0, 0), wide = table_new(3, 2);
    refused(&three, &four, ELBO_ERROR_SHAPE, "predicted: 3 rows, but true: 4");
    refused(&empty, &empty, ELBO_ERROR_SHAPE, "predicted: the array is empty");
    refused(&three, &wide, ELBO_ERROR_SHAPE, "true: 2 columns");
    refused(&three, &(elbo_array){0}, ELBO_ERROR_USAGE, "true: no array");
    numbers(&three)[1] = 0.5;
    refused(&three, &three, ELBO_ERROR_FORMAT, "predicted: row 1, column 0 (from 0) is 0.5; a whole number");
    numbers(&three)[1] = NAN;
    refused(&three, &three, ELBO_ERROR_FORMAT, "row 1");
    free_all((elbo_array[]){three, four, empty, wide}, 4);
}

static void memory_may_run_out(void **state) {
    (void)state;
    elbo_array a = table_new(5, 0), b = table_new(5, 0);
    for (long number = 1;; number++) {
        elbo_cluster_scores s;
        elbo_memory_fail_at(number);
        elbo_status status = elbo_score_clusters(&a, &b, &s, NULL);
        bool reached = elbo_memory_count() >= number;
        elbo_memory_fail_at(0);
        assert_int_equal(status, reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        elbo_cluster_scores_clear(&s);
        if (!reached) break;
    }
    free_all((elbo_array[]){a, b}, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matchings_are_the_best),
        cmocka_unit_test(large_matchings_are_refused),
        cmocka_unit_test(figures_are_numpys),
        cmocka_unit_test(figures_by_hand),
        cmocka_unit_test(names_mean_nothing),
        cmocka_unit_test(more_clusters_than_classes_and_the_reverse),
        cmocka_unit_test(one_label),
        cmocka_unit_test(independent_labels),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
