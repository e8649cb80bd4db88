/* Distributions: values that hold nodes. One file in src/dist/type each, registered as elbo_dist_<file>.
 *
 * A distribution's parameters broadcast to `shape`, the shape of one draw: batch axes, then event_rank event axes.
 * A type has event axes of its own (a vector for the Dirichlet, none for the normal): log_prob and kl of the type give
 * one number for each of those events, called an element here; the functions below sum over the event axes that are
 * left. What does not exist is NaN (the mean of a Cauchy distribution), what diverges is infinite. */
#ifndef ELBO_DIST_DIST_H
#define ELBO_DIST_DIST_H

#include "base/error.h"

enum { ELBO_DIST_PARAMETERS = ELBO_DISTRIBUTION_PARAMETERS };

/* Where the values lie. */
#define ELBO_SUPPORT_TEXT_REAL            "real numbers"
#define ELBO_SUPPORT_TEXT_POSITIVE        "positive numbers"
#define ELBO_SUPPORT_TEXT_NON_NEGATIVE    "numbers from 0 up"
#define ELBO_SUPPORT_TEXT_FROM_SCALE      "numbers from scale up"
#define ELBO_SUPPORT_TEXT_INTERVAL        "numbers from low to high"
#define ELBO_SUPPORT_TEXT_UNIT_INTERVAL   "numbers from 0 to 1"
#define ELBO_SUPPORT_TEXT_BINARY          "0, 1"
#define ELBO_SUPPORT_TEXT_CLASSES         "0, 1, ..., K-1"
#define ELBO_SUPPORT_TEXT_LEVELS          "0, 1, ..., levels-1"
#define ELBO_SUPPORT_TEXT_COUNTS          "0, 1, 2, ..."
#define ELBO_SUPPORT_TEXT_COUNTS_TO_TOTAL "0, 1, ..., total"
#define ELBO_SUPPORT_TEXT_VECTOR          "real vectors"
#define ELBO_SUPPORT_TEXT_SIMPLEX         "positive vectors of sum 1"
#define ELBO_SUPPORT_TEXT_COUNT_VECTOR    "vectors of counts of sum total"
#define ELBO_SUPPORT_LIST(X) \
    X(REAL)                  \
    X(POSITIVE)              \
    X(NON_NEGATIVE)          \
    X(FROM_SCALE)            \
    X(INTERVAL)              \
    X(UNIT_INTERVAL) X(BINARY) X(CLASSES) X(LEVELS) X(COUNTS) X(COUNTS_TO_TOTAL) X(VECTOR) X(SIMPLEX) X(COUNT_VECTOR)

/* How draws are made. Plain ones carry no gradient to the parameters. */
#define ELBO_DRAWS_TEXT_PLAIN          "not reparameterised"
#define ELBO_DRAWS_TEXT_LOCATION_SCALE "location-scale"
#define ELBO_DRAWS_TEXT_INVERSE_CDF    "inverse CDF"
#define ELBO_DRAWS_TEXT_COMPOSITION    "composition"
#define ELBO_DRAWS_TEXT_IMPLICIT       "implicit"
#define ELBO_DRAWS_LIST(X)             X(PLAIN) X(LOCATION_SCALE) X(INVERSE_CDF) X(COMPOSITION) X(IMPLICIT)

/* What a parameter must be. Constant nodes are checked when the distribution is made. */
#define ELBO_CONSTRAINT_TEXT_REAL             "real"
#define ELBO_CONSTRAINT_TEXT_POSITIVE         "positive"
#define ELBO_CONSTRAINT_TEXT_UNIT_INTERVAL    "between 0 and 1"
#define ELBO_CONSTRAINT_TEXT_ORDERED          "above the parameter before it"
#define ELBO_CONSTRAINT_TEXT_WHOLE            "one constant whole number, at least 1"
#define ELBO_CONSTRAINT_TEXT_LOWER_TRIANGULAR "lower triangular with a positive diagonal"
#define ELBO_CONSTRAINT_LIST(X)               X(REAL) X(POSITIVE) X(UNIT_INTERVAL) X(ORDERED) X(WHOLE) X(LOWER_TRIANGULAR)

#define ELBO_SUPPORT_SYMBOL(symbol)    ELBO_SUPPORT_##symbol,
#define ELBO_DRAWS_SYMBOL(symbol)      ELBO_DRAWS_##symbol,
#define ELBO_CONSTRAINT_SYMBOL(symbol) ELBO_CONSTRAINT_##symbol,
typedef enum elbo_support { ELBO_SUPPORT_LIST(ELBO_SUPPORT_SYMBOL) ELBO_SUPPORT_COUNT } elbo_support;
typedef enum elbo_draws { ELBO_DRAWS_LIST(ELBO_DRAWS_SYMBOL) ELBO_DRAWS_COUNT } elbo_draws;
typedef enum elbo_constraint { ELBO_CONSTRAINT_LIST(ELBO_CONSTRAINT_SYMBOL) ELBO_CONSTRAINT_COUNT } elbo_constraint;
#undef ELBO_SUPPORT_SYMBOL
#undef ELBO_DRAWS_SYMBOL
#undef ELBO_CONSTRAINT_SYMBOL

/* axes: a letter for each axis that one event needs of the parameter ("D", "KD", "DD"; NULL: none); equal letters of a
 * type are equal sizes. Further axes on the left are batch axes, which broadcast. */
typedef struct elbo_dist_parameter {
    const char *name;
    elbo_constraint constraint;
    const char *axes;
} elbo_dist_parameter;

typedef struct elbo_dist_type elbo_dist_type;

typedef struct elbo_dist {
    const elbo_dist_type *type;
    elbo_graph *graph;
    elbo_node *parameter[ELBO_DIST_PARAMETERS];
    elbo_shape shape;
    int event_rank;
    const void *extra; /* of types that a model defines for itself: what it builds with; borrowed */
} elbo_dist;

struct elbo_dist_type {
    const char *name, *density, *source;
    const char *description; /* one line: support; draws; density */
    const char *kl_source;   /* of the closed KLs; NULL: there is none */
    const char *kl_to; /* names of the q with a closed KL, "gamma, erlang"; NULL: the type itself, if `kl` is there */
    elbo_support support;
    elbo_draws draws;
    elbo_dist_parameter parameter[ELBO_DIST_PARAMETERS]; /* those with a name */
    const char *event;                                   /* letters of the type's own event axes; NULL: none */
    bool estimated; /* log_prob is only an estimate, by a network: no bound, and nothing to weigh draws by */
    /* Per element. x may have leading sample axes. Outside the support: -infinity, or as the type's file says. */
    elbo_node *(*log_prob)(const elbo_dist *dist, elbo_node *x);
    /* A draw of the given shape (the distribution's own with leading sample axes); row_axis counts data. */
    elbo_node *(*sample)(const elbo_dist *dist, elbo_shape shape, int row_axis);
    /* Of the shape of a draw. NULL: no closed form. */
    elbo_node *(*mean)(const elbo_dist *dist);
    elbo_node *(*variance)(const elbo_dist *dist);
    elbo_node *(*mode)(const elbo_dist *dist);
    elbo_node *(*entropy)(const elbo_dist *dist); /* per element, or what broadcasts to it; NULL: no closed form */
    elbo_node *(*cdf)(const elbo_dist *dist, elbo_node *x);  /* P(X <= x); NULL: no closed form */
    elbo_node *(*icdf)(const elbo_dist *dist, elbo_node *p); /* its inverse on (0, 1); NULL: no closed form */
    /* KL(p || q) per element in closed form, or NULL where this pair has none. */
    elbo_node *(*kl)(const elbo_dist *p, const elbo_dist *q);
};

/* The fields support, draws, density and description of a type. */
#define ELBO_DIST_IS(support_, draws_, density_)                                           \
    .support = ELBO_SUPPORT_##support_, .draws = ELBO_DRAWS_##draws_, .density = density_, \
    .description = ELBO_SUPPORT_TEXT_##support_ "; " ELBO_DRAWS_TEXT_##draws_ "; " density_

extern const elbo_dist_type *const elbo_registry_dists[];
extern const elbo_dist_type elbo_dist_normal, elbo_dist_bernoulli, elbo_dist_categorical;
/* Members of one family, of which each pair has a closed KL. */
extern const elbo_dist_type elbo_dist_exponential, elbo_dist_erlang, elbo_dist_gamma, elbo_dist_chi_squared;

/* Never NULL, also outside the enumeration. */
const char *elbo_support_text(elbo_support support);
const char *elbo_draws_text(elbo_draws draws);
const char *elbo_constraint_text(elbo_constraint constraint);
/* "positive numbers; concentration (positive), rate (positive); implicit; KL closed": into a caller's buffer. */
const char *elbo_dist_describe(const elbo_dist_type *type, char *text, size_t size);
/* By name; NULL if there is none. */
const elbo_dist_type *elbo_dist_find(const char *name);

/* A distribution of any type from its parameters, in the order of the type's table (NULL beyond them). Shapes must fit;
 * constant nodes must obey their constraint. Otherwise the graph keeps an error that names distribution and parameter,
 * and the type of the result is NULL. event_rank: at least the type's own. */
elbo_dist elbo_dist_new(const elbo_dist_type *type, elbo_node *const parameter[ELBO_DIST_PARAMETERS], int event_rank);

/* N(loc, e^(2 log_scale)), elementwise over the broadcast shape of both. */
elbo_dist elbo_normal(elbo_node *loc, elbo_node *log_scale, int event_rank);
/* N(0, 1) of a shape. */
elbo_dist elbo_standard_normal(elbo_graph *graph, elbo_shape shape, int event_rank);
/* P(x = 1) = sigmoid(logits). x may lie anywhere in [0, 1]: then log_prob is the cross-entropy. */
elbo_dist elbo_bernoulli(elbo_node *logits, int event_rank);
/* logits: [..., D, K]; draws: [..., D] whole numbers in [0, K). */
elbo_dist elbo_categorical(elbo_node *logits, int event_rank);

/* Event axes of the type itself. */
int elbo_dist_own_rank(const elbo_dist_type *type);
/* log p(x) per datum: [leading axes of x without the event]. */
elbo_node *elbo_dist_log_prob(const elbo_dist *dist, elbo_node *x);
/* Entropy per datum; NULL if there is no closed form (no error is raised). */
elbo_node *elbo_dist_entropy(const elbo_dist *dist);
/* Of the shape of a draw; where there is no closed form an error in the graph that names the distribution. */
elbo_node *elbo_dist_mean(const elbo_dist *dist);
elbo_node *elbo_dist_variance(const elbo_dist *dist);
/* samples = 0: one draw of the distribution's own shape; else [samples, ...]. */
elbo_node *elbo_dist_sample(const elbo_dist *dist, int64_t samples);
/* KL(p || q) per datum; NULL if there is no closed form (no error is raised). */
elbo_node *elbo_dist_kl(const elbo_dist *p, const elbo_dist *q);
/* KL(p || q) per element; NULL if there is no closed form. */
elbo_node *elbo_dist_kl_elements(const elbo_dist *p, const elbo_dist *q);
/* Unbiased estimate of KL(p || q) per datum, the mean of log p - log q over `samples` draws from p. Its gradient is
 * that of the KL where the draws are reparameterised; otherwise it lacks the score of the draws. Where p can give what
 * q cannot, an error that names both. */
elbo_node *elbo_dist_kl_sampled(const elbo_dist *p, const elbo_dist *q, int64_t samples);
/* elbo_dist_kl where it exists, else elbo_dist_kl_sampled; *closed says which. */
elbo_node *elbo_dist_kl_or_sampled(const elbo_dist *p, const elbo_dist *q, int64_t samples, bool *closed);
/* Whether every value of `inner` is one of `outer`, as far as the kinds tell: bounds that are parameters are not known
 * here, and a density takes care of them by being 0. */
bool elbo_support_within(elbo_support inner, elbo_support outer);
/* Sums the last event_rank axes. */
elbo_node *elbo_dist_sum_event(elbo_node *x, int event_rank);

#endif
