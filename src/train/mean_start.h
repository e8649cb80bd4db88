/* The start of an output's bias at the data's mean. */
#ifndef ELBO_TRAIN_MEAN_START_H
#define ELBO_TRAIN_MEAN_START_H

#include "train/instance.h"

/* Sets the bias that the model names (elbo_model_type.mean_bias), if it names one, by the means of each value of x over
 * the training rows: log odds under a bernoulli likelihood, the means themselves under a normal one. */
elbo_status elbo_mean_start(elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error);

#endif
