/* A fitted mixture in use: densities and responsibilities of rows, and draws. */
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "infer/fit/factor.h"
#include "infer/fit/mixture.h"

static const double log_pi = 1.1447298858494001741;

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* ---- The predictive density of a component: Student's t (Bishop 2006, 10.81) ---- */

/* Degrees of freedom, and what the covariance E[precision]^-1 is multiplied with to be its squared scale. */
static double student_degrees(const elbo_mixture *mixture, int64_t k) {
    return mixture->degrees[k] - (mixture->kind == ELBO_COVARIANCE_FULL ? (double)(mixture->dims - 1) : 0);
}

static double student_spread(const elbo_mixture *mixture, int64_t k) {
    return mixture->degrees[k] / student_degrees(mixture, k) * (1 + 1 / mixture->strengths[k]);
}

/* log of the density at distances whose squares, under the covariance, are `square`, in `size` dimensions. */
static double student(double square, double size, double degrees, double spread, double log_det) {
    return log_gamma((degrees + size) / 2) - log_gamma(degrees / 2) - 0.5 * (log_det + size * log(spread)) -
           0.5 * size * (log(degrees) + log_pi) - 0.5 * (degrees + size) * log1p(square / (spread * degrees));
}

static double log_determinant(const elbo_mixture *mixture, int64_t k) {
    int64_t dims = mixture->dims;
    double sum = 0;
    for (int64_t d = 0; d < dims; d++)
        sum -= mixture->precision ? log(mixture->precision[k * dims + d])
                                  : 2 * log(mixture->whitening[(k * dims + d) * dims + d]);
    return sum;
}

/* log weight_k + log predictive density of component k, for every row of a panel. `squares` are |A_k (x - m_k)|^2. */
static void predict(const elbo_mixture *mixture, int64_t k, const double *x, double *squares) {
    int64_t dims = mixture->dims;
    double degrees = student_degrees(mixture, k), spread = student_spread(mixture, k),
           log_weight = log(mixture->weights[k]);
    double log_det = log_determinant(mixture, k);
    if (mixture->kind != ELBO_COVARIANCE_DIAGONAL) {
        double constant = student(0, (double)dims, degrees, spread, log_det) + log_weight;
        for (int lane = 0; lane < ELBO_PANEL; lane++)
            squares[lane] = constant - 0.5 * (degrees + (double)dims) * log1p(squares[lane] / (spread * degrees));
        return;
    }
    /* Dimensions are independent given the component: a product of one-dimensional densities. */
    double constant = (double)dims * student(0, 1, degrees, spread, 0) - 0.5 * log_det + log_weight;
    for (int lane = 0; lane < ELBO_PANEL; lane++) {
        double sum = 0;
        for (int64_t d = 0; d < dims; d++) {
            double away = x[d * ELBO_PANEL + lane] - mixture->means[k * dims + d];
            sum += log1p(away * away * mixture->precision[k * dims + d] / (spread * degrees));
        }
        squares[lane] = constant - 0.5 * (degrees + 1) * sum;
    }
}

/* ---- Scores ---- */

typedef struct score {
    const elbo_mixture *mixture;
    const elbo_fit_rows *rows;
    double *log_density, *responsibilities;
} score;

static double log_sum(const double *values, int64_t count, int lane) {
    double most = -INFINITY, total = 0;
    for (int64_t k = 0; k < count; k++) most = fmax(most, values[k * ELBO_PANEL + lane]);
    if (most == -INFINITY) return most;
    for (int64_t k = 0; k < count; k++) total += exp(values[k * ELBO_PANEL + lane] - most);
    return most + log(total);
}

/* x, away: [D, ELBO_PANEL]; joint, density: [K, ELBO_PANEL] */
static void score_panel(const score *s, int64_t panel, double *x, double *away, double *joint, double *density) {
    const elbo_mixture *mixture = s->mixture;
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = mixture->dims, count = mixture->components, first = panel * ELBO_PANEL;
    elbo_fit_rows_panel(s->rows, first, x);
    for (int64_t k = 0; k < count; k++) {
        double *squares = density + k * ELBO_PANEL;
        if (mixture->precision) {
            table->distance(squares, x, mixture->means + k * dims, mixture->precision + k * dims, dims);
        } else {
            for (int64_t i = 0; i < dims * ELBO_PANEL; i++) away[i] = x[i] - mixture->means[k * dims + i / ELBO_PANEL];
            table->quadratic(squares, mixture->whitening + k * dims * dims, away, dims);
        }
        for (int lane = 0; lane < ELBO_PANEL; lane++)
            joint[k * ELBO_PANEL + lane] = mixture->offset[k] - 0.5 * squares[lane];
        if (mixture->conjugate && s->log_density) predict(mixture, k, x, squares);
    }
    for (int lane = 0; lane < elbo_fit_rows_present(s->rows, panel); lane++) {
        if (s->log_density) s->log_density[first + lane] = log_sum(mixture->conjugate ? density : joint, count, lane);
        if (!s->responsibilities) continue;
        double total = log_sum(joint, count, lane);
        for (int64_t k = 0; k < count; k++)
            s->responsibilities[(first + lane) * count + k] = exp(joint[k * ELBO_PANEL + lane] - total);
    }
}

elbo_status elbo_mixture_score(const elbo_mixture *mixture, const elbo_fit_rows *rows, int threads, double *log_density,
                               double *responsibilities, elbo_error *error) {
    score s = {mixture, rows, log_density, responsibilities};
    int64_t dims = mixture->dims, k = mixture->components, panels = elbo_fit_rows_panels(rows);
    double work = (double)(rows->count * k * dims) * (mixture->precision ? 1 : (double)dims);
    threads = elbo_fit_threads(threads, work);
    int64_t each = 2 * (dims + k) * ELBO_PANEL;
    double *scratch = elbo_calloc((size_t)(each * threads) * sizeof *scratch);
    if (!scratch) return elbo_fail_memory(error, (size_t)(each * threads) * sizeof *scratch, "scores");
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int thread = 0; thread < threads; thread++) {
        double *x = scratch + thread * each, *away = x + dims * ELBO_PANEL, *joint = away + dims * ELBO_PANEL;
        for (int64_t p = thread; p < panels; p += threads) score_panel(&s, p, x, away, joint, joint + k * ELBO_PANEL);
    }
    elbo_free(scratch);
    return ELBO_OK;
}

/* ---- Draws ---- */

/* A stream of draws for one row, by column. */
typedef struct draws {
    elbo_rng rng;
    uint32_t row, column;
} draws;

static double uniform(draws *d) { return elbo_rng_uniform(&d->rng, d->row, d->column++); }
static double normal(draws *d) {
    d->column += d->column & 1; /* a pair of uniforms of its own */
    double value = elbo_rng_normal(&d->rng, d->row, d->column);
    d->column += 2;
    return value;
}

/* Gamma(shape, 1) by Marsaglia and Tsang (2000); for shapes below 1 through shape + 1. */
static double gamma_draw(draws *source, double shape) {
    double boost = shape < 1 ? pow(uniform(source), 1 / shape) : 1;
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(source), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(uniform(source)) < 0.5 * x * x + d - d * v + d * log(v)) return boost * d * v;
    }
}

static int64_t choose(const elbo_mixture *mixture, double u) {
    int64_t last = 0;
    for (int64_t k = 0; k < mixture->components; k++) {
        if (mixture->weights[k] <= 0) continue;
        last = k;
        if (u < mixture->weights[k]) return k;
        u -= mixture->weights[k];
    }
    return last;
}

/* The factor of a normal draw that makes it one of Student's t. */
static double tail(const elbo_mixture *mixture, int64_t k, draws *source) {
    if (!mixture->conjugate) return 1;
    double degrees = student_degrees(mixture, k);
    return sqrt(student_spread(mixture, k) * degrees / (2 * gamma_draw(source, degrees / 2)));
}

/* factors: Cholesky's factors of the covariances, [K, D, D], or NULL where they are diagonal. */
static void draw(const elbo_mixture *mixture, const double *factors, draws *source, double *noise, double *out) {
    int64_t dims = mixture->dims, k = choose(mixture, uniform(source));
    double width = mixture->kind == ELBO_COVARIANCE_DIAGONAL ? 1 : tail(mixture, k, source);
    for (int64_t d = 0; d < dims; d++) noise[d] = normal(source);
    for (int64_t i = 0; i < dims; i++) {
        double sum = 0;
        if (factors)
            for (int64_t j = 0; j <= i; j++) sum += factors[(k * dims + i) * dims + j] * noise[j];
        else
            sum = noise[i] / sqrt(mixture->precision[k * dims + i]);
        if (mixture->kind == ELBO_COVARIANCE_DIAGONAL) sum *= tail(mixture, k, source);
        out[i] = mixture->means[k * dims + i] + width * sum;
    }
}

elbo_status elbo_mixture_sample(const elbo_mixture *mixture, int64_t count, uint64_t seed, double *out,
                                elbo_error *error) {
    int64_t dims = mixture->dims, square = dims * dims;
    bool full = mixture->kind == ELBO_COVARIANCE_FULL, factored = true;
    int64_t size = dims + (full ? mixture->components * square : 0);
    double *noise = elbo_calloc((size_t)size * sizeof *noise), *factors = full && noise ? noise + dims : NULL;
    if (!noise) return elbo_fail_memory(error, (size_t)size * sizeof *noise, "draws");
    for (int64_t k = 0; full && factored && k < mixture->components; k++)
        factored = elbo_factor_cholesky(factors + k * square, mixture->covariances + k * square, dims, 0);
    for (int64_t n = 0; factored && n < count; n++) {
        draws source = {{seed, ELBO_STREAM_SAMPLE, (uint32_t)(n >> 32)}, (uint32_t)n, 0};
        draw(mixture, factors, &source, noise, out + n * dims);
    }
    elbo_free(noise);
    return factored ? ELBO_OK
                    : elbo_fail(error, ELBO_ERROR_NUMERIC,
                                "fit: a covariance is not positive definite, so nothing can "
                                "be drawn");
}
