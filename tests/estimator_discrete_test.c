/* Codes of bits: the score function and VIMCO against sums over all 2^Z codes; a decoder's weights with a posterior;
 * the two phases of wake-sleep. Error rate as in estimator_test.c. */
#include "estimator_support.h"

static const double LIMIT = 5.2;
enum { RUNS = 2000, BITS = LINEAR_LATENT, CODES = 1 << LINEAR_LATENT };

/* ---- Bernoulli codes: q(z_j = 1|x) = sigmoid(x A + c)_j, p(z_j = 1) = 1/2, p(x|z) as before ---- */

/* Encoder weight [SIZE, BITS], its bias, decoder weight [BITS, SIZE], its bias. */
enum {
    BIAS_AT = LINEAR_SIZE * BITS,
    WEIGHT_AT = BIAS_AT + BITS,
    OUT_AT = WEIGHT_AT + BITS * LINEAR_SIZE,
    BIT_NUMBERS = OUT_AT + LINEAR_SIZE
};

static const int bit_first[SLOTS] = {0, BIAS_AT, WEIGHT_AT, OUT_AT};

static void code_logs(const double *t, const linear *l, int64_t row, double log_q[CODES], double log_w[CODES]) {
    const float *x = l->x + row * LINEAR_SIZE;
    double logit[BITS];
    for (int j = 0; j < BITS; j++) {
        logit[j] = t[BIAS_AT + j];
        for (int i = 0; i < LINEAR_SIZE; i++) logit[j] += (double)x[i] * t[i * BITS + j];
    }
    for (int code = 0; code < CODES; code++) {
        double square = 0;
        log_q[code] = 0;
        for (int j = 0; j < BITS; j++) log_q[code] -= log1p(exp(code >> j & 1 ? -logit[j] : logit[j]));
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double away = (double)x[i] - t[OUT_AT + i];
            for (int j = 0; j < BITS; j++) away -= (code >> j & 1) * t[WEIGHT_AT + j * LINEAR_SIZE + i];
            square += away * away;
        }
        log_w[code] = -0.5 * square / (l->s * l->s) - LINEAR_SIZE * (log(l->s) + 0.91893853320467274178) -
                      BITS * log(2) - log_q[code];
    }
}

/* -ELBO, and -L_2: sums over all codes and pairs of codes. */
static double code_elbo(const double *t, const linear *l, double weight) {
    double sum = 0, log_q[CODES], log_w[CODES];
    (void)weight;
    for (int64_t n = 0; n < ROWS; n++) {
        code_logs(t, l, n, log_q, log_w);
        for (int a = 0; a < CODES; a++) sum -= exp(log_q[a]) * log_w[a];
    }
    return sum / ROWS;
}

static double code_pairs(const double *t, const linear *l, double weight) {
    double sum = 0, log_q[CODES], log_w[CODES];
    (void)weight;
    for (int64_t n = 0; n < ROWS; n++) {
        code_logs(t, l, n, log_q, log_w);
        for (int a = 0; a < CODES; a++)
            for (int b = 0; b < CODES; b++)
                sum -= exp(log_q[a] + log_q[b]) * log(0.5 * (exp(log_w[a]) + exp(log_w[b])));
    }
    return sum / ROWS;
}

/* The bench counts tensors in places for a normal posterior: this one is narrower, so it reads for itself. */
static void run_bits(bench *b, uint64_t seed, uint32_t step, double out[BIT_NUMBERS]) {
    bench_run(b, 0, 1, seed, step, NULL);
    for (int s = 0; s < SLOTS; s++) {
        int count = (s + 1 < SLOTS ? bit_first[s + 1] : BIT_NUMBERS) - bit_first[s];
        assert_true(elbo_plan_read(b->plan[0], b->gradient[0][s], out + bit_first[s], count));
    }
}

static void open_bits(linear *l, const char *estimator, const char *control, const char *draws) {
    bool controlled = strcmp(estimator, "reinforce") == 0;
    const char *const pairs[] = {"prior",     "bernoulli", "posterior",
                                 "bernoulli", "estimator", estimator,
                                 "draws",     draws,       controlled ? "control" : NULL,
                                 control,     NULL};
    linear_orthogonal(l, (const double[]){1, 0.75, 0.5}, 0.8);
    linear_spoil(l);
    open_linear(l, 21, pairs);
    for (int j = 0; j < BITS; j++)
        for (int i = 0; i < LINEAR_SIZE; i++) {
            tensor(l->model, "decoder.output.weight")[j * LINEAR_SIZE + i] = (float)l->w[j][i];
            tensor(l->model, "encoder.posterior.weight")[i * BITS + j] = (float)(0.5 * l->a[j][i]);
        }
    tensor(l->model, "encoder.posterior.bias")[1] = 0.5f;
}

static void read_bits(const linear *l, double out[BIT_NUMBERS]) {
    elbo_params *params = elbo_model_get_params(l->model);
    for (int s = 0; s < SLOTS; s++) {
        const elbo_param_info *info = elbo_params_find(params, slots[s].name);
        for (size_t i = 0; i < info->count; i++)
            out[bit_first[s] + (int)i] = (double)elbo_params_data(params, NULL)[info->offset + i];
    }
}

static void test_bits_against_sums(void **state) {
    (void)state;
    static const struct {
        const char *name, *control, *draws;
        bool pairs;
    } cases[] = {{"reinforce", "none", "1", false},
                 {"reinforce", "mean", "1", false},
                 {"reinforce", "leave-one-out", "2", false},
                 {"reinforce", "learned", "1", false},
                 {"vimco", "none", "2", true}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        linear l;
        bench b;
        double at[BIT_NUMBERS], exact[BIT_NUMBERS], gradient[NUMBERS] = {0};
        moments m = {.count = 0};
        int where = 0;
        open_bits(&l, cases[c].name, cases[c].control, cases[c].draws);
        read_bits(&l, at);
        differences(cases[c].pairs ? code_pairs : code_elbo, &l, at, 1, BIT_NUMBERS, exact);
        recipe how = {.type = elbo_estimator_find(cases[c].name, NULL),
                      .control = cases[c].control,
                      .draws = cases[c].draws[0] - '0'};
        bench_open(&b, &l, &how, COPIES);
        for (uint32_t r = 0; r < RUNS; r++) {
            run_bits(&b, 800 + c, r, gradient);
            add(&m, gradient, bench_value(&b, 0, b.update[0].loss));
        }
        double worst = worst_distance(&m, NULL, exact, 0, BIT_NUMBERS, &where);
        if (!(worst < LIMIT))
            fail_msg("%s/%s: coordinate %d is %g, exactly %g (%.1f standard errors)", cases[c].name, cases[c].control,
                     where, m.mean[where], exact[where], worst);
        double loss = cases[c].pairs ? code_pairs(at, &l, 1) : code_elbo(at, &l, 1);
        assert_true(fabs(m.loss - loss) < LIMIT * sqrt(m.loss_square) / RUNS);
        bench_close(&b);
        linear_close(&l);
    }
}

/* ---- full variational Bayes ---- */

/* Differences with the noise held fixed: parameters are f32, and the step that was taken is the one that f32 holds. */
static void compare_with_differences(linear *l, const recipe *how, int u, int first, int end) {
    bench b;
    double gradient[NUMBERS];
    bench_open(&b, l, how, 1);
    bench_run(&b, u, 1, 5, 3, gradient);
    for (int s = 0; s < SLOTS; s++) {
        int stop = s + 1 < SLOTS ? slots[s + 1].first : NUMBERS;
        float *values = tensor(l->model, slots[s].name);
        for (int i = slots[s].first; i < stop; i++) {
            if (i < first || i >= end) continue;
            float *value = &values[i - slots[s].first], kept = *value;
            float above = kept + 0x1p-10f, below = kept - 0x1p-10f;
            double objective[2];
            for (int side = 0; side < 2; side++) {
                *value = side ? below : above;
                elbo_params_touch(elbo_model_get_params(l->model));
                bench_run(&b, u, 1, 5, 3, NULL);
                objective[side] = bench_value(&b, u, b.update[u].objective);
            }
            *value = kept;
            elbo_params_touch(elbo_model_get_params(l->model));
            /* f''' h^2 / 6 with h = 2^-10: a few 1e-6 of the objective's scale, which is tens */
            double slope = (objective[0] - objective[1]) / ((double)above - (double)below);
            if (!(fabs(slope - gradient[i]) < 2e-5 * (1 + fabs(slope))))
                fail_msg("update %d, coordinate %d: gradient %g, differences %g", u, i, gradient[i], slope);
        }
    }
    bench_close(&b);
}

static void test_full_gradients(void **state) {
    (void)state;
    static const char *const full[] = {"inference", "full-vb", NULL};
    linear l;
    open_spoilt(&l, full);
    l.model->instance.data_rows = ROWS;
    recipe how = {.type = elbo_estimator_find("b", NULL), .control = "none", .draws = 1, .full = true};
    compare_with_differences(&l, &how, 0, 0, NUMBERS);
    linear_close(&l);
}

/* Every weight of the decoder has a posterior; loss and KL contain KL(q || N(0, 1)) / rows. */
static void test_full_kl(void **state) {
    (void)state;
    static const char *const full[] = {"inference", "full-vb", NULL};
    static const char *const names[] = {"decoder.output.weight", "decoder.output.bias"};
    linear l;
    double kl = 0;
    open_spoilt(&l, full);
    for (int n = 0; n < 2; n++) {
        char name[64];
        snprintf(name, sizeof name, "%s.log_scale", names[n]);
        const elbo_param_info *info = elbo_params_find(elbo_model_get_params(l.model), name);
        assert_non_null(info);
        assert_string_equal(info->group, "decoder");
        float *loc = tensor(l.model, names[n]), *log_scale = tensor(l.model, name);
        for (size_t i = 0; i < info->count; i++) {
            log_scale[i] = -1 - 0.125f * (float)i; /* so that each counts by itself */
            double m = (double)loc[i], s = exp((double)log_scale[i]);
            kl += 0.5 * (s * s + m * m - 1) - (double)log_scale[i];
        }
    }
    elbo_params_touch(elbo_model_get_params(l.model));
    double measured[2];
    for (int pass = 0; pass < 2; pass++) { /* more rows: a smaller share for each */
        bench b;
        recipe how = {.type = elbo_estimator_find("b", NULL), .control = "none", .draws = 1, .full = true};
        l.model->instance.data_rows = pass ? 40 : 10;
        bench_open(&b, &l, &how, 1);
        bench_run(&b, 0, 1, 5, 3, NULL);
        double loss = bench_value(&b, 0, b.update[0].loss);
        measured[pass] = bench_value(&b, 0, b.update[0].kl);
        assert_true(fabs(loss - measured[pass] - bench_value(&b, 0, b.update[0].reconstruction)) < 1e-12 * fabs(loss));
        assert_true(fabs(bench_value(&b, 0, b.update[0].objective) - loss) < 1e-12 * fabs(loss));
        bench_close(&b);
    }
    assert_true(fabs(measured[0] - measured[1] - kl * (1. / 10 - 1. / 40)) < 1e-9 * kl);
    linear_close(&l);
}

/* Averaged over the weights' draws, the decoder's bias follows the bound's own gradient, since the mean is linear in
 * the weights; and who uses the model afterwards decodes with their means. */
static void test_full_means(void **state) {
    (void)state;
    static const char *const full[] = {"inference", "full-vb", NULL};
    linear l;
    double at[NUMBERS], exact[NUMBERS];
    elbo_error error = {0};
    int where = 0;
    open_spoilt(&l, full);
    l.model->instance.data_rows = 10;
    read_numbers(&l, at);
    recipe how = {.type = elbo_estimator_find("b", NULL), .control = "none", .draws = 1, .full = true};
    moments m = measure(&l, &how, 0, 1, 31, RUNS);
    differences(closed_objective, &l, at, 1, NUMBERS, exact);
    for (int i = slots[3].first; i < NUMBERS; i++) exact[i] += at[i] / 10; /* of the weights' KL */
    double worst = worst_distance(&m, NULL, exact, slots[3].first, NUMBERS, &where);
    if (!(worst < LIMIT)) fail_msg("coordinate %d: %g, exactly %g", where, m.mean[where], exact[where]);
    float z[LINEAR_LATENT] = {0.5f, -1, 2};
    elbo_array codes = {.dtype = ELBO_F32, .rank = 2, .shape = {1, LINEAR_LATENT}, .data = z}, x = {0};
    if (elbo_model_decode(l.model, &codes, false, 1, &x, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int i = 0; i < LINEAR_SIZE; i++) {
        double wanted = l.b[i];
        for (int j = 0; j < LINEAR_LATENT; j++) wanted += (double)z[j] * l.w[j][i];
        assert_true(fabs((double)((float *)x.data)[i] - wanted) < 1e-5);
    }
    elbo_array_free(&x);
    linear_close(&l);
}

/* ---- wake-sleep ---- */

/* E over p(z) p(x|z) of -log q(z|x) up to its constant, where the width does not depend on x:
 * 1/2 sum_j [c_j + (E[z_j - mu_j]^2 + Var(z_j - mu_j)) / v_j] with z_j - mu_j = z_j - A(W'z + b + s e) - c. */
static double closed_sleep(const double *t, const linear *l, double weight) {
    const double *a = t, *c = t + slots[1].first, *w = t + slots[2].first, *bias = t + slots[3].first;
    double sum = 0;
    (void)weight;
    for (int j = 0; j < LINEAR_LATENT; j++) {
        double mean = -c[j], variance = 0;
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double slope = a[i * WIDTH + j];
            mean -= bias[i] * slope;
            variance += l->s * l->s * slope * slope;
        }
        for (int k = 0; k < LINEAR_LATENT; k++) {
            double factor = k == j;
            for (int i = 0; i < LINEAR_SIZE; i++) factor -= w[k * LINEAR_SIZE + i] * a[i * WIDTH + j];
            variance += factor * factor;
        }
        sum += 0.5 * (c[LINEAR_LATENT + j] + (mean * mean + variance) * exp(-c[LINEAR_LATENT + j]));
    }
    return sum;
}

static void test_wake_sleep_means(void **state) {
    (void)state;
    linear l;
    double at[NUMBERS], exact[NUMBERS];
    int where = 0;
    open_spoilt(&l, NULL);
    read_numbers(&l, at);
    recipe how = {.infer = elbo_infer_wake_sleep, .control = "none", .draws = 2};
    moments wake = measure(&l, &how, 0, 1, 41, RUNS), sleep_phase = measure(&l, &how, 1, 1, 42, RUNS);
    /* the decoder's gradient is the bound's */
    differences(closed_objective, &l, at, 1, NUMBERS, exact);
    double worst = worst_distance(&wake, NULL, exact, ENCODER_END, NUMBERS, &where);
    if (!(worst < LIMIT)) fail_msg("wake, coordinate %d: %g, exactly %g", where, wake.mean[where], exact[where]);
    assert_true(fabs(wake.loss - closed_objective(at, &l, 1)) < LIMIT * sqrt(wake.loss_square) / RUNS);
    /* the encoder's is that of dreams; the width's dependence on x is left to the differences below */
    differences(closed_sleep, &l, at, 1, NUMBERS, exact);
    for (int i = 0; i < ENCODER_END; i++) {
        if (i < slots[1].first && i % WIDTH >= LINEAR_LATENT) continue;
        worst = worst_distance(&sleep_phase, NULL, exact, i, i + 1, &where);
        if (!(worst < LIMIT)) fail_msg("sleep, coordinate %d: %g, exactly %g", i, sleep_phase.mean[i], exact[i]);
    }
    linear_close(&l);
}

/* With the noise held fixed: wake moves the decoder (z does not depend on it), sleep the encoder. */
static void test_wake_sleep_gradients(void **state) {
    (void)state;
    linear l;
    open_spoilt(&l, NULL);
    recipe how = {.infer = elbo_infer_wake_sleep, .control = "none", .draws = 2};
    compare_with_differences(&l, &how, 0, ENCODER_END, NUMBERS);
    compare_with_differences(&l, &how, 1, 0, ENCODER_END);
    bench b;
    bench_open(&b, &l, &how, 1);
    assert_int_equal(b.updates, 2);
    assert_string_equal(b.update[0].groups[0], "decoder");
    assert_null(b.update[0].groups[1]); /* the standard prior has nothing to learn */
    assert_string_equal(b.update[1].groups[0], "encoder");
    assert_null(b.update[1].groups[1]);
    bench_close(&b);
    linear_close(&l);
    static const char *const learned[] = {"learn-prior", "true", NULL};
    open_spoilt(&l, learned);
    bench_open(&b, &l, &how, 1);
    assert_string_equal(b.update[0].groups[1], "prior");
    bench_close(&b);
    linear_close(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_against_sums), cmocka_unit_test(test_full_gradients),
        cmocka_unit_test(test_full_kl),           cmocka_unit_test(test_full_means),
        cmocka_unit_test(test_wake_sleep_means),  cmocka_unit_test(test_wake_sleep_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
