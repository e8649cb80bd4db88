#include "eval/information.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/posterior.h"

enum { BLOCK = 64 };
static const double most_numbers = 4e8; /* rows^2 * latent: a second or so */

int64_t elbo_information_rows(int64_t count, int64_t latent) {
    int64_t most = (int64_t)sqrt(most_numbers / (double)latent);
    if (most > ELBO_INFORMATION_ROWS) most = ELBO_INFORMATION_ROWS;
    if (most < 1) most = 1;
    return count < most ? count : most;
}

elbo_status elbo_information_new(elbo_information *information, const elbo_dist *posterior, int64_t rows,
                                 int64_t latent, elbo_error *error) {
    memset(information, 0, sizeof *information);
    information->rows = rows;
    information->latent = latent;
    size_t bytes = sizeof(float) * (size_t)(rows * latent);
    information->z = elbo_calloc(bytes);
    if (!information->z) return elbo_fail_memory(error, bytes, "codes");
    for (int k = 0; k < elbo_posterior_parameters(posterior); k++) {
        information->width[k] = elbo_posterior_width(posterior, k);
        bytes = sizeof(float) * (size_t)(rows * information->width[k]);
        information->parameter[k] = elbo_calloc(bytes);
        if (!information->parameter[k]) return elbo_fail_memory(error, bytes, "posteriors");
    }
    return ELBO_OK;
}

void elbo_information_clear(elbo_information *information) {
    elbo_free(information->z);
    for (int k = 0; k < ELBO_DIST_PARAMETERS; k++) elbo_free(information->parameter[k]);
    memset(information, 0, sizeof *information);
}

void elbo_information_keep(elbo_information *information, const float *z, const float *const *parameter) {
    int64_t row = information->kept;
    if (row >= information->rows) return;
    memcpy(information->z + row * information->latent, z, sizeof *z * (size_t)information->latent);
    for (int k = 0; k < ELBO_DIST_PARAMETERS && information->parameter[k]; k++)
        memcpy(information->parameter[k] + row * information->width[k], parameter[k],
               sizeof(float) * (size_t)information->width[k]);
    information->kept++;
}

/* log q(z_i | x_j) for a block of i and all j. */
typedef struct pairs {
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *z;     /* input: [BLOCK, 1, latent] */
    elbo_node *log_q; /* [BLOCK, rows] */
} pairs;

static elbo_status compile(pairs *made, const elbo_information *information, const elbo_dist *posterior, int threads,
                           elbo_error *error) {
    made->graph = elbo_graph_new();
    if (!made->graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context own;
    elbo_dist all = elbo_posterior_inputs(posterior, made->graph, information->kept, &own);
    made->z = elbo_input(made->graph, "z", ELBO_F32, ELBO_SHAPE(BLOCK, 1, information->latent));
    made->log_q = elbo_dist_log_prob(&all, made->z);
    elbo_plan_spec spec = {.fetch = &made->log_q, .fetch_count = 1, .threads = threads};
    made->plan = elbo_plan_new(made->graph, &spec, error);
    if (!made->plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    for (int k = 0; k < elbo_posterior_parameters(&all); k++) {
        float *input = elbo_plan_input(made->plan, all.parameter[k]);
        if (input)
            memcpy(input, information->parameter[k],
                   sizeof *input * (size_t)(information->kept * information->width[k]));
    }
    return ELBO_OK;
}

/* log q(z_i|x_i) - log 1/N sum_j q(z_i|x_j) */
static double gain(const float *log_q, int64_t own, int64_t count) {
    double peak = -INFINITY, sum = 0;
    for (int64_t j = 0; j < count; j++)
        if ((double)log_q[j] > peak) peak = (double)log_q[j];
    for (int64_t j = 0; j < count; j++) sum += exp((double)log_q[j] - peak);
    return (double)log_q[own] - peak - log(sum / (double)count);
}

static elbo_status run(pairs *made, const elbo_information *information, elbo_work *work, double *nats,
                       elbo_error *error) {
    float *input = elbo_plan_input(made->plan, made->z);
    int64_t count = information->kept, latent = information->latent;
    double total = 0;
    for (int64_t first = 0; first < count; first += BLOCK) {
        int64_t rows = count - first < BLOCK ? count - first : BLOCK;
        if (input) memcpy(input, information->z + first * latent, sizeof *input * (size_t)(rows * latent));
        ELBO_TRY(elbo_plan_run(made->plan, NULL, error));
        const float *log_q = elbo_plan_value(made->plan, made->log_q);
        for (int64_t i = 0; i < rows; i++) total += gain(log_q + i * count, first + i, count);
        ELBO_TRY(elbo_work_add(work, (double)rows, error));
    }
    *nats = total / (double)count;
    return ELBO_OK;
}

elbo_status elbo_information_estimate(const elbo_information *information, const elbo_dist *posterior, int threads,
                                      elbo_work *work, double *nats, elbo_error *error) {
    pairs made = {0};
    elbo_status status = compile(&made, information, posterior, threads, error);
    if (status == ELBO_OK) status = run(&made, information, work, nats, error);
    elbo_plan_free(made.plan);
    elbo_graph_free(made.graph);
    return status;
}
