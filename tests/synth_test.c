/* Generated data: determinism, shapes, content, and what is said about a wrong source. */
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/format.h"
#include "data/synth/strokes.h"
#include "data/synth/synth.h"

extern const elbo_format elbo_format_synth;

static elbo_table open_source(const char *source) {
    elbo_table table = {0};
    elbo_error error = {0};
    assert_true(elbo_format_synth.claims(source, NULL, false));
    elbo_status status = elbo_format_synth.read(&table, source, NULL, NULL, &error);
    if (status != ELBO_OK) fail_msg("%s: %s", source, error.message);
    return table;
}

static size_t row_bytes(const elbo_table *table) {
    return (size_t)(elbo_array_count(&table->values) / table->values.shape[0]) * elbo_dtype_size(table->values.dtype);
}

static bool same_rows(const elbo_table *a, int64_t from_a, const elbo_table *b, int64_t from_b, int64_t count) {
    size_t bytes = row_bytes(a);
    const char *values_a = a->values.data, *values_b = b->values.data;
    const int32_t *labels_a = a->labels.data, *labels_b = b->labels.data;
    return row_bytes(b) == bytes &&
           memcmp(values_a + (size_t)from_a * bytes, values_b + (size_t)from_b * bytes, (size_t)count * bytes) == 0 &&
           memcmp(labels_a + from_a, labels_b + from_b, (size_t)count * sizeof *labels_a) == 0;
}

static void test_shapes(void **state) {
    (void)state;
    static const struct {
        const char *source;
        elbo_dtype dtype;
        int rank, classes;
        int64_t shape[3], train;
    } cases[] = {
        {"synth:glyphs", ELBO_U8, 3, 10, {12000, 28, 28}, 10000},
        {"synth:glyphs?train=7&test=0", ELBO_U8, 3, 10, {7, 28, 28}, 7},
        {"synth:sprites", ELBO_U8, 3, 3, {22000, 64, 64}, 20000},
        {"synth:sprites?count=3&test=2&seed=9", ELBO_U8, 3, 3, {5, 64, 64}, 3},
        {"synth:mixture", ELBO_F32, 2, 5, {6000, 2}, 5000},
        {"synth:mixture?dim=100&components=256&rows=3&test=1&spread=0.5", ELBO_F32, 2, 256, {4, 100}, 3},
        {"synth:mixture?dim=1&components=1&rows=1&test=0", ELBO_F32, 2, 1, {1, 1}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_table table = open_source(cases[i].source);
        assert_int_equal(table.values.dtype, cases[i].dtype);
        assert_int_equal(table.values.rank, cases[i].rank);
        for (int d = 0; d < cases[i].rank; d++) assert_int_equal(table.values.shape[d], cases[i].shape[d]);
        assert_int_equal(table.labels.dtype, ELBO_I32);
        assert_int_equal(table.labels.shape[0], cases[i].shape[0]);
        assert_int_equal(table.classes, cases[i].classes);
        assert_int_equal(table.train_rows, cases[i].train);
        const int32_t *labels = table.labels.data;
        for (int64_t row = 0; row < table.labels.shape[0]; row++)
            assert_true(labels[row] >= 0 && labels[row] < table.classes);
        elbo_table_clear(&table);
    }
}

/* The same for any thread count; other rows for another seed; test rows that do not depend on the training rows. */
static void test_determinism(void **state) {
    (void)state;
    static const struct {
        const char *source, *other_seed, *more_rows;
        int64_t train, test, more;
    } cases[] = {
        {"synth:glyphs?train=50&test=20&seed=3", "synth:glyphs?train=50&test=20&seed=4",
         "synth:glyphs?train=90&test=20&seed=3", 50, 20, 90},
        {"synth:sprites?count=50&test=20&seed=3", "synth:sprites?count=50&test=20&seed=4",
         "synth:sprites?count=90&test=20&seed=3", 50, 20, 90},
        {"synth:mixture?rows=50&test=20&seed=3", "synth:mixture?rows=50&test=20&seed=4",
         "synth:mixture?rows=90&test=20&seed=3", 50, 20, 90},
    };
    int threads = omp_get_max_threads();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        omp_set_num_threads(1);
        elbo_table first = open_source(cases[i].source);
        omp_set_num_threads(3);
        elbo_table again = open_source(cases[i].source), other = open_source(cases[i].other_seed);
        elbo_table more = open_source(cases[i].more_rows);
        assert_true(same_rows(&first, 0, &again, 0, cases[i].train + cases[i].test));
        assert_false(same_rows(&first, 0, &other, 0, cases[i].train));
        assert_true(same_rows(&first, 0, &more, 0, cases[i].train));
        assert_true(same_rows(&first, cases[i].train, &more, cases[i].more, cases[i].test));
        assert_false(same_rows(&first, 0, &first, cases[i].train, cases[i].test));
        elbo_table_clear(&first);
        elbo_table_clear(&again);
        elbo_table_clear(&other);
        elbo_table_clear(&more);
    }
    omp_set_num_threads(threads);
}

/* The table of shapes: every digit has its ways, their shares add up to 1, and each ends with a lifted pen. */
static void test_glyph_shapes(void **state) {
    (void)state;
    double share[ELBO_GLYPH_CLASSES] = {0};
    int ways[ELBO_GLYPH_CLASSES] = {0};
    for (int s = 0; s < elbo_glyph_shape_count; s++) {
        const elbo_glyph_shape *shape = &elbo_glyph_shapes[s];
        assert_in_range(shape->digit, 0, 9);
        assert_in_range(shape->count, 3, ELBO_STROKE_MAX_KNOTS);
        share[shape->digit] += shape->share;
        ways[shape->digit]++;
        for (int k = 0; k < ELBO_STROKE_MAX_KNOTS; k++) {
            const elbo_knot *knot = &shape->knot[k];
            assert_true(knot->x >= 0 && knot->x <= 1 && knot->y >= 0 && knot->y <= 1);
            if (k >= shape->count) assert_true(knot->x == 0 && knot->y == 0);
        }
        assert_int_equal(shape->knot[shape->count - 1].kind, ELBO_KNOT_LIFT);
    }
    for (int c = 0; c < ELBO_GLYPH_CLASSES; c++) {
        assert_true(fabs(share[c] - 1) < 1e-12);
        assert_true(ways[c] >= 2);
    }
}

/* Ink like MNIST's (mean 0.131 of the range), whole digits, every class about as often, no two alike. */
static void test_glyphs_look(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    uint8_t(*image)[ELBO_GLYPH_SIZE] = calloc(ROWS, sizeof *image);
    int count[ELBO_GLYPH_CLASSES] = {0};
    double total = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        count[elbo_synth_glyph(11, row, image[row])]++;
        int darkest = 0;
        for (int i = 0; i < ELBO_GLYPH_SIZE; i++) {
            int y = i / ELBO_GLYPH_SIDE, x = i % ELBO_GLYPH_SIDE;
            total += image[row][i];
            darkest = image[row][i] > darkest ? image[row][i] : darkest;
            if (x == 0 || y == 0 || x == ELBO_GLYPH_SIDE - 1 || y == ELBO_GLYPH_SIDE - 1)
                assert_int_equal(image[row][i], 0);
        }
        assert_in_range(darkest, 200, 255);
        if (row > 0) assert_true(memcmp(image[row], image[row - 1], ELBO_GLYPH_SIZE) != 0);
    }
    /* Binomial(5000, 0.1) has standard deviation 21: six of them either way. */
    for (int c = 0; c < ELBO_GLYPH_CLASSES; c++) assert_in_range(count[c], 372, 628);
    assert_true(fabs(total / (255.0 * ROWS * ELBO_GLYPH_SIZE) - 0.131) < 0.02);
    free(image);
}

/* The nearest of 5000 labelled digits names another digit rightly: the classes are told apart by their looks. */
static void test_glyphs_are_legible(void **state) {
    (void)state;
    enum { TRAIN = 5000, TEST = 200 };
    elbo_table table = open_source("synth:glyphs?train=5000&test=200&seed=1");
    const uint8_t *values = table.values.data;
    const int32_t *labels = table.labels.data;
    int right = 0;
    for (int64_t row = TRAIN; row < TRAIN + TEST; row++) {
        int64_t nearest = 0, least = INT64_MAX;
        for (int64_t other = 0; other < TRAIN; other++) {
            int32_t sum = 0;
            for (int i = 0; i < ELBO_GLYPH_SIZE; i++) {
                int32_t gap = values[row * ELBO_GLYPH_SIZE + i] - values[other * ELBO_GLYPH_SIZE + i];
                sum += gap * gap;
            }
            if (sum < least) least = sum, nearest = other;
        }
        right += labels[nearest] == labels[row];
    }
    assert_in_range(right, TEST * 95 / 100, TEST);
    elbo_table_clear(&table);
}

static void measure(const uint8_t image[ELBO_SPRITE_SIZE], int64_t *area, double *x, double *y) {
    double sum_x = 0, sum_y = 0;
    *area = 0;
    for (int i = 0; i < ELBO_SPRITE_SIZE; i++) {
        assert_true(image[i] == 0 || image[i] == 255);
        if (!image[i]) continue;
        ++*area;
        sum_x += i % ELBO_SPRITE_SIDE + 0.5;
        sum_y += i / ELBO_SPRITE_SIDE + 0.5;
    }
    *x = sum_x / (double)*area;
    *y = sum_y / (double)*area;
}

/* Every shape, scale and orientation at both ends of both positions: the area follows the scale, the centre the
 * position, and moving does not change the shape (so nothing is cut off). */
static void test_sprites_geometry(void **state) {
    (void)state;
    static const double unit_area[3] = {20.6 * 20.6, 3.14159265 * 14.3 * 7.4, 3.66 * 10.3 * 10.3};
    uint8_t image[ELBO_SPRITE_SIZE];
    for (int shape = 0; shape < 3; shape++)
        for (int scale = 0; scale < 6; scale++)
            for (int orientation = 0; orientation < 40; orientation++) {
                int64_t first = 0;
                for (int corner = 0; corner < 4; corner++) {
                    int factors[ELBO_SPRITE_FACTORS] = {shape, scale, orientation, corner % 2 * 31, corner / 2 * 31};
                    int64_t area;
                    double x, y, factor = 0.5 + 0.1 * scale;
                    elbo_synth_sprite(factors, image);
                    measure(image, &area, &x, &y);
                    assert_true(fabs(x - (16.5 + factors[3])) < 0.6 && fabs(y - (16.5 + factors[4])) < 0.6);
                    assert_true(fabs((double)area / (unit_area[shape] * factor * factor) - 1) < 0.15);
                    if (corner == 0) first = area;
                    assert_int_equal(area, first);
                }
            }
}

/* Turned by a quarter, an ellipse lies the other way; by a whole turn, a heart is the same again, upright. */
static void test_sprites_orientation(void **state) {
    (void)state;
    uint8_t image[ELBO_SPRITE_SIZE], again[ELBO_SPRITE_SIZE];
    int ellipse[ELBO_SPRITE_FACTORS] = {1, 5, 0, 16, 16}, heart[ELBO_SPRITE_FACTORS] = {2, 5, 0, 16, 16};
    const int middle = 32 * ELBO_SPRITE_SIDE + 32;
    elbo_synth_sprite(ellipse, image);
    assert_int_equal(image[middle + 12], 255);
    assert_int_equal(image[middle + 12 * ELBO_SPRITE_SIDE], 0);
    ellipse[ELBO_SPRITE_ORIENTATION] = 10;
    elbo_synth_sprite(ellipse, image);
    assert_int_equal(image[middle + 12], 0);
    assert_int_equal(image[middle + 12 * ELBO_SPRITE_SIDE], 255);
    elbo_synth_sprite(heart, image);
    heart[ELBO_SPRITE_ORIENTATION] = 39;
    elbo_synth_sprite(heart, again);
    assert_memory_equal(image, again, sizeof image);
    /* The point below, the notch between the lobes above. */
    assert_int_equal(image[middle + 12 * ELBO_SPRITE_SIDE], 255);
    assert_int_equal(image[middle - 9 * ELBO_SPRITE_SIDE], 0);
    assert_int_equal(image[middle - 9 * ELBO_SPRITE_SIDE + 6], 255);
    assert_int_equal(image[middle - 9 * ELBO_SPRITE_SIDE - 6], 255);
}

static int64_t grid_index(const int factors[ELBO_SPRITE_FACTORS]) {
    int64_t index = 0;
    for (int f = 0; f < ELBO_SPRITE_FACTORS; f++) {
        assert_true(factors[f] >= 0 && factors[f] < elbo_synth_sprite_sizes[f]);
        index = index * elbo_synth_sprite_sizes[f] + factors[f];
    }
    return index;
}

/* The factors of each row redraw the row, and no two rows, of whatever split, are the same point of the grid. */
static void test_sprites_factors(void **state) {
    (void)state;
    enum { ROWS = 3000 };
    const char *source = "synth:sprites?count=2500&test=500&seed=5";
    elbo_table table = open_source(source);
    elbo_sprites_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_synth_options(&elbo_sprites_options_table, &options, source, &error), ELBO_OK);
    int(*factors)[ELBO_SPRITE_FACTORS] = calloc(ROWS, sizeof *factors);
    assert_int_equal(elbo_synth_sprites_factors(&options, 0, ROWS, factors, &error), ELBO_OK);
    char *seen = calloc(1, ELBO_SPRITE_GRID);
    const uint8_t *values = table.values.data;
    const int32_t *labels = table.labels.data;
    for (int row = 0; row < ROWS; row++) {
        uint8_t image[ELBO_SPRITE_SIZE];
        elbo_synth_sprite(factors[row], image);
        assert_memory_equal(image, values + (int64_t)row * ELBO_SPRITE_SIZE, sizeof image);
        assert_int_equal(labels[row], factors[row][ELBO_SPRITE_SHAPE]);
        int64_t index = grid_index(factors[row]);
        assert_false(seen[index]);
        seen[index] = 1;
    }
    int part[2][ELBO_SPRITE_FACTORS];
    assert_int_equal(elbo_synth_sprites_factors(&options, ROWS - 2, 2, part, &error), ELBO_OK);
    assert_memory_equal(part, factors[ROWS - 2], sizeof part);
    assert_int_equal(elbo_synth_sprites_factors(&options, ROWS - 1, 2, part, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_synth_sprites_factors(&options, -1, 2, part, &error), ELBO_ERROR_USAGE);
    assert_string_equal(table.class_names[2], "heart");
    free(seen);
    free(factors);
    elbo_table_clear(&table);
}

/* The same through a data set: of any of its splits, dealt or pooled, by index or from a start. */
static void test_factors_of_splits(void **state) {
    (void)state;
    enum { TRAIN = 40, TEST = 25 };
    const int64_t index[3] = {7, 0, 24};
    for (int pool = 0; pool < 2; pool++) {
        const elbo_data_options options = {.pool = pool == 1, .valid_fraction = pool ? 0 : 0.25, .split_seed = 3};
        elbo_error error = {0};
        elbo_dataset *data = elbo_dataset_open("synth:sprites?count=40&test=25", &options, &error);
        assert_non_null(data);
        const elbo_data_info *info = elbo_dataset_info(data);
        assert_int_equal(info->factors, ELBO_SPRITE_FACTORS);
        assert_string_equal(info->factor_names[ELBO_SPRITE_ORIENTATION], "orientation");
        assert_int_equal(info->count[ELBO_SPLIT_TRAIN], pool ? TRAIN + TEST : 30);
        for (int split = 0; split < 4; split++) {
            int64_t count = info->count[split] < 25 ? info->count[split] : 25;
            bool listed = split == ELBO_SPLIT_TEST && count == 25;
            uint8_t image[25][ELBO_SPRITE_SIZE], drawn[ELBO_SPRITE_SIZE];
            int32_t factors[25][ELBO_SPRITE_FACTORS];
            if (listed) count = 3;
            const int64_t *rows = listed ? index : NULL;
            assert_int_equal(elbo_dataset_rows(data, (elbo_split)split, rows, 0, count, image, &error), ELBO_OK);
            assert_int_equal(elbo_dataset_factors(data, (elbo_split)split, rows, 0, count, factors[0], &error),
                             ELBO_OK);
            for (int64_t row = 0; row < count; row++) {
                elbo_synth_sprite(factors[row], drawn);
                assert_memory_equal(drawn, image[row], sizeof drawn);
            }
            assert_int_equal(
                elbo_dataset_factors(data, (elbo_split)split, NULL, info->count[split], 1, factors[0], NULL),
                ELBO_ERROR_USAGE);
        }
        elbo_dataset_free(data);
    }
    elbo_error error = {0};
    int32_t none[1];
    elbo_dataset *data = elbo_dataset_open("synth:mixture?rows=10&test=5", NULL, &error);
    assert_int_equal(elbo_dataset_info(data)->factors, 0);
    assert_int_equal(elbo_dataset_factors(data, ELBO_SPLIT_ALL, NULL, 0, 1, none, &error), ELBO_ERROR_STATE);
    elbo_dataset_free(data);
}

/* The whole grid in its own order, looked at through its factors: 3 GB of pictures are not drawn here. */
static void test_sprites_full(void **state) {
    (void)state;
    elbo_sprites_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_synth_options(&elbo_sprites_options_table, &options, "?full=1", &error), ELBO_OK);
    int(*factors)[ELBO_SPRITE_FACTORS] = calloc(ELBO_SPRITE_GRID, sizeof *factors);
    assert_int_equal(elbo_synth_sprites_factors(&options, 0, ELBO_SPRITE_GRID, factors, &error), ELBO_OK);
    for (int64_t i = 0; i < ELBO_SPRITE_GRID; i++) assert_true(grid_index(factors[i]) == i);
    free(factors);
    options.count = 5;
    assert_int_equal(elbo_synth_sprites_factors(&options, 0, 1, NULL, &error), ELBO_ERROR_USAGE);
}

/* Shares, means and covariances of the rows against those of the density, to six standard errors. */
static void test_mixture_moments(void **state) {
    (void)state;
    enum { ROWS = 60000, K = 3, D = 3 };
    const char *source = "synth:mixture?components=3&dim=3&rows=60000&test=0&seed=2&spread=4";
    elbo_table table = open_source(source);
    elbo_mixture_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_synth_options(&elbo_mixture_options_table, &options, source, &error), ELBO_OK);
    double weight[K], centre[K][D], factor[K][D][D], total = 0;
    elbo_synth_mixture_density(&options, weight, centre[0], factor[0][0]);
    const float *values = table.values.data;
    const int32_t *labels = table.labels.data;
    for (int k = 0; k < K; k++) {
        double count = 0, mean[D] = {0}, square[D][D] = {{0}};
        for (int row = 0; row < ROWS; row++) {
            if (labels[row] != k) continue;
            count++;
            for (int i = 0; i < D; i++) {
                double a = values[row * D + i] - centre[k][i];
                mean[i] += a;
                for (int j = 0; j < D; j++) square[i][j] += a * (values[row * D + j] - centre[k][j]);
            }
        }
        total += weight[k];
        assert_true(fabs(count / ROWS - weight[k]) < 6 * sqrt(weight[k] * (1 - weight[k]) / ROWS));
        for (int i = 0; i < D; i++) {
            assert_true(fabs(centre[k][i]) <= 4);
            for (int j = 0; j < D; j++) {
                double covariance = 0, variance_i = 0, variance_j = 0;
                for (int m = 0; m < D; m++) {
                    covariance += factor[k][i][m] * factor[k][j][m];
                    variance_i += factor[k][i][m] * factor[k][i][m];
                    variance_j += factor[k][j][m] * factor[k][j][m];
                }
                if (i == j) assert_true(fabs(mean[i] / count) < 6 * sqrt(variance_i / count));
                double error_of = sqrt((variance_i * variance_j + covariance * covariance) / count);
                assert_true(fabs(square[i][j] / count - covariance) < 6 * error_of);
            }
        }
    }
    assert_true(fabs(total - 1) < 1e-12);
    elbo_table_clear(&table);
}

static void test_wrong_sources(void **state) {
    (void)state;
    static const struct {
        const char *source, *key, *says[3];
    } cases[] = {
        {"synth:glyph", NULL, {"synth:glyph'", "did you mean synth:glyphs?", "synth:mixture"}},
        {"synth:", NULL, {"no generator 'synth:'", "synth:glyphs, synth:sprites, synth:mixture", ""}},
        {"synth:sprites-and-much-more-text-than-any-generator-has-in-its-name-by-far?seed=1",
         NULL,
         {"no generator", "synth:sprites", ""}},
        {"synth:glyphs?sed=3", NULL, {"no option 'sed'", "did you mean seed?", "train, test, seed"}},
        {"synth:glyphs?train", NULL, {"'train' where key=value is expected", "synth:glyphs?train", ""}},
        {"synth:glyphs?", NULL, {"'' where key=value is expected", "", ""}},
        {"synth:glyphs?train=5&&seed=1", NULL, {"key=value", "", ""}},
        {"synth:glyphs?train=0", NULL, {"train", "'0'", ""}},
        {"synth:glyphs?train=many", NULL, {"train", "'many'", ""}},
        {"synth:glyphs?seed=-1", NULL, {"seed", "'-1'", ""}},
        {"synth:glyphs?train=5", "x", {"synth:glyphs?train=5#x", "no parts", ""}},
        {"synth:sprites?count=737000&test=1000", NULL, {"exceed", "737280", ""}},
        {"synth:sprites?full=1&seed=4", NULL, {"full takes the whole grid", "", ""}},
        {"synth:mixture?dim=101", NULL, {"dim", "100", ""}},
        {"synth:mixture?spread=nan", NULL, {"spread", "nan", ""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_table table = {0};
        elbo_error error = {0};
        assert_int_equal(elbo_format_synth.read(&table, cases[i].source, cases[i].key, NULL, &error), ELBO_ERROR_USAGE);
        assert_int_equal(error.status, ELBO_ERROR_USAGE);
        for (int s = 0; s < 3; s++)
            if (!strstr(error.message, cases[i].says[s])) fail_msg("'%s' not in: %s", cases[i].says[s], error.message);
        assert_null(table.values.data);
        assert_null(table.labels.data);
    }
    assert_false(elbo_format_synth.claims("synth", NULL, false));
    assert_false(elbo_format_synth.claims("synth:glyphs", NULL, true));
    assert_false(elbo_format_synth.claims("data/synth:glyphs", NULL, false));
}

/* Each allocation fails in turn: a status, and nothing left behind. */
static void test_out_of_memory(void **state) {
    (void)state;
    static const char *const sources[] = {"synth:glyphs?train=2&test=1", "synth:sprites?count=2&test=1",
                                          "synth:mixture?rows=2&test=1"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        elbo_status status = ELBO_ERROR_MEMORY;
        int failures = 0;
        while (status != ELBO_OK) {
            elbo_table table = {0};
            elbo_error error = {0};
            elbo_memory_fail_at(failures + 1);
            status = elbo_format_synth.read(&table, sources[i], NULL, NULL, &error);
            elbo_memory_fail_at(0);
            if (status == ELBO_OK) {
                elbo_table_clear(&table);
                break;
            }
            assert_int_equal(status, ELBO_ERROR_MEMORY);
            assert_null(table.values.data);
            assert_null(table.class_names);
            failures++;
            assert_true(failures < 100);
        }
        assert_true(failures >= 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_determinism),
        cmocka_unit_test(test_glyph_shapes),
        cmocka_unit_test(test_glyphs_look),
        cmocka_unit_test(test_glyphs_are_legible),
        cmocka_unit_test(test_sprites_geometry),
        cmocka_unit_test(test_sprites_orientation),
        cmocka_unit_test(test_sprites_factors),
        cmocka_unit_test(test_factors_of_splits),
        cmocka_unit_test(test_sprites_full),
        cmocka_unit_test(test_mixture_moments),
        cmocka_unit_test(test_wrong_sources),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
