/* metrics.jsonl: lines out and series in, resuming, damage, full disks. */
#include "train/metrics_log.h"

#include <jansson.h>
#include <math.h>

#include "base/memory.h"
#include "scratch.h"

static const double per_dim[3] = {0.1, NAN, 2.5e-300};

static elbo_status append(const char *path, int64_t epoch, double loss, elbo_error *error) {
    const elbo_metric metrics[] = {ELBO_METRIC_OF_INTEGER("epoch", epoch), ELBO_METRIC_OF_REAL("loss", loss),
                                   ELBO_METRIC_OF_TEXT("note", "a \"b\"\n\xC3\xA9"),
                                   ELBO_METRIC_OF_REALS("kl", per_dim, 3)};
    return elbo_metrics_log_append(path, metrics, 4, error);
}

static void fresh(const char *path, int64_t epochs) {
    elbo_error error = {0};
    (void)unlink(path);
    for (int64_t i = 1; i <= epochs; i++) assert_int_equal(append(path, i, 100.0 / (double)i, &error), ELBO_OK);
}

/* Each line by itself, through the JSON library rather than the reader. */
static void lines(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    size_t count;
    const double losses[] = {0.1, -0.0, NAN, INFINITY, -INFINITY, 1e-320, 1.7976931348623157e308, 150.9};
    (void)unlink(place->path);
    for (size_t i = 0; i < 8; i++) assert_int_equal(append(place->path, INT64_MAX, losses[i], &error), ELBO_OK);
    char *bytes = scratch_read(place->path, &count), *line = bytes;
    for (size_t i = 0; i < 8; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *object = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(object);
        assert_int_equal(json_object_size(object), 4);
        assert_true(json_integer_value(json_object_get(object, "epoch")) == INT64_MAX);
        json_t *loss = json_object_get(object, "loss");
        if (isfinite(losses[i])) {
            double value = json_real_value(loss);
            assert_memory_equal(&value, &losses[i], sizeof value);
        } else
            assert_true(json_is_null(loss));
        assert_string_equal(json_string_value(json_object_get(object, "note")), "a \"b\"\n\xC3\xA9");
        json_t *kl = json_object_get(object, "kl");
        assert_int_equal(json_array_size(kl), 3);
        assert_true(json_real_value(json_array_get(kl, 2)) == per_dim[2]);
        assert_true(json_is_null(json_array_get(kl, 1)));
        json_decref(object);
        line = end + 1;
    }
    assert_int_equal(*line, 0);
    free(bytes);
}

static void series(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_metrics_log log;
    static const char text[] =
        "{\"start\": 1}\n{\"epoch\": 1, \"loss\": 3, \"flag\": true, \"kl\": [1, null, \"x\", 2.5]}\n"
        "{\"loss\": null}\n{ \"epoch\": 2.5, \"loss\": -4.5e0, \"note\": \"n\", \"map\": {\"a\": 1}}\n{\"epoch\": 3, "
        "\"lo";
    scratch_write(place->path, text, sizeof text - 1);
    assert_int_equal(elbo_metrics_log_read(&log, place->path, &error), ELBO_OK);
    assert_int_equal(log.lines, 4);
    static const char *const names[] = {"start", "epoch", "loss", "kl[0]", "kl[1]", "kl[3]"};
    assert_int_equal(log.count, 6);
    for (size_t i = 0; i < 6; i++) assert_string_equal(log.series[i].name, names[i]);
    const elbo_metrics_series *loss = elbo_metrics_log_find(&log, "loss");
    assert_int_equal(loss->count, 3);
    assert_true(loss->epoch[0] == 1 && loss->epoch[1] == 1 && loss->epoch[2] == 2.5);
    assert_true(loss->value[0] == 3 && isnan(loss->value[1]) && loss->value[2] == -4.5);
    assert_true(isnan(elbo_metrics_log_find(&log, "start")->epoch[0]));
    assert_true(elbo_metrics_log_find(&log, "kl[3]")->value[0] == 2.5);
    assert_true(isnan(elbo_metrics_log_find(&log, "kl[1]")->value[0]));
    assert_null(elbo_metrics_log_find(&log, "note"));
    elbo_metrics_log_clear(&log);
    assert_int_equal(log.count, 0);

    fresh(place->path, 40); /* past the first sizes of the growing arrays */
    assert_int_equal(elbo_metrics_log_read(&log, place->path, &error), ELBO_OK);
    loss = elbo_metrics_log_find(&log, "loss");
    assert_int_equal(loss->count, 40);
    for (int i = 0; i < 40; i++) assert_true(loss->value[i] == 100.0 / (i + 1) && loss->epoch[i] == i + 1);
    elbo_metrics_log_clear(&log);
}

static void truncation(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
#define L1 "{\"epoch\": 1}\n{\"extra\": 1}\n"
#define L2 "{\"epoch\": 2}\n"
#define L3 "{\"epoch\": 3}\n{\"extra\": 3}\n"
    static const struct {
        const char *before;
        int64_t epoch;
        const char *after; /* NULL: an error with `word` */
        const char *word;
    } cases[] = {
        {L1 L2 L3, 3, L1 L2 L3, NULL},
        {L1 L2 L3, 2, L1 L2, NULL},
        {L1 L2 L3, 1, L1, NULL},
        {L1 L2 L3, 0, "", NULL},
        {L1 L2 "{\"epo", 9, L1 L2, NULL},
        {L1 L2 "{\"epoch\": 3}", 9, L1 L2, NULL}, /* without its newline it may be half of epoch 30 */
        {L1 L2 "{\"epoch\": \n", 9, L1 L2, NULL},
        {L1 L2 "17\n", 9, L1 L2, NULL},
        {"{\"epo", 9, "", NULL},
        {"", 9, "", NULL},
        {"{\"note\": 1}\n" L2, 1, "{\"note\": 1}\n", NULL},
        {L1 "{\"epoch\"\n" L3, 9, NULL, "line 3, byte "},
        {L1 "[1]\n" L3, 9, NULL, "another kind"},
        {L1 "\n" L3, 9, NULL, "line 3"},
        {L1 "{\"a\": 1, \"a\": 2}\n" L3, 9, NULL, "duplicate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count;
        scratch_write(place->path, cases[i].before, strlen(cases[i].before));
        elbo_status status = elbo_metrics_log_truncate(place->path, cases[i].epoch, &error);
        char *bytes = scratch_read(place->path, &count);
        if (cases[i].after) {
            if (status != ELBO_OK) fail_msg("case %zu: %s", i, error.message);
            assert_string_equal(bytes, cases[i].after);
        } else {
            assert_int_equal(status, ELBO_ERROR_FORMAT);
            if (!strstr(error.message, cases[i].word)) fail_msg("case %zu: %s", i, error.message);
            assert_string_equal(bytes, cases[i].before);
        }
        free(bytes);
    }
    (void)unlink(place->path);
    assert_int_equal(elbo_metrics_log_truncate(place->path, 1, &error), ELBO_OK);
    assert_int_not_equal(access(place->path, F_OK), 0);
}

/* A kill can leave any prefix of the file; resuming must keep every whole line, and writing go on after it. */
static void each_torn_end(void **state) {
    scratch *place = *state;
    size_t count, after;
    elbo_error error = {0};
    fresh(place->path, 3);
    char *bytes = scratch_read(place->path, &count);
    for (size_t length = 0; length < count; length++) {
        size_t whole = length;
        while (whole > 0 && bytes[whole - 1] != '\n') whole--;
        scratch_write(place->path, bytes, length);
        if (whole != length) assert_int_equal(append(place->path, 9, 1, &error), ELBO_ERROR_STATE);
        if (length % 16 == 0 || length == whole) { /* each of these syncs */
            assert_int_equal(elbo_metrics_log_truncate(place->path, 100, &error), ELBO_OK);
            char *kept = scratch_read(place->path, &after);
            assert_int_equal(after, whole);
            assert_memory_equal(kept, bytes, whole);
            free(kept);
        }
        elbo_metrics_log log;
        assert_int_equal(elbo_metrics_log_read(&log, place->path, &error), ELBO_OK);
        elbo_metrics_log_clear(&log);
    }
    free(bytes);
}

static void each_flip(void **state) {
    scratch *place = *state;
    size_t count, refused = 0;
    fresh(place->path, 3);
    char *bytes = scratch_read(place->path, &count);
    for (size_t at = 0; at < count; at++)
        for (int bit = 0; bit < 9; bit++) {
            char flip = (char)(bit < 8 ? 1 << bit : 255);
            elbo_metrics_log log;
            elbo_error error = {0};
            bytes[at] = (char)(bytes[at] ^ flip);
            scratch_write(place->path, bytes, count);
            elbo_status status = elbo_metrics_log_read(&log, place->path, &error);
            if (status != ELBO_OK) {
                assert_int_equal(status, ELBO_ERROR_FORMAT);
                assert_int_equal(log.count, 0);
                refused++;
            } else
                assert_true(log.lines >= 1 && log.lines <= 4);
            elbo_metrics_log_clear(&log);
            bytes[at] = (char)(bytes[at] ^ flip);
        }
    assert_true(refused > count);
    free(bytes);
}

static void each_allocation(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_status status;
    elbo_metrics_log log;
    fresh(place->path, 20);
    SCRATCH_EACH_ALLOCATION(number, status = append(place->path, 21, 1, &error),
                            assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK));
    SCRATCH_EACH_ALLOCATION(number, status = elbo_metrics_log_read(&log, place->path, &error), {
        assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK);
        elbo_metrics_log_clear(&log);
    });
    SCRATCH_EACH_ALLOCATION(number, status = elbo_metrics_log_truncate(place->path, 5, &error),
                            assert_true(status == ELBO_OK || (scratch_reached && status == ELBO_ERROR_MEMORY)));
}

static void refused_metrics(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    const elbo_metric cases[][2] = {
        {ELBO_METRIC_OF_REAL("a", 1), ELBO_METRIC_OF_INTEGER("a", 1)},
        {ELBO_METRIC_OF_REAL("a", 1), ELBO_METRIC_OF_TEXT("b", "\xC0\x80")},
        {ELBO_METRIC_OF_REAL("a", 1), ELBO_METRIC_OF_REAL("\xED\xA0\x80", 1)},
    };
    fresh(place->path, 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(elbo_metrics_log_append(place->path, cases[i], 2, &error), ELBO_ERROR_USAGE);
    assert_int_not_equal(access(place->path, F_OK), 0);
}

static void full_and_unwritable(void **state) {
    scratch *place = *state;
    char path[160];
    size_t count, after;
    elbo_error error = {0};
    elbo_metrics_log log;
    fresh(place->path, 3);
    char *bytes = scratch_read(place->path, &count);
    for (size_t room = 0; room < 40; room += 13) { /* half the line fits, and is taken back */
        scratch_disk_size(count + room);
        elbo_status status = append(place->path, 4, 1, &error);
        scratch_disk_size(RLIM_INFINITY);
        assert_int_equal(status, ELBO_ERROR_IO);
        char *kept = scratch_read(place->path, &after);
        assert_int_equal(after, count);
        assert_memory_equal(kept, bytes, count);
        free(kept);
    }
    scratch_disk_size(10);
    elbo_status status = elbo_metrics_log_truncate(place->path, 1, &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_int_equal(status, ELBO_ERROR_IO);
    free(scratch_read(place->path, &after));
    assert_int_equal(after, count);
    free(bytes);

    assert_int_equal(append("/dev/full", 1, 1, &error), ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, "/dev/full"));
    snprintf(path, sizeof path, "%s/below", place->path);
    assert_int_equal(append(path, 1, 1, &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_metrics_log_read(&log, path, &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_metrics_log_truncate(place->folder, 1, &error), ELBO_ERROR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),           cmocka_unit_test(series),
        cmocka_unit_test(truncation),      cmocka_unit_test(each_torn_end),
        cmocka_unit_test(each_flip),       cmocka_unit_test(each_allocation),
        cmocka_unit_test(refused_metrics), cmocka_unit_test(full_and_unwritable),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
