/* The reference backend: one node at a time through the plain kernels of src/ops, in f32 or f64. */
#include "graph/plan.h"

typedef struct reference_state {
    elbo_kernel kernel;
    void (*run)(const elbo_kernel *kernel);
    const void *in[];
} reference_state;

static void run(elbo_step *step, const elbo_run *run) {
    reference_state *state = step->state;
    state->kernel.run = *run;
    state->run(&state->kernel);
}

static elbo_status compile(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    const elbo_node *node = unit->member[0];
    size_t bytes = sizeof(reference_state) + sizeof(void *) * (size_t)node->inputs;
    reference_state *state = elbo_arena_calloc(&plan->arena, bytes);
    if (!state) return elbo_fail_memory(error, bytes, "a step");
    state->run = plan->precision == ELBO_PRECISION_F64 ? node->op->run_f64 : node->op->run_f32;
    if (!state->run) return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s has no reference kernel", node->op->name);
    for (int k = 0; k < node->inputs; k++) state->in[k] = elbo_plan_memory_of(plan, node->input[k]);
    state->kernel = (elbo_kernel){.node = node, .out = elbo_plan_memory_of(plan, node), .in = state->in};
    step->run = run;
    step->state = state;
    return ELBO_OK;
}

const elbo_backend_type elbo_backend_reference = {.name = "reference", .compile = compile};
