/* Data sets: splits, rows, arrays of the caller, options, and the real data where they lie beside the repository. */
#include <math.h>

#include "base/rng.h"
#include "data_support.h"

enum { ROWS = 50 };

static float numbers[ROWS * 6];
static int32_t codes[ROWS];

static elbo_array table_of(int rank) {
    for (int i = 0; i < ROWS * 6; i++) numbers[i] = (float)i / 4;
    elbo_array x = {.dtype = ELBO_F32, .rank = rank, .shape = {ROWS, rank > 2 ? 2 : 6, 3}, .data = numbers};
    return x;
}

static elbo_dataset *make(elbo_data_options options) {
    elbo_error error;
    elbo_array x = table_of(2);
    elbo_array y = {.dtype = ELBO_I32, .rank = 1, .shape = {ROWS}, .data = codes};
    for (int i = 0; i < ROWS; i++) codes[i] = i % 7;
    elbo_dataset *data = elbo_dataset_from_array(&x, &y, &options, &error);
    if (!data) fail_msg("%s", error.message);
    return data;
}

/* The rows of a split as numbers of the source. */
static int64_t source_rows(const elbo_dataset *data, elbo_split split, int64_t *rows) {
    const elbo_data_info *info = elbo_dataset_info(data);
    float items[ROWS * 6];
    int32_t labels[ROWS];
    int64_t count = info->count[split];
    assert_int_equal(elbo_dataset_rows(data, split, NULL, 0, count, items, NULL), ELBO_OK);
    assert_int_equal(elbo_dataset_labels(data, split, NULL, 0, count, labels, NULL), ELBO_OK);
    for (int64_t i = 0; i < count; i++) {
        rows[i] = (int64_t)(items[i * 6] * 4) / 6;
        assert_int_equal(labels[i], rows[i] % 7);
    }
    return count;
}

static void splits_cover_every_row_once(void **state) {
    (void)state;
    static const struct {
        elbo_data_options options;
        int64_t train, valid, test;
    } rows[] = {
        {{.test_fraction = 0.1}, 45, 0, 5},
        {{.test_fraction = 0.1, .valid_fraction = 0.2}, 36, 9, 5},
        {{.test_fraction = 0.1, .valid_fraction = 0.2, .split_seed = 9}, 36, 9, 5},
        {{.test_count = 20, .test_fraction = 0.1}, 30, 0, 20},
        {{.test_fraction = 0.01}, 49, 0, 1},
        {{.valid_fraction = 0.5}, 25, 25, 0},
        {{0}, 50, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        elbo_dataset *data = make(rows[i].options);
        const elbo_data_info *info = elbo_dataset_info(data);
        assert_int_equal(info->count[ELBO_SPLIT_TRAIN], rows[i].train);
        assert_int_equal(info->count[ELBO_SPLIT_VALID], rows[i].valid);
        assert_int_equal(info->count[ELBO_SPLIT_TEST], rows[i].test);
        assert_int_equal(info->count[ELBO_SPLIT_ALL], ROWS);
        int seen[ROWS] = {0};
        int64_t list[ROWS];
        for (int split = 0; split < 3; split++) {
            int64_t count = source_rows(data, (elbo_split)split, list);
            for (int64_t row = 0; row < count; row++) seen[list[row]]++;
        }
        for (int row = 0; row < ROWS; row++) assert_int_equal(seen[row], 1);
        source_rows(data, ELBO_SPLIT_ALL, list);
        for (int row = 0; row < ROWS; row++) assert_int_equal(list[row], row);
        elbo_dataset_free(data);
    }
}

static void splits_depend_on_the_seed_alone(void **state) {
    (void)state;
    int64_t test[ROWS], again[ROWS], order[ROWS], valid[ROWS], train[ROWS];
    elbo_dataset *data = make((elbo_data_options){.test_fraction = 0.2, .split_seed = 3});
    source_rows(data, ELBO_SPLIT_TEST, test);
    source_rows(data, ELBO_SPLIT_TRAIN, train);
    elbo_dataset_free(data);
    elbo_rng rng = {.seed = 3, .stream = ELBO_STREAM_SPLIT};
    elbo_rng_permutation(&rng, order, ROWS);
    assert_memory_equal(test, order, 10 * sizeof *test);
    assert_memory_equal(train, order + 10, 40 * sizeof *test);
    /* Validation rows leave the test rows alone and come from the training rows by a permutation of their own. */
    data = make((elbo_data_options){.test_fraction = 0.2, .valid_fraction = 0.25, .split_seed = 3});
    source_rows(data, ELBO_SPLIT_TEST, again);
    assert_memory_equal(test, again, 10 * sizeof *test);
    source_rows(data, ELBO_SPLIT_VALID, valid);
    elbo_dataset_free(data);
    rng.step = 1;
    elbo_rng_permutation(&rng, order, 40);
    for (int i = 0; i < 10; i++) assert_int_equal(valid[i], train[order[i]]);
    data = make((elbo_data_options){.test_fraction = 0.2, .split_seed = 4});
    source_rows(data, ELBO_SPLIT_TEST, again);
    assert_memory_not_equal(test, again, 10 * sizeof *test);
    elbo_dataset_free(data);
    data = make((elbo_data_options){.test_fraction = 0.2, .split_seed = 3, .limit = 4});
    for (int split = 0; split < 4; split += 2) assert_int_equal(elbo_dataset_info(data)->count[split], 4);
    assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_VALID], 0);
    assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_ALL], 4);
    source_rows(data, ELBO_SPLIT_TEST, again);
    assert_memory_equal(test, again, 4 * sizeof *test);
    elbo_dataset_free(data);
}

/* With pool the source's split and the dealt ones alike are gone, in the source's order. */
static void pooled_rows_all_train(void **state) {
    (void)state;
    int64_t train[ROWS];
    elbo_dataset *data = make((elbo_data_options){.test_fraction = 0.2, .split_seed = 3, .pool = true});
    const elbo_data_info *info = elbo_dataset_info(data);
    assert_int_equal(info->count[ELBO_SPLIT_TRAIN], ROWS);
    assert_int_equal(info->count[ELBO_SPLIT_ALL], ROWS);
    assert_int_equal(info->count[ELBO_SPLIT_VALID] + info->count[ELBO_SPLIT_TEST], 0);
    source_rows(data, ELBO_SPLIT_TRAIN, train);
    for (int row = 0; row < ROWS; row++) assert_int_equal(train[row], row);
    elbo_dataset_free(data);
    data = make((elbo_data_options){.pool = true, .limit = 7});
    assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN], 7);
    elbo_dataset_free(data);
}

/* Training and validation rows keep those of the classes in their order; test rows and all rows stay. The limit counts
 * rows that are kept. */
static void rows_of_some_classes_train(void **state) {
    (void)state;
    static char names[] = " 2, 5", strange[] = "2,seven", nothing[] = "";
    int64_t whole[ROWS], kept[ROWS];
    elbo_data_options how = {.test_fraction = 0.2, .valid_fraction = 0.25, .split_seed = 3};
    elbo_dataset *all = make(how);
    how.train_labels = names;
    elbo_dataset *some = make(how);
    for (int split = 0; split < 4; split++) {
        int64_t count = source_rows(all, (elbo_split)split, whole), wanted = 0;
        bool filtered = split == ELBO_SPLIT_TRAIN || split == ELBO_SPLIT_VALID;
        int64_t left = source_rows(some, (elbo_split)split, kept);
        for (int64_t i = 0; i < count; i++)
            if (!filtered || whole[i] % 7 == 2 || whole[i] % 7 == 5) whole[wanted++] = whole[i];
        assert_true(filtered ? wanted < count : wanted == count);
        assert_int_equal(left, wanted);
        assert_memory_equal(kept, whole, sizeof *kept * (size_t)wanted);
    }
    elbo_dataset_free(all);
    elbo_dataset_free(some);
    how.limit = 3;
    some = make(how);
    assert_int_equal(elbo_dataset_info(some)->count[ELBO_SPLIT_TRAIN], 3);
    elbo_dataset_free(some);

    float zeros[12] = {0};
    int32_t two[6] = {0, 1, 0, 1, 0, 1};
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {6, 2}, .data = zeros};
    elbo_array y = {.dtype = ELBO_I32, .rank = 1, .shape = {6}, .data = two};
    elbo_error error = {0};
    const elbo_data_options bad = {.train_labels = strange}, unlabelled = {.train_labels = names};
    assert_null(elbo_dataset_from_array(&x, &y, &bad, &error));
    assert_int_equal(error.status, ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "no class is called \"2\"; there are 0, 1"));
    assert_null(elbo_dataset_from_array(&x, NULL, &unlabelled, &error));
    assert_non_null(strstr(error.message, "have no labels"));
    const elbo_data_options empty = {.train_labels = nothing};
    elbo_dataset *data = elbo_dataset_from_array(&x, &y, &empty, &error);
    assert_non_null(data);
    elbo_dataset_free(data);
}

static void rows_by_index_and_by_start(void **state) {
    (void)state;
    float all[ROWS * 6], some[18];
    elbo_error error;
    elbo_dataset *data = make((elbo_data_options){.test_fraction = 0.2});
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, NULL, 0, 40, all, &error), ELBO_OK);
    const int64_t index[] = {39, 0, 39};
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, index, 0, 3, some, &error), ELBO_OK);
    for (int i = 0; i < 3; i++) assert_memory_equal(some + 6 * i, all + 6 * index[i], 6 * sizeof *some);
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, NULL, 37, 3, some, &error), ELBO_OK);
    assert_memory_equal(some, all + 37 * 6, sizeof some);
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_ALL, NULL, 37, 3, some, &error), ELBO_OK);
    assert_memory_equal(some, numbers + 37 * 6, sizeof some);
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, NULL, 40, 0, some, &error), ELBO_OK);
    static const struct {
        int split;
        int64_t index, start, count;
    } bad[] = {{0, -1, 38, 3}, {0, -1, -1, 1},       {0, -1, 0, -1}, {0, -1, 41, 0},
               {2, -1, 0, 11}, {1, -1, 0, 1},        {4, -1, 0, 1},  {-1, -1, 0, 1},
               {0, 40, 0, 1},  {0, INT64_MAX, 0, 1}, {2, 10, 0, 1},  {0, -1, INT64_MAX, 2}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int64_t one[1] = {bad[i].index};
        const int64_t *list = bad[i].index >= 0 ? one : NULL;
        int32_t label[3];
        assert_int_equal(
            elbo_dataset_rows(data, (elbo_split)bad[i].split, list, bad[i].start, bad[i].count, some, &error),
            ELBO_ERROR_USAGE);
        assert_int_equal(
            elbo_dataset_labels(data, (elbo_split)bad[i].split, list, bad[i].start, bad[i].count, label, NULL),
            ELBO_ERROR_USAGE);
    }
    const int64_t negative[] = {-5};
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, negative, 0, 1, some, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "row -5 of the training split, which has 40"));
    elbo_dataset_free(data);
}

static void shapes_of_items(void **state) {
    (void)state;
    elbo_error error;
    static const struct {
        int rank;
        const char *shape;
        int items;
        int64_t expected[3];
    } rows[] = {{2, "", 1, {6}},       {3, "", 2, {2, 3}},         {2, "2x3", 2, {2, 3}},
                {2, "3,2", 2, {3, 2}}, {2, "1x2x3", 3, {1, 2, 3}}, {3, "6", 1, {6}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[32];
        snprintf(text, sizeof text, "%s", rows[i].shape);
        elbo_array x = table_of(rows[i].rank);
        elbo_data_options options = {.item_shape = text};
        elbo_dataset *data = elbo_dataset_from_array(&x, NULL, &options, &error);
        if (!data) fail_msg("%s", error.message);
        expect_shape(data, ELBO_F32, rows[i].items, rows[i].expected[0], rows[i].expected[1], rows[i].expected[2]);
        assert_int_equal(elbo_dataset_info(data)->item_size, 6);
        elbo_dataset_free(data);
    }
    static const char *const wrong[] = {
        "7", "2x", "x3", "2x3x", "-6", "0", "2*3", "1x1x1x1x1x6", "99999999999999999999", "4294967296x4294967296"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", wrong[i]);
        elbo_array x = table_of(2);
        elbo_data_options options = {.item_shape = text};
        assert_null(elbo_dataset_from_array(&x, NULL, &options, &error));
        assert_true(error.status == ELBO_ERROR_USAGE || error.status == ELBO_ERROR_SHAPE);
        assert_non_null(strstr(error.message, "item shape"));
    }
    elbo_array deep = {.dtype = ELBO_F32, .rank = 5, .shape = {1, 1, 2, 3, 1}, .data = numbers};
    assert_null(elbo_dataset_from_array(&deep, NULL, NULL, &error));
    assert_int_equal(error.status, ELBO_ERROR_SHAPE);
    elbo_array empty = {.dtype = ELBO_F32, .rank = 2, .shape = {0, 3}, .data = numbers};
    assert_null(elbo_dataset_from_array(&empty, NULL, NULL, &error));
    assert_int_equal(error.status, ELBO_ERROR_SHAPE);
    elbo_array scalar = {.dtype = ELBO_F32, .data = numbers};
    assert_null(elbo_dataset_from_array(&scalar, NULL, NULL, &error));
    assert_int_equal(error.status, ELBO_ERROR_SHAPE);
}

static void arrays_of_the_caller(void **state) {
    (void)state;
    elbo_error error;
    double wide[4] = {1, 2, -3, 0.5};
    int32_t whole[4] = {1, 2, -3, 4};
    uint16_t halves[4] = {0x3f80, 0x4000, 0xc040, 0x3f00};
    unsigned char bytes[4] = {1, 2, 3, 255};
    const struct {
        elbo_dtype dtype, kept;
        void *data;
        double last, least;
        bool integral;
    } rows[] = {{ELBO_F64, ELBO_F32, wide, 0.5, -3, false},
                {ELBO_I32, ELBO_F32, whole, 4, -3, true},
                {ELBO_BF16, ELBO_F32, halves, 0.5, -3, false},
                {ELBO_U8, ELBO_U8, bytes, 255, 1, true}};
    for (size_t i = 0; i < 4; i++) {
        elbo_array x = {.dtype = rows[i].dtype, .rank = 2, .shape = {2, 2}, .data = rows[i].data};
        elbo_dataset *data = elbo_dataset_from_array(&x, NULL, NULL, &error);
        assert_non_null(data);
        const elbo_data_info *info = elbo_dataset_info(data);
        assert_string_equal(info->format, "array");
        assert_int_equal(info->dtype, rows[i].kept);
        assert_int_equal(info->classes, 0);
        assert_true(info->minimum == rows[i].least && info->integral == rows[i].integral);
        assert_true(values_of(data, ELBO_SPLIT_TRAIN)[3] == rows[i].last);
        elbo_dataset_free(data);
    }
    numbers[7] = NAN;
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {4, 3}, .data = numbers};
    assert_null(elbo_dataset_from_array(&x, NULL, NULL, &error));
    assert_int_equal(error.status, ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "row 2, column 1"));
    numbers[7] = 0;
    elbo_array y = {.dtype = ELBO_I32, .rank = 1, .shape = {3}, .data = whole};
    assert_null(elbo_dataset_from_array(&x, &y, NULL, &error));
    assert_int_equal(error.status, ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "3 labels"));
}

static void impossible_splits_and_sources(void **state) {
    (void)state;
    elbo_error error;
    elbo_array x = table_of(2);
    elbo_data_options options = {.test_count = ROWS};
    assert_null(elbo_dataset_from_array(&x, NULL, &options, &error));
    assert_int_equal(error.status, ELBO_ERROR_USAGE);
    options = (elbo_data_options){.test_count = ROWS - 1, .valid_fraction = 0.9};
    assert_null(elbo_dataset_from_array(&x, NULL, &options, &error));
    assert_int_equal(error.status, ELBO_ERROR_USAGE);
    open_bad(at("nothing"), "", ELBO_ERROR_IO, "nothing|No such file");
    put_text("plain.txt", "hello");
    open_bad(at("plain.txt"), "", ELBO_ERROR_FORMAT, "known formats|npy|png");
    assert_null(elbo_dataset_open(at("plain.txt"), NULL, NULL)); /* neither options nor an error record */
    put_text("data.csv", "1,2\n3,4\n");
    char settings[600];
    snprintf(settings, sizeof settings, "labels=%s", at("none.npy"));
    open_bad(at("data.csv"), settings, ELBO_ERROR_USAGE, "none.npy");
    elbo_dataset *data = open_good(at("data.csv"), "test_fraction=0");
    static const char *const names[] = {"data", "data.mat", "data.jpeg"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at(names[i]), &error), ELBO_ERROR_USAGE);
        assert_non_null(strstr(error.message, "png:FOLDER"));
    }
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, "idx:", &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TEST, at("t.npy"), &error), ELBO_ERROR_STATE);
    elbo_dataset_free(data);
    elbo_dataset_free(NULL);
}

static void conversion_keeps_values_and_labels(void **state) {
    (void)state;
    elbo_error error;
    elbo_dataset *data = make((elbo_data_options){.test_fraction = 0.2});
    static const struct {
        const char *name;
        bool labels;
    } rows[] = {{"c.npy", false}, {"c.npz", true},        {"c.npz#a,b", true},
                {"c.csv", true},  {"c-idx2-float", true}, {"d#e.npy", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int split = 0; split < 4; split += 2) {
            if (elbo_dataset_convert(data, (elbo_split)split, at(rows[i].name), &error) != ELBO_OK) {
                /* a '#' before the last part of a name is a key, which .npy has not */
                assert_string_equal(rows[i].name, "d#e.npy");
                assert_int_equal(error.status, ELBO_ERROR_USAGE);
                continue;
            }
            elbo_dataset *back = open_good(at(rows[i].name), "test_fraction=0");
            const elbo_data_info *info = elbo_dataset_info(back);
            float before[ROWS * 6], after[ROWS * 6];
            int32_t first[ROWS], second[ROWS];
            int64_t count = info->count[ELBO_SPLIT_TRAIN];
            assert_int_equal(count, elbo_dataset_info(data)->count[split]);
            elbo_dataset_rows(data, (elbo_split)split, NULL, 0, count, before, NULL);
            elbo_dataset_rows(back, ELBO_SPLIT_TRAIN, NULL, 0, count, after, NULL);
            assert_memory_equal(before, after, (size_t)count * 6 * sizeof *before);
            assert_int_equal(info->classes > 0, rows[i].labels);
            if (rows[i].labels) {
                elbo_dataset_labels(data, (elbo_split)split, NULL, 0, count, first, NULL);
                elbo_dataset_labels(back, ELBO_SPLIT_TRAIN, NULL, 0, count, second, NULL);
                for (int64_t row = 0; row < count; row++)
                    assert_string_equal(info->class_names[second[row]],
                                        elbo_dataset_info(data)->class_names[first[row]]);
            }
            elbo_dataset_free(back);
        }
    assert_int_equal(access(at("d#e.npy"), F_OK), -1);
    elbo_dataset_free(data);
}

/* The published files, where someone put them beside the repository. */
static void real_data(void **state) {
    (void)state;
    const char *mnist = TEST_DIR "/../../shared/data/mnist";
    if (access(mnist, R_OK) == 0) {
        elbo_dataset *data = open_good(mnist, "");
        const elbo_data_info *info = elbo_dataset_info(data);
        expect_shape(data, ELBO_U8, 2, 28, 28, 0);
        assert_int_equal(info->count[ELBO_SPLIT_TRAIN], 60000);
        assert_int_equal(info->count[ELBO_SPLIT_TEST], 10000);
        assert_int_equal(info->classes, 10);
        assert_true(info->minimum == 0 && info->maximum == 255);
        int32_t labels[5];
        elbo_dataset_labels(data, ELBO_SPLIT_TRAIN, NULL, 0, 5, labels, NULL);
        assert_memory_equal(labels, ((int32_t[]){5, 0, 4, 1, 9}), sizeof labels);
        elbo_dataset_labels(data, ELBO_SPLIT_TEST, NULL, 0, 5, labels, NULL);
        assert_memory_equal(labels, ((int32_t[]){7, 2, 1, 0, 4}), sizeof labels);
        elbo_dataset_free(data);
        data = open_good(mnist, "valid_fraction=0.1 limit=1000");
        assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_VALID], 1000);
        elbo_dataset_free(data);
    }
    const char *frey = TEST_DIR "/../../shared/data/freyface/frey_rawface.mat";
    if (access(frey, R_OK) == 0) {
        elbo_dataset *data = open_good(frey, "");
        expect_shape(data, ELBO_U8, 2, 28, 20, 0);
        assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_ALL], 1965);
        assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN], 1768);
        elbo_dataset_free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_cover_every_row_once),
        cmocka_unit_test(splits_depend_on_the_seed_alone),
        cmocka_unit_test(pooled_rows_all_train),
        cmocka_unit_test(rows_of_some_classes_train),
        cmocka_unit_test(rows_by_index_and_by_start),
        cmocka_unit_test(shapes_of_items),
        cmocka_unit_test(arrays_of_the_caller),
        cmocka_unit_test(impossible_splits_and_sources),
        cmocka_unit_test(conversion_keeps_values_and_labels),
        cmocka_unit_test(real_data),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
