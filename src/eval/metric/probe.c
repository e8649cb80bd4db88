/* What a simple classifier reads from codes. */
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "eval/metric/input.h"
#include "eval/metric/logistic.h"
#include "eval/metric/neighbours.h"

#define ELBO_TABLE_STRUCT elbo_probe_options
ELBO_TABLE(elbo_probe_options_table, "Probes", ELBO_PROBE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* Rows to learn from and rows to judge by. Labels of test rows that training does not have are -1. */
typedef struct task {
    elbo_metric_matrix train, test;
    int32_t *train_label, *test_label;
    int64_t classes;
} task;

static void task_clear(task *t) {
    elbo_metric_matrix_clear(&t->train);
    elbo_metric_matrix_clear(&t->test);
    elbo_free(t->train_label);
    elbo_free(t->test_label);
}

static elbo_status allocate(elbo_metric_matrix *matrix, int32_t **label, int64_t rows, int64_t columns,
                            elbo_error *error) {
    size_t bytes = (size_t)(rows * columns) * sizeof *matrix->data;
    *matrix = (elbo_metric_matrix){rows, columns, elbo_calloc(bytes)};
    *label = elbo_calloc((size_t)rows * sizeof **label);
    return matrix->data && *label ? ELBO_OK : elbo_fail_memory(error, bytes, "codes");
}

/* Deals rows to training and test by the seed. */
static elbo_status deal(task *t, const elbo_metric_matrix *codes, const elbo_metric_labels *labels,
                        const elbo_probe_options *options, elbo_error *error) {
    int64_t rows = codes->rows, columns = codes->columns, test = (int64_t)((double)rows * options->test_fraction + 0.5);
    if (test < 1 || test >= rows)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "codes: %lld rows leave %lld for the test at a share of %g; at least 1 of each was expected",
                         (long long)rows, (long long)test, options->test_fraction);
    int64_t *order = elbo_calloc((size_t)rows * sizeof *order);
    elbo_status status = order ? ELBO_OK : elbo_fail_memory(error, (size_t)rows * sizeof *order, "an order of rows");
    if (status == ELBO_OK) status = allocate(&t->train, &t->train_label, rows - test, columns, error);
    if (status == ELBO_OK) status = allocate(&t->test, &t->test_label, test, columns, error);
    if (status == ELBO_OK) {
        elbo_rng_permutation(&(elbo_rng){(uint64_t)options->seed, ELBO_STREAM_SPLIT, 0}, order, rows);
        for (int64_t i = 0; i < rows; i++) {
            bool held = i < test;
            int64_t at = held ? i : i - test;
            memcpy((held ? t->test.data : t->train.data) + at * columns, codes->data + order[i] * columns,
                   (size_t)columns * sizeof *codes->data);
            (held ? t->test_label : t->train_label)[at] = labels->code[order[i]];
        }
    }
    elbo_free(order);
    return status;
}

/* Test rows of their own. */
static elbo_status adopt(task *t, elbo_metric_matrix *codes, elbo_metric_labels *labels, const elbo_array *test_codes,
                         const elbo_array *test_labels, elbo_error *error) {
    elbo_metric_labels label;
    ELBO_TRY(elbo_metric_matrix_read(&t->test, test_codes, "test codes", error));
    ELBO_TRY(elbo_metric_labels_read(&label, test_labels, "test labels", error));
    t->test_label = label.code; /* moved, and its codes renamed to those of training */
    for (int64_t i = 0; i < label.count; i++)
        t->test_label[i] = elbo_metric_code(labels->value, labels->classes, label.value[label.code[i]]);
    label.code = NULL;
    int64_t count = label.count;
    elbo_metric_labels_clear(&label);
    ELBO_TRY(elbo_metric_same_length("test codes", t->test.rows, "test labels", count, error));
    if (t->test.columns != codes->columns)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "test codes: %lld columns, but codes: %lld; as many were expected",
                         (long long)t->test.columns, (long long)codes->columns);
    t->train = *codes;
    codes->data = NULL;
    t->train_label = labels->code;
    labels->code = NULL;
    return ELBO_OK;
}

static elbo_status prepare(task *t, const elbo_array *codes, const elbo_array *labels, const elbo_array *test_codes,
                           const elbo_array *test_labels, const elbo_probe_options *options, elbo_error *error) {
    elbo_metric_matrix matrix = {0};
    elbo_metric_labels label = {0};
    if (!test_codes != !test_labels)
        return elbo_fail(error, ELBO_ERROR_USAGE, "test rows: codes and labels were expected, or neither");
    elbo_status status = elbo_metric_matrix_read(&matrix, codes, "codes", error);
    if (status == ELBO_OK) status = elbo_metric_labels_read(&label, labels, "labels", error);
    if (status == ELBO_OK) status = elbo_metric_same_length("codes", matrix.rows, "labels", label.count, error);
    if (status == ELBO_OK && label.classes < 2)
        status = elbo_fail(error, ELBO_ERROR_FORMAT, "labels: every row is of class %lld; at least two were expected",
                           (long long)label.value[0]);
    t->classes = label.classes;
    if (status == ELBO_OK)
        status = test_codes ? adopt(t, &matrix, &label, test_codes, test_labels, error)
                            : deal(t, &matrix, &label, options, error);
    elbo_metric_matrix_clear(&matrix);
    elbo_metric_labels_clear(&label);
    return status;
}

static double share_right(const int32_t *guess, const int32_t *label, int64_t rows) {
    int64_t right = 0;
    for (int64_t i = 0; i < rows; i++) right += guess[i] == label[i];
    return (double)right / (double)rows;
}

/* What the class that most training rows have gets right. */
static elbo_status majority(const task *t, elbo_probe *out, elbo_error *error) {
    int64_t *count = elbo_calloc((size_t)t->classes * sizeof *count), best = 0, right = 0;
    if (!count) return elbo_fail_memory(error, (size_t)t->classes * sizeof *count, "classes");
    for (int64_t i = 0; i < t->train.rows; i++) count[t->train_label[i]]++;
    for (int64_t k = 1; k < t->classes; k++)
        if (count[k] > count[best]) best = k;
    elbo_free(count);
    for (int64_t i = 0; i < t->test.rows; i++) {
        right += t->test_label[i] == best;
        out->unknown += t->test_label[i] < 0;
    }
    out->majority_accuracy = (double)right / (double)t->test.rows;
    if (out->unknown > 0)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "%lld test rows have a label that no training row has: they count as wrong.",
                         (long long)out->unknown);
    return ELBO_OK;
}

static elbo_status linear(const task *t, const elbo_probe_options *options, int threads, elbo_probe *out,
                          elbo_error *error) {
    elbo_logistic fit;
    elbo_logistic_settings settings = {options->l2, true, options->iterations, 1e-5, threads};
    ELBO_TRY(elbo_logistic_fit(&fit, t->train.data, t->train_label, t->train.rows, t->train.columns, t->classes,
                               &settings, error));
    out->linear_train_accuracy = elbo_logistic_accuracy(&fit, t->train.data, t->train_label, t->train.rows);
    out->linear_accuracy = elbo_logistic_accuracy(&fit, t->test.data, t->test_label, t->test.rows);
    out->iterations = fit.iterations;
    out->converged = fit.converged;
    if (!fit.converged)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "The linear probe did not converge in %lld iterations: more of them, or a larger l2, help.",
                         (long long)fit.iterations);
    elbo_logistic_clear(&fit);
    return ELBO_OK;
}

static elbo_status nearest(const task *t, const elbo_probe_options *options, int threads, elbo_probe *out,
                           elbo_error *error) {
    int32_t *guess = elbo_calloc((size_t)t->test.rows * sizeof *guess);
    if (!guess) return elbo_fail_memory(error, (size_t)t->test.rows * sizeof *guess, "guesses");
    elbo_status status =
        elbo_neighbours(&t->train, t->train_label, &t->test, options->neighbours, threads, guess, error);
    if (status == ELBO_OK) out->knn_accuracy = share_right(guess, t->test_label, t->test.rows);
    elbo_free(guess);
    return status;
}

elbo_status elbo_score_probe(const elbo_array *codes, const elbo_array *labels, const elbo_array *test_codes,
                             const elbo_array *test_labels, const elbo_probe_options *options, int threads,
                             elbo_probe *out, elbo_error *error) {
    elbo_probe_options defaults;
    task t = {0};
    memset(out, 0, sizeof *out);
    ELBO_TRY(elbo_options_init(&elbo_probe_options_table, &defaults, error));
    const elbo_probe_options *used = options ? options : &defaults;
    elbo_status status = prepare(&t, codes, labels, test_codes, test_labels, used, error);
    if (status == ELBO_OK) {
        out->train = t.train.rows;
        out->test = t.test.rows;
        out->dims = t.train.columns;
        out->classes = t.classes;
        status = majority(&t, out, error);
    }
    if (status == ELBO_OK) status = linear(&t, used, threads, out, error);
    if (status == ELBO_OK) status = nearest(&t, used, threads, out, error);
    task_clear(&t);
    elbo_options_clear(&elbo_probe_options_table, &defaults);
    return status;
}
