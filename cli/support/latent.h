/* Codes that a command makes: grids, lines and paths through the latent space.  Every function fills f32 [N, latent],
 * which the caller frees. */
#ifndef ELBO_CLI_SUPPORT_LATENT_H
#define ELBO_CLI_SUPPORT_LATENT_H

#include "support/command.h"

/* Fails with ELBO_ERROR_USAGE unless every listed dimension lies within 0..latent-1 and occurs once. */
elbo_status elbo_cli_check_dims(const elbo_ints *dims, int64_t latent, elbo_error *error);

/* side x side codes (1 x side for a single dimension) spaced equally in probability under N(0,1): dims[0] rises from
 * left to right, dims[1] from the last row to the first, as on a chart; the others are 0. */
elbo_status elbo_cli_latent_grid(const elbo_ints *dims, int64_t side, int64_t latent, elbo_array *codes,
                                 elbo_error *error);

/* For each listed dimension `steps` copies of base [latent] in which that dimension runs from -range to range:
 * [dims * steps, latent]. */
elbo_status elbo_cli_latent_lines(const float *base, const elbo_ints *dims, int64_t steps, double range, int64_t latent,
                                  elbo_array *codes, elbo_error *error);

/* For each of `pairs` pairs, from: and to: [pairs, latent], `steps` codes from one to the other, both included:
 * [pairs * steps, latent].  Along a straight line, or (spherical) turning at constant speed while the length changes
 * little by little, so that the codes stay where the prior has its mass. */
elbo_status elbo_cli_latent_paths(const elbo_array *from, const elbo_array *to, int64_t steps, bool spherical,
                                  elbo_array *codes, elbo_error *error);

#endif
