/* Disentanglement: closed-form cases, chance, NumPy's figures, trees by brute force. Draws have fixed seeds; stated
 * bounds are passed by a correct implementation with the stated probability for other ones. */
#include "metric_support.h"

#include "eval/metric/boosting.h"
#include "eval/metric/disentanglement.h"

/* ---- Trees ---- */

static void trees_are_those_of_brute_force(void **state) {
    (void)state;
    elbo_array table = fixture("boosting"), test = fixture("boosting_test"), wanted = fixture("boosting_scores");
    elbo_array x = columns_of(&table, 3), test_x = columns_of(&test, 3);
    int32_t *label = whole_numbers(&table, 3), *test_label = whole_numbers(&test, 3);
    elbo_boosting fit, again;
    elbo_boosting_settings settings = {6, 2, 0.3, 1};
    assert_int_equal(elbo_boosting_fit(&fit, numbers(&x), label, 60, 3, 3, &settings, NULL), ELBO_OK);
    /* Sums over 60 rows and 6 rounds in another order: 1e-12 is far above their rounding. */
    for (int d = 0; d < 3; d++) close_to(fit.importance[d], numbers(&wanted)[d], 1e-12, "an importance");
    close_to(elbo_boosting_accuracy(&fit, numbers(&x), label, 60), numbers(&wanted)[3], 1e-15, "training accuracy");
    close_to(elbo_boosting_accuracy(&fit, numbers(&test_x), test_label, 40), numbers(&wanted)[4], 1e-15,
             "test accuracy");
    settings.threads = 3;
    assert_int_equal(elbo_boosting_fit(&again, numbers(&x), label, 60, 3, 3, &settings, NULL), ELBO_OK);
    assert_memory_equal(fit.importance, again.importance, 3 * sizeof(double));
    elbo_boosting_clear(&fit);
    elbo_boosting_clear(&again);
    elbo_free(label);
    elbo_free(test_label);
    free_all((elbo_array[]){table, test, wanted, x, test_x}, 5);
}

/* A column of more than 256 values is cut at quantiles; a checkerboard needs two questions, one above the other. */
static void trees_learn_what_one_question_cannot(void **state) {
    (void)state;
    enum { ROWS = 4000 };
    elbo_rng rng = {2, 1, 0};
    double *x = calloc(ROWS * 3, sizeof *x);
    int32_t *label = calloc(ROWS, sizeof *label);
    for (uint32_t i = 0; i < ROWS; i++) {
        for (uint32_t d = 0; d < 3; d++) x[i * 3 + d] = elbo_rng_normal(&rng, i, d);
        label[i] = (x[i * 3] > 0) ^ (x[i * 3 + 2] > 0.2);
    }
    elbo_boosting fit;
    elbo_boosting_settings settings = {60, 3, 0.3, 1};
    assert_int_equal(elbo_boosting_fit(&fit, x, label, ROWS / 2, 3, 2, &settings, NULL), ELBO_OK);
    assert_true(elbo_boosting_accuracy(&fit, x + ROWS / 2 * 3, label + ROWS / 2, ROWS / 2) > 0.97);
    assert_true(fit.importance[1] < 0.05);
    elbo_boosting_clear(&fit);
    /* Nothing to ask: constant columns. */
    memset(x, 0, ROWS * 3 * sizeof *x);
    assert_int_equal(elbo_boosting_fit(&fit, x, label, ROWS, 3, 2, &settings, NULL), ELBO_OK);
    for (int d = 0; d < 3; d++) close_to(fit.importance[d], 0, 0, "an importance");
    elbo_boosting_clear(&fit);
    free(x);
    free(label);
}

/* ---- Batches with one factor fixed ---- */

/* Partners share the value of the factor, and every such row is drawn: of 20 rows, in 600 draws, each is missed with a
 * probability of 20 (19/20)^600 = 1e-12. */
static void partners_share_a_factor(void **state) {
    (void)state;
    elbo_array factors = table_new(60, 2);
    for (int i = 0; i < 60; i++) {
        numbers(&factors)[2 * i] = i * 7 % 3 * 10;
        numbers(&factors)[2 * i + 1] = i < 5;
    }
    elbo_factors table;
    assert_int_equal(elbo_factors_read(&table, &factors, &factors, 10, 10, 1, NULL), ELBO_OK);
    elbo_rng rng = {4, 1, 0};
    for (int64_t row = 0; row < 60; row++) {
        bool seen[60] = {false};
        for (uint32_t draw = 0; draw < 600; draw++)
            seen[elbo_factors_partner(&table, 0, row, &rng, (uint32_t)row, draw)] = true;
        for (int64_t other = 0; other < 60; other++) assert_int_equal(seen[other], other * 7 % 3 == row * 7 % 3);
    }
    assert_true(elbo_factors_repeat(&table, 0) && elbo_factors_repeat(&table, 1));
    assert_int_equal(table.train, 10);
    assert_int_equal(table.test, 10);
    bool taken[60] = {false}; /* no row is in both parts */
    for (int64_t i = 0; i < 60; i++) taken[table.order[i]] = true;
    for (int64_t i = 0; i < 60; i++) assert_true(taken[i]);
    elbo_factors_clear(&table);
    elbo_array_free(&factors);
}

/* ---- Formulas on tables ---- */

static void dci_by_hand(void **state) {
    (void)state;
    double d, c;
    static const double perfect[] = {0, 1, 0, 1, 0, 0, 0, 0, 1}, even[] = {0.5, 0.5, 0.5, 0.5};
    elbo_dci_scores(perfect, 3, 3, &d, &c);
    close_to(d, 1, 1e-15, "disentanglement");
    close_to(c, 1, 1e-15, "completeness");
    elbo_dci_scores(even, 2, 2, &d, &c);
    close_to(d, 0, 1e-15, "disentanglement of even importances");
    close_to(c, 0, 1e-15, "completeness of even importances");
    /* Two dimensions share one factor, the third has the other: complete by half, weighted by importance. */
    static const double split[] = {0.5, 0, 0.5, 0, 0, 1};
    elbo_dci_scores(split, 3, 2, &d, &c);
    close_to(d, 1, 1e-15, "disentanglement of a split factor");
    close_to(c, 0.5 * (1 - log(2) / log(3)) + 0.5, 1e-15, "completeness of a split factor");
    /* One dimension for both factors: weight 2 of 2. */
    static const double joined[] = {1, 1, 0, 0};
    elbo_dci_scores(joined, 2, 2, &d, &c);
    close_to(d, 0, 1e-15, "disentanglement of joined factors");
    close_to(c, 1, 1e-15, "completeness of joined factors");
    elbo_dci_scores(joined, 4, 1, &d, &c);
    assert_true(isnan(d));
}

static void gap_and_modularity_by_hand(void **state) {
    (void)state;
    static const double table[] = {3, 1, 2, 0.5, 0, 0}, scale[] = {4, 2};
    close_to(elbo_disentangling_gap(table, scale, 3, 2), 0.5 * (1 / 4.0 + 0.5 / 2), 1e-15, "the gap");
    assert_true(isnan(elbo_disentangling_gap(table, scale, 1, 2)));
    close_to(elbo_disentangling_modularity(table, 3, 2), ((1 - 1 / 9.0) + (1 - 0.25 / 4) + 0) / 3, 1e-15, "modularity");
    assert_true(isnan(elbo_disentangling_modularity(table, 6, 1)));
}

/* ---- Scores ---- */

static elbo_disentanglement score(const elbo_array *codes, const elbo_array *factors, const char *metrics) {
    elbo_disentanglement_options options;
    elbo_disentanglement out;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_disentanglement_options_table, &options, NULL), ELBO_OK);
    elbo_status status = elbo_options_set(&elbo_disentanglement_options_table, &options, "metrics", metrics, &error);
    options.votes = 1000;
    options.test_votes = 500;
    options.trees = 20;
    if (status == ELBO_OK) status = elbo_score_disentanglement(codes, factors, &options, 1, &out, &error);
    if (status != ELBO_OK) fail_msg("%s", error.message);
    elbo_options_clear(&elbo_disentanglement_options_table, &options);
    return out;
}

enum { SIZES = 3 };
static const int sizes[SIZES] = {3, 4, 5};

/* The grid of three factors, `copies` times. */
static elbo_array grid(int copies) {
    int rows = 60 * copies;
    elbo_array factors = table_new(rows, SIZES);
    for (int i = 0; i < rows; i++) {
        int left = i % 60;
        for (int f = 0; f < SIZES; f++) {
            numbers(&factors)[i * SIZES + f] = left % sizes[f];
            left /= sizes[f];
        }
    }
    return factors;
}

/* Each dimension is a factor; the order is another one. */
static void perfect_codes_score_one(void **state) {
    (void)state;
    elbo_array factors = grid(20), codes = table_new(1200, SIZES);
    for (int i = 0; i < 1200; i++)
        for (int f = 0; f < SIZES; f++)
            numbers(&codes)[i * SIZES + (f + 1) % SIZES] = 3 - 0.5 * numbers(&factors)[i * SIZES + f];
    elbo_disentanglement s = score(&codes, &factors, "all");
    close_to(s.beta_vae, 1, 0, "beta_vae");
    close_to(s.factor_vae, 1, 0, "factor_vae");
    close_to(s.mig, 1, 1e-12, "mig");
    close_to(s.modularity, 1, 1e-12, "modularity");
    close_to(s.dci_disentanglement, 1, 1e-12, "dci_disentanglement");
    close_to(s.dci_completeness, 1, 1e-12, "dci_completeness");
    close_to(s.dci_informativeness, 1, 0, "dci_informativeness");
    /* A threshold machine gets no more of a factor than its outer values; another dimension gets chance. */
    assert_true(s.sap > 0.15);
    assert_int_equal(s.active, 3);
    assert_int_equal(s.train, 800);
    assert_int_equal(s.test, 400);
    for (int f = 0; f < SIZES; f++)
        close_to(s.information[(f + 1) % SIZES * SIZES + f], log(sizes[f]), 1e-12, "information");
    assert_string_equal(s.warning, "");
    elbo_disentanglement_clear(&s);
    free_all((elbo_array[]){factors, codes}, 2);
}

/* Codes that do not look at the factors. 500 votes guess one of three factors: 1/3 +- 5 sqrt(2/9/500) but for 1e-6.
 * Plug-in information is at most its bias of about (20-1)(k-1)/2N, N = 6000, so that MIG stays below 0.02. Accuracies
 * of guesses of k values are 1/k in the mean; SAP is at most twice five standard deviations of one, 2 * 5 * 0.5 /
 * sqrt(2000). */
static void codes_without_factors_score_chance(void **state) {
    (void)state;
    enum { ROWS = 6000, DIMS = 4 };
    elbo_rng rng = {8, 1, 0};
    elbo_array factors = grid(100), codes = table_new(ROWS, DIMS);
    for (uint32_t i = 0; i < ROWS * DIMS; i++) numbers(&codes)[i] = elbo_rng_normal(&rng, i / DIMS, i % DIMS);
    elbo_disentanglement s = score(&codes, &factors, "all");
    double chance = 5 * sqrt(2 / 9.0 / 500);
    close_to(s.beta_vae, 1 / 3.0, chance, "beta_vae");
    close_to(s.factor_vae, 1 / 3.0, chance, "factor_vae");
    close_to(s.mig, 0, 0.02, "mig");
    close_to(s.sap, 0, 10 * 0.5 / sqrt(2000), "sap");
    close_to(s.dci_informativeness, (1 / 3.0 + 1 / 4.0 + 1 / 5.0) / 3, 5 * 0.5 / sqrt(2000), "dci_informativeness");
    assert_true(s.dci_disentanglement < 0.1 && s.dci_completeness < 0.1);
    elbo_disentanglement_clear(&s);
    free_all((elbo_array[]){factors, codes}, 2);
}

static void information_is_numpys(void **state) {
    (void)state;
    elbo_array codes = fixture("gaps_codes"), factors = fixture("gaps_factors"), mutual = fixture("gaps_information");
    elbo_array wanted = fixture("gaps_scores");
    elbo_disentanglement s = score(&codes, &factors, "mig,modularity");
    for (int i = 0; i < 12; i++) close_to(s.information[i], numbers(&mutual)[i], 1e-12, "information");
    close_to(s.mig, numbers(&wanted)[0], 1e-12, "mig");
    close_to(s.modularity, numbers(&wanted)[1], 1e-12, "modularity");
    assert_true(isnan(s.beta_vae) && isnan(s.factor_vae) && isnan(s.sap) && isnan(s.dci_disentanglement));
    elbo_disentanglement_clear(&s);
    free_all((elbo_array[]){codes, factors, mutual, wanted}, 4);
}

/* Dimensions that hardly vary have no vote, and factors with one value take no part. */
static void idle_dimensions_and_factors(void **state) {
    (void)state;
    elbo_array three = grid(20), factors = table_new(1200, 4), codes = table_new(1200, 4), still = table_new(1200, 2);
    for (int i = 0; i < 1200; i++) {
        for (int f = 0; f < 3; f++) {
            numbers(&factors)[i * 4 + f + 1] = numbers(&three)[i * 3 + f];
            numbers(&codes)[i * 4 + f] = numbers(&three)[i * 3 + f];
        }
        numbers(&codes)[i * 4 + 3] = 0.01 * (i / 60 % 2); /* knows nothing of the factors */
    }
    elbo_disentanglement s = score(&codes, &factors, "factor_vae,mig");
    close_to(s.factor_vae, 1, 0, "factor_vae");
    close_to(s.mig, 1, 1e-12, "mig");
    assert_int_equal(s.active, 3);
    assert_int_equal(s.used, 3);
    assert_int_equal(s.factors, 4);
    assert_non_null(strstr(s.warning, "1 of 4 factors take one value only"));
    close_to(s.information[0], 0, 0, "information on a constant factor");
    close_to(s.information[1], log(3), 1e-12, "information on the next");
    elbo_disentanglement_clear(&s);
    s = score(&still, &three, "all"); /* codes that never change */
    close_to(s.factor_vae, 0, 0, "factor_vae of constant codes");
    close_to(s.mig, 0, 0, "mig of constant codes");
    close_to(s.modularity, 0, 0, "modularity of constant codes");
    close_to(s.dci_disentanglement, 0, 0, "dci of constant codes");
    close_to(s.sap, 0, 0, "sap of constant codes");
    assert_int_equal(s.active, 0);
    assert_non_null(strstr(s.warning, "no dimension has a standard deviation of 0.05"));
    elbo_disentanglement_clear(&s);
    free_all((elbo_array[]){three, factors, codes, still}, 4);
}

static void single_factor_single_dimension(void **state) {
    (void)state;
    elbo_array factor = table_new(30, 1), unique = table_new(30, 2);
    for (int i = 0; i < 30; i++) {
        numbers(&factor)[i] = i % 3;
        numbers(&unique)[2 * i] = i % 3;
        numbers(&unique)[2 * i + 1] = i;
    }
    elbo_disentanglement s = score(&factor, &factor, "all");
    close_to(s.beta_vae, 1, 0, "beta_vae");
    assert_true(isnan(s.mig) && isnan(s.sap) && isnan(s.modularity));
    assert_true(isnan(s.dci_disentanglement) && isnan(s.dci_completeness));
    close_to(s.dci_informativeness, 1, 0, "dci_informativeness");
    assert_non_null(strstr(s.warning, "With one factor that varies"));
    assert_non_null(strstr(s.warning, "With one dimension"));
    elbo_disentanglement_clear(&s);
    s = score(&unique, &unique, "beta_vae,factor_vae,mig");
    assert_true(isnan(s.beta_vae) && isnan(s.factor_vae) && !isnan(s.mig));
    assert_non_null(strstr(s.warning, "most values of factor 1 occur in one row only"));
    elbo_disentanglement_clear(&s);
    free_all((elbo_array[]){factor, unique}, 2);
}

static void refused(const elbo_array *codes, const elbo_array *factors, const char *metrics, elbo_status status,
                    const char *part) {
    elbo_disentanglement_options options;
    elbo_disentanglement out;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_disentanglement_options_table, &options, NULL), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_disentanglement_options_table, &options, "metrics", metrics, NULL),
                     ELBO_OK);
    assert_int_equal(elbo_score_disentanglement(codes, factors, &options, 1, &out, &error), status);
    expect_message(&error, status, part);
    elbo_options_clear(&elbo_disentanglement_options_table, &options);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    elbo_array codes = table_new(6, 2), factors = table_new(6, 2), five = table_new(5, 2), two = table_new(2, 2);
    refused(&codes, &factors, "all", ELBO_ERROR_FORMAT, "every factor has one value");
    for (int i = 0; i < 6; i++) numbers(&factors)[2 * i] = i % 2;
    numbers(&two)[0] = 1;
    refused(&codes, &five, "all", ELBO_ERROR_SHAPE, "codes: 6 rows, but factors: 5");
    refused(&two, &two, "all", ELBO_ERROR_SHAPE, "2 rows; at least 3");
    refused(&codes, &factors, "mig,mgi", ELBO_ERROR_USAGE, "unknown 'mgi'");
    refused(&codes, &factors, "", ELBO_ERROR_USAGE, "metrics is empty");
    numbers(&factors)[5] = 1.5;
    refused(&codes, &factors, "mig", ELBO_ERROR_FORMAT, "factors: row 2, column 1 (from 0) is 1.5");
    numbers(&factors)[5] = 1;
    numbers(&codes)[9] = INFINITY;
    refused(&codes, &factors, "mig", ELBO_ERROR_NUMERIC, "codes: row 4, column 1 (from 0) is infinite");
    free_all((elbo_array[]){codes, factors, five, two}, 4);
}

static void memory_may_run_out(void **state) {
    (void)state;
    elbo_array factors = grid(1);
    elbo_disentanglement_options options;
    assert_int_equal(elbo_options_init(&elbo_disentanglement_options_table, &options, NULL), ELBO_OK);
    options.votes = options.test_votes = 20;
    options.batch = options.trees = 2;
    for (long number = 1; number < 4000; number++) {
        elbo_disentanglement out;
        elbo_memory_fail_at(number);
        elbo_status status = elbo_score_disentanglement(&factors, &factors, &options, 1, &out, NULL);
        bool reached = elbo_memory_count() >= number;
        elbo_memory_fail_at(0);
        assert_int_equal(status, reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        elbo_disentanglement_clear(&out);
        if (!reached) break;
    }
    elbo_options_clear(&elbo_disentanglement_options_table, &options);
    elbo_array_free(&factors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_those_of_brute_force),
        cmocka_unit_test(trees_learn_what_one_question_cannot),
        cmocka_unit_test(partners_share_a_factor),
        cmocka_unit_test(dci_by_hand),
        cmocka_unit_test(gap_and_modularity_by_hand),
        cmocka_unit_test(perfect_codes_score_one),
        cmocka_unit_test(codes_without_factors_score_chance),
        cmocka_unit_test(information_is_numpys),
        cmocka_unit_test(idle_dimensions_and_factors),
        cmocka_unit_test(single_factor_single_dimension),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
