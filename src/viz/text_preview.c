#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "viz/viz.h"

/* Characters by growing ink on a dark ground. */
static const char shades[] = " .:-=+*#%@";

/* A cell of text is twice as high as wide and shows two pixels, one above the other. */
typedef struct cells {
    const elbo_canvas *canvas;
    int columns, rows; /* of cells */
} cells;

/* The mean colour of the canvas under half cell (x, y), and whether any image is there; y counts half cells. */
static bool sample(const cells *of, int x, int y, double out[3]) {
    const elbo_canvas *canvas = of->canvas;
    double side = (double)canvas->width / of->columns;
    int left = (int)(x * side), right = (int)ceil((x + 1) * side), top = (int)(y * side);
    int bottom = (int)ceil((y + 1) * side);
    if (right > canvas->width) right = canvas->width;
    if (bottom > canvas->height) bottom = canvas->height;
    int seen = 0, covered = 0;
    out[0] = out[1] = out[2] = 0;
    for (int v = top; v < bottom; v++)
        for (int u = left; u < right; u++) {
            size_t cell = (size_t)v * (size_t)canvas->width + (size_t)u;
            const unsigned char *from = canvas->pixels + cell * (size_t)canvas->channels;
            for (int c = 0; c < 3; c++) out[c] += from[canvas->channels == 1 ? 0 : c];
            covered += canvas->covered[cell];
            seen++;
        }
    for (int c = 0; c < 3 && seen; c++) out[c] /= seen;
    return covered > 0;
}

/* How bright a colour looks, 0 to 1: the luma weights of ITU-R BT.709. */
static double brightness(const double colour[3]) {
    return (0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]) / 255;
}

static void write_ascii(elbo_markup *text, const double upper[3], const double lower[3]) {
    double level = (brightness(upper) + brightness(lower)) / 2;
    elbo_markup_bytes(text, &shades[lround(level * (double)(sizeof shades - 2) - 1e-9)], 1);
}

/* The character whose two halves come nearest to two levels. */
static void write_block(elbo_markup *text, const double upper[3], const double lower[3]) {
    static const struct {
        const char *character;
        double upper, lower;
    } blocks[] = {{" ", 0, 0},
                  {"\xe2\x96\x91", 0.25, 0.25}, /* light shade */
                  {"\xe2\x96\x92", 0.5, 0.5},
                  {"\xe2\x96\x93", 0.75, 0.75},
                  {"\xe2\x96\x88", 1, 1},  /* full block */
                  {"\xe2\x96\x80", 1, 0},  /* upper half */
                  {"\xe2\x96\x84", 0, 1}}; /* lower half */
    double above = brightness(upper), below = brightness(lower), nearest = HUGE_VAL;
    size_t best = 0;
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        double distance = hypot(blocks[i].upper - above, blocks[i].lower - below);
        if (distance >= nearest) continue;
        nearest = distance;
        best = i;
    }
    elbo_markup_add(text, "%s", blocks[best].character);
}

static void write_colour(elbo_markup *text, const double colour[3], bool is_ground) {
    elbo_markup_add(text, is_ground ? "\x1b[48;2;%d;%d;%dm" : "\x1b[38;2;%d;%d;%dm", (int)lround(colour[0]),
                    (int)lround(colour[1]), (int)lround(colour[2]));
}

/* Two pixels: the lower as ground, the upper as an upper half block over it; outside images nothing is painted. */
static void write_coloured(elbo_markup *text, const double upper[3], const double lower[3], bool has_upper,
                           bool has_lower) {
    if (!has_upper && !has_lower) {
        elbo_markup_add(text, "\x1b[0m ");
        return;
    }
    if (has_upper != has_lower) elbo_markup_add(text, "\x1b[0m");
    if (has_upper && has_lower) write_colour(text, lower, true);
    write_colour(text, has_upper ? upper : lower, false);
    elbo_markup_add(text, has_upper ? "\xe2\x96\x80" : "\xe2\x96\x84");
}

static void write_row(elbo_markup *text, const cells *of, int row, elbo_picture_style style) {
    for (int x = 0; x < of->columns; x++) {
        double upper[3], lower[3];
        bool has_upper = sample(of, x, 2 * row, upper), has_lower = sample(of, x, 2 * row + 1, lower);
        switch (style) {
            case ELBO_PICTURE_ASCII: write_ascii(text, upper, lower); break;
            case ELBO_PICTURE_BLOCKS: write_block(text, upper, lower); break;
            case ELBO_PICTURE_COLOUR: write_coloured(text, upper, lower, has_upper, has_lower); break;
        }
    }
    elbo_markup_add(text, style == ELBO_PICTURE_COLOUR ? "\x1b[0m\n" : "\n");
}

static elbo_status hand_out(elbo_markup *made, char *text, size_t size, size_t *length, elbo_error *error) {
    elbo_status status = ELBO_OK;
    if (made->failed)
        status = elbo_fail_memory(error, made->length, "a text preview");
    else if (text && made->length + 1 > size)
        status = elbo_fail(error, ELBO_ERROR_USAGE, "a text preview takes %zu bytes, %zu were given", made->length + 1,
                           size);
    else if (text)
        memcpy(text, made->bytes, made->length + 1);
    if (length) *length = made->length;
    elbo_markup_clear(made);
    return status;
}

elbo_status elbo_picture_text(const elbo_array *images, const elbo_picture *picture, elbo_picture_style style,
                              int width, char *text, size_t size, size_t *length, elbo_error *error) {
    if (style < ELBO_PICTURE_ASCII || style > ELBO_PICTURE_COLOUR || width < 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "style %d and width %d of a text preview: expected a style of "
                         "elbo_picture_style and 0 or more cells",
                         (int)style, width);
    elbo_canvas canvas;
    elbo_markup made = {0};
    ELBO_TRY(elbo_canvas_compose(&canvas, &images, 1, picture, true, error));
    cells of = {&canvas, width && width < canvas.width ? width : canvas.width, 0};
    double side = (double)canvas.width / of.columns;
    of.rows = (int)ceil(canvas.height / side / 2 - 1e-9);
    for (int row = 0; row < of.rows; row++) write_row(&made, &of, row, style);
    elbo_canvas_clear(&canvas);
    return hand_out(&made, text, size, length, error);
}
