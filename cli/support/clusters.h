/* Rows of a data set by cluster: the work of `elbo cluster` and of the measurement "clusters". */
#ifndef ELBO_CLI_SUPPORT_CLUSTERS_H
#define ELBO_CLI_SUPPORT_CLUSTERS_H

#include "support/command.h"

typedef struct elbo_cli_clusters {
    int64_t clusters, used;   /* that there are, and that have rows */
    elbo_array assigned;      /* i32 [N]: argmax of q(c|x), the first of equals */
    elbo_array probabilities; /* f32 [N, clusters]: q(c|x) */
    elbo_array labels;        /* i32 [N]; empty where rows have none */
    int64_t *rows;            /* [clusters] */
    double *certainty;        /* [clusters]: mean of q(c|x) over the rows of c; NaN without rows */
} elbo_cli_clusters;

/* Free with elbo_cli_clusters_free, also after a failure.  ELBO_ERROR_UNSUPPORTED for models and fits without
 * clusters, ELBO_ERROR_STATE for a split without rows, ELBO_ERROR_SHAPE for items of another size. */
elbo_status elbo_cli_clusters_of_model(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                       elbo_cli_clusters *out, elbo_error *error);
/* By a mixture of so many normal distributions, fitted by EM to the means of q(z|x) of these very rows: for
 * any model with an encoder. */
typedef struct elbo_cli_code_mixture {
    const char *covariance; /* as in elbo_fit_options */
    int64_t components, restarts, seed;
    int threads;
} elbo_cli_code_mixture;
/* Diagonal components find other clusters than the classes of images: the default is full. */
#define ELBO_CLI_CODE_COVARIANCES "full|diagonal|spherical"
elbo_status elbo_cli_clusters_of_codes(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                       const elbo_cli_code_mixture *mixture, elbo_cli_clusters *out, elbo_error *error);
elbo_status elbo_cli_clusters_of_fit(const elbo_fit *fit, const elbo_dataset *dataset, elbo_split split,
                                     elbo_cli_clusters *out, elbo_error *error);
void elbo_cli_clusters_free(elbo_cli_clusters *clusters);

#endif
