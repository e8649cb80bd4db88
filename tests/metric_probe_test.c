/* Classifiers on codes: minima against SciPy's, neighbours against all distances, probes against known answers. */
#include "metric_support.h"

#include "eval/metric/lbfgs.h"
#include "eval/metric/logistic.h"
#include "eval/metric/neighbours.h"
#include "eval/metric/svm.h"

/* ---- Minimisation ---- */

/* sum of i x_i^2 / 2 - x_i: the minimum is x_i = 1 / i, -sum 1 / (2 i). */
static double bowl(void *user, const double *x, double *gradient) {
    int count = *(int *)user;
    double value = 0;
    for (int i = 0; i < count; i++) {
        value += 0.5 * (i + 1) * x[i] * x[i] - x[i];
        gradient[i] = (i + 1) * x[i] - 1;
    }
    return value;
}

static void lbfgs_finds_a_known_minimum(void **state) {
    (void)state;
    int count = 50;
    double x[50] = {0};
    elbo_lbfgs_result result;
    assert_int_equal(elbo_lbfgs(bowl, &count, x, count, 500, 1e-10, &result, NULL), ELBO_OK);
    assert_true(result.converged);
    for (int i = 0; i < count; i++) close_to(x[i], 1.0 / (i + 1), 1e-10, "a coordinate");
    assert_int_equal(elbo_lbfgs(bowl, &count, (double[50]){0}, count, 2, 1e-10, &result, NULL), ELBO_OK);
    assert_false(result.converged);
    assert_int_equal(result.iterations, 2);
}

static void compare_weights(const elbo_logistic *fit, const elbo_array *wanted, const double *scale,
                            const double *mean) {
    double common = 0;
    for (int k = 0; k < 4; k++) {
        const double *w = fit->weight + k * 4;
        double bias = w[3];
        for (int d = 0; d < 3; d++) {
            /* Gradients of both minimisers are below 1e-9 and the curvature is at least l2 / N = 0.008. */
            close_to(w[d] / scale[d], numbers(wanted)[k * 4 + d], 1e-6, "a weight");
            bias += w[d] * mean[d];
        }
        common += (bias - numbers(wanted)[k * 4 + 3]) / 4;
    }
    for (int k = 0; k < 4; k++) {
        double bias = fit->weight[k * 4 + 3];
        for (int d = 0; d < 3; d++) bias += fit->weight[k * 4 + d] * mean[d];
        close_to(bias - common, numbers(wanted)[k * 4 + 3], 1e-6, "a bias");
    }
}

static void logistic_regression_is_scipys(void **state) {
    (void)state;
    elbo_array table = fixture("logistic"), plain = fixture("logistic_plain"), scaled = fixture("logistic_scaled");
    elbo_array losses = fixture("logistic_losses"), x = columns_of(&table, 3);
    int32_t *label = whole_numbers(&table, 3);
    double mean[3] = {0}, scale[3] = {0};
    for (int d = 0; d < 3; d++) {
        for (int i = 0; i < 60; i++) mean[d] += numbers(&x)[i * 3 + d] / 60;
        for (int i = 0; i < 60; i++) scale[d] += pow(numbers(&x)[i * 3 + d] - mean[d], 2) / 60;
        scale[d] = 1 / sqrt(scale[d]);
    }
    elbo_logistic fit, again;
    elbo_logistic_settings settings = {1, false, 2000, 1e-9, 1};
    assert_int_equal(elbo_logistic_fit(&fit, numbers(&x), label, 60, 3, 4, &settings, NULL), ELBO_OK);
    assert_true(fit.converged);
    close_to(fit.loss, numbers(&losses)[0], 1e-12, "the loss");
    compare_weights(&fit, &plain, (double[]){1, 1, 1}, (double[]){0, 0, 0});
    settings.threads = 3;
    assert_int_equal(elbo_logistic_fit(&again, numbers(&x), label, 60, 3, 4, &settings, NULL), ELBO_OK);
    assert_memory_equal(fit.weight, again.weight, 16 * sizeof(double));
    elbo_logistic_clear(&fit);
    elbo_logistic_clear(&again);
    settings = (elbo_logistic_settings){0.5, true, 2000, 1e-9, 1};
    assert_int_equal(elbo_logistic_fit(&fit, numbers(&x), label, 60, 3, 4, &settings, NULL), ELBO_OK);
    close_to(fit.loss, numbers(&losses)[1], 1e-12, "the loss of scaled columns");
    compare_weights(&fit, &scaled, scale, mean);
    elbo_logistic_clear(&fit);
    elbo_free(label);
    free_all((elbo_array[]){table, plain, scaled, losses, x}, 5);
}

static void svm_is_scipys(void **state) {
    (void)state;
    elbo_array table = fixture("svm"), wanted = fixture("svm_machine"), x = column_of(&table, 0);
    int32_t *label = whole_numbers(&table, 1);
    double w, b;
    elbo_svm_fit(numbers(&x), label, 50, 1, 0.01, 1.5, 0.75, &w, &b);
    /* Nelder-Mead ends within 1e-10 of its own simplex; values of about 0.3 tell points apart to about 1e-8. */
    close_to(w, numbers(&wanted)[0], 3e-8, "w");
    close_to(b, numbers(&wanted)[1], 3e-8, "b");
    elbo_free(label);
    free_all((elbo_array[]){table, wanted, x}, 3);
}

static void svm_accuracy_of_known_tasks(void **state) {
    (void)state;
    double x[300], still[300] = {0}, accuracy;
    int32_t two[300], three[300];
    for (int i = 0; i < 300; i++) {
        x[i] = i / 100.0;
        two[i] = i >= 150;
        three[i] = i / 100;
    }
    assert_int_equal(elbo_svm_accuracy(x, two, 300, x, two, 300, 2, 1, &accuracy, NULL), ELBO_OK);
    assert_true(accuracy > 0.97);
    /* The middle class cannot be cut off by one threshold against the rest: at most the outer two are right. */
    assert_int_equal(elbo_svm_accuracy(x, three, 300, x, three, 300, 3, 0.01, &accuracy, NULL), ELBO_OK);
    assert_true(accuracy > 0.6);
    assert_int_equal(elbo_svm_accuracy(still, three, 300, still, three, 300, 3, 0.01, &accuracy, NULL), ELBO_OK);
    close_to(accuracy, 1 / 3.0, 1e-15, "accuracy of a constant");
}

/* ---- Neighbours ---- */

typedef struct near_row {
    double distance;
    int row;
} near_row;

static int nearer(const void *a, const void *b) {
    const near_row *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->row - y->row;
}

static int32_t vote_by_sorting(const double *train, const int32_t *label, int rows, const double *row, int dims,
                               int wanted, int classes) {
    near_row *all = calloc((size_t)rows, sizeof *all);
    int votes[16] = {0}, most = 0;
    for (int i = 0; i < rows; i++) {
        all[i].row = i;
        for (int d = 0; d < dims; d++) all[i].distance += pow(train[i * dims + d] - row[d], 2);
    }
    qsort(all, (size_t)rows, sizeof *all, nearer);
    for (int i = 0; i < wanted; i++) votes[label[all[i].row]]++;
    for (int k = 0; k < classes; k++) most = votes[k] > most ? votes[k] : most;
    int32_t best = -1;
    for (int i = 0; i < wanted && best < 0; i++)
        if (votes[label[all[i].row]] == most) best = label[all[i].row];
    free(all);
    return best;
}

/* Blocks that are full and blocks that are not; codes far from the origin, where f32 alone would not do; equal rows. */
static void neighbours_are_the_nearest(void **state) {
    (void)state;
    enum { TRAIN = 4500, TEST = 300, DIMS = 3 };
    elbo_rng rng = {11, 1, 0};
    elbo_metric_matrix train = {TRAIN, DIMS, calloc(TRAIN * DIMS, sizeof(double))};
    elbo_metric_matrix test = {TEST, DIMS, calloc(TEST * DIMS, sizeof(double))};
    int32_t label[TRAIN], guess[TEST];
    for (uint32_t i = 0; i < TRAIN * DIMS; i++) train.data[i] = 1000 + elbo_rng_normal(&rng, i / DIMS, i % DIMS);
    for (uint32_t i = 0; i < TEST * DIMS; i++) test.data[i] = 1000 + elbo_rng_normal(&rng, 9000 + i / DIMS, i % DIMS);
    memcpy(train.data + 90 * DIMS, train.data, 30 * DIMS * sizeof(double));
    memcpy(test.data, train.data, 20 * DIMS * sizeof(double));
    for (uint32_t i = 0; i < TRAIN; i++) label[i] = (int32_t)elbo_rng_below(&rng, i, 7, 5);
    static const int wanted[] = {1, 2, 10, 100};
    for (size_t w = 0; w < COUNT(wanted); w++) {
        train.rows = wanted[w] == 100 ? 60 : TRAIN; /* more neighbours than rows: all of them */
        int voters = wanted[w] == 100 ? 60 : wanted[w];
        assert_int_equal(elbo_neighbours(&train, label, &test, wanted[w], 1, guess, NULL), ELBO_OK);
        for (int i = 0; i < TEST; i += 7)
            assert_int_equal(
                guess[i], vote_by_sorting(train.data, label, (int)train.rows, test.data + i * DIMS, DIMS, voters, 5));
    }
    free(train.data);
    free(test.data);
}

/* Two far groups: products in f32 are off by about 100, which says nothing of distances of about 1. */
static void neighbours_in_far_groups(void **state) {
    (void)state;
    enum { TRAIN = 400, TEST = 60, DIMS = 2 };
    elbo_rng rng = {12, 1, 0};
    double x[TRAIN * DIMS], y[TEST * DIMS];
    int32_t label[TRAIN], guess[TEST];
    for (uint32_t i = 0; i < TRAIN * DIMS; i++)
        x[i] = (i / DIMS % 2 ? 3e4 : -3e4) + elbo_rng_normal(&rng, i / DIMS, i % DIMS);
    for (uint32_t i = 0; i < TEST * DIMS; i++)
        y[i] = (i / DIMS % 2 ? 3e4 : -3e4) + elbo_rng_normal(&rng, 9000 + i / DIMS, i % DIMS);
    for (uint32_t i = 0; i < TRAIN; i++) label[i] = (int32_t)elbo_rng_below(&rng, i, 7, 5);
    elbo_metric_matrix train = {TRAIN, DIMS, x}, test = {TEST, DIMS, y};
    assert_int_equal(elbo_neighbours(&train, label, &test, 3, 1, guess, NULL), ELBO_OK);
    for (int i = 0; i < TEST; i++)
        assert_int_equal(guess[i], vote_by_sorting(x, label, TRAIN, y + i * DIMS, DIMS, 3, 5));
}

/* ---- Probes ---- */

static elbo_probe probe(const elbo_array *codes, const elbo_array *labels, const elbo_array *test_codes,
                        const elbo_array *test_labels) {
    elbo_error error = {0};
    elbo_probe out;
    if (elbo_score_probe(codes, labels, test_codes, test_labels, NULL, 1, &out, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    return out;
}

/* Three far blobs are told apart; labels that are drawn without a look at the codes are guessed at chance: of 400 test
 * rows 1/3 +- 5 standard deviations, passed with a probability below 1e-6. */
static void probes_of_known_tasks(void **state) {
    (void)state;
    enum { ROWS = 2000 };
    elbo_rng rng = {5, 1, 0};
    elbo_array codes = table_new(ROWS, 4), labels = table_new(ROWS, 0), noise = table_new(ROWS, 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t k = i % 3;
        numbers(&labels)[i] = 10 * k - 5.0;
        numbers(&noise)[i] = (double)elbo_rng_below(&rng, i, 9, 3);
        for (uint32_t d = 0; d < 4; d++)
            numbers(&codes)[i * 4 + d] = (d < 3 ? elbo_rng_normal(&rng, i, d) + (d == k ? 12 : 0) : 7);
    }
    elbo_probe p = probe(&codes, &labels, NULL, NULL);
    assert_int_equal(p.train, 1600);
    assert_int_equal(p.test, 400);
    assert_int_equal(p.classes, 3);
    assert_true(p.converged);
    close_to(p.linear_accuracy, 1, 0, "linear accuracy of blobs");
    close_to(p.linear_train_accuracy, 1, 0, "linear training accuracy of blobs");
    close_to(p.knn_accuracy, 1, 0, "k-NN accuracy of blobs");
    double chance = 5 * sqrt(2 / 9.0 / 400);
    close_to(p.majority_accuracy, 1 / 3.0, chance, "majority");
    p = probe(&codes, &noise, NULL, NULL);
    close_to(p.linear_accuracy, 1 / 3.0, chance, "linear accuracy of noise");
    close_to(p.knn_accuracy, 1 / 3.0, chance, "k-NN accuracy of noise");
    free_all((elbo_array[]){codes, labels, noise}, 3);
}

/* A ring around a disc: no line parts them, neighbours do. */
static void neighbours_see_what_lines_do_not(void **state) {
    (void)state;
    enum { ROWS = 600 };
    elbo_array codes = table_new(ROWS, 2), labels = table_new(ROWS, 0);
    for (int i = 0; i < ROWS; i++) {
        double angle = 0.7 * i, radius = i % 2 ? 3 : 1;
        numbers(&codes)[2 * i] = radius * cos(angle);
        numbers(&codes)[2 * i + 1] = radius * sin(angle);
        numbers(&labels)[i] = i % 2;
    }
    elbo_probe p = probe(&codes, &labels, &codes, &labels);
    close_to(p.knn_accuracy, 1, 0, "k-NN accuracy of rings");
    assert_true(p.linear_accuracy < 0.7);
    free_all((elbo_array[]){codes, labels}, 2);
}

static void unknown_labels_count_as_wrong(void **state) {
    (void)state;
    static const double x[] = {0, 1, 10, 11}, y[] = {3, 3, 8, 8}, test_x[] = {0.5, 10.5, 10.4}, test_y[] = {3, 8, 99};
    elbo_array a[] = {table_from(x, 4, 0), table_from(y, 4, 0), table_from(test_x, 3, 0), table_from(test_y, 3, 0)};
    elbo_error error = {0};
    elbo_probe_options options;
    elbo_probe p;
    assert_int_equal(elbo_options_init(&elbo_probe_options_table, &options, NULL), ELBO_OK);
    options.neighbours = 1;
    assert_int_equal(elbo_score_probe(&a[0], &a[1], &a[2], &a[3], &options, 1, &p, &error), ELBO_OK);
    close_to(p.linear_accuracy, 2 / 3.0, 1e-15, "linear accuracy");
    close_to(p.knn_accuracy, 2 / 3.0, 1e-15, "k-NN accuracy");
    assert_int_equal(p.unknown, 1);
    assert_non_null(strstr(p.warning, "1 test rows have a label"));
    free_all(a, 4);
}

static void refused(const elbo_array *codes, const elbo_array *labels, const elbo_array *test_codes,
                    const elbo_array *test_labels, elbo_status status, const char *part) {
    elbo_error error = {0};
    elbo_probe p;
    assert_int_equal(elbo_score_probe(codes, labels, test_codes, test_labels, NULL, 1, &p, &error), status);
    expect_message(&error, status, part);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    elbo_array codes = table_new(6, 2), labels = table_new(6, 0), five = table_new(5, 0), wide = table_new(5, 3);
    refused(&codes, &labels, NULL, NULL, ELBO_ERROR_FORMAT, "every row is of class 0");
    refused(&codes, &five, NULL, NULL, ELBO_ERROR_SHAPE, "codes: 6 rows, but labels: 5");
    for (int i = 0; i < 3; i++) numbers(&labels)[i] = 1;
    refused(&codes, &labels, &wide, NULL, ELBO_ERROR_USAGE, "or neither");
    refused(&codes, &labels, &wide, &five, ELBO_ERROR_SHAPE, "test codes: 3 columns, but codes: 2");
    refused(&codes, &labels, &codes, &five, ELBO_ERROR_SHAPE, "test codes: 6 rows, but test labels: 5");
    numbers(&codes)[7] = NAN;
    refused(&codes, &labels, NULL, NULL, ELBO_ERROR_NUMERIC, "codes: row 3, column 1 (from 0) is NaN");
    numbers(&codes)[7] = 1e200;
    refused(&codes, &labels, NULL, NULL, ELBO_ERROR_NUMERIC, "1e+200");
    elbo_array one = table_new(1, 2), label = table_new(1, 0);
    refused(&one, &label, NULL, NULL, ELBO_ERROR_FORMAT, "every row");
    free_all((elbo_array[]){codes, labels, five, wide, one, label}, 6);
}

static void memory_may_run_out(void **state) {
    (void)state;
    static const double x[] = {0, 1, 10, 11, 0, 1, 10, 11}, y[] = {3, 3, 8, 8, 3, 3, 8, 8};
    elbo_array codes = table_from(x, 8, 0), labels = table_from(y, 8, 0);
    for (long number = 1; number < 4000; number++) {
        elbo_probe p;
        elbo_error error = {0};
        elbo_memory_fail_at(number);
        elbo_status status = elbo_score_probe(&codes, &labels, NULL, NULL, NULL, 1, &p, &error);
        bool reached = elbo_memory_count() >= number;
        elbo_memory_fail_at(0);
        assert_int_equal(status, reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        if (!reached) break;
    }
    free_all((elbo_array[]){codes, labels}, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lbfgs_finds_a_known_minimum),
        cmocka_unit_test(logistic_regression_is_scipys),
        cmocka_unit_test(svm_is_scipys),
        cmocka_unit_test(svm_accuracy_of_known_tasks),
        cmocka_unit_test(neighbours_are_the_nearest),
        cmocka_unit_test(neighbours_in_far_groups),
        cmocka_unit_test(probes_of_known_tasks),
        cmocka_unit_test(neighbours_see_what_lines_do_not),
        cmocka_unit_test(unknown_labels_count_as_wrong),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
