/* Shared by the files of this folder: markup text, axes, charts, canvases. */
#ifndef ELBO_VIZ_VIZ_H
#define ELBO_VIZ_VIZ_H

#include "base/error.h"

/* ---- markup.c: text that grows ---- */

/* A zeroed struct is empty text.  After a failed allocation `failed` stays set and additions do nothing, so that only
 * elbo_markup_save needs to look. */
typedef struct elbo_markup {
    char *bytes; /* zero-terminated, or NULL while empty */
    size_t length, room;
    bool failed;
} elbo_markup;

void elbo_markup_bytes(elbo_markup *markup, const void *bytes, size_t count);
/* Adds a format whose directives are
 *   %s raw text    %t escaped text (const char *)    %d int    %l int64_t
 *   %r double, at most 1 decimal, for coordinates; no locale gets in between    %% a percent sign
 * Other characters stand for themselves.  NULL text adds nothing. */
void elbo_markup_add(elbo_markup *markup, const char *format, ...);
/* Text for XML and HTML: & < > " ' escaped; what XML forbids and broken UTF-8 become U+FFFD. */
void elbo_markup_escaped(elbo_markup *markup, const char *text);
/* A number with so many decimals, '.' whatever the locale, "−" (U+2212) for a minus, a thin space every three digits
 * of five or more. */
void elbo_markup_number(elbo_markup *markup, double value, int decimals);
/* An integer with the same grouping. */
void elbo_markup_count(elbo_markup *markup, int64_t value);
/* RFC 4648 base64, padded. */
void elbo_markup_base64(elbo_markup *markup, const void *bytes, size_t count);
/* "f32 [10,28,28]", cut to fit. */
void elbo_array_describe(const elbo_array *array, char text[160]);
/* Writes the text and clears it; also clears on failure. */
elbo_status elbo_markup_save(elbo_markup *markup, const char *path, elbo_error *error);
void elbo_markup_clear(elbo_markup *markup);

/* ---- axis.c: ranges and ticks ---- */

enum { ELBO_AXIS_TICKS = 24, ELBO_AXIS_LABEL = 64 };

/* Values beyond this are not drawn: differences of two stay finite. */
#define ELBO_AXIS_LARGEST 1e300

typedef struct elbo_axis {
    bool logarithmic;
    bool whole;         /* set before fitting: no ticks between whole numbers */
    double low, high;   /* values at the two ends; low < high */
    double start, stop; /* their pixels */
    int count;
    double tick[ELBO_AXIS_TICKS];
    char label[ELBO_AXIS_TICKS][ELBO_AXIS_LABEL];
} elbo_axis;

/* Whether an axis can show the value. */
bool elbo_axis_shows(bool logarithmic, double value);
/* Sets a range that holds low..high (both of which the axis can show; equal ones are widened) with about `wanted` ticks
 * at 1, 2 or 5 times a power of ten.  margin: the share of the span added at either end.  round: ends move out to the
 * next tick. */
void elbo_axis_fit(elbo_axis *axis, double low, double high, bool logarithmic, double margin, bool round, int wanted);
/* The pixel of a value. */
double elbo_axis_place(const elbo_axis *axis, double value);

/* ---- chart.c: the frame of a chart ---- */

typedef struct elbo_legend_entry {
    const char *name;
    int colour; /* of the swatch: class s<colour>; -1: the grey of what does not stand out */
    enum { ELBO_SWATCH_LINE, ELBO_SWATCH_DASH, ELBO_SWATCH_DOT, ELBO_SWATCH_BOX } swatch;
} elbo_legend_entry;

typedef struct elbo_frame {
    elbo_chart chart; /* defaults filled in */
    elbo_markup svg;
    elbo_axis x, y;
    double left, right, top, bottom; /* of the plot */
    double category_space;           /* room for labels that the caller draws instead of x ticks; 0: x has ticks */
    bool y_from_zero;                /* y includes zero and ends at a tick */
    bool marks_are_dots;             /* a margin on all sides, so that dots are not cut */
    int colours;                     /* classes s0 to s<colours-1> are in use */
    double x_range[2], y_range[2];   /* of what can be drawn; low > high: nothing */
    int64_t skipped;                 /* points that cannot be drawn */
    int64_t drawn, total;            /* where points were thinned: how many of how many; total 0 otherwise */
} elbo_frame;

/* Sizes where the caller sets none: text stays readable in one of two columns of a page. */
enum { ELBO_CHART_WIDTH = 600, ELBO_CHART_HEIGHT = 380 };
/* The number of hand-picked colours; classes beyond them get computed hues. */
enum { ELBO_CHART_COLOURS = 10 };
/* Checks the chart (NULL: all defaults) and fills in defaults. */
elbo_status elbo_frame_begin(elbo_frame *frame, const elbo_chart *chart, int width, int height, elbo_error *error);
/* Widens the ranges by a point; returns false, and counts it, if it cannot be drawn. */
bool elbo_frame_see(elbo_frame *frame, double x, double y);
/* Lays out the axes and writes everything up to the marks, which are clipped to the plot. */
void elbo_frame_open(elbo_frame *frame, const char *kind, const elbo_legend_entry *legend, size_t count);
/* Ends the clipped part. */
void elbo_frame_unclip(elbo_frame *frame);
/* Writes the notes and the end, and saves; clears the frame whatever happens. */
elbo_status elbo_frame_close(elbo_frame *frame, const char *path, elbo_error *error);
/* The first bytes of every SVG from here. */
#define ELBO_CHART_PREFIX "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"elbo-chart\""
/* Widths of text in CSS pixels at a font size: an estimate on the safe side. */
double elbo_text_width(const char *text, double size);

/* ---- canvas.c: images to pixels ---- */

typedef struct elbo_canvas {
    int width, height, channels; /* 1 or 3 */
    unsigned char *pixels;       /* [height, width, channels], from elbo_calloc */
    bool *covered;               /* [height, width]: part of an image rather than ground; else NULL */
} elbo_canvas;

/* Sets the images of `count` arrays out on a new canvas.  for_text: scale 1, gaps of two pixels, no border, black
 * ground, and `covered`. */
elbo_status elbo_canvas_compose(elbo_canvas *canvas, const elbo_array *const *arrays, size_t count,
                                const elbo_picture *picture, bool for_text, elbo_error *error);
void elbo_canvas_clear(elbo_canvas *canvas);

/* ---- png_write.c ---- */
elbo_status elbo_canvas_save(const elbo_canvas *canvas, const char *path, elbo_error *error);

/* ---- chart_style.c, report_style.c: style sheets ---- */
extern const char elbo_chart_style[];
extern const char elbo_report_style[];

#endif
