#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "viz/viz.h"

/* Points of a class are one path of zero-length strokes with round caps.  Classes are drawn in so many rounds, so that
 * none covers another as a whole, and that dense regions look dense. */
enum { ROUNDS = 8, LARGEST_CLOUD = 20000, LARGEST_CLASSES = 1000 };

typedef struct cloud {
    elbo_frame frame;
    const elbo_array *points;
    const int32_t *labels; /* NULL: one class */
    int64_t *order;        /* [drawn]: the points to draw, sorted by (round, class) */
    int64_t drawn;
    int classes;
} cloud;

static double value_of(const elbo_array *points, int64_t row, int column) {
    return points->dtype == ELBO_F64 ? ((const double *)points->data)[row * 2 + column]
                                     : ((const float *)points->data)[row * 2 + column];
}

static elbo_status check(const elbo_array *points, const elbo_array *labels, int classes, elbo_error *error) {
    char text[160] = "nothing";
    if (points && points->data) elbo_array_describe(points, text);
    if (!points || !points->data || points->rank != 2 || points->shape[1] != 2 ||
        (points->dtype != ELBO_F32 && points->dtype != ELBO_F64))
        return elbo_fail(error, ELBO_ERROR_SHAPE, "points of a scatter chart: expected [N,2] of f32 or f64, got %s",
                         text);
    if (!labels) return ELBO_OK;
    if (!labels->data || labels->rank != 1 || labels->shape[0] != points->shape[0] || labels->dtype != ELBO_I32)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "labels of a scatter chart: expected i32 [%lld], one for each point",
                         (long long)points->shape[0]);
    if (classes < 1 || classes > LARGEST_CLASSES)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "a scatter chart of %d classes: expected 1 to %d", classes,
                         LARGEST_CLASSES);
    for (int64_t i = 0; i < labels->shape[0]; i++) {
        int32_t label = ((const int32_t *)labels->data)[i];
        if (label < 0 || label >= classes)
            return elbo_fail(error, ELBO_ERROR_SHAPE, "label %d of point %lld: expected 0 to %d", label, (long long)i,
                             classes - 1);
    }
    return ELBO_OK;
}

static int64_t bucket_of(const cloud *of, int64_t rank, int64_t row) {
    return rank * ROUNDS / of->drawn * of->classes + (of->labels ? of->labels[row] : 0);
}

/* Fills `order` by a counting sort of the chosen points; starts: [buckets + 1]. */
static void sort_points(cloud *of, const int64_t *chosen, int64_t *starts, int64_t buckets) {
    for (int64_t rank = 0; rank < of->drawn; rank++) starts[bucket_of(of, rank, chosen[rank]) + 1]++;
    for (int64_t b = 0; b < buckets; b++) starts[b + 1] += starts[b];
    for (int64_t rank = 0; rank < of->drawn; rank++)
        of->order[starts[bucket_of(of, rank, chosen[rank])]++] = chosen[rank];
    /* Each start has moved on to its bucket's end, which is the next one's start. */
    memmove(starts + 1, starts, (size_t)buckets * sizeof *starts);
    starts[0] = 0;
}

/* A path in tenths of pixels: whole numbers are the shortest text. */
static void draw_bucket(cloud *of, int64_t from, int64_t to, int label) {
    elbo_markup *svg = &of->frame.svg;
    if (from == to) return;
    elbo_markup_add(svg, "<path class=\"s%d cloud\" d=\"", label);
    for (int64_t i = from; i < to; i++) {
        double x = elbo_axis_place(&of->frame.x, value_of(of->points, of->order[i], 0));
        double y = elbo_axis_place(&of->frame.y, value_of(of->points, of->order[i], 1));
        /* Far beyond given limits: not visible, and too large for a short number. */
        if (fabs(x) > 1e5 || fabs(y) > 1e5) continue;
        elbo_markup_add(svg, "M%d %dh0", (int)lround(x * 10), (int)lround(y * 10));
    }
    elbo_markup_add(svg, "\"/>\n");
}

static void draw(cloud *of, const int64_t *starts) {
    elbo_markup *svg = &of->frame.svg;
    double size = of->drawn > 4000 ? 2.8 : of->drawn > 800 ? 4 : of->drawn > 100 ? 5.5 : 8;
    elbo_markup_add(svg, "<g transform=\"scale(.1)\" stroke-width=\"%r\" stroke-opacity=\".%d\">\n", size * 10,
                    of->drawn > 800 ? 72 : 85);
    for (int round = 0; round < ROUNDS; round++)
        for (int label = 0; label < of->classes; label++) {
            int64_t bucket = (int64_t)round * of->classes + label;
            draw_bucket(of, starts[bucket], starts[bucket + 1], label);
        }
    elbo_markup_add(svg, "</g>\n");
}

/* Chooses the points to draw: those that can be drawn, and of very many an even share. */
static int64_t choose(cloud *of, int64_t *chosen, int64_t rows) {
    int64_t good = 0;
    for (int64_t i = 0; i < rows; i++)
        if (elbo_frame_see(&of->frame, value_of(of->points, i, 0), value_of(of->points, i, 1))) chosen[good++] = i;
    if (good <= LARGEST_CLOUD) return good;
    for (int64_t i = 0; i < LARGEST_CLOUD; i++) chosen[i] = chosen[i * good / LARGEST_CLOUD];
    of->frame.total = good;
    of->frame.drawn = LARGEST_CLOUD;
    return LARGEST_CLOUD;
}

/* Names of the legend: given ones, else numbers; `numbers` keeps the latter. */
static void name_classes(elbo_legend_entry *legend, char (*numbers)[12], int classes, const char *const *names) {
    for (int k = 0; k < classes; k++) {
        elbo_markup number = {0};
        elbo_markup_add(&number, "%d", k);
        if (number.bytes) memcpy(numbers[k], number.bytes, number.length + 1);
        elbo_markup_clear(&number);
        legend[k].name = names && names[k] ? names[k] : numbers[k];
        legend[k].colour = k;
        legend[k].swatch = ELBO_SWATCH_DOT;
    }
}

static void compose(cloud *of, int64_t *chosen, int64_t *starts, elbo_legend_entry *legend) {
    int64_t buckets = (int64_t)ROUNDS * of->classes;
    of->drawn = choose(of, chosen, of->points->shape[0]);
    sort_points(of, chosen, starts, buckets);
    of->frame.marks_are_dots = true;
    of->frame.colours = of->classes;
    elbo_frame_open(&of->frame, "scatter chart", legend, of->labels ? (size_t)of->classes : 0);
    draw(of, starts);
    elbo_frame_unclip(&of->frame);
}

elbo_status elbo_chart_scatter(const elbo_chart *chart, const elbo_array *points, const elbo_array *labels, int classes,
                               const char *const *class_names, const char *path, elbo_error *error) {
    cloud of;
    memset(&of, 0, sizeof of);
    ELBO_TRY(check(points, labels, classes, error));
    ELBO_TRY(elbo_frame_begin(&of.frame, chart, 600, 580, error));
    of.points = points;
    of.labels = labels ? labels->data : NULL;
    of.classes = labels ? classes : 1;
    size_t rows = (size_t)points->shape[0], names = (size_t)of.classes;
    int64_t *chosen = elbo_calloc(rows * sizeof *chosen), *starts = elbo_calloc((ROUNDS * names + 1) * sizeof *starts);
    of.order = elbo_calloc(rows * sizeof *of.order);
    elbo_legend_entry *legend = elbo_calloc(names * sizeof *legend);
    char(*numbers)[12] = elbo_calloc(names * sizeof *numbers);
    elbo_status status = ELBO_OK;
    if (chosen && starts && of.order && legend && numbers) {
        name_classes(legend, numbers, of.classes, class_names);
        compose(&of, chosen, starts, legend);
        status = elbo_frame_close(&of.frame, path, error);
    } else {
        status = elbo_fail_memory(error, rows * 2 * sizeof *chosen, "the points of a chart");
    }
    elbo_free(chosen);
    elbo_free(starts);
    elbo_free(of.order);
    elbo_free(legend);
    elbo_free(numbers);
    return status;
}
