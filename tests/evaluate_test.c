/* Evaluation against closed forms. Seeds are fixed, so a test that passes once passes always; bounds are given in
 * standard errors so that a correct change of the draws is refused with the stated probability only. */
#include "linear_gaussian.h"

#include "base/memory.h"
#include "eval/bound.h"
#include "eval/evaluation.h"
#include "eval/likelihood.h"
#include "eval/posterior.h"

/* 5 standard errors of a normal: one false alarm in 1.7 million. */
enum { SIGMAS = 5 };

static void close_to(double value, double wanted, double tolerance, const char *what) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %.9g; %.9g was expected, give or take %.3g", what, value, wanted, tolerance);
}

static elbo_evaluation evaluate(elbo_model *model, const elbo_dataset *data, int64_t samples, int64_t seed) {
    elbo_error error = {0};
    elbo_evaluation out;
    elbo_evaluation_options options;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "all", &error), ELBO_OK);
    options.samples = samples;
    options.seed = seed;
    if (elbo_evaluate(model, data, &options, NULL, NULL, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    return out;
}

static const double lengths[LINEAR_LATENT] = {1, 0.5, 0};

/* ---- the exact posterior ---- */

/* Sum over rows of the variance of log p(x|z) under q(z|x): the noise of one draw in the bound. */
static double draw_variance(const linear *l) {
    double total = 0, square = l->s * l->s;
    for (int64_t n = 0; n < l->rows; n++) {
        double rest[LINEAR_SIZE];
        for (int i = 0; i < LINEAR_SIZE; i++) {
            rest[i] = (double)l->x[n * LINEAR_SIZE + i] - l->b[i];
            for (int j = 0; j < LINEAR_LATENT; j++) rest[i] -= l->w[j][i] * linear_mean(l, n, j);
        }
        for (int j = 0; j < LINEAR_LATENT; j++) {
            double along = 0, spread = linear_norm(l, j) * l->v[j] / square;
            for (int i = 0; i < LINEAR_SIZE; i++) along += rest[i] * l->w[j][i] / square;
            total += along * along * l->v[j] + spread * spread / 2;
        }
    }
    return total;
}

/* Every weight is p(x): the estimate is exact for any number of samples, also where the last run is a part of one. */
static void exact_posterior(void **state) {
    (void)state;
    static const int64_t samples[] = {1, 7, 1024, 1025, 2500};
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 300, 1, 1);
    double exact = linear_mean_log_p(&l);
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
        elbo_evaluation e = evaluate(l.model, l.data, samples[k], 1);
        assert_int_equal(e.count, 300);
        assert_int_equal(e.samples, samples[k]);
        close_to(e.nll, -exact, 2e-5, "NLL with the exact posterior");
        close_to(e.ess_mean, (double)samples[k], 1e-6 * (double)samples[k], "effective sample size");
        close_to(e.nll_sampling_error, 0, 1e-5, "sampling error");
        close_to(e.elbo, exact, SIGMAS * sqrt(draw_variance(&l)) / 300, "ELBO with the exact posterior");
        close_to(e.elbo, -e.reconstruction - e.kl, 1e-9, "sum of the terms");
        elbo_evaluation_clear(&e);
    }
    linear_close(&l);
}

static void units(void **state) {
    (void)state;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 300, 1, 1);
    elbo_evaluation e = evaluate(l.model, l.data, 0, 1);
    double total = 0;
    assert_int_equal(e.latent, LINEAR_LATENT);
    for (int j = 0; j < LINEAR_LATENT; j++) {
        double kl = 0, mean = 0, variance = 0;
        for (int64_t n = 0; n < 300; n++) mean += linear_mean(&l, n, j) / 300;
        for (int64_t n = 0; n < 300; n++) {
            double m = linear_mean(&l, n, j);
            kl += (m * m + l.v[j] - 1 - log(l.v[j])) / 600;
            variance += (m - mean) * (m - mean) / 299;
        }
        close_to(e.kl_per_dim[j], kl, 1e-5, "KL of a dimension");
        close_to(e.mean_variance[j], variance, 1e-5, "variance of a posterior mean");
        total += kl;
    }
    close_to(e.kl, total, 2e-5, "KL");
    assert_int_equal(e.active_units, 2);
    assert_true(isnan(e.nll) && isnan(e.nll_stderr) && isnan(e.nll_sampling_error) && isnan(e.ess_mean));
    elbo_evaluation_clear(&e);
    linear_close(&l);
}

/* With the exact posterior q(z) = N(0, I), so that I(x; z) = -1/2 sum log v. The gain of a row has a variance below
 * the number of informative dimensions (2). */
static void information(void **state) {
    (void)state;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 3000, 2, 1);
    elbo_evaluation e = evaluate(l.model, l.data, 0, 1);
    double exact = 0;
    for (int j = 0; j < LINEAR_LATENT; j++) exact -= log(l.v[j]) / 2;
    assert_true(exact > 1);
    close_to(e.mutual_information, exact, SIGMAS * sqrt(2.0 / 2000) + exp(exact) / 2000, "mutual information");
    elbo_evaluation_clear(&e);
    linear_close(&l);
}

/* The rows that are compared lie all over the split: here half of it, in front, says nothing. */
static void information_of_sorted_rows(void **state) {
    (void)state;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 4000, 2, 1);
    for (int64_t i = 0; i < 2000 * LINEAR_SIZE; i++)
        l.x[i] = (float)l.b[i % LINEAR_SIZE]; /* borrowed by the data set */
    elbo_evaluation e = evaluate(l.model, l.data, 0, 1);
    assert_true(e.mutual_information > 0.4); /* 0.007 from the first 2000 rows */
    elbo_evaluation_clear(&e);
    linear_close(&l);
}

/* Codes that name their datum: the estimate is at its ceiling, log N. */
static void information_ceiling(void **state) {
    (void)state;
    static const double long_columns[LINEAR_LATENT] = {1, 1, 1};
    linear l = {0};
    linear_orthogonal(&l, long_columns, 1e-3);
    linear_open(&l, 500, 2, 1);
    elbo_evaluation e = evaluate(l.model, l.data, 0, 1);
    close_to(e.mutual_information, log(500), 1e-3, "mutual information");
    elbo_evaluation_clear(&e);
    linear_close(&l);
}

/* ---- a posterior that is wrong ---- */

/* ELBO <= bound with 5 samples <= log p, and many samples reach log p within the error that they claim. */
static void wrong_posterior(void **state) {
    (void)state;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_spoil(&l);
    linear_open(&l, 400, 3, 1);
    double exact = linear_mean_log_p(&l);
    elbo_evaluation few = evaluate(l.model, l.data, 5, 1), many = evaluate(l.model, l.data, 3000, 1);
    assert_true(few.elbo + 0.05 < -few.nll);
    assert_true(-few.nll + 0.01 < exact);
    assert_true(many.nll_sampling_error > 1e-5 && many.nll_sampling_error < 0.01);
    close_to(many.nll, -exact, SIGMAS * many.nll_sampling_error, "NLL with 3000 samples");
    assert_true(many.ess_mean > 100 && many.ess_mean < 2999);
    assert_true(many.elbo == few.elbo); /* the same draws */
    elbo_evaluation_clear(&few);
    elbo_evaluation_clear(&many);
    linear_close(&l);
}

/* The error that is claimed is the error that is made: over 40 seeds the mean of its square in units of the claimed one
 * is a chi-squared by its 40 degrees of freedom, outside [0.4, 1.9] with probability 1e-3. */
static void sampling_error(void **state) {
    (void)state;
    enum { SEEDS = 40 };
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_spoil(&l);
    linear_open(&l, 64, 4, 1);
    double exact = linear_mean_log_p(&l), square = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
        elbo_evaluation e = evaluate(l.model, l.data, 1500, seed);
        double off = (e.nll + exact) / e.nll_sampling_error;
        square += off * off / SEEDS;
        elbo_evaluation_clear(&e);
    }
    if (!(square > 0.4 && square < 1.9)) fail_msg("mean squared error is %g times what was claimed", square);
    linear_close(&l);
}

/* log p by importance sampling of the first rows of a data set, with so many data side by side. */
static void log_p_of(linear *l, int64_t samples, int64_t side_by_side, int64_t first, int64_t rows, double *log_p,
                     double *effective) {
    elbo_error error = {0};
    elbo_bound bound;
    elbo_likelihood likelihood;
    elbo_work work = {0};
    int threads = l->model->threads;
    assert_int_equal(elbo_bound_new(&bound, &l->model->instance, rows, ELBO_PRECISION_F32, threads, &error), ELBO_OK);
    assert_int_equal(elbo_likelihood_new(&likelihood, &l->model->instance, &bound.posterior, samples, side_by_side,
                                         ELBO_PRECISION_F32, threads, &error),
                     ELBO_OK);
    memcpy(elbo_plan_input(bound.plan, bound.raw), l->x + first * LINEAR_SIZE,
           sizeof(float) * (size_t)(rows * LINEAR_SIZE));
    elbo_run run = {1, 0, (uint32_t)first};
    assert_int_equal(elbo_plan_run(bound.plan, &run, &error), ELBO_OK);
    elbo_likelihood_rows batch = {.x = elbo_plan_value(bound.plan, bound.x), .count = rows, .first_row = first};
    for (int k = 0; k < elbo_posterior_parameters(&bound.posterior); k++)
        batch.parameter[k] = elbo_plan_value(bound.plan, bound.posterior.parameter[k]);
    assert_int_equal(elbo_likelihood_run(&likelihood, &batch, 1, &work, log_p, effective, &error), ELBO_OK);
    assert_true(work.done == (double)(samples * rows));
    elbo_likelihood_clear(&likelihood);
    elbo_bound_clear(&bound);
}

/* Neither the number of data in a run, nor the batch that a datum is in, nor the threads change its estimate. */
static void batches(void **state) {
    (void)state;
    enum { ROWS = 13, SAMPLES = 1500 };
    static const int64_t side_by_side[] = {1, 3, 8, 13, 20};
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_spoil(&l);
    linear_open(&l, 32, 5, 1);
    double log_p[ROWS], effective[ROWS], other_p[ROWS], other_effective[ROWS];
    log_p_of(&l, SAMPLES, 1, 0, ROWS, log_p, effective);
    for (size_t k = 0; k < sizeof side_by_side / sizeof *side_by_side; k++) {
        l.model->threads = 1 + (int)(k % 2);
        log_p_of(&l, SAMPLES, side_by_side[k], 0, ROWS, other_p, other_effective);
        for (int i = 0; i < ROWS; i++) {
            close_to(other_p[i], log_p[i], 2e-5, "log p in another run");
            close_to(other_effective[i], effective[i], 0.05, "effective sample size in another run");
        }
    }
    log_p_of(&l, SAMPLES, 4, 5, ROWS - 5, other_p, other_effective);
    for (int i = 5; i < ROWS; i++) close_to(other_p[i - 5], log_p[i], 2e-5, "log p in another batch");
    assert_true(fabs(log_p[0] - log_p[1]) > 1e-3); /* the comparison has something to tell apart */
    linear_close(&l);
}

/* The same sums from the definition, in double, with the draws that seed, run, row and sample stand for. They belong to
 * the second stream of a graph: the first one draws pixels. */
static void weights(void **state) {
    (void)state;
    enum { ROWS = 4, SAMPLES = 2500 };
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_spoil(&l);
    linear_open(&l, ROWS, 5, 1);
    double log_p[ROWS], effective[ROWS], log_w[SAMPLES];
    int64_t per_run = 834; /* 1024 fit into a run; 2500 are shared out over three */
    log_p_of(&l, SAMPLES, 2, 0, ROWS, log_p, effective);
    for (int64_t n = 0; n < ROWS; n++) {
        double peak = -INFINITY, sum = 0, square = 0;
        for (int64_t s = 0; s < SAMPLES; s++) {
            elbo_rng rng = {1, ELBO_STREAM_GRAPH + 1, (uint32_t)(1 + s / per_run)};
            double z[LINEAR_LATENT];
            log_w[s] = -LINEAR_SIZE * (0.91893853320467274178 + log(l.s));
            for (int j = 0; j < LINEAR_LATENT; j++) {
                double noise = elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)(s % per_run * LINEAR_LATENT + j));
                z[j] = linear_mean(&l, n, j) + sqrt(l.v[j]) * noise;
                log_w[s] += (noise * noise - z[j] * z[j] + log(l.v[j])) / 2;
            }
            for (int i = 0; i < LINEAR_SIZE; i++) {
                double rest = (double)l.x[n * LINEAR_SIZE + i] - l.b[i];
                for (int j = 0; j < LINEAR_LATENT; j++) rest -= l.w[j][i] * z[j];
                log_w[s] -= rest * rest / (2 * l.s * l.s);
            }
            if (log_w[s] > peak) peak = log_w[s];
        }
        for (int64_t s = 0; s < SAMPLES; s++) {
            sum += exp(log_w[s] - peak);
            square += exp(2 * (log_w[s] - peak));
        }
        close_to(log_p[n], peak + log(sum / SAMPLES), 2e-5, "log p by its definition");
        close_to(effective[n], sum * sum / square, 1e-4 * SAMPLES, "effective sample size by its definition");
    }
    linear_close(&l);
}

/* ---- pixels ---- */

enum { PIXELS = 12 };

static elbo_dataset *grey_rows(int64_t rows, elbo_array *x) {
    elbo_error error = {0};
    elbo_rng rng = {7, ELBO_STREAM_SAMPLE, 0};
    assert_int_equal(elbo_array_new(x, ELBO_U8, 2, ELBO_SHAPE(rows, PIXELS).dim, &error), ELBO_OK);
    for (int64_t i = 0; i < rows * PIXELS; i++)
        ((uint8_t *)x->data)[i] = (uint8_t)elbo_rng_below(&rng, 0, (uint32_t)i, 256);
    ((uint8_t *)x->data)[0] = 255;
    return open_rows(x);
}

static bool pixel(const elbo_array *x, uint64_t seed, int64_t row, int64_t column) {
    elbo_rng rng = {seed, ELBO_STREAM_GRAPH, 0};
    double grey = ((const uint8_t *)x->data)[row * PIXELS + column] / 255.0;
    return elbo_rng_uniform(&rng, (uint32_t)row, (uint32_t)column) < grey;
}

/* A pixel is a draw of (seed, row, column), whatever the batch. */
static void binarisation(void **state) {
    (void)state;
    static const char *const pairs[] = {"hidden", "5", "latent", "1", NULL};
    elbo_error error = {0};
    elbo_array x;
    elbo_dataset *data = grey_rows(40, &x);
    elbo_model *model = model_for(data, pairs, 1);
    for (int64_t rows = 3; rows <= 40; rows += 37) {
        elbo_bound bound;
        assert_int_equal(elbo_bound_new(&bound, &model->instance, rows, ELBO_PRECISION_F32, 1, &error), ELBO_OK);
        for (int64_t first = 0; first + rows <= 40; first += rows) {
            elbo_run run = {11, 0, (uint32_t)first};
            memcpy(elbo_plan_input(bound.plan, bound.raw), (uint8_t *)x.data + first * PIXELS, (size_t)(rows * PIXELS));
            assert_int_equal(elbo_plan_run(bound.plan, &run, &error), ELBO_OK);
            const float *drawn = elbo_plan_value(bound.plan, bound.x);
            for (int64_t i = 0; i < rows * PIXELS; i++)
                assert_int_equal(drawn[i] == 1, pixel(&x, 11, first + i / PIXELS, i % PIXELS));
        }
        elbo_bound_clear(&bound);
    }
    elbo_model_free(model);
    elbo_dataset_free(data);
    elbo_array_free(&x);
}

/* log p(x) of drawn pixels under a linear decoder with one latent dimension, by the trapezium rule, which converges
 * geometrically for such integrands. */
static double quadrature(const elbo_array *x, uint64_t seed, int64_t row, const float *w, const float *b) {
    double sum = 0, step = 1.0 / 64;
    for (double z = -12; z <= 12; z += step) {
        double log_p = -z * z / 2;
        for (int64_t i = 0; i < PIXELS; i++) {
            double logit = (double)w[i] * z + (double)b[i];
            log_p -= log1p(exp(pixel(x, seed, row, i) ? -logit : logit));
        }
        sum += step * exp(log_p);
    }
    return log(sum) - 0.91893853320467274178;
}

static void bernoulli(void **state) {
    (void)state;
    static const char *const pairs[] = {"hidden", "", "latent", "1", NULL};
    enum { ROWS = 300 };
    elbo_array x;
    elbo_dataset *data = grey_rows(ROWS, &x);
    elbo_model *model = model_for(data, pairs, 1);
    float *w = tensor(model, "decoder.output.weight"), *b = tensor(model, "decoder.output.bias");
    for (int i = 0; i < PIXELS; i++) {
        w[i] = 0.25f * (float)(i % 5) - 0.5f;
        b[i] = 0.125f * (float)(i % 3);
    }
    elbo_params_touch(elbo_model_get_params(model));
    elbo_evaluation e = evaluate(model, data, 1200, 9);
    double exact = 0;
    for (int64_t n = 0; n < ROWS; n++) exact += quadrature(&x, 9, n, w, b) / ROWS;
    assert_true(e.nll_sampling_error < 0.01);
    close_to(e.nll, -exact, SIGMAS * e.nll_sampling_error, "NLL of drawn pixels");
    assert_true(e.elbo < exact);
    elbo_evaluation_clear(&e);
    elbo_model_free(model);
    elbo_dataset_free(data);
    elbo_array_free(&x);
}

/* ---- conduct ---- */

typedef struct watch {
    int calls, stop_at;
    double last;
    long allocations; /* when the first batch was done */
    long more;        /* by the time the last one was */
} watch;

static bool look(void *user, double share) {
    watch *w = user;
    assert_true(share >= w->last && share <= 1);
    w->last = share;
    if (++w->calls == 1) w->allocations = elbo_memory_count();
    if (share < 0.9) w->more = elbo_memory_count() - w->allocations;
    return w->calls == w->stop_at;
}

static elbo_status watched(linear *l, int64_t samples, watch *w, elbo_evaluation *out, elbo_error *error) {
    elbo_evaluation_options options;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "all", error), ELBO_OK);
    options.samples = samples;
    elbo_status status = elbo_evaluate(l->model, l->data, &options, look, w, out, error);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    return status;
}

static void progress(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_evaluation e;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 700, 6, 1);
    watch whole = {0}, stopped = {.stop_at = 4}, at_once = {.stop_at = 1};
    elbo_memory_fail_at(0);
    assert_int_equal(watched(&l, 100, &whole, &e, &error), ELBO_OK);
    assert_true(whole.last == 1 && whole.calls > 10);
    assert_int_equal(whole.more, 0); /* nothing is allocated from batch to batch */
    assert_true(e.seconds > 0);
    elbo_evaluation_clear(&e);
    assert_int_equal(watched(&l, 100, &stopped, &e, &error), ELBO_ERROR_INTERRUPTED);
    assert_int_equal(stopped.calls, 4);
    assert_non_null(strstr(error.message, "stopped on request"));
    assert_null(e.kl_per_dim);
    assert_int_equal(watched(&l, 0, &at_once, &e, &error), ELBO_ERROR_INTERRUPTED);
    linear_close(&l);
}

/* Fails an allocation after the other: a status each time, no leak and no crash. */
static void memory(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_evaluation e;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 40, 6, 1);
    watch w = {0};
    elbo_memory_fail_at(0);
    assert_int_equal(watched(&l, 10, &w, &e, &error), ELBO_OK);
    elbo_evaluation_clear(&e);
    long needed = elbo_memory_count();
    assert_true(needed > 20);
    for (long number = 1; number <= needed; number++) {
        watch again = {0};
        elbo_evaluation_options options;
        assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
        options.samples = 10;
        elbo_options_set(&elbo_evaluation_options_table, &options, "split", "all", &error);
        elbo_memory_fail_at(number);
        elbo_status status = elbo_evaluate(l.model, l.data, &options, look, &again, &e, &error);
        elbo_memory_fail_at(0);
        elbo_options_clear(&elbo_evaluation_options_table, &options);
        if (status == ELBO_OK)
            elbo_evaluation_clear(&e);
        else
            assert_int_equal(status, ELBO_ERROR_MEMORY);
    }
    linear_close(&l);
}

static elbo_status evaluate_split(elbo_model *model, const elbo_dataset *data, elbo_error *error) {
    elbo_evaluation e;
    elbo_status status = elbo_evaluate(model, data, NULL, NULL, NULL, &e, error); /* the default: the test split */
    elbo_evaluation_clear(&e);
    return status;
}

static void refusals(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 50, 6, 1);
    assert_int_equal(evaluate_split(l.model, l.data, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "no rows in its test split"));

    elbo_array narrow = l.array, bytes;
    narrow.shape[0] = 75;
    narrow.shape[1] = 4;
    elbo_dataset *wrong = open_rows(&narrow);
    assert_int_equal(evaluate_split(l.model, wrong, &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "items of 4 values"));
    elbo_dataset_free(wrong);

    assert_int_equal(elbo_array_new(&bytes, ELBO_U8, 2, ELBO_SHAPE(5, LINEAR_SIZE).dim, &error), ELBO_OK);
    wrong = open_rows(&bytes);
    assert_int_equal(evaluate_split(l.model, wrong, &error),
                     ELBO_ERROR_USAGE); /* bytes do, but there is no test split */
    assert_non_null(strstr(error.message, "no rows in its test split"));
    elbo_dataset_free(wrong);
    elbo_array_free(&bytes);

    l.x[17 * LINEAR_SIZE] = NAN; /* borrowed by the data set */
    watch w = {0};
    elbo_evaluation e;
    assert_int_equal(watched(&l, 0, &w, &e, &error), ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "row 17"));
    linear_close(&l);
}

static void warnings(void **state) {
    (void)state;
    static const struct {
        int64_t count, latent, active;
        double kl;
        const char *about_data, *wanted; /* wanted NULL: silence */
    } row[] = {{1000, 20, 18, 25, "", NULL},
               {1000, 50, 30, 25, "", NULL},
               {1000, 50, 20, 25, "", "20 of 50 units are active and share 25.0 nats"},
               {1000, 20, 0, 0.003, "", "0.003 nats about a datum, with 0 of 20"},
               {1000, 20, 0, 4, "", "posterior collapse"},
               {1000, 20, 15, 0.5, "", "posterior collapse"},
               {5, 20, 0, 25, "", NULL},
               {1000, 20, 18, 25, "grey values", "grey values"},
               {1000, 20, 0, 0, "grey values", "--latent; grey values"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        elbo_evaluation e = {
            .count = row[i].count, .latent = row[i].latent, .active_units = row[i].active, .kl = row[i].kl};
        elbo_evaluation_warn(&e, row[i].about_data);
        if (row[i].wanted ? !strstr(e.warning, row[i].wanted) : *e.warning) fail_msg("case %zu: \"%s\"", i, e.warning);
        if (*e.warning && !*row[i].about_data) assert_non_null(strstr(e.warning, "--kl-warmup 10"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_posterior),
                                       cmocka_unit_test(units),
                                       cmocka_unit_test(information),
                                       cmocka_unit_test(information_of_sorted_rows),
                                       cmocka_unit_test(information_ceiling),
                                       cmocka_unit_test(wrong_posterior),
                                       cmocka_unit_test(sampling_error),
                                       cmocka_unit_test(weights),
                                       cmocka_unit_test(batches),
                                       cmocka_unit_test(binarisation),
                                       cmocka_unit_test(bernoulli),
                                       cmocka_unit_test(progress),
                                       cmocka_unit_test(memory),
                                       cmocka_unit_test(refusals),
                                       cmocka_unit_test(warnings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
