#include "eval/metric/contingency.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static const double most_cells = 1e8;

elbo_status elbo_contingency_new(elbo_contingency *table, const int32_t *a, const int32_t *b, int64_t total,
                                 int64_t rows, int64_t columns, elbo_error *error) {
    *table = (elbo_contingency){.total = total, .rows = rows, .columns = columns};
    if ((double)rows * (double)columns > most_cells)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%lld different labels against %lld: a table of at most 10^8 cells was expected",
                         (long long)rows, (long long)columns);
    size_t bytes = (size_t)(rows * columns) * sizeof *table->count;
    table->count = elbo_calloc(bytes);
    table->row_count = elbo_calloc((size_t)rows * sizeof *table->row_count);
    table->column_count = elbo_calloc((size_t)columns * sizeof *table->column_count);
    if (!table->count || !table->row_count || !table->column_count) {
        elbo_contingency_clear(table);
        return elbo_fail_memory(error, bytes, "a table of counts");
    }
    for (int64_t i = 0; i < total; i++) {
        table->count[a[i] * columns + b[i]]++;
        table->row_count[a[i]]++;
        table->column_count[b[i]]++;
    }
    return ELBO_OK;
}

void elbo_contingency_clear(elbo_contingency *table) {
    elbo_free(table->count);
    elbo_free(table->row_count);
    elbo_free(table->column_count);
    memset(table, 0, sizeof *table);
}

double elbo_contingency_entropy(const int64_t *count, int64_t classes, int64_t total) {
    double sum = 0;
    for (int64_t i = 0; i < classes; i++) {
        double p = (double)count[i] / (double)total;
        if (p > 0) sum -= p * log(p);
    }
    return sum;
}

double elbo_contingency_information(const elbo_contingency *table) {
    double sum = 0, total = (double)table->total;
    for (int64_t i = 0; i < table->rows; i++)
        for (int64_t j = 0; j < table->columns; j++) {
            double n = (double)table->count[i * table->columns + j];
            if (n > 0)
                sum += n / total * log(n * total / ((double)table->row_count[i] * (double)table->column_count[j]));
        }
    return fmax(sum, 0); /* rounding may leave independent variables a little below */
}
