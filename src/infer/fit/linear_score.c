/* A fitted linear model in use: densities and posterior means of rows, and draws. */
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "infer/fit/linear.h"

static const double log_two_pi = 1.8378770664093454836;

/* With t = W' x / noise: E[z|x] = G t and x' C^-1 x = sum of x_d^2 / noise_d - t' G t.
 * x: [D, ELBO_PANEL]; t, z: [Z, ELBO_PANEL]; precision, zeros: [D] */
typedef struct score {
    const elbo_linear *linear;
    const elbo_fit_rows *rows;
    const double *precision, *zeros;
    double *log_density, *means;
} score;

static void score_panel(const score *s, int64_t panel, double *x, double *t, double *z) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = s->linear->dims, latent = s->linear->latent, first = panel * ELBO_PANEL;
    double square[ELBO_PANEL] __attribute__((aligned(64)));
    elbo_fit_rows_panel(s->rows, first, x);
    table->multiply(t, s->linear->scaled, dims, x, latent, dims);
    table->multiply(z, s->linear->posterior, latent, t, latent, latent);
    table->distance(square, x, s->zeros, s->precision, dims);
    for (int lane = 0; lane < elbo_fit_rows_present(s->rows, panel); lane++) {
        for (int64_t j = 0; j < latent; j++) {
            square[lane] -= t[j * ELBO_PANEL + lane] * z[j * ELBO_PANEL + lane];
            if (s->means) s->means[(first + lane) * latent + j] = z[j * ELBO_PANEL + lane];
        }
        if (s->log_density)
            s->log_density[first + lane] = -0.5 * (square[lane] + s->linear->log_det + (double)dims * log_two_pi);
    }
}

elbo_status elbo_linear_score(const elbo_linear *linear, const elbo_fit_rows *rows, int threads, double *log_density,
                              double *means, elbo_error *error) {
    int64_t dims = linear->dims, latent = linear->latent, panels = elbo_fit_rows_panels(rows);
    threads = elbo_fit_threads(threads, (double)(rows->count * dims) * (double)latent);
    int64_t each = (dims + 2 * latent) * ELBO_PANEL;
    size_t bytes = (size_t)(each * threads + 2 * dims) * sizeof(double);
    double *scratch = elbo_calloc(bytes), *precision = scratch + each * threads;
    if (!scratch) return elbo_fail_memory(error, bytes, "scores");
    for (int64_t d = 0; d < dims; d++) precision[d] = 1 / linear->noise[d];
    score s = {linear, rows, precision, precision + dims, log_density, means};
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int thread = 0; thread < threads; thread++) {
        double *x = scratch + thread * each, *t = x + dims * ELBO_PANEL, *z = t + latent * ELBO_PANEL;
        for (int64_t p = thread; p < panels; p += threads) score_panel(&s, p, x, t, z);
    }
    elbo_free(scratch);
    return ELBO_OK;
}

elbo_status elbo_linear_sample(const elbo_linear *linear, int64_t count, uint64_t seed, double *out,
                               elbo_error *error) {
    int64_t dims = linear->dims, latent = linear->latent;
    double *z = elbo_calloc((size_t)latent * sizeof *z);
    if (!z) return elbo_fail_memory(error, (size_t)latent * sizeof *z, "draws");
    for (int64_t n = 0; n < count; n++) {
        elbo_rng rng = {seed, ELBO_STREAM_SAMPLE, (uint32_t)(n >> 32)};
        for (int64_t j = 0; j < latent; j++) z[j] = elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)(dims + j));
        for (int64_t d = 0; d < dims; d++) {
            double sum = sqrt(linear->noise[d]) * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)d);
            for (int64_t j = 0; j < latent; j++) sum += z[j] * linear->loadings[j * dims + d];
            out[n * dims + d] = sum;
        }
    }
    elbo_free(z);
    return ELBO_OK;
}
