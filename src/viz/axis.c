#include "viz/viz.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

bool elbo_axis_shows(bool logarithmic, double value) {
    return isfinite(value) && fabs(value) <= ELBO_AXIS_LARGEST && (!logarithmic || value >= 1 / ELBO_AXIS_LARGEST);
}

/* floor(log10(value)), right also where the logarithm rounds across a power of ten. */
static int exponent_of(double value) {
    int exponent = (int)floor(log10(value));
    if (pow(10, exponent + 1) <= value) exponent++;
    if (pow(10, exponent) > value) exponent--;
    return exponent;
}

/* A step of 1, 2 or 5 times 10^exponent; kept as integers so that ticks and labels are exact. */
typedef struct step {
    int factor, exponent;
} step;

static double step_size(step by) {
    return by.exponent < 0 ? by.factor / pow(10, -by.exponent) : by.factor * pow(10, by.exponent);
}

/* The step whose number of intervals comes near `wanted`. */
static step step_for(const elbo_axis *axis, int wanted) {
    double span = axis->high - axis->low;
    double raw = span / wanted;
    step by = {1, exponent_of(raw)};
    double mantissa = raw / step_size(by);
    if (mantissa >= 7.0)
        by.exponent++;
    else if (mantissa >= 3.2)
        by.factor = 5;
    else if (mantissa >= 1.5)
        by.factor = 2;
    return axis->whole && by.exponent < 0 ? (step){1, 0} : by;
}

static void add_superscript(elbo_markup *text, int value) {
    static const char *const digits[10] = {"\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",
                                           "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7",
                                           "\xe2\x81\xb8", "\xe2\x81\xb9"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", value);
    for (const char *at = plain; *at; at++)
        elbo_markup_add(text, "%s", *at == '-' ? "\xe2\x81\xbb" : digits[*at - '0']);
}

/* Labels of one axis share their notation: a power of ten for very large and very small values, else plain decimals. */
typedef struct notation {
    int exponent; /* 0: plain */
    int decimals;
} notation;

static notation notation_for(double largest, int step_exponent) {
    notation how = {0, step_exponent < 0 ? -step_exponent : 0};
    if (largest == 0) return how;
    int exponent = exponent_of(largest);
    if (exponent < 6 && step_exponent >= -5) return how;
    how.exponent = exponent;
    how.decimals = exponent > step_exponent ? exponent - step_exponent : 0;
    return how;
}

static void write_label(char label[ELBO_AXIS_LABEL], double value, notation how) {
    elbo_markup text = {0};
    if (how.exponent == 0 || value == 0) {
        elbo_markup_number(&text, value, value == 0 ? 0 : how.decimals);
    } else {
        /* Scaled in two parts: 10^308 and 10^-308 are at the edge of a double's range. */
        int half = how.exponent / 2;
        elbo_markup_number(&text, value * pow(10, -half) * pow(10, half - how.exponent), how.decimals);
        elbo_markup_add(&text,
                        "\xc3\x97"
                        "10");
        add_superscript(&text, how.exponent);
    }
    /* Out of memory leaves the label empty here; the chart's own text will fail and say so. */
    snprintf(label, ELBO_AXIS_LABEL, "%s", text.bytes ? text.bytes : "");
    elbo_markup_clear(&text);
}

static void add_tick(elbo_axis *axis, double value, notation how) {
    if (axis->count == ELBO_AXIS_TICKS) return;
    axis->tick[axis->count] = value;
    write_label(axis->label[axis->count], value, how);
    axis->count++;
}

static void linear_ticks(elbo_axis *axis, int wanted) {
    step by = step_for(axis, wanted);
    double size = step_size(by), slack = 1e-9;
    notation how = notation_for(fmax(fabs(axis->low), fabs(axis->high)), by.exponent);
    double first = ceil(axis->low / size - slack), last = floor(axis->high / size + slack);
    for (double at = first; at <= last && axis->count < ELBO_AXIS_TICKS; at++) {
        double value = by.exponent < 0 ? at * by.factor / pow(10, -by.exponent) : at * size;
        add_tick(axis, value, how);
    }
}

/* One to ten decades apart: powers of ten, with 2 and 5 times them where there is room. */
static void decade_ticks(elbo_axis *axis, int wanted) {
    int first = exponent_of(axis->low), last = exponent_of(axis->high);
    int decades = last - first + 1, stride = decades > wanted ? (decades + wanted - 1) / wanted : 1;
    static const int all[3] = {1, 2, 5};
    int parts = decades * 3 <= wanted + 3 ? 3 : 1;
    if (stride > 1) first = (int)floor((double)first / stride) * stride;
    for (int exponent = first; exponent <= last; exponent += stride) {
        for (int part = 0; part < parts; part++) {
            double power = exponent < 0 ? 1 / pow(10, -exponent) : pow(10, exponent);
            double value = all[part] * power;
            if (value < axis->low * (1 - 1e-12) || value > axis->high * (1 + 1e-12)) continue;
            notation how = notation_for(value, exponent);
            if (exponent > 4 || exponent < -4) how = (notation){exponent, 0};
            add_tick(axis, value, how);
        }
    }
}

/* Widens a range too narrow to tell its ends apart in a double. */
static void widen(double *low, double *high) {
    double largest = fmax(fabs(*low), fabs(*high));
    if (*high - *low > largest * 1e-12 && *high - *low > 1e-290) return;
    double middle = *low / 2 + *high / 2;
    double extra = largest < 1e-280 ? 1 : largest * 0.1;
    *low = middle - extra;
    *high = middle + extra;
}

/* Moves the ends out to multiples of the step that the range gets. */
static void round_ends(elbo_axis *axis, int wanted) {
    double size = step_size(step_for(axis, wanted));
    axis->low = floor(axis->low / size + 1e-9) * size;
    axis->high = ceil(axis->high / size - 1e-9) * size;
}

static void fit_logarithmic(elbo_axis *axis, double low, double high, double margin, int wanted) {
    if (high < low * (1 + 1e-9)) {
        low /= 2;
        high *= 2;
    }
    double ratio = pow(high / low, margin);
    if (!isfinite(ratio)) ratio = 1;
    axis->low = fmax(low / ratio, 1e-305);
    axis->high = fmin(high * ratio, 1e305);
    if (log10(axis->high) - log10(axis->low) >= 1) decade_ticks(axis, wanted);
    if (axis->count < 2) {
        axis->count = 0;
        linear_ticks(axis, wanted);
    }
}

void elbo_axis_fit(elbo_axis *axis, double low, double high, bool logarithmic, double margin, bool round, int wanted) {
    axis->logarithmic = logarithmic;
    axis->count = 0;
    if (logarithmic) {
        fit_logarithmic(axis, low, high, margin, wanted);
        return;
    }
    widen(&low, &high);
    double span = high - low;
    axis->low = low - span * margin;
    axis->high = high + span * margin;
    if (round) round_ends(axis, wanted);
    linear_ticks(axis, wanted);
}

double elbo_axis_place(const elbo_axis *axis, double value) {
    double share = axis->logarithmic ? (log10(value) - log10(axis->low)) / (log10(axis->high) - log10(axis->low))
                                     : (value - axis->low) / (axis->high - axis->low);
    return axis->start + share * (axis->stop - axis->start);
}
