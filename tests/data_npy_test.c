/* NPY and NPZ, and single arrays through elbo_array_save and elbo_array_load. */
#include <math.h>
#include <zip.h>

#include "data_support.h"

/* Builds an NPY file of any version in memory; returns its size. */
static size_t build(unsigned char *out, int version, const char *dictionary, const void *values, size_t bytes) {
    size_t length = strlen(dictionary), head = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    for (size_t byte = 8; byte < head; byte++) out[byte] = (unsigned char)(length >> 8 * (byte - 8));
    memcpy(out + head, dictionary, length);
    memcpy(out + head + length, values, bytes);
    return head + length + bytes;
}

static void put_npy(const char *name, int version, const char *dictionary, const void *values, size_t bytes) {
    static unsigned char file[4096];
    put(name, file, build(file, version, dictionary, values, bytes));
}

static void every_type_both_byte_orders(void **state) {
    (void)state;
    static const struct {
        const char *type;
        unsigned char bytes[16];
        elbo_dtype narrow, wide;
        double first, second;
    } rows[] = {
        {"|u1", {3, 250}, ELBO_U8, ELBO_U8, 3, 250},
        {"|b1", {0, 2}, ELBO_U8, ELBO_U8, 0, 1},
        {"|i1", {3, 250}, ELBO_F32, ELBO_I32, 3, -6},
        {"<i2", {1, 2, 255, 255}, ELBO_F32, ELBO_I32, 513, -1},
        {">i2", {1, 2, 255, 255}, ELBO_F32, ELBO_I32, 258, -1},
        {"<u2", {1, 2, 255, 255}, ELBO_F32, ELBO_I32, 513, 65535},
        {"<i4", {1, 0, 0, 0, 254, 255, 255, 255}, ELBO_F32, ELBO_I32, 1, -2},
        {">i4", {0, 0, 0, 1, 255, 255, 255, 254}, ELBO_F32, ELBO_I32, 1, -2},
        {"<u4", {1, 0, 0, 0, 0, 0, 0, 0x80}, ELBO_F32, ELBO_F64, 1, 2147483648.0},
        {"<i8", {5, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255}, ELBO_F32, ELBO_I32, 5, -1},
        {">i8", {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, ELBO_F32, ELBO_F64, 4294967296.0, 7},
        {"<u8", {5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0}, ELBO_F32, ELBO_I32, 5, 9},
        {"<f2", {0x00, 0x3e, 0x01, 0x80}, ELBO_F32, ELBO_F32, 1.5, -0x1p-24},
        {">f2", {0x3e, 0x00, 0x7b, 0xff}, ELBO_F32, ELBO_F32, 1.5, 65504},
        {"<f4", {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0}, ELBO_F32, ELBO_F32, 1, -2.5},
        {">f4", {0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0}, ELBO_F32, ELBO_F32, 1, -2.5},
        {"<f8", {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 4, 0xc0}, ELBO_F32, ELBO_F64, 1, -2.5},
        {">f8", {0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0}, ELBO_F32, ELBO_F64, 1, -2.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char dictionary[128];
        snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }\n",
                 rows[i].type);
        put_npy("type.npy", 1 + (int)(i % 3), dictionary, rows[i].bytes, 2 * (size_t)(rows[i].type[2] - '0'));
        elbo_dataset *data = open_good(at("type.npy"), "test_fraction=0");
        expect_shape(data, rows[i].narrow, 1, 1, 0, 0);
        expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){rows[i].first, rows[i].second}, 2);
        elbo_dataset_free(data);
        elbo_array array;
        assert_int_equal(elbo_array_load(&array, at("type.npy"), NULL), ELBO_OK);
        assert_int_equal(array.dtype, rows[i].wide);
        assert_int_equal(array.rank, 1);
        if (array.dtype == ELBO_F64) assert_true(((double *)array.data)[1] == rows[i].second);
        if (array.dtype == ELBO_I32) assert_true(((int32_t *)array.data)[1] == (int32_t)rows[i].second);
        elbo_array_free(&array);
    }
}

static void columns_first_is_turned(void **state) {
    (void)state;
    static const unsigned char values[] = {1, 4, 2, 5, 3, 6}; /* [[1,2,3],[4,5,6]] by columns */
    put_npy("fortran.npy", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", values, 6);
    elbo_dataset *data = open_good(at("fortran.npy"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 1, 3, 0, 0);
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6}, 6);
    elbo_dataset_free(data);
    float cube[24];
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 3; b++)
            for (int c = 0; c < 4; c++) cube[a + 2 * b + 6 * c] = (float)(a * 12 + b * 4 + c);
    put_npy("cube.npy", 3, "{\"fortran_order\": True, \"shape\": (2, 3, 4), \"descr\": \"<f4\"}", cube, sizeof cube);
    data = open_good(at("cube.npy"), "test_fraction=0");
    expect_shape(data, ELBO_F32, 2, 3, 4, 0);
    const double *got = values_of(data, ELBO_SPLIT_TRAIN);
    for (int i = 0; i < 24; i++) assert_true(got[i] == i);
    elbo_dataset_free(data);
}

static void damaged_headers(void **state) {
    (void)state;
    static const struct {
        const char *dictionary;
        elbo_status status;
        const char *parts;
    } rows[] = {
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", ELBO_ERROR_UNSUPPORTED, "'<c8'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", ELBO_ERROR_UNSUPPORTED, "'|O'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", ELBO_ERROR_UNSUPPORTED, "structured"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,), }", ELBO_ERROR_FORMAT, "True nor False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", ELBO_ERROR_FORMAT, "no shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", ELBO_ERROR_FORMAT, "no shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", ELBO_ERROR_FORMAT, "no shape"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1), }", ELBO_ERROR_UNSUPPORTED,
         "more than 6 axes"},
        {"{'descr': '<f4', 'fortran_order': False}", ELBO_ERROR_FORMAT, "damaged NPY header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'extra': 1}", ELBO_ERROR_FORMAT,
         "damaged NPY header"},
        {"nonsense", ELBO_ERROR_FORMAT, "damaged NPY header"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", ELBO_ERROR_FORMAT, "promises 12 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", ELBO_ERROR_FORMAT, "but more bytes follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000)}", ELBO_ERROR_FORMAT,
         "impossible size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 1000)}", ELBO_ERROR_FORMAT,
         "promises 16000000000000 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_npy("bad.npy", 1, rows[i].dictionary, (const float[]){1, 2}, 8);
        open_bad(at("bad.npy"), "", rows[i].status, rows[i].parts);
    }
    put_text("bad.npy", "something else entirely");
    open_bad(at("bad.npy"), "", ELBO_ERROR_FORMAT, "NUMPY");
    put_npy("bad.npy", 9, "{}", "", 0);
    open_bad(at("bad.npy"), "", ELBO_ERROR_FORMAT, "version 9 at offset 6");
    put("bad.npy", "\x93NUMPY\2\0\xff\xff\xff\x7f{", 13);
    open_bad(at("bad.npy"), "", ELBO_ERROR_FORMAT, "offset 8");
    open_bad(at("absent.npy"), "", ELBO_ERROR_IO, "absent.npy|No such file");
    put_npy("good.npy", 1, "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n",
            (const short[]){1, 2, 3, 4, 5, 6}, 12);
    open_bad(at("good.npy#x"), "", ELBO_ERROR_USAGE, "#x");
    damage("good.npy", "", true);
    starve(at("good.npy"), "");
}

static void numbers_that_are_not_finite(void **state) {
    (void)state;
    float values[6] = {0, 1, 2, 3, NAN, 5};
    const char *dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    put_npy("nan.npy", 1, dictionary, values, sizeof values);
    open_bad(at("nan.npy"), "", ELBO_ERROR_NUMERIC, "row 1, column 1|nan");
    values[4] = 4, values[2] = -INFINITY;
    put_npy("nan.npy", 1, dictionary, values, sizeof values);
    open_bad(at("nan.npy"), "", ELBO_ERROR_NUMERIC, "row 0, column 2|-inf");
    put_npy("nan.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }\n", (const double[]){1, 1e200},
            16);
    open_bad(at("nan.npy"), "", ELBO_ERROR_NUMERIC, "row 0, column 1");
}

/* A file of 17 MiB is mapped: it opens, gives its rows, and is let go of. */
static void large_files_are_mapped(void **state) {
    (void)state;
    const int64_t rows = 17 * 1024, width = 1024;
    unsigned char head[256], row[1024];
    char dictionary[128];
    int length = snprintf(dictionary, 118, "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d), }", (int)rows,
                          (int)width);
    memset(dictionary + length, ' ', (size_t)(118 - length));
    dictionary[117] = '\n', dictionary[118] = 0;
    size_t start = build(head, 1, dictionary, "", 0);
    put("large.npy", head, start);
    assert_int_equal(truncate(at("large.npy"), (off_t)start + rows * width), 0);
    FILE *stream = fopen(at("large.npy"), "r+b");
    assert_non_null(stream);
    fseek(stream, (long)(start + 5000 * 1024 + 7), SEEK_SET);
    fputc(77, stream);
    fclose(stream);
    elbo_array array;
    assert_int_equal(elbo_array_load(&array, at("large.npy"), NULL), ELBO_OK);
    assert_true(array.mapped_bytes > 0);
    assert_int_equal(((unsigned char *)array.data)[5000 * 1024 + 7], 77);
    elbo_array_free(&array);
    assert_null(array.data);
    elbo_dataset *data = open_good(at("large.npy"), "test_fraction=0");
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, (const int64_t[]){5000}, 0, 1, row, NULL), ELBO_OK);
    assert_int_equal(row[7], 77);
    elbo_dataset_free(data);
    assert_int_equal(truncate(at("large.npy"), (off_t)start + rows * width - 1), 0);
    open_bad(at("large.npy"), "", ELBO_ERROR_FORMAT, "truncated");
    assert_int_equal(truncate(at("large.npy"), (off_t)start + rows * width + 1), 0);
    open_bad(at("large.npy"), "", ELBO_ERROR_FORMAT, "more bytes follow");
    unlink(at("large.npy"));
}

static void arrays_come_back_as_they_were(void **state) {
    (void)state;
    const int64_t shape[3] = {2, 3, 2};
    static const elbo_dtype types[] = {ELBO_F32, ELBO_F64, ELBO_U8, ELBO_I32, ELBO_BF16};
    static const char *const names[] = {"a.npy", "a.npz", "a.npz#key", "a.csv"};
    for (size_t type = 0; type < 5; type++)
        for (size_t name = 0; name < 4; name++)
            for (int rank = 0; rank <= 3; rank++) {
                elbo_array array, back;
                elbo_error error;
                assert_int_equal(elbo_array_new(&array, types[type], rank, shape, &error), ELBO_OK);
                int64_t count = elbo_array_count(&array);
                for (int64_t i = 0; i < count; i++) {
                    double value = types[type] == ELBO_U8
                                       ? (double)i * 20
                                       : ((double)i - 3) * (types[type] == ELBO_F64 ? 1 / 3.0 : 0.25);
                    if (types[type] == ELBO_F32) ((float *)array.data)[i] = (float)value;
                    if (types[type] == ELBO_F64) ((double *)array.data)[i] = value;
                    if (types[type] == ELBO_U8) ((unsigned char *)array.data)[i] = (unsigned char)value;
                    if (types[type] == ELBO_I32) ((int32_t *)array.data)[i] = (int32_t)(i - 3) * 1000003;
                    if (types[type] == ELBO_BF16) ((uint16_t *)array.data)[i] = (uint16_t)(0x3f80 + i);
                }
                if (elbo_array_save(&array, at(names[name]), &error) != ELBO_OK) fail_msg("%s", error.message);
                if (elbo_array_load(&back, at(names[name]), &error) != ELBO_OK) fail_msg("%s", error.message);
                assert_int_equal(elbo_array_count(&back), count);
                bool text = name == 3;
                assert_int_equal(back.rank, text ? 2 : rank);
                assert_int_equal(back.dtype, text || types[type] == ELBO_BF16 ? ELBO_F32 : types[type]);
                if (!text && types[type] != ELBO_BF16)
                    assert_memory_equal(array.data, back.data, (size_t)count * elbo_dtype_size(array.dtype));
                for (int64_t i = 0; text && i < count; i++) {
                    float value = ((float *)back.data)[i];
                    if (types[type] == ELBO_F32) assert_true(value == ((float *)array.data)[i]);
                    if (types[type] == ELBO_F64) assert_true(value == (float)((double *)array.data)[i]);
                    if (types[type] == ELBO_U8) assert_true(value == ((unsigned char *)array.data)[i]);
                    if (types[type] == ELBO_I32) assert_true(value == (float)((int32_t *)array.data)[i]);
                }
                for (int64_t i = 0; types[type] == ELBO_BF16 && i < count; i++) {
                    uint32_t bits = (uint32_t)(0x3f80 + i) << 16;
                    assert_memory_equal((float *)back.data + i, &bits, 4);
                }
                elbo_array_free(&array);
                elbo_array_free(&back);
            }
}

static void arrays_that_cannot_be_saved_or_loaded(void **state) {
    (void)state;
    elbo_array array, back;
    elbo_error error;
    const int64_t shape[1] = {3};
    assert_int_equal(elbo_array_new(&array, ELBO_F32, 1, shape, &error), ELBO_OK);
    assert_int_equal(elbo_array_save(&array, at("a.txt"), &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_array_save(&array, at("a.npy#k"), &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_array_save(&array, at("no/such/folder.npy"), &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_array_save(&array, at("no/such/folder.npz"), &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_array_save(&array, at("no/such/folder.csv"), &error), ELBO_ERROR_IO);
    elbo_array_free(&array);
    put_text("a.txt", "hello");
    assert_int_equal(elbo_array_load(&back, at("a.txt"), &error), ELBO_ERROR_FORMAT);
    assert_int_equal(elbo_array_load(&back, at("absent"), &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_array_load(&back, at("absent.npz#x"), &error), ELBO_ERROR_IO);
    assert_int_equal(elbo_array_load(&back, at("a.csv#x"), &error), ELBO_ERROR_USAGE);
    assert_null(back.data);
}

/* ---- NPZ ---- */

static unsigned char entry_bytes[8][4096];

static void put_npz(const char *name, int count, const char *const *keys, const char *const *dictionaries,
                    const void *const *values, const size_t *bytes, bool compressed) {
    int code;
    unlink(at(name));
    zip_t *archive = zip_open(at(name), ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(archive);
    for (int i = 0; i < count; i++) {
        size_t size = build(entry_bytes[i], 1, dictionaries[i], values[i], bytes[i]);
        char entry[64];
        snprintf(entry, sizeof entry, "%s.npy", keys[i]);
        zip_int64_t index = zip_file_add(archive, entry, zip_source_buffer(archive, entry_bytes[i], size, 0), 0);
        assert_true(index >= 0);
        assert_int_equal(
            zip_set_file_compression(archive, (zip_uint64_t)index, compressed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0), 0);
    }
    assert_int_equal(zip_close(archive), 0);
}

static const char u1_4x2[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 2), }\n";
static const char i8_4[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }\n";
static const unsigned char eight[] = {1, 2, 3, 4, 5, 6, 7, 8};
static const int64_t classes[] = {1, 0, 2, 1};

static void archives_by_key(void **state) {
    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        put_npz("set.npz", 3, (const char *const[]){"x", "other", "y"}, (const char *const[]){u1_4x2, u1_4x2, i8_4},
                (const void *const[]){eight, "12345678", classes}, (const size_t[]){8, 8, 32}, compressed);
        elbo_dataset *data = open_good(at("set.npz"), "test_fraction=0");
        assert_string_equal(elbo_dataset_info(data)->format, "npz");
        expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
        expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0, 2, 1}, 4);
        elbo_dataset_free(data);
        data = open_good(at("set.npz#other"), "test_fraction=0");
        expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){49, 50, 51, 52, 53, 54, 55, 56}, 8);
        assert_int_equal(elbo_dataset_info(data)->classes, 0);
        elbo_dataset_free(data);
        data = open_good(at("set.npz#other,y"), "test_fraction=0");
        assert_int_equal(elbo_dataset_info(data)->classes, 3);
        elbo_dataset_free(data);
        char settings[600];
        snprintf(settings, sizeof settings, "labels=%s test_fraction=0", at("set.npz#y"));
        data = open_good(at("set.npz#other"), settings);
        expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0, 2, 1}, 4);
        elbo_dataset_free(data);
        open_bad(at("set.npz#z"), "", ELBO_ERROR_USAGE, "'z'|x, other, y");
        open_bad(at("set.npz#x,z"), "", ELBO_ERROR_USAGE, "'z'|x, other, y");
        open_bad(at("set.npz#x,other"), "", ELBO_ERROR_SHAPE, "one whole number for each row");
        starve(at("set.npz"), "");
        damage("set.npz", "", true);
    }
    put_npz("set.npz", 2, (const char *const[]){"a", "b"}, (const char *const[]){u1_4x2, u1_4x2},
            (const void *const[]){eight, eight}, (const size_t[]){8, 8}, false);
    open_bad(at("set.npz"), "", ELBO_ERROR_USAGE, "which array|a, b");
    put_npz("set.npz", 1, (const char *const[]){"strange"}, (const char *const[]){u1_4x2}, (const void *const[]){eight},
            (const size_t[]){8}, false);
    elbo_dataset_free(open_good(at("set.npz"), ""));
    put_text("set.npz", "this is no zip archive");
    open_bad(at("set.npz"), "", ELBO_ERROR_FORMAT, "zip archive");
}

static void four_arrays_bring_their_own_test_rows(void **state) {
    (void)state;
    put_npz("keras.npz", 4, (const char *const[]){"x_test", "x_train", "y_train", "y_test"},
            (const char *const[]){u1_4x2, u1_4x2, i8_4, i8_4},
            (const void *const[]){"12345678", eight, classes, classes}, (const size_t[]){8, 8, 32, 32}, true);
    elbo_dataset *data = open_good(at("keras.npz"), "");
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
    expect_values(data, ELBO_SPLIT_TEST, (const double[]){49, 50, 51, 52, 53, 54, 55, 56}, 8);
    expect_labels(data, ELBO_SPLIT_TEST, (const int32_t[]){1, 0, 2, 1}, 4);
    elbo_dataset_free(data);
}

static void labels_outside_the_usual_become_classes(void **state) {
    (void)state;
    static const int64_t odd[] = {-1, 700000, -1, 5};
    put_npz("odd.npz", 2, (const char *const[]){"x", "y"}, (const char *const[]){u1_4x2, i8_4},
            (const void *const[]){eight, odd}, (const size_t[]){8, 32}, false);
    elbo_dataset *data = open_good(at("odd.npz"), "test_fraction=0");
    const elbo_data_info *info = elbo_dataset_info(data);
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_names[0], "-1");
    assert_string_equal(info->class_names[2], "700000");
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){0, 2, 0, 1}, 4);
    elbo_dataset_free(data);
    static const double half[] = {0, 1, 0.5, 1};
    put_npz("odd.npz", 2, (const char *const[]){"x", "y"},
            (const char *const[]){u1_4x2, "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }"},
            (const void *const[]){eight, half}, (const size_t[]){8, 32}, false);
    open_bad(at("odd.npz"), "", ELBO_ERROR_FORMAT, "label 2 is 0.5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_both_byte_orders),
        cmocka_unit_test(columns_first_is_turned),
        cmocka_unit_test(damaged_headers),
        cmocka_unit_test(numbers_that_are_not_finite),
        cmocka_unit_test(large_files_are_mapped),
        cmocka_unit_test(arrays_come_back_as_they_were),
        cmocka_unit_test(arrays_that_cannot_be_saved_or_loaded),
        cmocka_unit_test(archives_by_key),
        cmocka_unit_test(four_arrays_bring_their_own_test_rows),
        cmocka_unit_test(labels_outside_the_usual_become_classes),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
