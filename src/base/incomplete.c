#include "base/incomplete.h"

#include <math.h>

#include "base/special.h"

static const double half_log_two_pi = 0.918938533204672741780;
/* Series and fractions below need about 6 sqrt(a) terms; at most this many are summed. */
static const double most_terms = 1e6;

/* log Gamma(a) - ((a - 1/2) log a - a + log(2 pi)/2): Abramowitz and Stegun 6.1.41 from 16 on. */
static double stirling(double a) {
    if (a < 16) return lgamma(a) - ((a - 0.5) * log(a) - a + half_log_two_pi);
    double r = 1 / (a * a);
    return (1. / 12 - r * (1. / 360 - r * (1. / 1260 - r * (1. / 1680 - r * (1. / 1188 - r * 691. / 360360))))) / a;
}

/* log(w^a e^-w / Gamma(a)), without the cancellation at large a. */
static double log_gamma_kernel(double a, double w) {
    double away = (w - a) / a;
    double bend = away < -0.5 ? log(w) - log(a) - away : log1p(away) - away;
    return a * bend + 0.5 * log(a) - half_log_two_pi - stirling(a);
}

/* P = w^a e^-w / Gamma(a + 1) (1 + w / (a + 1) + w^2 / ((a + 1)(a + 2)) + ...); Abramowitz and Stegun 6.5.29 */
static double gamma_series(double a, double w) {
    double term = 1, sum = 1;
    for (double n = 1; n < most_terms && term > 1e-17 * sum; n++) {
        term *= w / (a + n);
        sum += term;
    }
    return sum / a;
}

/* 1 - P = w^a e^-w / Gamma(a) / (w + 1 - a - 1 (1 - a) / (w + 3 - a - ...)); 6.5.31, by Lentz's method */
static double gamma_fraction(double a, double w) {
    double b = w + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (double n = 1; n < most_terms; n++) {
        double top = -n * (n - a);
        b += 2;
        d = 1 / (top * d + b);
        c = b + top / c;
        h *= c * d;
        if (fabs(c * d - 1) < 1e-16) break;
    }
    return h;
}

/* From 1e8 on Wilson and Hilferty's normal approximation to the cube root, whose error is below 1 / a. */
double elbo_gamma_cdf_value(double a, double w) {
    if (!(a > 0) || isnan(w)) return NAN;
    if (w <= 0) return 0;
    if (isinf(w)) return 1;
    if (a > 1e8) return elbo_normal_cdf((cbrt(w / a) - 1 + 1 / (9 * a)) * 3 * sqrt(a));
    double kernel = exp(log_gamma_kernel(a, w));
    return w < a + 1 ? fmin(1, kernel * gamma_series(a, w)) : fmax(0, 1 - kernel * gamma_fraction(a, w));
}

double elbo_gamma_density_value(double a, double w) {
    if (!(a > 0) || isnan(w)) return NAN;
    if (w < 0 || isinf(w)) return 0;
    if (w == 0) return a < 1 ? INFINITY : a == 1 ? 1 : 0;
    return exp(log_gamma_kernel(a, w) - log(w));
}

/* dP/da = -(dy/da at fixed P) dP/dy with y = log w */
double elbo_gamma_cdf_shape_slope_value(double a, double w) {
    if (!(a > 0) || isnan(w)) return NAN;
    double density = w > 0 && !isinf(w) ? exp(log_gamma_kernel(a, w)) : 0;
    return density > 0 ? -density * elbo_log_gamma_slope_value(a, log(w)) : 0;
}

/* A number with its derivatives in a and b. */
typedef struct dual {
    double value, a, b;
} dual;

static dual product(dual x, dual y) {
    return (dual){x.value * y.value, x.a * y.value + x.value * y.a, x.b * y.value + x.value * y.b};
}

static dual inverse(dual x) {
    double r = 1 / x.value;
    return (dual){r, -x.a * r * r, -x.b * r * r};
}

static dual one_plus(dual x) { return (dual){1 + x.value, x.a, x.b}; }

/* The numerators of the fraction; Abramowitz and Stegun 26.5.8. */
static dual numerator(double a, double b, double x, double n) {
    double m = floor(n / 2);
    if (n == 2 * m) {
        double value = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        return (dual){value, -value * (1 / (a + 2 * m - 1) + 1 / (a + 2 * m)), m * x / ((a + 2 * m - 1) * (a + 2 * m))};
    }
    double value = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double relative = 1 / (a + m) + 1 / (a + b + m) - 1 / (a + 2 * m) - 1 / (a + 2 * m + 1);
    return (dual){value, value * relative, value / (a + b + m)};
}

/* 1 / (1 + n_1 / (1 + n_2 / (1 + ...))), by Lentz's method, with its derivatives. */
static dual beta_fraction(double a, double b, double x) {
    dual c = {1, 0, 0}, d = inverse(one_plus(numerator(a, b, x, 1))), h = d;
    for (double n = 2; n < most_terms; n++) {
        dual top = numerator(a, b, x, n);
        d = inverse(one_plus(product(top, d)));
        c = one_plus(product(top, inverse(c)));
        dual ratio = product(c, d);
        h = product(h, ratio);
        if (fabs(ratio.value - 1) < 1e-16 && fabs(ratio.a) < 1e-15 * (1 + fabs(h.a / h.value)) &&
            fabs(ratio.b) < 1e-15 * (1 + fabs(h.b / h.value)))
            break;
    }
    return h;
}

/* log(x (a + b) / a), which is small near the mean */
static double log_relative(double a, double b, double x, double y) {
    double away = (x * b - a * y) / a;
    return away < -0.5 ? log(x) + log1p(b / a) : log1p(away);
}

/* log(x^a y^b / B(a, b)), y = 1 - x, without the cancellation at large a and b. */
static double log_beta_kernel(double a, double b, double x, double y) {
    double leading = a * log_relative(a, b, x, y) + b * log_relative(b, a, y, x);
    double rest = stirling(a) + stirling(b) - stirling(a + b);
    return leading + 0.5 * (log(a) + log(b) - log(a + b)) - half_log_two_pi - rest;
}

/* I_x(a, b) with its derivatives, for x below the mean or not far above it. */
static dual beta_lower(double a, double b, double x, double y) {
    double kernel = exp(log_beta_kernel(a, b, x, y)) / a, psi = elbo_digamma_value(a + b);
    dual leading = {kernel, 0, 0};
    if (kernel > 0) {
        leading.a = kernel * (log(x) - 1 / a - elbo_digamma_value(a) + psi);
        leading.b = kernel * (log(y) - elbo_digamma_value(b) + psi);
    }
    return product(leading, beta_fraction(a, b, x));
}

static dual beta_cdf(double a, double b, double odds) {
    if (!(a > 0) || !(b > 0) || isnan(odds)) return (dual){NAN, NAN, NAN};
    if (odds <= 0) return (dual){0, 0, 0};
    if (isinf(odds)) return (dual){1, 0, 0};
    double x = odds / (1 + odds), y = 1 / (1 + odds);
    if (x <= (a + 1) / (a + b + 2)) return beta_lower(a, b, x, y);
    dual upper = beta_lower(b, a, y, x); /* its first derivative is in b */
    return (dual){1 - upper.value, -upper.b, -upper.a};
}

double elbo_beta_cdf_value(double a, double b, double odds) { return beta_cdf(a, b, odds).value; }

void elbo_beta_cdf_shape_slope_values(double a, double b, double odds, double *in_a, double *in_b) {
    dual found = beta_cdf(a, b, odds);
    *in_a = found.a;
    *in_b = found.b;
}

/* x^a y^b / B(a, b) is the density of log odds. */
double elbo_beta_odds_density_value(double a, double b, double odds) {
    if (!(a > 0) || !(b > 0) || isnan(odds)) return NAN;
    if (odds < 0 || isinf(odds)) return 0;
    if (odds == 0) return a < 1 ? INFINITY : a == 1 ? b : 0;
    return exp(log_beta_kernel(a, b, odds / (1 + odds), 1 / (1 + odds)) - log(odds));
}
