/* IDX: folders and single files, every element type, gzip, damage. */
#include "data_support.h"

static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2,  0,  0,
                                       0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 2, 0, 1};
static const unsigned char more_images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 21, 22, 23, 24};
static const unsigned char more_labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 3};

static void folder_reads_train_then_test(void **state) {
    (void)state;
    static const struct {
        const char *names[4];
        bool gzip;
    } rows[] = {
        {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"},
         false},
        {{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
          "t10k-labels-idx1-ubyte.gz"},
         true},
        {{"train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"},
         false},
        {{"emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits-train-labels-idx1-ubyte.gz",
          "emnist-digits-test-images-idx3-ubyte.gz", "emnist-digits-test-labels-idx1-ubyte.gz"},
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[512];
        const unsigned char *bytes[4] = {images, labels, more_images, more_labels};
        const size_t sizes[4] = {sizeof images, sizeof labels, sizeof more_images, sizeof more_labels};
        snprintf(name, sizeof name, "folder%zu", i);
        make_folder(name);
        for (int file = 0; file < 4; file++) {
            snprintf(name, sizeof name, "folder%zu/%s", i, rows[i].names[file]);
            (rows[i].gzip ? put_gzip : put)(name, bytes[file], sizes[file]);
        }
        snprintf(name, sizeof name, "folder%zu", i);
        elbo_dataset *data = open_good(at(name), "");
        const elbo_data_info *info = elbo_dataset_info(data);
        assert_string_equal(info->format, "idx");
        expect_shape(data, ELBO_U8, 2, 2, 2, 0);
        assert_int_equal(info->classes, 4);
        assert_string_equal(info->class_names[3], "3");
        expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}, 12);
        expect_values(data, ELBO_SPLIT_TEST, (const double[]){21, 22, 23, 24}, 4);
        expect_labels(data, ELBO_SPLIT_ALL, (const int32_t[]){2, 0, 1, 3}, 4);
        assert_true(info->minimum == 1 && info->maximum == 255 && info->integral);
        elbo_dataset_free(data);
        starve(at(name), "");
    }
}

static void folder_that_is_incomplete_or_contradicts(void **state) {
    (void)state;
    make_folder("bad");
    put("bad/t10k-images-idx3-ubyte", images, sizeof images);
    open_bad(at("bad"), "", ELBO_ERROR_FORMAT, "train-images|missing");
    put("bad/train-images-idx3-ubyte", images, sizeof images);
    put("bad/train-labels-idx1-ubyte", labels, sizeof labels);
    open_bad(at("bad"), "", ELBO_ERROR_FORMAT, "t10k-labels|missing");
    put("bad/t10k-labels-idx1-ubyte", more_labels, sizeof more_labels);
    open_bad(at("bad"), "", ELBO_ERROR_SHAPE, "t10k-labels|1 labels|3 images");
    put("bad/t10k-labels-idx1-ubyte", labels, sizeof labels);
    elbo_dataset_free(open_good(at("bad"), ""));
    put("bad/train-labels-idx1-ubyte", more_labels, sizeof more_labels);
    open_bad(at("bad"), "", ELBO_ERROR_SHAPE, "train-labels|1 labels|3 images");
    put("bad/train-labels-idx1-ubyte", labels, sizeof labels);
    put_gzip("bad/train-images-idx3-ubyte.gz", "not looked at", 13);
    elbo_dataset_free(open_good(at("bad"), ""));
    put("bad/train-images.idx3-ubyte", images, sizeof images);
    open_bad(at("bad"), "", ELBO_ERROR_FORMAT, "both|train-images");
    unlink(at("bad/train-images.idx3-ubyte"));
    unsigned char wide[sizeof more_images];
    memcpy(wide, more_images, sizeof wide);
    wide[11] = 1, wide[15] = 4; /* 1 x 4 pixels */
    put("bad/t10k-images-idx3-ubyte", wide, sizeof wide);
    open_bad(at("bad"), "", ELBO_ERROR_SHAPE, "different type or shape");
}

static void every_element_type(void **state) {
    (void)state;
    static const struct {
        const char *name;
        unsigned char bytes[24];
        size_t count;
        elbo_dtype dtype;
        double values[2];
    } rows[] = {
        {"ubyte.idx", {0, 0, 0x08, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 255}, 14, ELBO_U8, {7, 255}},
        {"byte.idx", {0, 0, 0x09, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 255}, 14, ELBO_F32, {7, -1}},
        {"short.idx", {0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 255, 254}, 16, ELBO_F32, {256, -2}},
        {"int.idx", {0, 0, 0x0C, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 255, 255, 255, 253}, 20, ELBO_F32, {65536, -3}},
        {"float.idx",
         {0, 0, 0x0D, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0},
         20,
         ELBO_F32,
         {1, -2.5}},
        {"double.idx", {0, 0, 0x0E, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0}, 20, ELBO_F32, {-0.5}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put(rows[i].name, rows[i].bytes, rows[i].count);
        elbo_dataset *data = open_good(at(rows[i].name), "");
        size_t count = rows[i].bytes[11];
        expect_shape(data, rows[i].dtype, 1, (int64_t)count, 0, 0);
        expect_values(data, ELBO_SPLIT_TRAIN, rows[i].values, count);
        elbo_dataset_free(data);
        elbo_array array;
        assert_int_equal(elbo_array_load(&array, at(rows[i].name), NULL), ELBO_OK);
        static const elbo_dtype kept[] = {ELBO_U8, ELBO_I32, ELBO_I32, ELBO_I32, ELBO_F32, ELBO_F64};
        assert_int_equal(array.dtype, kept[i]);
        elbo_array_free(&array);
    }
}

static void single_file_finds_labels_beside(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"one-images-idx3-ubyte", "one-labels-idx1-ubyte"},
                                          {"two-images.idx3-ubyte", "two-labels.idx1-ubyte"},
                                          {"three-idx3-ubyte", "three-labels-idx1-ubyte"},
                                          {"four.idx", "four-labels.idx"}};
    for (size_t i = 0; i < 4; i++) {
        put(rows[i][0], images, sizeof images);
        elbo_dataset *data = open_good(at(rows[i][0]), "");
        assert_int_equal(elbo_dataset_info(data)->classes, 0);
        elbo_error error;
        int32_t label;
        assert_int_equal(elbo_dataset_labels(data, ELBO_SPLIT_ALL, NULL, 0, 1, &label, &error), ELBO_ERROR_STATE);
        elbo_dataset_free(data);
        put_gzip(rows[i][1], labels, sizeof labels); /* compressed, though its name does not say so */
        data = open_good(at(rows[i][0]), "");
        expect_labels(data, ELBO_SPLIT_ALL, (const int32_t[]){2, 0, 1}, 3);
        elbo_dataset_free(data);
        put(rows[i][1], more_labels, sizeof more_labels);
        open_bad(at(rows[i][0]), "", ELBO_ERROR_SHAPE, "1 labels|3 rows");
    }
    put("nameless", images, sizeof images); /* known by its first bytes */
    put("labels.idx", labels, sizeof labels);
    char settings[600];
    snprintf(settings, sizeof settings, "labels=%s", at("labels.idx"));
    elbo_dataset *data = open_good(at("nameless"), settings);
    expect_labels(data, ELBO_SPLIT_ALL, (const int32_t[]){2, 0, 1}, 3);
    elbo_dataset_free(data);
}

static void damaged_files_say_where(void **state) {
    (void)state;
    unsigned char bytes[64];
    static const struct {
        size_t offset;
        unsigned char value;
        const char *parts;
    } changes[] = {{0, 1, "offset 0"},
                   {2, 0x0A, "0a at offset 2"},
                   {3, 0, "offset 3"},
                   {3, 9, "9 axes at offset 3"},
                   {7, 4, "truncated|promises 16 bytes from offset 16|there are 12"},
                   {4, 0x7f, "truncated"},
                   {7, 2, "end at offset 24, but more"},
                   {7, 0, "more bytes follow"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(bytes, images, sizeof images);
        bytes[changes[i].offset] = changes[i].value;
        put("damaged.idx", bytes, sizeof images);
        open_bad(at("damaged.idx"), "", ELBO_ERROR_FORMAT, changes[i].parts);
    }
    memcpy(bytes, images, sizeof images);
    bytes[sizeof images] = 0;
    put("garbage.idx", bytes, sizeof images + 1);
    open_bad(at("garbage.idx"), "", ELBO_ERROR_FORMAT, "end at offset 28, but more bytes follow");
    put_gzip("garbage.idx", bytes, sizeof images + 1);
    open_bad(at("garbage.idx"), "", ELBO_ERROR_FORMAT, "end at offset 28, but more bytes follow");
    put_gzip("good.idx.gz", images, sizeof images);
    unsigned char packed[256];
    size_t count = read_bytes("good.idx.gz", packed, sizeof packed - 1);
    packed[count] = 'x';
    put("tail.idx.gz", packed, count + 1);
    open_bad(at("tail.idx.gz"), "", ELBO_ERROR_FORMAT, "not gzip data at offset");
    put("cut.idx.gz", packed, count - 9);
    open_bad(at("cut.idx.gz"), "", ELBO_ERROR_FORMAT, "truncated|offset");
    packed[count - 5] ^= 1; /* the checksum */
    put("sum.idx.gz", packed, count);
    open_bad(at("sum.idx.gz"), "", ELBO_ERROR_FORMAT, "damaged gzip data near offset");
    put("flat.idx", images, sizeof images);
    damage("flat.idx", "", true);
    damage("good.idx.gz", "", true);
}

/* A header may promise 2^40 bytes; nothing near that may be allocated. */
static void lying_headers_cost_nothing(void **state) {
    (void)state;
    unsigned char bytes[16 + 4096] = {0, 0, 8, 3, 0, 0x40, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0};
    put("lie.idx", bytes, sizeof bytes);
    open_bad(at("lie.idx"), "", ELBO_ERROR_FORMAT, "promises|offset 16");
    put_gzip("lie.idx.gz", bytes, sizeof bytes);
    open_bad(at("lie.idx.gz"), "", ELBO_ERROR_FORMAT, "promises|offset 16");
    memset(bytes + 4, 255, 12);
    put("lie.idx", bytes, sizeof bytes);
    open_bad(at("lie.idx"), "", ELBO_ERROR_FORMAT, "impossible size");
}

static void written_pairs_read_back(void **state) {
    (void)state;
    elbo_error error;
    make_folder("origin");
    put("origin/train-images-idx3-ubyte", images, sizeof images);
    put("origin/train-labels-idx1-ubyte", labels, sizeof labels);
    put("origin/t10k-images-idx3-ubyte", more_images, sizeof more_images);
    put("origin/t10k-labels-idx1-ubyte", more_labels, sizeof more_labels);
    elbo_dataset *data = open_good(at("origin"), "");
    static const char *const names[] = {"copy", "copy2/deep", NULL};
    for (int i = 0; names[i]; i++) {
        char to[1100], name[600];
        snprintf(to, sizeof to, "idx:%s", at(names[i]));
        if (i == 0) { /* all at once, or split by split into one folder */
            assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_ALL, to, &error), ELBO_OK);
        } else {
            assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, to, &error), ELBO_OK);
            assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TEST, to, &error), ELBO_OK);
        }
        unsigned char bytes[64];
        snprintf(name, sizeof name, "%s/train-images-idx3-ubyte", names[i]);
        assert_int_equal(read_bytes(name, bytes, 64), sizeof images);
        assert_memory_equal(bytes, images, sizeof images);
        snprintf(name, sizeof name, "%s/t10k-labels-idx1-ubyte", names[i]);
        assert_int_equal(read_bytes(name, bytes, 64), sizeof more_labels);
        assert_memory_equal(bytes, more_labels, sizeof more_labels);
    }
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("new-images-idx3-ubyte.gz"), &error), ELBO_OK);
    elbo_dataset *back = open_good(at("new-images-idx3-ubyte.gz"), "test_fraction=0");
    expect_values(back, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}, 12);
    expect_labels(back, ELBO_SPLIT_TRAIN, (const int32_t[]){2, 0, 1}, 3);
    elbo_dataset_free(back);
    static const struct {
        const char *name;
        elbo_dtype dtype;
    } types[] = {{"s-images-idx3-short", ELBO_F32},
                 {"i-images-idx3-int", ELBO_F32},
                 {"f-images-idx3-float", ELBO_F32},
                 {"d-images.idx3-double", ELBO_F32},
                 {"u.idx", ELBO_U8}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at(types[i].name), &error), ELBO_OK);
        back = open_good(at(types[i].name), "test_fraction=0");
        expect_shape(back, types[i].dtype, 2, 2, 2, 0);
        expect_values(back, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}, 12);
        expect_labels(back, ELBO_SPLIT_TRAIN, (const int32_t[]){2, 0, 1}, 3);
        elbo_dataset_free(back);
    }
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("b-images-idx3-byte"), &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "255"));
    assert_int_equal(access(at("b-images-idx3-byte"), F_OK), -1);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("w-images-idx2-ubyte"), &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "idx3"));
    elbo_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_reads_train_then_test), cmocka_unit_test(folder_that_is_incomplete_or_contradicts),
        cmocka_unit_test(every_element_type),           cmocka_unit_test(single_file_finds_labels_beside),
        cmocka_unit_test(damaged_files_say_where),      cmocka_unit_test(lying_headers_cost_nothing),
        cmocka_unit_test(written_pairs_read_back),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
