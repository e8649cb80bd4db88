#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "viz/viz.h"

/* Up to so many points of a series are marked one by one; above so many a pixel column keeps its extremes only. */
enum { MARKED_POINTS = 40, THINNED_POINTS = 3000 };

static double x_of(const elbo_chart_series *series, int64_t i) { return series->x ? series->x[i] : (double)i + 1; }

/* What one pixel column holds of a long series. */
typedef struct column {
    int64_t first, last, lowest, highest;
} column;

typedef struct pen {
    elbo_frame *frame;
    const elbo_chart_series *series;
    bool down; /* the next point continues a line */
} pen;

static bool shows(const pen *at, int64_t i) {
    return elbo_axis_shows(at->frame->chart.x_log, x_of(at->series, i)) &&
           elbo_axis_shows(at->frame->chart.y_log, at->series->y[i]);
}

static double place_x(const pen *at, int64_t i) { return elbo_axis_place(&at->frame->x, x_of(at->series, i)); }
static double place_y(const pen *at, int64_t i) { return elbo_axis_place(&at->frame->y, at->series->y[i]); }

static void draw_to(pen *at, int64_t i) {
    /* "h0" gives a point that stands alone a dot of the line's width. */
    elbo_markup_add(&at->frame->svg, at->down ? "L%r %r" : "M%r %rh0", place_x(at, i), place_y(at, i));
    at->down = true;
}

static void draw_column(pen *at, const column *of) {
    int64_t order[4] = {of->first, of->lowest < of->highest ? of->lowest : of->highest,
                        of->lowest < of->highest ? of->highest : of->lowest, of->last};
    for (int i = 0; i < 4; i++)
        if (i == 0 || order[i] != order[i - 1]) draw_to(at, order[i]);
}

static void draw_thinned(pen *at) {
    const double *y = at->series->y;
    int64_t i = 0, count = at->series->count;
    while (i < count) {
        if (!shows(at, i)) {
            at->down = false;
            i++;
            continue;
        }
        column of = {i, i, i, i};
        double pixel = floor(place_x(at, i) * 2);
        for (i++; i < count && shows(at, i) && floor(place_x(at, i) * 2) == pixel; i++) {
            if (y[i] < y[of.lowest]) of.lowest = i;
            if (y[i] > y[of.highest]) of.highest = i;
            of.last = i;
        }
        draw_column(at, &of);
    }
}

static void draw_all(pen *at) {
    for (int64_t i = 0; i < at->series->count; i++) {
        if (shows(at, i))
            draw_to(at, i);
        else
            at->down = false;
    }
}

/* A number for the reader: six significant digits. */
static void add_value(elbo_markup *svg, double value) {
    int digits = value == 0 ? 0 : 5 - (int)floor(log10(fabs(value)));
    elbo_markup_number(svg, value, digits < 0 ? 0 : digits > 12 ? 12 : digits);
}

static void mark_points(pen *at, int colour) {
    elbo_markup *svg = &at->frame->svg;
    for (int64_t i = 0; i < at->series->count; i++) {
        if (!shows(at, i)) continue;
        elbo_markup_add(svg, "<circle class=\"s%d dot\" cx=\"%r\" cy=\"%r\" r=\"4\"><title>", colour, place_x(at, i),
                        place_y(at, i));
        if (at->series->name) elbo_markup_add(svg, "%t\n", at->series->name);
        add_value(svg, x_of(at->series, i));
        elbo_markup_add(svg, ": ");
        add_value(svg, at->series->y[i]);
        elbo_markup_add(svg, "</title></circle>\n");
    }
}

static void draw_series(elbo_frame *frame, const elbo_chart_series *series, int colour) {
    pen at = {frame, series, false};
    elbo_markup_add(&frame->svg, "<path class=\"s%d line%s\" d=\"", colour, series->dashed ? " dash" : "");
    if (series->count > THINNED_POINTS)
        draw_thinned(&at);
    else
        draw_all(&at);
    elbo_markup_add(&frame->svg, "\"/>\n");
    if (series->count <= MARKED_POINTS) mark_points(&at, colour);
}

static int colour_of(const elbo_chart_series *series, size_t place) {
    return series->colour > 0 ? series->colour - 1 : (int)place;
}

static elbo_status check(const elbo_chart_series *series, size_t count, elbo_error *error) {
    if (!series || count == 0 || count > 256)
        return elbo_fail(error, ELBO_ERROR_USAGE, "a line chart of %zu series: expected 1 to 256", series ? count : 0);
    for (size_t k = 0; k < count; k++)
        if (series[k].colour < 0 || series[k].colour > 256)
            return elbo_fail(error, ELBO_ERROR_USAGE, "series %zu of a line chart has colour %d: expected 0 to 256", k,
                             series[k].colour);
    for (size_t k = 0; k < count; k++)
        if (series[k].count < 0 || (series[k].count > 0 && !series[k].y))
            return elbo_fail(error, ELBO_ERROR_USAGE, "series %zu (%s) of a line chart has %lld points and %s y values",
                             k, series[k].name ? series[k].name : "no name", (long long)series[k].count,
                             series[k].y ? "its" : "no");
    return ELBO_OK;
}

elbo_status elbo_chart_lines(const elbo_chart *chart, const elbo_chart_series *series, size_t count, const char *path,
                             elbo_error *error) {
    elbo_frame frame;
    ELBO_TRY(check(series, count, error));
    ELBO_TRY(elbo_frame_begin(&frame, chart, ELBO_CHART_WIDTH, ELBO_CHART_HEIGHT, error));
    elbo_legend_entry *legend = elbo_calloc(count * sizeof *legend);
    if (!legend) return elbo_fail_memory(error, count * sizeof *legend, "the legend of a chart");
    frame.x.whole = true;
    frame.colours = 0;
    for (size_t k = 0; k < count; k++) {
        for (int64_t i = 0; i < series[k].count; i++) {
            double x = x_of(&series[k], i);
            if (elbo_frame_see(&frame, x, series[k].y[i]) && x != floor(x)) frame.x.whole = false;
        }
        legend[k].name = series[k].name;
        legend[k].colour = colour_of(&series[k], k);
        if (legend[k].colour >= frame.colours) frame.colours = legend[k].colour + 1;
        legend[k].swatch = series[k].dashed ? ELBO_SWATCH_DASH : ELBO_SWATCH_LINE;
    }
    elbo_frame_open(&frame, "line chart", legend, count);
    elbo_free(legend);
    for (size_t k = 0; k < count; k++) draw_series(&frame, &series[k], colour_of(&series[k], k));
    elbo_frame_unclip(&frame);
    return elbo_frame_close(&frame, path, error);
}
