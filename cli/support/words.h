/* Words of documents: by name, by their weights in topics, and in queries. */
#ifndef ELBO_CLI_SUPPORT_WORDS_H
#define ELBO_CLI_SUPPORT_WORDS_H

#include "support/run.h"

/* An entry of a list, with what it was ranked by. */
typedef struct elbo_cli_ranked {
    int64_t index;
    double value;
} elbo_cli_ranked;

/* The name of a word, or "#17" where words have none (into the caller's buffer). */
const char *elbo_cli_word(const elbo_data_info *data, int64_t word, char number[24]);
/* The word of a name, or of "#17". ELBO_ERROR_USAGE for one that the vocabulary does not have. */
elbo_status elbo_cli_word_find(const elbo_data_info *data, const char *name, int64_t *word, elbo_error *error);

/* The `count` largest of values[0..size), without entry `skip` (-1: none), the largest first, the first of equals
 * first; returns how many there are. */
int64_t elbo_cli_rank(const double *values, int64_t size, int64_t skip, int64_t count, elbo_cli_ranked *out);
/* Cosine of each of the vectors with one: vectors [size, width], or [width, size] where `columns`. A vector of zeros
 * has cosine 0 with everything. */
void elbo_cli_cosines(const float *vectors, int64_t size, int64_t width, bool columns, const float *with, double *out);

#endif
