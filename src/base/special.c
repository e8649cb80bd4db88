#include "base/special.h"

#include <math.h>

static const double pi = 3.141592653589793238463;

double elbo_digamma_value(double x) {
    if (x <= 0) {
        if (x == floor(x)) return NAN;
        return elbo_digamma_value(1 - x) - pi / tan(pi * x);
    }
    double sum = 0;
    for (; x < 10; x++) sum -= 1 / x;
    double r = 1 / (x * x); /* Bernoulli numbers over 2k: Abramowitz and Stegun 6.3.18 */
    double tail = r * (1. / 12 - r * (1. / 120 - r * (1. / 252 - r * (1. / 240 - r * (1. / 132 - r * 691. / 32760)))));
    return sum + log(x) - 0.5 / x - tail;
}

double elbo_trigamma_value(double x) {
    if (x <= 0) {
        if (x == floor(x)) return NAN;
        double sine = sin(pi * x);
        return pi * pi / (sine * sine) - elbo_trigamma_value(1 - x);
    }
    double sum = 0;
    for (; x < 12; x++) sum += 1 / (x * x);
    double r = 1 / (x * x); /* Abramowitz and Stegun 6.4.12 */
    double tail = 1. / 6 - r * (1. / 30 - r * (1. / 42 - r * (1. / 30 - r * (5. / 66 - r * 691. / 2730))));
    return sum + 1 / x + 0.5 * r + r / x * tail;
}

double elbo_normal_cdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

double elbo_erfinv_value(double x) {
    if (!(x > -1 && x < 1)) return x == 1 ? INFINITY : x == -1 ? -INFINITY : NAN;
    /* Winitzki's closed-form start, good to 2e-3, then Newton steps on erfc where erf would cancel. */
    double a = 0.147, l = log1p(-x * x), b = 2 / (pi * a) + l / 2;
    double y = copysign(sqrt(sqrt(b * b - l / a) - b), x);
    for (int step = 0; step < 4; step++) {
        double size = fabs(y), wrong = fabs(x) < 0.5 ? fabs(x) - erf(size) : erfc(size) - (1 - fabs(x));
        double move = wrong * 0.88622692545275801365 * exp(size * size);
        y = copysign(size + move / (1 + size * move), x); /* Halley */
    }
    return y;
}

double elbo_normal_icdf(double p) { return 1.41421356237309504880 * elbo_erfinv_value(2 * p - 1); }

/* F(a, z) = z^a e^-z / Gamma(a + 1) S with S = sum of z^n / ((a+1)...(a+n)); terms and their derivatives in a. */
static double slope_by_series(double a, double y) {
    double z = exp(y), term = 1, sum = 1, inverse = 0, moved = 0;
    for (double n = 1; n < 1e5; n++) {
        term *= z / (a + n);
        inverse += 1 / (a + n);
        sum += term;
        moved -= term * inverse;
        if (term * inverse < 1e-17 * -moved && term < 1e-17 * sum) break;
    }
    return -(sum * (y - elbo_digamma_value(a + 1)) + moved) / a;
}

/* 1 - F(a, z) = z^a e^-z / Gamma(a) h with the continued fraction h = 1/(z+1-a - 1(1-a)/(z+3-a - ...)), by Lentz's
 * method (Press et al., Numerical Recipes, section 6.2), carried together with its derivative in a. */
static double slope_by_fraction(double a, double y) {
    double z = exp(y), b = z + 1 - a, db = -1, c = 1e300, dc = 0, d = 1 / b, dd = -d * d * db, h = d, dh = dd;
    for (double n = 1; n < 1e5; n++) {
        double an = -n * (n - a), dan = n, old_c = c;
        b += 2;
        dd = -(dan * d + an * dd + db);
        d = 1 / (an * d + b);
        dd *= d * d;
        c = b + an / old_c;
        dc = db + dan / old_c - an / old_c * (dc / old_c);
        double ratio = c * d, moved = dc * d + c * dd;
        dh = dh * ratio + h * moved;
        h *= ratio;
        if (fabs(ratio - 1) < 1e-16 && fabs(moved) < 1e-16 * fabs(dh / h)) break;
    }
    return h * (y - elbo_digamma_value(a)) + dh;
}

/* Wilson and Hilferty's cube: z = a (1 - 1/(9a) + e / (3 sqrt a))^3 with e standard normal. */
static double slope_by_cube(double a, double y) {
    double root = exp((y - log(a)) / 3), away = root - 1 + 1 / (9 * a);
    return 1 / a + 3 * (1 / (9 * a * a) - 0.5 * away / a) / root;
}

double elbo_log_gamma_slope_value(double a, double y) {
    if (!(a > 0) || isnan(y)) return NAN;
    if (a > 1e5) return slope_by_cube(a, y);
    return y <= log(a + 1) ? slope_by_series(a, y) : slope_by_fraction(a, y);
}
