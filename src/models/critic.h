/* Critics: networks that tell two kinds of codes apart, and so estimate the logarithm of the ratio of their densities
 * (Sugiyama, Suzuki and Kanamori 2012): where T minimises E_a softplus(-T(z)) + E_b softplus(T(z)), T = log a(z)/b(z).
 */
#ifndef ELBO_MODELS_CRITIC_H
#define ELBO_MODELS_CRITIC_H

#include "models/model.h"

typedef struct elbo_critic {
    const elbo_ints *widths; /* of hidden layers */
    const char *activation;  /* after each; NULL: leaky ReLU of slope 0.2 */
    double dropout;          /* before the output, while the critic itself learns */
    bool learning;
    const char *group; /* of its parameters; NULL: "critic" */
} elbo_critic;

/* z: [..., D] -> T(z): [...]. */
elbo_node *elbo_critic_score(elbo_context *context, const elbo_critic *critic, elbo_node *z);
/* The loss of a critic that saw codes of kind a and of kind b: half the sum of the two means, a scalar. */
elbo_node *elbo_critic_loss(elbo_node *score_a, elbo_node *score_b);
/* z: [B, D], B > D -> a batch [B, D] in which each dimension comes from another row, as if dimensions were independent:
 * dimension d is moved up by d + 1 rows, round the end. No two dimensions of a row stay together, which random
 * permutations do to one pair in B; rows of a batch are in random order, so that fixed moves will do. A smaller batch
 * is an error in the graph. */
elbo_node *elbo_critic_permuted(elbo_node *z);

#endif
