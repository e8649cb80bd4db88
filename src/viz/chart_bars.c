#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "viz/viz.h"

/* Names longer than this end in an ellipsis; few bars carry their values. */
enum { MOST_BARS = 4096, NAME_BYTES = 64, NAME_LETTERS = 20, VALUED_BARS = 16 };

typedef struct bar_chart {
    elbo_frame frame;
    const elbo_chart_bar_list *bars;
    int64_t stride; /* every so many bars are named */
    bool slanted;   /* names */
} bar_chart;

static bool shows(const bar_chart *of, int64_t i) { return elbo_axis_shows(false, of->bars->values[i]); }

/* The name of a bar, cut to a length that a label can have. */
static void name_bar(const elbo_chart_bar_list *bars, int64_t i, char name[NAME_BYTES]) {
    const char *full = bars->names ? bars->names[i] : NULL;
    if (!full) {
        snprintf(name, NAME_BYTES, "%lld", (long long)i + 1);
        return;
    }
    size_t letters = 0, bytes = 0;
    while (full[bytes] && bytes < NAME_BYTES - 8) {
        if (((unsigned char)full[bytes] & 0xc0) != 0x80 && ++letters > NAME_LETTERS) break;
        bytes++;
    }
    while (full[bytes] && bytes > 0 && ((unsigned char)full[bytes] & 0xc0) == 0x80) bytes--;
    snprintf(name, NAME_BYTES, "%.*s%s", (int)bytes, full, full[bytes] ? "\xe2\x80\xa6" : "");
}

/* The smallest of 1, 2, 5, 10, 20, ... that leaves `room` pixels to each label. */
static int64_t stride_for(double slot, double room) {
    int64_t stride = 1;
    for (int step = 0; (double)stride * slot < room && stride < MOST_BARS; step++)
        stride = step % 3 == 1 ? stride / 2 * 5 : stride * 2;
    return stride;
}

/* Decides how bars are named before the plot's place is known: from nearly the chart's width. */
static void plan_names(bar_chart *of) {
    const elbo_chart_bar_list *bars = of->bars;
    double slot = (of->frame.chart.width - 90) / (double)bars->count, widest = 0;
    char name[NAME_BYTES];
    for (int64_t i = 0; i < bars->count; i++) {
        name_bar(bars, i, name);
        widest = fmax(widest, elbo_text_width(name, 12));
    }
    of->slanted = bars->names && widest + 6 > slot;
    of->stride = stride_for(slot, of->slanted ? 14 : widest + 6);
    of->frame.category_space = of->slanted ? fmin(22 + widest * 0.71, of->frame.chart.height / 3) : 26;
}

static void write_name(bar_chart *of, int64_t i, double x) {
    char name[NAME_BYTES];
    name_bar(of->bars, i, name);
    double y = of->frame.bottom + (of->slanted ? 14 : 19);
    elbo_markup_add(&of->frame.svg, "<text class=\"tick\" x=\"%r\" y=\"%r\" ", x, y);
    if (of->slanted)
        elbo_markup_add(&of->frame.svg, "text-anchor=\"end\" transform=\"rotate(-45 %r %r)\">%t</text>\n", x, y, name);
    else
        elbo_markup_add(&of->frame.svg, "text-anchor=\"middle\">%t</text>\n", name);
}

static bool is_named(const bar_chart *of, int64_t i) {
    if (of->stride == 1) return true;
    return of->bars->names ? i % of->stride == 0 : i == 0 || (i + 1) % of->stride == 0;
}

/* Three significant digits, and a decimal up to a thousand: 2.74, 20.0, 100.4, 1234. */
static void add_value(elbo_markup *svg, double value) {
    int digits = value == 0 ? 0 : 2 - (int)floor(log10(fabs(value)));
    if (fabs(value) >= 100 && fabs(value) < 1000) digits = 1;
    elbo_markup_number(svg, value, digits < 0 ? 0 : digits > 4 ? 4 : digits);
}

/* A rectangle from zero whose far corners are round. */
static void write_bar(bar_chart *of, int64_t i, double middle, double width) {
    elbo_markup *svg = &of->frame.svg;
    double value = of->bars->values[i], zero = elbo_axis_place(&of->frame.y, 0);
    double end = elbo_axis_place(&of->frame.y, value), sign = end < zero ? 1 : -1;
    if (fabs(end - zero) < 2) end = zero - 2 * sign; /* a bar of nothing still shows where it stands */
    double round = fmin(3, fmin(width / 2, fabs(end - zero)));
    bool grey = of->bars->marked && !of->bars->marked[i];
    elbo_markup_add(svg, "<path class=\"%s fill\" d=\"M%r %rV%r", grey ? "grey" : "s0", middle - width / 2, zero,
                    end + sign * round);
    elbo_markup_add(svg, "q0 %r %r %rh%r", -sign * round, round, -sign * round, width - 2 * round);
    elbo_markup_add(svg, "q%r 0 %r %rV%rz\"><title>", round, round, sign * round, zero);
    char name[NAME_BYTES];
    name_bar(of->bars, i, name);
    elbo_markup_add(svg, "%t: ", name);
    add_value(svg, value);
    elbo_markup_add(svg, "</title></path>\n");
    if (of->bars->count > VALUED_BARS) return;
    elbo_markup_add(svg, "<text class=\"tick\" text-anchor=\"middle\" x=\"%r\" y=\"%r\">", middle,
                    sign > 0 ? end - 5 : end + 14);
    add_value(svg, value);
    elbo_markup_add(svg, "</text>\n");
}

static void draw(bar_chart *of) {
    elbo_frame *frame = &of->frame;
    double slot = (frame->right - frame->left) / (double)of->bars->count;
    double width = fmin(slot > 6 ? slot * 0.72 : slot * 0.9, 64);
    elbo_markup_add(&frame->svg, "<path class=\"base\" d=\"M%r %rH%r\"/>\n", frame->left,
                    fmin(frame->bottom, fmax(frame->top, elbo_axis_place(&frame->y, 0))), frame->right);
    for (int64_t i = 0; i < of->bars->count; i++)
        if (shows(of, i)) write_bar(of, i, frame->left + slot * ((double)i + 0.5), width);
    elbo_frame_unclip(frame);
    for (int64_t i = 0; i < of->bars->count; i++)
        if (is_named(of, i)) write_name(of, i, frame->left + slot * ((double)i + 0.5));
}

/* Values stand beyond the bars' ends. */
static void make_room_for_values(elbo_frame *frame) {
    double low = fmin(frame->y_range[0], 0), high = fmax(frame->y_range[1], 0), extra = (high - low) * 0.07;
    if (low > high || !(extra < ELBO_AXIS_LARGEST / 100)) return;
    if (low < 0) frame->y_range[0] -= extra;
    if (high > 0) frame->y_range[1] += extra;
}

static elbo_status check(const elbo_chart *chart, const elbo_chart_bar_list *bars, elbo_error *error) {
    if (!bars || !bars->values || bars->count < 1 || bars->count > MOST_BARS)
        return elbo_fail(error, ELBO_ERROR_USAGE, "a bar chart of %lld bars: expected 1 to %d",
                         bars && bars->values ? (long long)bars->count : 0LL, MOST_BARS);
    if (chart && (chart->x_log || chart->y_log))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "a bar chart with a logarithmic axis: bars start at zero, which it cannot show");
    return ELBO_OK;
}

elbo_status elbo_chart_bars(const elbo_chart *chart, const elbo_chart_bar_list *bars, const char *path,
                            elbo_error *error) {
    bar_chart of;
    memset(&of, 0, sizeof of);
    ELBO_TRY(check(chart, bars, error));
    ELBO_TRY(elbo_frame_begin(&of.frame, chart, ELBO_CHART_WIDTH, ELBO_CHART_HEIGHT, error));
    of.bars = bars;
    for (int64_t i = 0; i < bars->count; i++) elbo_frame_see(&of.frame, (double)i, bars->values[i]);
    if (bars->count <= VALUED_BARS) make_room_for_values(&of.frame);
    of.frame.y_from_zero = true;
    of.frame.colours = 1;
    plan_names(&of);
    elbo_legend_entry legend[2] = {{bars->marked_name, 0, ELBO_SWATCH_BOX}, {bars->unmarked_name, -1, ELBO_SWATCH_BOX}};
    elbo_frame_open(&of.frame, "bar chart", legend, bars->marked ? 2 : 0);
    draw(&of);
    return elbo_frame_close(&of.frame, path, error);
}
