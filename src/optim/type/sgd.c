/* Stochastic gradient descent. */
#include "optim/optim.h"

enum { MINUS_RATE };

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    (void)options;
    (void)t;
    out[MINUS_RATE] = -rate;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    (void)options;
    (void)slot;
    return elbo_muladd(in->gradient, in->scalar[MINUS_RATE], in->param);
}

const elbo_optimiser_type elbo_optimiser_sgd = {.name = "sgd",
                                                .description = "stochastic gradient descent",
                                                .formula = "p -= lr g",
                                                .source = "Robbins and Monro 1951",
                                                .prepare = prepare,
                                                .build = build};
