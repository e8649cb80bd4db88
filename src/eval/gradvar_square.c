/* The gradient of E[z^2], z ~ N(theta, 1), in theta, by two estimators (elbo_gradvar_square).
 *
 *   reparameterised  2 z                    mean 2 theta, variance 4
 *   score function   z^2 (z - theta)        mean 2 theta, variance theta^4 + 14 theta^2 + 15
 *
 * theta stands once for each draw, so that one backward pass gives the gradient of every draw by itself. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "dist/dist.h"

enum { BATCH = 4096 };

static elbo_node *objective(elbo_graph *graph, elbo_node *theta, bool reparameterised) {
    elbo_dist q = elbo_normal(theta, elbo_constant(graph, 0, ELBO_SHAPE(BATCH)), 0);
    elbo_node *z = elbo_dist_sample(&q, 0);
    if (reparameterised) return elbo_sum_all(elbo_square(z));
    z = elbo_stop_gradient(z);
    return elbo_sum_all(elbo_mul(elbo_square(z), elbo_dist_log_prob(&q, z)));
}

/* Mean, variance and their standard errors: the variance of a sample variance is (m4 - s^4) / n. */
static void conclude(const double *value, int64_t count, elbo_gradvar_example *out) {
    double mean = 0, square = 0, fourth = 0;
    for (int64_t i = 0; i < count; i++) mean += value[i] / (double)count;
    for (int64_t i = 0; i < count; i++) {
        double away = (value[i] - mean) * (value[i] - mean);
        square += away / (double)(count - 1);
        fourth += away * away / (double)count;
    }
    out->mean = mean;
    out->variance = square;
    out->mean_stderr = sqrt(square / (double)count);
    out->variance_stderr = sqrt(fmax(0, fourth - square * square) / (double)count);
}

static elbo_status sample(double theta, bool reparameterised, int64_t draws, uint64_t seed, double *value,
                          elbo_error *error) {
    elbo_graph *graph = elbo_graph_new();
    if (!graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_node *where = elbo_input(graph, "theta", ELBO_F32, ELBO_SHAPE(BATCH)), *gradient = NULL;
    elbo_grad(objective(graph, where, reparameterised), &where, 1, &gradient);
    elbo_plan_spec spec = {.fetch = &gradient,
                           .fetch_count = 1,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, error);
    elbo_status status = plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
    double *input = plan ? elbo_plan_input(plan, where) : NULL;
    for (int i = 0; input && i < BATCH; i++) input[i] = theta;
    for (int64_t done = 0; done < draws && status == ELBO_OK; done += BATCH) {
        elbo_run run = {.seed = seed, .first_row = (uint32_t)done};
        int64_t more = draws - done < BATCH ? draws - done : BATCH;
        status = elbo_plan_run(plan, &run, error);
        if (status == ELBO_OK) memcpy(value + done, elbo_plan_value(plan, gradient), sizeof *value * (size_t)more);
    }
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    return status;
}

elbo_status elbo_gradvar_square(double theta, int64_t draws, uint64_t seed,
                                elbo_gradvar_example out[ELBO_GRADVAR_EXAMPLES], elbo_error *error) {
    if (!isfinite(theta)) return elbo_fail(error, ELBO_ERROR_USAGE, "theta is %g; a finite number was expected", theta);
    if (draws < 2 || draws > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%lld draws; 2 to 2^32 - 1 were expected", (long long)draws);
    double *value = elbo_calloc(sizeof *value * (size_t)draws), square = theta * theta;
    if (!value) return elbo_fail_memory(error, sizeof *value * (size_t)draws, "draws");
    elbo_status status = ELBO_OK;
    for (int method = 0; method < ELBO_GRADVAR_EXAMPLES && status == ELBO_OK; method++) {
        bool reparameterised = method == 0;
        out[method] = (elbo_gradvar_example){
            .method = reparameterised ? "reparameterised" : "score function",
            .exact_mean = 2 * theta,
            .exact_variance = reparameterised ? 4 : square * square + 14 * square + 15,
        };
        status = sample(theta, reparameterised, draws, seed + (uint64_t)method, value, error);
        if (status == ELBO_OK) conclude(value, draws, &out[method]);
    }
    elbo_free(value);
    return status;
}
