/* What a model can show, made once for the commands and for the report: items f32 [N, item...] that the caller frees,
 * and charts. */
#ifndef ELBO_CLI_SUPPORT_SHOW_H
#define ELBO_CLI_SUPPORT_SHOW_H

#include "support/run.h"

typedef struct elbo_cli_samples {
    int64_t count;
    uint64_t seed;
    double temperature; /* factor on draws from the prior */
    bool draw;          /* draws from p(x|z) instead of its means */
    bool of_cluster;    /* codes from p(z|c) of this cluster instead of the prior */
    int64_t cluster;
} elbo_cli_samples;
elbo_status elbo_cli_show_samples(elbo_cli_run *run, const elbo_cli_samples *how, elbo_array *items, elbo_error *error);

/* The first `count` rows of a split (all, if it has fewer) and, for each, the mean of p(x|z) at the mean of q(z|x). */
elbo_status elbo_cli_show_reconstructions(elbo_cli_run *run, elbo_split split, int64_t count, elbo_array *originals,
                                          elbo_array *items, elbo_error *error);
/* Originals above their reconstructions. */
elbo_status elbo_cli_write_reconstructions(const elbo_cli_run *run, const elbo_array *originals,
                                           const elbo_array *items, const char *path, elbo_error *error);

/* Items at the codes of elbo_cli_latent_grid; the picture has no gaps and `side` columns. */
elbo_status elbo_cli_show_manifold(elbo_cli_run *run, const elbo_ints *dims, int64_t side, elbo_array *items,
                                   elbo_error *error);

/* Which dimensions to run through: those listed, or else all up to ELBO_CLI_TRAVERSED. */
enum { ELBO_CLI_TRAVERSED = ELBO_MAX_INTS };
elbo_ints elbo_cli_traversed(const elbo_ints *listed, int64_t latent);
/* Items at the codes of elbo_cli_latent_lines around `base` (NULL: the origin); a picture has `steps` columns. */
elbo_status elbo_cli_show_traversal(elbo_cli_run *run, const float *base, const elbo_ints *dims, int64_t steps,
                                    double range, elbo_array *items, elbo_error *error);

/* Two dimensions of codes of the first N rows of a split, coloured by label where there are labels: means of q(z|x),
 * [N, latent], or so many draws of it for each row, [N, draws, latent] (0: means). */
elbo_status elbo_cli_write_scatter(elbo_cli_run *run, elbo_split split, const elbo_array *codes, int64_t draws,
                                   const elbo_ints *dims, const char *path, elbo_error *error);

/* -ELBO of training and held-out rows, reconstruction and KL by epoch, from the run's metrics.  ELBO_ERROR_STATE if no
 * epoch is complete. */
elbo_status elbo_cli_write_curves(const char *folder, const char *path, elbo_error *error);

/* The KL of each dimension, active ones set apart. */
elbo_status elbo_cli_write_kl(const elbo_evaluation *evaluation, double active_threshold, const char *path,
                              elbo_error *error);

#endif
