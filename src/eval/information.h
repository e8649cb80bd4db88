/* The mutual information of data and code under q(z|x) q_data(x) (Hoffman and Johnson 2016, "ELBO surgery"):
 *
 *   I = E_x KL(q(z|x) || p(z)) - KL(q(z) || p(z)) = E[log q(z|x) - log q(z)]
 *     ~ 1/N sum_i [log q(z_i|x_i) - log 1/N sum_j q(z_i|x_j)],   z_i ~ q(z|x_i), one draw each.
 *
 * It is the information about which of these N data it was: never more than log N (7.6 nats for 2000), and below the
 * information about x itself where that comes near log N. Where it is small the estimate is unbiased up to O(e^I/N). */
#ifndef ELBO_EVAL_INFORMATION_H
#define ELBO_EVAL_INFORMATION_H

#include "dist/dist.h"
#include "eval/work.h"

enum { ELBO_INFORMATION_ROWS = 2000 };

/* What is kept of some rows of an evaluation. */
typedef struct elbo_information {
    int64_t rows, kept, latent;
    float *z;                               /* [rows, latent] */
    float *parameter[ELBO_DIST_PARAMETERS]; /* [rows, width] */
    int64_t width[ELBO_DIST_PARAMETERS];
} elbo_information;

/* How many of `count` rows are compared: all pairs, so fewer for very wide codes. */
int64_t elbo_information_rows(int64_t count, int64_t latent);
/* Makes room. posterior: one whose parameters have a leading axis of data. Clear it also after a failure. */
elbo_status elbo_information_new(elbo_information *information, const elbo_dist *posterior, int64_t rows,
                                 int64_t latent, elbo_error *error);
void elbo_information_clear(elbo_information *information);
/* Keeps a row: z [latent] and the parameters of its posterior. Rows beyond the number that was announced are passed
 * over. */
void elbo_information_keep(elbo_information *information, const float *z, const float *const *parameter);
/* The estimate, in nats. */
elbo_status elbo_information_estimate(const elbo_information *information, const elbo_dist *posterior, int threads,
                                      elbo_work *work, double *nats, elbo_error *error);

#endif
