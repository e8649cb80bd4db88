/* Heads: distributions from plain real numbers, as a network puts them out, a parameter holds them or an optimiser
 * moves them. A head is chosen by text:
 *
 *   NAME                      every parameter from numbers
 *   NAME(5, ...)              the first parameters fixed, in the order of the distribution's table
 *   NAME(temperature=0.5)     parameters fixed by name
 *
 * Real parameters are the numbers themselves, positive ones softplus(n + c) + 1e-6 with c such that n = 0 gives 1,
 * probabilities 1e-6 + (1 - 2e-6) sigmoid(n), a parameter that must lie above the one before it that one plus a
 * positive one, and the Cholesky factor a triangle of numbers whose diagonal is made positive. So numbers of zero give
 * the standard distribution: loc 0, scale 1. */
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

typedef struct elbo_head_sizes {
    int64_t size, components;
    int64_t levels; /* what a parameter of that name is, which the text must then leave out; 0: the text gives it */
} elbo_head_sizes;

/* Reads a choice (head_parse.c). ELBO_ERROR_USAGE names what is wrong, beginning with `option` ("--prior"). */
elbo_status elbo_head_parse(elbo_head *head, const char *option, const char *text, elbo_head_sizes sizes,
                            elbo_error *error);
/* How many parameters the type has. */
int elbo_head_parameters(const elbo_dist_type *type);
/* How many numbers make one distribution, and how many of them make parameter k (0: it is fixed). */
int64_t elbo_head_width(const elbo_head *head);
int64_t elbo_head_parameter_width(const elbo_head *head, int k);
/* numbers: [..., width] -> an event of rank 1 over [..., size]. */
elbo_dist elbo_head_dist(const elbo_head *head, elbo_node *numbers);
/* The standard distribution for so many rows, event of rank 1 over [rows, size]. */
elbo_dist elbo_head_standard(const elbo_head *head, elbo_graph *graph, int64_t rows);

/* Where draws may lie (head_range.c). */
typedef enum elbo_head_freedom {
    ELBO_HEAD_STANDARD, /* parameters that are not fixed are those of the standard distribution */
    ELBO_HEAD_FREE      /* they may be whatever their constraint allows */
} elbo_head_freedom;
/* Whether every draw of `inner` has a density under `outer`, whatever the free parameters of either are. */
bool elbo_head_fits(const elbo_head *inner, elbo_head_freedom inner_freedom, const elbo_head *outer,
                    elbo_head_freedom outer_freedom);
/* "numbers from low to high, here -inf to inf": into a caller's buffer. */
const char *elbo_head_range_text(const elbo_head *head, elbo_head_freedom freedom, char *text, size_t size);

#endif
