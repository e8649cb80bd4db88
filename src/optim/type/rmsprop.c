/* RMSProp: each parameter's gradient over the root of its running mean square. */
#include "optim/optim.h"

enum { MINUS_RATE };
enum { MEAN_SQUARE };

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    (void)options;
    (void)t;
    out[MINUS_RATE] = -rate;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    slot[MEAN_SQUARE] = elbo_optimiser_average(in->slot[MEAN_SQUARE], elbo_square(in->gradient), options->rho);
    return elbo_optimiser_move(in->param, in->scalar[MINUS_RATE], in->gradient, slot[MEAN_SQUARE],
                               elbo_scalar(in->graph, options->epsilon));
}

const elbo_optimiser_type elbo_optimiser_rmsprop = {
    .name = "rmsprop",
    .description = "the gradient over the root of its running mean square",
    .formula = "s = rho s + (1 - rho) g^2; p -= lr g / (sqrt(s) + epsilon)",
    .source = "Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning",
    .slots = 1,
    .slot_name = {"mean_square"},
    .slot_squares = {true},
    .prepare = prepare,
    .build = build};
