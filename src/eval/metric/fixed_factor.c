/* Disentanglement told from batches in which one factor does not change. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/disentanglement.h"
#include "eval/metric/logistic.h"
#include "eval/metric/panels.h"

/* The steps of this file's random numbers. */
enum { STEP_BETA = 1, STEP_FACTOR };

/* False, with a warning, where a factor repeats too seldom to be held fixed. */
static bool can_fix(const elbo_disentangling *work, const char *name) {
    for (int64_t f = 0; f < work->table->used; f++) {
        if (elbo_factors_repeat(work->table, f)) continue;
        elbo_metric_warn(work->out->warning, sizeof work->out->warning,
                         "%s is not defined: most values of factor %lld occur in one row only, so that no batch can "
                         "hold it fixed.",
                         name, (long long)work->table->column[f]);
        return false;
    }
    return true;
}

static int32_t draw_factor(const elbo_factors *table, const elbo_rng *rng, uint32_t vote) {
    return (int32_t)elbo_rng_below(rng, vote, 0, (uint64_t)table->used);
}

/* ---- BetaVAE score ---- */

/* Mean of |z1 - z2| over pairs of rows that share the value of a factor. */
static void pair_votes(const elbo_disentangling *work, uint32_t first, int64_t votes, double *x, int32_t *label) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, batch = work->options->batch;
    elbo_rng rng = {(uint64_t)work->options->seed, ELBO_STREAM_SAMPLE, STEP_BETA};
    for (int64_t v = 0; v < votes; v++) {
        uint32_t draw = first + (uint32_t)v;
        label[v] = draw_factor(table, &rng, draw);
        memset(x + v * dims, 0, (size_t)dims * sizeof *x);
        for (int64_t i = 0; i < batch; i++) {
            uint32_t column = 1 + 2 * (uint32_t)i;
            int64_t one = (int64_t)elbo_rng_below(&rng, draw, column, (uint64_t)table->codes.rows);
            int64_t other = elbo_factors_partner(table, label[v], one, &rng, draw, column + 1);
            const double *a = table->codes.data + one * dims, *b = table->codes.data + other * dims;
            for (int64_t d = 0; d < dims; d++) x[v * dims + d] += fabs(a[d] - b[d]) / (double)batch;
        }
    }
}

elbo_status elbo_disentangling_beta_vae(const elbo_disentangling *work, elbo_error *error) {
    int64_t train = work->options->votes, test = work->options->test_votes, dims = work->table->codes.columns;
    if (!can_fix(work, "beta_vae")) return ELBO_OK;
    size_t bytes = (size_t)((train + test) * dims) * sizeof(double);
    double *x = elbo_calloc(bytes);
    int32_t *label = elbo_calloc((size_t)(train + test) * sizeof *label);
    elbo_status status = x && label ? ELBO_OK : elbo_fail_memory(error, bytes, "votes");
    if (status == ELBO_OK) {
        elbo_logistic fit;
        elbo_logistic_settings settings = {.l2 = 1, .iterations = 500, .tolerance = 1e-6, .threads = work->threads};
        pair_votes(work, 0, train + test, x, label);
        status = elbo_logistic_fit(&fit, x, label, train, dims, work->table->used, &settings, error);
        if (status == ELBO_OK) {
            work->out->beta_vae = elbo_logistic_accuracy(&fit, x + train * dims, label + train, test);
            elbo_logistic_clear(&fit);
        }
    }
    elbo_free(x);
    elbo_free(label);
    return status;
}

/* ---- FactorVAE score ---- */

/* The dimension whose variance over a batch with one factor fixed is the smallest share of its variance over the data;
 * dimensions with variance[d] == 0 do not take part. work: [2 dims] */
static int64_t steadiest(const elbo_disentangling *work, int32_t factor, const elbo_rng *rng, uint32_t draw,
                         const double *variance, double *spare) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, batch = work->options->batch, best = -1;
    int64_t one = (int64_t)elbo_rng_below(rng, draw, 1, (uint64_t)table->codes.rows);
    double least = INFINITY, *sum = spare, *square = spare + dims;
    const double *origin = table->codes.data + one * dims; /* differences from it lose no digits */
    memset(spare, 0, (size_t)(2 * dims) * sizeof *spare);
    for (int64_t i = 0; i < batch; i++) {
        int64_t row = elbo_factors_partner(table, factor, one, rng, draw, 2 + (uint32_t)i);
        for (int64_t d = 0; d < dims; d++) {
            double away = table->codes.data[row * dims + d] - origin[d];
            sum[d] += away;
            square[d] += away * away;
        }
    }
    for (int64_t d = 0; d < dims; d++) {
        if (variance[d] <= 0) continue;
        double mean = sum[d] / (double)batch, share = (square[d] / (double)batch - mean * mean) / variance[d];
        if (best >= 0 && share >= least) continue;
        least = share;
        best = d;
    }
    return best;
}

static void cast_votes(const elbo_disentangling *work, uint32_t first, int64_t votes, const double *variance,
                       int64_t *count, double *spare) {
    elbo_rng rng = {(uint64_t)work->options->seed, ELBO_STREAM_SAMPLE, STEP_FACTOR};
    for (int64_t v = 0; v < votes; v++) {
        uint32_t draw = first + (uint32_t)v;
        int32_t factor = draw_factor(work->table, &rng, draw);
        count[steadiest(work, factor, &rng, draw, variance, spare) * work->table->used + factor]++;
    }
}

/* The share of test votes for which the factor that a dimension mostly stood for in training is the right one. */
static double majority(const int64_t *train, const int64_t *test, int64_t dims, int64_t factors) {
    int64_t right = 0, all = 0;
    for (int64_t d = 0; d < dims; d++) {
        int64_t best = 0;
        for (int64_t f = 0; f < factors; f++) {
            if (train[d * factors + f] > train[d * factors + best]) best = f;
            all += test[d * factors + f];
        }
        right += test[d * factors + best];
    }
    return (double)right / (double)all;
}

elbo_status elbo_disentangling_factor_vae(const elbo_disentangling *work, elbo_error *error) {
    const elbo_factors *table = work->table;
    int64_t dims = table->codes.columns, cells = dims * table->used;
    if (!can_fix(work, "factor_vae")) return ELBO_OK;
    size_t bytes = (size_t)(4 * dims) * sizeof(double);
    double *variance = elbo_calloc(bytes), *spare = variance + 2 * dims;
    int64_t *count = elbo_calloc((size_t)(2 * cells) * sizeof *count);
    elbo_status status = variance && count ? ELBO_OK : elbo_fail_memory(error, bytes, "votes");
    if (status == ELBO_OK) {
        elbo_metric_moments(table->sample_codes.data, table->sample, dims, 1, spare, variance);
        work->out->active = 0;
        for (int64_t d = 0; d < dims; d++) {
            bool active = sqrt(variance[d]) >= work->options->least_deviation && variance[d] > 0;
            work->out->active += active;
            if (!active) variance[d] = 0;
        }
        if (work->out->active == 0) {
            work->out->factor_vae = 0;
            elbo_metric_warn(work->out->warning, sizeof work->out->warning,
                             "factor_vae is 0 as no dimension has a standard deviation of %g.",
                             work->options->least_deviation);
        } else {
            cast_votes(work, 0, work->options->votes, variance, count, spare);
            cast_votes(work, (uint32_t)work->options->votes, work->options->test_votes, variance, count + cells, spare);
            work->out->factor_vae = majority(count, count + cells, dims, table->used);
        }
    }
    elbo_free(variance);
    elbo_free(count);
    return status;
}
