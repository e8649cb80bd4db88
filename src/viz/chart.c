#include <math.h>
#include <stdio.h>
#include <string.h>

#include "viz/viz.h"

enum { EDGE = 20, LEGEND_ROW = 22, LEGEND_ROWS = 4 };

/* Widths of a broad screen font in thousandths of its size; narrower fonts only leave some air. */
double elbo_text_width(const char *text, double size) {
    int width = 0;
    if (!text) return 0;
    for (const char *at = text; *at; at++) {
        if (((unsigned char)*at & 0xc0) == 0x80) continue; /* the rest of a UTF-8 character */
        if (strchr("iljI.,:;|'! ", *at))
            width += 330;
        else if (strchr("mwMW@%", *at))
            width += 970;
        else if (*at >= 'A' && *at <= 'Z')
            width += 720;
        else
            width += 625;
    }
    return width * size / 1000;
}

static elbo_status check_limits(const double limits[2], bool logarithmic, const char *name, elbo_error *error) {
    if (limits[0] == limits[1]) return ELBO_OK;
    if (elbo_axis_shows(logarithmic, limits[0]) && elbo_axis_shows(logarithmic, limits[1]) && limits[0] < limits[1])
        return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE, "limits %g to %g of the %s axis: expected low < high%s", limits[0],
                     limits[1], name, logarithmic ? ", both positive, on a logarithmic axis" : ", both finite");
}

elbo_status elbo_frame_begin(elbo_frame *frame, const elbo_chart *chart, int width, int height, elbo_error *error) {
    memset(frame, 0, sizeof *frame);
    if (chart) frame->chart = *chart;
    elbo_chart *made = &frame->chart;
    if (made->width == 0) made->width = width;
    if (made->height == 0) made->height = height;
    if (made->width < 240 || made->width > 8000 || made->height < 240 || made->height > 8000)
        return elbo_fail(error, ELBO_ERROR_USAGE, "a chart of %d x %d pixels: expected 240 to 8000 either way",
                         made->width, made->height);
    frame->x_range[0] = frame->y_range[0] = HUGE_VAL;
    frame->x_range[1] = frame->y_range[1] = -HUGE_VAL;
    ELBO_TRY(check_limits(made->x_limits, made->x_log, "x", error));
    return check_limits(made->y_limits, made->y_log, "y", error);
}

bool elbo_frame_see(elbo_frame *frame, double x, double y) {
    if (!elbo_axis_shows(frame->chart.x_log, x) || !elbo_axis_shows(frame->chart.y_log, y)) {
        frame->skipped++;
        return false;
    }
    frame->x_range[0] = fmin(frame->x_range[0], x);
    frame->x_range[1] = fmax(frame->x_range[1], x);
    frame->y_range[0] = fmin(frame->y_range[0], y);
    frame->y_range[1] = fmax(frame->y_range[1], y);
    return true;
}

static bool is_empty(const elbo_frame *frame) { return frame->x_range[0] > frame->x_range[1]; }

/* "s3", or "grey" for -1. */
static void add_colour(elbo_markup *svg, int colour) {
    if (colour < 0)
        elbo_markup_add(svg, "grey");
    else
        elbo_markup_add(svg, "s%d", colour);
}

/* Hues by the golden angle, in turns of darker and lighter ones: any two near in number are far apart in hue. */
static void write_more_colours(elbo_frame *frame) {
    for (int dark = 0; dark < 2; dark++) {
        if (frame->colours <= ELBO_CHART_COLOURS) return;
        if (dark) elbo_markup_add(&frame->svg, "@media(prefers-color-scheme:dark){");
        for (int k = ELBO_CHART_COLOURS; k < frame->colours; k++) {
            int hue = (int)fmod(k * 137.508 + 20, 360), light = (dark ? 62 : 38) + k / 2 % 2 * 14;
            elbo_markup_add(&frame->svg, ".elbo-chart .s%d{color:hsl(%d,%d%%,%d%%)}", k, hue, k % 2 ? 75 : 50, light);
        }
        if (dark) elbo_markup_add(&frame->svg, "}");
    }
}

static void write_head(elbo_frame *frame, const char *kind) {
    elbo_markup *svg = &frame->svg;
    const elbo_chart *chart = &frame->chart;
    elbo_markup_add(svg, ELBO_CHART_PREFIX " width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" ",
                    chart->width, chart->height, chart->width, chart->height);
    elbo_markup_add(svg, "aria-label=\"%s%s%t\">\n", kind, chart->title ? ": " : "", chart->title);
    elbo_markup_add(svg, "<style>%s", elbo_chart_style);
    write_more_colours(frame);
    elbo_markup_add(svg, "</style>\n<rect class=\"ground\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", chart->width,
                    chart->height);
}

/* Title and subtitle; returns where the next line's top is. */
static double write_titles(elbo_frame *frame) {
    double y = 14;
    if (frame->chart.title) {
        elbo_markup_add(&frame->svg, "<text class=\"title\" x=\"%d\" y=\"%r\">%t</text>\n", EDGE, y + 18.0,
                        frame->chart.title);
        y += 26;
    }
    if (frame->chart.subtitle) {
        elbo_markup_add(&frame->svg, "<text class=\"faint\" x=\"%d\" y=\"%r\">%t</text>\n", EDGE, y + 14.0,
                        frame->chart.subtitle);
        y += 20;
    }
    return y;
}

static void write_swatch(elbo_frame *frame, const elbo_legend_entry *entry, double x, double y) {
    elbo_markup *svg = &frame->svg;
    elbo_markup_add(svg, entry->swatch == ELBO_SWATCH_DOT ? "<circle class=\"" : "<path class=\"");
    add_colour(svg, entry->colour);
    switch (entry->swatch) {
        case ELBO_SWATCH_LINE: elbo_markup_add(svg, " line\" d=\"M%r %rh18\"/>", x, y); break;
        case ELBO_SWATCH_DASH: elbo_markup_add(svg, " line dash\" d=\"M%r %rh18\"/>", x, y); break;
        case ELBO_SWATCH_DOT: elbo_markup_add(svg, " fill\" cx=\"%r\" cy=\"%r\" r=\"5\"/>", x + 5, y); break;
        case ELBO_SWATCH_BOX: elbo_markup_add(svg, " fill\" d=\"M%r %rh11v11h-11z\"/>", x, y - 5.5); break;
    }
}

static double write_legend(elbo_frame *frame, const elbo_legend_entry *legend, size_t count, double y) {
    double x = EDGE, limit = frame->chart.width - EDGE;
    int row = 0;
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!legend[i].name) continue;
        double mark = legend[i].swatch < ELBO_SWATCH_DOT ? 24 : 16;
        double width = mark + elbo_text_width(legend[i].name, 13) + 14;
        /* The last row keeps room for "+ 123 more". */
        double room = row == LEGEND_ROWS - 1 ? limit - 90 : limit;
        if (x > EDGE && x + width - 14 > room) {
            if (++row == LEGEND_ROWS) {
                elbo_markup_add(&frame->svg, "<text class=\"faint\" x=\"%r\" y=\"%r\">+ %d more</text>\n", x,
                                y + (row - 1) * LEGEND_ROW + 18, (int)(count - i));
                return y + row * LEGEND_ROW + 4;
            }
            x = EDGE;
        }
        double middle = y + row * LEGEND_ROW + 13.5;
        write_swatch(frame, &legend[i], x, middle);
        elbo_markup_add(&frame->svg, "<text x=\"%r\" y=\"%r\">%t</text>\n", x + mark, middle + 4.5, legend[i].name);
        x += width;
        shown++;
    }
    return shown ? y + (row + 1) * LEGEND_ROW + 4 : y;
}

static bool is_set(const double limits[2]) { return limits[0] < limits[1]; }

static void fit(elbo_axis *axis, const double limits[2], const double range[2], bool logarithmic, double margin,
                bool round, int wanted) {
    double low = is_set(limits) ? limits[0] : range[0], high = is_set(limits) ? limits[1] : range[1];
    if (low > high) {
        low = logarithmic ? 0.1 : 0;
        high = 1;
    }
    elbo_axis_fit(axis, low, high, logarithmic, is_set(limits) ? 0 : margin, !is_set(limits) && round, wanted);
}

static double widest_label(const elbo_axis *axis) {
    double widest = 0;
    for (int i = 0; i < axis->count; i++) widest = fmax(widest, elbo_text_width(axis->label[i], 12));
    return widest;
}

/* Fits x, with fewer ticks as long as their labels would touch. */
static void fit_x(elbo_frame *frame) {
    double margin = frame->marks_are_dots ? 0.04 : 0.01, length = frame->right - frame->left;
    frame->x.start = frame->left;
    frame->x.stop = frame->right;
    for (int wanted = length < 160 ? 2 : (int)(length / 80); wanted >= 1; wanted--) {
        fit(&frame->x, frame->chart.x_limits, frame->x_range, frame->chart.x_log, margin, false, wanted);
        if (frame->x.count * (widest_label(&frame->x) + 14) < length) break;
    }
}

static void lay_out(elbo_frame *frame, double top) {
    const elbo_chart *chart = &frame->chart;
    double below = frame->category_space > 0 ? frame->category_space : 26;
    bool noted = frame->skipped > 0 || frame->total > frame->drawn;
    frame->top = top + (chart->y_label ? 34 : 16);
    frame->bottom = chart->height - below - (chart->x_label ? 22 : 0) - (noted ? 20 : 0) - 10;
    if (frame->bottom < frame->top + 40) frame->bottom = frame->top + 40;
    frame->y.start = frame->bottom;
    frame->y.stop = frame->top;
    int wanted = (int)((frame->bottom - frame->top) / 42);
    if (frame->y_from_zero && !is_empty(frame)) {
        frame->y_range[0] = fmin(frame->y_range[0], 0);
        frame->y_range[1] = fmax(frame->y_range[1], 0);
    }
    fit(&frame->y, chart->y_limits, frame->y_range, chart->y_log, frame->y_from_zero ? 0 : 0.05, frame->y_from_zero,
        wanted < 2 ? 2 : wanted);
    frame->left = fmin(EDGE + widest_label(&frame->y) + 8, chart->width * 0.5);
    frame->right = chart->width - EDGE - 8;
    if (frame->category_space == 0) fit_x(frame);
}

static void write_axes(elbo_frame *frame) {
    elbo_markup *svg = &frame->svg;
    elbo_markup_add(svg, "<path class=\"grid\" d=\"");
    for (int i = 0; i < frame->y.count; i++)
        elbo_markup_add(svg, "M%r %rH%r", frame->left, elbo_axis_place(&frame->y, frame->y.tick[i]), frame->right);
    for (int i = 0; i < frame->x.count; i++)
        elbo_markup_add(svg, "M%r %rV%r", elbo_axis_place(&frame->x, frame->x.tick[i]), frame->top, frame->bottom);
    elbo_markup_add(svg, "\"/>\n");
    for (int i = 0; i < frame->y.count; i++)
        elbo_markup_add(svg, "<text class=\"tick\" text-anchor=\"end\" x=\"%r\" y=\"%r\">%t</text>\n", frame->left - 8,
                        elbo_axis_place(&frame->y, frame->y.tick[i]) + 4, frame->y.label[i]);
    for (int i = 0; i < frame->x.count; i++)
        elbo_markup_add(svg, "<text class=\"tick\" text-anchor=\"middle\" x=\"%r\" y=\"%r\">%t</text>\n",
                        elbo_axis_place(&frame->x, frame->x.tick[i]), frame->bottom + 19, frame->x.label[i]);
    if (frame->category_space == 0)
        elbo_markup_add(svg, "<path class=\"base\" d=\"M%r %rH%r\"/>\n", frame->left, frame->bottom, frame->right);
}

static void write_axis_titles(elbo_frame *frame) {
    double below = frame->category_space > 0 ? frame->category_space : 26;
    if (frame->chart.y_label)
        elbo_markup_add(&frame->svg, "<text class=\"small\" x=\"%d\" y=\"%r\">%t</text>\n", EDGE, frame->top - 17,
                        frame->chart.y_label);
    if (frame->chart.x_label)
        elbo_markup_add(&frame->svg, "<text class=\"small\" text-anchor=\"end\" x=\"%r\" y=\"%r\">%t</text>\n",
                        frame->right, frame->bottom + below + 14, frame->chart.x_label);
}

void elbo_frame_open(elbo_frame *frame, const char *kind, const elbo_legend_entry *legend, size_t count) {
    write_head(frame, kind);
    double top = write_legend(frame, legend, count, write_titles(frame));
    lay_out(frame, top);
    write_axes(frame);
    write_axis_titles(frame);
    if (is_empty(frame))
        elbo_markup_add(&frame->svg,
                        "<text class=\"faint\" text-anchor=\"middle\" x=\"%r\" y=\"%r\">no values</text>\n",
                        (frame->left + frame->right) / 2, (frame->top + frame->bottom) / 2);
    /* A nested svg clips without an id, so that charts can share a page. */
    double x = frame->left, y = frame->top, width = frame->right - x, height = frame->bottom - y;
    if (!is_set(frame->chart.x_limits) && !is_set(frame->chart.y_limits)) {
        /* Nothing lies outside; markers at the edge stay whole. */
        x -= 6, y -= 6, width += 12, height += 12;
    }
    elbo_markup_add(&frame->svg, "<svg x=\"%r\" y=\"%r\" width=\"%r\" height=\"%r\" ", x, y, width, height);
    elbo_markup_add(&frame->svg, "viewBox=\"%r %r %r %r\" overflow=\"hidden\">\n", x, y, width, height);
}

void elbo_frame_unclip(elbo_frame *frame) { elbo_markup_add(&frame->svg, "</svg>\n"); }

static void write_note(elbo_frame *frame) {
    bool thinned = frame->total > frame->drawn;
    if (!frame->skipped && !thinned) return;
    elbo_markup *svg = &frame->svg;
    elbo_markup_add(svg, "<text class=\"faint small\" x=\"%d\" y=\"%d\">", EDGE, frame->chart.height - 12);
    if (thinned) {
        elbo_markup_count(svg, frame->drawn);
        elbo_markup_add(svg, " of ");
        elbo_markup_count(svg, frame->total);
        elbo_markup_add(svg, " points are drawn%s", frame->skipped ? "; " : "");
    }
    if (frame->skipped) {
        elbo_markup_count(svg, frame->skipped);
        elbo_markup_add(svg, frame->skipped == 1 ? " value left out: not finite" : " values left out: not finite");
        if (frame->chart.x_log || frame->chart.y_log) elbo_markup_add(svg, " or not positive");
    }
    elbo_markup_add(svg, "</text>\n");
}

elbo_status elbo_frame_close(elbo_frame *frame, const char *path, elbo_error *error) {
    write_note(frame);
    elbo_markup_add(&frame->svg, "</svg>\n");
    return elbo_markup_save(&frame->svg, path, error);
}
