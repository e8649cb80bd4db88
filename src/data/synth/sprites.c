/* Sprites with known factors of variation, for measuring how well a model takes them apart. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/synth/synth.h"

#define SPRITES_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_sprites_options, name)},
static const elbo_option option_rows[] = {ELBO_SPRITES_OPTIONS(SPRITES_ROW)};
const elbo_options elbo_sprites_options_table = {"synth:sprites", option_rows, sizeof option_rows / sizeof *option_rows,
                                                 sizeof(elbo_sprites_options)};

const int elbo_synth_sprite_sizes[ELBO_SPRITE_FACTORS] = {3, 6, 40, 32, 32};

/* The circle that holds every shape at scale 1; with centres 16.5 to 47.5 no shape leaves the picture. */
#define REACH 15.0

/* Whether a point (pixels from the centre, y downwards, at scale 1 and before rotation) belongs to a shape.  No
 * outline passes through a pixel's centre at orientation 0, where rounding would decide. */
static bool inside(int shape, double x, double y) {
    switch (shape) {
        case 0: return fabs(x) <= 10.3 && fabs(y) <= 10.3;
        case 1: return x * x / (14.3 * 14.3) + y * y / (7.4 * 7.4) <= 1;
        default: {
            /* (u^2 + v^2 - 1)^3 <= u^2 v^3, moved so that its centre of mass is the centre. */
            double u = x / 10.3, v = 0.296 - y / 10.3, ring = u * u + v * v - 1;
            return ring * ring * ring <= u * u * v * v * v;
        }
    }
}

void elbo_synth_sprite(const int factors[ELBO_SPRITE_FACTORS], uint8_t out[ELBO_SPRITE_SIZE]) {
    double scale = 0.5 + 0.1 * factors[ELBO_SPRITE_SCALE];
    double angle = 6.283185307179586476925 * factors[ELBO_SPRITE_ORIENTATION] / 39;
    double cosine = cos(angle) / scale, sine = sin(angle) / scale;
    int reach = (int)(REACH * scale), column = 16 + factors[ELBO_SPRITE_X], row = 16 + factors[ELBO_SPRITE_Y];
    memset(out, 0, ELBO_SPRITE_SIZE);
    for (int y = -reach; y <= reach; y++)
        for (int x = -reach; x <= reach; x++)
            if (inside(factors[ELBO_SPRITE_SHAPE], cosine * x + sine * y, cosine * y - sine * x))
                out[(row + y) * ELBO_SPRITE_SIDE + column + x] = 255;
}

void elbo_synth_sprite_factors(int64_t index, int factors[ELBO_SPRITE_FACTORS]) {
    for (int f = ELBO_SPRITE_FACTORS - 1; f >= 0; f--) {
        factors[f] = (int)(index % elbo_synth_sprite_sizes[f]);
        index /= elbo_synth_sprite_sizes[f];
    }
}

/* What the options ask for, checked: `full` is the grid and leaves nothing to draw or to hold out. */
static elbo_status count_rows(const elbo_sprites_options *options, int64_t *train, int64_t *test, elbo_error *error) {
    elbo_sprites_options unset;
    ELBO_TRY(elbo_options_init(&elbo_sprites_options_table, &unset, error));
    if (options->full && (options->count != unset.count || options->test != unset.test || options->seed != unset.seed))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "synth:sprites: full takes the whole grid; count, test and seed do not go with it");
    *train = options->full ? ELBO_SPRITE_GRID : options->count;
    *test = options->full ? 0 : options->test;
    if (*train + *test > ELBO_SPRITE_GRID)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "synth:sprites: count=%lld and test=%lld together exceed the %d images of the grid",
                         (long long)*train, (long long)*test, ELBO_SPRITE_GRID);
    return ELBO_OK;
}

/* The grid index of each row.  One permutation of the grid yields the training rows from its front and the test rows
 * from its back, so that neither depends on how many of the other there are. */
static elbo_status choose_rows(const elbo_sprites_options *options, int64_t **chosen, elbo_error *error) {
    int64_t train, test;
    *chosen = NULL;
    ELBO_TRY(count_rows(options, &train, &test, error));
    int64_t *grid = elbo_calloc(ELBO_SPRITE_GRID * sizeof *grid);
    if (!grid) return elbo_fail_memory(error, ELBO_SPRITE_GRID * sizeof *grid, "the sprites' grid");
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_SPRITES};
    if (options->full)
        for (int64_t i = 0; i < ELBO_SPRITE_GRID; i++) grid[i] = i;
    else
        elbo_rng_permutation(&rng, grid, ELBO_SPRITE_GRID);
    memmove(grid + train, grid + ELBO_SPRITE_GRID - test, (size_t)test * sizeof *grid);
    *chosen = grid;
    return ELBO_OK;
}

static elbo_status name_factors(elbo_table *table, elbo_error *error) {
    static const char *const names[ELBO_SPRITE_FACTORS] = {"shape", "scale", "orientation", "x", "y"};
    table->factor_names = elbo_calloc(ELBO_SPRITE_FACTORS * sizeof *table->factor_names);
    for (int f = 0; table->factor_names && f < ELBO_SPRITE_FACTORS; f++)
        if (!(table->factor_names[f] = elbo_strdup(names[f]))) return elbo_fail_memory(error, 16, "names of factors");
    return table->factor_names ? ELBO_OK : elbo_fail_memory(error, sizeof names, "names of factors");
}

elbo_status elbo_synth_sprites(elbo_table *table, const elbo_sprites_options *options, elbo_error *error) {
    static const int64_t item[2] = {ELBO_SPRITE_SIDE, ELBO_SPRITE_SIDE};
    static const char *const names[3] = {"square", "ellipse", "heart"};
    int64_t train, test, *grid;
    ELBO_TRY(count_rows(options, &train, &test, error));
    ELBO_TRY(elbo_synth_table(table, ELBO_U8, 2, item, train, test, 3, error));
    ELBO_TRY(elbo_synth_names(table, names, error));
    const int64_t factor_shape[2] = {train + test, ELBO_SPRITE_FACTORS};
    ELBO_TRY(elbo_array_new(&table->factors, ELBO_I32, 2, factor_shape, error));
    ELBO_TRY(name_factors(table, error));
    ELBO_TRY(choose_rows(options, &grid, error));
    uint8_t *values = table->values.data;
    int32_t *labels = table->labels.data, *known = table->factors.data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < train + test; row++) {
        int factors[ELBO_SPRITE_FACTORS];
        elbo_synth_sprite_factors(grid[row], factors);
        elbo_synth_sprite(factors, values + row * ELBO_SPRITE_SIZE);
        labels[row] = factors[ELBO_SPRITE_SHAPE];
        for (int f = 0; f < ELBO_SPRITE_FACTORS; f++) known[row * ELBO_SPRITE_FACTORS + f] = factors[f];
    }
    elbo_free(grid);
    return ELBO_OK;
}

elbo_status elbo_synth_sprites_factors(const elbo_sprites_options *options, int64_t first, int64_t count,
                                       int (*factors)[ELBO_SPRITE_FACTORS], elbo_error *error) {
    int64_t train, test, *grid;
    ELBO_TRY(count_rows(options, &train, &test, error));
    if (first < 0 || count < 0 || first > train + test || count > train + test - first)
        return elbo_fail(error, ELBO_ERROR_USAGE, "synth:sprites: rows %lld to %lld asked for, of %lld",
                         (long long)first, (long long)(first + count), (long long)(train + test));
    ELBO_TRY(choose_rows(options, &grid, error));
    for (int64_t i = 0; i < count; i++) elbo_synth_sprite_factors(grid[first + i], factors[i]);
    elbo_free(grid);
    return ELBO_OK;
}
