/* The program of a fused loop. */
#ifndef ELBO_BACKEND_CPU_FUSED_H
#define ELBO_BACKEND_CPU_FUSED_H

#include "backend/cpu/cpu.h"
#include "ops/random.h"

typedef enum elbo_fused_kind { ELBO_FUSED_LOAD, ELBO_FUSED_DRAW, ELBO_FUSED_APPLY, ELBO_FUSED_SUM } elbo_fused_kind;

typedef struct elbo_fused_step {
    elbo_fused_kind kind;
    int out, in[3];                /* slots */
    int input;                     /* LOAD */
    elbo_vector_function function; /* APPLY */
    bool normal;                   /* DRAW: normal, else uniform */
    elbo_random_view random;
    int sum;     /* SUM: number of the total */
    float *sums; /* SUM: [rows] */
} elbo_fused_step;

/* An input that is repeated along some axes, or not f32. */
typedef struct elbo_fused_input {
    const elbo_node *node;
    const void *memory;
    elbo_dtype dtype;
    int64_t stride[ELBO_MAX_RANK + 1]; /* along the loop's merged dims */
} elbo_fused_input;

/* Where a value is: memory that advances with the loop, or a register. */
typedef struct elbo_fused_slot {
    float *memory; /* NULL: register */
    int number;
} elbo_fused_slot;

typedef struct elbo_fused_constant {
    int number; /* register */
    float value;
} elbo_fused_constant;

typedef struct elbo_fused {
    const elbo_vector_table *vector;
    int threads;
    int dims, row_dims; /* the loop's axes, merged where every input allows */
    int64_t dim[ELBO_MAX_RANK + 1];
    int64_t rows, columns, tile_rows, tile_columns, tile;
    elbo_fused_input *input;
    int inputs;
    elbo_fused_slot *slot;
    int slots, registers;
    elbo_fused_constant *constant;
    int constants;
    elbo_fused_step *step;
    int steps, sums;
    char *scratch; /* [threads][scratch_bytes]: registers, slot pointers, totals */
    size_t scratch_bytes, slot_offset, total_offset;
} elbo_fused;

void elbo_fused_run(elbo_step *step, const elbo_run *run);

#endif
