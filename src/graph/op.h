/* The contract of an operation.  One file in src/ops holds a family: for each operation its shape rule, its formula,
 * its gradient and its test cases side by side, and its reference kernel in f32 and f64. */
#ifndef ELBO_GRAPH_OP_H
#define ELBO_GRAPH_OP_H

#include "base/error.h"
#include "base/rng.h"

typedef struct elbo_attributes {
    int64_t i[16];
    double f[2];
} elbo_attributes;

/* What a reference kernel sees.  All arrays are dense and row-major. */
typedef struct elbo_kernel {
    const elbo_node *node;
    void *out;
    const void *const *in;
    elbo_run run;
} elbo_kernel;

enum {
    ELBO_OP_ELEMENTWISE = 1, /* broadcasts, may be fused; `code` selects the vector kernel */
    ELBO_OP_RANDOM = 2,      /* a draw: never merged with a twin; may be fused */
    ELBO_OP_ALIAS = 4,       /* the value is input 0's memory under another shape */
    ELBO_OP_SOURCE = 8,      /* input, parameter, constant: the plan supplies the memory */
    ELBO_OP_NO_GRADIENT = 16 /* differentiable nowhere or zero everywhere: the gradient stops here, no error */
};

/* What the scheduler must know an operation as. */
typedef enum elbo_role {
    ELBO_ROLE_NONE,
    ELBO_ROLE_ADD,
    ELBO_ROLE_BROADCAST, /* repeats its input: elementwise users can read the input itself */
    ELBO_ROLE_MATMUL,
    ELBO_ROLE_SUM /* attributes: i[0] first axis, i[1] one past the last, i[2] keep */
} elbo_role;

/* A row of the table-driven operation test: inputs of these shapes, reals drawn from [low, high], integers from
 * [0, integers). */
typedef struct elbo_op_case {
    elbo_shape shape[4];
    elbo_dtype dtype[4]; /* ELBO_F32 is real */
    int inputs;
    double low, high;
    int integers;
    elbo_attributes attributes;
} elbo_op_case;

typedef struct elbo_op {
    const char *name;
    const char *formula;
    int inputs; /* -1: one or more */
    unsigned flags;
    elbo_role role;
    int code; /* elementwise: its place in src/ops/elementwise.def */
    /* Sets node->shape and node->dtype (input 0's dtype and real are filled in beforehand). */
    elbo_status (*infer)(elbo_node *node, elbo_error *error);
    /* Puts d(loss)/d(input k) into din[k], given dout = d(loss)/d(node); entries left NULL are zero. */
    void (*gradient)(elbo_node *node, elbo_node *dout, elbo_node **din);
    void (*run_f32)(const elbo_kernel *kernel);
    void (*run_f64)(const elbo_kernel *kernel);
    const elbo_op_case *cases;
    int case_count;
} elbo_op;

typedef struct elbo_op_family {
    const char *name;
    const elbo_op *const *ops; /* ends with NULL */
} elbo_op_family;

extern const elbo_op_family *const elbo_registry_ops[];

#endif
