/* The contract of a model: one file in src/models/type each, registered as elbo_model_<file>.
 *
 * A model declares its options (one X-macro list), its parts (prior, encode, decode) as distributions over nodes, and
 * the updates that train it. Generic tools (likelihood, sampling, reconstruction, traversal) need the parts alone. */
#ifndef ELBO_MODELS_MODEL_H
#define ELBO_MODELS_MODEL_H

#include "base/relevance.h"
#include "dist/dist.h"
#include "nn/nn.h"

/* What one datum is, as far as a model must know. */
typedef struct elbo_item {
    int rank;
    int64_t shape[ELBO_MAX_RANK];
    int64_t size;
    int classes;    /* of labels; 0: none */
    bool binary;    /* values are drawn or thresholded to 0 and 1 */
    int64_t levels; /* whole numbers 0..levels-1 for a categorical likelihood */
} elbo_item;

/* What parts are built with. */
typedef struct elbo_context {
    elbo_builder builder;
    const void *options; /* the model's own struct */
    elbo_item item;
    int phase;
    int64_t data_rows;    /* rows that are trained on; 0: not training */
    elbo_node *local;     /* what is kept for each datum of the batch instead of encoding it; or NULL (elbo_local) */
    elbo_node *condition; /* of each datum: [B, width] (elbo_condition); NULL: none */
    elbo_node *beside;    /* what the encoder's dense layers see beside x: [B, n]; NULL: nothing */
} elbo_context;

/* What c is in a model of p(x | c). */
typedef enum elbo_condition {
    ELBO_CONDITION_NONE,
    ELBO_CONDITION_LABEL, /* the datum's label, one-hot: [B, classes] */
    ELBO_CONDITION_PART   /* a part of x itself, zeros in the place of the rest: [B, size] */
} elbo_condition;

/* Models without an encoder keep something for each training row. */
typedef enum elbo_local {
    ELBO_LOCAL_NONE,    /* q(z|x) comes from the encoder */
    ELBO_LOCAL_NUMBERS, /* the numbers of q(z|x), moved by gradients of the bound (black-box variational inference) */
    ELBO_LOCAL_CODES    /* z itself, moved by Hamiltonian Monte Carlo (Monte Carlo EM) */
} elbo_local;

/* One update of a step: the loss whose gradient is taken, and the groups that it moves. */
typedef struct elbo_update {
    const char *name;               /* "bound"; names loss terms in messages */
    elbo_node *objective;           /* scalar that is minimised */
    elbo_node *loss;                /* scalar -ELBO in nats per datum, no weights, all constants */
    elbo_node *reconstruction, *kl; /* scalars with loss = reconstruction + kl */
    const char *groups[4];          /* NULL-ended; none: every trained group */
    double rate;                    /* times the configured rate; 0: 1 */
    double beta1, beta2;            /* of Adam, instead of the configured ones; 0: as configured */
    int64_t repeats;                /* times in a row in each step, the later ones on other rows; 0: 1 */
    int64_t turn;                   /* epochs in a row in which it is made, before its turn passes to the others with */
    int turn_index, turns;          /* one: turn_index of turns; turn 0: it is made in every epoch */
    bool unranked;                  /* the loss does not tell which epoch is the best: the last one is kept */
} elbo_update;

/* A stretch of a training with updates of its own: pre-training, the main part. */
typedef struct elbo_phase {
    const char *name;
    int64_t epochs;
} elbo_phase;

enum { ELBO_MODEL_PHASES = 8 };

/* What a model sees when a phase begins: it may set parameters by the codes of the training rows. */
typedef struct elbo_entrance {
    const void *options;
    int phase;
    elbo_params *params;
    const float *codes; /* means of q(z|x): [rows, latent] */
    int64_t rows, latent;
    uint64_t seed;
    int threads; /* 0: all processors */
} elbo_entrance;

/* Weights that change while training: set before each step. */
typedef struct elbo_weights {
    elbo_node *kl; /* scalar input: warm-up and beta */
} elbo_weights;

enum { ELBO_MODEL_UPDATES = 4 };

typedef struct elbo_model_type {
    const char *name, *title, *description, *paper;
    const elbo_options *options;
    const elbo_relevance *relevance; /* which of them need others; NULL: none */
    bool deterministic;              /* an autoencoder's code and loss in place of distributions (deterministic.h) */
    /* Whether options and data go together; a message says what to change. */
    elbo_status (*check)(const void *options, const elbo_item *item, elbo_error *error);
    int64_t (*latent)(const void *options);
    void (*layers)(const void *options, elbo_ints *out); /* sizes of the code's levels, from data up; NULL: one level */
    /* The distribution of decode, and its classes or levels (0: none). */
    const elbo_dist_type *(*likelihood)(const void *options);
    int64_t (*levels)(const void *options);
    /* How parameters start. */
    void (*initialisation)(const void *options, elbo_init *init, double *scale);
    /* Name of the bias, of a number for each value of an item, that a training starts where p(x|z) has the means of the
     * training rows; NULL, or returns it: none. Of bernoulli and normal likelihoods alone. */
    const char *(*mean_bias)(const void *options);
    /* p(z) of shape [rows, latent] */
    elbo_dist (*prior)(elbo_context *context, int64_t rows);
    /* q(z | x), x: [B, size] -> event of rank 1 over [B, latent] */
    elbo_dist (*encode)(elbo_context *context, elbo_node *x);
    /* p(x | z), z: [..., latent] -> event of rank 1 over [..., size] */
    elbo_dist (*decode)(elbo_context *context, elbo_node *z);
    /* q(z|x) in two halves, where it is made of numbers: the encoder's numbers for x, [B, width], and the distribution
     * that numbers mean. NULL: the model has no such form, and nothing can be fitted in the encoder's place. */
    int64_t (*posterior_width)(const void *options);
    elbo_node *(*posterior_numbers)(elbo_context *context, elbo_node *x);
    elbo_dist (*posterior)(elbo_context *context, elbo_node *numbers);
    /* Models of p(x | c): what c is, and for a part of x the mask of it: [size], 1 where x is given and else 0. Their
     * prior, encode and decode read context->condition (train/condition.h brings it). NULL: the model has no c. */
    elbo_condition (*condition)(const void *options);
    void (*given)(const void *options, const elbo_item *item, double *mask);
    /* What is kept for each training row; NULL: nothing. */
    elbo_local (*local)(const void *options);
    int64_t (*local_steps)(const void *options); /* moves of it before each step on the parameters */
    double (*local_rate)(const void *options);   /* of those moves, where they follow gradients */
    int64_t (*repeats)(const void *options);     /* steps on the parameters for each batch; NULL: 1 */
    /* Models of clusters c: how many there are, log p(c|z) for z: [..., latent] -> [..., clusters], and p(z|c) of all
     * of them, an event of rank 1 over [rows, clusters, latent]. NULL (or 0 clusters): the model has none;
     * cluster_prior alone NULL: they are no distributions. */
    int64_t (*clusters)(const void *options);
    elbo_node *(*assign)(elbo_context *context, elbo_node *z);
    elbo_dist (*cluster_prior)(elbo_context *context, int64_t rows);
    int64_t (*least_batch)(const void *options); /* rows that its updates need at least; NULL: 1 */
    /* The phases of a training of so many epochs (--epochs: those of the last phase); returns how many. NULL: one. */
    int (*phases)(const void *options, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]);
    /* Called before the first step of each phase but the first; NULL: nothing to do. */
    elbo_status (*enter)(const elbo_entrance *entrance, elbo_error *error);
    /* By how much a unit of each dimension of the code raises the log odds of each value of an item, [latent, size]:
     * the words of topics. NULL: the decoder is not of that kind. */
    elbo_node *(*topics)(elbo_context *context);
    /* The updates of a training step on x: [B, size]; returns how many. */
    int (*updates)(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]);
} elbo_model_type;

extern const elbo_model_type *const elbo_registry_models[];
/* NULL (with a hint in the error) for an unknown name. */
const elbo_model_type *elbo_model_type_find(const char *name, elbo_error *error);

#endif
