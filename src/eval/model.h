/* A model in use: an instance, and the plans that encode, decode and draw, kept by batch size. */
#ifndef ELBO_EVAL_MODEL_H
#define ELBO_EVAL_MODEL_H

#include "train/condition.h"
#include "train/local_fit.h"

/* What a cached plan does with a batch of rows. */
typedef enum elbo_program_kind {
    ELBO_PROGRAM_ENCODE, /* raw values -> mean and deviation of q(z|x) */
    ELBO_PROGRAM_CODES,  /* raw values -> a draw of q(z|x) */
    ELBO_PROGRAM_DECODE, /* z -> mean of p(x|z) in raw units */
    ELBO_PROGRAM_DRAW,   /* z -> a draw of it */
    ELBO_PROGRAM_PRIOR,  /* temperature -> z */
    ELBO_PROGRAM_ASSIGN, /* raw values -> q(c|x) */
    ELBO_PROGRAM_CLUSTER /* temperature, and 1 for one cluster and 0 for the others -> z */
} elbo_program_kind;

typedef struct elbo_program {
    elbo_program_kind kind;
    elbo_dtype dtype; /* of the input */
    int64_t rows;
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *in, *out[2];
    elbo_node *local; /* encode: input, numbers of q(z|x), of a model without an encoder; else NULL */
    elbo_local_reader reader;
    elbo_node *condition; /* input: labels i32 [rows], or items [rows, size] in raw units; NULL: none needed */
    elbo_support support; /* prior, codes: of the draws */
    struct elbo_program *next;
} elbo_program;

struct elbo_model {
    elbo_instance instance;
    elbo_model_info info;
    int threads;
    elbo_program *programs;
    void *condition; /* [condition_rows] labels, i32, or items of item_size floats; NULL: none set */
    int64_t condition_rows;
};

/* A model around an instance, which it takes over (the caller's is zeroed). On failure, NULL, and the instance stays
 * the caller's. */
elbo_model *elbo_model_from(elbo_instance *instance, int64_t epoch, int64_t step, int threads, elbo_error *error);

/* Numbers that one row has where it is widest, as far as the item tells. */
int64_t elbo_model_width(const elbo_instance *instance);
/* Rows of a batch when `count` are wanted: a power of two, so that few plans serve every count, and at most what
 * memory allows for items of this size. */
int64_t elbo_model_batch(const elbo_instance *instance, int64_t count);

/* The memory of a program's input; of a model without an encoder what posteriors are fitted to. NULL where it has none.
 */
void *elbo_program_input(const elbo_program *program);
/* Runs it, its input filled. */
elbo_status elbo_program_run(elbo_program *program, const elbo_run *run, elbo_error *error);

/* Fills the program's input of conditions, if it has one, for `rows` rows from `first` on of `count` that a call is
 * about (condition.c). ELBO_ERROR_STATE where none is set. */
elbo_status elbo_model_feed_condition(const elbo_model *model, const elbo_program *program, int64_t first, int64_t rows,
                                      int64_t count, elbo_error *error);

/* The cached plan for a batch of rows; NULL on failure. */
elbo_program *elbo_model_program(elbo_model *model, elbo_program_kind kind, elbo_dtype dtype, int64_t rows,
                                 elbo_error *error);

#endif
