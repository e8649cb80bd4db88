/* Gradient descent with momentum: the velocity is a decaying sum of gradients (no factor 1 - momentum). */
#include "optim/optim.h"

enum { MINUS_RATE };
enum { VELOCITY };

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    (void)options;
    (void)t;
    out[MINUS_RATE] = -rate;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    elbo_node *share = elbo_scalar(in->graph, options->momentum);
    elbo_node *velocity = slot[VELOCITY] = elbo_muladd(in->slot[VELOCITY], share, in->gradient);
    elbo_node *direction = options->nesterov ? elbo_muladd(velocity, share, in->gradient) : velocity;
    return elbo_muladd(direction, in->scalar[MINUS_RATE], in->param);
}

const elbo_optimiser_type elbo_optimiser_momentum = {
    .name = "momentum",
    .description = "gradient descent with momentum, plain or Nesterov's",
    .formula = "v = momentum v + g; p -= lr v (Nesterov: lr (g + momentum v))",
    .source = "Polyak 1964; Nesterov 1983, in the form of Sutskever et al. 2013",
    .slots = 1,
    .slot_name = {"velocity"},
    .prepare = prepare,
    .build = build};
