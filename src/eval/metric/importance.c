/* Disentanglement told from predictors of the factors: DCI and SAP. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/boosting.h"
#include "eval/metric/disentanglement.h"
#include "eval/metric/svm.h"

static const double svm_c = 0.01; /* Kumar et al. 2018 */

/* ---- DCI ---- */

/* 1 - entropy of the shares of `count` numbers, in units of log count. */
static double concentration(const double *numbers, int64_t stride, int64_t count, double sum) {
    double entropy = 0;
    for (int64_t i = 0; i < count; i++) {
        double share = numbers[i * stride] / sum;
        if (share > 0) entropy -= share * log(share);
    }
    return 1 - entropy / log((double)count);
}

static double weighted(const double *importance, int64_t lines, int64_t line_stride, int64_t count, int64_t stride) {
    double score = 0, all = 0;
    if (count < 2) return NAN;
    for (int64_t line = 0; line < lines; line++) {
        double sum = 0;
        for (int64_t i = 0; i < count; i++) sum += importance[line * line_stride + i * stride];
        if (sum > 0) score += sum * concentration(importance + line * line_stride, stride, count, sum);
        all += sum;
    }
    return all > 0 ? score / all : 0;
}

void elbo_dci_scores(const double *importance, int64_t dims, int64_t factors, double *disentanglement,
                     double *completeness) {
    *disentanglement = weighted(importance, dims, factors, factors, 1);
    *completeness = weighted(importance, factors, 1, dims, factors);
}

elbo_status elbo_disentangling_dci(const elbo_disentangling *work, elbo_error *error) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, used = table->used;
    elbo_boosting_settings settings = {work->options->trees, work->options->depth, work->options->rate, work->threads};
    double *importance = elbo_calloc((size_t)(dims * used) * sizeof *importance), right = 0;
    if (!importance) return elbo_fail_memory(error, (size_t)(dims * used) * sizeof *importance, "importances");
    elbo_status status = ELBO_OK;
    for (int64_t f = 0; f < used && status == ELBO_OK; f++) {
        elbo_boosting fit;
        status = elbo_boosting_fit(&fit, table->train_codes.data, table->sample_label + f * table->sample, table->train,
                                   dims, table->label[f].classes, &settings, error);
        if (status != ELBO_OK) break;
        right += elbo_boosting_accuracy(&fit, table->test_codes.data, table->test_label + f * table->test, table->test);
        for (int64_t d = 0; d < dims; d++) {
            importance[d * used + f] = fit.importance[d];
            work->out->importance[d * table->given + table->column[f]] = fit.importance[d];
        }
        elbo_boosting_clear(&fit);
    }
    if (status == ELBO_OK) {
        elbo_dci_scores(importance, dims, used, &work->out->dci_disentanglement, &work->out->dci_completeness);
        work->out->dci_informativeness = right / (double)used;
    }
    elbo_free(importance);
    return status;
}

/* ---- SAP ---- */

static void copy_column(const elbo_metric_matrix *matrix, int64_t column, double *out) {
    for (int64_t i = 0; i < matrix->rows; i++) out[i] = matrix->data[i * matrix->columns + column];
}

elbo_status elbo_disentangling_sap(const elbo_disentangling *work, elbo_error *error) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, used = table->used;
    size_t bytes = (size_t)(dims * used + used + table->train + table->test) * sizeof(double);
    double *accuracy = elbo_calloc(bytes), *one = accuracy + dims * used, *x = one + used, *test = x + table->train;
    if (!accuracy) return elbo_fail_memory(error, bytes, "accuracies");
    elbo_status status = ELBO_OK;
    for (int64_t f = 0; f < used; f++) one[f] = 1;
    for (int64_t d = 0; d < dims && status == ELBO_OK; d++) {
        copy_column(&table->train_codes, d, x);
        copy_column(&table->test_codes, d, test);
        for (int64_t f = 0; f < used && status == ELBO_OK; f++)
            status = elbo_svm_accuracy(x, table->sample_label + f * table->sample, table->train, test,
                                       table->test_label + f * table->test, table->test, table->label[f].classes, svm_c,
                                       &accuracy[d * used + f], error);
    }
    if (status == ELBO_OK) work->out->sap = elbo_disentangling_gap(accuracy, one, dims, used);
    elbo_free(accuracy);
    return status;
}
