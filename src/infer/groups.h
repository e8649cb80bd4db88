/* Importance-weighted bounds of groups of draws (Rainforth et al. 2018). */
#ifndef ELBO_INFER_GROUPS_H
#define ELBO_INFER_GROUPS_H

#include "infer/infer.h"

/* The options of the estimators of that paper, and when they have an effect. */
#define ELBO_GROUP_OPTIONS(O)                                                                                       \
    O(INT, groups, "2", 1, 10000, NULL,                                                                             \
      "miwae, piwae: groups M of equal size that --draws are split into: (M, K) = (8, 8) is --draws 64 --groups 8") \
    O(REAL, share, "0.05", 0, 1, NULL, "ciwae: weight of the ELBO beside the importance-weighted bound (its beta)")
#define ELBO_GROUP_RULES                                                      \
    {"groups", {"estimator"}, "miwae|piwae", "--estimator miwae or piwae"}, { \
        "share", {"estimator"}, "ciwae", "--estimator ciwae"                  \
    }

/* log_weight: [T, B] -> [M, T/M, B], the draws of each of the estimate's M groups; NULL for NULL. */
elbo_node *elbo_estimate_grouped(const elbo_estimate *estimate, elbo_node *log_weight);
/* The mean over data and groups of log M/T sum of a group's weights: scalar. */
elbo_node *elbo_estimate_group_bound(const elbo_estimate *estimate, elbo_node *log_weight);

#endif
