#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "viz/viz.h"

enum { LARGEST_SIDE = 32767, LARGEST_BYTES = 1 << 30, AUTOMATIC_SIDE = 1200, AUTOMATIC_SCALE = 4 };

/* The ground between images: a middle grey, so that black and white images both stand out on light and dark pages. */
enum { GROUND = 0x80, MAGENTA_RED = 255, MAGENTA_GREEN = 0, MAGENTA_BLUE = 220 };

/* A layout with every default filled in. */
typedef struct plan {
    const elbo_array *const *arrays;
    int64_t stacks;                  /* arrays whose images stand below each other */
    int64_t first, count;            /* images of each array */
    int64_t channels, height, width; /* of one image */
    int64_t columns, rows;           /* of images */
    int64_t scale, border, gap, wide_gap, row_group, column_group;
    double low, high;
} plan;

static elbo_status wrong_images(const elbo_array *array, const char *expected, elbo_error *error) {
    char text[160];
    elbo_array_describe(array, text);
    return elbo_fail(error, ELBO_ERROR_SHAPE, "cannot show an array of %s as images: expected %s", text, expected);
}

/* Channels, height and width of an image, from the item shape where one is given. */
static elbo_status image_shape(const elbo_array *array, const elbo_picture *picture, int64_t shape[3],
                               elbo_error *error) {
    int rank = picture->item_rank ? picture->item_rank : array->rank - 1;
    const int64_t *item = picture->item_rank ? picture->item_shape : array->shape + 1;
    if (array->rank < 1 || rank < 2 || rank > 3)
        return wrong_images(array, "[N,H,W], [N,1,H,W] or [N,3,H,W], or the shape HxW or CxHxW of one image", error);
    shape[0] = rank == 3 ? item[0] : 1;
    shape[1] = item[rank - 2];
    shape[2] = item[rank - 1];
    if (shape[0] != 1 && shape[0] != 3) return wrong_images(array, "1 or 3 channels before height and width", error);
    if (shape[1] < 1 || shape[2] < 1 || shape[1] > LARGEST_SIDE || shape[2] > LARGEST_SIDE)
        return wrong_images(array, "images of 1 to 32767 pixels a side", error);
    int64_t size = 1;
    for (int axis = 1; axis < array->rank; axis++) size *= array->shape[axis];
    if (size != shape[0] * shape[1] * shape[2])
        return elbo_fail(error, ELBO_ERROR_SHAPE, "rows of %lld values are not images of %lld x %lld x %lld",
                         (long long)size, (long long)shape[0], (long long)shape[1], (long long)shape[2]);
    return ELBO_OK;
}

static elbo_status check_array(const elbo_array *array, const elbo_picture *picture, plan *with, bool is_first,
                               elbo_error *error) {
    int64_t shape[3] = {0};
    if (!array || !array->data) return elbo_fail(error, ELBO_ERROR_SHAPE, "no images to draw: the array is empty");
    if (array->dtype != ELBO_F32 && array->dtype != ELBO_F64 && array->dtype != ELBO_U8)
        return wrong_images(array, "f32, f64 or u8", error);
    ELBO_TRY(image_shape(array, picture, shape, error));
    if (is_first) {
        with->channels = shape[0];
        with->height = shape[1];
        with->width = shape[2];
        with->count = array->shape[0];
        return ELBO_OK;
    }
    if (shape[0] == with->channels && shape[1] == with->height && shape[2] == with->width &&
        array->shape[0] == with->arrays[0]->shape[0])
        return ELBO_OK;
    char text[160];
    elbo_array_describe(with->arrays[0], text);
    return wrong_images(array, text, error);
}

/* Columns that make the picture nearly square; a number near that which leaves no gap in the last row is better. */
static int64_t square_columns(const plan *with) {
    double ideal = sqrt((double)(with->count * with->stacks * with->height) / (double)with->width);
    int64_t best = (int64_t)ceil(ideal), least = (int64_t)ceil(ideal * 0.7), most = (int64_t)(ideal * 1.6);
    double nearest = HUGE_VAL;
    for (int64_t columns = least < 1 ? 1 : least; columns <= most && columns <= with->count; columns++) {
        if (with->count % columns != 0 || fabs(log((double)columns / ideal)) > nearest + 1e-9) continue;
        nearest = fabs(log((double)columns / ideal));
        best = columns;
    }
    return best < 1 ? 1 : best > with->count ? with->count : best;
}

static int64_t gaps_before(int64_t index, int64_t group, const plan *with) {
    int64_t wide = group > 0 ? index / group : 0;
    return (index - wide) * with->gap + wide * with->wide_gap;
}

static int64_t total_width(const plan *with) {
    return with->columns * with->width * with->scale + gaps_before(with->columns - 1, with->column_group, with) +
           2 * with->border;
}

static int64_t total_height(const plan *with) {
    return with->rows * with->height * with->scale + gaps_before(with->rows - 1, with->row_group, with) +
           2 * with->border;
}

static void choose_gaps(plan *with, const elbo_picture *picture, bool for_text) {
    int64_t usual = with->scale > 2 ? with->scale : 2;
    with->gap = for_text ? 2 : picture->padding ? picture->padding : usual;
    with->wide_gap = for_text ? 4 : 3 * with->gap;
    if (picture->seamless) {
        with->gap = 0;
        with->wide_gap = for_text ? 2 : 3 * usual;
    }
    with->border = for_text ? 0 : with->gap;
}

static void choose_scale(plan *with, const elbo_picture *picture, bool for_text) {
    with->scale = for_text ? 1 : picture->scale ? picture->scale : AUTOMATIC_SCALE;
    choose_gaps(with, picture, for_text);
    while (!for_text && picture->scale == 0 && with->scale > 1 &&
           (total_width(with) > AUTOMATIC_SIDE || total_height(with) > AUTOMATIC_SIDE)) {
        with->scale--;
        choose_gaps(with, picture, for_text);
    }
}

static elbo_status choose_images(plan *with, const elbo_picture *picture, elbo_error *error) {
    int64_t have = with->count;
    if (picture->first < 0 || picture->count < 0 || picture->first > have || picture->count > have - picture->first)
        return elbo_fail(error, ELBO_ERROR_USAGE, "images %lld to %lld: there are %lld", (long long)picture->first,
                         (long long)picture->first + (long long)picture->count, (long long)have);
    with->first = picture->first;
    with->count = picture->count ? picture->count : have - picture->first;
    if (with->count == 0) return elbo_fail(error, ELBO_ERROR_SHAPE, "no images to draw: the array has none");
    if (with->count > (int64_t)LARGEST_SIDE * LARGEST_SIDE)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%lld images in one picture are too many", (long long)with->count);
    return ELBO_OK;
}

static elbo_status make_plan(plan *with, const elbo_array *const *arrays, size_t count, const elbo_picture *picture,
                             bool for_text, elbo_error *error) {
    memset(with, 0, sizeof *with);
    if (!arrays || count < 1 || count > 64)
        return elbo_fail(error, ELBO_ERROR_USAGE, "a picture of %zu arrays: expected 1 to 64", arrays ? count : 0);
    if (picture->columns < 0 || picture->scale < 0 || picture->padding < 0 || picture->row_group < 0 ||
        picture->column_group < 0 || picture->scale > LARGEST_SIDE || picture->padding > LARGEST_SIDE / 8)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "columns %d, scale %d, padding %d, groups %d and %d of a picture: "
                         "expected 0 or more, and sizes that fit 32767 pixels",
                         picture->columns, picture->scale, picture->padding, picture->row_group, picture->column_group);
    if (!(picture->low < picture->high) && !(picture->low == 0 && picture->high == 0))
        return elbo_fail(error, ELBO_ERROR_USAGE, "values %g to %g of black and white: expected the first to be less",
                         picture->low, picture->high);
    with->arrays = arrays;
    with->stacks = (int64_t)count;
    for (size_t i = 0; i < count; i++) ELBO_TRY(check_array(arrays[i], picture, with, i == 0, error));
    ELBO_TRY(choose_images(with, picture, error));
    with->columns = picture->columns ? picture->columns : square_columns(with);
    if (with->columns > with->count) with->columns = with->count;
    with->rows = (with->count + with->columns - 1) / with->columns * with->stacks;
    with->row_group = count > 1 ? with->stacks : picture->row_group;
    with->column_group = picture->column_group;
    with->low = picture->low;
    with->high = picture->high;
    choose_scale(with, picture, for_text);
    if (total_width(with) > LARGEST_SIDE || total_height(with) > LARGEST_SIDE ||
        total_width(with) * total_height(with) * with->channels > LARGEST_BYTES)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "a picture of %lld x %lld pixels: expected at most 32767 a side and "
                         "1 GiB in all; take fewer images (%lld now), another number of columns (%lld) or a smaller "
                         "scale (%lld)",
                         (long long)total_width(with), (long long)total_height(with), (long long)with->count,
                         (long long)with->columns, (long long)with->scale);
    return ELBO_OK;
}

static double value_at(const elbo_array *array, int64_t index) {
    switch (array->dtype) {
        case ELBO_F32: return ((const float *)array->data)[index];
        case ELBO_F64: return ((const double *)array->data)[index];
        default: return ((const unsigned char *)array->data)[index];
    }
}

/* The byte of a value; false if it is not finite. */
static bool shade(const plan *with, const elbo_array *array, int64_t index, unsigned char *out) {
    double value = value_at(array, index), low = with->low, high = with->high;
    if (low == 0 && high == 0) high = array->dtype == ELBO_U8 ? 255 : 1;
    if (!isfinite(value)) return false;
    double share = (value - low) / (high - low);
    *out = (unsigned char)lround(fmin(fmax(share, 0), 1) * 255);
    return true;
}

static bool all_finite(const plan *with) {
    int64_t size = with->channels * with->height * with->width;
    for (int64_t s = 0; s < with->stacks; s++) {
        if (with->arrays[s]->dtype == ELBO_U8) continue;
        for (int64_t i = with->first * size; i < (with->first + with->count) * size; i++)
            if (!isfinite(value_at(with->arrays[s], i))) return false;
    }
    return true;
}

/* One pixel of an image, as many channels as the canvas has; a value that is not finite makes the whole pixel
 * magenta. */
static void pixel(const plan *with, const elbo_array *array, int64_t start, int64_t offset, int channels,
                  unsigned char out[3]) {
    int64_t plane = with->height * with->width;
    for (int c = 0; c < channels; c++) {
        int64_t from = with->channels == 1 ? 0 : c;
        if (shade(with, array, start + from * plane + offset, &out[c])) continue;
        out[0] = MAGENTA_RED;
        out[1] = MAGENTA_GREEN;
        out[2] = MAGENTA_BLUE;
        return;
    }
}

static void draw_image(elbo_canvas *canvas, const plan *with, const elbo_array *array, int64_t index, int64_t left,
                       int64_t top) {
    int64_t start = index * with->channels * with->height * with->width, channels = canvas->channels;
    int64_t scale = with->scale, row_bytes = with->width * scale * channels;
    for (int64_t y = 0; y < with->height; y++) {
        unsigned char *row = canvas->pixels + ((top + y * scale) * canvas->width + left) * channels, *at = row;
        for (int64_t x = 0; x < with->width; x++) {
            unsigned char shades[3] = {0};
            pixel(with, array, start, y * with->width + x, canvas->channels, shades);
            for (int64_t copy = 0; copy < scale; copy++, at += channels) memcpy(at, shades, (size_t)channels);
        }
        for (int64_t copy = 1; copy < scale; copy++)
            memcpy(row + copy * canvas->width * channels, row, (size_t)row_bytes);
    }
    for (int64_t y = 0; canvas->covered && y < with->height * scale; y++)
        memset(canvas->covered + (top + y) * canvas->width + left, 1, (size_t)(with->width * scale));
}

static void draw_images(elbo_canvas *canvas, const plan *with) {
    for (int64_t i = 0; i < with->count; i++)
        for (int64_t s = 0; s < with->stacks; s++) {
            int64_t column = i % with->columns, row = i / with->columns * with->stacks + s;
            int64_t left =
                with->border + column * with->width * with->scale + gaps_before(column, with->column_group, with);
            int64_t top = with->border + row * with->height * with->scale + gaps_before(row, with->row_group, with);
            draw_image(canvas, with, with->arrays[s], with->first + i, left, top);
        }
}

elbo_status elbo_canvas_compose(elbo_canvas *canvas, const elbo_array *const *arrays, size_t count,
                                const elbo_picture *picture, bool for_text, elbo_error *error) {
    static const elbo_picture defaults;
    plan with;
    memset(canvas, 0, sizeof *canvas);
    ELBO_TRY(make_plan(&with, arrays, count, picture ? picture : &defaults, for_text, error));
    canvas->width = (int)total_width(&with);
    canvas->height = (int)total_height(&with);
    canvas->channels = with.channels == 3 || !all_finite(&with) ? 3 : 1;
    size_t cells = (size_t)canvas->width * (size_t)canvas->height, bytes = cells * (size_t)canvas->channels;
    canvas->pixels = elbo_calloc(bytes);
    if (for_text) canvas->covered = elbo_calloc(cells);
    if (!canvas->pixels || (for_text && !canvas->covered)) {
        elbo_canvas_clear(canvas);
        return elbo_fail_memory(error, bytes, "a picture");
    }
    if (!for_text) memset(canvas->pixels, GROUND, bytes);
    draw_images(canvas, &with);
    return ELBO_OK;
}

void elbo_canvas_clear(elbo_canvas *canvas) {
    elbo_free(canvas->pixels);
    elbo_free(canvas->covered);
    memset(canvas, 0, sizeof *canvas);
}
