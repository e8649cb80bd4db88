/* The options of a comparison of likelihoods, read and checked. */
#ifndef ELBO_EVAL_LIKELIHOOD_OPTIONS_H
#define ELBO_EVAL_LIKELIHOOD_OPTIONS_H

#include "eval/estimate.h"

typedef enum elbo_method {
    ELBO_METHOD_PRIOR,
    ELBO_METHOD_IS,
    ELBO_METHOD_HMC,
    ELBO_METHOD_AIS,
    ELBO_METHOD_COUNT
} elbo_method;

typedef struct elbo_methods {
    size_t count;
    elbo_method method[ELBO_LIKELIHOOD_METHODS]; /* in the order of the option */
    int64_t samples;
    elbo_estimate_options hmc, ais;
} elbo_methods;

/* "prior", "is", "hmc", "ais". */
const char *elbo_method_name(elbo_method method);
/* ELBO_ERROR_USAGE for an unknown method or one named twice, for none, and for options that do not apply. latent: of
 * the model. */
elbo_status elbo_methods_read(elbo_methods *methods, const elbo_evaluation_options *evaluation,
                              const elbo_likelihood_options *options, int64_t latent, elbo_error *error);

#endif
