/* The bound as reconstruction and KL, for estimators that know the KL of each element of the code. */
#ifndef ELBO_INFER_KL_H
#define ELBO_INFER_KL_H

#include "infer/infer.h"

/* log q - log p at draws z of the posterior: of each element where both distributions are made of the same elements,
 * else of each datum. */
elbo_node *elbo_estimate_sampled_kl(const elbo_estimate *estimate, elbo_node *z);
/* kl: [.., B] of a datum, or [.., B, Z] of its elements. With free bits the mean KL of each element counts as at least
 * that in the objective. */
elbo_update elbo_estimate_with_kl(const elbo_estimate *estimate, elbo_node *z, elbo_node *kl);

#endif
