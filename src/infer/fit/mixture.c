#include "infer/fit/mixture.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "infer/fit/factor.h"

int64_t elbo_mixture_covariance_count(elbo_covariance_kind kind, int64_t components, int64_t dims) {
    return kind == ELBO_COVARIANCE_SPHERICAL ? components
                                             : components * dims * (kind == ELBO_COVARIANCE_FULL ? dims : 1);
}

/* ---- Memory ---- */

/* Allocates count doubles and remembers a failure, so that a list of these needs one check. */
static double *numbers(int64_t count, bool *failed) {
    double *made = elbo_calloc((size_t)count * sizeof *made);
    *failed = *failed || !made;
    return made;
}

elbo_status elbo_mixture_new(elbo_mixture *mixture, int64_t components, int64_t dims, elbo_covariance_kind kind,
                             bool conjugate, elbo_error *error) {
    bool failed = false, full = kind == ELBO_COVARIANCE_FULL;
    int64_t k = components, d = dims, count = elbo_mixture_covariance_count(kind, k, d);
    *mixture = (elbo_mixture){.components = k, .dims = d, .kind = kind, .conjugate = conjugate};
    mixture->weights = numbers(k, &failed);
    mixture->means = numbers(k * d, &failed);
    mixture->covariances = numbers(count, &failed);
    mixture->offset = numbers(k, &failed);
    mixture->precision = full ? NULL : numbers(k * d, &failed);
    mixture->whitening = full ? numbers(count, &failed) : NULL;
    if (conjugate) {
        mixture->concentrations = numbers(k, &failed);
        mixture->strengths = numbers(k, &failed);
        mixture->degrees = numbers(k, &failed);
        mixture->prior.scatter = numbers(d, &failed);
    }
    if (!failed) return ELBO_OK;
    elbo_mixture_free(mixture);
    return elbo_fail_memory(error, (size_t)count * sizeof(double), "the components of a mixture");
}

void elbo_mixture_free(elbo_mixture *mixture) {
    double *const owned[] = {mixture->weights,        mixture->means,        mixture->covariances, mixture->offset,
                             mixture->precision,      mixture->whitening,    mixture->strengths,   mixture->degrees,
                             mixture->concentrations, mixture->prior.scatter};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) elbo_free(owned[i]);
    *mixture = (elbo_mixture){0};
}

static int64_t second_count(const elbo_mixture *mixture) {
    return mixture->components * mixture->dims * (mixture->kind == ELBO_COVARIANCE_FULL ? mixture->dims : 1);
}

elbo_status elbo_mixture_moments_new(elbo_mixture_moments *moments, const elbo_mixture *mixture, elbo_error *error) {
    bool failed = false;
    *moments = (elbo_mixture_moments){0};
    moments->weight = numbers(mixture->components, &failed);
    moments->first = numbers(mixture->components * mixture->dims, &failed);
    moments->second = numbers(second_count(mixture), &failed);
    moments->shift = numbers(mixture->dims, &failed);
    if (!failed) return ELBO_OK;
    elbo_mixture_moments_free(moments);
    return elbo_fail_memory(error, (size_t)second_count(mixture) * sizeof(double), "the moments of a mixture");
}

void elbo_mixture_moments_free(elbo_mixture_moments *moments) {
    elbo_free(moments->weight);
    elbo_free(moments->first);
    elbo_free(moments->second);
    elbo_free(moments->shift);
    *moments = (elbo_mixture_moments){0};
}

elbo_status elbo_mixture_work_new(elbo_mixture_work *work, const elbo_mixture *mixture, const elbo_fit_rows *rows,
                                  elbo_error *error) {
    bool failed = false, full = mixture->kind == ELBO_COVARIANCE_FULL;
    int64_t block = elbo_fit_rows_block(rows), d = mixture->dims, panel = block * d * ELBO_PANEL;
    *work = (elbo_mixture_work){.block = block};
    work->x = numbers(panel, &failed);
    work->r = numbers(block * mixture->components * ELBO_PANEL, &failed);
    work->sums = numbers(3 * block, &failed);
    work->vector = numbers(3 * d, &failed);
    if (full) {
        work->away = numbers(panel, &failed);
        work->weighted = numbers(panel, &failed);
        work->matrix = numbers(3 * d * d, &failed);
    }
    if (!failed) return ELBO_OK;
    elbo_mixture_work_free(work);
    return elbo_fail_memory(error, (size_t)panel * sizeof(double), "a block of rows");
}

void elbo_mixture_work_free(elbo_mixture_work *work) {
    double *const owned[] = {work->x, work->r, work->sums, work->away, work->weighted, work->matrix, work->vector};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) elbo_free(owned[i]);
    *work = (elbo_mixture_work){0};
}

/* ---- The E-step of one panel ---- */

static void subtract(double *restrict out, const double *restrict x, const double *restrict mean, int64_t dims) {
    for (int64_t d = 0; d < dims; d++)
        for (int lane = 0; lane < ELBO_PANEL; lane++) out[d * ELBO_PANEL + lane] = x[d * ELBO_PANEL + lane] - mean[d];
}

/* log rho_k = E[log p(x, z = k | theta)] for every row of a panel: [K, ELBO_PANEL] */
static void log_joint(const elbo_mixture *mixture, const double *x, double *away, double *out) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = mixture->dims;
    for (int64_t k = 0; k < mixture->components; k++) {
        double *row = out + k * ELBO_PANEL;
        if (mixture->precision) {
            table->distance(row, x, mixture->means + k * dims, mixture->precision + k * dims, dims);
        } else {
            subtract(away, x, mixture->means + k * dims, dims);
            table->quadratic(row, mixture->whitening + k * dims * dims, away, dims);
        }
        for (int lane = 0; lane < ELBO_PANEL; lane++) row[lane] = mixture->offset[k] - 0.5 * row[lane];
    }
}

/* Responsibilities in place of log rho, zeros for rows that do not exist; adds to the sums of r log rho, of -r log r
 * and of log sum rho. */
static void normalise(double *r, int64_t components, int present, double sums[3]) {
    for (int lane = 0; lane < present; lane++) {
        double most = -INFINITY, total = 0;
        for (int64_t k = 0; k < components; k++) most = fmax(most, r[k * ELBO_PANEL + lane]);
        for (int64_t k = 0; k < components; k++) total += exp(r[k * ELBO_PANEL + lane] - most);
        double log_total = most + log(total);
        for (int64_t k = 0; k < components; k++) {
            double *at = &r[k * ELBO_PANEL + lane], log_rho = *at;
            *at = exp(log_rho - log_total);
            if (*at == 0) continue; /* 0 log 0 = 0 */
            sums[0] += *at * log_rho;
            sums[1] -= *at * log(*at);
        }
        sums[2] += log_total;
    }
    for (int lane = present; lane < ELBO_PANEL; lane++)
        for (int64_t k = 0; k < components; k++) r[k * ELBO_PANEL + lane] = 0;
}

static void assign(double *r, int64_t components, int present, const int32_t *assigned) {
    memset(r, 0, (size_t)(components * ELBO_PANEL) * sizeof *r);
    for (int lane = 0; lane < present; lane++) r[assigned[lane] * ELBO_PANEL + lane] = 1;
}

/* ---- The moments of one block ---- */

enum { STRIP = 32 }; /* dimensions, or rows of a covariance, that one thread sums at a time */

static void diagonal_moments(const elbo_mixture *mixture, const elbo_mixture_work *work, int64_t panels, int threads,
                             elbo_mixture_moments *moments) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = mixture->dims, strips = (dims + STRIP - 1) / STRIP, items = mixture->components * strips;
    elbo_panels x = {work->x, panels, dims};
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t item = 0; item < items; item++) {
        int64_t k = item / strips, first = item % strips * STRIP, end = first + STRIP < dims ? first + STRIP : dims;
        table->moments(moments->first + k * dims, moments->second + k * dims, &x, mixture->means + k * dims,
                       work->r + k * ELBO_PANEL, mixture->components * ELBO_PANEL, first, end);
    }
}

static void weigh(double *restrict weighted, const double *restrict away, const double *restrict r, int64_t dims) {
    for (int64_t d = 0; d < dims; d++)
        for (int lane = 0; lane < ELBO_PANEL; lane++)
            weighted[d * ELBO_PANEL + lane] = r[lane] * away[d * ELBO_PANEL + lane];
}

static void add_lanes(double *first, const elbo_panels *u, int64_t begin, int64_t end) {
    for (int64_t p = 0; p < u->count; p++)
        for (int64_t d = begin; d < end; d++) {
            const double *at = u->data + (p * u->dims + d) * ELBO_PANEL;
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int lane = 0; lane < ELBO_PANEL; lane++) sum += at[lane];
            first[d] += sum;
        }
}

static void full_moments(const elbo_mixture *mixture, const elbo_mixture_work *work, int64_t panels, int threads,
                         elbo_mixture_moments *moments) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = mixture->dims, size = dims * ELBO_PANEL, strips = (dims + STRIP - 1) / STRIP;
    elbo_panels u = {work->weighted, panels, dims}, v = {work->away, panels, dims};
#pragma omp parallel num_threads(threads) if (threads > 1)
    for (int64_t k = 0; k < mixture->components; k++) {
#pragma omp for schedule(static)
        for (int64_t p = 0; p < panels; p++) {
            subtract(work->away + p * size, work->x + p * size, mixture->means + k * dims, dims);
            weigh(work->weighted + p * size, work->away + p * size,
                  work->r + (p * mixture->components + k) * ELBO_PANEL, dims);
        }
#pragma omp for schedule(dynamic)
        for (int64_t strip = strips - 1; strip >= 0; strip--) {
            int64_t first = strip * STRIP, end = first + STRIP < dims ? first + STRIP : dims;
            table->gather(moments->second + k * dims * dims, dims, &u, first, end, &v, 0, dims, true);
            add_lanes(moments->first + k * dims, &u, first, end);
        }
    }
}

static void mirror(double *matrix, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) matrix[i * n + j] = matrix[j * n + i];
}

/* ---- The pass ---- */

static void clear(const elbo_mixture *mixture, elbo_mixture_moments *moments) {
    memset(moments->weight, 0, (size_t)mixture->components * sizeof(double));
    memset(moments->first, 0, (size_t)(mixture->components * mixture->dims) * sizeof(double));
    memset(moments->second, 0, (size_t)second_count(mixture) * sizeof(double));
    moments->expected = moments->entropy = moments->log_likelihood = 0;
}

/* Sums over panels in their order, whichever thread made them. */
static void add_block(const elbo_mixture *mixture, const elbo_mixture_work *work, int64_t panels,
                      elbo_mixture_moments *moments) {
    for (int64_t p = 0; p < panels; p++) {
        moments->expected += work->sums[3 * p];
        moments->entropy += work->sums[3 * p + 1];
        moments->log_likelihood += work->sums[3 * p + 2];
        for (int64_t k = 0; k < mixture->components; k++)
            for (int lane = 0; lane < ELBO_PANEL; lane++)
                moments->weight[k] += work->r[(p * mixture->components + k) * ELBO_PANEL + lane];
    }
}

void elbo_mixture_pass(const elbo_mixture *mixture, const elbo_fit_rows *rows, const int32_t *assigned, int threads,
                       elbo_mixture_work *work, elbo_mixture_moments *moments) {
    int64_t all = elbo_fit_rows_panels(rows), dims = mixture->dims, k = mixture->components;
    bool full = mixture->kind == ELBO_COVARIANCE_FULL;
    threads = elbo_fit_threads(threads, (double)(work->block * ELBO_PANEL * k * dims) * (full ? (double)dims : 1));
    clear(mixture, moments);
    for (int64_t start = 0; start < all; start += work->block) {
        int64_t panels = start + work->block < all ? work->block : all - start;
        memset(work->sums, 0, (size_t)(3 * panels) * sizeof *work->sums);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
        for (int64_t p = 0; p < panels; p++) {
            double *x = work->x + p * dims * ELBO_PANEL, *r = work->r + p * k * ELBO_PANEL;
            int present = elbo_fit_rows_present(rows, start + p);
            elbo_fit_rows_panel(rows, (start + p) * ELBO_PANEL, x);
            if (assigned) {
                assign(r, k, present, assigned + (start + p) * ELBO_PANEL);
            } else {
                log_joint(mixture, x, full ? work->away + p * dims * ELBO_PANEL : NULL, r);
                normalise(r, k, present, work->sums + 3 * p);
            }
        }
        if (full)
            full_moments(mixture, work, panels, threads, moments);
        else
            diagonal_moments(mixture, work, panels, threads, moments);
        add_block(mixture, work, panels, moments);
    }
    for (int64_t c = 0; full && c < k; c++) mirror(moments->second + c * dims * dims, dims);
}

/* With s the shift: sum of r (y - s)(y - s)' = second - first s' - s first' + weight s s'. */
void elbo_mixture_recentre(const elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t k, const double *shift) {
    int64_t dims = mixture->dims;
    double *first = moments->first + k * dims, weight = moments->weight[k];
    if (mixture->kind == ELBO_COVARIANCE_FULL) {
        double *second = moments->second + k * dims * dims;
        for (int64_t i = 0; i < dims; i++)
            for (int64_t j = 0; j < dims; j++)
                second[i * dims + j] -= first[i] * shift[j] + shift[i] * first[j] - weight * shift[i] * shift[j];
    } else {
        double *second = moments->second + k * dims;
        for (int64_t d = 0; d < dims; d++)
            second[d] = fmax(0, second[d] - shift[d] * (2 * first[d] - weight * shift[d]));
    }
    for (int64_t d = 0; d < dims; d++) first[d] -= weight * shift[d];
}

/* ---- What both M-steps share ---- */

elbo_status elbo_mixture_factor(elbo_mixture *mixture, int64_t k, double *work, double *log_det, elbo_error *error) {
    int64_t dims = mixture->dims;
    *log_det = 0;
    if (mixture->kind != ELBO_COVARIANCE_FULL) {
        for (int64_t d = 0; d < dims; d++) {
            bool one = mixture->kind == ELBO_COVARIANCE_SPHERICAL;
            double variance = mixture->covariances[one ? k : k * dims + d];
            if (!(variance > 0 && isfinite(variance)))
                return elbo_fail(error, ELBO_ERROR_NUMERIC, "fit: a variance of component %lld is %g; it must be > 0",
                                 (long long)k, variance);
            mixture->precision[k * dims + d] = 1 / variance;
            *log_det += log(variance);
        }
        return ELBO_OK;
    }
    if (!elbo_factor_cholesky(work, mixture->covariances + k * dims * dims, dims, 0))
        return elbo_fail(error, ELBO_ERROR_NUMERIC,
                         "fit: the covariance of component %lld is not positive definite to "
                         "working precision; a larger --variance-floor (or --prior-scale) helps",
                         (long long)k);
    *log_det = elbo_factor_log_det(work, dims);
    elbo_factor_invert(mixture->whitening + k * dims * dims, work, dims);
    return ELBO_OK;
}

elbo_status elbo_mixture_prepare(elbo_mixture *mixture, elbo_error *error) {
    int64_t dims = mixture->dims, count = mixture->kind == ELBO_COVARIANCE_FULL ? dims * dims : 1;
    double *work = elbo_calloc((size_t)count * sizeof *work), log_det = 0;
    if (!work) return elbo_fail_memory(error, (size_t)count * sizeof *work, "a covariance");
    elbo_status status = ELBO_OK;
    for (int64_t k = 0; k < mixture->components && status == ELBO_OK; k++) {
        status = elbo_mixture_factor(mixture, k, work, &log_det, error);
        if (mixture->conjugate)
            elbo_mixture_offset_posterior(mixture, k, log_det);
        else
            elbo_mixture_offset_point(mixture, k, log_det);
    }
    elbo_free(work);
    return status;
}

double elbo_mixture_expected(const elbo_mixture *mixture, const elbo_mixture_moments *moments, double *work) {
    int64_t dims = mixture->dims;
    double sum = 0;
    for (int64_t k = 0; k < mixture->components; k++) {
        if (moments->weight[k] == 0) continue;
        double quadratic = 0;
        if (mixture->kind == ELBO_COVARIANCE_FULL) {
            const double *a = mixture->whitening + k * dims * dims;
            quadratic = elbo_factor_trace(a, moments->second + k * dims * dims, dims, work);
        } else {
            for (int64_t d = 0; d < dims; d++)
                quadratic += mixture->precision[k * dims + d] * moments->second[k * dims + d];
        }
        sum += moments->weight[k] * mixture->offset[k] - 0.5 * quadratic;
    }
    return sum;
}

elbo_status elbo_mixture_update(elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t rows,
                                elbo_mixture_work *work, elbo_error *error) {
    return mixture->conjugate ? elbo_mixture_update_posterior(mixture, moments, work, error)
                              : elbo_mixture_update_point(mixture, moments, rows, work, error);
}
