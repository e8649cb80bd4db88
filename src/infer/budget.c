/* The bound under a limit: the best reconstruction among posteriors whose mean KL is at most a budget. Its Lagrangian
 * is
 *
 *   min over networks, max over beta >= 0:   E[-log p(x|z)] + beta (KL - budget)
 *
 * beta rises while the KL is above the budget and falls while it is below, by the multiplier's update of Rezende and
 * Viola 2018 (arXiv:1810.00597, algorithm 1): a factor e^(rate C) in each step, where C is a running mean of the
 * constraint, here as a share of the budget and at most 1, so that one rate suits all budgets. Mean and multiplier are
 * parameters of the state; a step uses what the steps before it left. */
#include "graph/graph.h"
#include "infer/infer.h"

static const double keep = 0.9;      /* of the running mean in each step */
static const double limit = 13.8155; /* of |log beta|: a million; further away it would take long to come back */

static elbo_node *state(elbo_builder *builder, const char *name) {
    return elbo_nn_param(builder, "budget", name, ELBO_SHAPE(1), ELBO_INIT_ZERO, 0, 1, 1);
}

elbo_update elbo_estimate_budget(elbo_estimate *e, const elbo_estimator_type *type, double budget, double rate) {
    elbo_builder *builder = &e->context->builder;
    const char *group = builder->group;
    builder->group = "state";
    elbo_node *log_beta = state(builder, "log_beta"), *sum = state(builder, "sum"), *weight = state(builder, "weight");
    const elbo_weights *usual = e->weights;
    elbo_weights multiplier = {elbo_reshape(elbo_exp(log_beta), ELBO_SCALAR)};
    e->weights = &multiplier;
    elbo_update update = elbo_estimate_bound(e, type);
    e->weights = usual;
    if (!update.kl) return update;
    builder->group = "state";
    elbo_node *now = elbo_reshape(update.kl, ELBO_SHAPE(1));
    sum = elbo_add(elbo_scale(sum, keep), elbo_scale(now, 1 - keep));
    weight = elbo_shift(elbo_scale(weight, keep), 1 - keep);
    elbo_node *excess = elbo_clamp(elbo_shift(elbo_scale(elbo_div(sum, weight), 1 / budget), -1), -1, 1);
    elbo_nn_assign(builder, "budget", "sum", sum);
    elbo_nn_assign(builder, "budget", "weight", weight);
    elbo_nn_assign(builder, "budget", "log_beta",
                   elbo_clamp(elbo_add(log_beta, elbo_scale(excess, rate)), -limit, limit));
    builder->group = group;
    return update;
}
