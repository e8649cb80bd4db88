/* PNG: every kind of pixel, folders, labels, splits, damage, writing. */
#include <png.h>

#include "data_support.h"

/* Writes a PNG of any kind; `bytes` as libpng wants the rows. */
static void put_png(const char *name, int width, int height, int depth, int type, bool interlaced,
                    const unsigned char *bytes, size_t row_bytes) {
    FILE *stream = fopen(at(name), "wb");
    assert_non_null(stream);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)width, (png_uint_32)height, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        const png_color colours[4] = {{1, 2, 3}, {40, 50, 60}, {7, 8, 9}, {255, 0, 128}};
        png_set_PLTE(png, info, colours, 4);
    }
    png_write_info(png, info);
    png_bytep rows[64];
    for (int y = 0; y < height; y++) rows[y] = (png_bytep)(size_t)(bytes + (size_t)y * row_bytes);
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(stream);
}

static void put_grey(const char *name, unsigned char value) {
    const unsigned char bytes[6] = {value, 1, 2, 3, 4, 5};
    put_png(name, 3, 2, 8, PNG_COLOR_TYPE_GRAY, false, bytes, 3);
}

static void every_kind_of_pixel(void **state) {
    (void)state;
    static const struct {
        int depth, type;
        unsigned char bytes[24];
        size_t row;
        int channels;
        double values[12];
    } rows[] = {
        {8, PNG_COLOR_TYPE_GRAY, {1, 2, 3, 255}, 2, 1, {1, 2, 3, 255}},
        {1, PNG_COLOR_TYPE_GRAY, {0x80, 0x40}, 1, 1, {255, 0, 0, 255}},
        {4, PNG_COLOR_TYPE_GRAY, {0x1f, 0x20}, 1, 1, {17, 255, 34, 0}},
        {16, PNG_COLOR_TYPE_GRAY, {0, 0, 255, 255, 128, 128, 1, 1}, 4, 1, {0, 255, 128, 1}},
        {8, PNG_COLOR_TYPE_GRAY_ALPHA, {9, 255, 9, 0, 100, 51, 0, 255}, 4, 1, {9, 255, 224, 0}},
        {8, PNG_COLOR_TYPE_RGB, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 6, 3, {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12}},
        {8,
         PNG_COLOR_TYPE_RGB_ALPHA,
         {1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 0, 10, 11, 12, 255},
         8,
         3,
         {1, 4, 255, 10, 2, 5, 255, 11, 3, 6, 255, 12}},
        {8, PNG_COLOR_TYPE_PALETTE, {0, 1, 2, 3}, 2, 3, {1, 40, 7, 255, 2, 50, 8, 0, 3, 60, 9, 128}},
        {2, PNG_COLOR_TYPE_PALETTE, {0x10, 0xb0}, 1, 3, {1, 40, 7, 255, 2, 50, 8, 0, 3, 60, 9, 128}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            put_png("kind.png", 2, 2, rows[i].depth, rows[i].type, interlaced, rows[i].bytes, rows[i].row);
            elbo_dataset *data = open_good(at("kind.png"), "");
            assert_string_equal(elbo_dataset_info(data)->format, "png");
            if (rows[i].channels == 3)
                expect_shape(data, ELBO_U8, 3, 3, 2, 2);
            else
                expect_shape(data, ELBO_U8, 2, 2, 2, 0);
            expect_values(data, ELBO_SPLIT_TRAIN, rows[i].values, (size_t)rows[i].channels * 4);
            elbo_dataset_free(data);
        }
    damage("kind.png", "", true);
    starve(at("kind.png"), "");
}

static void folders_and_labels(void **state) {
    (void)state;
    make_folder("flat");
    put_grey("flat/b.png", 12);
    put_grey("flat/a.PNG", 11);
    put_grey("flat/c.png", 13);
    put_text("flat/readme.txt", "not a picture");
    elbo_dataset *data = open_good(at("flat"), "test_fraction=0");
    expect_shape(data, ELBO_U8, 2, 2, 3, 0);
    assert_int_equal(elbo_dataset_info(data)->classes, 0);
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){11, 1, 2, 3, 4, 5, 12, 1, 2, 3, 4, 5, 13, 1, 2, 3, 4, 5},
                  18);
    elbo_dataset_free(data);

    make_folder("named");
    static const char *const folders[] = {"named/10", "named/9", "named/empty"};
    for (int i = 0; i < 3; i++) make_folder(folders[i]);
    put_grey("named/10/x.png", 1);
    put_grey("named/9/z.png", 3);
    put_grey("named/9/y.png", 2);
    data = open_good(at("named"), "test_fraction=0");
    const elbo_data_info *info = elbo_dataset_info(data);
    assert_int_equal(info->classes, 2);
    assert_string_equal(info->class_names[0], "9");
    expect_labels(data, ELBO_SPLIT_TRAIN, (const int32_t[]){1, 0, 0}, 3);
    elbo_dataset_free(data);
    starve(at("named"), "");
    put_grey("named/stray.png", 2);
    open_bad(at("named"), "", ELBO_ERROR_FORMAT, "all or none");
    unlink(at("named/stray.png"));
    make_folder("named/9/deeper");
    open_bad(at("named"), "", ELBO_ERROR_FORMAT, "deeper|PNG files only");
}

static void train_and_test_folders(void **state) {
    (void)state;
    static const char *const folders[] = {"split",           "split/train",     "split/test",
                                          "split/train/cat", "split/train/dog", "split/test/dog"};
    for (size_t i = 0; i < 6; i++) make_folder(folders[i]);
    put_grey("split/train/dog/1.png", 1);
    put_grey("split/train/cat/2.png", 2);
    put_grey("split/test/dog/3.png", 3);
    elbo_dataset *data = open_good(at("split"), "");
    const elbo_data_info *info = elbo_dataset_info(data);
    assert_int_equal(info->count[ELBO_SPLIT_TRAIN], 2);
    assert_int_equal(info->count[ELBO_SPLIT_TEST], 1);
    expect_labels(data, ELBO_SPLIT_ALL, (const int32_t[]){0, 1, 1}, 3);
    elbo_error error;
    char to[600];
    snprintf(to, sizeof to, "png:%s", at("splitcopy"));
    if (elbo_dataset_convert(data, ELBO_SPLIT_ALL, to, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_dataset_free(data);
    data = open_good(at("splitcopy"), "");
    expect_values(data, ELBO_SPLIT_TRAIN, (const double[]){2, 1, 2, 3, 4, 5, 1, 1, 2, 3, 4, 5}, 12);
    expect_values(data, ELBO_SPLIT_TEST, (const double[]){3, 1, 2, 3, 4, 5}, 6);
    expect_labels(data, ELBO_SPLIT_ALL, (const int32_t[]){0, 1, 1}, 3);
    elbo_dataset_free(data);
    make_folder("split/valid");
    open_bad(at("split"), "", ELBO_ERROR_UNSUPPORTED, "valid_fraction");
}

static void images_that_disagree_or_are_damaged(void **state) {
    (void)state;
    const unsigned char bytes[18] = {0};
    make_folder("mixed");
    put_grey("mixed/a.png", 1);
    put_png("mixed/b.png", 2, 3, 8, PNG_COLOR_TYPE_GRAY, false, bytes, 2);
    open_bad(at("mixed"), "", ELBO_ERROR_SHAPE, "a.png is 3 x 2|b.png is 2 x 3");
    put_png("mixed/b.png", 3, 2, 8, PNG_COLOR_TYPE_RGB, false, bytes, 9);
    open_bad(at("mixed"), "", ELBO_ERROR_SHAPE, "a.png is 3 x 2 pixels in grey|b.png is 3 x 2 in colour");
    put_text("mixed/b.png", "no picture");
    open_bad(at("mixed"), "", ELBO_ERROR_FORMAT, "b.png|no PNG");
    make_folder("void");
    open_bad(at("void"), "", ELBO_ERROR_FORMAT, "none of the known formats");
    unsigned char file[512];
    put_grey("huge.png", 1);
    size_t count = read_bytes("huge.png", file, sizeof file);
    file[16] = 0, file[17] = 0, file[18] = 255, file[22] = 255;
    put("huge.png", file, count);
    open_bad(at("huge.png"), "", ELBO_ERROR_FORMAT, "impossible size 65283 x 65282 at offset 16");
}

static void written_folders_read_back(void **state) {
    (void)state;
    elbo_error error;
    char to[600];
    unsigned char pixels[12 * 3 * 2 * 2];
    int32_t codes[12];
    for (int i = 0; i < 144; i++) pixels[i] = (unsigned char)(i * 37);
    for (int i = 0; i < 12; i++) codes[i] = i / 6 * 10; /* classes in order, so that the folder keeps the rows' order */
    elbo_array x = {.dtype = ELBO_U8, .rank = 4, .shape = {12, 3, 2, 2}, .data = pixels};
    elbo_array y = {.dtype = ELBO_I32, .rank = 1, .shape = {12}, .data = codes};
    elbo_data_options options = {.test_fraction = 0};
    elbo_dataset *data = elbo_dataset_from_array(&x, &y, &options, &error);
    assert_non_null(data);
    snprintf(to, sizeof to, "png:%s", at("made/here"));
    if (elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, to, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_dataset *back = open_good(at("made/here"), "test_fraction=0");
    expect_shape(back, ELBO_U8, 3, 3, 2, 2);
    const double *values = values_of(back, ELBO_SPLIT_TRAIN);
    for (int i = 0; i < 144; i++) assert_true(values[i] == pixels[i]);
    assert_string_equal(elbo_dataset_info(back)->class_names[1], "10");
    elbo_dataset_free(back);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, to, &error), ELBO_ERROR_USAGE); /* not empty */
    assert_non_null(strstr(error.message, "empty folder"));
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("one.png"), &error), ELBO_ERROR_USAGE);
    elbo_dataset_free(data);

    float shares[4] = {0, 1, 0.5f, 0.2f};
    elbo_array grey = {.dtype = ELBO_F32, .rank = 3, .shape = {1, 2, 2}, .data = shares};
    data = elbo_dataset_from_array(&grey, NULL, &options, &error);
    assert_non_null(data);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("one.png"), &error), ELBO_OK);
    elbo_dataset_free(data);
    back = open_good(at("one.png"), "");
    expect_values(back, ELBO_SPLIT_TRAIN, (const double[]){0, 255, 128, 51}, 4);
    elbo_dataset_free(back);
    shares[3] = -1;
    data = elbo_dataset_from_array(&grey, NULL, &options, &error);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("two.png"), &error), ELBO_ERROR_SHAPE);
    assert_int_equal(access(at("two.png"), F_OK), -1);
    elbo_dataset_free(data);
    grey.rank = 2, grey.shape[1] = 4;
    data = elbo_dataset_from_array(&grey, NULL, &options, &error);
    assert_int_equal(elbo_dataset_convert(data, ELBO_SPLIT_TRAIN, at("two.png"), &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "item-shape"));
    elbo_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_pixel),       cmocka_unit_test(folders_and_labels),
        cmocka_unit_test(train_and_test_folders),    cmocka_unit_test(images_that_disagree_or_are_damaged),
        cmocka_unit_test(written_folders_read_back),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
