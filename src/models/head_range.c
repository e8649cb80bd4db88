/* Where the draws of a chosen distribution may lie: what tells whether a posterior goes with a prior. */
#include <math.h>
#include <stdio.h>

#include "models/head.h"

typedef enum family { REALS, WHOLES, VECTORS, SIMPLEX, COUNT_VECTORS } family;

static family family_of(const elbo_dist_type *type) {
    switch (type->support) {
        case ELBO_SUPPORT_BINARY:
        case ELBO_SUPPORT_CLASSES:
        case ELBO_SUPPORT_LEVELS:
        case ELBO_SUPPORT_COUNTS:
        case ELBO_SUPPORT_COUNTS_TO_TOTAL: return WHOLES;
        case ELBO_SUPPORT_VECTOR: return VECTORS;
        case ELBO_SUPPORT_SIMPLEX: return SIMPLEX;
        case ELBO_SUPPORT_COUNT_VECTOR: return COUNT_VECTORS;
        default: return REALS;
    }
}

/* Least and largest value of a draw. Bounds that are free parameters are not known: a draw of `inner` may lie anywhere,
 * one of `outer` need not reach any place. */
typedef struct range {
    double low, high;
} range;

/* A bound that is parameter k: its fixed value, the standard one, or `unknown`. */
static double bound(const elbo_head *head, int k, elbo_head_freedom freedom, double standard, double unknown) {
    return head->fixed[k] ? head->value[k] : freedom == ELBO_HEAD_STANDARD ? standard : unknown;
}

static double whole_parameter(const elbo_head *head) {
    for (int k = 0; k < elbo_head_parameters(head->type); k++)
        if (head->type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE) return head->value[k];
    return NAN;
}

static range range_of(const elbo_head *head, elbo_head_freedom freedom, bool outer) {
    const elbo_dist_parameter *first = &head->type->parameter[0];
    double least = first->constraint == ELBO_CONSTRAINT_POSITIVE ? 0 : -INFINITY;
    double start = least == 0 ? 1 : 0; /* what a number of zero means */
    switch (head->type->support) {
        case ELBO_SUPPORT_REAL:
        case ELBO_SUPPORT_VECTOR: return (range){-INFINITY, INFINITY};
        case ELBO_SUPPORT_FROM_SCALE:
            return (range){bound(head, 0, freedom, 1, outer ? (double)INFINITY : 0), INFINITY};
        case ELBO_SUPPORT_INTERVAL: {
            double low = bound(head, 0, freedom, start, outer ? (double)INFINITY : least);
            return (range){low, bound(head, 1, freedom, low + 1, outer ? (double)-INFINITY : (double)INFINITY)};
        }
        case ELBO_SUPPORT_UNIT_INTERVAL:
        case ELBO_SUPPORT_BINARY:
        case ELBO_SUPPORT_SIMPLEX: return (range){0, 1};
        case ELBO_SUPPORT_CLASSES: return (range){0, (double)head->components - 1};
        case ELBO_SUPPORT_LEVELS: return (range){0, whole_parameter(head) - 1};
        case ELBO_SUPPORT_COUNTS_TO_TOTAL: return (range){0, whole_parameter(head)};
        case ELBO_SUPPORT_COUNT_VECTOR: return (range){whole_parameter(head), whole_parameter(head)};
        default: return (range){0, INFINITY};
    }
}

bool elbo_head_fits(const elbo_head *inner, elbo_head_freedom inner_freedom, const elbo_head *outer,
                    elbo_head_freedom outer_freedom) {
    family one = family_of(inner->type), other = family_of(outer->type);
    bool vectors = (one == VECTORS && other == REALS) || (one == REALS && other == VECTORS);
    range in = range_of(inner, inner_freedom, false), out = range_of(outer, outer_freedom, true);
    return (one == other || vectors) && in.low >= out.low && in.high <= out.high;
}

const char *elbo_head_range_text(const elbo_head *head, elbo_head_freedom freedom, char *text, size_t size) {
    const char *kind = elbo_support_text(head->type->support);
    range r = range_of(head, freedom, false);
    switch (head->type->support) {
        case ELBO_SUPPORT_FROM_SCALE:
        case ELBO_SUPPORT_INTERVAL:
        case ELBO_SUPPORT_CLASSES:
        case ELBO_SUPPORT_LEVELS:
        case ELBO_SUPPORT_COUNTS_TO_TOTAL: snprintf(text, size, "%s, here %g to %g", kind, r.low, r.high); break;
        case ELBO_SUPPORT_COUNT_VECTOR: snprintf(text, size, "%s, here %g", kind, r.low); break;
        default: snprintf(text, size, "%s", kind); break;
    }
    return text;
}
