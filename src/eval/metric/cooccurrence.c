#include "eval/metric/cooccurrence.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK = 256 };
static const double epsilon = 1e-12; /* of c_v: Roeder et al. 2015 */

/* ---- Counting ---- */

static double value_at(elbo_dtype dtype, const void *data, int64_t index) {
    switch (dtype) {
        case ELBO_F32: return (double)((const float *)data)[index];
        case ELBO_F64: return ((const double *)data)[index];
        case ELBO_U8: return ((const uint8_t *)data)[index];
        case ELBO_I32: return ((const int32_t *)data)[index];
        case ELBO_BF16: break; /* no data set has it */
    }
    return NAN;
}

static elbo_status check_row(elbo_dtype dtype, const void *block, int64_t at, int64_t vocabulary, int64_t row,
                             elbo_error *error) {
    for (int64_t v = 0; v < vocabulary; v++) {
        double value = value_at(dtype, block, at * vocabulary + v);
        if (!(value >= 0))
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "corpus: document %lld, word %lld (from 0) has the count %g; at least 0 was expected",
                             (long long)row, (long long)v, value);
    }
    return ELBO_OK;
}

static void count_row(elbo_cooccurrence *table, elbo_dtype dtype, const void *block, int64_t at, int64_t vocabulary,
                      int32_t *present) {
    int64_t words = table->words;
    for (int64_t list = 0; list < table->lists; list++) {
        int64_t *count = table->count + list * words * words, found = 0;
        for (int64_t i = 0; i < words; i++)
            if (value_at(dtype, block, at * vocabulary + table->word[list * words + i]) > 0)
                present[found++] = (int32_t)i;
        for (int64_t i = 0; i < found; i++)
            for (int64_t j = 0; j < found; j++) count[present[i] * words + present[j]]++;
    }
}

static elbo_status count_all(elbo_cooccurrence *table, int64_t vocabulary, const elbo_dataset *corpus, elbo_split split,
                             void *block, int32_t *present, elbo_error *error) {
    elbo_dtype dtype = elbo_dataset_info(corpus)->dtype;
    for (int64_t first = 0; first < table->documents; first += BLOCK) {
        int64_t rows = table->documents - first < BLOCK ? table->documents - first : BLOCK;
        ELBO_TRY(elbo_dataset_rows(corpus, split, NULL, first, rows, block, error));
        for (int64_t i = 0; i < rows; i++) {
            ELBO_TRY(check_row(dtype, block, i, vocabulary, first + i, error));
            count_row(table, dtype, block, i, vocabulary, present);
        }
    }
    return ELBO_OK;
}

elbo_status elbo_cooccurrence_new(elbo_cooccurrence *table, const int32_t *word, int64_t lists, int64_t words,
                                  int64_t vocabulary, const elbo_dataset *corpus, elbo_split split, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(corpus);
    *table = (elbo_cooccurrence){.lists = lists, .words = words, .documents = info->count[split], .word = word};
    if (info->item_size != vocabulary)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "corpus: documents of %lld words; %lld, as the topics have, expected",
                         (long long)info->item_size, (long long)vocabulary);
    if (table->documents < 1) return elbo_fail(error, ELBO_ERROR_SHAPE, "corpus: this split has no documents");
    size_t counts = (size_t)(lists * words * words) * sizeof *table->count;
    size_t bytes = (size_t)(BLOCK * vocabulary) * elbo_dtype_size(info->dtype);
    void *block = elbo_calloc(bytes);
    int32_t *present = elbo_calloc((size_t)words * sizeof *present);
    table->count = elbo_calloc(counts);
    elbo_status status = block && present && table->count
                             ? count_all(table, vocabulary, corpus, split, block, present, error)
                             : elbo_fail_memory(error, counts + bytes, "counts of words");
    elbo_free(block);
    elbo_free(present);
    if (status != ELBO_OK) elbo_cooccurrence_clear(table);
    return status;
}

void elbo_cooccurrence_clear(elbo_cooccurrence *table) {
    elbo_free(table->count);
    memset(table, 0, sizeof *table);
}

/* ---- Coherence ---- */

static double share(const elbo_cooccurrence *table, int64_t list, int64_t i, int64_t j) {
    return (double)table->count[(list * table->words + i) * table->words + j] / (double)table->documents;
}

double elbo_cooccurrence_npmi(const elbo_cooccurrence *table, int64_t list) {
    double sum = 0;
    for (int64_t i = 0; i < table->words; i++)
        for (int64_t j = 0; j < i; j++) {
            double both = share(table, list, i, j);
            if (both <= 0)
                sum -= 1;
            else if (both >= 1)
                sum += 1;
            else
                sum += log(both / (share(table, list, i, i) * share(table, list, j, j))) / -log(both);
        }
    return sum / (0.5 * (double)table->words * (double)(table->words - 1));
}

/* With epsilon as c_v has it. Nothing is known of a word that no document has: 0, and its vector then counts as a
 * cosine of 0. */
static double npmi_of_c_v(const elbo_cooccurrence *table, int64_t list, int64_t i, int64_t j) {
    double both = share(table, list, i, j) + epsilon, apart = share(table, list, i, i) * share(table, list, j, j);
    if (apart <= 0) return 0;
    return both >= 1 ? 1 : log(both / apart) / -log(both);
}

double elbo_cooccurrence_c_v(const elbo_cooccurrence *table, int64_t list, double *spare) {
    int64_t words = table->words;
    double mean = 0, square = 0;
    for (int64_t i = 0; i < words; i++)
        for (int64_t j = 0; j < words; j++) spare[i * words + j] = npmi_of_c_v(table, list, i, j);
    for (int64_t j = 0; j < words; j++) {
        double sum = 0;
        for (int64_t i = 0; i < words; i++) sum += spare[i * words + j];
        square += sum * sum;
    }
    for (int64_t i = 0; i < words; i++) {
        double dot = 0, own = 0;
        for (int64_t j = 0; j < words; j++) {
            double sum = 0;
            for (int64_t k = 0; k < words; k++) sum += spare[k * words + j];
            dot += sum * spare[i * words + j];
            own += spare[i * words + j] * spare[i * words + j];
        }
        if (own > 0 && square > 0) mean += dot / sqrt(own * square);
    }
    return mean / (double)words;
}
