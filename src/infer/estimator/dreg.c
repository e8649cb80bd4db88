/* Doubly reparameterised gradient of the importance-weighted bound (Tucker, Lawson, Gu and Maddison 2018, equation 8):
 *
 *   theta (prior, decoder):  sum_k w~_k d/dtheta log w_k              as in IWAE
 *   phi (encoder):           sum_k w~_k^2 d log w_k/dz_k dz_k/dphi    with q's own parameters held in log w
 *
 * Both come from one backward pass: with z taken as given, G_k = w~_k d log w_k/dz_k is part of theta's gradient, and
 * w~_k G_k . z_k(phi) is a surrogate for phi's. log q counts for the slope in z alone: theta's part takes it as a
 * constant, also where q has networks of its own (the levels of a hierarchy) or shares them with the prior. */
#include "infer/infer.h"

/* sum_k weight_k of_k / B */
static elbo_node *weighted_mean(elbo_node *weight, elbo_node *of, double rows) {
    return elbo_scale(elbo_sum_all(elbo_mul(weight, of)), 1 / rows);
}

static elbo_update bound(const elbo_estimate *e) {
    elbo_node *draws = elbo_estimate_draws(e, true), *z = elbo_stop_gradient(draws);
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, z);
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    elbo_node *log_weight = elbo_estimate_log_weight(e, &terms);
    if (!log_weight) return update;
    elbo_node *weight = elbo_stop_gradient(elbo_softmax(log_weight, 0)); /* [K, B] */
    elbo_shape shape = elbo_node_shape(weight);
    double rows = (double)shape.dim[shape.rank - 1];
    elbo_node *joint = elbo_add(terms.log_likelihood, elbo_mul(e->weights->kl, terms.log_prior)), *slope, *slope_of_q;
    /* The slope is taken of the very node that the objective adds: the gradient of the objective then finds the way
     * back through the decoder in the graph instead of going it again. */
    elbo_node *theta = elbo_neg(weighted_mean(weight, joint, rows));
    elbo_grad(theta, &z, 1, &slope);
    elbo_grad(weighted_mean(weight, elbo_mul(e->weights->kl, terms.log_posterior), rows), &z, 1, &slope_of_q);
    shape.dim[shape.rank++] = 1;
    elbo_node *pull = elbo_mul(elbo_add(slope, slope_of_q), elbo_reshape(weight, shape));
    update.objective = elbo_add(theta, elbo_sum_all(elbo_mul(elbo_stop_gradient(pull), draws)));
    return update;
}

const elbo_estimator_type elbo_estimator_dreg = {
    .name = "dreg",
    .description = "the bound of iwae with the doubly reparameterised gradient, whose signal grows with K",
    .paper = "Tucker, Lawson, Gu and Maddison 2018, arXiv:1810.04152",
    .reparameterised = true,
    .weighted = true,
    .least_draws = 1,
    .bound = bound};
