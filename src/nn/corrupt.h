/* Corruption of data, for denoising and deblurring (Vincent et al. 2010, section 3.3). Levels are in the units of x,
 * where black is 0 and white is 1:
 *
 *   masking       each value becomes 0 with probability `level`
 *   gaussian      x + level e, e ~ N(0, 1), not clipped
 *   salt-pepper   each value becomes 0 or 1, either with probability level / 2
 *   blur          images: convolution with a normal density of standard deviation `level` pixels, cut off at the edges
 *                 and scaled so that its weights sum to 1 there too */
#ifndef ELBO_NN_CORRUPT_H
#define ELBO_NN_CORRUPT_H

#include "base/error.h"

#define ELBO_CORRUPTIONS "masking|gaussian|salt-pepper|blur"

/* Whether a kind, a level and items of this shape go together; option: "--noise" and "--noise-level" in messages. */
elbo_status elbo_nn_corrupt_check(const char *kind, double level, int item_rank, elbo_error *error);
/* x: [B, size] -> [B, size], by one random stream (blur: none). Check first. */
elbo_node *elbo_nn_corrupt(elbo_node *x, const char *kind, double level, int item_rank, const int64_t *item_shape);

#endif
