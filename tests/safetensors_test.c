/* Safetensors files: round trips, files made elsewhere, and every kind of damage. */
#include "train/safetensors.h"

#include <math.h>

#include "base/memory.h"
#include "scratch.h"
#include "train/safetensors_format.h"

static const float weights[6] = {1.5f, -2.25f, 0.0f, 1e-30f, 3e38f, -0.5f};
static const double moments[2] = {M_PI, -1e-300};
static const uint8_t mask[3] = {0, 1, 255};
static const int64_t counter[1] = {INT64_MIN};
static const uint16_t halves[2] = {0x3f80, 0xc000};

/* Out of order of width, with a scalar and an empty tensor. */
static const elbo_safetensors_tensor tensors[] = {
    {.name = "mask", .dtype = ELBO_SAFETENSORS_U8, .rank = 1, .shape = {3}, .data = mask},
    {.name = "encoder.weight", .dtype = ELBO_SAFETENSORS_F32, .rank = 2, .shape = {2, 3}, .data = weights},
    {.name = "step", .dtype = ELBO_SAFETENSORS_I64, .rank = 0, .data = counter},
    {.name = "nothing", .dtype = ELBO_SAFETENSORS_F32, .rank = 2, .shape = {0, 7}},
    {.name = "bf", .dtype = ELBO_SAFETENSORS_BF16, .rank = 1, .shape = {2}, .data = halves},
    {.name = "m \"\xC3\xA9\"", .dtype = ELBO_SAFETENSORS_F64, .rank = 1, .shape = {2}, .data = moments},
};
enum { TENSORS = sizeof tensors / sizeof *tensors };
static const elbo_safetensors_pair pairs[] = {{"epoch", "3"}, {"recipe", "a: \"b\"\n\xE2\x82\xAC"}, {"empty", ""}};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static size_t bytes_of(const elbo_safetensors_tensor *tensor) {
    static const size_t sizes[TENSORS] = {3, 24, 8, 0, 4, 16};
    return sizes[tensor - tensors];
}

/* Whether the file holds exactly the tensors above. */
static bool is_intact(const elbo_safetensors *file) {
    if (elbo_safetensors_count(file) != TENSORS) return false;
    for (size_t i = 0; i < TENSORS; i++) {
        const elbo_safetensors_tensor *found = elbo_safetensors_find(file, tensors[i].name);
        if (!found || found->dtype != tensors[i].dtype || found->rank != tensors[i].rank ||
            memcmp(found->shape, tensors[i].shape, sizeof found->shape) != 0 || found->bytes != bytes_of(&tensors[i]))
            return false;
        if (found->bytes && memcmp(found->data, tensors[i].data, found->bytes) != 0) return false;
    }
    return true;
}

static void write_all(const char *path) {
    elbo_error error = {0};
    assert_int_equal(elbo_safetensors_write(path, tensors, TENSORS, pairs, PAIRS, &error), ELBO_OK);
}

static void round_trip(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    write_all(place->path);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
    if (!file) fail_msg("%s", error.message);
    assert_true(is_intact(file));
    for (size_t i = 0; i < PAIRS; i++)
        assert_string_equal(elbo_safetensors_metadata(file, pairs[i].key), pairs[i].value);
    assert_int_equal(elbo_safetensors_pair_count(file), PAIRS + 2);
    assert_string_equal(elbo_safetensors_pair_at(file, 0)->key, "epoch");
    assert_null(elbo_safetensors_pair_at(file, PAIRS + 2));
    assert_null(elbo_safetensors_metadata(file, "absent"));
    assert_null(elbo_safetensors_find(file, "absent"));
    assert_null(elbo_safetensors_at(file, TENSORS));
    size_t previous = 8;
    for (size_t i = 0; i < TENSORS; i++) { /* in the order of the data, and aligned */
        const elbo_safetensors_tensor *tensor = elbo_safetensors_at(file, i);
        size_t width = elbo_safetensors_element_size(tensor->dtype);
        assert_int_equal(tensor->offset % width, 0);
        assert_true(width <= previous);
        previous = width;
    }
    elbo_safetensors_free(file);
    elbo_safetensors_free(NULL);
}

/* The bytes themselves, against the format's description rather than against the reader. */
static void layout(void **state) {
    scratch *place = *state;
    size_t count;
    write_all(place->path);
    char *bytes = scratch_read(place->path, &count);
    uint64_t header = 0;
    for (int i = 0; i < 8; i++) header |= (uint64_t)(unsigned char)bytes[i] << 8 * i;
    assert_int_equal((8 + header) % 64, 0);
    assert_int_equal(count, 8 + header + 3 + 24 + 8 + 4 + 16);
    assert_int_equal(bytes[8], '{');
    assert_memory_equal(bytes + 8 + header, counter, sizeof counter);
    assert_memory_equal(bytes + 8 + header + 8, moments, sizeof moments);
    assert_memory_equal(bytes + 8 + header + 24, weights, sizeof weights);
    assert_memory_equal(bytes + 8 + header + 52, mask, sizeof mask);
    bytes[8 + header] = 0;
    assert_non_null(
        strstr(bytes + 8, "\"encoder.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,48]}"));
    assert_non_null(strstr(bytes + 8, "\"step\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}"));
    free(bytes);
}

static void nothing_at_all(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    assert_int_equal(elbo_safetensors_write(place->path, NULL, 0, NULL, 0, &error), ELBO_OK);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
    assert_non_null(file);
    assert_int_equal(elbo_safetensors_count(file), 0);
    elbo_safetensors_free(file);
}

static void copies_and_conversions(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    double wide[6];
    float narrow[2];
    uint8_t small[3];
    write_all(place->path);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
    assert_non_null(file);
    const int64_t two_three[] = {2, 3}, three_two[] = {3, 2}, two[] = {2}, three[] = {3}, empty[] = {0, 7};
    assert_int_equal(elbo_safetensors_copy(file, "encoder.weight", ELBO_F64, 2, two_three, wide, &error), ELBO_OK);
    for (int i = 0; i < 6; i++) assert_true(wide[i] == (double)weights[i]);
    assert_int_equal(elbo_safetensors_copy(file, tensors[5].name, ELBO_F32, 1, two, narrow, &error), ELBO_OK);
    for (int i = 0; i < 2; i++) assert_true(narrow[i] == (float)moments[i]);
    assert_int_equal(elbo_safetensors_copy(file, "mask", ELBO_U8, 1, three, small, &error), ELBO_OK);
    assert_memory_equal(small, mask, 3);
    assert_int_equal(elbo_safetensors_copy(file, "nothing", ELBO_F64, 2, empty, NULL, &error), ELBO_OK);

    assert_int_equal(elbo_safetensors_copy(file, "absent", ELBO_F32, 1, two, narrow, &error), ELBO_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "absent"));
    assert_int_equal(elbo_safetensors_copy(file, "encoder.weight", ELBO_F32, 2, three_two, wide, &error),
                     ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "[2,3]"));
    assert_non_null(strstr(error.message, "[3,2]"));
    assert_int_equal(elbo_safetensors_copy(file, "encoder.weight", ELBO_F32, 1, two, wide, &error), ELBO_ERROR_SHAPE);
    assert_int_equal(elbo_safetensors_copy(file, "mask", ELBO_F32, 1, three, wide, &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "U8"));
    elbo_safetensors_free(file);
}

static const float one[1] = {1};

static void refused_by_the_writer(void **state) {
    scratch *place = *state;
    const elbo_safetensors_tensor good = {"a", ELBO_SAFETENSORS_F32, 1, {1}, one, 0, 0};
    const struct {
        elbo_safetensors_tensor tensors[2];
        elbo_safetensors_pair pairs[2];
        const char *word;
    } cases[] = {
        {{good, good}, {{"k", "v"}, {"l", "v"}}, "\"a\" is given twice"},
        {{{"__metadata__", 0, 0, {0}, one, 0, 0}, good}, {{"k", "v"}, {"l", "v"}}, "__metadata__"},
        {{{"\xff", 0, 0, {0}, one, 0, 0}, good}, {{"k", "v"}, {"l", "v"}}, "cannot name"},
        {{{"b", 0, 7, {0}, one, 0, 0}, good}, {{"k", "v"}, {"l", "v"}}, "shape"},
        {{{"b", 0, 1, {-1}, one, 0, 0}, good}, {{"k", "v"}, {"l", "v"}}, "shape"},
        {{{"b", 0, 2, {INT64_MAX, 9}, one, 0, 0}, good}, {{"k", "v"}, {"l", "v"}}, "shape"},
        {{{"b", 0, 0, {0}, one, 0, 0}, good}, {{"k", "v"}, {"k", "w"}}, "\"k\" is given twice"},
        {{{"b", 0, 0, {0}, one, 0, 0}, good}, {{"k", "v"}, {"elbo.crc32", "w"}}, "elbo.crc32"},
        {{{"b", 0, 0, {0}, one, 0, 0}, good}, {{"k", "v"}, {"l", "\xc3"}}, "\"l\" is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        assert_int_equal(elbo_safetensors_write(place->path, cases[i].tensors, 2, cases[i].pairs, 2, &error),
                         ELBO_ERROR_USAGE);
        if (!strstr(error.message, cases[i].word)) fail_msg("case %zu: %s", i, error.message);
        assert_int_not_equal(access(place->path, F_OK), 0);
    }
}

/* Headers as another tool, or a hostile one, might write them; `data` bytes follow. */
static const struct {
    const char *header;
    size_t data;
    const char *word; /* of the message; NULL: the file is good */
} headers[] = {
    {"{}", 0, NULL},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, NULL},
    {"{ \"a\" : {\"data_offsets\":[1,5],\"shape\":[],\"dtype\":\"F32\"},"
     "\"b\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]}}  \n ",
     5, NULL},
    {"{\"__metadata__\":{},\"a\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,1,1],\"data_offsets\":[0,2]}}", 2, NULL},
    {"", 0, "2 to 0"},
    {"[]", 0, "'{'"},
    {" {}", 0, "'{'"},
    {"{} x", 0, "byte 1"},
    {"{\"a\":1}", 0, "\"a\": an object"},
    {"{\"a\":{}}", 0, "\"a\": an object"},
    {"{\"__metadata__\":[]}", 0, "must be an object"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "\"k\" must be a string"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "an object"},
    {"{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "unknown dtype \"F33\""},
    {"{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "must be a string"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, "must be an array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, "whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8, "rank 7"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8, "2^63"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}", 8, "JSON at byte"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1000000000],\"data_offsets\":[0,4000000000]}}", 8, "section of 8 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "make 12 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "[8, 0)"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, "[-8, 0)"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, "two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":{}}}", 8, "two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, "the file holds 9"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}", 9, "after a gap"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "inside the tensor before it"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
     2, "duplicate"},
    {"{\"__metadata__\":{\"elbo.crc32\":\"00000000\"},\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
     1, "checksum of the data"},
    {"{\"__metadata__\":{\"elbo.crc32.header\":\"00000001\"}}", 0, "checksum of the header"},
};

static void foreign_headers(void **state) {
    scratch *place = *state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char bytes[512] = {0};
        size_t length = strlen(headers[i].header);
        elbo_error error = {0};
        bytes[0] = (char)length;
        memcpy(bytes + 8, headers[i].header, length);
        scratch_write(place->path, bytes, 8 + length + headers[i].data);
        elbo_safetensors *file = elbo_safetensors_open(place->path, &error);
        if (!file != !!headers[i].word) fail_msg("case %zu: %s", i, error.message);
        if (!file && (!strstr(error.message, headers[i].word) || !strstr(error.message, place->path)))
            fail_msg("case %zu: %s", i, error.message);
        elbo_safetensors_free(file);
    }
}

static void lying_lengths(void **state) {
    scratch *place = *state;
    static const unsigned char lengths[][8] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                               {0, 0, 0, 0, 1, 0, 0, 0},
                                               {0xf8, 0xff, 0xff, 0xff, 0, 0, 0, 0x80},
                                               {1, 0, 0, 0, 0, 0, 0, 0},
                                               {3, 0, 0, 0, 0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char bytes[10] = "........{}";
        elbo_error error = {0};
        memcpy(bytes, lengths[i], 8);
        scratch_write(place->path, bytes, sizeof bytes);
        assert_null(elbo_safetensors_open(place->path, &error));
        assert_int_equal(error.status, ELBO_ERROR_FORMAT);
    }
}

/* A header nested deeper than any parser's stack should go. */
static void deep_nesting(void **state) {
    scratch *place = *state;
    enum { DEPTH = 100000 };
    elbo_error error = {0};
    char *bytes = malloc(8 + DEPTH);
    assert_non_null(bytes);
    memset(bytes, '[', 8 + DEPTH);
    for (int i = 0; i < 8; i++) bytes[i] = (char)(DEPTH >> 8 * (i < 4 ? i : 3) & 0xFF);
    memcpy(bytes + 8, "{\"a\":", 5);
    scratch_write(place->path, bytes, 8 + DEPTH);
    free(bytes);
    assert_null(elbo_safetensors_open(place->path, &error));
    assert_int_equal(error.status, ELBO_ERROR_FORMAT);
}

static void each_truncation(void **state) {
    scratch *place = *state;
    size_t count;
    write_all(place->path);
    char *bytes = scratch_read(place->path, &count);
    for (size_t length = 0; length < count; length++) {
        elbo_error error = {0};
        scratch_write(place->path, bytes, length);
        assert_null(elbo_safetensors_open(place->path, &error));
        assert_int_equal(error.status, ELBO_ERROR_FORMAT);
    }
    scratch_write(place->path, bytes, count + 1);
    assert_null(elbo_safetensors_open(place->path, NULL));
    free(bytes);
}

static void each_flip(void **state) {
    scratch *place = *state;
    size_t count;
    write_all(place->path);
    char *bytes = scratch_read(place->path, &count);
    static const unsigned char flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 255, ' ' ^ '\t'};
    size_t detected = 0;
    for (size_t at = 0; at < count; at++)
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[at] = (char)(bytes[at] ^ flips[k]);
            scratch_write(place->path, bytes, count);
            elbo_safetensors *file = elbo_safetensors_open(place->path, NULL);
            if (file && !is_intact(file)) fail_msg("byte %zu ^ %d went unnoticed", at, flips[k]);
            detected += !file;
            elbo_safetensors_free(file);
            bytes[at] = (char)(bytes[at] ^ flips[k]);
        }
    assert_true(detected > count * sizeof flips * 8 / 10);
    free(bytes);
}

static void each_allocation(void **state) {
    scratch *place = *state;
    elbo_status status;
    elbo_error error = {0};
    SCRATCH_EACH_ALLOCATION(number,
                            status = elbo_safetensors_write(place->path, tensors, TENSORS, pairs, PAIRS, &error),
                            assert_true(status == ELBO_OK || (scratch_reached && status == ELBO_ERROR_MEMORY)));
    elbo_safetensors *file;
    SCRATCH_EACH_ALLOCATION(number, file = elbo_safetensors_open(place->path, &error), {
        assert_int_equal(file == NULL, scratch_reached);
        if (!file) assert_int_equal(error.status, ELBO_ERROR_MEMORY);
        elbo_safetensors_free(file);
    });
}

static void full_and_unwritable(void **state) {
    scratch *place = *state;
    char path[160];
    elbo_error error = {0};
    write_all(place->path);
    scratch_disk_size(100);
    elbo_status status = elbo_safetensors_write(place->path, tensors, 1, NULL, 0, &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_int_equal(status, ELBO_ERROR_IO);
    elbo_safetensors *file = elbo_safetensors_open(place->path, &error); /* the old file is untouched */
    assert_non_null(file);
    assert_true(is_intact(file));
    elbo_safetensors_free(file);
    snprintf(path, sizeof path, "%s.tmp.%ld", place->path, (long)getpid());
    assert_int_not_equal(access(path, F_OK), 0);

    snprintf(path, sizeof path, "%s/below", place->path); /* below a file, not a folder */
    assert_int_equal(elbo_safetensors_write(path, tensors, 1, NULL, 0, &error), ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, path));
    assert_null(elbo_safetensors_open(path, &error));
    assert_int_equal(error.status, ELBO_ERROR_IO);
    assert_null(elbo_safetensors_open(place->folder, &error));
    assert_int_equal(error.status, ELBO_ERROR_IO);
    assert_null(elbo_safetensors_open("/dev/full", &error));
    assert_int_equal(error.status, ELBO_ERROR_IO);
}

static void types(void **state) {
    (void)state;
    static const elbo_dtype known[] = {ELBO_F32, ELBO_F64, ELBO_U8, ELBO_I32, ELBO_BF16};
    static const char *const names[] = {"F32", "F64", "U8", "I32", "BF16"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(elbo_safetensors_dtype_name(elbo_safetensors_dtype_of(known[i])), names[i]);
    assert_string_equal(elbo_safetensors_dtype_name((elbo_safetensors_dtype)99), "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(layout),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(copies_and_conversions),
        cmocka_unit_test(foreign_headers),
        cmocka_unit_test(lying_lengths),
        cmocka_unit_test(deep_nesting),
        cmocka_unit_test(each_truncation),
        cmocka_unit_test(each_flip),
        cmocka_unit_test(each_allocation),
        cmocka_unit_test(types),
        cmocka_unit_test(full_and_unwritable),
        cmocka_unit_test_setup_teardown(refused_by_the_writer, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
