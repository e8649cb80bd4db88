#include "support/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *elbo_cli_word(const elbo_data_info *data, int64_t word, char number[24]) {
    if (data->feature_names) return data->feature_names[word];
    snprintf(number, 24, "#%lld", (long long)word);
    return number;
}

elbo_status elbo_cli_word_find(const elbo_data_info *data, const char *name, int64_t *word, elbo_error *error) {
    for (*word = 0; data->feature_names && *word < data->item_size; ++*word)
        if (strcmp(data->feature_names[*word], name) == 0) return ELBO_OK;
    char *end = NULL;
    if (name[0] == '#' && name[1] >= '0' && name[1] <= '9') *word = strtoll(name + 1, &end, 10);
    if (end && *end == 0 && *word < data->item_size) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_USAGE, "\"%.200s\" is none of the %lld words of %.500s", name,
                         (long long)data->item_size, data->source);
}

int64_t elbo_cli_rank(const double *values, int64_t size, int64_t skip, int64_t count, elbo_cli_ranked *out) {
    int64_t kept = 0;
    for (int64_t i = 0; i < size; i++) {
        if (i == skip || (kept == count && !(values[i] > out[kept - 1].value))) continue;
        int64_t at = kept < count ? kept++ : kept - 1;
        for (; at > 0 && values[i] > out[at - 1].value; at--) out[at] = out[at - 1];
        out[at] = (elbo_cli_ranked){i, values[i]};
    }
    return kept;
}

void elbo_cli_cosines(const float *vectors, int64_t size, int64_t width, bool columns, const float *with, double *out) {
    double own = 0;
    for (int64_t k = 0; k < width; k++) own += (double)with[k] * (double)with[k];
    for (int64_t i = 0; i < size; i++) {
        double dot = 0, square = 0;
        for (int64_t k = 0; k < width; k++) {
            double value = (double)vectors[columns ? k * size + i : i * width + k];
            dot += value * (double)with[k];
            square += value * value;
        }
        out[i] = own > 0 && square > 0 ? dot / sqrt(own * square) : 0;
    }
}
