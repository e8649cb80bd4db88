/* Mean-field variational Bayes for mixtures of Gaussians: its bound against quadrature and exact evidence, its
 * predictive density against ratios of evidence, its divergence against Monte Carlo, and EM as its limit. */
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <gsl/gsl_sf_gamma.h>

#include "fit_support.h"

static const char *const kinds[] = {"diagonal", "full", "spherical"};

static elbo_array blobs(int64_t rows, int64_t dims, double apart, uint64_t seed) {
    elbo_array x = fit_rows(rows, dims);
    elbo_rng rng = {seed, ELBO_STREAM_SAMPLE, 0};
    for (int64_t n = 0; n < rows; n++)
        for (int64_t d = 0; d < dims; d++)
            ((double *)x.data)[n * dims + d] = 5 + apart * (double)(n % 3 * (d + 1) % 3) +
                                               elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)d) * (1 + 0.3 * (double)d);
    return x;
}

/* Responsibilities at the fit's q(theta), f64 [N, K]: the best q(Z), as info.elbo has it. */
static double *responsibilities(const elbo_fit *fit, const elbo_array *x) {
    elbo_error error = {0};
    elbo_fit_rows rows;
    double *r = elbo_calloc((size_t)(x->shape[0] * fit->mixture.components) * sizeof *r);
    assert_non_null(r);
    assert_int_equal(elbo_fit_rows_of(x, &rows, &error), ELBO_OK);
    rows.centre = fit->centre;
    assert_int_equal(elbo_mixture_score(&fit->mixture, &rows, 1, NULL, r, &error), ELBO_OK);
    return r;
}

static void test_monotone(void **state) {
    (void)state;
    elbo_array x = blobs(400, 3, 3, 31);
    for (int kind = 0; kind < 3; kind++)
        for (int components = 1; components <= 8; components += 7) {
            char text[16];
            snprintf(text, sizeof text, "%d", components);
            elbo_fit *fit = FIT("bgmm", &x, 1, "components", text, "covariance", kinds[kind], "tolerance", "0",
                                "iterations", "60", "restarts", "2");
            fit_check_curve(fit, false);
            assert_true(isfinite(fit->info.log_likelihood));
            elbo_fit_free(fit);
        }
    elbo_array_free(&x);
}

/* ---- The bound of a tiny problem in one dimension, from densities alone ---- */

/* One dimension: q and prior of a component are Gauss-Gamma. */
typedef struct gauss_gamma {
    double mean, strength, shape, rate;
} gauss_gamma;

static double log_gauss_gamma(const gauss_gamma *g, double mean, double precision) {
    double deviation = 1 / sqrt(g->strength * precision);
    return log(gsl_ran_gaussian_pdf(mean - g->mean, deviation)) + g->shape * log(g->rate) - gsl_sf_lngamma(g->shape) +
           (g->shape - 1) * log(precision) - g->rate * precision;
}

/* E_q of sum of r_n log N(x_n; mean, 1/precision) + log p - log q by the trapezoid rule over log precision and the
 * standardised mean, whose integrand is smooth and dies out: the rule's error falls faster than any power of the step.
 */
static double component_term(const gauss_gamma *q, const gauss_gamma *prior, const double *x, const double *r, int rows,
                             int stride) {
    enum { STEPS = 400 };
    double centre = log(q->shape / q->rate), width = 12 / sqrt(q->shape), sum = 0;
    for (int i = 0; i <= STEPS; i++) {
        double u = centre + width * (2.0 * i / STEPS - 1.3), precision = exp(u);
        for (int j = 0; j <= STEPS; j++) {
            double t = 9 * (2.0 * j / STEPS - 1), mean = q->mean + t / sqrt(q->strength * precision), value;
            double log_q = log_gauss_gamma(q, mean, precision);
            /* q d(mean) d(precision) in (u, t) */
            double mass = exp(log_q + u - 0.5 * log(q->strength * precision)) * (2 * width / STEPS) * (18.0 / STEPS);
            if (mass < 1e-30) continue;
            value = log_gauss_gamma(prior, mean, precision) - log_q;
            for (int n = 0; n < rows; n++)
                value += r[n * stride] * 0.5 * (u - log(2 * M_PI) - precision * (x[n] - mean) * (x[n] - mean));
            sum += mass * value;
        }
    }
    return sum;
}

/* E_q of n0 log w + n1 log(1-w) + log p - log q for Beta densities of w, over its logit. */
static double weight_term(const double q[2], double prior, const double count[2]) {
    enum { STEPS = 20000 };
    double sum = 0;
    for (int i = 0; i <= STEPS; i++) {
        double logit = 400.0 * i / STEPS - 200, w = 1 / (1 + exp(-logit)), v = 1 / (1 + exp(logit));
        double log_w = logit < 0 ? logit - log1p(exp(logit)) : -log1p(exp(-logit)), log_v = log_w - logit;
        double log_q = (q[0] - 1) * log_w + (q[1] - 1) * log_v - gsl_sf_lnbeta(q[0], q[1]);
        double log_p = (prior - 1) * (log_w + log_v) - gsl_sf_lnbeta(prior, prior);
        double mass = exp(log_q) * w * v * 400.0 / STEPS;
        if (mass > 0) sum += mass * (count[0] * log_w + count[1] * log_v + log_p - log_q);
    }
    return sum;
}

enum { TINY = 7 };
static const double tiny[TINY] = {-1.2, -0.7, -1.0, 0.4, 2.1, 2.9, 2.4};

static elbo_array tiny_rows(void) {
    elbo_array x = fit_rows(TINY, 1);
    memcpy(x.data, tiny, sizeof tiny);
    return x;
}

/* Mean and biased variance of the rows, from which the prior is made as elbo.h says. */
static gauss_gamma tiny_prior(double strength, double degrees, double *mean) {
    double variance = 0;
    *mean = 0;
    for (int n = 0; n < TINY; n++) *mean += tiny[n] / TINY;
    for (int n = 0; n < TINY; n++) variance += (tiny[n] - *mean) * (tiny[n] - *mean) / TINY;
    return (gauss_gamma){*mean, strength, degrees / 2, degrees * variance / 2};
}

static elbo_fit *tiny_fit(const elbo_array *x, const char *kind, const char *components) {
    return FIT("bgmm", x, 1, "components", components, "covariance", kind, "prior-concentration", "0.8",
               "prior-strength", "0.5", "prior-degrees", "3", "iterations", "25", "tolerance", "0");
}

static void test_bound_by_quadrature(void **state) {
    (void)state;
    elbo_array x = tiny_rows();
    double mean;
    gauss_gamma prior = tiny_prior(0.5, 3, &mean);
    for (int kind = 0; kind < 3; kind++) {
        elbo_fit *fit = tiny_fit(&x, kinds[kind], "2");
        double *r = responsibilities(fit, &x), count[2] = {0}, sum = 0;
        for (int n = 0; n < TINY; n++)
            for (int k = 0; k < 2; k++) {
                count[k] += r[2 * n + k];
                if (r[2 * n + k] > 0) sum -= r[2 * n + k] * log(r[2 * n + k]);
            }
        sum += weight_term(fit_tensor(fit, "concentrations"), 0.8, count);
        for (int k = 0; k < 2; k++) {
            double degrees = fit_tensor(fit, "degrees")[k];
            gauss_gamma q = {fit_tensor(fit, "means")[k], fit_tensor(fit, "mean_strengths")[k], degrees / 2,
                             degrees * fit_tensor(fit, "covariances")[k] / 2};
            sum += component_term(&q, &prior, tiny, r + k, TINY, 2);
        }
        near(fit->info.elbo, sum / TINY, 1e-8);
        elbo_free(r);
        elbo_fit_free(fit);
    }
    elbo_array_free(&x);
}

/* log p(rows in `set`) under one component with parameters integrated out. */
static double log_evidence_component(const gauss_gamma *prior, unsigned set) {
    double count = 0, sum = 0, square = 0;
    for (int n = 0; n < TINY; n++)
        if (set >> n & 1) count++, sum += tiny[n];
    double mean = count > 0 ? sum / count : 0;
    for (int n = 0; n < TINY; n++)
        if (set >> n & 1) square += (tiny[n] - mean) * (tiny[n] - mean);
    double strength = prior->strength + count, shape = prior->shape + count / 2;
    double rate = prior->rate + square / 2 +
                  prior->strength * count * (mean - prior->mean) * (mean - prior->mean) / (2 * strength);
    return gsl_sf_lngamma(shape) - gsl_sf_lngamma(prior->shape) + prior->shape * log(prior->rate) - shape * log(rate) +
           0.5 * log(prior->strength / strength) - 0.5 * count * log(2 * M_PI);
}

/* The evidence by summing over all 2^7 assignments.  With two components the bound is below it; with one, q(theta) is
 * the exact posterior and the two are equal. */
static void test_bound_below_evidence(void **state) {
    (void)state;
    elbo_array x = tiny_rows();
    double mean, evidence = 0, one = 0;
    gauss_gamma prior = tiny_prior(0.5, 3, &mean);
    for (unsigned set = 0; set < 1u << TINY; set++) {
        double first = 0;
        for (int n = 0; n < TINY; n++) first += set >> n & 1;
        double assignment = gsl_sf_lnbeta(0.8 + first, 0.8 + TINY - first) - gsl_sf_lnbeta(0.8, 0.8);
        evidence += exp(assignment + log_evidence_component(&prior, set) +
                        log_evidence_component(&prior, ~set & ((1u << TINY) - 1)));
    }
    one = log_evidence_component(&prior, (1u << TINY) - 1);
    for (int kind = 0; kind < 3; kind++) {
        elbo_fit *two_fit = tiny_fit(&x, kinds[kind], "2"), *one_fit = tiny_fit(&x, kinds[kind], "1");
        assert_true(two_fit->info.elbo * TINY < log(evidence));
        /* There are two equal modes, of which q covers one: at most log 2 and the mean field's own loss, which on this
         * problem is below 1.5 nats. */
        assert_true(two_fit->info.elbo * TINY > log(evidence) - log(2) - 1.5);
        near(one_fit->info.elbo * TINY, one, 1e-10);
        elbo_fit_free(two_fit);
        elbo_fit_free(one_fit);
    }
    elbo_array_free(&x);
}

/* ---- More dimensions ---- */

/* log of Gamma_D's multivariate function without its constant. */
static double log_gamma_wide(double degrees, int dims) {
    double sum = 0;
    for (int d = 0; d < dims; d++) sum += gsl_sf_lngamma((degrees - d) / 2);
    return sum;
}

enum { WIDE = 3, MANY = 30 };

/* log p(first `rows` rows and, unless NULL, one more) of a Gaussian with a Gauss-Wishart prior whose mean is `origin`
 * and inverse scale diag(scatter): the ratio of normalisers (Murphy 2007, Conjugate Bayesian analysis of the Gaussian
 * distribution, equation 266). */
static double log_evidence_wide(const double *x, int rows, const double *extra, const double *origin,
                                const double *scatter, double strength, double degrees) {
    int count = rows + (extra != NULL);
    double mean[WIDE] = {0}, log_own = 0, log_det = 0;
    gsl_matrix *s = gsl_matrix_calloc(WIDE, WIDE);
    for (int n = 0; n < count; n++)
        for (int d = 0; d < WIDE; d++) mean[d] += (n < rows ? x[n * WIDE + d] : extra[d]) / count;
    for (size_t i = 0; i < WIDE; i++)
        for (size_t j = 0; j < WIDE; j++) {
            double sum = (i == j ? scatter[i] : 0) +
                         strength * count / (strength + count) * (mean[i] - origin[i]) * (mean[j] - origin[j]);
            for (int n = 0; n < count; n++) {
                const double *row = n < rows ? x + n * WIDE : extra;
                sum += (row[i] - mean[i]) * (row[j] - mean[j]);
            }
            gsl_matrix_set(s, i, j, sum);
        }
    gsl_linalg_cholesky_decomp1(s);
    for (size_t d = 0; d < WIDE; d++) {
        log_det += 2 * log(gsl_matrix_get(s, d, d));
        log_own += log(scatter[d]);
    }
    gsl_matrix_free(s);
    return -0.5 * count * WIDE * log(M_PI) + log_gamma_wide(degrees + count, WIDE) - log_gamma_wide(degrees, WIDE) +
           0.5 * degrees * log_own - 0.5 * (degrees + count) * log_det +
           0.5 * WIDE * log(strength / (strength + count));
}

/* One component in three dimensions: the bound is the evidence, and the predictive density of a row is the evidence
 * with it over the evidence without. */
static void test_evidence_wide(void **state) {
    (void)state;
    elbo_array x = blobs(MANY, WIDE, 2, 32), score = {0};
    elbo_error error = {0};
    const double *data = x.data;
    elbo_fit *fit = FIT("bgmm", &x, 1, "components", "1", "covariance", "full", "prior-degrees", "4.5",
                        "prior-strength", "2", "prior-scale", "0.7");
    double mean[WIDE] = {0}, scatter[WIDE] = {0};
    for (int n = 0; n < MANY; n++)
        for (int d = 0; d < WIDE; d++) mean[d] += data[n * WIDE + d] / MANY;
    for (int n = 0; n < MANY; n++)
        for (int d = 0; d < WIDE; d++) scatter[d] += 4.5 * 0.7 * pow(data[n * WIDE + d] - mean[d], 2) / MANY;
    double evidence = log_evidence_wide(data, MANY, NULL, mean, scatter, 2, 4.5);
    near(fit->info.elbo * MANY, evidence, 1e-9);
    assert_int_equal(elbo_fit_score(fit, &x, &score, &error), ELBO_OK);
    for (int n = 0; n < MANY; n++)
        near(((const double *)score.data)[n],
             log_evidence_wide(data, MANY, data + n * WIDE, mean, scatter, 2, 4.5) - evidence, 1e-9);
    elbo_array_free(&score);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* log det of a symmetric matrix. */
static double log_det(const gsl_matrix *matrix) {
    gsl_matrix *copy = gsl_matrix_alloc(WIDE, WIDE);
    double sum = 0;
    gsl_matrix_memcpy(copy, matrix);
    gsl_linalg_cholesky_decomp1(copy);
    for (size_t d = 0; d < WIDE; d++) sum += 2 * log(gsl_matrix_get(copy, d, d));
    gsl_matrix_free(copy);
    return sum;
}

/* log of the Wishart density with inverse scale `inverse`: [3, 3], but for a power of pi that all of them share. */
static double log_wishart(const gsl_matrix *x, double degrees, double *inverse) {
    gsl_matrix_view view = gsl_matrix_view_array(inverse, WIDE, WIDE);
    double trace = 0;
    for (size_t i = 0; i < 9; i++) trace += inverse[i] * gsl_matrix_get(x, i / 3, i % 3);
    return 0.5 * (degrees - WIDE - 1) * log_det(x) - 0.5 * trace + 0.5 * degrees * log_det(&view.matrix) -
           0.5 * degrees * WIDE * log(2) - log_gamma_wide(degrees, WIDE);
}

/* KL(q(theta) || p(theta)) of a full mixture by 20 000 draws of q, within 5 standard errors (false alarms 6e-7). */
static void test_divergence(void **state) {
    (void)state;
    enum { DRAWS = 20000, K = 2 };
    elbo_array x = blobs(60, WIDE, 3, 33);
    elbo_fit *fit =
        FIT("bgmm", &x, 1, "components", "2", "covariance", "full", "prior-degrees", "5", "iterations", "9");
    const elbo_mixture *m = &fit->mixture;
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    gsl_matrix *scale = gsl_matrix_alloc(WIDE, WIDE);
    gsl_matrix *precision = gsl_matrix_alloc(WIDE, WIDE), *factor = gsl_matrix_alloc(WIDE, WIDE);
    gsl_matrix *work = gsl_matrix_alloc(WIDE, WIDE);
    gsl_vector *at = gsl_vector_alloc(WIDE), *centre = gsl_vector_alloc(WIDE), *spare = gsl_vector_alloc(WIDE);
    const double own_weight[K] = {m->prior.concentration, m->prior.concentration};
    double sum = 0, square = 0, value, weight[K], covariance[9], own[9] = {0};
    gsl_rng_set(rng, 34);
    for (int d = 0; d < WIDE; d++) own[4 * d] = m->prior.scatter[d];
    for (int draw = 0; draw < DRAWS; draw++) {
        gsl_ran_dirichlet(rng, K, m->concentrations, weight);
        double log_ratio =
            gsl_ran_dirichlet_lnpdf(K, m->concentrations, weight) - gsl_ran_dirichlet_lnpdf(K, own_weight, weight);
        for (int k = 0; k < K; k++) {
            fit_dense_covariance(fit, k, covariance);
            for (size_t i = 0; i < 9; i++) gsl_matrix_set(scale, i / 3, i % 3, covariance[i] * m->degrees[k]);
            gsl_linalg_cholesky_decomp1(scale);
            gsl_linalg_cholesky_invert(scale);
            gsl_linalg_cholesky_decomp1(scale);
            gsl_ran_wishart(rng, m->degrees[k], scale, precision, work);
            for (int i = 0; i < 9; i++) covariance[i] *= m->degrees[k];
            log_ratio += log_wishart(precision, m->degrees[k], covariance);
            log_ratio -= log_wishart(precision, m->prior.degrees, own);
            /* mean | precision, by the factor of its covariance; the prior's mean is the origin of m->means */
            for (int which = 0; which < 2; which++) {
                double strength = which ? m->prior.strength : m->strengths[k];
                gsl_matrix_memcpy(factor, precision);
                gsl_matrix_scale(factor, strength);
                gsl_linalg_cholesky_decomp1(factor);
                gsl_linalg_cholesky_invert(factor);
                gsl_linalg_cholesky_decomp1(factor);
                for (size_t d = 0; d < WIDE; d++) gsl_vector_set(centre, d, which ? 0 : m->means[k * WIDE + (int)d]);
                if (!which) gsl_ran_multivariate_gaussian(rng, centre, factor, at);
                gsl_ran_multivariate_gaussian_log_pdf(at, centre, factor, &value, spare);
                log_ratio += which ? -value : value;
            }
        }
        sum += log_ratio / DRAWS;
        square += log_ratio * log_ratio / DRAWS;
    }
    near(elbo_mixture_divergence(m), sum, 5 * sqrt((square - sum * sum) / DRAWS));
    gsl_matrix *const matrices[] = {scale, precision, factor, work};
    for (int i = 0; i < 4; i++) gsl_matrix_free(matrices[i]);
    gsl_vector_free(at);
    gsl_vector_free(centre);
    gsl_vector_free(spare);
    gsl_rng_free(rng);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* Two dimensions with diagonal covariances are two problems in one: with a single component both the bound and the
 * predictive density are sums over dimensions; and the same for the spherical density's own Student's t by quadrature.
 */
static void test_diagonal_predictive(void **state) {
    (void)state;
    elbo_array x = blobs(40, 2, 2, 35), column = fit_rows(40, 1), whole = {0}, part = {0};
    elbo_error error = {0};
    elbo_fit *fit = FIT("bgmm", &x, 1, "components", "1", "prior-degrees", "4");
    double sum[40] = {0}, bound = 0;
    for (int d = 0; d < 2; d++) {
        for (int n = 0; n < 40; n++) ((double *)column.data)[n] = ((const double *)x.data)[2 * n + d];
        elbo_fit *alone = FIT("bgmm", &column, 1, "components", "1", "prior-degrees", "4", "covariance", "full");
        assert_int_equal(elbo_fit_score(alone, &column, &part, &error), ELBO_OK);
        for (int n = 0; n < 40; n++) sum[n] += ((const double *)part.data)[n];
        bound += alone->info.elbo;
        elbo_array_free(&part);
        elbo_fit_free(alone);
    }
    assert_int_equal(elbo_fit_score(fit, &x, &whole, &error), ELBO_OK);
    for (int n = 0; n < 40; n++) near(((const double *)whole.data)[n], sum[n], 1e-11);
    near(fit->info.elbo, bound, 1e-11);
    elbo_array_free(&whole);
    elbo_fit_free(fit);

    /* Spherical: the density sums to 1 over a grid of steps of 0.1 about the data; what lies outside 40 deviations is
     * below 1e-8 for 84 degrees of freedom. */
    fit = FIT("bgmm", &x, 1, "components", "2", "prior-degrees", "4", "covariance", "spherical");
    enum { SIDE = 300 };
    elbo_array grid = fit_rows(SIDE * SIDE, 2);
    for (int i = 0; i < SIDE * SIDE; i++) {
        ((double *)grid.data)[2 * i] = 6 + 0.15 * (i % SIDE - SIDE / 2);
        ((double *)grid.data)[2 * i + 1] = 6 + 0.15 * (i / SIDE - SIDE / 2);
    }
    assert_int_equal(elbo_fit_score(fit, &grid, &whole, &error), ELBO_OK);
    double mass = 0;
    for (int i = 0; i < SIDE * SIDE; i++) mass += exp(((const double *)whole.data)[i]) * 0.15 * 0.15;
    near(mass, 1, 1e-6);
    elbo_array_free(&grid);
    elbo_array_free(&whole);
    elbo_fit_free(fit);
    elbo_array_free(&x);
    elbo_array_free(&column);
}

/* ---- EM as a special case ---- */

enum { POINTS = 40, STEPS = 4 };

/* The largest difference between the responsibilities of EM and of variational Bayes after STEPS iterations from one
 * start, every point being there `times` times. */
static double distance_from_em(const elbo_array *points, int64_t times, elbo_covariance_kind kind) {
    elbo_array x = fit_rows(POINTS * times, 2);
    elbo_error error = {0};
    elbo_fit_rows rows;
    double centre[2], variance[2], *r[2], most = 0;
    for (int64_t i = 0; i < POINTS * times; i++)
        memcpy((double *)x.data + 2 * i, (const double *)points->data + 2 * (i / times), 2 * sizeof(double));
    assert_int_equal(elbo_fit_rows_of(&x, &rows, &error), ELBO_OK);
    elbo_fit_rows_describe(&rows, centre, variance);
    rows.centre = centre;
    for (int conjugate = 0; conjugate < 2; conjugate++) {
        elbo_mixture mixture;
        elbo_mixture_work work;
        elbo_mixture_moments moments;
        assert_int_equal(elbo_mixture_new(&mixture, 3, 2, kind, conjugate, &error), ELBO_OK);
        mixture.variance_floor = 1e-9;
        if (conjugate) {
            elbo_fit_options options = fit_options((const char *const[]){NULL});
            assert_int_equal(elbo_mixture_set_prior(&mixture, &options, variance, &error), ELBO_OK);
            elbo_options_clear(&elbo_fit_options_table, &options);
        }
        assert_int_equal(elbo_mixture_work_new(&work, &mixture, &rows, &error), ELBO_OK);
        assert_int_equal(elbo_mixture_moments_new(&moments, &mixture, &error), ELBO_OK);
        assert_int_equal(elbo_mixture_start(&mixture, &rows, 7, 0, 1, &work, &moments, &error), ELBO_OK);
        for (int step = 0; step < STEPS; step++) {
            elbo_mixture_pass(&mixture, &rows, NULL, 1, &work, &moments);
            assert_int_equal(elbo_mixture_update(&mixture, &moments, rows.count, &work, &error), ELBO_OK);
        }
        r[conjugate] = elbo_calloc((size_t)(3 * rows.count) * sizeof(double));
        assert_int_equal(elbo_mixture_score(&mixture, &rows, 1, NULL, r[conjugate], &error), ELBO_OK);
        elbo_mixture_free(&mixture);
        elbo_mixture_work_free(&work);
        elbo_mixture_moments_free(&moments);
    }
    for (int64_t i = 0; i < 3 * rows.count; i++) most = fmax(most, fabs(r[0][i] - r[1][i]));
    elbo_free(r[0]);
    elbo_free(r[1]);
    elbo_array_free(&x);
    return most;
}

/* When every row is there M times, q(theta) concentrates: its spread, and what the prior has to say, fall as 1/M, and
 * so must the distance between the two trajectories.  A delta on theta, the limit, is EM. */
static void test_em_is_the_limit(void **state) {
    (void)state;
    elbo_array points = blobs(POINTS, 2, 2.5, 36);
    for (int kind = 0; kind < 3; kind++) {
        double few = distance_from_em(&points, 300, (elbo_covariance_kind)kind);
        double many = distance_from_em(&points, 9000, (elbo_covariance_kind)kind);
        assert_true(few > 1e-5); /* the two are not the same thing */
        if (!(many < few / 20 && many > few / 45)) fail_msg("kind %d: %g at 100, %g at 3000", kind, few, many);
    }
    elbo_array_free(&points);
}

/* A weak Dirichlet prior prunes: of 8 components for 3 groups, the bound is best with 3 that hold rows, and each of the
 * rest holds next to none. */
static void test_prunes(void **state) {
    (void)state;
    elbo_array x = blobs(900, 2, 12, 37);
    elbo_fit *fit = FIT("bgmm", &x, 1, "components", "8", "prior-concentration", "1e-3", "iterations", "500",
                        "restarts", "3", "tolerance", "1e-9");
    int used = 0;
    for (int k = 0; k < 8; k++) used += fit_tensor(fit, "weights")[k] > 0.02;
    assert_int_equal(used, 3);
    fit_check_curve(fit, false);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

static void test_degenerate(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        elbo_array one = fit_rows(1, 2), x = blobs(20, 3, 1, 38);
        ((double *)one.data)[0] = 4;
        elbo_fit *fit = FIT("bgmm", &one, 1, "components", "1", "covariance", kinds[kind]);
        fit_check_curve(fit, false);
        near(fit_tensor(fit, "means")[0], 4, 1e-15);
        elbo_fit_free(fit);
        REFUSED(ELBO_ERROR_USAGE, "2 components for 1 rows", "bgmm", &one, "components", "2");
        for (int n = 0; n < 20; n++) ((double *)x.data)[3 * n + 1] = 2; /* a constant column */
        fit = FIT("bgmm", &x, 1, "components", "20", "covariance", kinds[kind]);
        fit_check_curve(fit, false);
        elbo_fit_free(fit);
        elbo_array_free(&one);
        if (kind == 1)
            REFUSED(ELBO_ERROR_USAGE, "needs more than 2", "bgmm", &x, "covariance", "full", "prior-degrees", "2");
        elbo_array_free(&x);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_bound_by_quadrature),
        cmocka_unit_test(test_bound_below_evidence),
        cmocka_unit_test(test_evidence_wide),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_diagonal_predictive),
        cmocka_unit_test(test_em_is_the_limit),
        cmocka_unit_test(test_prunes),
        cmocka_unit_test(test_degenerate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
