/* The parts of the CPU backend: oneDNN behind onednn.c, fused loops in fused.c, reductions in reduction.c. */
#ifndef ELBO_BACKEND_CPU_CPU_H
#define ELBO_BACKEND_CPU_CPU_H

#include "backend/cpu/vector/vector.h"
#include "graph/plan.h"

/* What a CPU plan keeps beside its steps. */
typedef struct elbo_cpu {
    const elbo_vector_table *vector;
    struct elbo_onednn *onednn; /* made on first use */
} elbo_cpu;

elbo_status elbo_cpu_compile_fused(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error);
/* sum, max_over, logsumexp on their own. */
elbo_status elbo_cpu_compile_reduction(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error);
elbo_status elbo_cpu_compile_matmul(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error);
/* conv2d, conv2d_input, conv2d_weight. */
elbo_status elbo_cpu_compile_convolution(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error);
bool elbo_cpu_folds_activation(const elbo_op *op);
/* "oneDNN 2.6.3, avx512" for the name of a vector table. Static. */
const char *elbo_onednn_version(const char *vector);
void elbo_onednn_free(struct elbo_onednn *onednn);

#endif
