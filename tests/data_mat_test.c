/* MATLAB files of every version that libmatio writes here; which axis counts the data; damage. */
#include <matio.h>

#include "data_support.h"

typedef struct matrix {
    const char *name;
    enum matio_classes class;
    enum matio_types type;
    int rank;
    size_t shape[4];
    const void *values;
} matrix;

typedef struct kind {
    enum mat_ft version;
    enum matio_compression compression;
} kind;

static const kind kinds[] = {
    {MAT_FT_MAT4, MAT_COMPRESSION_NONE}, {MAT_FT_MAT5, MAT_COMPRESSION_NONE}, {MAT_FT_MAT5, MAT_COMPRESSION_ZLIB}};

static void put_mat(const char *name, kind how, const matrix *matrices, int count) {
    unlink(at(name));
    mat_t *file = Mat_CreateVer(at(name), NULL, how.version);
    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        size_t shape[4];
        memcpy(shape, matrices[i].shape, sizeof shape);
        matvar_t *variable = Mat_VarCreate(matrices[i].name, matrices[i].class, matrices[i].type, matrices[i].rank,
                                           shape, (void *)(size_t)matrices[i].values, 0);
        assert_non_null(variable);
        assert_int_equal(Mat_VarWrite(file, variable, how.compression), 0);
        Mat_VarFree(variable);
    }
    Mat_Close(file);
}

static const double six[] = {1, 4, 2, 5, 3, 6}; /* [[1,2,3],[4,5,6]] in MATLAB's order */
static const matrix two_by_three = {"m", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, {2, 3}, six};

static void the_axis_that_counts(void **state) {
    (void)state;
    static const struct {
        const char *key, *settings;
        int64_t item;
        double values[6];
    } rows[] = {
        {"", "test_fraction=0", 2, {1, 4, 2, 5, 3, 6}}, /* the longer one */
        {"#m", "test_fraction=0", 2, {1, 4, 2, 5, 3, 6}},
        {"#m:columns", "test_fraction=0", 2, {1, 4, 2, 5, 3, 6}},
        {"#m:rows", "test_fraction=0", 3, {1, 2, 3, 4, 5, 6}},
        {"#m", "test_fraction=0 item_shape=3", 3, {1, 2, 3, 4, 5, 6}}, /* the one that fits */
        {"#m", "test_fraction=0 item_shape=2", 2, {1, 4, 2, 5, 3, 6}},
        {"#:rows", "test_fraction=0", 3, {1, 2, 3, 4, 5, 6}},
    };
    for (size_t version = 0; version < 3; version++) {
        put_mat("m.mat", kinds[version], &two_by_three, 1);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            char source[700];
            snprintf(source, sizeof source, "%s%s", at("m.mat"), rows[i].key);
            elbo_dataset *data = open_good(source, rows[i].settings);
            assert_string_equal(elbo_dataset_info(data)->format, "mat");
            expect_shape(data, ELBO_F32, 1, rows[i].item, 0, 0);
            expect_values(data, ELBO_SPLIT_TRAIN, rows[i].values, 6);
            elbo_dataset_free(data);
        }
        elbo_array array;
        assert_int_equal(elbo_array_load(&array, at("m.mat#m"), NULL), ELBO_OK);
        assert_true(array.dtype == ELBO_F64 && array.rank == 2 && array.shape[0] == 2 && array.shape[1] == 3);
        for (int i = 0; i < 6; i++) assert_true(((double *)array.data)[i] == i + 1);
        elbo_array_free(&array);
        starve(at("m.mat"), "");
    }
}

static void images_and_types(void **state) {
    (void)state;
    static unsigned char bytes[2 * 4 * 3 * 5], deep[4];
    static const int16_t shorts[] = {-1, 300, 7, 8};
    for (int i = 0; i < 120; i++) bytes[i] = (unsigned char)(i * 3);
    for (int i = 0; i < 4; i++) deep[i] = (unsigned char)i;
    /* height 2, width 4, 3 channels, 5 images: to [5,3,2,4] */
    const matrix all[] = {{"pictures", MAT_C_UINT8, MAT_T_UINT8, 4, {2, 4, 3, 5}, bytes},
                          {"stack", MAT_C_UINT8, MAT_T_UINT8, 3, {2, 4, 15}, bytes},
                          {"first", MAT_C_UINT8, MAT_T_UINT8, 3, {15, 2, 4}, bytes},
                          {"s", MAT_C_INT16, MAT_T_INT16, 2, {4, 1}, shorts},
                          {"y", MAT_C_UINT8, MAT_T_UINT8, 2, {1, 4}, deep}};
    put_mat("types.mat", kinds[2], all, 5);
    elbo_dataset *data = open_good(at("types.mat#pictures"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 3, 3, 2, 4);
    const double *values = values_of(data, ELBO_SPLIT_TRAIN);
    for (int n = 0; n < 5; n++)
        for (int c = 0; c < 3; c++)
            for (int h = 0; h < 2; h++)
                for (int w = 0; w < 4; w++) assert_true(*values++ == bytes[h + 2 * w + 8 * c + 24 * n]);
    elbo_dataset_free(data);
    data = open_good(at("types.mat#stack"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 2, 2, 4, 0);
    assert_true(values_of(data, ELBO_SPLIT_TRAIN)[1] == bytes[2]);
    elbo_dataset_free(data);
    data = open_good(at("types.mat#first"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 2, 2, 4, 0);
    assert_true(values_of(data, ELBO_SPLIT_TRAIN)[1] == bytes[30]);
    elbo_dataset_free(data);
    char settings[700];
    snprintf(settings, sizeof settings, "test_fraction=0 labels=%s", at("types.mat#y"));
    data = open_good(at("types.mat#s"), settings);
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){-1, 300, 7, 8}, 4);
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){0, 1, 2, 3}, 4);
    elbo_dataset_free(data);
    open_bad(at("types.mat#none"), "", ELBO_ERROR_USAGE, "'none'|pictures (2x4x3x5 uint8), stack|y (1x4 uint8)");
    open_bad(at("types.mat#s:across"), "", ELBO_ERROR_USAGE, "#NAME:columns");
}

/* As Frey Face is published: a column for each image of 28 x 20, row by row. */
static void frey_face_stands_upright(void **state) {
    (void)state;
    static unsigned char faces[560 * 3];
    for (int i = 0; i < 560 * 3; i++) faces[i] = (unsigned char)(i % 251);
    const matrix ff = {"ff", MAT_C_UINT8, MAT_T_UINT8, 2, {560, 3}, faces};
    put_mat("frey.mat", kinds[2], &ff, 1);
    elbo_dataset *data = open_good(at("frey.mat#ff:columns"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 2, 28, 20, 0);
    const double *values = values_of(data, ELBO_SPLIT_TRAIN);
    for (int i = 0; i < 560 * 3; i++) assert_true(values[i] == faces[i]);
    elbo_dataset_free(data);
    data = open_good(at("frey.mat"), "test_fraction=0 item_shape=560");
    expect_shape(data, ELBO_U8, 1, 560, 0, 0);
    elbo_dataset_free(data);
}

static void damaged_files(void **state) {
    (void)state;
    static const double pair[] = {1, 2};
    const matrix text = {"t", MAT_C_CHAR, MAT_T_UINT8, 2, {1, 2}, "ab"};
    const matrix scalar = {"n", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, {1, 1}, pair};
    const matrix both[] = {text, scalar};
    put_mat("bad.mat", kinds[1], both, 2);
    open_bad(at("bad.mat"), "", ELBO_ERROR_FORMAT, "no numeric matrix|t (1x2 char)|n (1x1 double)");
    open_bad(at("bad.mat#t"), "", ELBO_ERROR_UNSUPPORTED, "char|real numbers");
    put_text("bad.mat",
             "This is no MATLAB file, but long enough to hold the head of one, which has 128 bytes.  It needs "
             "some more text to get there, and here it is.");
    open_bad(at("bad.mat"), "", ELBO_ERROR_FORMAT, "bad.mat");
    open_bad(at("absent.mat"), "", ELBO_ERROR_IO, "absent.mat");
    for (size_t version = 0; version < 3; version++) {
        put_mat("good.mat", kinds[version], &two_by_three, 1);
        damage("good.mat", "", false);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_axis_that_counts),
        cmocka_unit_test(images_and_types),
        cmocka_unit_test(frey_face_stands_upright),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
