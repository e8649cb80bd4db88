/* The M-step of Monte Carlo EM: the codes are given, drawn from the posterior by a Markov chain that is kept for each
 * row (train/local.h). */
#include "infer/infer.h"

int elbo_infer_codes(elbo_estimate *e, elbo_update out[ELBO_MODEL_UPDATES]) {
    elbo_node *z = e->context->local;
    out[0] = (elbo_update){.name = "joint"};
    elbo_dist likelihood = e->model->decode(e->context, z);
    elbo_dist prior = e->model->prior(e->context, elbo_node_shape(e->x).dim[0]);
    if (!likelihood.type || !prior.type) return 1;
    out[0].reconstruction = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&likelihood, e->x)));
    out[0].kl = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&prior, z)));
    out[0].loss = elbo_add(out[0].reconstruction, out[0].kl);
    out[0].objective = out[0].loss;
    return 1;
}
