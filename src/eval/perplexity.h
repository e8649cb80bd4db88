/* Perplexity of documents: from the bound of each of them and its number of words. */
#ifndef ELBO_EVAL_PERPLEXITY_H
#define ELBO_EVAL_PERPLEXITY_H

#include "train/instance.h"

/* Draws of z for the bound of a document: as many as published figures take. */
enum { ELBO_PERPLEXITY_DRAWS = 20 };

typedef struct elbo_perplexity_sums {
    double rates, rate_square; /* -bound / words of a document: mean and squared deviations (Welford) */
    double bounds, words;      /* sums over documents with words */
    int64_t documents, empty;
} elbo_perplexity_sums;

/* Whether the model's data are documents: log p(x|z) is that of words. */
bool elbo_perplexity_applies(const elbo_instance *instance);
/* counts: [size], of one document. */
void elbo_perplexity_add(elbo_perplexity_sums *sums, double bound, const float *counts, int64_t size);
/* Into the record's figures: NaN and 0 where no document had words. */
void elbo_perplexity_conclude(const elbo_perplexity_sums *sums, elbo_evaluation *out);

#endif
