/* Special functions that the C library lacks, in double precision. */
#ifndef ELBO_BASE_SPECIAL_H
#define ELBO_BASE_SPECIAL_H

/* psi(x) = d/dx log Gamma(x): recurrence up to x >= 10, then the asymptotic series; reflection for x <= 0. */
double elbo_digamma_value(double x);
/* psi'(x) for x > 0 and, by reflection, elsewhere. */
double elbo_trigamma_value(double x);
/* erf^-1 on (-1,1): a closed-form start polished by four Halley steps. */
double elbo_erfinv_value(double x);
/* The standard normal's distribution function and its inverse. */
double elbo_normal_cdf(double x);
double elbo_normal_icdf(double p);
/* How y = log z, z ~ Gamma(a, 1), moves with a at a fixed value of its distribution function: -(dF/da) / (dF/dy). */
double elbo_log_gamma_slope_value(double a, double y);

#endif
