/* AdamW: Adam's step from parameters that first shrink by lr * weight_decay. */
#include "optim/optim.h"

enum { MINUS_SHRINKAGE = 2 }; /* after Adam's own scalars */

extern const elbo_optimiser_type elbo_optimiser_adam, elbo_optimiser_adamw;

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    elbo_optimiser_adam.prepare(options, rate, t, out);
    out[MINUS_SHRINKAGE] = -rate * options->weight_decay;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    elbo_optimiser_input shrunk = *in;
    if (options->weight_decay > 0) /* p - x p rather than (1 - x) p: a small x would be lost in f32 */
        shrunk.param = elbo_muladd(in->param, in->scalar[MINUS_SHRINKAGE], in->param);
    return elbo_optimiser_adam.build(&shrunk, options, slot);
}

const elbo_optimiser_type elbo_optimiser_adamw = {.name = "adamw",
                                                  .description = "Adam with weight decay apart from the gradient",
                                                  .formula = "p -= lr weight_decay p; then Adam's step",
                                                  .source = "Loshchilov and Hutter 2019, algorithm 2",
                                                  .slots = 2,
                                                  .slot_name = {"mean", "mean_square"},
                                                  .slot_squares = {false, true},
                                                  .decoupled_decay = true,
                                                  .prepare = prepare,
                                                  .build = build};
