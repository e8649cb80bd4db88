/* The importance-weighted bound (Burda, Grosse and Salakhutdinov 2015): L_K = E log 1/K sum_k w_k, with the gradient
 * of that formula, sum_k w~_k d log w_k, w~ = softmax(log w). */
#include "infer/infer.h"

static elbo_update bound(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_estimate_draws(e, true));
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    elbo_node *log_weight = elbo_estimate_log_weight(e, &terms);
    update.objective = elbo_neg(elbo_mean_all(elbo_logsumexp(log_weight, 0, 0, false)));
    return update;
}

const elbo_estimator_type elbo_estimator_iwae = {
    .name = "iwae",
    .description =
        "the importance-weighted bound of --draws K samples, with its own reparameterised gradient; the loss "
        "is that bound",
    .paper = "Burda, Grosse and Salakhutdinov 2015, arXiv:1509.00519",
    .reparameterised = true,
    .weighted = true,
    .least_draws = 1,
    .bound = bound};
