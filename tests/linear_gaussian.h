/* A VAE without hidden layers and with a Gaussian likelihood of fixed width: everything about it has a closed form.
 *
 *   p(x|z) = N(W z + b, s^2 I)   =>   p(x) = N(b, W W' + s^2 I)
 *   q(z|x) = N(A (x - b), diag(v)); exact where W'W is diagonal, v_j = 1 / (1 + |w_j|^2 / s^2) and A = v W' / s^2. */
#ifndef ELBO_TESTS_LINEAR_GAUSSIAN_H
#define ELBO_TESTS_LINEAR_GAUSSIAN_H

#include <gsl/gsl_linalg.h>
#include <math.h>

#include "base/rng.h"
#include "eval/model.h"
#include "scratch.h"

enum { LINEAR_SIZE = 6, LINEAR_LATENT = 3 };

typedef struct linear {
    double w[LINEAR_LATENT][LINEAR_SIZE]; /* columns of W */
    double b[LINEAR_SIZE], s;
    double a[LINEAR_LATENT][LINEAR_SIZE], v[LINEAR_LATENT];
    int64_t rows;
    float *x; /* [rows, LINEAR_SIZE], draws of p(x) */
    elbo_array array;
    elbo_dataset *data;
    elbo_model *model;
} linear;

static inline double linear_norm(const linear *l, int j) {
    double sum = 0;
    for (int i = 0; i < LINEAR_SIZE; i++) sum += l->w[j][i] * l->w[j][i];
    return sum;
}

/* Orthogonal columns of these lengths, and the posterior that belongs to them. */
static inline void linear_orthogonal(linear *l, const double length[LINEAR_LATENT], double s) {
    static const double pattern[LINEAR_LATENT][LINEAR_SIZE] = {
        {.5, .5, .5, .5, 0, 0}, {.5, -.5, .5, -.5, 0, 0}, {.5, .5, -.5, -.5, 0, 0}};
    l->s = s;
    for (int i = 0; i < LINEAR_SIZE; i++) l->b[i] = 0.25 * i - 0.5;
    for (int j = 0; j < LINEAR_LATENT; j++) {
        for (int i = 0; i < LINEAR_SIZE; i++) l->w[j][i] = (double)(float)(length[j] * pattern[j][i]);
        l->v[j] = 1 / (1 + linear_norm(l, j) / (s * s));
        for (int i = 0; i < LINEAR_SIZE; i++) l->a[j][i] = l->v[j] * l->w[j][i] / (s * s);
    }
}

/* A posterior that is wrong in mean and width, around columns that are not orthogonal. */
static inline void linear_spoil(linear *l) {
    l->w[1][0] += 0.25;
    l->w[2][4] = 0.5;
    for (int j = 0; j < LINEAR_LATENT; j++) {
        l->v[j] *= 1.25;
        for (int i = 0; i < LINEAR_SIZE; i++) l->a[j][i] *= 0.875;
    }
}

static inline void linear_draw(linear *l, int64_t rows, uint64_t seed) {
    elbo_rng rng = {seed, ELBO_STREAM_SAMPLE, 0};
    l->rows = rows;
    l->x = calloc((size_t)(rows * LINEAR_SIZE), sizeof *l->x);
    assert_non_null(l->x);
    for (int64_t n = 0; n < rows; n++)
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double value = l->b[i] + l->s * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)i);
            for (int j = 0; j < LINEAR_LATENT; j++)
                value += l->w[j][i] * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)(LINEAR_SIZE + j));
            l->x[n * LINEAR_SIZE + i] = (float)value;
        }
    l->array = (elbo_array){.dtype = ELBO_F32, .rank = 2, .shape = {rows, LINEAR_SIZE}, .data = l->x};
}

static inline float *tensor(elbo_model *model, const char *name) {
    const elbo_param_info *info = elbo_params_find(elbo_model_get_params(model), name);
    assert_non_null(info);
    return elbo_params_data(elbo_model_get_params(model), NULL) + info->offset;
}

/* Writes the formulas above into the model's parameters. */
static inline void linear_set(linear *l) {
    float *w = tensor(l->model, "decoder.output.weight"), *b = tensor(l->model, "decoder.output.bias");
    float *a = tensor(l->model, "encoder.posterior.weight"), *c = tensor(l->model, "encoder.posterior.bias");
    for (int i = 0; i < LINEAR_SIZE; i++) b[i] = (float)l->b[i];
    for (int j = 0; j < LINEAR_LATENT; j++) {
        double offset = 0;
        for (int i = 0; i < LINEAR_SIZE; i++) {
            w[j * LINEAR_SIZE + i] = (float)l->w[j][i];
            a[i * 2 * LINEAR_LATENT + j] = (float)l->a[j][i];
            a[i * 2 * LINEAR_LATENT + LINEAR_LATENT + j] = 0;
            offset -= l->a[j][i] * l->b[i];
        }
        c[j] = (float)offset;
        c[LINEAR_LATENT + j] = (float)log(l->v[j]);
    }
    elbo_params_touch(elbo_model_get_params(l->model));
}

static inline elbo_config *configure(const char *const *pairs, elbo_error *error) {
    elbo_config *config = elbo_config_new("vae", error);
    assert_non_null(config);
    for (; pairs[0]; pairs += 2) assert_int_equal(elbo_config_set(config, pairs[0], pairs[1], error), ELBO_OK);
    return config;
}

/* A fresh model for a data set. */
static inline elbo_model *model_for(elbo_dataset *data, const char *const *pairs, int threads) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_config *config = configure(pairs, &error);
    if (elbo_instance_new(&instance, config, data, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    elbo_model *model = elbo_model_from(&instance, 3, 40, threads, &error);
    assert_non_null(model);
    return model;
}

/* All rows are training rows. */
static inline elbo_dataset *open_rows(const elbo_array *x) {
    elbo_error error = {0};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    elbo_dataset *data = elbo_dataset_from_array(x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!data) fail_msg("%s", error.message);
    return data;
}

static inline void linear_open(linear *l, int64_t rows, uint64_t seed, int threads) {
    char scale[32];
    snprintf(scale, sizeof scale, "%.17g", l->s);
    const char *const pairs[] = {"hidden", "",      "latent", "3",         "likelihood", "gaussian", "variance",
                                 "fixed",  "scale", scale,    "normalize", "none",       NULL};
    linear_draw(l, rows, seed);
    l->data = open_rows(&l->array);
    l->model = model_for(l->data, pairs, threads);
    linear_set(l);
}

static inline void linear_close(linear *l) {
    elbo_model_free(l->model);
    elbo_dataset_free(l->data);
    free(l->x);
}

/* Mean of q(z|x) of a row. */
static inline double linear_mean(const linear *l, int64_t row, int j) {
    double sum = 0;
    for (int i = 0; i < LINEAR_SIZE; i++) sum += l->a[j][i] * ((double)l->x[row * LINEAR_SIZE + i] - l->b[i]);
    return sum;
}

/* log p(x) of each row, by Cholesky's factor of W W' + s^2 I. */
static inline void linear_log_p(const linear *l, double *out) {
    gsl_matrix *covariance = gsl_matrix_calloc(LINEAR_SIZE, LINEAR_SIZE);
    gsl_vector *x = gsl_vector_calloc(LINEAR_SIZE), *y = gsl_vector_calloc(LINEAR_SIZE);
    double log_det = 0;
    for (int i = 0; i < LINEAR_SIZE; i++)
        for (int k = 0; k < LINEAR_SIZE; k++) {
            double sum = i == k ? l->s * l->s : 0;
            for (int j = 0; j < LINEAR_LATENT; j++) sum += l->w[j][i] * l->w[j][k];
            gsl_matrix_set(covariance, (size_t)i, (size_t)k, sum);
        }
    gsl_linalg_cholesky_decomp1(covariance);
    for (size_t i = 0; i < LINEAR_SIZE; i++) log_det += 2 * log(gsl_matrix_get(covariance, i, i));
    for (int64_t n = 0; n < l->rows; n++) {
        double square = 0;
        for (size_t i = 0; i < LINEAR_SIZE; i++)
            gsl_vector_set(x, i, (double)l->x[n * LINEAR_SIZE + (int64_t)i] - l->b[i]);
        gsl_linalg_cholesky_solve(covariance, x, y);
        for (size_t i = 0; i < LINEAR_SIZE; i++) square += gsl_vector_get(x, i) * gsl_vector_get(y, i);
        out[n] = -0.5 * (square + log_det + LINEAR_SIZE * 1.8378770664093454836);
    }
    gsl_matrix_free(covariance);
    gsl_vector_free(x);
    gsl_vector_free(y);
}

static inline double linear_mean_log_p(const linear *l) {
    double *each = calloc((size_t)l->rows, sizeof *each), sum = 0;
    assert_non_null(each);
    linear_log_p(l, each);
    for (int64_t n = 0; n < l->rows; n++) sum += each[n] / (double)l->rows;
    free(each);
    return sum;
}

#endif
