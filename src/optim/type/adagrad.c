/* Adagrad: each parameter's rate falls with the sum of its squared gradients. */
#include "optim/optim.h"

enum { MINUS_RATE };
enum { SQUARE_SUM };

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    (void)options;
    (void)t;
    out[MINUS_RATE] = -rate;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    slot[SQUARE_SUM] = elbo_muladd(in->gradient, in->gradient, in->slot[SQUARE_SUM]);
    return elbo_optimiser_move(in->param, in->scalar[MINUS_RATE], in->gradient, slot[SQUARE_SUM],
                               elbo_scalar(in->graph, options->epsilon));
}

const elbo_optimiser_type elbo_optimiser_adagrad = {
    .name = "adagrad",
    .description = "rates that fall with the sum of squared gradients, for each parameter",
    .formula = "s += g^2; p -= lr g / (sqrt(s) + epsilon)",
    .source = "Duchi, Hazan and Singer 2011",
    .slots = 1,
    .slot_name = {"square_sum"},
    .slot_squares = {true},
    .prepare = prepare,
    .build = build};
