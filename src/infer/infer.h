/* The bound as graph: estimators of its gradient (one file in src/infer/estimator each, registered as
 * elbo_estimator_<file>), and the kinds of inference that train a model otherwise.
 *
 * With z_1..z_K drawn from q(z|x), log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x). An estimator returns an
 * objective whose gradient is the estimate wanted: where the estimate is no gradient of the bound's own formula, the
 * objective is a surrogate, with elbo_stop_gradient around what counts as constant. */
#ifndef ELBO_INFER_INFER_H
#define ELBO_INFER_INFER_H

#include "models/model.h"

typedef struct elbo_estimate {
    elbo_context *context;
    const elbo_model_type *model;
    elbo_node *x; /* [B, size] */
    const elbo_weights *weights;
    int64_t samples;     /* K, of all groups together */
    int64_t groups;      /* miwae, piwae: M of them, of K / M draws each */
    double share;        /* ciwae: of the ELBO */
    const char *control; /* reinforce: none, mean, leave-one-out, learned */
    double free_bits;    /* nats for each dimension below which its KL is not pressed down (0: off) */
    elbo_dist posterior, prior;
} elbo_estimate;

typedef struct elbo_estimator_type {
    const char *name, *description, *paper;
    bool reparameterised; /* needs draws that carry a gradient */
    bool free_bits;       /* knows the KL of each dimension */
    bool weighted;        /* its bound is the importance-weighted one of K draws; else the ELBO, whatever K */
    bool mixed;           /* follows several bounds at once: no other estimator has its mean */
    const char *option;   /* of its own: "control", "groups" or "share"; NULL: none */
    int least_draws;
    elbo_update (*bound)(const elbo_estimate *estimate);
} elbo_estimator_type;

extern const elbo_estimator_type *const elbo_registry_estimators[];
/* NULL, and the known names in the error, for an unknown one. */
const elbo_estimator_type *elbo_estimator_find(const char *name, elbo_error *error);
/* Whether it can work with so many draws, in so many groups where it has these; a message names the options. */
elbo_status elbo_estimator_check_draws(const elbo_estimator_type *type, int64_t draws, int64_t groups,
                                       elbo_error *error);

/* Encodes x, unless the estimate has a posterior already, and asks the estimator. The objective weighs the KL by
 * weights->kl; loss, reconstruction and kl do not. */
elbo_update elbo_estimate_bound(elbo_estimate *estimate, const elbo_estimator_type *type);

/* The same under a limit of the KL, in nats for each datum (budget.c). */
elbo_update elbo_estimate_budget(elbo_estimate *estimate, const elbo_estimator_type *type, double budget, double rate);

/* ---- for the estimators ---- */

/* Log densities at draws z: [K, B] each, or [B] where z has no axis of samples. */
typedef struct elbo_terms {
    elbo_node *z, *log_likelihood, *log_prior, *log_posterior;
} elbo_terms;

/* K draws of the posterior: [K, B, ...], or [B, ...] for K = 1 where `axis` is false. */
elbo_node *elbo_estimate_draws(const elbo_estimate *estimate, bool axis);
/* posterior: the estimate's own, or a copy whose parameters are stopped. */
elbo_terms elbo_estimate_terms(const elbo_estimate *estimate, const elbo_dist *posterior, elbo_node *z);
/* The posterior with parameters that count as constants. */
elbo_dist elbo_estimate_stopped(const elbo_estimate *estimate);
/* log w with the prior and posterior weighed by weights->kl: [K, B]. */
elbo_node *elbo_estimate_log_weight(const elbo_estimate *estimate, const elbo_terms *terms);
/* The single-sample figures: reconstruction and sampled KL. */
elbo_update elbo_estimate_report(const elbo_terms *terms);
/* The same with loss = -mean log 1/K sum w_k, the bound of importance weighting, and kl what it leaves beside the
 * reconstruction. */
elbo_update elbo_estimate_report_weighted(const elbo_estimate *estimate, const elbo_terms *terms);

/* ---- other kinds of inference; each returns how many updates it wrote ---- */

/* Hinton et al. 1995: the wake phase moves prior and decoder on z ~ q(z|x), the sleep phase the encoder on dreams
 * z ~ p(z), x ~ p(x|z). */
int elbo_infer_wake_sleep(elbo_estimate *estimate, elbo_update out[ELBO_MODEL_UPDATES]);
/* The M-step of Monte Carlo EM: -log p(x, z) at the codes z that context->local holds. */
int elbo_infer_codes(elbo_estimate *estimate, elbo_update out[ELBO_MODEL_UPDATES]);
/* Full variational Bayes (Kingma and Welling 2013, appendix F): a normal posterior over each weight of the decoder too,
 * with prior N(0, 1). Loss and objective contain KL(q(theta) || p(theta)) / N. */
int elbo_infer_full(elbo_estimate *estimate, const elbo_estimator_type *type, elbo_update out[ELBO_MODEL_UPDATES]);

#endif
