/* The score-function estimator (Williams 1992; Paisley, Blei and Jordan 2012; Mnih and Gregor 2014): for
 * f = log p(x, z) - log q(z|x),
 *
 *   gradient = (f - control) d log q(z|x)/dphi + d log p(x, z)/dtheta
 *
 * A control that does not depend on z leaves the mean as it is, since the score has mean zero:
 *   none            0
 *   mean            the running mean of f over steps
 *   leave-one-out   for each draw the mean f of the others (Kool et al. 2019)
 *   learned         the running mean plus a network of x that is trained on the squared rest */
#include <string.h>

#include "graph/graph.h"
#include "infer/infer.h"

static const double keep = 0.9; /* of the running mean in each step */

/* The running mean of the steps before this one; the sum and the weight that it has seen are parameters of the state.
 */
static elbo_node *running_mean(elbo_builder *builder, elbo_node *f) {
    const char *group = builder->group;
    builder->group = "state";
    elbo_node *sum = elbo_nn_param(builder, "control", "sum", ELBO_SHAPE(1), ELBO_INIT_ZERO, 0, 1, 1);
    elbo_node *weight = elbo_nn_param(builder, "control", "weight", ELBO_SHAPE(1), ELBO_INIT_ZERO, 0, 1, 1);
    elbo_node *now = elbo_reshape(elbo_mean_all(f), ELBO_SHAPE(1));
    elbo_nn_assign(builder, "control", "sum", elbo_add(elbo_scale(sum, keep), elbo_scale(now, 1 - keep)));
    elbo_nn_assign(builder, "control", "weight", elbo_shift(elbo_scale(weight, keep), 1 - keep));
    builder->group = group;
    return elbo_div(sum, elbo_max(weight, elbo_scalar(builder->graph, 1e-6)));
}

/* A guess of f from x: [B]. */
static elbo_node *guess(elbo_builder *builder, elbo_node *x) {
    const char *group = builder->group;
    builder->group = "control";
    elbo_ints widths = {.count = 1, .value = {100}};
    elbo_node *h = elbo_nn_mlp(builder, x, "dense", &widths, "tanh");
    elbo_node *out = elbo_nn_dense(builder, h, "output", 1);
    builder->group = group;
    return elbo_reshape(out, ELBO_SHAPE(elbo_node_shape(x).dim[0]));
}

/* What is taken off f: [K, B], and where it is learned the loss of the learner into *fit. */
static elbo_node *control(const elbo_estimate *e, elbo_node *f, elbo_node **fit) {
    elbo_builder *builder = &e->context->builder;
    *fit = elbo_scalar(builder->graph, 0);
    if (strcmp(e->control, "none") == 0) return elbo_scalar(builder->graph, 0);
    if (strcmp(e->control, "leave-one-out") == 0) {
        elbo_node *others = elbo_sub(elbo_sum(f, 0, 0, true), f);
        return elbo_scale(others, 1 / (double)(e->samples - 1));
    }
    elbo_node *mean = running_mean(builder, f);
    if (strcmp(e->control, "mean") == 0) return mean;
    elbo_node *value = elbo_add(guess(builder, e->x), mean);
    *fit = elbo_mean_all(elbo_square(elbo_sub(f, value)));
    return elbo_stop_gradient(value);
}

static elbo_update bound(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(elbo_estimate_draws(e, true)));
    elbo_update update = elbo_estimate_report(&terms);
    if (!update.loss) return update;
    elbo_node *f = elbo_stop_gradient(elbo_estimate_log_weight(e, &terms)), *fit;
    elbo_node *signal = elbo_sub(f, control(e, f, &fit));
    elbo_node *joint = elbo_add(terms.log_likelihood, elbo_mul(e->weights->kl, terms.log_prior));
    elbo_node *surrogate = elbo_add(elbo_mul(elbo_stop_gradient(signal), terms.log_posterior), joint);
    update.objective = elbo_sub(fit, elbo_mean_all(surrogate));
    return update;
}

const elbo_estimator_type elbo_estimator_reinforce = {
    .name = "reinforce",
    .description = "score function: any posterior, with --control against its noise",
    .paper = "Williams 1992; Mnih and Gregor 2014, arXiv:1402.0030",
    .option = "control",
    .least_draws = 1,
    .bound = bound};
