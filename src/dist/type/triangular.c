/* The triangular distribution: its peak lies at the fraction `peak` of the way from low to high. */
#include "dist/formula.h"

enum { LOW, HIGH, PEAK };

static elbo_node *width(const elbo_dist *dist) { return elbo_sub(dist->parameter[HIGH], dist->parameter[LOW]); }
static elbo_node *one_minus(elbo_node *x) { return elbo_shift(elbo_neg(x), 1); }

/* The fraction of the way to x. */
static elbo_node *way(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(x, dist->parameter[LOW]), width(dist));
}

/* log 2 - log width + log of the smaller of t / peak and (1 - t) / (1 - peak) */
static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *t = way(dist, x), *peak = dist->parameter[PEAK];
    elbo_node *height = elbo_min(elbo_div(t, peak), elbo_div(one_minus(t), one_minus(peak)));
    return elbo_shift(elbo_sub(elbo_log(height), elbo_log(width(dist))), ELBO_LOG_TWO);
}

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_muladd(width(dist), dist->parameter[PEAK], dist->parameter[LOW]);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_mul(elbo_less(dist->parameter[LOW], x), elbo_less(x, dist->parameter[HIGH]));
    return elbo_formula_within(dist, x, inside, mode(dist), density);
}

/* t^2 / peak up to the peak, 1 - (1 - t)^2 / (1 - peak) above it */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *t = elbo_clamp(way(dist, x), 0, 1), *peak = dist->parameter[PEAK];
    elbo_node *below = elbo_div(elbo_square(t), peak);
    elbo_node *above = one_minus(elbo_div(elbo_square(one_minus(t)), one_minus(peak)));
    return elbo_formula_if_less(t, peak, below, above);
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *peak = dist->parameter[PEAK];
    elbo_node *below = elbo_sqrt(elbo_mul(p, peak));
    elbo_node *above = one_minus(elbo_sqrt(elbo_mul(one_minus(p), one_minus(peak))));
    return elbo_muladd(width(dist), elbo_formula_if_less(p, peak, below, above), dist->parameter[LOW]);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_muladd(width(dist), elbo_scale(elbo_shift(dist->parameter[PEAK], 1), 1. / 3), dist->parameter[LOW]);
}

/* width^2 (1 - peak (1 - peak)) / 18 */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *spread = one_minus(elbo_mul(dist->parameter[PEAK], one_minus(dist->parameter[PEAK])));
    return elbo_scale(elbo_mul(elbo_square(width(dist)), spread), 1. / 18);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_shift(elbo_log(width(dist)), 0.5 - ELBO_LOG_TWO));
}

const elbo_dist_type elbo_dist_triangular = {
    .name = "triangular",
    ELBO_DIST_IS(INTERVAL, LOCATION_SCALE, "2 / width min(t / peak, (1 - t) / (1 - peak)), t = (x - low) / width"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 26",
    .parameter = {{"low", ELBO_CONSTRAINT_REAL, NULL},
                  {"high", ELBO_CONSTRAINT_ORDERED, NULL},
                  {"peak", ELBO_CONSTRAINT_UNIT_INTERVAL, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf};
