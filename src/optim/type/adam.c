/* Adam: running means of gradient and square, both corrected for their start.
 *
 * With c1 = 1 - beta1^t and c2 = 1 - beta2^t the step lr (m / c1) / (sqrt(v / c2) + epsilon) equals
 * (lr sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2)): the corrections cost nothing for each parameter. */
#include <math.h>

#include "optim/optim.h"

enum { MINUS_RATE, EPSILON };
enum { MEAN, MEAN_SQUARE };

static void prepare(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]) {
    double c1 = 1 - pow(options->beta1, (double)t), root_c2 = sqrt(1 - pow(options->beta2, (double)t));
    out[MINUS_RATE] = -rate * root_c2 / c1;
    out[EPSILON] = options->epsilon * root_c2;
}

static elbo_node *build(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]) {
    slot[MEAN] = elbo_optimiser_average(in->slot[MEAN], in->gradient, options->beta1);
    slot[MEAN_SQUARE] = elbo_optimiser_average(in->slot[MEAN_SQUARE], elbo_square(in->gradient), options->beta2);
    return elbo_optimiser_move(in->param, in->scalar[MINUS_RATE], slot[MEAN], slot[MEAN_SQUARE], in->scalar[EPSILON]);
}

const elbo_optimiser_type elbo_optimiser_adam = {
    .name = "adam",
    .description = "running mean of the gradient over the root of the running mean square",
    .formula =
        "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; "
        "p -= lr m/(1 - beta1^t) / (sqrt(v/(1 - beta2^t)) + epsilon)",
    .source = "Kingma and Ba 2015, algorithm 1",
    .slots = 2,
    .slot_name = {"mean", "mean_square"},
    .slot_squares = {false, true},
    .prepare = prepare,
    .build = build};
