/* The distribution functions of the gamma and beta families: regularised incomplete gamma and beta functions, with
 * their derivatives, in double precision. */
#ifndef ELBO_BASE_INCOMPLETE_H
#define ELBO_BASE_INCOMPLETE_H

/* P(a, w), the distribution function of Gamma(a, 1) at w: 0 for w <= 0. */
double elbo_gamma_cdf_value(double a, double w);
/* Its derivatives in w, which is the density w^(a - 1) e^-w / Gamma(a), and in a. */
double elbo_gamma_density_value(double a, double w);
double elbo_gamma_cdf_shape_slope_value(double a, double w);

/* I_x(a, b) at x = odds / (1 + odds), the distribution function of x / (1 - x) with x ~ Beta(a, b): by the odds, so
 * that nothing is lost where x is near 1. 0 for odds <= 0. */
double elbo_beta_cdf_value(double a, double b, double odds);
/* Its derivatives: in the odds, which is their density, and in a and b. */
double elbo_beta_odds_density_value(double a, double b, double odds);
void elbo_beta_cdf_shape_slope_values(double a, double b, double odds, double *in_a, double *in_b);

#endif
