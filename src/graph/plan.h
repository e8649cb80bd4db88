/* How a graph becomes a program: the nodes that are needed (schedule.c) are grouped into units, the units are put in
 * order, their results get places in one workspace (memory.c), and a backend turns each unit into a step (plan.c).
 *
 * The seam to the backends: a backend says which nodes it can fuse and compiles units; nothing above it sees more. */
#ifndef ELBO_GRAPH_PLAN_H
#define ELBO_GRAPH_PLAN_H

#include "graph/graph.h"

typedef enum elbo_unit_kind {
    ELBO_UNIT_NODE,   /* one operation */
    ELBO_UNIT_MATMUL, /* a matrix product with, optionally, a bias row and an activation folded in */
    ELBO_UNIT_FUSED   /* elementwise and random nodes of one shape, with sums over trailing axes folded in */
} elbo_unit_kind;

/* A group of nodes that runs as one step. members are in the order of their ids. */
typedef struct elbo_unit {
    elbo_unit_kind kind;
    elbo_shape shape; /* fused: the shape of its loop */
    elbo_node **member;
    int members;
    elbo_node *bias;           /* matmul: the row that is added, or NULL */
    const elbo_op *activation; /* matmul: the function that is applied, or NULL */
    int level;
    int order; /* position in the program */
} elbo_unit;

/* What the plan knows of a node. */
typedef struct elbo_value {
    int unit; /* that computes it; -1: a source, an alias, or not needed */
    int root; /* id of the node whose memory it uses (itself unless an alias) */
    int uses; /* by needed nodes */
    bool needed;
    bool stored;  /* has memory: somebody outside its unit reads it */
    bool pinned;  /* fetched: its memory is not reused */
    int last_use; /* order of the last unit that reads it */
    void *memory;
    size_t bytes, offset;
} elbo_value;

typedef struct elbo_step {
    const char *kind;
    char label[96];
    void (*run)(struct elbo_step *step, const elbo_run *run);
    void (*release)(struct elbo_step *step);
    void *state;
    double seconds;
    int64_t runs, flops, bytes;
} elbo_step;

typedef struct elbo_backend_type {
    const char *name;
    bool fuses;
    /* Activations that a matrix product can apply. */
    bool (*folds_activation)(const elbo_op *op);
    elbo_status (*compile)(struct elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error);
    /* Around each run: thread counts and the like. */
    void (*begin)(struct elbo_plan *plan);
    void (*end)(struct elbo_plan *plan);
    void (*release)(struct elbo_plan *plan);
} elbo_backend_type;

typedef struct elbo_copy {
    int id;
    void *to;
    size_t bytes;
} elbo_copy;

struct elbo_plan {
    elbo_graph *graph;
    const elbo_backend_type *backend;
    elbo_precision precision;
    int threads, saved_threads;
    bool params_fixed, keep_all, profiling;
    int nodes;         /* of the graph when the plan was made */
    elbo_value *value; /* [nodes] */
    elbo_unit *unit;
    int units;
    int *program; /* [units] unit numbers in order */
    elbo_step *step;
    int steps;
    elbo_copy *copy; /* to targets and assignments, after the steps */
    int copies;
    elbo_arena arena;
    char *workspace;
    size_t workspace_bytes, source_bytes;
    uint64_t params_version;
    void *backend_data; /* the backend's own; released by its release */
};

/* Bytes of one element of a node in this plan. */
size_t elbo_plan_element(const elbo_plan *plan, const elbo_node *node);
/* The memory of a node's value. */
void *elbo_plan_memory_of(const elbo_plan *plan, const elbo_node *node);

elbo_status elbo_plan_schedule(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error);
elbo_status elbo_plan_place(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error);

/* "oneDNN 2.6.3, avx512": what the backends compute with. Static. */
const char *elbo_backend_versions(void);

extern const elbo_backend_type elbo_backend_reference, elbo_backend_cpu;

#endif
