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
        double size = fabs(y), wrong = erfc(size) - (1 - fabs(x));
        double move = wrong * 0.88622692545275801365 * exp(size * size);
        y = copysign(size + move / (1 + size * move), x); /* Halley */
    }
    return y;
}

double elbo_normal_icdf(double p) { return 1.41421356237309504880 * elbo_erfinv_value(2 * p - 1); }
