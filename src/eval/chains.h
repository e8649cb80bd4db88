/* Markov chains for the data of an evaluation: groups of data, each with its chains side by side in one plan. Every
 * thread has a plan and chains of its own and takes groups from the batch. How many data make a group depends on the
 * model and on the number of chains alone, so that results are the same for any number of threads. */
#ifndef ELBO_EVAL_CHAINS_H
#define ELBO_EVAL_CHAINS_H

#include "eval/work.h"
#include "infer/hmc.h"
#include "train/instance.h"

typedef struct elbo_chains_worker {
    elbo_plan *density; /* of hmc */
    elbo_plan *start;   /* draws from the prior */
    elbo_hmc hmc;
    float *z;             /* [chains, data, latent]: room for positions */
    struct shared *share; /* internal */
    double amount;        /* of work in a transition of the group at hand */
    elbo_error error;
} elbo_chains_worker;

typedef struct elbo_chains {
    int64_t data, chains, latent, item_size;
    uint64_t seed;
    elbo_graph *graph;
    elbo_node *x;         /* input: [data, size] */
    elbo_node *condition; /* input: [data, width] of a model with one; else NULL */
    elbo_node *prior;     /* a draw: [chains, data, latent] */
    elbo_hmc_target target;
    elbo_chains_worker *worker;
    int workers;
} elbo_chains;

/* What a batch of data brings: the model's x [count, size] and a code of each, z [count, latent]. */
typedef struct elbo_chains_rows {
    const float *x, *z;
    int64_t count, first_row;
    const float *condition; /* [count, width] of a model with one; else NULL */
} elbo_chains_rows;

/* A group of a batch: its first row there, how many rows it has (chains of the room beyond them repeat the last), and
 * the number of the first one in the whole data set. */
typedef struct elbo_chains_group {
    int64_t first, count;
    uint32_t first_row;
} elbo_chains_group;

/* Deals with a group, of which the plan has x already. */
typedef elbo_status (*elbo_chains_task)(void *user, int worker, const elbo_chains_group *group, elbo_error *error);

/* count: chains of each datum; batch: rows that come at a time. The `after` of the options is set here. Clear it also
 * after a failure. */
elbo_status elbo_chains_new(elbo_chains *chains, const elbo_instance *instance, int64_t batch, int64_t count,
                            const elbo_hmc_options *options, elbo_precision precision, int threads, elbo_error *error);
void elbo_chains_clear(elbo_chains *chains);

/* Runs the task on each group of the batch. Transitions are reported through `work`, by the calling thread alone. */
elbo_status elbo_chains_run(elbo_chains *chains, const elbo_chains_rows *rows, elbo_chains_task task, void *user,
                            elbo_work *work, elbo_error *error);
/* A transition of all chains of one datum, in the units of elbo_work. */
double elbo_chains_cost(int64_t chains, int64_t leapfrog);

/* The z of a group's rows for each of its chains, into worker->z. */
void elbo_chains_spread(const elbo_chains *chains, int worker, const elbo_chains_group *group, const float *z);
/* Draws of the prior into worker->z. step: of the run, what tells draws of one seed apart. */
elbo_status elbo_chains_draw(const elbo_chains *chains, int worker, const elbo_chains_group *group, uint32_t step,
                             elbo_error *error);

#endif
