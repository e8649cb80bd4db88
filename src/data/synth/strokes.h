/* How hands write the ten digits: strokes as knots that a smooth curve goes through. */
#ifndef ELBO_DATA_STROKES_H
#define ELBO_DATA_STROKES_H

enum { ELBO_STROKE_MAX_KNOTS = 24 };

typedef enum elbo_knot_kind {
    ELBO_KNOT_SMOOTH,
    ELBO_KNOT_CORNER, /* the direction may change here */
    ELBO_KNOT_LIFT    /* the pen is lifted after this knot */
} elbo_knot_kind;

/* In the unit square, x to the right, y downwards. */
typedef struct elbo_knot {
    double x, y;
    elbo_knot_kind kind;
} elbo_knot;

/* One way to write a digit; `share` is its weight among the digit's ways. */
typedef struct elbo_glyph_shape {
    int digit, count;
    double share;
    elbo_knot knot[ELBO_STROKE_MAX_KNOTS];
} elbo_glyph_shape;

extern const elbo_glyph_shape elbo_glyph_shapes[];
extern const int elbo_glyph_shape_count;

#endif
