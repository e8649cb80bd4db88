/* Models in use: opening, encoding, decoding, drawing, against direct formulas; curves; and what the registries list.
 */
#include "linear_gaussian.h"

#include <sys/stat.h>

#include "base/memory.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "train/checkpoint.h"

static const double lengths[LINEAR_LATENT] = {1, 0.5, 2};

static linear example(int64_t rows) {
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, rows, 1, 1);
    return l;
}

static const float *values(const elbo_array *array) { return array->data; }

static void shape_is(const elbo_array *array, int64_t rows, int64_t columns) {
    assert_int_equal(array->dtype, ELBO_F32);
    assert_int_equal(array->rank, 2);
    assert_int_equal(array->shape[0], rows);
    assert_int_equal(array->shape[1], columns);
}

/* ---- encode and decode ---- */

/* Counts that fill a batch, leave a part of one, and need two. */
static const int64_t counts[] = {0, 1, 5, 256, 300};
enum { COUNTS = sizeof counts / sizeof *counts };

static void encode(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = example(300);
    for (int c = 0; c < COUNTS; c++) {
        elbo_array x = l.array, mean = {0}, deviation = {0}, alone = {0};
        x.shape[0] = counts[c];
        assert_int_equal(elbo_model_encode(l.model, &x, &mean, &deviation, &error), ELBO_OK);
        assert_int_equal(elbo_model_encode(l.model, &x, NULL, &alone, &error), ELBO_OK);
        shape_is(&mean, counts[c], LINEAR_LATENT);
        shape_is(&deviation, counts[c], LINEAR_LATENT);
        for (int64_t i = 0; i < counts[c] * LINEAR_LATENT; i++) {
            double wanted = linear_mean(&l, i / LINEAR_LATENT, (int)(i % LINEAR_LATENT));
            assert_true(fabs((double)values(&mean)[i] - wanted) < 1e-5);
            assert_true(fabs((double)values(&deviation)[i] - sqrt(l.v[i % LINEAR_LATENT])) < 1e-6);
        }
        assert_memory_equal(alone.data, deviation.data, sizeof(float) * (size_t)(counts[c] * LINEAR_LATENT));
        elbo_array_free(&mean);
        elbo_array_free(&deviation);
        elbo_array_free(&alone);
    }
    linear_close(&l);
}

static double decoded(const linear *l, const float *z, int64_t row, int64_t i) {
    double sum = l->b[i];
    for (int j = 0; j < LINEAR_LATENT; j++) sum += l->w[j][i] * (double)z[row * LINEAR_LATENT + j];
    return sum;
}

static void decode(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = example(10);
    for (int c = 0; c < COUNTS; c++) {
        elbo_array z, x;
        assert_int_equal(elbo_model_prior(l.model, counts[c], 5, 1, &z, &error), ELBO_OK);
        assert_int_equal(elbo_model_decode(l.model, &z, false, 0, &x, &error), ELBO_OK);
        shape_is(&x, counts[c], LINEAR_SIZE);
        for (int64_t i = 0; i < counts[c] * LINEAR_SIZE; i++)
            assert_true(fabs((double)values(&x)[i] - decoded(&l, z.data, i / LINEAR_SIZE, i % LINEAR_SIZE)) < 1e-5);
        elbo_array_free(&z);
        elbo_array_free(&x);
    }
    linear_close(&l);
}

/* Draws of p(x|z): around the mean with deviation s, the same for the same seed and row. */
static void decode_draws(void **state) {
    (void)state;
    enum { ROWS = 2000 };
    elbo_error error = {0};
    linear l = example(10);
    elbo_array z, mean, draw, again, other, few;
    assert_int_equal(elbo_model_prior(l.model, ROWS, 5, 1, &z, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(l.model, &z, false, 0, &mean, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(l.model, &z, true, 5, &draw, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(l.model, &z, true, 5, &again, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(l.model, &z, true, 6, &other, &error), ELBO_OK);
    z.shape[0] = 3;
    assert_int_equal(elbo_model_decode(l.model, &z, true, 5, &few, &error), ELBO_OK);
    int64_t count = ROWS * LINEAR_SIZE;
    double sum = 0, square = 0, with_z = 0;
    for (int64_t i = 0; i < count; i++) {
        double noise = ((double)values(&draw)[i] - (double)values(&mean)[i]) / l.s;
        sum += noise / (double)count;
        square += noise * noise / (double)count;
        if (i % LINEAR_SIZE < LINEAR_LATENT)
            with_z += noise * (double)values(&z)[i / LINEAR_SIZE * LINEAR_LATENT + i % LINEAR_SIZE];
    }
    assert_true(fabs(sum) < 5 / sqrt((double)count)); /* 5 standard errors each */
    assert_true(fabs(square - 1) < 5 * sqrt(2 / (double)count));
    assert_true(fabs(with_z) < 5 * sqrt(ROWS * LINEAR_LATENT)); /* not the numbers that made z, though the seed is */
    assert_memory_equal(draw.data, again.data, sizeof(float) * (size_t)count);
    assert_memory_not_equal(draw.data, other.data, sizeof(float) * (size_t)count);
    for (int i = 0; i < 3 * LINEAR_SIZE; i++) assert_true(fabsf(values(&few)[i] - values(&draw)[i]) < 1e-5f);
    elbo_array *all[] = {&z, &mean, &draw, &again, &other, &few};
    for (int i = 0; i < 6; i++) elbo_array_free(all[i]);
    linear_close(&l);
}

static void prior(void **state) {
    (void)state;
    enum { ROWS = 3000 };
    elbo_error error = {0};
    linear l = example(10);
    elbo_array z, half, cold, few;
    assert_int_equal(elbo_model_prior(l.model, ROWS, 1, 1, &z, &error), ELBO_OK);
    assert_int_equal(elbo_model_prior(l.model, ROWS, 1, 0.5, &half, &error), ELBO_OK);
    assert_int_equal(elbo_model_prior(l.model, 4, 1, 0, &cold, &error), ELBO_OK);
    assert_int_equal(elbo_model_prior(l.model, 4, 1, 1, &few, &error), ELBO_OK);
    shape_is(&z, ROWS, LINEAR_LATENT);
    double sum = 0, square = 0, count = ROWS * LINEAR_LATENT;
    for (int64_t i = 0; i < ROWS * LINEAR_LATENT; i++) {
        double value = (double)values(&z)[i];
        sum += value / count;
        square += value * value / count;
        assert_true(values(&half)[i] == 0.5f * values(&z)[i]);
    }
    assert_true(fabs(sum) < 5 / sqrt(count));
    assert_true(fabs(square - 1) < 5 * sqrt(2 / count));
    for (int i = 0; i < 4 * LINEAR_LATENT; i++) assert_true(values(&cold)[i] == 0 && values(&few)[i] == values(&z)[i]);
    assert_int_equal(elbo_model_prior(l.model, 4, 1, -1, &few, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_model_prior(l.model, 4, 1, (double)NAN, &few, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_model_prior(l.model, -1, 1, 1, &few, &error), ELBO_ERROR_USAGE);
    elbo_array *all[] = {&z, &half, &cold, &few};
    for (int i = 0; i < 4; i++) elbo_array_free(all[i]);
    linear_close(&l);
}

/* Bytes come back as bytes: means within [0, 255], draws one of both; images keep their shape; floats may be encoded.
 */
static void bytes(void **state) {
    (void)state;
    static const char *const pairs[] = {"hidden", "7", "latent", "2", NULL};
    elbo_error error = {0};
    elbo_array images, floats, from_bytes, from_floats, grey, drawn;
    assert_int_equal(elbo_array_new(&images, ELBO_U8, 3, ELBO_SHAPE(9, 4, 5).dim, &error), ELBO_OK);
    assert_int_equal(elbo_array_new(&floats, ELBO_F32, 3, ELBO_SHAPE(9, 4, 5).dim, &error), ELBO_OK);
    for (int i = 0; i < 180; i++) ((float *)floats.data)[i] = ((uint8_t *)images.data)[i] = (uint8_t)(i * 29 % 256);
    elbo_dataset *data = open_rows(&images);
    elbo_model *model = model_for(data, pairs, 1);
    assert_int_equal(elbo_model_encode(model, &images, &from_bytes, NULL, &error), ELBO_OK);
    assert_int_equal(elbo_model_encode(model, &floats, &from_floats, NULL, &error), ELBO_OK);
    assert_memory_equal(from_bytes.data, from_floats.data, sizeof(float) * 18);
    assert_int_equal(elbo_model_decode(model, &from_bytes, false, 0, &grey, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(model, &from_bytes, true, 3, &drawn, &error), ELBO_OK);
    assert_int_equal(grey.rank, 3);
    assert_int_equal(grey.shape[1], 4);
    assert_int_equal(grey.shape[2], 5);
    int white = 0;
    for (int i = 0; i < 180; i++) {
        assert_true(values(&grey)[i] > 0 && values(&grey)[i] < 255);
        assert_true(values(&drawn)[i] == 0 || fabsf(values(&drawn)[i] - 255) < 1e-3f);
        white += values(&drawn)[i] > 0;
    }
    assert_true(white > 40 && white < 140); /* fresh weights: even odds */
    double low, high;
    elbo_model_picture_range(model, &low, &high);
    assert_true(low == 0 && high == 255);
    elbo_array *all[] = {&images, &floats, &from_bytes, &from_floats, &grey, &drawn};
    elbo_model_free(model);
    elbo_dataset_free(data);
    for (int i = 0; i < 6; i++) elbo_array_free(all[i]);
}

static void refusals(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = example(10);
    elbo_array out = {0}, narrow = l.array, bytes_of = l.array, flat = l.array, codes = l.array;
    narrow.shape[1] = 4;
    bytes_of.dtype = ELBO_U8;
    flat.rank = 1;
    const elbo_array *bad[] = {&narrow, &bytes_of, &flat};
    const char *said[] = {"items of 4 values", "type u8", "rank 1"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(elbo_model_encode(l.model, bad[i], &out, NULL, &error), ELBO_ERROR_SHAPE);
        assert_non_null(strstr(error.message, said[i]));
        assert_null(out.data);
    }
    assert_int_equal(elbo_model_decode(l.model, &codes, false, 0, &out, &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "f32 [N, 3] was expected"));
    linear_close(&l);
}

/* Asking again for a size that was planned before compiles nothing. */
static void plans_are_kept(void **state) {
    (void)state;
    elbo_error error = {0};
    linear l = example(10);
    elbo_array z;
    long made[3];
    static const int64_t rows[3] = {20, 31, 32};
    for (int i = 0; i < 3; i++) {
        elbo_memory_fail_at(0);
        assert_int_equal(elbo_model_prior(l.model, rows[i], 1, 1, &z, &error), ELBO_OK);
        made[i] = elbo_memory_count();
        elbo_array_free(&z);
    }
    assert_true(made[0] > 5);
    assert_int_equal(made[1], 1); /* the array that is handed out */
    assert_int_equal(made[2], 1);
    linear_close(&l);
}

/* ---- opening ---- */

static void write_checkpoint(const linear *l, const char *path, int64_t epoch) {
    elbo_error error = {0};
    elbo_training_state training = {.epoch = epoch, .step = 10 * epoch};
    assert_int_equal(elbo_checkpoint_write(path, &l->model->instance, &training, NULL, 0, &error), ELBO_OK);
}

static void opened_at(const char *path, const char *which, int64_t epoch, const linear *l) {
    elbo_error error = {0};
    elbo_array mean;
    elbo_model *model = elbo_model_open(path, which, 1, &error);
    if (!model) fail_msg("%s", error.message);
    const elbo_model_info *info = elbo_model_get_info(model);
    assert_string_equal(info->model, "vae");
    assert_int_equal(info->item_rank, 1);
    assert_int_equal(info->item_shape[0], LINEAR_SIZE);
    assert_int_equal(info->item_size, LINEAR_SIZE);
    assert_int_equal(info->latent, LINEAR_LATENT);
    assert_int_equal(info->parameters, 2 * LINEAR_LATENT * (LINEAR_SIZE + 1) + LINEAR_SIZE * (LINEAR_LATENT + 1));
    assert_int_equal(info->epoch, epoch);
    assert_int_equal(info->step, 10 * epoch);
    assert_string_equal(elbo_config_model(elbo_model_get_config(model)), "vae");
    assert_int_equal(elbo_model_encode(model, &l->array, &mean, NULL, &error), ELBO_OK);
    assert_true(fabs((double)values(&mean)[0] - linear_mean(l, 0, 0)) < 1e-5);
    elbo_array_free(&mean);
    elbo_model_free(model);
}

static void not_opened(const char *path, const char *which, elbo_status status, const char *said) {
    elbo_error error = {0};
    assert_null(elbo_model_open(path, which, 1, &error));
    assert_int_equal(error.status, status);
    if (!strstr(error.message, said)) fail_msg("\"%s\" does not say \"%s\"", error.message, said);
}

static void opening(void **state) {
    scratch *place = *state;
    char best[256], last[256];
    snprintf(best, sizeof best, "%s/best.safetensors", place->folder);
    snprintf(last, sizeof last, "%s/last.safetensors", place->folder);
    linear l = example(10);
    not_opened(place->folder, NULL, ELBO_ERROR_IO, "neither best.safetensors nor last.safetensors");
    write_checkpoint(&l, last, 7);
    opened_at(place->folder, NULL, 7, &l);
    not_opened(place->folder, "best", ELBO_ERROR_IO, "best.safetensors: no such checkpoint");
    write_checkpoint(&l, best, 5);
    opened_at(place->folder, NULL, 5, &l);
    opened_at(place->folder, "best", 5, &l);
    opened_at(place->folder, "last", 7, &l);
    opened_at(last, NULL, 7, &l);
    not_opened(last, "last", ELBO_ERROR_USAGE, "is a checkpoint already");
    not_opened(place->folder, "first", ELBO_ERROR_USAGE, "best or last was expected");
    not_opened(place->path, NULL, ELBO_ERROR_IO, "no such run folder or checkpoint");
    scratch_write(best, "no tensors here, none at all", 28);
    not_opened(place->folder, NULL, ELBO_ERROR_FORMAT, "best.safetensors");
    linear_close(&l);
}

static void picture_range(void **state) {
    (void)state;
    double low, high, least = 1e9, most = -1e9;
    linear l = example(10);
    for (int i = 0; i < 10 * LINEAR_SIZE; i++) {
        least = fmin(least, (double)l.x[i]);
        most = fmax(most, (double)l.x[i]);
    }
    elbo_model_picture_range(l.model, &low, &high);
    assert_true(low == least && high == most);
    l.model->instance.high = l.model->instance.low;
    elbo_model_picture_range(l.model, &low, &high);
    assert_true(high > low);
    l.model->instance.dtype = ELBO_U8;
    l.model->instance.high = 1;
    elbo_model_picture_range(l.model, &low, &high);
    assert_true(low == 0 && high == 1);
    linear_close(&l);
}

/* ---- curves ---- */

static void curves(void **state) {
    scratch *place = *state;
    static const char lines[] =
        "{\"epoch\":1,\"train_loss\":5.5}\n{\"epoch\":2,\"train_loss\":4.25,\"test_loss\":null}\n";
    char path[256];
    double *epoch, *value;
    size_t count;
    elbo_error error = {0};
    snprintf(path, sizeof path, "%s/metrics.jsonl", place->folder);
    scratch_write(path, lines, sizeof lines - 1);
    assert_int_equal(elbo_metrics_read(place->folder, "train_loss", &epoch, &value, &count, &error), ELBO_OK);
    assert_int_equal(count, 2);
    assert_true(epoch[0] == 1 && epoch[1] == 2 && value[0] == 5.5 && value[1] == 4.25);
    elbo_metrics_free(epoch);
    elbo_metrics_free(value);
    assert_int_equal(elbo_metrics_read(place->folder, "test_loss", &epoch, &value, &count, &error), ELBO_OK);
    assert_true(count == 1 && epoch[0] == 2 && isnan(value[0]));
    elbo_metrics_free(epoch);
    elbo_metrics_free(value);
    assert_int_equal(elbo_metrics_read(place->folder, "nonsense", &epoch, &value, &count, &error), ELBO_OK);
    assert_true(count == 0 && !epoch && !value);
    elbo_metrics_free(NULL);
    scratch_write(path, "{\"epoch\":\n{}\n", 13);
    assert_int_equal(elbo_metrics_read(place->folder, "train_loss", &epoch, &value, &count, &error), ELBO_ERROR_FORMAT);
    assert_true(count == 0 && !epoch && !value);
}

/* ---- registries ---- */

static bool lists(const char *kind, const char *wanted) {
    const char *name;
    for (size_t i = 0; elbo_registry_entry(kind, i, &name, NULL); i++)
        if (strcmp(name, wanted) == 0) return true;
    return false;
}

/* Each kind has entries, each with a line about it, none twice. */
static void registries(void **state) {
    (void)state;
    static const struct {
        const char *kind, *member;
    } kinds[] = {
        {"models", "vae"},       {"optimisers", "adam"}, {"schedules", "cosine"},        {"distributions", "normal"},
        {"activations", "tanh"}, {"formats", "idx"},     {"generators", "synth:glyphs"}, {"operations", "matmul"}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const char *name, *description, *other;
        size_t count = 0;
        for (; elbo_registry_entry(kinds[k].kind, count, &name, &description); count++) {
            if (!name || !*name || !description || !*description)
                fail_msg("%s: entry %zu (%s) has no name or no description", kinds[k].kind, count, name);
            for (size_t i = 0; i < count; i++) {
                assert_true(elbo_registry_entry(kinds[k].kind, i, &other, NULL));
                assert_string_not_equal(name, other);
            }
        }
        assert_true(lists(kinds[k].kind, kinds[k].member));
        assert_false(elbo_registry_entry(kinds[k].kind, count + 1, &name, &description));
    }
    const char *name;
    assert_false(elbo_registry_entry("nonsense", 0, &name, NULL));
}

/* The names of a kind, separated by '|', in order. */
static const char *joined(const char *kind, char *text, size_t size) {
    const char *name;
    size_t used = 0;
    for (size_t i = 0; elbo_registry_entry(kind, i, &name, NULL); i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "|" : "", name);
    return text;
}

/* What is listed by hand agrees with what options accept. */
static void lists_by_hand(void **state) {
    (void)state;
    char text[512];
    elbo_error error = {0};
    assert_string_equal(joined("activations", text, sizeof text), ELBO_ACTIVATIONS);
    assert_string_equal(joined("schedules", text, sizeof text),
                        elbo_options_find(&elbo_optimiser_options_table, "schedule")->choices);
    assert_null(elbo_dataset_open("synth:nonsense", NULL, &error));
    const char *name;
    size_t count = 0, listed = 0;
    for (; elbo_registry_entry("generators", count, &name, NULL); count++) assert_non_null(strstr(error.message, name));
    for (const char *at = error.message; (at = strstr(at, "synth:")); at++) listed++;
    assert_int_equal(listed, count + 1); /* the message names the wrong one, then all that exist */
    for (size_t i = 0; i < count; i++) {
        char source[64];
        assert_true(elbo_registry_entry("generators", i, &name, NULL));
        snprintf(source, sizeof source, "%s?test=3", name);
        elbo_dataset *data = elbo_dataset_open(source, NULL, &error);
        if (!data) fail_msg("%s", error.message);
        assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_TEST], 3);
        elbo_dataset_free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode),         cmocka_unit_test(decode),
        cmocka_unit_test(decode_draws),   cmocka_unit_test(prior),
        cmocka_unit_test(bytes),          cmocka_unit_test(refusals),
        cmocka_unit_test(plans_are_kept), cmocka_unit_test_setup_teardown(opening, scratch_make, scratch_remove),
        cmocka_unit_test(picture_range),  cmocka_unit_test_setup_teardown(curves, scratch_make, scratch_remove),
        cmocka_unit_test(registries),     cmocka_unit_test(lists_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
