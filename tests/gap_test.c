/* Posteriors fitted to single data, and the gap between log p(x) and the ELBO, on linear-Gaussian models, where the
 * posterior is N(m, P^-1) with P = I + W'W/s^2 and m = P^-1 W'(x - b)/s^2 and every gap has a closed form. Seeds are
 * fixed; bounds are given in standard errors, so that a correct change of the draws fails with the stated probability.
 */
#include <gsl/gsl_blas.h>

#include "base/memory.h"
#include "eval/gap_family.h"
#include "linear_gaussian.h"

enum { Z = LINEAR_LATENT };

static void close_to(double value, double wanted, double tolerance, const char *what) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %.9g; %.9g was expected, give or take %.3g", what, value, wanted, tolerance);
}

/* ---- the exact posterior ---- */

typedef struct exact {
    double precision[Z][Z], covariance[Z][Z], log_det; /* of the precision */
    double *mean, *log_p;                              /* [rows][Z], [rows] */
} exact;

static void exact_of(const linear *l, exact *e) {
    gsl_matrix *p = gsl_matrix_calloc(Z, Z);
    for (int i = 0; i < Z; i++)
        for (int j = 0; j < Z; j++) {
            double sum = i == j;
            for (int k = 0; k < LINEAR_SIZE; k++) sum += l->w[i][k] * l->w[j][k] / (l->s * l->s);
            e->precision[i][j] = sum;
            gsl_matrix_set(p, (size_t)i, (size_t)j, sum);
        }
    gsl_linalg_cholesky_decomp1(p);
    e->log_det = 0;
    for (size_t i = 0; i < Z; i++) e->log_det += 2 * log(gsl_matrix_get(p, i, i));
    gsl_linalg_cholesky_invert(p);
    for (int i = 0; i < Z; i++)
        for (int j = 0; j < Z; j++) e->covariance[i][j] = gsl_matrix_get(p, (size_t)i, (size_t)j);
    gsl_matrix_free(p);
    e->mean = calloc((size_t)(l->rows * Z), sizeof *e->mean);
    e->log_p = calloc((size_t)l->rows, sizeof *e->log_p);
    assert_non_null(e->mean);
    assert_non_null(e->log_p);
    linear_log_p(l, e->log_p);
    for (int64_t n = 0; n < l->rows; n++)
        for (int i = 0; i < Z; i++)
            for (int j = 0; j < Z; j++)
                for (int k = 0; k < LINEAR_SIZE; k++)
                    e->mean[n * Z + i] += e->covariance[i][j] * l->w[j][k] *
                                          ((double)l->x[n * LINEAR_SIZE + k] - l->b[k]) / (l->s * l->s);
}

static void exact_clear(exact *e) {
    free(e->mean);
    free(e->log_p);
}

/* ---- one family at work ---- */

static elbo_gap_options fast(int64_t steps, double rate) {
    return (elbo_gap_options){.gap_steps = steps, .gap_rate = rate, .gap_draws = 20, .gap_posterior = ""};
}

/* Fits all rows as one batch from numbers of zero, the standard normal distribution. */
static void fit_rows(const linear *l, const char *name, const elbo_gap_options *options, elbo_gap_family *family) {
    elbo_error error = {0};
    elbo_head head;
    elbo_work work = {0};
    elbo_gap_rows rows = {.x = l->x, .count = l->rows, .run = {.seed = 3}};
    if (name)
        assert_int_equal(elbo_head_parse(&head, "--gap-posterior", name, (elbo_head_sizes){.size = Z}, &error),
                         ELBO_OK);
    if (elbo_gap_family_new(family, &l->model->instance, name ? &head : NULL, l->rows, ELBO_PRECISION_F32, 1, &error) ||
        elbo_gap_family_fit(family, options, &rows, &work, &error) || elbo_gap_family_read(family, &error))
        fail_msg("%s", error.message);
    assert_true(work.done == (double)l->rows * elbo_gap_family_cost(options));
}

static const float *value(const elbo_gap_family *family, int k) {
    return elbo_plan_value(family->plan, family->posterior.parameter[k]);
}

/* Where the posterior is one of the family, the gradient of STL has no noise there, so that what is left is rounding:
 * sums of some 30 numbers of size 30 in f32 make gradients uncertain by 1e-5, and with a curvature of at least 1/2 the
 * numbers by 2e-5. Ten times that is allowed, and of a bound a rounding of 1e-5. */
static const double reached = 2e-4, rounding = 2e-5;

static void diagonal_posterior(void **state) {
    (void)state;
    enum { ROWS = 40 };
    static const double lengths[Z] = {1, 0.5, 0};
    elbo_gap_options options = fast(2000, 0.05);
    linear l = {0};
    exact e;
    elbo_gap_family family;
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, ROWS, 5, 1);
    exact_of(&l, &e);
    fit_rows(&l, NULL, &options, &family);
    const float *loc = value(&family, 0), *log_scale = value(&family, 1);
    for (int64_t n = 0; n < ROWS; n++) {
        for (int j = 0; j < Z; j++) {
            close_to((double)loc[n * Z + j], e.mean[n * Z + j], reached, "mean");
            close_to(2 * (double)log_scale[n * Z + j], log(e.covariance[j][j]), 2 * reached, "log variance");
        }
        close_to(family.end[n], e.log_p[n], rounding * 10, "ELBO of the exact posterior");
        assert_true(family.start[n] < e.log_p[n] + 1); /* by draws: not a bound for each row */
    }
    elbo_gap_family_clear(&family);
    exact_clear(&e);
    linear_close(&l);
}

static const double spoilt_lengths[Z] = {1, 0.75, 0.5};

/* W that is not orthogonal, and an encoder that is wrong. */
static void open_correlated(linear *l, int64_t rows, int threads) {
    memset(l, 0, sizeof *l);
    linear_orthogonal(l, spoilt_lengths, 0.5);
    for (int i = 0; i < LINEAR_SIZE; i++) { /* numbers that f32 holds */
        l->w[1][i] += 0.75 * l->w[0][i];
        l->w[2][i] += 0.5 * l->w[1][i];
    }
    linear_spoil(l);
    linear_open(l, rows, 5, threads);
}

static void full_posterior(void **state) {
    (void)state;
    enum { ROWS = 40 };
    elbo_gap_options options = fast(4000, 0.05);
    linear l;
    exact e;
    elbo_gap_family family;
    open_correlated(&l, ROWS, 1);
    exact_of(&l, &e);
    fit_rows(&l, "multivariate_normal", &options, &family);
    const float *loc = value(&family, 0), *factor = value(&family, 1);
    double largest = 0;
    for (int64_t n = 0; n < ROWS; n++)
        for (int i = 0; i < Z; i++) {
            close_to((double)loc[n * Z + i], e.mean[n * Z + i], reached, "mean");
            for (int j = 0; j < Z; j++) {
                double sum = 0;
                for (int k = 0; k < Z; k++)
                    sum += (double)factor[(n * Z + i) * Z + k] * (double)factor[(n * Z + j) * Z + k];
                close_to(sum, e.covariance[i][j], reached, "covariance");
                if (i != j) largest = fmax(largest, fabs(e.covariance[i][j]));
            }
        }
    assert_true(largest > 0.1); /* a diagonal one would not do */
    for (int64_t n = 0; n < ROWS; n++) close_to(family.end[n], e.log_p[n], rounding * 10, "ELBO");
    elbo_gap_family_clear(&family);
    exact_clear(&e);
    linear_close(&l);
}

/* Standard deviation of a number that Adam has moved: the gradient has noise g and slope h, Adam divides both by about
 * g (its second moment), and the rate falls from a to 0 in n steps. It is a random walk of which the part before the
 * rate a* = a u/n is forgotten, where (a* h / g) u / 2 = 1; what is left has variance a* g / (2 h). */
static double left_over(double noise, double slope, double rate, double steps) {
    double u = fmin(steps, sqrt(2 * steps * noise / (rate * slope)));
    return sqrt(rate * u / steps * noise / (2 * slope));
}

/* The best diagonal q has the posterior's mean, and variances 1/P_jj. Its gradient is noisy: that of the mean by
 * sum_k (P_jk)^2 v_k over k != j, that of log v_j by v_j/4 times that. 40 rows of 6 numbers at 5 standard deviations
 * (by a formula that holds within a factor of 2 where the walk is not Gaussian): no false alarm in 7000. */
static void correlated_posterior(void **state) {
    (void)state;
    enum { ROWS = 40, STEPS = 2000 };
    static const double rate = 0.02;
    elbo_gap_options options = fast(STEPS, rate);
    linear l;
    exact e;
    elbo_gap_family family;
    open_correlated(&l, ROWS, 1);
    exact_of(&l, &e);
    fit_rows(&l, NULL, &options, &family);
    const float *loc = value(&family, 0), *log_scale = value(&family, 1);
    double worst = 0;
    for (int j = 0; j < Z; j++) {
        double noise = 0, precision = e.precision[j][j];
        for (int k = 0; k < Z; k++)
            if (k != j) noise += e.precision[j][k] * e.precision[j][k] / e.precision[k][k];
        noise = sqrt(noise);
        double mean = 5 * left_over(noise, precision, rate, STEPS * 0.2) + reached;
        double variance = 5 * left_over(noise / (2 * sqrt(precision)), 0.5, rate, STEPS * 0.2) + reached;
        for (int64_t n = 0; n < ROWS; n++) {
            close_to((double)loc[n * Z + j], e.mean[n * Z + j], mean, "mean");
            close_to(2 * (double)log_scale[n * Z + j], -log(precision), variance, "log variance");
        }
        worst = fmax(worst, fabs(log(e.covariance[j][j]) + log(precision)) / variance);
    }
    assert_true(worst > 2); /* the marginal variances, which a wrong KL would yield, are far away */
    elbo_gap_family_clear(&family);
    exact_clear(&e);
    linear_close(&l);
}

/* ---- the gaps ---- */

typedef struct settings {
    const char *posterior;
    int64_t steps, draws, samples, count;
    double rate;
} settings;

static elbo_status measure(elbo_model *model, const elbo_dataset *data, const settings *s,
                           elbo_evaluation_progress progress, void *user, elbo_gap *out, elbo_error *error) {
    elbo_evaluation_options evaluation;
    elbo_gap_options gap;
    elbo_status status = elbo_options_init(&elbo_evaluation_options_table, &evaluation, error);
    memset(out, 0, sizeof *out);
    memset(&gap, 0, sizeof gap);
    if (status == ELBO_OK)
        status = elbo_options_set(&elbo_evaluation_options_table, &evaluation, "split", "all", error);
    if (status == ELBO_OK) status = elbo_options_init(&elbo_gap_options_table, &gap, error);
    if (status == ELBO_OK && s->posterior)
        status = elbo_options_set(&elbo_gap_options_table, &gap, "gap-posterior", s->posterior, error);
    evaluation.count = s->count;
    evaluation.samples = s->samples;
    if (s->steps) gap.gap_steps = s->steps;
    if (s->draws) gap.gap_draws = s->draws;
    if (s->rate > 0) gap.gap_rate = s->rate;
    if (status == ELBO_OK) status = elbo_gap_measure(model, data, &evaluation, &gap, progress, user, out, error);
    elbo_options_clear(&elbo_evaluation_options_table, &evaluation);
    elbo_options_clear(&elbo_gap_options_table, &gap);
    return status;
}

static elbo_gap measured(const linear *l, const settings *s) {
    elbo_error error = {0};
    elbo_gap out;
    if (measure(l->model, l->data, s, NULL, NULL, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    return out;
}

/* KL(q || p(z|x)) of the encoder, and the variance of one draw of log p(x, z) - log q(z): with u = z - mu and M = P -
 * V^-1 it is a constant minus u'Mu/2 - d'Pu, d = mu - m. */
static double encoder_kl(const linear *l, const exact *e, int64_t n, double *variance) {
    double kl = -e->log_det - Z, d[Z], pd[Z] = {0};
    *variance = 0;
    for (int j = 0; j < Z; j++) d[j] = linear_mean(l, n, j) - e->mean[n * Z + j];
    for (int i = 0; i < Z; i++) {
        kl += e->precision[i][i] * l->v[i] - log(l->v[i]);
        for (int j = 0; j < Z; j++) {
            double m = e->precision[i][j] - (i == j ? 1 / l->v[i] : 0);
            kl += d[i] * e->precision[i][j] * d[j];
            pd[i] += e->precision[i][j] * d[j];
            *variance += 0.5 * m * m * l->v[i] * l->v[j];
        }
        *variance += pd[i] * pd[i] * l->v[i];
    }
    return kl / 2;
}

/* Standard errors are those of paired differences, by their definition. */
static void check_figure(elbo_figure figure, const double *a, const double *b, int64_t count, const char *what) {
    double mean = 0, square = 0;
    for (int64_t i = 0; i < count; i++) mean += (a[i] - (b ? b[i] : 0)) / (double)count;
    for (int64_t i = 0; i < count; i++) square += pow(a[i] - (b ? b[i] : 0) - mean, 2);
    close_to(figure.value, mean, 1e-9, what);
    close_to(figure.error, sqrt(square / (double)(count - 1) / (double)count), 1e-9, what);
}

/* Every figure against its closed form, at 5 standard errors of its draws: one false alarm in a million. 300 rows make
 * two batches, the second of them padded. */
static void gaps(void **state) {
    (void)state;
    enum { ROWS = 300, DRAWS = 200, SAMPLES = 400 };
    linear l;
    exact e;
    open_correlated(&l, ROWS, 1);
    exact_of(&l, &e);
    elbo_gap g = measured(&l, &(settings){"multivariate_normal", 1000, DRAWS, SAMPLES, 0, 0.02});
    double log_p = 0, kl = 0, variance = 0, approximation = -e.log_det, fitted_variance = 0;
    for (int64_t n = 0; n < ROWS; n++) {
        double own;
        log_p += e.log_p[n] / ROWS;
        kl += encoder_kl(&l, &e, n, &own) / ROWS;
        variance += own;
    }
    for (int i = 0; i < Z; i++) {
        approximation += log(e.precision[i][i]);
        for (int j = 0; j < Z; j++)
            if (i != j) fitted_variance += 0.5 * pow(e.precision[i][j], 2) / e.precision[i][i] / e.precision[j][j];
    }
    approximation /= 2;
    assert_true(approximation > 0.05 && kl > approximation + 0.05);
    double encoded_error = 5 * sqrt(variance / DRAWS) / ROWS, fitted_error = 5 * sqrt(fitted_variance / DRAWS / ROWS);
    double sampled = 5 * g.log_p_sampling_error + 0.5 * pow(g.log_p_sampling_error, 2) * ROWS; /* bias of a logarithm */
    double excess = 0.002; /* what numbers cost that are off by left_over: h var/2 each, 6 of them */
    close_to(g.log_p.value, log_p, sampled, "log p(x)");
    close_to(g.elbo.value, log_p - kl, encoded_error, "ELBO of the encoder");
    close_to(g.fitted_elbo.value, log_p - approximation, fitted_error + excess, "ELBO of the best diagonal q");
    close_to(g.approximation.value, approximation, fitted_error + sampled + excess, "approximation gap");
    close_to(g.amortisation.value, kl - approximation, fitted_error + encoded_error + excess, "amortisation gap");
    close_to(g.other_elbo.value, log_p, rounding * 10, "ELBO of the best full q");
    close_to(g.family.value, approximation, fitted_error + excess, "what the diagonal costs");
    check_figure(g.elbo, g.elbos, NULL, ROWS, "elbo");
    check_figure(g.amortisation, g.fitted_elbos, g.elbos, ROWS, "amortisation");
    check_figure(g.approximation, g.log_ps, g.fitted_elbos, ROWS, "approximation");
    check_figure(g.family, g.other_elbos, g.fitted_elbos, ROWS, "family");
    assert_true(g.encoder && g.count == ROWS && g.samples == SAMPLES && g.latent == Z && g.seconds > 0);
    assert_string_equal(g.posterior, "normal");
    assert_string_equal(g.other, "multivariate_normal");
    assert_string_equal(g.warning, "");
    elbo_gap_clear(&g);
    exact_clear(&e);
    linear_close(&l);
}

/* An encoder that gives the exact posterior leaves no gap, whatever the number of draws; a spoilt one in front of a
 * diagonal posterior leaves amortisation alone. */
static void no_gap(void **state) {
    (void)state;
    enum { ROWS = 50 };
    static const double lengths[Z] = {1, 0.5, 0};
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        linear l = {0};
        linear_orthogonal(&l, lengths, 0.5);
        for (int j = 0; spoilt && j < Z; j++) l.v[j] *= 2;
        linear_open(&l, ROWS, 5, 1);
        elbo_gap g = measured(&l, &(settings){NULL, 1000, 10, 5, 0, 0});
        close_to(g.approximation.value, 0, 5e-4, "approximation gap");
        if (!spoilt) close_to(g.amortisation.value, 0, 5e-4, "amortisation gap");
        /* KL(N(m, 2v) || N(m, v)) = (1 - log 2)/2 for each of 3 dimensions; a draw of the bound varies by 1/2 each */
        if (spoilt) close_to(g.amortisation.value, 1.5 * (1 - log(2)), 5 * sqrt(1.5 / 10 / ROWS), "amortisation gap");
        close_to(g.log_p.value, linear_mean_log_p(&l), 1e-4, "log p(x)");
        assert_true(isnan(g.family.value) && isnan(g.other_elbo.value) && !g.other && !g.other_elbos);
        elbo_gap_clear(&g);
        linear_close(&l);
    }
}

/* A row's figures depend on neither the batch nor the threads, but for rounding. */
static void batches(void **state) {
    (void)state;
    enum { ROWS = 30 };
    linear l;
    open_correlated(&l, ROWS, 1);
    elbo_gap whole = measured(&l, &(settings){"multivariate_normal", 100, 5, 50, 0, 0});
    elbo_gap part = measured(&l, &(settings){"multivariate_normal", 100, 5, 50, 3, 0});
    l.model->threads = 2;
    elbo_gap two = measured(&l, &(settings){"multivariate_normal", 100, 5, 50, 0, 0});
    for (int64_t n = 0; n < ROWS; n++) {
        const elbo_gap *others[] = {&two, &part};
        for (int k = 0; k < (n < 3 ? 2 : 1); k++) {
            close_to(others[k]->elbos[n], whole.elbos[n], 1e-4, "ELBO");
            close_to(others[k]->fitted_elbos[n], whole.fitted_elbos[n], 1e-3, "fitted ELBO");
            close_to(others[k]->other_elbos[n], whole.other_elbos[n], 1e-3, "other ELBO");
            close_to(others[k]->log_ps[n], whole.log_ps[n], 1e-3, "log p");
        }
    }
    elbo_gap_clear(&whole);
    elbo_gap_clear(&part);
    elbo_gap_clear(&two);
    linear_close(&l);
}

static void too_few_steps(void **state) {
    (void)state;
    linear l;
    open_correlated(&l, 60, 1);
    for (int i = 0; i < LINEAR_SIZE; i++) l.a[0][i] += 2; /* far from where it should be */
    linear_set(&l);
    elbo_gap short_fit = measured(&l, &(settings){NULL, 20, 10, 10, 0, 0.02});
    assert_non_null(strstr(short_fit.warning, "still rises"));
    assert_non_null(strstr(short_fit.warning, "--gap-steps"));
    assert_true(short_fit.rise.value > 0.1);
    elbo_gap long_fit = measured(&l, &(settings){NULL, 2000, 10, 1000, 0, 0.02});
    assert_string_equal(long_fit.warning, "");
    elbo_gap_clear(&short_fit);
    elbo_gap_clear(&long_fit);
    linear_close(&l);
}

/* ---- models without an encoder, other codes ---- */

static void without_encoder(void **state) {
    (void)state;
    static const char *const kinds[] = {"bbvi", "mcem"};
    static const double lengths[Z] = {1, 0.5, 0};
    for (int k = 0; k < 2; k++) {
        const char *const pairs[] = {"hidden",    "",       "latent",    "3",   "likelihood", "gaussian",
                                     "variance",  "fixed",  "scale",     "0.5", "normalize",  "none",
                                     "inference", kinds[k], "fit-steps", "300", NULL};
        linear l = {0};
        linear_orthogonal(&l, lengths, 0.5);
        linear_draw(&l, 40, 5);
        l.data = open_rows(&l.array);
        l.model = model_for(l.data, pairs, 1);
        float *w = tensor(l.model, "decoder.output.weight"), *b = tensor(l.model, "decoder.output.bias");
        for (int i = 0; i < LINEAR_SIZE; i++) b[i] = (float)l.b[i];
        for (int j = 0; j < Z; j++)
            for (int i = 0; i < LINEAR_SIZE; i++) w[j * LINEAR_SIZE + i] = (float)l.w[j][i];
        elbo_params_touch(elbo_model_get_params(l.model));
        elbo_gap g = measured(&l, &(settings){NULL, 500, 10, 5, 0, 0});
        assert_false(g.encoder);
        close_to(g.log_p.value, linear_mean_log_p(&l), 1e-3, "log p(x)");
        close_to(g.amortisation.value, 0, 1e-3, "what the fit of an evaluation lacks");
        close_to(g.approximation.value, 0, 1e-3, "approximation gap");
        elbo_gap_clear(&g);
        linear_close(&l);
    }
}

/* Two bits as code: log p(x) and the best factorised q by going through the four codes. */
typedef struct bits {
    double joint[4]; /* log p(x, z) */
} bits;

static double bits_elbo(const bits *b, const double q[2]) {
    double sum = 0;
    for (int c = 0; c < 4; c++) {
        double p = (c & 1 ? q[0] : 1 - q[0]) * (c & 2 ? q[1] : 1 - q[1]);
        sum += p * (b->joint[c] - log(p));
    }
    return sum;
}

/* Coordinate ascent from the middle. */
static double bits_best(const bits *b) {
    double q[2] = {0.5, 0.5};
    for (int sweep = 0; sweep < 500; sweep++)
        for (int d = 0; d < 2; d++) {
            double logit = 0, other = q[1 - d];
            for (int o = 0; o < 2; o++) {
                int rest = o << (1 - d);
                logit += (o ? other : 1 - other) * (b->joint[rest | 1 << d] - b->joint[rest]);
            }
            q[d] = 1 / (1 + exp(-logit));
        }
    return bits_elbo(b, q);
}

/* Plain draws are fitted by their score. Its noise does not vanish, so that the fit is within 0.01 nats only; the bound
 * itself varies by draws. */
static void discrete_codes(void **state) {
    (void)state;
    enum { ROWS = 60, DRAWS = 400 };
    static const char *const pairs[] = {
        "hidden",    "",     "latent", "2",         "likelihood", "gaussian",  "variance",  "fixed",     "scale", "1",
        "normalize", "none", "prior",  "bernoulli", "posterior",  "bernoulli", "estimator", "reinforce", NULL};
    linear l = {0};
    static const double lengths[Z] = {2, 1, 0};
    linear_orthogonal(&l, lengths, 1);
    linear_draw(&l, ROWS, 8);
    l.data = open_rows(&l.array);
    l.model = model_for(l.data, pairs, 1);
    float *w = tensor(l.model, "decoder.output.weight"), *offset = tensor(l.model, "decoder.output.bias");
    double log_p = 0, best = 0;
    for (int i = 0; i < LINEAR_SIZE; i++) {
        offset[i] = (float)(l.b[i] - 0.25);
        for (int d = 0; d < 2; d++) w[d * LINEAR_SIZE + i] = (float)(0.75 * (d + 1) * (i % 2 ? 1 : 0.5));
    }
    elbo_params_touch(elbo_model_get_params(l.model));
    for (int n = 0; n < ROWS; n++) {
        bits b;
        double sum = 0;
        for (int c = 0; c < 4; c++) {
            b.joint[c] = 2 * log(0.5);
            for (int i = 0; i < LINEAR_SIZE; i++) {
                double mean = (double)offset[i] + (c & 1 ? (double)w[i] : 0) + (c & 2 ? (double)w[LINEAR_SIZE + i] : 0);
                b.joint[c] -= pow((double)l.x[n * LINEAR_SIZE + i] - mean, 2) / 2 + 0.91893853320467274178;
            }
            sum += exp(b.joint[c]);
        }
        log_p += log(sum) / ROWS;
        best += bits_best(&b) / ROWS;
    }
    elbo_gap g = measured(&l, &(settings){NULL, 2000, DRAWS, 2000, 0, 0.02});
    close_to(g.log_p.value, log_p, 5 * g.log_p_sampling_error + 1e-3, "log p(x)");
    assert_true(log_p - best > 0.01);
    /* draws of f vary by less than 1 (its range over four codes is a few nats where q is not sure) */
    close_to(g.fitted_elbo.value, best, 0.01 + 5 / sqrt(10.0 * DRAWS * ROWS), "ELBO of the best bits");
    elbo_gap_clear(&g);
    linear_close(&l);
}

/* ---- conduct ---- */

typedef struct watch {
    int calls, stop_at;
    double last;
    long allocations, more; /* when the first batch was done; by the last */
} watch;

static bool look(void *user, double share) {
    watch *w = user;
    assert_true(share >= w->last && share <= 1);
    w->last = share;
    if (++w->calls == 1) w->allocations = elbo_memory_count();
    if (share < 0.99) w->more = elbo_memory_count() - w->allocations;
    return w->calls == w->stop_at;
}

static void progress(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_gap g;
    linear l;
    watch whole = {0}, stopped = {.stop_at = 5};
    settings s = {"multivariate_normal", 20, 2, 5, 0, 0};
    open_correlated(&l, 600, 1);
    elbo_memory_fail_at(0);
    assert_int_equal(measure(l.model, l.data, &s, look, &whole, &g, &error), ELBO_OK);
    assert_true(whole.last == 1 && whole.calls > 60);
    assert_int_equal(whole.more, 0);
    elbo_gap_clear(&g);
    assert_int_equal(measure(l.model, l.data, &s, look, &stopped, &g, &error), ELBO_ERROR_INTERRUPTED);
    assert_int_equal(stopped.calls, 5);
    assert_null(g.elbos);
    linear_close(&l);
}

static void memory(void **state) {
    (void)state;
    linear l;
    settings s = {"multivariate_normal", 10, 1, 2, 0, 0};
    open_correlated(&l, 3, 1);
    SCRATCH_EACH_ALLOCATION(number, elbo_gap g; elbo_error error = {0};
                            elbo_status status = measure(l.model, l.data, &s, NULL, NULL, &g, &error),
                            if (status != ELBO_OK) assert_int_equal(status, ELBO_ERROR_MEMORY);
                            elbo_gap_clear(&g));
    linear_close(&l);
}

static void refused(linear *l, const settings *s, elbo_status status, const char *words) {
    elbo_error error = {0};
    elbo_gap g;
    assert_int_equal(measure(l->model, l->data, s, NULL, NULL, &g, &error), status);
    if (!strstr(error.message, words)) fail_msg("\"%s\" says nothing of \"%s\"", error.message, words);
    elbo_gap_clear(&g);
}

static void refusals(void **state) {
    (void)state;
    linear l;
    open_correlated(&l, 20, 1);
    refused(&l, &(settings){"nrmal", 10, 1, 1, 0, 0}, ELBO_ERROR_USAGE, "normal");
    refused(&l, &(settings){"bernoulli", 10, 1, 1, 0, 0}, ELBO_ERROR_USAGE, "real numbers");
    refused(&l, &(settings){"normal(0, 0)", 10, 1, 1, 0, 0}, ELBO_ERROR_USAGE, "nothing is left to fit");
    refused(&l, &(settings){NULL, 100, 1, 1, 0, 1000}, ELBO_ERROR_NUMERIC, "row ");
    l.x[17 * LINEAR_SIZE] = NAN; /* borrowed by the data set */
    refused(&l, &(settings){NULL, 10, 1, 1, 0, 0}, ELBO_ERROR_NUMERIC, "row 17");
    linear_close(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(diagonal_posterior),
                                       cmocka_unit_test(full_posterior),
                                       cmocka_unit_test(correlated_posterior),
                                       cmocka_unit_test(gaps),
                                       cmocka_unit_test(no_gap),
                                       cmocka_unit_test(batches),
                                       cmocka_unit_test(too_few_steps),
                                       cmocka_unit_test(without_encoder),
                                       cmocka_unit_test(discrete_codes),
                                       cmocka_unit_test(progress),
                                       cmocka_unit_test(memory),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
