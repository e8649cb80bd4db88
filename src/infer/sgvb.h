/* Stochastic gradient variational Bayes: the bound as graph. */
#ifndef ELBO_INFER_SGVB_H
#define ELBO_INFER_SGVB_H

#include "models/model.h"

/* Kingma and Welling 2013, section 2.3.
 *   estimator A (equation 6): 1/L sum_l log p(x, z_l) - log q(z_l | x)
 *   estimator B (equation 7): 1/L sum_l log p(x | z_l) - KL(q(z|x) || p(z)), where the KL has a closed form. */
typedef struct elbo_sgvb {
    int64_t samples;  /* L */
    bool analytic_kl; /* B */
    double free_bits; /* nats for each latent dimension below which its KL is not pressed down (0: off) */
} elbo_sgvb;

/* The bound on x: [B, size]. The objective is reconstruction + weights->kl * KL (with free bits: the mean KL of each
 * dimension counts as at least free_bits); loss, reconstruction and kl carry no weights. An impossible request is an
 * error in the graph. */
elbo_update elbo_infer_sgvb(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                            const elbo_weights *weights, const elbo_sgvb *how);

#endif
