/* Optimisers: one file in src/optim/type each, registered as elbo_optimiser_<file>.
 *
 * An optimiser is a formula over whole groups of parameters: it is written once as graph over the flat arrays and runs
 * as one fused pass. Gradients and slots (moments) have the layout of the parameters. */
#ifndef ELBO_OPTIM_OPTIM_H
#define ELBO_OPTIM_OPTIM_H

#include "base/error.h"
#include "base/relevance.h"

#define ELBO_OPTIMISER_OPTIONS(O)                                                                                    \
    O(CHOICE, optimizer, "adam", 0, 0, "sgd|momentum|adagrad|rmsprop|adam|adamw", "how parameters follow gradients") \
    O(REAL, lr, "0.001", 0, 1e6, NULL, "learning rate at the start")                                                 \
    O(REAL, momentum, "0.9", 0, 0.99999999, NULL, "momentum: share of the last step that is kept")                   \
    O(BOOL, nesterov, "false", 0, 0, NULL, "momentum: look ahead (Nesterov)")                                        \
    O(REAL, beta1, "0.9", 0, 0.99999999, NULL, "adam, adamw: decay of the mean gradient")                            \
    O(REAL, beta2, "0.999", 0, 0.99999999, NULL, "adam, adamw: decay of the mean square")                            \
    O(REAL, rho, "0.9", 0, 0.99999999, NULL, "rmsprop: decay of the mean square")                                    \
    O(REAL, epsilon, "1e-8", 0, 1, NULL, "added to the root of the mean square")                                     \
    O(REAL, square_start, "0", 0, 1e6, NULL, "adagrad, rmsprop, adam: where the (mean) square starts (IWAE: 1)")     \
    O(REAL, weight_decay, "0", 0, 1e6, NULL, "times the parameter, added to the gradient; adamw: to the step")       \
    O(REAL, clip, "0", 0, 1e12, NULL, "largest norm of the gradient (0: any)")                                       \
    O(CHOICE, schedule, "constant", 0, 0, "constant|step|exponential|cosine|iwae", "how the rate changes")           \
    O(INT, lr_warmup, "0", 0, 1e12, NULL, "steps over which the rate rises from 0 to --lr")                          \
    O(REAL, lr_decay, "0.1", 0, 1, NULL, "step, exponential: factor every --lr-every epochs")                        \
    O(REAL, lr_every, "10", 1e-6, 1e9, NULL, "step, exponential: epochs between factors")                            \
    O(REAL, lr_min, "0", 0, 1e6, NULL, "the rate does not fall below this")
ELBO_OPTIONS_STRUCT(elbo_optimiser_options, ELBO_OPTIMISER_OPTIONS);
extern const elbo_options elbo_optimiser_options_table;
extern const elbo_relevance elbo_optimiser_relevance[];

enum { ELBO_OPTIMISER_SLOTS = 2, ELBO_OPTIMISER_SCALARS = 4 };

typedef struct elbo_optimiser_input {
    elbo_graph *graph;
    elbo_node *param, *gradient, *slot[ELBO_OPTIMISER_SLOTS]; /* [rows, 1024] */
    elbo_node *scalar[ELBO_OPTIMISER_SCALARS];                /* [] set before each step by prepare */
} elbo_optimiser_input;

typedef struct elbo_optimiser_type {
    const char *name, *description, *formula, *source;
    int slots;
    const char *slot_name[ELBO_OPTIMISER_SLOTS];
    bool slot_squares[ELBO_OPTIMISER_SLOTS]; /* starts at --square-start rather than 0 */
    bool decoupled_decay;                    /* weight decay is not part of the gradient */
    /* The numbers of step t (counted from 1) at this rate. */
    void (*prepare)(const elbo_optimiser_options *options, double rate, int64_t t, double out[ELBO_OPTIMISER_SCALARS]);
    /* The new parameters; new slots into slot[]. */
    elbo_node *(*build)(const elbo_optimiser_input *in, const elbo_optimiser_options *options,
                        elbo_node *slot[ELBO_OPTIMISER_SLOTS]);
} elbo_optimiser_type;

extern const elbo_optimiser_type *const elbo_registry_optimisers[];

/* The optimiser of a name; NULL with a message that lists the known ones. */
const elbo_optimiser_type *elbo_optimiser_find(const char *name, elbo_error *error);

/* Pieces that several formulas share.
 * decay * average + (1 - decay) * value, written so that it has the right fixed point whatever decay rounds to. */
elbo_node *elbo_optimiser_average(elbo_node *average, elbo_node *value, double decay);
/* param + rate * direction / (sqrt(square) + epsilon); rate is negative to go down. */
elbo_node *elbo_optimiser_move(elbo_node *param, elbo_node *rate, elbo_node *direction, elbo_node *square,
                               elbo_node *epsilon);

/* An optimiser at work on the trained groups of a store. */
typedef struct elbo_optimiser elbo_optimiser;

/* groups: NULL-ended list, or an empty one (or NULL) for all groups but "state". The gradient: flat, in the store's
 * layout and length (64-byte aligned), zero in the padding; read at each step. The store (finished) and the gradient
 * are borrowed and must outlive the optimiser, the options are copied. threads: 0 for all processors; the result does
 * not depend on their number. NULL with ELBO_ERROR_USAGE for an unknown group or options that do not fit each other,
 * ELBO_ERROR_STATE if there is nothing to train. */
elbo_optimiser *elbo_optimiser_new(elbo_params *params, const char *const *groups, float *gradient,
                                   const elbo_optimiser_options *options, int threads, elbo_error *error);
void elbo_optimiser_free(elbo_optimiser *optimiser);
/* The norm of the gradient over the optimiser's groups: NaN or infinite if any element is. (Elements beyond 1e18 count
 * as infinite: their squares pass what f32 holds.) */
elbo_status elbo_optimiser_norm(elbo_optimiser *optimiser, double *norm, elbo_error *error);
/* Step t (from 1) at a rate, the gradient times scale (for clipping; 1 unless --clip is set): updates parameters and
 * slots in place and touches the store. ELBO_ERROR_NUMERIC, and nothing is changed, if rate or scale is not finite. */
elbo_status elbo_optimiser_step(elbo_optimiser *optimiser, double rate, int64_t t, double scale, elbo_error *error);
/* The slots, for checkpoints: flat, in the store's layout and length; NULL past the last. */
float *elbo_optimiser_slot(elbo_optimiser *optimiser, int index, const char **name);

/* The rate of step number `step` (from 1): `epoch` is fractional (steps done before it / steps per epoch), `epochs` the
 * planned total. NaN for an unknown schedule. */
double elbo_schedule_rate(const elbo_optimiser_options *options, double epoch, double epochs, int64_t step);
/* One line about a schedule for listings; NULL for an unknown name. */
const char *elbo_schedule_describe(const char *name);

#endif
