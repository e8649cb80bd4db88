#include "infer/fit/kmeans.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "infer/fit/mixture.h"

enum { ITERATIONS = 300 };

typedef struct kmeans {
    const elbo_fit_rows *rows;
    int64_t clusters;
    int threads;
    elbo_mixture seeds; /* its means are the centres */
    elbo_mixture_work work;
    elbo_mixture_moments moments;
    double *x;         /* [N, D] */
    double *sum;       /* [K, D] */
    double *distance;  /* [N] to the nearest centre, squared */
    int64_t *count;    /* [K] */
    int32_t *assigned; /* [N] */
} kmeans;

/* ---- one iteration ---- */

/* Gives each row to its nearest centre, the first of equals; whether any changed. */
static bool assign(kmeans *k) {
    int64_t rows = k->rows->count, dims = k->rows->dims;
    int changed = 0;
#pragma omp parallel for num_threads(k->threads) schedule(static) reduction(| : changed) if (k->threads > 1)
    for (int64_t n = 0; n < rows; n++) {
        double nearest = INFINITY;
        int32_t best = 0;
        for (int64_t c = 0; c < k->clusters; c++) {
            const double *x = k->x + n * dims, *centre = k->seeds.means + c * dims;
            double square = 0;
            for (int64_t d = 0; d < dims; d++) square += (x[d] - centre[d]) * (x[d] - centre[d]);
            if (square < nearest) {
                nearest = square;
                best = (int32_t)c;
            }
        }
        changed |= k->assigned[n] != best;
        k->assigned[n] = best;
        k->distance[n] = nearest;
    }
    return changed;
}

/* Centres become the means of their rows. */
static void move(kmeans *k) {
    int64_t dims = k->rows->dims;
    memset(k->sum, 0, sizeof *k->sum * (size_t)(k->clusters * dims));
    memset(k->count, 0, sizeof *k->count * (size_t)k->clusters);
    for (int64_t n = 0; n < k->rows->count; n++) {
        double *sum = k->sum + k->assigned[n] * dims;
        for (int64_t d = 0; d < dims; d++) sum[d] += k->x[n * dims + d];
        k->count[k->assigned[n]]++;
    }
    for (int64_t c = 0; c < k->clusters; c++)
        for (int64_t d = 0; d < dims && k->count[c] > 0; d++)
            k->seeds.means[c * dims + d] = k->sum[c * dims + d] / (double)k->count[c];
}

static double mean_distance(const kmeans *k) {
    double sum = 0;
    for (int64_t n = 0; n < k->rows->count; n++) sum += k->distance[n];
    return sum / (double)k->rows->count;
}

/* ---- starts ---- */

static elbo_status search(kmeans *k, const elbo_kmeans_options *options, double *centre, double *distance,
                          elbo_error *error) {
    size_t bytes = sizeof *centre * (size_t)(k->clusters * k->rows->dims);
    double best = INFINITY;
    for (int64_t start = 0; start < options->starts; start++) {
        ELBO_TRY(elbo_mixture_start(&k->seeds, k->rows, options->seed, (uint32_t)start, k->threads, &k->work,
                                    &k->moments, error));
        for (int64_t n = 0; n < k->rows->count; n++) k->assigned[n] = -1;
        for (int i = 0; i < ITERATIONS && assign(k); i++) move(k);
        double mean = mean_distance(k);
        if (!(mean < best)) continue;
        best = mean;
        memcpy(centre, k->seeds.means, bytes);
    }
    if (distance) *distance = best;
    return isfinite(best) ? ELBO_OK : elbo_fail(error, ELBO_ERROR_NUMERIC, "k-means: distances of %g", best);
}

static elbo_status make(kmeans *k, elbo_arena *arena, elbo_error *error) {
    size_t rows = (size_t)k->rows->count, dims = (size_t)k->rows->dims, clusters = (size_t)k->clusters;
    k->x = elbo_arena_calloc(arena, sizeof *k->x * rows * dims);
    k->sum = elbo_arena_calloc(arena, sizeof *k->sum * clusters * dims);
    k->distance = elbo_arena_calloc(arena, sizeof *k->distance * rows);
    k->count = elbo_arena_calloc(arena, sizeof *k->count * clusters);
    k->assigned = elbo_arena_calloc(arena, sizeof *k->assigned * rows);
    if (!k->x || !k->sum || !k->distance || !k->count || !k->assigned)
        return elbo_fail_memory(error, sizeof *k->x * rows * dims, "k-means");
    for (size_t n = 0; n < rows; n++) elbo_fit_rows_row(k->rows, (int64_t)n, k->x + n * dims);
    ELBO_TRY(elbo_mixture_new(&k->seeds, k->clusters, k->rows->dims, ELBO_COVARIANCE_SPHERICAL, false, error));
    k->seeds.variance_floor = 1e-12; /* no variance is used */
    ELBO_TRY(elbo_mixture_work_new(&k->work, &k->seeds, k->rows, error));
    return elbo_mixture_moments_new(&k->moments, &k->seeds, error);
}

elbo_status elbo_kmeans(const elbo_fit_rows *rows, const elbo_kmeans_options *options, double *centre, double *distance,
                        elbo_error *error) {
    if (options->clusters < 1 || options->clusters > rows->count || options->starts < 1)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "k-means: %lld clusters of %lld rows, %lld starts; at least 1 start "
                         "and 1 to so many clusters as rows were expected",
                         (long long)options->clusters, (long long)rows->count, (long long)options->starts);
    double work = (double)(rows->count * rows->dims * options->clusters);
    kmeans k = {.rows = rows, .clusters = options->clusters, .threads = elbo_fit_threads(options->threads, work)};
    elbo_arena arena = {0};
    elbo_status status = make(&k, &arena, error);
    if (status == ELBO_OK) status = search(&k, options, centre, distance, error);
    elbo_mixture_moments_free(&k.moments);
    elbo_mixture_work_free(&k.work);
    elbo_mixture_free(&k.seeds);
    elbo_arena_clear(&arena);
    return status;
}
