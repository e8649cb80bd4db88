/* Wake-sleep (Hinton, Dayan, Frey and Neal 1995) with the networks of the autoencoder. */
#include <string.h>

#include "infer/infer.h"

/* Whether the prior has parameters of its own. */
static bool prior_learns(const elbo_estimate *e) {
    const elbo_params *params = e->context->builder.params;
    for (size_t i = 0; i < elbo_params_count(params); i++)
        if (strcmp(elbo_params_at(params, i)->group, "prior") == 0) return true;
    return false;
}

/* -log p(x, z), z ~ q(z|x): prior and decoder learn what the encoder sees. */
static elbo_update wake(elbo_estimate *e) {
    e->posterior = e->model->encode(e->context, e->x);
    e->prior = e->model->prior(e->context, elbo_node_shape(e->x).dim[0]);
    elbo_update update = {.name = "wake", .groups = {"decoder", prior_learns(e) ? "prior" : NULL}};
    if (!e->posterior.type || !e->prior.type) return update;
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(elbo_estimate_draws(e, false)));
    elbo_update report = elbo_estimate_report(&terms);
    update.loss = report.loss;
    update.reconstruction = report.reconstruction;
    update.kl = report.kl;
    update.objective = elbo_neg(elbo_mean_all(elbo_add(terms.log_likelihood, terms.log_prior)));
    return update;
}

/* -log q(z|x), z ~ p(z), x ~ p(x|z): the encoder learns to read the model's own dreams. */
static elbo_update sleep_phase(elbo_estimate *e) {
    elbo_update update = {.name = "sleep", .groups = {"encoder"}};
    elbo_node *z = elbo_stop_gradient(elbo_dist_sample(&e->prior, 0));
    elbo_dist likelihood = e->model->decode(e->context, z);
    elbo_dist posterior = e->model->encode(e->context, elbo_stop_gradient(elbo_dist_sample(&likelihood, 0)));
    if (!posterior.type) return update;
    update.objective = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&posterior, z)));
    return update;
}

int elbo_infer_wake_sleep(elbo_estimate *estimate, elbo_update out[ELBO_MODEL_UPDATES]) {
    out[0] = wake(estimate);
    if (!out[0].objective) return 1; /* the graph holds the error */
    out[1] = sleep_phase(estimate);
    return 2;
}
