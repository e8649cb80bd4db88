/* Heads: distributions from plain real numbers, as a network puts them out, a parameter holds them or an optimiser
 * moves them. A head is chosen by text:
 *
 *   NAME                      every parameter from numbers
 *   NAME(5, ...)              the first parameters fixed, in the order of the distribution's table
 *   NAME(temperature=0.5)     parameters fixed by name
 *
 * Real parameters are the numbers themselves, positive ones softplus(n + log(e - 1)) + 1e-6, probabilities sigmoid(n),
 * a parameter that must lie above the one before it that one plus a positive one, and the Cholesky factor a triangle
 * of numbers whose diagonal is made positive. So numbers of zero give the standard distribution: loc 0, scale 1. */
#ifndef ELBO_MODELS_HEAD_H
#define ELBO_MODELS_HEAD_H

#include "dist/dist.h"

typedef struct elbo_head {
    const elbo_dist_type *type;
    bool fixed[ELBO_DIST_PARAMETERS];
    double value[ELBO_DIST_PARAMETERS]; /* of the fixed parameters */
    int64_t size;                       /* values of one draw */
    int64_t components;                 /* of mixtures; classes of a categorical distribution */
    double unit;                        /* loc and scale are multiplied by it; 0: 1 */
} elbo_head;

/* Reads a choice. ELBO_ERROR_USAGE names what is wrong, beginning with `option` ("--prior"). */
elbo_status elbo_head_parse(elbo_head *head, const char *option, const char *text, int64_t size, int64_t components,
                            elbo_error *error);
/* How many numbers make one distribution. */
int64_t elbo_head_width(const elbo_head *head);
/* numbers: [..., width] -> an event of rank 1 over [..., size]. */
elbo_dist elbo_head_dist(const elbo_head *head, elbo_node *numbers);
/* The standard distribution for so many rows, event of rank 1 over [rows, size]. */
elbo_dist elbo_head_standard(const elbo_head *head, elbo_graph *graph, int64_t rows);
/* Whether draws of p may be values of q: both are over vectors of numbers. */
bool elbo_head_fits(const elbo_dist_type *p, const elbo_dist_type *q);

#endif
