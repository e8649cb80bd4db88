#include "support/normal.h"

#include <math.h>

#define SQRT_HALF   0.70710678118654752440
#define SQRT_TWO_PI 2.50662827463100050242

/* Newton's method on log Phi(x) = log p, for p <= 1/2.  log Phi is concave and rising, and Phi(x) <= exp(-x^2 / 2) / 2
 * for x <= 0 puts the start to the left of the root: every step goes right and none goes past it. */
static double lower_quantile(double p) {
    double target = log(fmax(p, 1e-300)), x = -sqrt(-2 * target);
    for (int step = 0; step < 64; step++) {
        double below = 0.5 * erfc(-x * SQRT_HALF), density = exp(-0.5 * x * x) / SQRT_TWO_PI;
        double change = (target - log(below)) * below / density;
        x += change;
        if (fabs(change) <= 1e-15 * fabs(x) + 1e-300) break;
    }
    return x;
}

double elbo_cli_normal_quantile(double p) {
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    /* Nearer to 1/2 the upper half loses nothing: 1 - p is exact there. */
    return p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
}
