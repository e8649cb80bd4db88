/* The codes of a split while a training is on: what a phase of it may start from. */
#ifndef ELBO_TRAIN_CODES_H
#define ELBO_TRAIN_CODES_H

#include "train/instance.h"

/* Means of q(z|x) of the first `rows` rows of a split, grey values as they are: [rows, latent] into out. */
elbo_status elbo_codes(const elbo_instance *instance, const elbo_dataset *dataset, elbo_split split, int64_t rows,
                       int threads, float *out, elbo_error *error);

#endif
