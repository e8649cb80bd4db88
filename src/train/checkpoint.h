/* A training's state on disk: one safetensors file that holds everything needed to go on to the same bits. */
#ifndef ELBO_TRAIN_CHECKPOINT_H
#define ELBO_TRAIN_CHECKPOINT_H

#include "train/instance.h"

/* X(type, name): the numbers of a training between two steps. */
#define ELBO_TRAINING_STATE(X)                                             \
    X(int64_t, epoch)         /* epochs finished */                        \
    X(int64_t, step_in_epoch) /* steps done of the one at hand */          \
    X(int64_t, step)          /* steps done in all */                      \
    X(int64_t, rows)          /* rows seen in this epoch */                \
    X(double, loss)           /* sums over those rows */                   \
    X(double, reconstruction)                                              \
    X(double, kl)                                                          \
    X(double, norm)        /* sum of gradient norms over the steps */      \
    X(double, seconds)     /* of training in this epoch */                 \
    X(double, best)        /* held-out -ELBO; infinite before the first */ \
    X(int64_t, worse)      /* evaluations since then */                    \
    X(double, rate_factor) /* halved after each NaN that was survived */   \
    X(int64_t, threads)                                                    \
    X(int64_t, data_rows) /* of the training split */

typedef struct elbo_training_state {
#define ELBO_STATE_FIELD(type, name) type name;
    ELBO_TRAINING_STATE(ELBO_STATE_FIELD)
#undef ELBO_STATE_FIELD
} elbo_training_state;

/* A flat array that is saved beside the parameters: an optimiser's slot. */
typedef struct elbo_flat {
    char name[64]; /* "optimizer.0.mean" */
    float *data;
    size_t length;
} elbo_flat;

elbo_status elbo_checkpoint_write(const char *path, const elbo_instance *instance, const elbo_training_state *state,
                                  const elbo_flat *flats, size_t flat_count, elbo_error *error);
/* Fills a zeroed instance (as elbo_instance_read) and, unless NULL, the state. */
elbo_status elbo_checkpoint_read(const char *path, elbo_instance *instance, elbo_training_state *state,
                                 elbo_error *error);
/* Every parameter of an instance that has them, by name, from a file of tensors. */
elbo_status elbo_checkpoint_read_params(const char *path, elbo_instance *instance, elbo_error *error);
/* The file that a path means (checkpoint_locate.c): itself, or of a run folder the checkpoint `which`: "best", "last",
 * or NULL for the best where there is one. A new string, for elbo_free; NULL with an error. */
char *elbo_checkpoint_locate(const char *path, const char *which, elbo_error *error);
/* The flat arrays of a checkpoint whose instance was read before. */
elbo_status elbo_checkpoint_read_flats(const char *path, const elbo_flat *flats, size_t flat_count, elbo_error *error);

#endif
