/* The distributions of one number with what the tests need to know of each. Settings: an ordinary one with enough
 * moments first, then tiny and huge scales and shapes below 1. */
#ifndef ELBO_TESTS_DIST_TABLE_H
#define ELBO_TESTS_DIST_TABLE_H

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

#include "dist_support.h"

enum { SETTINGS = 4 };

typedef struct row {
    const char *name;
    bool heavy;  /* no first or second moment, at any setting */
    int classes; /* the size of letter K */
    setting at[SETTINGS];
    int settings;
    double (*pdf)(const double (*p)[WIDTH], double x); /* by GSL */
    double (*cdf)(const double (*p)[WIDTH], double x); /* by GSL */
} row;

#define GSL(name, expression) \
    static double name(const double(*p)[WIDTH], double x) { return expression; }
#define A p[0][0]
#define B p[1][0]
#define C p[2][0]
GSL(pdf_normal, gsl_ran_gaussian_pdf(x - A, exp(B)))
GSL(pdf_exponential, gsl_ran_exponential_pdf(x, 1 / A))
GSL(pdf_cauchy, gsl_ran_cauchy_pdf(x - A, B))
GSL(pdf_logistic, gsl_ran_logistic_pdf(x - A, B))
GSL(pdf_rayleigh, gsl_ran_rayleigh_pdf(x, A))
GSL(pdf_pareto, gsl_ran_pareto_pdf(x, B, A))
GSL(pdf_weibull, gsl_ran_weibull_pdf(x, A, B))
GSL(pdf_gumbel, gsl_ran_gumbel1_pdf((x - A) / B, 1, 1) / B)
GSL(pdf_laplace, gsl_ran_laplace_pdf(x - A, B))
GSL(pdf_student_t, gsl_ran_tdist_pdf((x - B) / C, A) / C)
GSL(cdf_student_t, gsl_cdf_tdist_P((x - B) / C, A))
GSL(pdf_uniform, gsl_ran_flat_pdf(x, A, B))
GSL(pdf_vector_normal, gsl_ran_gaussian_pdf(x - A, B))
GSL(cdf_vector_normal, gsl_cdf_gaussian_P(x - A, B))
GSL(pdf_vector_laplace, gsl_ran_laplace_pdf(x - A, B / M_SQRT2))
GSL(cdf_vector_laplace, gsl_cdf_laplace_P(x - A, B / M_SQRT2))
GSL(pdf_log_normal, gsl_ran_lognormal_pdf(x, A, B))
GSL(pdf_beta, gsl_ran_beta_pdf(x, A, B))
GSL(cdf_beta, gsl_cdf_beta_P(x, A, B))
GSL(pdf_f, gsl_ran_fdist_pdf(x, A, B))
GSL(cdf_f, gsl_cdf_fdist_P(x, A, B))
GSL(pdf_gamma, gsl_ran_gamma_pdf(x, A, 1 / B))
GSL(cdf_gamma, gsl_cdf_gamma_P(x, A, 1 / B))
GSL(pdf_chi_squared, gsl_ran_chisq_pdf(x, A))
GSL(cdf_chi_squared, gsl_cdf_chisq_P(x, A))
GSL(pdf_erlang, gsl_ran_gamma_pdf(x, A, 1 / B))

static double pdf_mixture(const double (*p)[WIDTH], double x) {
    double sum = 0, mass = 0;
    for (int k = 0; k < 3; k++) {
        sum += exp(p[0][k]) * gsl_ran_gaussian_pdf(x - p[1][k], p[2][k]);
        mass += exp(p[0][k]);
    }
    return sum / mass;
}
static double cdf_mixture(const double (*p)[WIDTH], double x) {
    double sum = 0, mass = 0;
    for (int k = 0; k < 3; k++) {
        sum += exp(p[0][k]) * gsl_cdf_gaussian_P(x - p[1][k], p[2][k]);
        mass += exp(p[0][k]);
    }
    return sum / mass;
}

#define AT(...)         \
    {                   \
        { __VA_ARGS__ } \
    }
static const row rows[] = {
    {"normal", .settings = 3, .at = {AT({0.5}, {-0.3}), AT({-2e5}, {8}), AT({1e-6}, {-15})}, .pdf = pdf_normal},
    {"exponential", .settings = 3, .at = {AT({1.5}), AT({1e6}), AT({1e-6})}, .pdf = pdf_exponential},
    {"cauchy", true, .settings = 3, .at = {AT({0.5}, {2}), AT({3}, {1e-5}), AT({-10}, {1e6})}, .pdf = pdf_cauchy},
    {"logistic", .settings = 3, .at = {AT({0.5}, {2}), AT({3}, {1e-5}), AT({-10}, {1e6})}, .pdf = pdf_logistic},
    {"rayleigh", .settings = 3, .at = {AT({1.5}), AT({1e-6}), AT({1e6})}, .pdf = pdf_rayleigh},
    {"pareto", .settings = 4, .at = {AT({1.5}, {7}), AT({1}, {9}), AT({1e-6}, {2.5}), AT({1e6}, {0.7})},
     .pdf = pdf_pareto},
    {"weibull", .settings = 4, .at = {AT({1.5}, {1.8}), AT({2}, {1.5}), AT({1e-6}, {0.6}), AT({1e6}, {40})},
     .pdf = pdf_weibull},
    {"reciprocal", .settings = 3, .at = {AT({1}, {3}), AT({0.5}, {4}), AT({1e-6}, {1e3})}},
    {"gompertz", .settings = 4, .at = {AT({0.7}, {1.5}), AT({2}, {1}), AT({1e-4}, {1e6}), AT({30}, {1e-6})}},
    {"gumbel", .settings = 4, .at = {AT({0.5}, {2}), AT({1}, {1.5}), AT({-10}, {1e6}), AT({3}, {1e-5})},
     .pdf = pdf_gumbel},
    {"gamma", .settings = 4, .at = {AT({1.7}, {1.5}), AT({4}, {2}), AT({300}, {1e-6}), AT({0.3}, {1e6})},
     .pdf = pdf_gamma, .cdf = cdf_gamma},
    {"chi_squared", .settings = 4, .at = {AT({3}), AT({5}), AT({1e5}), AT({0.7})}, .pdf = pdf_chi_squared,
     .cdf = cdf_chi_squared},
    {"laplace", .settings = 3, .at = {AT({0.5}, {2}), AT({3}, {1e-3}), AT({-10}, {1e6})}, .pdf = pdf_laplace},
    {"student_t", .settings = 4,
     .at = {AT({7}, {0.5}, {2}), AT({2.5}, {3}, {1e-3}), AT({1e6}, {-10}, {1e6}), AT({0.8}, {1}, {1})},
     .pdf = pdf_student_t, .cdf = cdf_student_t},
    {"uniform", .settings = 4, .at = {AT({-1}, {3}), AT({-2}, {4}), AT({1}, {1.001}), AT({-1e6}, {1e6})},
     .pdf = pdf_uniform},
    {"triangular", .settings = 4,
     .at = {AT({-1}, {3}, {0.3}), AT({-2}, {4}, {0.5}), AT({1}, {1.001}, {0.01}), AT({-1e6}, {1e6}, {0.9})}},
    {"multivariate_normal", .settings = 3, .at = {AT({0.5}, {2}), AT({3}, {1e-3}), AT({-10}, {1e6})},
     .pdf = pdf_vector_normal, .cdf = cdf_vector_normal},
    {"multivariate_t", .settings = 4,
     .at = {AT({7}, {0.5}, {2}), AT({2.5}, {3}, {1e-3}), AT({1e6}, {-10}, {1e6}), AT({0.8}, {1}, {1})},
     .pdf = pdf_student_t, .cdf = cdf_student_t},
    {"multivariate_laplace", .settings = 3, .at = {AT({0.5}, {2}), AT({3}, {1e-3}), AT({-10}, {1e6})},
     .pdf = pdf_vector_laplace, .cdf = cdf_vector_laplace},
    {"log_normal", .settings = 3, .at = {AT({0.5}, {0.4}), AT({-12}, {1.5}), AT({12}, {1e-3})}, .pdf = pdf_log_normal},
    {"beta", .settings = 4, .at = {AT({2.5}, {1.5}), AT({0.6}, {0.5}), AT({1e5}, {2e5}), AT({0.4}, {30})},
     .pdf = pdf_beta, .cdf = cdf_beta},
    {"f", .settings = 4, .at = {AT({5}, {12}), AT({0.8}, {3}), AT({1e4}, {1e4}), AT({3}, {0.7})}, .pdf = pdf_f,
     .cdf = cdf_f},
    {"continuous_bernoulli", .settings = 4, .at = {AT({1.5}), AT({-0.2}), AT({3e-4}), AT({-60})}},
    {"relaxed_bernoulli", .settings = 4, .at = {AT({0.7}, {1}), AT({2}, {-1.5}), AT({0.3}, {0.5}), AT({10}, {-8})}},
    {"normal_mixture", .classes = 3, .settings = 3,
     .at = {AT({0.5, -0.2, 1}, {-2, 0.5, 3}, {0.7, 0.4, 1.5}), AT({1, 0, 0}, {-2e5, 0, 1e5}, {3e4, 8e4, 2e4}),
            AT({-1, 2, 0.5}, {1e-6, -2e-6, 0}, {1e-6, 3e-7, 2e-6})},
     .pdf = pdf_mixture, .cdf = cdf_mixture},
    {"multivariate_normal_mixture", .classes = 3, .settings = 3,
     .at = {AT({0.5, -0.2, 1}, {-2, 0.5, 3}, {0.7, 0.4, 1.5}), AT({1, 0, 0}, {-2e5, 0, 1e5}, {3e4, 8e4, 2e4}),
            AT({-1, 2, 0.5}, {1e-6, -2e-6, 0}, {1e-6, 3e-7, 2e-6})},
     .pdf = pdf_mixture, .cdf = cdf_mixture},
    {"erlang", .settings = 4, .at = {AT({3}, {1.5}), AT({1}, {2}), AT({40}, {1e-6}), AT({2}, {1e6})}, .pdf = pdf_erlang,
     .cdf = cdf_gamma},
};
#undef A
#undef B
#undef C

static inline const row *row_of(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

#endif
