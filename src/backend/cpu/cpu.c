/* The CPU backend: chooses how each unit runs. */
#include "backend/cpu/cpu.h"

#include <omp.h>

#include "ops/names.h"
#include "ops/reduce.h"

const elbo_vector_table *elbo_vector_best(void) {
#ifdef ELBO_VECTOR_X86
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512vl");
    if (v4) return &elbo_vector_avx512;
    if (v3) return &elbo_vector_avx2;
#endif
    return &elbo_vector_baseline;
}

const char *elbo_backend_versions(void) { return elbo_onednn_version(elbo_vector_best()->name); }

/* Operations without a vector kernel run their f32 reference kernel. */
typedef struct plain_state {
    elbo_kernel kernel;
    void (*run)(const elbo_kernel *kernel);
    const void *in[];
} plain_state;

static void run_plain(elbo_step *step, const elbo_run *run) {
    plain_state *state = step->state;
    state->kernel.run = *run;
    state->run(&state->kernel);
}

static elbo_status compile_plain(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    const elbo_node *node = unit->member[0];
    size_t bytes = sizeof(plain_state) + sizeof(void *) * (size_t)node->inputs;
    plain_state *state = elbo_arena_calloc(&plan->arena, bytes);
    if (!state) return elbo_fail_memory(error, bytes, "a step");
    if (!node->op->run_f32)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s has no kernel on this backend", node->op->name);
    state->run = node->op->run_f32;
    for (int k = 0; k < node->inputs; k++) state->in[k] = elbo_plan_memory_of(plan, node->input[k]);
    state->kernel = (elbo_kernel){.node = node, .out = elbo_plan_memory_of(plan, node), .in = state->in};
    step->run = run_plain;
    step->state = state;
    return ELBO_OK;
}

static elbo_cpu *cpu_of(elbo_plan *plan) {
    if (plan->backend_data) return plan->backend_data;
    elbo_cpu *cpu = elbo_calloc(sizeof *cpu);
    if (!cpu) return NULL;
    cpu->vector = elbo_vector_best();
    if (plan->threads <= 0) plan->threads = omp_get_num_procs();
    plan->backend_data = cpu;
    return cpu;
}

/* oneDNN has no argument for the number of threads: it takes OpenMP's, which is the calling thread's own. */
static void begin(elbo_plan *plan) {
    plan->saved_threads = omp_get_max_threads();
    if (plan->saved_threads != plan->threads) omp_set_num_threads(plan->threads);
}

static void end(elbo_plan *plan) {
    if (plan->saved_threads != plan->threads) omp_set_num_threads(plan->saved_threads);
}

static elbo_status compile(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    if (!cpu_of(plan)) return elbo_fail_memory(error, sizeof(elbo_cpu), "the cpu backend");
    const elbo_op *op = unit->member[0]->op;
    begin(plan);
    elbo_status status;
    if (unit->kind == ELBO_UNIT_FUSED)
        status = elbo_cpu_compile_fused(plan, unit, step, error);
    else if (unit->kind == ELBO_UNIT_MATMUL)
        status = elbo_cpu_compile_matmul(plan, unit, step, error);
    else if (op == &elbo_op_sum || op == &elbo_op_max_over || op == &elbo_op_logsumexp)
        status = elbo_cpu_compile_reduction(plan, unit, step, error);
    else if (op == &elbo_op_conv2d || op == &elbo_op_conv2d_input || op == &elbo_op_conv2d_weight)
        status = elbo_cpu_compile_convolution(plan, unit, step, error);
    else
        status = compile_plain(plan, unit, step, error);
    end(plan);
    return status;
}

static void release(elbo_plan *plan) {
    elbo_cpu *cpu = plan->backend_data;
    if (!cpu) return;
    elbo_onednn_free(cpu->onednn);
    elbo_free(cpu);
}

const elbo_backend_type elbo_backend_cpu = {.name = "cpu",
                                            .fuses = true,
                                            .folds_activation = elbo_cpu_folds_activation,
                                            .compile = compile,
                                            .begin = begin,
                                            .end = end,
                                            .release = release};
