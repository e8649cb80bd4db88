/* In how many documents the words of a list, and its pairs, occur. */
#ifndef ELBO_EVAL_METRIC_COOCCURRENCE_H
#define ELBO_EVAL_METRIC_COOCCURRENCE_H

#include "base/error.h"

typedef struct elbo_cooccurrence {
    int64_t lists, words, documents;
    const int32_t *word; /* [lists, words], borrowed */
    int64_t *count;      /* [lists, words, words]: documents with both; with the word itself on the diagonal; owned */
} elbo_cooccurrence;

/* Counts over the documents of a split: rows of word counts. A word occurs in a document if its count is above 0;
 * ELBO_ERROR_SHAPE unless rows have `vocabulary` numbers, ELBO_ERROR_FORMAT for a negative one. */
elbo_status elbo_cooccurrence_new(elbo_cooccurrence *table, const int32_t *word, int64_t lists, int64_t words,
                                  int64_t vocabulary, const elbo_dataset *corpus, elbo_split split, elbo_error *error);
void elbo_cooccurrence_clear(elbo_cooccurrence *table);

/* Mean over pairs of a list of log(p_ij / (p_i p_j)) / -log p_ij. A pair that never occurs counts -1, words that are in
 * every document 1. */
double elbo_cooccurrence_npmi(const elbo_cooccurrence *table, int64_t list);
/* The same with probabilities as they enter c_v: mean over words of the cosine between the vector of a word's NPMI with
 * each word of the list (itself too) and the sum of these vectors. */
double elbo_cooccurrence_c_v(const elbo_cooccurrence *table, int64_t list, double *spare /* [words * words] */);

#endif
