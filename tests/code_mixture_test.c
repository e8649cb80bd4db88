/* Draws of codes, and mixtures fitted to them, on a model whose posterior is known in closed form; exports. */
#include "linear_gaussian.h"

#include "train/safetensors.h"

enum { ROWS = 5000 }; /* more than one portion */

static const double lengths[LINEAR_LATENT] = {1, 0.5, 2};

static linear example(int64_t rows) {
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, rows, 1, 1);
    return l;
}

/* q(z|x) = N(mean, v): standardised draws have mean 0 and variance 1, within 5 standard errors (six figures: a false
 * alarm once in 300 000 seeds), and the noise of two rows has no correlation. */
static void draws_of_codes(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = example(ROWS);
    elbo_array z, again, other;
    assert_int_equal(elbo_model_draw_codes(l.model, &l.array, 3, &z, &error), ELBO_OK);
    assert_int_equal(elbo_model_draw_codes(l.model, &l.array, 3, &again, &error), ELBO_OK);
    assert_int_equal(elbo_model_draw_codes(l.model, &l.array, 4, &other, &error), ELBO_OK);
    const float *drawn = z.data;
    for (int j = 0; j < LINEAR_LATENT; j++) {
        double sum = 0, square = 0;
        for (int64_t n = 0; n < ROWS; n++) {
            double away = ((double)drawn[n * LINEAR_LATENT + j] - linear_mean(&l, n, j)) / sqrt(l.v[j]);
            sum += away / ROWS;
            square += away * away / ROWS;
        }
        assert_true(fabs(sum) < 5 / sqrt(ROWS));
        assert_true(fabs(square - 1) < 5 * sqrt(2.0 / ROWS));
    }
    assert_memory_equal(z.data, again.data, sizeof(float) * ROWS * LINEAR_LATENT);
    assert_memory_not_equal(z.data, other.data, sizeof(float) * ROWS * LINEAR_LATENT);
    elbo_array_free(&z);
    elbo_array_free(&again);
    elbo_array_free(&other);
    linear_close(&l);
}

/* Data drawn from the model itself under its exact posterior: codes are distributed as the prior, N(0, I), whatever
 * each row's own posterior is. One component with full covariance finds that, within 5 standard errors of its 9 figures
 * (a false alarm once in 190 000 seeds). */
static void mixture_of_codes(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_fit_options options;
    linear l = example(ROWS);
    assert_int_equal(elbo_options_init(&elbo_fit_options_table, &options, &error), ELBO_OK);
    options.components = 1;
    assert_int_equal(elbo_options_set(&elbo_fit_options_table, &options, "covariance", "full", &error), ELBO_OK);
    elbo_fit *fit = elbo_model_fit_codes(l.model, l.data, ELBO_SPLIT_TRAIN, &options, 1, &error);
    if (!fit) fail_msg("%s", error.message);
    const char *name;
    elbo_array mean, covariance, codes;
    assert_true(elbo_fit_tensor(fit, 1, &name, &mean) && elbo_fit_tensor(fit, 2, &name, &covariance));
    for (int i = 0; i < LINEAR_LATENT; i++) {
        assert_true(fabs(((double *)mean.data)[i]) < 5 / sqrt(ROWS));
        for (int j = 0; j <= i; j++) {
            double wanted = i == j, error_of = sqrt((i == j ? 2.0 : 1.0) / ROWS);
            assert_true(fabs(((double *)covariance.data)[i * LINEAR_LATENT + j] - wanted) < 5 * error_of);
        }
    }
    /* its draws are codes */
    assert_int_equal(elbo_fit_sample(fit, 20, 1, &codes, &error), ELBO_OK);
    elbo_array x = {0};
    assert_int_equal(elbo_model_decode(l.model, &codes, false, 0, &x, &error), ELBO_OK);
    assert_int_equal(x.shape[0], 20);
    elbo_array_free(&x);
    elbo_array_free(&codes);
    elbo_fit_free(fit);
    assert_null(elbo_model_fit_codes(l.model, l.data, ELBO_SPLIT_TEST, &options, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_STATE);
    elbo_options_clear(&elbo_fit_options_table, &options);
    linear_close(&l);
}

static void codes_of_another_kind_are_refused(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_draw(&l, 50, 1);
    l.data = open_rows(&l.array);
    l.model = model_for(l.data,
                        (const char *const[]){"hidden", "", "latent", "3", "likelihood", "gaussian", "posterior",
                                              "bernoulli", "prior", "bernoulli", "estimator", "reinforce", NULL},
                        1);
    assert_null(elbo_model_fit_codes(l.model, l.data, ELBO_SPLIT_TRAIN, NULL, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "needs any real numbers"));
    linear_close(&l);
}

/* What a group's file holds is what the model has. */
static void exports(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    linear l = example(20);
    assert_int_equal(elbo_model_export(l.model, "encoder", place->path, &error), ELBO_OK);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
    assert_non_null(file);
    assert_int_equal(elbo_safetensors_count(file), 2);
    const elbo_safetensors_tensor *weight = elbo_safetensors_find(file, "encoder.posterior.weight");
    assert_non_null(weight);
    assert_int_equal(weight->rank, 2);
    assert_int_equal(weight->shape[0], LINEAR_SIZE);
    assert_int_equal(weight->shape[1], 2 * LINEAR_LATENT);
    assert_memory_equal(weight->data, tensor(l.model, "encoder.posterior.weight"), weight->bytes);
    assert_string_equal(elbo_safetensors_metadata(file, "model"), "vae");
    assert_string_equal(elbo_safetensors_metadata(file, "item_shape"), "6");
    assert_string_equal(elbo_safetensors_metadata(file, "factor"), "1");
    elbo_safetensors_free(file);
    assert_int_equal(elbo_model_export(l.model, NULL, place->path, &error), ELBO_OK);
    file = elbo_safetensors_open(place->path, &error);
    assert_non_null(file);
    assert_int_equal(elbo_safetensors_count(file), elbo_params_count(elbo_model_get_params(l.model)));
    elbo_safetensors_free(file);
    assert_int_equal(elbo_model_export(l.model, "critic", place->path, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "a group \"critic\"; it has "));
    assert_non_null(strstr(error.message, "encoder"));
    const elbo_param_info state_of = {.name = "state.encoder.up1.mean", .group = "state"};
    assert_true(elbo_param_in_group(&state_of, "encoder") && elbo_param_in_group(&state_of, NULL));
    assert_false(elbo_param_in_group(&state_of, "enc") || elbo_param_in_group(&state_of, "decoder"));
    linear_close(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_of_codes),
        cmocka_unit_test(mixture_of_codes),
        cmocka_unit_test(codes_of_another_kind_are_refused),
        cmocka_unit_test_setup_teardown(exports, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
