/* Disentanglement told from the information that each dimension holds about each factor. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/contingency.h"
#include "eval/metric/disentanglement.h"

/* Bins of equal width from the least to the largest number; all in bin 0 where they are equal. */
static void bin_column(const elbo_metric_matrix *codes, int64_t d, int64_t bins, int32_t *out) {
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < codes->rows; i++) {
        double value = codes->data[i * codes->columns + d];
        low = fmin(low, value);
        high = fmax(high, value);
    }
    for (int64_t i = 0; i < codes->rows; i++) {
        double share = high > low ? (codes->data[i * codes->columns + d] - low) / (high - low) : 0;
        int64_t bin = (int64_t)(share * (double)bins);
        out[i] = (int32_t)(bin < bins ? bin : bins - 1);
    }
}

/* information: [Z, used] and the entropy of each factor, on the sample. */
static elbo_status measure(const elbo_disentangling *work, double *information, double *entropy, int32_t *bin,
                           elbo_error *error) {
    const elbo_factors *table = work->table;
    for (int64_t d = 0; d < table->codes.columns; d++) {
        bin_column(&table->sample_codes, d, work->options->bins, bin);
        for (int64_t f = 0; f < table->used; f++) {
            elbo_contingency cells;
            ELBO_TRY(elbo_contingency_new(&cells, bin, table->sample_label + f * table->sample, table->sample,
                                          work->options->bins, table->label[f].classes, error));
            information[d * table->used + f] = elbo_contingency_information(&cells);
            entropy[f] = elbo_contingency_entropy(cells.column_count, cells.columns, cells.total);
            elbo_contingency_clear(&cells);
        }
    }
    return ELBO_OK;
}

double elbo_disentangling_gap(const double *score, const double *scale, int64_t dims, int64_t factors) {
    double sum = 0;
    if (dims < 2) return NAN;
    for (int64_t f = 0; f < factors; f++) {
        double first = -INFINITY, second = -INFINITY;
        for (int64_t d = 0; d < dims; d++) {
            double value = score[d * factors + f];
            if (value > first) {
                second = first;
                first = value;
            } else if (value > second)
                second = value;
        }
        sum += scale[f] > 0 ? (first - second) / scale[f] : 0;
    }
    return sum / (double)factors;
}

double elbo_disentangling_modularity(const double *information, int64_t dims, int64_t factors) {
    double sum = 0;
    if (factors < 2) return NAN;
    for (int64_t d = 0; d < dims; d++) {
        double most = 0, all = 0;
        for (int64_t f = 0; f < factors; f++) {
            double square = information[d * factors + f] * information[d * factors + f];
            most = fmax(most, square);
            all += square;
        }
        if (most > 0) sum += 1 - (all - most) / (most * (double)(factors - 1));
    }
    return sum / (double)dims;
}

elbo_status elbo_disentangling_information(const elbo_disentangling *work, bool mig, bool modularity,
                                           elbo_error *error) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, used = table->used;
    size_t bytes = (size_t)(dims * used + used) * sizeof(double);
    double *information = elbo_calloc(bytes);
    int32_t *bin = elbo_calloc((size_t)table->sample * sizeof *bin);
    elbo_status status = information && bin ? ELBO_OK : elbo_fail_memory(error, bytes, "mutual information");
    double *entropy = information ? information + dims * used : NULL;
    if (status == ELBO_OK) status = measure(work, information, entropy, bin, error);
    if (status == ELBO_OK) {
        if (mig) work->out->mig = elbo_disentangling_gap(information, entropy, dims, used);
        if (modularity) work->out->modularity = elbo_disentangling_modularity(information, dims, used);
        for (int64_t d = 0; d < dims; d++)
            for (int64_t f = 0; f < used; f++)
                work->out->information[d * table->given + table->column[f]] = information[d * used + f];
    }
    elbo_free(information);
    elbo_free(bin);
    return status;
}
