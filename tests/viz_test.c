/* Pictures: markup text, axes, grids read back to pixels, previews. */
#include <png.h>

#include "scratch.h"
#include "viz_check.h"

static void checker_finds_faults(void **state) {
    (void)state;
    assert_null(markup_fault("<a b=\"c>d\"><e/>&lt;</a>"));
    assert_non_null(markup_fault("<a><b></a></b>"));
    assert_non_null(markup_fault("<a>x & y</a>"));
    assert_non_null(markup_fault("<a"));
    assert_non_null(markup_fault("<a>"));
    assert_non_null(markup_fault("<a x=\"1></a>"));
}

/* ---- markup ---- */

static void base64_of_known_vectors(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xff\xfe\xfb", "//77"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_markup text = {0};
        elbo_markup_base64(&text, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(text.bytes ? text.bytes : "", rows[i][1]);
        elbo_markup_clear(&text);
    }
}

#define UNKNOWN "\xef\xbf\xbd"

static void escapes_markup_and_broken_text(void **state) {
    (void)state;
    static const char *const rows[][2] = {{"a<b & \"c\" > 'd'", "a&lt;b &amp; &quot;c&quot; &gt; &#39;d&#39;"},
                                          {"z\xe2\x82\x81 \xf0\x9f\x99\x82", "z\xe2\x82\x81 \xf0\x9f\x99\x82"},
                                          {"a\x01\x1b"
                                           "b\tc\n",
                                           "a" UNKNOWN UNKNOWN "b\tc\n"},
                                          {"\xff\xc3(", UNKNOWN UNKNOWN "("},
                                          {"\xc0\xaf", UNKNOWN UNKNOWN},              /* overlong */
                                          {"\xed\xa0\x80", UNKNOWN UNKNOWN UNKNOWN},  /* a surrogate */
                                          {"\xe2\x82", UNKNOWN UNKNOWN},              /* cut off */
                                          {"\xef\xbf\xbf", UNKNOWN UNKNOWN UNKNOWN}}; /* not a character */
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_markup text = {0};
        elbo_markup_escaped(&text, rows[i][0]);
        assert_string_equal(text.bytes, rows[i][1]);
        elbo_markup_clear(&text);
    }
}

#define MINUS "\xe2\x88\x92"
#define THIN  "\xe2\x80\x89"

static void writes_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        int decimals;
        const char *text;
    } rows[] = {{0, 0, "0"},          {-0.001, 2, "0.00"},         {-2.5, 1, MINUS "2.5"},
                {1234, 0, "1234"},    {12345, 0, "12" THIN "345"}, {1234567.25, 2, "1" THIN "234" THIN "567.25"},
                {999.96, 1, "1000.0"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_markup text = {0};
        elbo_markup_number(&text, rows[i].value, rows[i].decimals);
        assert_string_equal(text.bytes, rows[i].text);
        elbo_markup_clear(&text);
    }
    elbo_markup text = {0};
    elbo_markup_add(&text, "%r %r %r %r %d%% %l", 1.25, -0.04, -0.5, 7.0, 3, (int64_t)-9);
    assert_string_equal(text.bytes, "1.3 0 -0.5 7 3% -9");
    elbo_markup_clear(&text);
}

/* ---- axes ---- */

/* Times a power of ten, as labels have it. */
#define E300(mantissa) \
    mantissa           \
        "\xc3\x97"     \
        "10"           \
        "\xc2\xb3\xe2\x81\xb0\xe2\x81\xb0"
#define E_7(mantissa) \
    mantissa          \
        "\xc3\x97"    \
        "10"          \
        "\xe2\x81\xbb\xe2\x81\xb7"

static void ticks_of_awkward_ranges(void **state) {
    (void)state;
    static const struct {
        double low, high;
        bool logarithmic, whole, round;
        const char *labels;
    } rows[] = {
        {0, 1, false, false, false, "0|0.2|0.4|0.6|0.8|1.0"},
        {96.2, 151, false, false, false, "100|110|120|130|140|150"},
        {5, 5, false, false, false, "4.6|4.8|5.0|5.2|5.4"},
        {0, 0, false, false, false, MINUS "1.0|" MINUS "0.5|0|0.5|1.0"},
        {-3, -3, false, false, false,
         MINUS "3.3|" MINUS "3.2|" MINUS "3.1|" MINUS "3.0|" MINUS "2.9|" MINUS "2.8|" MINUS "2.7"},
        {-7, 3, false, false, true, MINUS "8|" MINUS "6|" MINUS "4|" MINUS "2|0|2|4"},
        {0, 2.74, false, false, true, "0|0.5|1.0|1.5|2.0|2.5|3.0"},
        {1, 3, false, true, false, "1|2|3"},
        {3, 3, false, true, false, "3"},
        {0, 60000, false, true, false,
         "0|10" THIN "000|20" THIN "000|30" THIN "000|40" THIN "000|50" THIN "000|60" THIN "000"},
        {0, 1e300, false, false, false,
         "0|" E300("0.2") "|" E300("0.4") "|" E300("0.6") "|" E300("0.8") "|" E300("1.0")},
        {0, 3e-7, false, false, false,
         "0|" E_7("0.5") "|" E_7("1.0") "|" E_7("1.5") "|" E_7("2.0") "|" E_7("2.5") "|" E_7("3.0")},
        {1, 60000, true, false, false, "1|10|100|1000|10" THIN "000"},
        {0.01, 2, true, false, false, "0.01|0.02|0.05|0.1|0.2|0.5|1|2"},
        {98, 121, true, false, false, "100|105|110|115|120"},
        {7, 7, true, false, false, "4|6|8|10|12|14"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_axis axis = {.whole = rows[i].whole, .start = 10, .stop = 110};
        char labels[1024] = "";
        elbo_axis_fit(&axis, rows[i].low, rows[i].high, rows[i].logarithmic, 0, rows[i].round, 6);
        for (int k = 0; k < axis.count; k++) {
            strcat(labels, k ? "|" : "");
            strcat(labels, axis.label[k]);
            double at = elbo_axis_place(&axis, axis.tick[k]);
            assert_true(at >= 10 - 1e-6 && at <= 110 + 1e-6);
        }
        assert_string_equal(labels, rows[i].labels);
    }
}

/* Whatever the range, an axis is finite, increasing, holds its range and has ticks. */
static void axes_hold_any_range(void **state) {
    (void)state;
    static const double values[] = {-1e300,  -1e12,
                                    -5,      -1e-5,
                                    -1e-300, -4e-324,
                                    0,       4e-324,
                                    1e-310,  1e-300,
                                    1e-5,    0.1,
                                    1,       1.0000000000000002,
                                    5,       12345.678,
                                    1e12,    1.0000000000001e12,
                                    1e300};
    int tried = 0;
    for (size_t a = 0; a < COUNT(values); a++)
        for (size_t b = a; b < COUNT(values); b++)
            for (int kind = 0; kind < 4; kind++) {
                bool logarithmic = kind & 1;
                if (!elbo_axis_shows(logarithmic, values[a]) || !elbo_axis_shows(logarithmic, values[b])) continue;
                elbo_axis axis = {.start = 0, .stop = 100};
                elbo_axis_fit(&axis, values[a], values[b], logarithmic, 0.05, kind & 2, 5);
                assert_true(isfinite(axis.low) && isfinite(axis.high) && axis.low < axis.high);
                assert_true(axis.low <= values[a] && axis.high >= values[b]);
                assert_true(axis.count >= 1);
                assert_true(isfinite(elbo_axis_place(&axis, values[a])));
                for (int k = 1; k < axis.count; k++) assert_true(axis.tick[k] > axis.tick[k - 1]);
                tried++;
            }
    assert_true(tried > 400);
}

/* ---- grids ---- */

typedef struct decoded {
    int width, height;
    unsigned char *pixels; /* RGB */
} decoded;

static decoded read_png(const char *path) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_file(&image, path)) fail_msg("%s: %s", path, image.message);
    image.format = PNG_FORMAT_RGB;
    decoded out = {(int)image.width, (int)image.height, malloc(PNG_IMAGE_SIZE(image))};
    assert_non_null(out.pixels);
    if (!png_image_finish_read(&image, NULL, out.pixels, 0, NULL)) fail_msg("%s: %s", path, image.message);
    return out;
}

static uint32_t rgb_at(const decoded *image, int x, int y) {
    const unsigned char *at = image->pixels + (y * image->width + x) * 3;
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* 1 + 3 bytes from "IHDR": depth and colour type. */
static int png_depth_and_type(const char *path) {
    char *bytes;
    size_t count;
    assert_int_equal(elbo_file_get(path, 1 << 20, &bytes, &count, NULL), ELBO_OK);
    int out = bytes[24] * 10 + bytes[25];
    elbo_free(bytes);
    return out;
}

static void grid_reads_back(void **state) {
    (void)state;
    unsigned char bytes[5 * 2 * 3];
    for (int i = 0; i < 30; i++) bytes[i] = (unsigned char)(i * 8);
    elbo_array images = array_of(ELBO_U8, bytes, 3, 5, 2, 3, 0);
    elbo_picture picture = {.columns = 2, .scale = 3, .padding = 1};
    const char *path = path_of("grid.png");
    draw(&images, &picture, path);
    decoded image = read_png(path);
    assert_int_equal(image.width, 2 * 9 + 3);
    assert_int_equal(image.height, 3 * 6 + 4);
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++) {
            int column = (x - 1) / 10, row = (y - 1) / 7, u = (x - 1) % 10, v = (y - 1) % 7;
            bool inside = x > 0 && y > 0 && u < 9 && v < 6 && row * 2 + column < 5;
            unsigned shade = inside ? bytes[(row * 2 + column) * 6 + v / 3 * 3 + u / 3] : 0x80;
            assert_int_equal(rgb_at(&image, x, y), shade * 0x010101u);
        }
    free(image.pixels);
}

static void values_become_shades(void **state) {
    (void)state;
    float values[6] = {-1, 0, 0.5f, 1, 7, NAN};
    static const uint32_t unit[6] = {0, 0, 0x808080, 0xffffff, 0xffffff, 0xff00dc};
    static const uint32_t wide[6] = {0, 0x202020, 0x303030, 0x404040, 0xffffff, 0xff00dc};
    elbo_array images = array_of(ELBO_F32, values, 2, 1, 6, 0, 0);
    elbo_picture picture = {.item_rank = 2, .item_shape = {1, 6}, .scale = 1, .seamless = true};
    const char *path = path_of("shades.png");
    for (int pass = 0; pass < 2; pass++) {
        draw(&images, &picture, path);
        decoded image = read_png(path);
        assert_int_equal(image.width, 6);
        assert_int_equal(image.height, 1);
        for (int x = 0; x < 6; x++) assert_int_equal(rgb_at(&image, x, 0), (pass ? wide : unit)[x]);
        free(image.pixels);
        picture.low = -1;
        picture.high = 6.96875; /* 255/32 wide: a unit is 32 shades */
    }
}

static void colours_and_palettes(void **state) {
    (void)state;
    unsigned char planes[2 * 3 * 2 * 2] = {1, 2, 3, 4, 10, 20, 30, 40, 100, 110, 120, 130,
                                           7, 7, 7, 7, 8,  8,  8,  8,  9,   9,   9,   9};
    elbo_array images = array_of(ELBO_U8, planes, 4, 2, 3, 2, 2);
    elbo_picture picture = {.columns = 2, .scale = 1, .seamless = true};
    const char *path = path_of("colour.png");
    draw(&images, &picture, path);
    decoded image = read_png(path);
    assert_int_equal(rgb_at(&image, 0, 0), 0x010a64);
    assert_int_equal(rgb_at(&image, 1, 1), 0x042882);
    assert_int_equal(rgb_at(&image, 3, 0), 0x070809);
    assert_int_equal(png_depth_and_type(path), 40 + PNG_COLOR_TYPE_PALETTE);
    free(image.pixels);

    unsigned char noise[3 * 32 * 32], grey[32 * 32], ink[32 * 32];
    for (int i = 0; i < 3 * 32 * 32; i++) noise[i] = (unsigned char)(i * 37 + i / 7 * 11);
    for (int i = 0; i < 32 * 32; i++) grey[i] = (unsigned char)i, ink[i] = i % 3 ? 0 : 255;
    const struct {
        elbo_array images;
        int kind;
    } rows[] = {{array_of(ELBO_U8, noise, 4, 1, 3, 32, 32), 80 + PNG_COLOR_TYPE_RGB},
                {array_of(ELBO_U8, grey, 3, 1, 32, 32, 0), 80 + PNG_COLOR_TYPE_GRAY},
                {array_of(ELBO_U8, ink, 3, 1, 32, 32, 0), 10 + PNG_COLOR_TYPE_PALETTE}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        draw(&rows[i].images, &picture, path);
        assert_int_equal(png_depth_and_type(path), rows[i].kind);
        image = read_png(path);
        for (int k = 0; k < 32 * 32; k++) {
            uint32_t colour = i == 0 ? (uint32_t)noise[k] << 16 | (uint32_t)noise[k + 1024] << 8 | noise[k + 2048]
                                     : (i == 1 ? grey : ink)[k] * 0x010101u;
            assert_int_equal(rgb_at(&image, k % 32, k / 32), colour);
        }
        free(image.pixels);
    }
}

static void comparison_alternates_rows(void **state) {
    (void)state;
    unsigned char originals[3] = {10, 20, 30};
    double copies[3] = {1, 0, 0.2};
    elbo_array first = array_of(ELBO_U8, originals, 3, 3, 1, 1, 0), second = array_of(ELBO_F64, copies, 3, 3, 1, 1, 0);
    const elbo_array *both[2] = {&first, &second};
    elbo_picture picture = {.columns = 2, .scale = 1, .padding = 1};
    const char *path = path_of("compare.png");
    assert_int_equal(elbo_picture_compare(both, 2, &picture, path, NULL), ELBO_OK);
    decoded image = read_png(path);
    assert_int_equal(image.width, 5);
    assert_int_equal(image.height, 1 + 1 + 1 + 1 + 3 + 1 + 1 + 1 + 1); /* the gap between bands is three wide */
    assert_int_equal(rgb_at(&image, 1, 1) & 255, 10);
    assert_int_equal(rgb_at(&image, 1, 3) & 255, 255);
    assert_int_equal(rgb_at(&image, 3, 1) & 255, 20);
    assert_int_equal(rgb_at(&image, 3, 3) & 255, 0);
    assert_int_equal(rgb_at(&image, 1, 7) & 255, 30);
    assert_int_equal(rgb_at(&image, 1, 9) & 255, 51);
    assert_int_equal(rgb_at(&image, 3, 7) & 255, 0x80);
    free(image.pixels);
    second.shape[0] = 2;
    elbo_error error = {0};
    assert_int_equal(elbo_picture_compare(both, 2, &picture, path, &error), ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "f64 [2,1,1]"));
    assert_non_null(strstr(error.message, "u8 [3,1,1]"));
}

static void automatic_layout(void **state) {
    (void)state;
    static unsigned char bytes[1000 * 28 * 28];
    static const struct {
        int64_t images, height, width;
        int columns, scale; /* that come out */
    } rows[] = {{100, 28, 28, 10, 4}, {1, 28, 28, 1, 4}, {20, 28, 28, 5, 4},  {24, 20, 20, 6, 4},
                {7, 28, 20, 4, 4},    {16, 8, 32, 2, 4}, {900, 28, 28, 30, 1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_array images = array_of(ELBO_U8, bytes, 3, rows[i].images, rows[i].height, rows[i].width, 0);
        elbo_picture picture = {.seamless = true};
        const char *path = path_of("automatic.png");
        draw(&images, &picture, path);
        decoded image = read_png(path);
        assert_int_equal(image.width, rows[i].columns * rows[i].width * rows[i].scale);
        free(image.pixels);
    }
}

static void bad_pictures_are_refused(void **state) {
    (void)state;
    static float values[64];
    elbo_array flat = array_of(ELBO_F32, values, 2, 4, 16, 0, 0), images = array_of(ELBO_F32, values, 3, 4, 4, 4, 0);
    elbo_array integers = array_of(ELBO_I32, values, 3, 4, 4, 4, 0), none = array_of(ELBO_F32, values, 3, 0, 4, 4, 0);
    elbo_array two = array_of(ELBO_F32, values, 4, 2, 2, 4, 4), empty = {0};
    const struct {
        const elbo_array *images;
        elbo_picture picture;
        elbo_status status;
        const char *says;
    } rows[] = {
        {&flat, {0}, ELBO_ERROR_SHAPE, "f32 [4,16]"},
        {&flat, {.item_rank = 2, .item_shape = {4, 5}}, ELBO_ERROR_SHAPE, "16 values are not images of 1 x 4 x 5"},
        {&integers, {0}, ELBO_ERROR_SHAPE, "i32 [4,4,4]"},
        {&two, {0}, ELBO_ERROR_SHAPE, "1 or 3 channels"},
        {&none, {0}, ELBO_ERROR_SHAPE, "has none"},
        {&empty, {0}, ELBO_ERROR_SHAPE, "empty"},
        {NULL, {0}, ELBO_ERROR_SHAPE, "empty"},
        {&images, {.columns = -1}, ELBO_ERROR_USAGE, "columns -1"},
        {&images, {.first = 3, .count = 2}, ELBO_ERROR_USAGE, "there are 4"},
        {&images, {.first = 4}, ELBO_ERROR_SHAPE, "none"},
        {&images, {.low = 1, .high = 1}, ELBO_ERROR_USAGE, "black and white"},
        {&images, {.low = NAN, .high = 1}, ELBO_ERROR_USAGE, "black and white"},
        {&images, {.scale = 20000}, ELBO_ERROR_USAGE, "32767"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        elbo_error error = {0};
        assert_int_equal(elbo_picture_grid(rows[i].images, &rows[i].picture, path_of("bad.png"), &error),
                         rows[i].status);
        if (!strstr(error.message, rows[i].says)) fail_msg("'%s' does not say '%s'", error.message, rows[i].says);
        assert_int_equal(access(path_of("bad.png"), F_OK), -1);
    }
}

/* ---- text previews ---- */

static void previews_by_style_and_width(void **state) {
    (void)state;
    unsigned char bytes[2][2][2] = {{{0, 255}, {255, 255}}, {{255, 0}, {0, 0}}};
    elbo_array images = array_of(ELBO_U8, bytes, 3, 2, 2, 2, 0);
    static const struct {
        elbo_picture picture;
        elbo_picture_style style;
        int width;
        const char *text;
    } rows[] = {
        {{.columns = 2}, ELBO_PICTURE_ASCII, 0, "=@  = \n"},
        {{.columns = 1}, ELBO_PICTURE_ASCII, 0, "=@\n  \n= \n"},
        {{.columns = 2, .seamless = true}, ELBO_PICTURE_BLOCKS, 0, "\xe2\x96\x84\xe2\x96\x88\xe2\x96\x80 \n"},
        {{.first = 1, .count = 1}, ELBO_PICTURE_BLOCKS, 80, "\xe2\x96\x80 \n"},
        {{.first = 0, .count = 1}, ELBO_PICTURE_BLOCKS, 1, "\xe2\x96\x80\n"},
        {{.first = 1, .count = 1},
         ELBO_PICTURE_COLOUR,
         0,
         "\x1b[48;2;0;0;0m\x1b[38;2;255;255;255m\xe2\x96\x80\x1b[48;2;0;0;0m\x1b[38;2;0;0;0m\xe2\x96\x80\x1b[0m\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        size_t length = 0, needed = strlen(rows[i].text) + 1;
        elbo_error error = {0};
        assert_int_equal(
            elbo_picture_text(&images, &rows[i].picture, rows[i].style, rows[i].width, NULL, 0, &length, &error),
            ELBO_OK);
        assert_int_equal(length + 1, needed);
        assert_int_equal(
            elbo_picture_text(&images, &rows[i].picture, rows[i].style, rows[i].width, text, needed, NULL, &error),
            ELBO_OK);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(
            elbo_picture_text(&images, &rows[i].picture, rows[i].style, rows[i].width, text, needed - 1, NULL, &error),
            ELBO_ERROR_USAGE);
    }
    assert_int_equal(elbo_picture_text(&images, NULL, (elbo_picture_style)9, 0, NULL, 0, NULL, NULL), ELBO_ERROR_USAGE);
}

static void full_disk_leaves_nothing(void **state) {
    (void)state;
    static unsigned char noise[64 * 1024];
    for (int i = 0; i < 64 * 1024; i++) noise[i] = (unsigned char)((unsigned)i * 2654435761u >> 13);
    elbo_array images = array_of(ELBO_U8, noise, 3, 16, 64, 64, 0);
    elbo_error error = {0};
    scratch_disk_size(4096);
    elbo_status status = elbo_picture_grid(&images, NULL, path_of("full.png"), &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_int_equal(status, ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, "full.png"));
    assert_int_equal(access(path_of("full.png"), F_OK), -1);
}

static int remove_folder(void **state) {
    (void)state;
    static const char *const files[] = {"grid.png", "shades.png", "colour.png", "compare.png", "automatic.png"};
    return remove_files(files, COUNT(files));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checker_finds_faults),
        cmocka_unit_test(base64_of_known_vectors),
        cmocka_unit_test(escapes_markup_and_broken_text),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(ticks_of_awkward_ranges),
        cmocka_unit_test(axes_hold_any_range),
        cmocka_unit_test(grid_reads_back),
        cmocka_unit_test(values_become_shades),
        cmocka_unit_test(colours_and_palettes),
        cmocka_unit_test(comparison_alternates_rows),
        cmocka_unit_test(automatic_layout),
        cmocka_unit_test(bad_pictures_are_refused),
        cmocka_unit_test(previews_by_style_and_width),
        cmocka_unit_test(full_disk_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
