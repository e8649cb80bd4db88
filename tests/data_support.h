/* Shared by the tests of data: a folder of its own for the files that a test makes, and opening with expectations. */
#ifndef DATA_SUPPORT_H
#define DATA_SUPPORT_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "elbo.h"

static char data_folder[256];

static inline int data_setup(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(data_folder, sizeof data_folder, "%s/elbo-data-XXXXXX", parent && *parent ? parent : "/tmp");
    return mkdtemp(data_folder) ? 0 : -1;
}

static inline void data_remove(const char *path) {
    DIR *stream = opendir(path);
    for (struct dirent *entry; stream && (entry = readdir(stream));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char inner[2048];
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (length < (int)sizeof inner && unlink(inner) != 0) data_remove(inner);
    }
    if (stream) closedir(stream);
    rmdir(path);
}

static inline int data_teardown(void **state) {
    (void)state;
    data_remove(data_folder);
    return 0;
}

/* A path in the test's folder; good until eight more are asked for. */
static inline const char *at(const char *name) {
    static char paths[8][1024];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", data_folder, name);
    return path;
}

static inline void put(const char *name, const void *bytes, size_t count) {
    unlink(at(name)); /* file systems may wait for the disk when a file is cut to nothing and written again */
    FILE *stream = fopen(at(name), "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, count, stream), count);
    assert_int_equal(fclose(stream), 0);
}

static inline void put_text(const char *name, const char *text) { put(name, text, strlen(text)); }

static inline void put_gzip(const char *name, const void *bytes, size_t count) {
    gzFile stream = gzopen(at(name), "wb");
    assert_non_null(stream);
    assert_int_equal(gzwrite(stream, bytes, (unsigned)count), count);
    assert_int_equal(gzclose(stream), Z_OK);
}

static inline void make_folder(const char *name) { assert_int_equal(mkdir(at(name), 0777), 0); }

/* Opens with options given as "name=value name=value". */
static inline elbo_dataset *try_open(const char *source, const char *settings, elbo_error *error) {
    elbo_data_options options;
    char text[2048];
    memset(error, 0, sizeof *error);
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, error), ELBO_OK);
    snprintf(text, sizeof text, "%s", settings);
    char *rest = NULL;
    for (char *item = strtok_r(text, " ", &rest); item; item = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(item, '=');
        assert_non_null(equals);
        *equals = 0;
        if (elbo_options_set(&elbo_data_options_table, &options, item, equals + 1, error) != ELBO_OK)
            fail_msg("%s", error->message);
    }
    elbo_dataset *dataset = elbo_dataset_open(source, &options, error);
    elbo_options_clear(&elbo_data_options_table, &options);
    return dataset;
}

static inline elbo_dataset *open_good(const char *source, const char *settings) {
    elbo_error error;
    elbo_dataset *dataset = try_open(source, settings, &error);
    if (!dataset) fail_msg("%s: %s", source, error.message);
    return dataset;
}

/* Opening must fail with the status and a message that holds every part of "one|other". */
static inline void open_bad(const char *source, const char *settings, elbo_status status, const char *parts) {
    elbo_error error;
    elbo_dataset *dataset = try_open(source, settings, &error);
    if (dataset) fail_msg("%s %s was opened", source, settings);
    if (error.status != status) fail_msg("%s: status %d, not %d: %s", source, error.status, status, error.message);
    char text[512];
    snprintf(text, sizeof text, "%s", parts);
    char *rest = NULL;
    for (char *part = strtok_r(text, "|", &rest); part; part = strtok_r(NULL, "|", &rest))
        if (!strstr(error.message, part)) fail_msg("no \"%s\" in: %s", part, error.message);
}

static inline void expect_shape(const elbo_dataset *dataset, elbo_dtype dtype, int rank, int64_t a, int64_t b,
                                int64_t c) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    const int64_t shape[3] = {a, b, c};
    assert_int_equal(info->dtype, dtype);
    assert_int_equal(info->item_rank, rank);
    for (int axis = 0; axis < rank; axis++) assert_int_equal(info->item_shape[axis], shape[axis]);
}

/* All values of a split as doubles, in a static buffer. */
static inline const double *values_of(const elbo_dataset *dataset, elbo_split split) {
    static double values[65536];
    static float narrow[65536];
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t count = info->count[split] * info->item_size;
    assert_true(count <= 65536);
    assert_int_equal(elbo_dataset_rows(dataset, split, NULL, 0, info->count[split], narrow, NULL), ELBO_OK);
    for (int64_t i = 0; i < count; i++)
        values[i] = info->dtype == ELBO_U8 ? ((unsigned char *)narrow)[i] : (double)narrow[i];
    return values;
}

static inline void expect_values(const elbo_dataset *dataset, elbo_split split, const double *expected, size_t count) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    assert_int_equal(info->count[split] * info->item_size, count);
    const double *values = values_of(dataset, split);
    for (size_t i = 0; i < count; i++)
        if (values[i] != expected[i]) fail_msg("value %zu is %g, not %g", i, values[i], expected[i]);
}

static inline void expect_labels(const elbo_dataset *dataset, elbo_split split, const int32_t *expected, size_t count) {
    int32_t labels[1024];
    assert_true(count <= 1024);
    assert_int_equal(elbo_dataset_info(dataset)->count[split], count);
    assert_int_equal(elbo_dataset_labels(dataset, split, NULL, 0, (int64_t)count, labels, NULL), ELBO_OK);
    for (size_t i = 0; i < count; i++) assert_int_equal(labels[i], expected[i]);
}

static inline size_t read_bytes(const char *name, unsigned char *bytes, size_t room) {
    FILE *stream = fopen(at(name), "rb");
    assert_non_null(stream);
    size_t count = fread(bytes, 1, room, stream);
    fclose(stream);
    return count;
}

/* Every cut of a file must be refused, and every changed byte must be refused or read without a crash. */
static inline void damage(const char *name, const char *key, bool cuts_fail) {
    static unsigned char bytes[16384];
    char broken[128], source[1200];
    elbo_error error;
    size_t count = read_bytes(name, bytes, sizeof bytes);
    assert_true(count > 0 && count < sizeof bytes);
    snprintf(broken, sizeof broken, "broken-%s", name);
    snprintf(source, sizeof source, "%s%s", at(broken), key);
    for (size_t length = 0; length < count; length++) {
        put(broken, bytes, length);
        elbo_dataset *dataset = try_open(source, "", &error);
        if (dataset && cuts_fail) fail_msg("%s cut to %zu of %zu bytes was opened", name, length, count);
        if (!dataset) assert_true(error.status != ELBO_OK && strlen(error.message) > 10);
        elbo_dataset_free(dataset);
    }
    for (size_t i = 0; i < count; i++) {
        static const unsigned char flips[] = {0x01, 0x80, 0xff};
        for (size_t flip = 0; flip < 3; flip++) {
            bytes[i] ^= flips[flip];
            put(broken, bytes, count);
            elbo_dataset_free(try_open(source, "", &error));
            bytes[i] ^= flips[flip];
        }
    }
    unlink(at(broken));
}

/* Each allocation fails in turn; opening must then fail too and leak nothing (seen by the sanitizers). */
static inline void starve(const char *source, const char *settings) {
    elbo_error error;
    for (long number = 1; number < 100000; number++) {
        elbo_data_options options;
        assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, NULL), ELBO_OK);
        char text[256];
        snprintf(text, sizeof text, "%s", settings);
        char *equals = strchr(text, '=');
        if (equals) {
            *equals = 0;
            assert_int_equal(elbo_options_set(&elbo_data_options_table, &options, text, equals + 1, NULL), ELBO_OK);
        }
        elbo_memory_fail_at(number);
        elbo_dataset *dataset = elbo_dataset_open(source, &options, &error);
        long made = elbo_memory_count();
        elbo_memory_fail_at(0);
        elbo_options_clear(&elbo_data_options_table, &options);
        elbo_dataset_free(dataset);
        if (made < number) {
            assert_non_null(dataset);
            return;
        }
    }
    fail_msg("%s needs more than 100000 allocations", source);
}

#endif
