/* Option tables: every type's texts, bounds, hints, round trips and failing allocations. */
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "elbo.h"

#define SAMPLE_OPTIONS(O)                                                                      \
    O(BOOL, tied, "false", 0, 0, NULL, "share the weights")                                    \
    O(INT, batch_size, "100", 1, 1000000, NULL, "rows in a step")                              \
    O(INT, seed, "0", 0, 9.2e18, NULL, "seed")                                                 \
    O(REAL, learning_rate, "0.001", 0, 10, NULL, "step size")                                  \
    O(REAL, limit, "inf", 0, INFINITY, NULL, "may be infinite")                                \
    O(TEXT, out, "", 0, 0, NULL, "where to write")                                             \
    O(CHOICE, optimizer, "adam", 0, 0, "sgd|momentum|adagrad|rmsprop|adam|adamw", "optimiser") \
    O(INTS, hidden, "500", 1, 65536, NULL, "units of each layer")
ELBO_OPTIONS_STRUCT(sample_options, SAMPLE_OPTIONS);

#define SAMPLE_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_, ELBO_OPTION_##type_, initial_, minimum_, maximum_, choices_, help_, offsetof(sample_options, name_)},
static const elbo_option sample_rows[] = {SAMPLE_OPTIONS(SAMPLE_ROW)};
static const elbo_options sample = {"sample", sample_rows, sizeof sample_rows / sizeof *sample_rows,
                                    sizeof(sample_options)};

/* expected: what elbo_options_get prints afterwards; NULL: the text is refused with ELBO_ERROR_USAGE, a message that
 * contains `part`, and the field keeps its default. */
static const struct {
    const char *name, *text, *expected, *part;
} cases[] = {
    {"tied", "true", "true", NULL},
    {"tied", "no", "false", NULL},
    {"tied", "on", "true", NULL},
    {"tied", "1", "true", NULL},
    {"tied", "0", "false", NULL},
    {"tied", "maybe", NULL, "'maybe' is not true or false"},
    {"tied", "", NULL, "tied"},
    {"batch_size", "1", "1", NULL},
    {"batch-size", "1000000", "1000000", NULL},
    {"batch-size", "1e3", "1000", NULL},
    {"batch-size", " 12 ", "12", NULL},
    {"batch-size", "12.0", "12", NULL},
    {"batch-size", "0", NULL, "expected 1 to 1000000"},
    {"batch-size", "1000001", NULL, "expected 1 to 1000000"},
    {"batch-size", "-5", NULL, "out of bounds"},
    {"batch-size", "12.5", NULL, "a whole number"},
    {"batch-size", "12x", NULL, "a whole number"},
    {"batch-size", "", NULL, "a whole number"},
    {"batch-size", "1e400", NULL, "a whole number"},
    {"batch-size", "99999999999999999999", NULL, "out of bounds"},
    {"seed", "9007199254740993", "9007199254740993", NULL},
    {"seed", "9200000000000000000", "9200000000000000000", NULL},
    {"seed", "9223372036854775807", NULL, "out of bounds"},
    {"learning_rate", "1e-3", "0.001", NULL},
    {"learning-rate", "0.1", "0.1", NULL},
    {"learning-rate", "0.30000000000000004", "0.30000000000000004", NULL},
    {"learning-rate", "0", "0", NULL},
    {"learning-rate", "10", "10", NULL},
    {"learning-rate", "10.001", NULL, "expected 0 to 10"},
    {"learning-rate", "-1e-9", NULL, "out of bounds"},
    {"learning-rate", "nan", NULL, "'nan' is not a number"},
    {"learning-rate", "inf", NULL, "out of bounds"},
    {"learning-rate", "0,5", NULL, "'0,5' is not a number"},
    {"learning-rate", "fast", NULL, "option learning-rate: 'fast'"},
    {"limit", "inf", "inf", NULL},
    {"out", "a b/c=d", "a b/c=d", NULL},
    {"out", "", "", NULL},
    {"optimizer", "sgd", "sgd", NULL},
    {"optimizer", "adamw", "adamw", NULL},
    {"optimizer", "ada", NULL, "did you mean"},
    {"optimizer", "rmsporp", NULL, "did you mean rmsprop?"},
    {"optimizer", "quick", NULL, "none of sgd, momentum, adagrad, rmsprop, adam, adamw"},
    {"optimizer", "", NULL, "none of"},
    {"optimizer", "sgd|momentum", NULL, "none of"},
    {"hidden", "500,200", "500,200", NULL},
    {"hidden", "500, 200", "500,200", NULL},
    {"hidden", "", "", NULL},
    {"hidden", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", NULL},
    {"hidden", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", NULL, "more than 16"},
    {"hidden", "500,", NULL, "a list of whole numbers"},
    {"hidden", ",500", NULL, "a list of whole numbers"},
    {"hidden", "500 200", NULL, "a list of whole numbers"},
    {"hidden", "500,0", NULL, "each from 1 to 65536"},
    {"hidden", "500x200", NULL, "a list of whole numbers"},
};

static void texts_are_read_and_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample_options values;
        elbo_error error = {0};
        char text[256], before[256];
        assert_int_equal(elbo_options_init(&sample, &values, &error), ELBO_OK);
        assert_true(elbo_options_get(&sample, &values, cases[i].name, before, sizeof before));
        elbo_status status = elbo_options_set(&sample, &values, cases[i].name, cases[i].text, &error);
        assert_true(elbo_options_get(&sample, &values, cases[i].name, text, sizeof text));
        if (cases[i].expected) {
            assert_int_equal(status, ELBO_OK);
            assert_string_equal(text, cases[i].expected);
        } else {
            assert_int_equal(status, ELBO_ERROR_USAGE);
            assert_int_equal(error.status, ELBO_ERROR_USAGE);
            if (!strstr(error.message, cases[i].part))
                fail_msg("%s=%s: \"%s\" lacks \"%s\"", cases[i].name, cases[i].text, error.message, cases[i].part);
            assert_string_equal(text, before);
        }
        elbo_options_clear(&sample, &values);
    }
}

static void defaults_fill_the_struct(void **state) {
    (void)state;
    sample_options values;
    memset(&values, 0xa5, sizeof values);
    assert_int_equal(elbo_options_init(&sample, &values, NULL), ELBO_OK);
    assert_false(values.tied);
    assert_int_equal(values.batch_size, 100);
    assert_true(values.learning_rate == 0.001);
    assert_true(isinf(values.limit));
    assert_string_equal(values.out, "");
    assert_string_equal(values.optimizer, "adam");
    assert_int_equal(values.hidden.count, 1);
    assert_int_equal(values.hidden.value[0], 500);
    elbo_options_clear(&sample, &values);
    assert_null(values.out);
    assert_int_equal(values.batch_size, 0);
    elbo_options_clear(&sample, &values); /* twice is harmless */
}

static void text_reads_back_to_the_same_value(void **state) {
    (void)state;
    sample_options values;
    assert_int_equal(elbo_options_init(&sample, &values, NULL), ELBO_OK);
    double numbers[] = {1.0 / 3, 0.1 + 0.2, 4.9406564584124654e-324, 2.2250738585072014e-308, 9.999999999999998, 1e-5};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[64];
        values.learning_rate = numbers[i];
        assert_true(elbo_options_get(&sample, &values, "learning-rate", text, sizeof text));
        values.learning_rate = 7;
        assert_int_equal(elbo_options_set(&sample, &values, "learning-rate", text, NULL), ELBO_OK);
        assert_true(values.learning_rate == numbers[i]);
    }
    elbo_options_clear(&sample, &values);
}

static void get_truncates_and_knows_its_names(void **state) {
    (void)state;
    sample_options values;
    char text[4] = "zzz";
    assert_int_equal(elbo_options_init(&sample, &values, NULL), ELBO_OK);
    assert_int_equal(elbo_options_set(&sample, &values, "hidden", "123,456", NULL), ELBO_OK);
    assert_true(elbo_options_get(&sample, &values, "hidden", text, sizeof text));
    assert_string_equal(text, "123");
    assert_true(elbo_options_get(&sample, &values, "optimizer", text, sizeof text));
    assert_string_equal(text, "ada");
    assert_false(elbo_options_get(&sample, &values, "optimiser", text, sizeof text));
    elbo_options_clear(&sample, &values);
}

static void the_nearest_name_is_a_plausible_one(void **state) {
    (void)state;
    static const struct {
        const char *typed, *nearest;
    } names[] = {{"hiden", "hidden"},
                 {"batch-szie", "batch_size"},
                 {"batch", "batch_size"},
                 {"optimiser", "optimizer"},
                 {"sede", "seed"},
                 {"ot", "out"},
                 {"wavelength", NULL},
                 {"", NULL},
                 {"x", NULL},
                 {"learning-rates", "learning_rate"}};
    const elbo_options *tables[] = {&elbo_data_options_table, &sample};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *nearest = elbo_options_nearest(tables, 2, names[i].typed);
        if (!names[i].nearest)
            assert_null(nearest);
        else {
            assert_non_null(nearest);
            assert_string_equal(nearest, names[i].nearest);
        }
    }
    char lengthy[400];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    assert_null(elbo_options_nearest(tables, 2, lengthy));

    sample_options values;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&sample, &values, &error), ELBO_OK);
    assert_int_equal(elbo_options_set(&sample, &values, "hiden", "1", &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "hiden"));
    assert_non_null(strstr(error.message, "did you mean hidden?"));
    elbo_options_clear(&sample, &values);
}

static void a_wrong_default_is_an_internal_error(void **state) {
    (void)state;
    elbo_option row = {"rate", ELBO_OPTION_REAL, "2", 0, 1, NULL, "", 0};
    elbo_options table = {"broken", &row, 1, sizeof(double)};
    double value = 7;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&table, &value, &error), ELBO_ERROR_INTERNAL);
    assert_non_null(strstr(error.message, "default of rate"));
    assert_true(value == 0);
}

/* Numbers do not depend on the locale of the program around the library. */
static void the_locale_does_not_matter(void **state) {
    (void)state;
    const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof commas / sizeof *commas && !found; i++)
        found = setlocale(LC_NUMERIC, commas[i]) != NULL;
    if (!found) skip(); /* no locale with a decimal comma is installed */
    sample_options values;
    char text[64];
    assert_int_equal(elbo_options_init(&sample, &values, NULL), ELBO_OK);
    assert_int_equal(elbo_options_set(&sample, &values, "learning-rate", "0.5", NULL), ELBO_OK);
    assert_true(values.learning_rate == 0.5);
    assert_true(elbo_options_get(&sample, &values, "learning-rate", text, sizeof text));
    assert_string_equal(text, "0.5");
    elbo_options_clear(&sample, &values);
    setlocale(LC_NUMERIC, "C");
}

static void each_failing_allocation_is_reported(void **state) {
    (void)state;
    sample_options values;
    int failures = 0;
    for (long number = 1;; number++) {
        elbo_error error = {0};
        elbo_memory_fail_at(number);
        elbo_status status = elbo_options_init(&sample, &values, &error);
        elbo_memory_fail_at(0);
        if (status == ELBO_OK) break;
        failures++;
        assert_int_equal(status, ELBO_ERROR_MEMORY);
        assert_non_null(strstr(error.message, "out of memory"));
        assert_null(values.out);
    }
    assert_int_equal(failures, 2);
    elbo_memory_fail_at(1);
    assert_int_equal(elbo_options_set(&sample, &values, "optimizer", "sgd", NULL), ELBO_ERROR_MEMORY);
    elbo_memory_fail_at(0);
    assert_string_equal(values.optimizer, "adam");
    elbo_options_clear(&sample, &values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_and_refused),          cmocka_unit_test(defaults_fill_the_struct),
        cmocka_unit_test(text_reads_back_to_the_same_value),   cmocka_unit_test(get_truncates_and_knows_its_names),
        cmocka_unit_test(the_nearest_name_is_a_plausible_one), cmocka_unit_test(a_wrong_default_is_an_internal_error),
        cmocka_unit_test(the_locale_does_not_matter),          cmocka_unit_test(each_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
