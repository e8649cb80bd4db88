/* What elbo_gradvar is made of: specifications of estimators (gradvar_spec.c), the gradients of one of them
 * (gradvar_run.c), and the comparison (gradvar.c). */
#ifndef ELBO_EVAL_GRADVAR_H
#define ELBO_EVAL_GRADVAR_H

#include "eval/work.h"
#include "infer/infer.h"
#include "train/step.h"

/* One estimator with all that it needs. */
typedef struct elbo_gradvar_spec {
    const elbo_estimator_type *type;
    char control[24]; /* value of its own option: control, groups or share; "" where it has none */
    int64_t draws;
} elbo_gradvar_spec;

enum { ELBO_GRADVAR_SPECS = 256 };
typedef struct elbo_gradvar_specs {
    elbo_gradvar_spec item[ELBO_GRADVAR_SPECS];
    size_t count;
} elbo_gradvar_specs;

/* Reads the options' list. Each is checked by the model, whose message says why an estimator cannot be used. */
elbo_status elbo_gradvar_specs_read(elbo_gradvar_specs *specs, const elbo_instance *instance,
                                    const elbo_gradvar_options *options, elbo_error *error);
/* "reinforce/leave-one-out:10" */
void elbo_gradvar_spec_text(const elbo_gradvar_spec *spec, char *out, size_t size);
/* The calmest estimator of the same bound that the posterior can serve; of an estimator that follows several bounds,
 * itself. */
elbo_status elbo_gradvar_spec_reference(const elbo_gradvar_spec *spec, const elbo_instance *instance,
                                        elbo_gradvar_spec *out, elbo_error *error);
/* A copy of the instance's configuration that trains with this estimator on the plain bound; NULL with a message. */
elbo_config *elbo_gradvar_config(const elbo_instance *instance, const elbo_gradvar_spec *spec, elbo_error *error);

/* The batch as the model sees it: f32 [rows, size], binarised. */
typedef struct elbo_gradvar_batch {
    float *x;
    int32_t *label; /* [rows], of a model that is conditioned on labels; else NULL */
    int64_t rows;
} elbo_gradvar_batch;

/* Mean and squared deviations of a number (Welford). */
typedef struct elbo_moments {
    double mean, square;
    int64_t count;
} elbo_moments;
void elbo_moments_add(elbo_moments *moments, double value);
double elbo_moments_variance(const elbo_moments *moments);
double elbo_moments_stderr(const elbo_moments *moments);

/* The gradients of one specification, and what was seen of them. Values that the model's own parameters do not have
 * (a control's) belong to the run. */
typedef struct elbo_gradvar_run {
    elbo_instance instance; /* the batch's x as data; the model's values in a store of its own */
    elbo_step_program program;
    float *gradient; /* [length] */
    size_t length;
    uint64_t seed;
    uint32_t step;         /* of the next gradient */
    double *mean, *square; /* [length]; square: of deviations; NULL: not wanted */
    int64_t count;
    elbo_moments loss, along[ELBO_GRADVAR_GROUPS]; /* along: projections of the gradient on a direction, by group */
    bool untrained;                                /* the control was fitted here */
    double seconds;                                /* of the last elbo_gradvar_run_more */
} elbo_gradvar_run;

/* Groups that are compared: trained ones but the control's. */
size_t elbo_gradvar_groups(const elbo_params *params, const char *names[ELBO_GRADVAR_GROUPS]);
/* Builds it and warms its control up. Clear it also after a failure. */
elbo_status elbo_gradvar_run_new(elbo_gradvar_run *run, const elbo_instance *instance, const elbo_gradvar_spec *spec,
                                 const elbo_gradvar_batch *batch, int64_t warm_up, uint64_t seed, int threads,
                                 elbo_error *error);
/* So many gradients more. direction: [length] in this run's layout, or NULL. */
elbo_status elbo_gradvar_run_more(elbo_gradvar_run *run, int64_t repeats, const float *direction, elbo_work *work,
                                  elbo_error *error);
/* Forgets what was seen; the draws go on. */
void elbo_gradvar_run_reset(elbo_gradvar_run *run);
void elbo_gradvar_run_clear(elbo_gradvar_run *run);

#endif
