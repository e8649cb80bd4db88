/* Distributions: values that hold nodes. One file in src/dist/type each, registered as elbo_dist_<file>.
 *
 * A distribution's parameters broadcast to `shape`, the shape of one draw: batch axes, then event_rank event axes.
 * log_prob and kl are summed over the event axes. */
#ifndef ELBO_DIST_DIST_H
#define ELBO_DIST_DIST_H

#include "base/error.h"

enum { ELBO_DIST_PARAMETERS = 3 };

typedef struct elbo_dist_type elbo_dist_type;

typedef struct elbo_dist {
    const elbo_dist_type *type;
    elbo_graph *graph;
    elbo_node *parameter[ELBO_DIST_PARAMETERS];
    elbo_shape shape;
    int event_rank;
} elbo_dist;

struct elbo_dist_type {
    const char *name, *support, *parameters, *density, *source;
    const char *reparameterised; /* "location-scale", "inverse CDF", ...; NULL: draws carry no gradient */
    /* Per element, before the sum over event axes. x may have leading sample axes. */
    elbo_node *(*log_prob)(const elbo_dist *dist, elbo_node *x);
    /* A draw of the given shape (the distribution's own with leading sample axes); row_axis counts data. */
    elbo_node *(*sample)(const elbo_dist *dist, elbo_shape shape, int row_axis);
    elbo_node *(*mean)(const elbo_dist *dist);
    elbo_node *(*variance)(const elbo_dist *dist);
    elbo_node *(*mode)(const elbo_dist *dist);
    elbo_node *(*entropy)(const elbo_dist *dist); /* per element; NULL: no closed form */
    /* KL(p || q) per element in closed form, or NULL where this pair has none. */
    elbo_node *(*kl)(const elbo_dist *p, const elbo_dist *q);
};

extern const elbo_dist_type *const elbo_registry_dists[];
extern const elbo_dist_type elbo_dist_normal, elbo_dist_bernoulli, elbo_dist_categorical;

/* N(loc, e^(2 log_scale)), elementwise over the broadcast shape of both. */
elbo_dist elbo_normal(elbo_node *loc, elbo_node *log_scale, int event_rank);
/* N(0, 1) of a shape. */
elbo_dist elbo_standard_normal(elbo_graph *graph, elbo_shape shape, int event_rank);
/* P(x = 1) = sigmoid(logits). x may lie anywhere in [0, 1]: then log_prob is the cross-entropy. */
elbo_dist elbo_bernoulli(elbo_node *logits, int event_rank);
/* logits: [..., D, K]; draws: [..., D] whole numbers in [0, K). */
elbo_dist elbo_categorical(elbo_node *logits, int event_rank);

/* log p(x) per datum: [leading axes of x without the event]. */
elbo_node *elbo_dist_log_prob(const elbo_dist *dist, elbo_node *x);
/* samples = 0: one draw of the distribution's own shape; else [samples, ...]. */
elbo_node *elbo_dist_sample(const elbo_dist *dist, int64_t samples);
/* KL(p || q) per datum; NULL if there is no closed form (no error is raised). */
elbo_node *elbo_dist_kl(const elbo_dist *p, const elbo_dist *q);
/* KL(p || q) per element; NULL if there is no closed form. */
elbo_node *elbo_dist_kl_elements(const elbo_dist *p, const elbo_dist *q);
/* Sums the last event_rank axes. */
elbo_node *elbo_dist_sum_event(elbo_node *x, int event_rank);

#endif
