/* Sums, maxima and logsumexp that stand alone. Trailing axes: rows are shared out among the threads. Leading axes:
 * columns are. Each result is computed by one thread in a fixed order, whatever their number. */
#include "ops/reduce.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"

typedef struct reduction_state {
    const elbo_vector_table *vector;
    const elbo_op *op;
    const float *in;
    float *out;
    elbo_reduce_view view;
    int threads;
    float *partial; /* [parts] for one long row */
    int64_t parts;
} reduction_state;

enum { LONG_ROW = 65536, PART = 16384, SMALL = 16384, COLUMNS = 256 };

static float reduce_row(const reduction_state *s, const float *row, int64_t count) {
    if (s->op == &elbo_op_sum) return s->vector->sum(row, count);
    float most = s->vector->maximum(row, count);
    if (s->op == &elbo_op_max_over || isinf(most) || isnan(most)) return most;
    return most + logf(s->vector->sum_exp(row, most, count));
}

static void run_rows(elbo_step *step, const elbo_run *run) {
    const reduction_state *s = step->state;
    (void)run;
#pragma omp parallel for schedule(static) num_threads(s->threads) if (s->view.outer * s->view.middle > SMALL)
    for (int64_t i = 0; i < s->view.outer; i++) s->out[i] = reduce_row(s, s->in + i * s->view.middle, s->view.middle);
}

/* One long row: parts of fixed length, then the parts in double. */
static void run_long_sum(elbo_step *step, const elbo_run *run) {
    const reduction_state *s = step->state;
    (void)run;
    for (int64_t i = 0; i < s->view.outer; i++) {
        const float *row = s->in + i * s->view.middle;
#pragma omp parallel for schedule(static) num_threads(s->threads)
        for (int64_t p = 0; p < s->parts; p++) {
            int64_t first = p * PART, count = s->view.middle - first;
            s->partial[p] = s->vector->sum(row + first, count < PART ? count : PART);
        }
        double total = 0;
        for (int64_t p = 0; p < s->parts; p++) total += (double)s->partial[p];
        s->out[i] = (float)total;
    }
}

static void reduce_columns(const reduction_state *s, const float *in, float *out, int64_t columns) {
    int64_t stride = s->view.inner;
    if (s->op == &elbo_op_sum) {
        memset(out, 0, sizeof *out * (size_t)columns);
        s->vector->add_rows(out, in, s->view.middle, stride, columns);
        return;
    }
    for (int64_t j = 0; j < columns; j++) {
        float most = in[j];
        for (int64_t r = 1; r < s->view.middle; r++)
            if (in[r * stride + j] > most || isnan(in[r * stride + j])) most = in[r * stride + j];
        if (s->op == &elbo_op_logsumexp && isfinite(most)) {
            float total = 0;
            for (int64_t r = 0; r < s->view.middle; r++) total += expf(in[r * stride + j] - most);
            most += logf(total);
        }
        out[j] = most;
    }
}

static void run_columns(elbo_step *step, const elbo_run *run) {
    const reduction_state *s = step->state;
    int64_t groups = (s->view.inner + COLUMNS - 1) / COLUMNS;
    (void)run;
#pragma omp parallel for schedule(static) \
    num_threads(s->threads) if (s->view.outer * s->view.middle * s->view.inner > SMALL)
    for (int64_t task = 0; task < s->view.outer * groups; task++) {
        int64_t outer = task / groups, first = task % groups * COLUMNS, count = s->view.inner - first;
        reduce_columns(s, s->in + outer * s->view.middle * s->view.inner + first,
                       s->out + outer * s->view.inner + first, count < COLUMNS ? count : COLUMNS);
    }
}

elbo_status elbo_cpu_compile_reduction(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    const elbo_node *node = unit->member[0];
    reduction_state *state = elbo_arena_calloc(&plan->arena, sizeof *state);
    if (!state) return elbo_fail_memory(error, sizeof *state, "a step");
    *state = (reduction_state){.vector = ((elbo_cpu *)plan->backend_data)->vector,
                               .op = node->op,
                               .in = elbo_plan_memory_of(plan, node->input[0]),
                               .out = elbo_plan_memory_of(plan, node),
                               .view = elbo_reduce_view_of(node),
                               .threads = plan->threads};
    step->state = state;
    step->bytes = 4 * state->view.outer * state->view.middle * state->view.inner;
    if (state->view.inner > 1) {
        step->run = run_columns;
    } else if (node->op == &elbo_op_sum && state->view.middle > LONG_ROW && state->view.outer < 4 * plan->threads) {
        state->parts = (state->view.middle + PART - 1) / PART;
        state->partial = elbo_arena_calloc(&plan->arena, sizeof(float) * (size_t)state->parts);
        if (!state->partial) return elbo_fail_memory(error, (size_t)state->parts * sizeof(float), "a step");
        step->run = run_long_sum;
    } else {
        step->run = run_rows;
    }
    return ELBO_OK;
}
