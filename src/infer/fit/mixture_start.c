/* Where a mixture starts: k-means++ (Arthur and Vassilvitskii 2007). The first seed is any row; each further one is a
 * row drawn with probability proportional to its squared distance from the nearest seed so far. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "infer/fit/mixture.h"

typedef struct seeding {
    const elbo_fit_rows *rows;
    double *nearest; /* [N] squared distance to the nearest seed */
    double *ones;    /* [D] */
    int32_t *seed;   /* [N] which one that is */
    int threads;
} seeding;

/* Row and all later draws come from 64 bits: 23 would never reach some rows of a large table. */
static double uniform(uint64_t seed, uint32_t restart, uint32_t k) {
    elbo_rng rng = {seed, ELBO_STREAM_INIT, restart};
    return (double)(elbo_rng_below(&rng, k, 0, UINT64_C(1) << 53)) * 0x1p-53;
}

/* Rows nearer to this seed than to the earlier ones become its own; x: a panel for each thread. */
static void measure(seeding *s, const double *centre, int32_t k, double *x) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t panels = elbo_fit_rows_panels(s->rows), size = s->rows->dims * ELBO_PANEL;
#pragma omp parallel for num_threads(s->threads) schedule(static) if (s->threads > 1)
    for (int thread = 0; thread < s->threads; thread++)
        for (int64_t p = thread; p < panels; p += s->threads) {
            double *panel = x + thread * size, distance[ELBO_PANEL] __attribute__((aligned(64)));
            elbo_fit_rows_panel(s->rows, p * ELBO_PANEL, panel);
            table->distance(distance, panel, centre, s->ones, s->rows->dims);
            for (int lane = 0; lane < elbo_fit_rows_present(s->rows, p); lane++) {
                int64_t row = p * ELBO_PANEL + lane;
                if (k > 0 && !(distance[lane] < s->nearest[row])) continue;
                s->nearest[row] = distance[lane];
                s->seed[row] = k;
            }
        }
}

/* The row at which the running sum of squared distances passes u times their total; where all are 0, because there are
 * no more than k different rows, any row. */
static int64_t pick(const seeding *s, double u) {
    int64_t count = s->rows->count, last = -1;
    double total = 0, passed = 0;
    for (int64_t n = 0; n < count; n++) total += s->nearest[n];
    if (!(total > 0)) return (int64_t)(u * (double)count);
    for (int64_t n = 0; n < count; n++) {
        if (s->nearest[n] > 0) last = n;
        passed += s->nearest[n];
        if (passed > u * total && last == n) return n;
    }
    return last;
}

elbo_status elbo_mixture_start(elbo_mixture *mixture, const elbo_fit_rows *rows, uint64_t seed, uint32_t restart,
                               int threads, elbo_mixture_work *work, elbo_mixture_moments *moments, elbo_error *error) {
    int64_t dims = rows->dims;
    seeding s = {.rows = rows, .threads = elbo_fit_threads(threads, (double)(rows->count * dims))};
    int64_t panel = dims * ELBO_PANEL * s.threads;
    size_t bytes = (size_t)(rows->count + dims + panel) * sizeof(double) + (size_t)rows->count * sizeof(int32_t);
    double *x = elbo_calloc(bytes); /* the panels first: they are read in aligned vectors */
    if (!x) return elbo_fail_memory(error, bytes, "the start of a mixture");
    s.ones = x + panel;
    s.nearest = s.ones + dims;
    s.seed = (int32_t *)(s.nearest + rows->count);
    for (int64_t d = 0; d < dims; d++) s.ones[d] = 1;
    for (int64_t k = 0; k < mixture->components; k++) {
        double u = uniform(seed, restart, (uint32_t)k);
        int64_t row = k == 0 ? (int64_t)(u * (double)rows->count) : pick(&s, u);
        elbo_fit_rows_row(rows, row, mixture->means + k * dims);
        measure(&s, mixture->means + k * dims, (int32_t)k, x);
    }
    /* What a component without rows keeps: the covariance of an all but singular point. */
    int64_t count = elbo_mixture_covariance_count(mixture->kind, mixture->components, dims);
    for (int64_t i = 0; i < count; i++) {
        bool diagonal = mixture->kind != ELBO_COVARIANCE_FULL || i % (dims * dims) % (dims + 1) == 0;
        mixture->covariances[i] = diagonal ? fmax(mixture->variance_floor, 1) : 0;
    }
    elbo_mixture_pass(mixture, rows, s.seed, threads, work, moments);
    elbo_free(x);
    return elbo_mixture_update(mixture, moments, rows->count, work, error);
}
