/* What models of documents share: the likelihood of a document's words.
 *
 * A document is a row of counts x: [V] of N = sum x words. Given its length, its words are independent draws:
 *
 *   log p(x | p) = sum_v x_v log p_v
 *
 * That is the probability of its words in the order in which they stand, with every constant in; that of the bag would
 * have the multinomial coefficient N! / prod x_v! too, which published perplexities leave out. How long a document is,
 * is not modelled: draws and means are of `length` words. */
#ifndef ELBO_MODELS_WORDS_H
#define ELBO_MODELS_WORDS_H

#include "models/model.h"

extern const elbo_dist_type elbo_words_type;

/* logits: [..., V] -> rows of counts, an event of rank 1. */
elbo_dist elbo_words(elbo_node *logits, int64_t length);

/* ELBO_ERROR_USAGE unless an item is a row of at least two counts. */
elbo_status elbo_words_check(const elbo_item *item, elbo_error *error);
/* x: [B, V] through dense layers of the encoder's group: "dense1", ... The first passes over the zeros of x where
 * `sparse`, with the same result. */
elbo_node *elbo_words_hidden(elbo_context *context, elbo_node *x, const elbo_ints *widths, const char *activation,
                             bool sparse);
/* numbers: [B, 2 Z], means and then the logarithms of standard deviations -> N(mean, deviation^2) over [B, Z]. */
elbo_dist elbo_words_posterior(elbo_context *context, elbo_node *numbers);

#endif
