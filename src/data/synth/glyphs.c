/* Handwriting-like digits: a template's knots are moved as a hand would move them, a smooth curve is laid through
 * them, and the curve is inked by distance. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/rng.h"
#include "data/synth/strokes.h"
#include "data/synth/synth.h"

#define GLYPH_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_glyphs_options, name)},
static const elbo_option option_rows[] = {ELBO_GLYPHS_OPTIONS(GLYPH_ROW)};
const elbo_options elbo_glyphs_options_table = {"synth:glyphs", option_rows, sizeof option_rows / sizeof *option_rows,
                                                sizeof(elbo_glyphs_options)};

enum { PIECES = 6, MAX_POINTS = ELBO_STROKE_MAX_KNOTS * PIECES };

typedef struct point {
    double x, y, radius;
    bool lift; /* no ink between this point and the next */
} point;

typedef struct curve {
    int count;
    point at[MAX_POINTS];
} curve;

/* The sample's random numbers, taken one after another. */
typedef struct draws {
    elbo_rng rng;
    uint32_t row, column;
} draws;

static double uniform(draws *d) { return elbo_rng_uniform(&d->rng, d->row, d->column++); }
static double normal(draws *d, double mean, double deviation) {
    return mean + deviation * elbo_rng_normal(&d->rng, d->row, d->column++);
}
static double clamp(double value, double low, double high) { return fmin(fmax(value, low), high); }

static const elbo_glyph_shape *choose_shape(draws *d) {
    int digit = (int)(uniform(d) * ELBO_GLYPH_CLASSES);
    double left = uniform(d);
    const elbo_glyph_shape *chosen = NULL;
    for (int i = 0; i < elbo_glyph_shape_count; i++) {
        if (elbo_glyph_shapes[i].digit != digit) continue;
        chosen = &elbo_glyph_shapes[i];
        left -= chosen->share;
        if (left <= 0) break;
    }
    return chosen;
}

/* A Catmull-Rom curve through the knots of each stroke; at a corner and at a stroke's ends its tangent points along
 * the chord. */
static void lay_curve(curve *path, const elbo_knot *knot, int count) {
    path->count = 0;
    for (int i = 0; i < count; i++) {
        const elbo_knot *from = &knot[i];
        if (from->kind == ELBO_KNOT_LIFT) {
            path->at[path->count++] = (point){from->x, from->y, 0, true};
            continue;
        }
        const elbo_knot *to = from + 1;
        bool starts = i == 0 || from->kind == ELBO_KNOT_CORNER || from[-1].kind == ELBO_KNOT_LIFT;
        bool ends = to->kind != ELBO_KNOT_SMOOTH;
        const elbo_knot *before = starts ? from : from - 1, *after = ends ? to : to + 1;
        for (int piece = 0; piece < PIECES; piece++) {
            double t = (double)piece / PIECES, t2 = t * t, t3 = t2 * t;
            double a = (-t3 + 2 * t2 - t) / 2, b = (3 * t3 - 5 * t2 + 2) / 2;
            double c = (-3 * t3 + 4 * t2 + t) / 2, e = (t3 - t2) / 2;
            path->at[path->count++] = (point){a * before->x + b * from->x + c * to->x + e * after->x,
                                              a * before->y + b * from->y + c * to->y + e * after->y, 0, false};
        }
    }
}

/* The hand: each knot a little off, then slant, width, rotation and a slow bend of the whole. */
static void write_shape(curve *path, const elbo_glyph_shape *shape, draws *d) {
    elbo_knot knot[ELBO_STROKE_MAX_KNOTS];
    double care = clamp(normal(d, 0.026, 0.008), 0.01, 0.042);
    for (int i = 0; i < shape->count; i++)
        knot[i] = (elbo_knot){shape->knot[i].x + normal(d, 0, care), shape->knot[i].y + normal(d, 0, care),
                              shape->knot[i].kind};
    lay_curve(path, knot, shape->count);

    double slant = clamp(normal(d, 0.14, 0.2), -0.35, 0.65), width = exp(clamp(normal(d, -0.15, 0.17), -0.55, 0.25));
    double angle = clamp(normal(d, 0, 0.07), -0.2, 0.2), cosine = cos(angle), sine = sin(angle);
    double bend = clamp(normal(d, 0, 0.035), -0.08, 0.08), phase = 6.283185307179586 * uniform(d);
    for (int i = 0; i < path->count; i++) {
        point *at = &path->at[i];
        double x = (at->x - 0.5) * width, y = at->y - 0.5;
        x += bend * sin(4.5 * y + phase) - slant * y;
        at->x = cosine * x - sine * y;
        at->y = sine * x + cosine * y;
    }
}

/* Size, place and pen.  The longer side comes to about 20 pixels and the centre of mass to about the middle, as in
 * MNIST; nothing leaves the picture. */
static void place(curve *path, draws *d) {
    double low_x = 1e9, high_x = -1e9, low_y = 1e9, high_y = -1e9, mass = 0, mass_x = 0, mass_y = 0;
    for (int i = 0; i < path->count; i++) {
        const point *at = &path->at[i];
        low_x = fmin(low_x, at->x), high_x = fmax(high_x, at->x);
        low_y = fmin(low_y, at->y), high_y = fmax(high_y, at->y);
        if (at->lift) continue;
        double length = hypot(at[1].x - at->x, at[1].y - at->y);
        mass += length;
        mass_x += length * (at->x + at[1].x) / 2;
        mass_y += length * (at->y + at[1].y) / 2;
    }
    double radius = clamp(exp(normal(d, 0.2, 0.2)), 0.8, 1.75);
    double pressure = clamp(normal(d, 0, 0.12), -0.25, 0.25), phase = 6.283185307179586 * uniform(d);
    double side = clamp(normal(d, 19.6, 0.9), 16.5, 21.5) - 2 * radius;
    double scale = side / fmax(high_x - low_x, high_y - low_y), edge = radius * 1.25 + 1.2,
           far = ELBO_GLYPH_SIDE - edge;
    double shift_x = ELBO_GLYPH_SIDE / 2.0 - scale * mass_x / mass + clamp(normal(d, 0, 0.5), -1.2, 1.2);
    double shift_y = ELBO_GLYPH_SIDE / 2.0 - scale * mass_y / mass + clamp(normal(d, 0, 0.5), -1.2, 1.2);
    shift_x = clamp(shift_x, edge - scale * low_x, far - scale * high_x);
    shift_y = clamp(shift_y, edge - scale * low_y, far - scale * high_y);
    for (int i = 0; i < path->count; i++) {
        point *at = &path->at[i];
        at->x = at->x * scale + shift_x;
        at->y = at->y * scale + shift_y;
        at->radius = radius * (1 + pressure * sin(0.13 * i + phase));
    }
}

/* Raises depth (how far inside the ink a pixel's centre lies) for the pixels near one segment. */
static void ink_segment(double depth[ELBO_GLYPH_SIZE], const point *from, const point *to) {
    double reach = fmax(from->radius, to->radius) + 1, step_x = to->x - from->x, step_y = to->y - from->y;
    int left = (int)fmax(0, fmin(from->x, to->x) - reach), top = (int)fmax(0, fmin(from->y, to->y) - reach);
    int right = (int)fmin(ELBO_GLYPH_SIDE - 1, fmax(from->x, to->x) + reach);
    int bottom = (int)fmin(ELBO_GLYPH_SIDE - 1, fmax(from->y, to->y) + reach);
    double inverse = 1 / fmax(step_x * step_x + step_y * step_y, 1e-12), widening = to->radius - from->radius;
    for (int row = top; row <= bottom; row++)
        for (int column = left; column <= right; column++) {
            double x = column + 0.5 - from->x, y = row + 0.5 - from->y;
            double along = (x * step_x + y * step_y) * inverse;
            along = along < 0 ? 0 : along > 1 ? 1 : along;
            x -= along * step_x, y -= along * step_y;
            double inside = from->radius + along * widening - sqrt(x * x + y * y);
            double *at = &depth[row * ELBO_GLYPH_SIDE + column];
            if (inside > *at) *at = inside;
        }
}

int elbo_synth_glyph(uint64_t seed, uint32_t row, uint8_t out[ELBO_GLYPH_SIZE]) {
    draws d = {{seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_GLYPHS}, row, 0};
    const elbo_glyph_shape *shape = choose_shape(&d);
    curve path;
    write_shape(&path, shape, &d);
    place(&path, &d);
    double depth[ELBO_GLYPH_SIZE];
    for (int i = 0; i < ELBO_GLYPH_SIZE; i++) depth[i] = -1;
    for (int i = 0; i < path.count; i++)
        if (!path.at[i].lift) ink_segment(depth, &path.at[i], &path.at[i + 1]);
    /* The pen's edge is soft over 1.4 pixels. */
    for (int i = 0; i < ELBO_GLYPH_SIZE; i++) out[i] = (uint8_t)(255 * clamp(depth[i] / 1.4 + 0.5, 0, 1) + 0.5);
    return shape->digit;
}

elbo_status elbo_synth_glyphs(elbo_table *table, const elbo_glyphs_options *options, elbo_error *error) {
    static const int64_t item[2] = {ELBO_GLYPH_SIDE, ELBO_GLYPH_SIDE};
    int64_t rows = options->train + options->test, train = options->train;
    ELBO_TRY(elbo_synth_table(table, ELBO_U8, 2, item, train, options->test, ELBO_GLYPH_CLASSES, error));
    uint8_t *values = table->values.data;
    int32_t *labels = table->labels.data;
    uint64_t seed = (uint64_t)options->seed;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        labels[row] = elbo_synth_glyph(seed, elbo_synth_sample(row, train), values + row * ELBO_GLYPH_SIZE);
    return ELBO_OK;
}
