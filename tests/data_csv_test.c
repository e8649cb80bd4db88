/* CSV: quoting, headers, separators, labels, errors with line and column. */
#include "data_support.h"

static void spellings_of_one_table(void **state) {
    (void)state;
    static const char *const rows[] = {
        "1,2,3\n4,5,6.5\n",
        "1,2,3\n4,5,6.5",
        "1,2,3\r\n4,5,6.5\r\n",
        "1,2,3\r4,5,6.5\r",
        "\xef\xbb\xbf"
        "1,2,3\n4,5,6.5\n",
        "1;2;3\n4;5;6.5\n",
        "1\t2\t3\n4\t5\t6.5\n",
        "a,b,c\n1,2,3\n4,5,6.5\n",
        "\"a, really\",\"b \"\"quoted\"\"\",\"c\nd\"\n1,2,3\n4,5,6.5\n",
        "\"1\",\"2\",\"3\"\n\"4\",\"5\",\"6.5\"\n",
        " 1 , 2 ,3\n4,5, 65e-1 \n",
        "\n1,2,3\n\n4,5,6.5\n\n",
        ",b,c\n1,2,3\n4,5,6.5\n",
        "0001,2.0,+3\n4,5.,6.5\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int packed = 0; packed < 2; packed++) {
            (packed ? put_gzip : put)(packed ? "t.csv.gz" : "t.csv", rows[i], strlen(rows[i]));
            elbo_dataset *data = open_good(at(packed ? "t.csv.gz" : "t.csv"), "test_fraction=0");
            expect_shape(data, ELBO_F32, 1, 3, 0, 0);
            expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6.5}, 6);
            assert_string_equal(elbo_dataset_info(data)->format, "csv");
            elbo_dataset_free(data);
        }
    }
    starve(at("t.csv"), "");
}

static void columns_are_chosen(void **state) {
    (void)state;
    put_text("c.csv", "id,width,height,3\n9,1,2,3\n8,4,5,6\n7,10,20,30\n");
    static const struct {
        const char *settings;
        int64_t width;
        double values[9];
    } rows[] = {
        {"test_fraction=0 columns=width,height", 2, {1, 2, 4, 5, 10, 20}},
        {"test_fraction=0 columns=height,width", 2, {2, 1, 5, 4, 20, 10}},
        {"test_fraction=0 columns=2-4", 3, {1, 2, 3, 4, 5, 6, 10, 20, 30}},
        {"test_fraction=0 columns=3-", 2, {2, 3, 5, 6, 20, 30}},
        {"test_fraction=0 columns=2", 1, {1, 4, 10}},
        {"test_fraction=0 columns=3", 1, {3, 6, 30}}, /* the name comes before the number */
        {"test_fraction=0 columns=width,4", 2, {1, 3, 4, 6, 10, 30}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        elbo_dataset *data = open_good(at("c.csv"), rows[i].settings);
        expect_shape(data, ELBO_F32, 1, rows[i].width, 0, 0);
        expect_values(data, ELBO_SPLIT_TRAIN, rows[i].values, (size_t)rows[i].width * 3);
        elbo_dataset_free(data);
    }
    starve(at("c.csv"), "columns=width,3");
    open_bad(at("c.csv"), "columns=depth", ELBO_ERROR_USAGE, "depth|id, width, height");
    open_bad(at("c.csv"), "columns=0", ELBO_ERROR_USAGE, "'0'");
    open_bad(at("c.csv"), "columns=4-5", ELBO_ERROR_USAGE, "'4-5'");
    open_bad(at("c.csv"), "labels=depth", ELBO_ERROR_USAGE, "depth");
    open_bad(at("c.csv"), "labels=5", ELBO_ERROR_USAGE, "'5'");
}

static void labels_become_classes(void **state) {
    (void)state;
    put_text("iris.csv", "5.1,3.5,setosa\n7,3.2,versicolor\n6.3,3.3,virginica\n4.9,3,setosa\n");
    elbo_dataset *data = open_good(at("iris.csv"), "labels=3 test_fraction=0");
    const elbo_data_info *info = elbo_dataset_info(data);
    expect_shape(data, ELBO_F32, 1, 2, 0, 0);
    assert_int_equal(info->classes, 3);
    assert_string_equal(info->class_names[1], "versicolor");
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){0, 1, 2, 0}, 4);
    elbo_dataset_free(data);
    starve(at("iris.csv"), "labels=3");
    open_bad(at("iris.csv"), "", ELBO_ERROR_FORMAT,
             "line 2, column 3|versicolor"); /* the first line went for a header */

    put_text("number.csv", "x,kind,y\n1,10,2\n3,9,4\n5,10.0,6\n7,-2,8\n");
    static const char *const settings[] = {"labels=kind test_fraction=0", "labels=2 test_fraction=0",
                                           "labels=kind columns=x,y test_fraction=0"};
    for (int i = 0; i < 3; i++) {
        data = open_good(at("number.csv"), settings[i]);
        info = elbo_dataset_info(data);
        assert_int_equal(info->classes, 3);
        assert_string_equal(info->class_names[0], "-2");
        assert_string_equal(info->class_names[1], "9"); /* by value, not by text */
        expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){2, 1, 2, 0}, 4);
        expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2, 3, 4, 5, 6, 7, 8}, 8);
        elbo_dataset_free(data);
    }
    put_text("usual.csv", "a,Label\n1,cat\n2,dog\n");
    data = open_good(at("usual.csv"), "test_fraction=0");
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){0, 1}, 2);
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 2}, 2);
    elbo_dataset_free(data);
    put_text("hole.csv", "1,a\n2,\n");
    open_bad(at("hole.csv"), "labels=2", ELBO_ERROR_FORMAT, "line 2, column 2|label is empty");
}

static void labels_from_another_file(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *source;
        const char *wrong;
    } rows[] = {
        {"plain.csv", "b\na\nb\n", "plain.csv", NULL},
        {"head.csv", "kind\nb\na\nb\n", "head.csv", NULL},
        {"table.csv", "n,kind\n1,b\n2,a\n3,b\n", "table.csv#kind", NULL},
        {"bare.csv", "1,b\n2,a\n3,b\n", "bare.csv#2", NULL},
        {"table.csv", "n,kind\n1,b\n2,a\n3,b\n", "table.csv", "which holds the labels"},
        {"table.csv", "n,kind\n1,b\n2,a\n3,b\n", "table.csv#color", "'color'"},
        {"short.csv", "b\n", "short.csv", "for 3 rows|there are 3 rows"},
        {"long.csv", "b\na\nb\na\nb\na\n", "long.csv", "there are 3 rows"},
    };
    put_text("x.csv", "1,2\n3,4\n5,6\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char settings[700];
        put_text(rows[i].name, rows[i].text);
        snprintf(settings, sizeof settings, "test_fraction=0 labels=%s", at(rows[i].source));
        elbo_error error;
        elbo_dataset *data = try_open(at("x.csv"), settings, &error);
        if (rows[i].wrong) {
            assert_null(data);
            const char *last = strrchr(rows[i].wrong, '|');
            assert_non_null(strstr(error.message, last ? last + 1 : rows[i].wrong));
            continue;
        }
        if (!data) fail_msg("%s: %s", rows[i].source, error.message);
        expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0, 1}, 3);
        expect_shape(data, ELBO_F32, 1, 2, 0, 0);
        elbo_dataset_free(data);
    }
}

static void errors_say_line_and_column(void **state) {
    (void)state;
    static const struct {
        const char *text;
        elbo_status status;
        const char *parts;
    } rows[] = {
        {"1,2\n3,x\n", ELBO_ERROR_FORMAT, "line 2, column 2|\"x\"|number was expected"},
        {"a,b\n1,2\n\n3,1e\n", ELBO_ERROR_FORMAT, "line 4, column 2 (b)|\"1e\""},
        {"1,2\n3,\n", ELBO_ERROR_FORMAT, "line 2, column 2|is empty"},
        {"1,2\n3,nan\n", ELBO_ERROR_NUMERIC, "line 2, column 2|nan"},
        {"nan,2\n3,4\n", ELBO_ERROR_NUMERIC, "line 1, column 1|nan"},
        {"1,2\n3,1e60\n", ELBO_ERROR_NUMERIC, "line 2, column 2|1e60"},
        {"1,2\n3\n", ELBO_ERROR_FORMAT, "line 2 has 1 cells|first record has 2"},
        {"1,2\n3,4,5\n", ELBO_ERROR_FORMAT, "line 2 has 3 cells"},
        {"\"a\nb\",c\n1,2\n3,z\n", ELBO_ERROR_FORMAT, "line 4, column 2"},
        {"1,2\n3,\"4\n5,6\n", ELBO_ERROR_FORMAT, "quote opened in line 2, column 2"},
        {"1,2\n3,\"4\"5\n", ELBO_ERROR_FORMAT, "line 2, column 2|behind the closing quote"},
        {"1,5;2,5\n3,5;4,5\n", ELBO_ERROR_FORMAT, "line 2, column 1|\"3,5\""},
        {"", ELBO_ERROR_FORMAT, "is empty"},
        {"\n\n", ELBO_ERROR_FORMAT, "is empty"},
        {"a,b\n", ELBO_ERROR_SHAPE, "0 rows"},
        {"\xff\xfe"
         "1",
         ELBO_ERROR_FORMAT, "UTF-16"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_text("bad.csv", rows[i].text);
        open_bad(at("bad.csv"), "", rows[i].status, rows[i].parts);
    }
    put("bad.csv", "1,2\n3,\0\n", 8);
    open_bad(at("bad.csv"), "", ELBO_ERROR_FORMAT, "line 2|zero byte");
    put_text("good.csv", "a,b\n1,\"2\"\n3,4\n");
    open_bad(at("good.csv#a"), "", ELBO_ERROR_USAGE, "option columns");
    damage("good.csv", "", false);
}

static void long_cells_and_lines(void **state) {
    (void)state;
    enum { WIDTH = 40000 }; /* longer than every buffer */
    char *text = malloc(WIDTH * 8 * 2);
    assert_non_null(text);
    size_t used = 0;
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < WIDTH; column++)
            used += (size_t)sprintf(text + used, "%d%c", (column * 7 + row) % 1000, column + 1 < WIDTH ? ',' : '\n');
    put("wide.csv", text, used);
    free(text);
    elbo_dataset *data = open_good(at("wide.csv"), "test_fraction=0");
    expect_shape(data, ELBO_F32, 1, WIDTH, 0, 0);
    float *row = malloc(WIDTH * sizeof *row);
    assert_non_null(row);
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, NULL, 1, 1, row, NULL), ELBO_OK);
    for (int column = 0; column < WIDTH; column++) assert_true(row[column] == (float)((column * 7 + 1) % 1000));
    free(row);
    elbo_dataset_free(data);
}

static void written_tables_read_back(void **state) {
    (void)state;
    elbo_error error;
    put_text("w.csv", "a,b,label\n1,-2.5,\"x, y\"\n0.1,1e-20,say \"\"\n1234567,3e30,\"x, y\"\n");
    elbo_dataset *data = open_good(at("w.csv"), "test_fraction=0");
    static const char *const names[] = {"again.csv", "again.csv.gz"};
    for (int i = 0; i < 2; i++) {
        if (elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at(names[i]), &error) != ELBO_OK)
            fail_msg("%s", error.message);
        elbo_dataset *back = open_good(at(names[i]), "test_fraction=0");
        expect_values(back, ELBO_SPLIT_TRAIN, (const double[]){1, -2.5, 0.1f, 1e-20f, 1234567, 3e30f}, 6);
        const elbo_data_info *info = elbo_dataset_info(back), *first = elbo_dataset_info(data);
        assert_int_equal(info->classes, 2);
        for (int code = 0; code < 2; code++) assert_string_equal(info->class_names[code], first->class_names[code]);
        expect_labels(back, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0, 1}, 3);
        elbo_dataset_free(back);
    }
    elbo_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_table),     cmocka_unit_test(columns_are_chosen),
        cmocka_unit_test(labels_become_classes),      cmocka_unit_test(labels_from_another_file),
        cmocka_unit_test(errors_say_line_and_column), cmocka_unit_test(long_cells_and_lines),
        cmocka_unit_test(written_tables_read_back),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
