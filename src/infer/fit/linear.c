#include "infer/fit/linear.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "infer/fit/covariance.h"
#include "infer/fit/factor.h"

static const double log_two_pi = 1.8378770664093454836;

/* ---- Memory ---- */

elbo_status elbo_linear_new(elbo_linear *linear, int64_t dims, int64_t latent, bool isotropic, elbo_error *error) {
    size_t wide = (size_t)(dims * latent), count = 2 * wide + (size_t)dims + (size_t)(latent * latent);
    double *all = elbo_calloc(count * sizeof *all);
    if (!all) return elbo_fail_memory(error, count * sizeof *all, "a linear model");
    *linear = (elbo_linear){.dims = dims, .latent = latent, .isotropic = isotropic};
    linear->loadings = all;
    linear->scaled = all + wide;
    linear->noise = all + 2 * wide;
    linear->posterior = linear->noise + dims;
    return ELBO_OK;
}

void elbo_linear_free(elbo_linear *linear) {
    elbo_free(linear->loadings);
    *linear = (elbo_linear){0};
}

/* ---- Small products ---- */

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* out = a b for a: [n, n], b: [n, m] */
static void product(double *restrict out, const double *restrict a, const double *restrict b, int64_t n, int64_t m) {
    memset(out, 0, (size_t)(n * m) * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double factor = a[i * n + k];
            for (int64_t j = 0; j < m; j++) out[i * m + j] += factor * b[k * m + j];
        }
}

/* out = a b' for a, b: [n, m]; symmetric where the caller knows it is, to the last bit. */
static void outer(double *out, const double *a, const double *b, int64_t n, int64_t m) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) out[i * n + j] = out[j * n + i] = dot(a + i * m, b + j * m, m);
}

/* The inverse of a symmetric positive definite matrix and log of its determinant; false where it is none.
 * work: [2 n, n] */
static bool invert(double *out, const double *a, int64_t n, double *log_det, double *work) {
    double *inverse = work + n * n;
    if (!elbo_factor_cholesky(work, a, n, 0)) return false;
    *log_det = elbo_factor_log_det(work, n);
    elbo_factor_invert(inverse, work, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = i; k < n; k++) sum += inverse[k * n + i] * inverse[k * n + j];
            out[i * n + j] = out[j * n + i] = sum;
        }
    return true;
}

/* ---- EM ---- */

typedef struct em {
    elbo_linear *linear;
    const double *variance; /* [D]: diagonal of S */
    double *seen;           /* [Z, D]: V' S with V = W / noise */
    double *cross;          /* [Z, D]: mean of E[z] x' */
    double *spare;          /* [Z, D] */
    double *second;         /* [Z, Z]: mean of E[z z'] */
    double *inner;          /* [Z, Z]: I + W' W / noise, then V' S V */
    double *inverse;        /* [Z, Z] */
    double *work;           /* [2 Z, Z] */
    double log_det_inner;   /* log |I + W' W / noise| */
} em;

static elbo_status singular(elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_NUMERIC,
                     "fit: the posterior covariance of z is singular to working precision: "
                     "noise is too small beside the loadings; a larger --variance-floor helps");
}

/* scaled, posterior and log_det from loadings and noise. inner: [Z, Z], work: [2 Z, Z] */
static bool prepare(elbo_linear *linear, double *inner, double *log_det_inner, double *work) {
    int64_t dims = linear->dims, latent = linear->latent;
    for (int64_t z = 0; z < latent; z++)
        for (int64_t d = 0; d < dims; d++)
            linear->scaled[z * dims + d] = linear->loadings[z * dims + d] / linear->noise[d];
    outer(inner, linear->loadings, linear->scaled, latent, dims);
    for (int64_t z = 0; z < latent; z++) inner[z * latent + z] += 1;
    if (!invert(linear->posterior, inner, latent, log_det_inner, work)) return false;
    linear->log_det = *log_det_inner;
    for (int64_t d = 0; d < dims; d++) linear->log_det += log(linear->noise[d]);
    return true;
}

/* Per datum: E log p(x|z) + E log p(z) + entropy of q(z|x). `spare` becomes E[z z'] W', and residual[d] (unless NULL)
 * the mean of E (x_d - w_d z)^2. */
static double bound(em *e, double *residual) {
    const elbo_linear *linear = e->linear;
    int64_t dims = linear->dims, latent = linear->latent;
    double sum = (double)dims * log_two_pi + e->log_det_inner - (double)latent;
    product(e->spare, e->second, linear->loadings, latent, dims);
    for (int64_t z = 0; z < latent; z++) sum += e->second[z * latent + z];
    for (int64_t d = 0; d < dims; d++) {
        double left = e->variance[d];
        for (int64_t z = 0; z < latent; z++)
            left += linear->loadings[z * dims + d] * (e->spare[z * dims + d] - 2 * e->cross[z * dims + d]);
        sum += log(linear->noise[d]) + left / linear->noise[d];
        if (residual) residual[d] = left;
    }
    return -0.5 * sum;
}

/* q(z|x) for the parameters at hand, as far as the M-step needs it, and the exact log-likelihood by Woodbury's
 * identity: trace(C^-1 S) = sum of S_dd / noise_d - trace(G V' S V). */
static elbo_status e_step(em *e, const elbo_covariance *covariance, double *log_likelihood, elbo_error *error) {
    elbo_linear *linear = e->linear;
    int64_t dims = linear->dims, latent = linear->latent;
    if (!prepare(linear, e->inner, &e->log_det_inner, e->work)) return singular(error);
    elbo_covariance_apply(covariance, linear->scaled, e->seen);
    outer(e->inner, e->seen, linear->scaled, latent, dims);
    product(e->cross, linear->posterior, e->seen, latent, dims);
    product(e->work, linear->posterior, e->inner, latent, latent);
    product(e->second, e->work, linear->posterior, latent, latent);
    double trace = 0;
    for (int64_t z = 0; z < latent; z++) trace -= e->work[z * latent + z];
    for (int64_t i = 0; i < latent * latent; i++) e->second[i] += linear->posterior[i];
    for (int64_t d = 0; d < dims; d++) trace += e->variance[d] / linear->noise[d];
    *log_likelihood = -0.5 * ((double)dims * log_two_pi + linear->log_det + trace);
    return ELBO_OK;
}

/* W = E[x z'] E[z z']^-1, whatever the noise; then the noise, not below the floor. Returns the bound. */
static elbo_status m_step(em *e, double least, double *after, elbo_error *error) {
    elbo_linear *linear = e->linear;
    int64_t dims = linear->dims;
    double unused, sum = 0; /* log_det_inner stays: q(z|x) is still that of the E-step */
    if (!invert(e->inverse, e->second, linear->latent, &unused, e->work)) return singular(error);
    product(linear->loadings, e->inverse, e->cross, linear->latent, dims);
    (void)bound(e, linear->scaled); /* its first row lends itself for the residuals */
    for (int64_t d = 0; d < dims; d++) {
        linear->noise[d] = fmax(linear->scaled[d], least);
        sum += linear->scaled[d];
    }
    for (int64_t d = 0; linear->isotropic && d < dims; d++) linear->noise[d] = fmax(sum / (double)dims, least);
    *after = bound(e, NULL);
    return ELBO_OK;
}

static void start(elbo_linear *linear, const double *variance, const elbo_fit_options *options, int64_t restart) {
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_INIT, (uint32_t)restart};
    int64_t dims = linear->dims;
    double mean = 0;
    for (int64_t d = 0; d < dims; d++) mean += variance[d] / (double)dims;
    for (int64_t d = 0; d < dims; d++)
        linear->noise[d] = fmax(0.5 * (linear->isotropic ? mean : variance[d]), options->variance_floor);
    for (int64_t z = 0; z < linear->latent; z++)
        for (int64_t d = 0; d < dims; d++)
            linear->loadings[z * dims + d] =
                sqrt(0.5 * variance[d] / (double)linear->latent) * elbo_rng_normal(&rng, (uint32_t)z, (uint32_t)d);
}

static elbo_status iterate(em *e, const elbo_covariance *covariance, const elbo_fit_options *options,
                           elbo_fit_trace *trace, elbo_error *error) {
    double log_likelihood = 0, after_m = 0;
    for (bool done = false; !done;) {
        ELBO_TRY(e_step(e, covariance, &log_likelihood, error));
        double after_e = bound(e, NULL);
        ELBO_TRY(m_step(e, options->variance_floor, &after_m, error));
        ELBO_TRY(elbo_fit_trace_add(trace, after_e, after_m, log_likelihood, &done, error));
    }
    return e_step(e, covariance, &log_likelihood, error);
}

/* W is known up to a rotation of z: the one that makes W' W / noise diagonal is chosen. */
static elbo_status turn(em *e, elbo_error *error) {
    elbo_linear *linear = e->linear;
    int64_t dims = linear->dims, latent = linear->latent;
    double *vectors = e->inverse, *values = e->work;
    outer(e->inner, linear->loadings, linear->scaled, latent, dims);
    if (!elbo_factor_eigen(e->inner, latent, values, vectors, values + latent)) return singular(error);
    product(e->spare, vectors, linear->loadings, latent, dims);
    for (int64_t z = 0; z < latent; z++) {
        const double *axis = e->spare + (latent - 1 - z) * dims;
        double most = 0;
        for (int64_t d = 0; d < dims; d++)
            if (fabs(axis[d]) > fabs(most)) most = axis[d];
        for (int64_t d = 0; d < dims; d++) linear->loadings[z * dims + d] = most < 0 ? -axis[d] : axis[d];
    }
    return prepare(linear, e->inner, &e->log_det_inner, e->work) ? ELBO_OK : singular(error);
}

static elbo_status em_new(em *e, elbo_linear *linear, const double *variance, elbo_error *error) {
    size_t wide = (size_t)(linear->dims * linear->latent), square = (size_t)(linear->latent * linear->latent);
    size_t count = 4 * wide + 5 * square + (size_t)linear->dims;
    double *all = elbo_calloc(count * sizeof *all);
    if (!all) return elbo_fail_memory(error, count * sizeof *all, "a linear model's statistics");
    *e = (em){.linear = linear, .variance = variance, .seen = all};
    e->cross = all + wide;
    e->spare = e->cross + wide;
    e->second = e->spare + 2 * wide + linear->dims; /* between them: the best loadings and noise so far */
    e->inner = e->second + square;
    e->inverse = e->inner + square;
    e->work = e->inverse + square;
    return ELBO_OK;
}

elbo_status elbo_linear_fit(elbo_linear *linear, const elbo_fit_rows *rows, const double *variance,
                            const elbo_fit_options *options, int threads, elbo_fit_trace *trace, elbo_error *error) {
    size_t wide = (size_t)(linear->dims * linear->latent), dims = (size_t)linear->dims;
    elbo_covariance covariance;
    em e = {0};
    ELBO_TRY(em_new(&e, linear, variance, error));
    double *best = e.spare + wide;
    elbo_status status = elbo_covariance_new(&covariance, rows, linear->latent, options->iterations, threads, error);
    for (int64_t restart = 0; status == ELBO_OK && restart < options->restarts; restart++) {
        elbo_fit_trace_restart(trace, restart);
        start(linear, variance, options, restart);
        status = iterate(&e, &covariance, options, trace, error);
        if (status != ELBO_OK || !elbo_fit_trace_keep(trace, bound(&e, NULL))) continue;
        memcpy(best, linear->loadings, wide * sizeof *best);
        memcpy(best + wide, linear->noise, dims * sizeof *best);
    }
    if (status == ELBO_OK) {
        memcpy(linear->loadings, best, wide * sizeof *best);
        memcpy(linear->noise, best + wide, dims * sizeof *best);
        status = prepare(linear, e.inner, &e.log_det_inner, e.work) ? turn(&e, error) : singular(error);
    }
    elbo_covariance_free(&covariance);
    elbo_free(e.seen);
    return status;
}

elbo_status elbo_linear_prepare(elbo_linear *linear, elbo_error *error) {
    size_t bytes = 3 * (size_t)(linear->latent * linear->latent) * sizeof(double);
    double *work = elbo_calloc(bytes), unused;
    if (!work) return elbo_fail_memory(error, bytes, "a linear model");
    bool good = prepare(linear, work, &unused, work + linear->latent * linear->latent);
    elbo_free(work);
    return good ? ELBO_OK : singular(error);
}
