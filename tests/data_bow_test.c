/* Documents as counts of words: every spelling of one collection, labels, vocabularies, empty and damaged documents. */
#include "data_support.h"

static const double counts[] = {1, 0, 2, 0, 0, 3, 0, 1, 0, 0, 0, 0}; /* three documents of four words */

static void spellings_of_one_collection(void **state) {
    (void)state;
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"a.feat", "1:1 3:2\n2:3 4:1\n\n"},
        {"a.feat", "1:1 3:2\r\n2:3 4:1\r\n\r\n"},
        {"a.feat", "0:1 2:2\n1:3 3:1\n\n"},                             /* one of them is 0: they count from 0 */
        {"a.feat", "3:1 1:1 3:1\n 4:1\t2:2 2:1 \n\n"},                  /* any order, repeated words */
        {"a.feat", "# nothing here\n1:1 3:2 # nor there\n2:3 4:1\n\n"}, /* comments are no documents */
        {"a.feat", "x 1:1 3:2\nx 2:3 4:1\nx\n"},                        /* a label that says nothing */
        {"a.feat", "x 1:1 3:2\nx 2:3 4:1\nx"},
        {"a.feat", "1:1 3:2 4:0\n2:3.0 4:1e0\n\n"},
        {"a.bow", "1:1 3:2\n2:3 4:1\n\n"},
        {"a.svmlight", "+1 1:1 3:2\n+1 2:3 4:1\n+1\n\n\n"}, /* blank lines at the end of a file with labels */
        {"a.ldac", "2 0:1 2:2\n2 1:3 3:1\n0\n"},
        {"docword.a.txt", "3\n4\n4\n1 1 1\n1 3 2\n2 2 3\n2 4 1\n"},
        {"docword.a.txt", "3 4 4 2 4 1  1 3 2\r\n2 2 3 1 1 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int packed = 0; packed < 2; packed++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", rows[i].name, packed ? ".gz" : "");
            (packed ? put_gzip : put)(name, rows[i].text, strlen(rows[i].text));
            elbo_dataset *data = open_good(at(name), "test_fraction=0");
            const elbo_data_info *info = elbo_dataset_info(data);
            expect_shape(data, ELBO_F32, 1, 4, 0, 0);
            expect_values(data, ELBO_SPLIT_TRAIN, counts, 12);
            assert_string_equal(info->format, "bow");
            assert_int_equal(info->classes, 0);
            assert_null(info->feature_names);
            assert_true(info->minimum == 0 && info->maximum == 3 && info->integral);
            elbo_dataset_free(data);
            unlink(at(name));
        }
}

static void labels_and_words(void **state) {
    (void)state;
    make_folder("named");
    put_text("named/train.feat", "sport 1:1\nspace 2:2 3:1\n");
    put_text("named/test.feat", "space 3:4\nsport\nspace 1:1\n");
    put_text("named/vocab.txt", "ball 7\norbit 3\nmoon 1\nunused 0\n");
    elbo_dataset *data = open_good(at("named"), "");
    const elbo_data_info *info = elbo_dataset_info(data);
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 0, 0, 0, 0, 2, 1, 0}, 8);
    expect_values(data, ELBO_SPLIT_TEST, (const double[]){0, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0}, 12);
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0}, 2);
    expect_labels(data, ELBO_SPLIT_TEST, (const int32_t[]){0, 1, 0}, 3);
    assert_string_equal(info->class_names[0], "space");
    assert_string_equal(info->feature_names[1], "orbit");
    assert_string_equal(info->feature_names[3], "unused");
    elbo_dataset_free(data);
    starve(at("named"), "");

    char source[2200]; /* a vocabulary of one's own, and one by the name of the collection */
    put_text("named/other.txt", "a\nb\nc\nd\ne");
    snprintf(source, sizeof source, "%s#other.txt", at("named/train.feat"));
    data = open_good(source, "test_fraction=0");
    expect_shape(data, ELBO_F32, 1, 5, 0, 0);
    assert_string_equal(elbo_dataset_info(data)->feature_names[4], "e");
    elbo_dataset_free(data);
    make_folder("uci");
    put_text("uci/docword.kos.txt", "2\n3\n2\n1 1 1\n2 3 2\n");
    put_text("uci/vocab.kos.txt", "x\ny\nz\n\n");
    data = open_good(at("uci"), "test_fraction=0");
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){1, 0, 0, 0, 0, 2}, 6);
    assert_string_equal(elbo_dataset_info(data)->feature_names[2], "z");
    elbo_dataset_free(data);
    put_text("uci/vocab.kos.txt", "x\ny\n");
    open_bad(at("uci"), "", ELBO_ERROR_FORMAT, "vocab.kos.txt holds 2 words|there are 3");
}

/* Rows in any order, from any split, and out into a dense file. */
static void rows_are_served(void **state) {
    (void)state;
    char text[4096] = "";
    for (int row = 0; row < 40; row++) sprintf(text + strlen(text), "%d:%d 41:1\n", row + 1, row + 1);
    put_text("many.feat", text);
    elbo_dataset *data = open_good(at("many.feat"), "test_fraction=0.25");
    const elbo_data_info *info = elbo_dataset_info(data);
    float values[3 * 41];
    int64_t index[3] = {7, 0, 7};
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TEST, index, 0, 3, values, NULL), ELBO_OK);
    assert_memory_equal(values, values + 82, 41 * sizeof *values);
    int64_t seen = 0;
    for (int split = 0; split < 3; split++)
        for (int64_t row = 0; row < info->count[split]; row++) {
            float one[41], sum = 0;
            assert_int_equal(elbo_dataset_rows(data, (elbo_split)split, NULL, row, 1, one, NULL), ELBO_OK);
            int place = -1;
            for (int v = 0; v < 40; v++)
                if (one[v] > 0) sum += one[v], place = v;
            assert_true(place >= 0 && sum == (float)(place + 1) && one[40] == 1);
            seen |= INT64_C(1) << place;
        }
    assert_true(seen == (INT64_C(1) << 40) - 1);
    elbo_error error;
    if (elbo_dataset_convert(data, ELBO_SPLIT_ALL, at("dense.npy"), &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_dataset *dense = open_good(at("dense.npy"), "test_fraction=0.25");
    for (int64_t row = 0; row < info->count[ELBO_SPLIT_TEST]; row++) {
        assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TEST, NULL, row, 1, values, NULL), ELBO_OK);
        assert_int_equal(elbo_dataset_rows(dense, ELBO_SPLIT_TEST, NULL, row, 1, values + 41, NULL), ELBO_OK);
        assert_memory_equal(values, values + 41, 41 * sizeof *values);
    }
    elbo_dataset_free(dense);
    elbo_dataset_free(data);
    data = open_good(at("many.feat"), "test_fraction=0 limit=3");
    assert_int_equal(elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN], 3);
    elbo_dataset_free(data);
}

static void what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *parts;
    } rows[] = {
        {"b.feat", "1:1\n2:-1\n", "line 2|\"-1\" is no count"},
        {"b.feat", "1:1\n2:nan\n", "line 2|\"nan\" is no count"},
        {"b.feat", "1:1\n2:1e99\n", "line 2|\"1e99\""},
        {"b.feat", "1:1\n2:\n", "line 2|\"\" is no count"},
        {"b.feat", "1:1\n2\n", "line 2|some lines begin with a label"},
        {"b.feat", "x 1:1\n2:1\n", "line 2|some lines begin with a label"},
        {"b.feat", "x 1:1\n\nx 2:1\n", "line 3|some lines begin with a label"},
        {"b.feat", "1:1 word\n", "line 1|\"word\" where word:count was expected"},
        {"b.feat", "1:1 -3:1\n", "line 1|\"-3:1\""},
        {"b.feat", "1:1 2000000:1\n", "\"2000000:1\"|up to 1000000"},
        {"b.feat", "1:1 99999999999999999999999:1\n", "line 1|word:count"},
        {"b.feat", "\n\n", "holds no data"},
        {"b.feat", "", "holds no data"},
        {"b.ldac", "2 0:1\n", "line 1|1 pairs, but its first number says 2"},
        {"b.ldac", "x 0:1\n", "line 1|\"x\" where the number of pairs was expected"},
        {"b.ldac", "1 0:1\n\n1 1:1\n", "line 3|a blank line"},
        {"docword.b.txt", "3\n4\n2\n1 1  00001\n", "\"the end of the file\" where a document"},
        {"docword.b.txt", "3\n4\n1\n1 1 1\n2 1 1\n", "line 5|more than the 1 triples"},
        {"docword.b.txt", "3\n4\n1\n4 1 1\n", "line 4|\"4\" where a document was expected, a number from 1 to 3"},
        {"docword.b.txt", "3\n4\n1\n1 5 1\n", "line 4|\"5\" where a word was expected"},
        {"docword.b.txt", "3\n4\n1\n0 1 1\n", "line 4|\"0\" where a document"},
        {"docword.b.txt", "3\n4\n99999999\n1 1 1\n", "99999999 triples, which is more than the file can hold"},
        {"docword.b.txt", "999999999999\n4\n1\n1 1 1\n", "more than a million documents empty"},
        {"docword.b.txt", "3\n2000000\n1\n1 1 1\n", "number of words|1000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_text(rows[i].name, rows[i].text);
        elbo_status status = strstr(rows[i].parts, "no data") ? ELBO_ERROR_SHAPE : ELBO_ERROR_FORMAT;
        open_bad(at(rows[i].name), "test_fraction=0", status, rows[i].parts);
    }
    put("b.feat", "1:1\0 2:1\n", 9);
    open_bad(at("b.feat"), "", ELBO_ERROR_FORMAT, "a byte that is 0");
    char text[600];
    memset(text, 'x', sizeof text);
    put("b.feat", text, sizeof text);
    open_bad(at("b.feat"), "", ELBO_ERROR_FORMAT, "more than 255 bytes");
}

static void vocabularies_that_do_not_fit(void **state) {
    (void)state;
    make_folder("small");
    put_text("small/train.feat", "1:1\n2:1 4:2\n");
    put_text("small/vocab.txt", "a\nb\nc\n");
    open_bad(at("small"), "", ELBO_ERROR_FORMAT, "line 2: word 4|holds 3 words, counted from 1");
    put_text("small/train.feat", "0:1\n2:1 3:2\n");
    open_bad(at("small"), "", ELBO_ERROR_FORMAT, "line 2: word 3|holds 3 words, counted from 0");
    put_text("small/train.feat", "0:1\n2:1\n");
    elbo_dataset_free(open_good(at("small"), "test_fraction=0"));
    put_text("small/vocab.txt", "a\n\nc\n");
    open_bad(at("small"), "", ELBO_ERROR_FORMAT, "vocab.txt, line 2: blank");
    put_text("small/vocab.txt", "a\nb\x1b[31m\nc\n");
    open_bad(at("small"), "", ELBO_ERROR_FORMAT, "vocab.txt, line 2: byte 27");
    put_text("small/vocab.txt", "\n\n");
    open_bad(at("small"), "", ELBO_ERROR_FORMAT, "holds no words");
    char source[2200];
    snprintf(source, sizeof source, "%s#none.txt", at("small/train.feat"));
    open_bad(source, "", ELBO_ERROR_IO, "none.txt");
}

static void damaged_files(void **state) {
    (void)state;
    put_text("d.feat", "x 1:1 3:2\ny 2:3 4:1\n");
    damage("d.feat", "", false);
    put_text("docword.d.txt", "3\n4\n4\n1 1 1\n1 3 2\n2 2 3\n2 4 1\n");
    damage("docword.d.txt", "", false);
    const char *text = "1:1 3:2\n2:3 4:1\n";
    put_gzip("d.feat.gz", text, strlen(text));
    static unsigned char bytes[4096]; /* cut: the endings that tell the format must stay */
    size_t count = read_bytes("d.feat.gz", bytes, sizeof bytes);
    put("cut.feat.gz", bytes, count - 9);
    open_bad(at("cut.feat.gz"), "", ELBO_ERROR_FORMAT, "truncated");
    starve(at("docword.d.txt"), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_of_one_collection),
        cmocka_unit_test(labels_and_words),
        cmocka_unit_test(rows_are_served),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(vocabularies_that_do_not_fit),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
