/* The M-step of mean-field variational Bayes: q(theta) is the conjugate distribution for the responsibilities (Bishop
 * 2006, 10.2; for diagonal covariances the Wishart becomes a product of Gamma distributions). */
#include <math.h>
#include <string.h>

#include "base/special.h"
#include "infer/fit/factor.h"
#include "infer/fit/mixture.h"

static const double log_two = 0.69314718055994530942, log_pi = 1.1447298858494001741;

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* The covariance is E[precision]^-1 = scatter / degrees, so log of the posterior's inverse scale is log_det + D log
 * degrees; E[log |precision|] is Bishop's (10.65), or the sum of E[log] of Gamma variates. */
static double expected_log_precision(const elbo_mixture *mixture, int64_t k, double log_det) {
    double degrees = mixture->degrees[k], dims = (double)mixture->dims, sum = -log_det;
    if (mixture->kind != ELBO_COVARIANCE_FULL) return sum + dims * (elbo_digamma_value(degrees / 2) - log(degrees / 2));
    for (int64_t i = 0; i < mixture->dims; i++) sum += elbo_digamma_value((degrees - (double)i) / 2) - log(degrees / 2);
    return sum;
}

void elbo_mixture_offset_posterior(elbo_mixture *mixture, int64_t k, double log_det) {
    double total = 0, dims = (double)mixture->dims;
    for (int64_t c = 0; c < mixture->components; c++) total += mixture->concentrations[c];
    mixture->offset[k] =
        elbo_digamma_value(mixture->concentrations[k]) - elbo_digamma_value(total) +
        0.5 * (expected_log_precision(mixture, k, log_det) - dims * (log_two + log_pi) - dims / mixture->strengths[k]);
}

/* ---- The update ---- */

/* The scatter about the mean of the component's rows, plus the prior's, plus what lies between that mean and the
 * prior's, which is the origin; divided by the degrees. */
static void covariance_full(elbo_mixture *mixture, const double *second, int64_t k, const double *mean,
                            double between) {
    int64_t dims = mixture->dims;
    double *out = mixture->covariances + k * dims * dims;
    for (int64_t i = 0; i < dims; i++)
        for (int64_t j = 0; j < dims; j++) {
            double own = i == j ? mixture->prior.scatter[i] : 0;
            out[i * dims + j] = (own + second[i * dims + j] + between * mean[i] * mean[j]) / mixture->degrees[k];
        }
}

static void covariance_diagonal(elbo_mixture *mixture, const double *second, int64_t k, const double *mean,
                                double between) {
    int64_t dims = mixture->dims;
    double sum = mixture->prior.scatter[0];
    for (int64_t d = 0; d < dims; d++) {
        double scatter = second[d] + between * mean[d] * mean[d];
        sum += scatter;
        if (mixture->kind == ELBO_COVARIANCE_DIAGONAL)
            mixture->covariances[k * dims + d] = (mixture->prior.scatter[d] + scatter) / mixture->degrees[k];
    }
    if (mixture->kind == ELBO_COVARIANCE_SPHERICAL) mixture->covariances[k] = sum / mixture->degrees[k];
}

/* q of component k; the moments move to the rows' own mean and then to the posterior's. */
static void update(elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t k, double *row_mean) {
    const elbo_mixture_prior *prior = &mixture->prior;
    int64_t dims = mixture->dims, count = mixture->kind == ELBO_COVARIANCE_FULL ? dims * dims : dims;
    double weight = moments->weight[k], *mean = mixture->means + k * dims, *shift = moments->shift;
    double per_row = mixture->kind == ELBO_COVARIANCE_SPHERICAL ? (double)dims : 1;
    mixture->concentrations[k] = prior->concentration + weight;
    mixture->strengths[k] = prior->strength + weight;
    mixture->degrees[k] = prior->degrees + per_row * weight;
    for (int64_t d = 0; d < dims; d++) shift[d] = weight > 0 ? moments->first[k * dims + d] / weight : 0;
    for (int64_t d = 0; d < dims; d++) row_mean[d] = mean[d] + shift[d];
    elbo_mixture_recentre(mixture, moments, k, shift);
    double between = prior->strength * weight / (prior->strength + weight);
    if (mixture->kind == ELBO_COVARIANCE_FULL)
        covariance_full(mixture, moments->second + k * count, k, row_mean, between);
    else
        covariance_diagonal(mixture, moments->second + k * count, k, row_mean, between);
    for (int64_t d = 0; d < dims; d++) {
        mean[d] = weight / (prior->strength + weight) * row_mean[d];
        shift[d] = mean[d] - row_mean[d];
    }
    elbo_mixture_recentre(mixture, moments, k, shift);
}

elbo_status elbo_mixture_update_posterior(elbo_mixture *mixture, elbo_mixture_moments *moments, elbo_mixture_work *work,
                                          elbo_error *error) {
    double total = 0, log_det = 0;
    for (int64_t k = 0; k < mixture->components; k++) {
        update(mixture, moments, k, work->vector);
        total += mixture->concentrations[k];
    }
    for (int64_t k = 0; k < mixture->components; k++) {
        mixture->weights[k] = mixture->concentrations[k] / total;
        ELBO_TRY(elbo_mixture_factor(mixture, k, work->matrix, &log_det, error));
        elbo_mixture_offset_posterior(mixture, k, log_det);
    }
    return ELBO_OK;
}

/* ---- The divergence from the prior ---- */

/* E of log q(weights) - log p(weights), two Dirichlet distributions. */
static double divergence_weights(const elbo_mixture *mixture) {
    double total = 0, own = mixture->prior.concentration, count = (double)mixture->components, sum = 0;
    for (int64_t k = 0; k < mixture->components; k++) total += mixture->concentrations[k];
    for (int64_t k = 0; k < mixture->components; k++) {
        double a = mixture->concentrations[k];
        sum += log_gamma(own) - log_gamma(a) + (a - own) * (elbo_digamma_value(a) - elbo_digamma_value(total));
    }
    return sum + log_gamma(total) - log_gamma(count * own);
}

/* Gamma(a, b) from Gamma(a0, b0), by shape and rate. */
static double divergence_gamma(double a, double b, double a0, double b0) {
    return (a - a0) * elbo_digamma_value(a) - log_gamma(a) + log_gamma(a0) + a0 * log(b / b0) + a * (b0 - b) / b;
}

static double divergence_precision_diagonal(const elbo_mixture *mixture, int64_t k) {
    bool one = mixture->kind == ELBO_COVARIANCE_SPHERICAL;
    int64_t count = one ? 1 : mixture->dims;
    double degrees = mixture->degrees[k], own = mixture->prior.degrees, sum = 0;
    for (int64_t d = 0; d < count; d++)
        sum += divergence_gamma(degrees / 2, degrees * mixture->covariances[k * count + d] / 2, own / 2,
                                mixture->prior.scatter[d] / 2);
    return sum;
}

/* Two Wishart distributions with inverse scales S = degrees * covariance and S0, by Bishop's (B.79) and (B.82). */
static double divergence_precision_full(const elbo_mixture *mixture, int64_t k, double log_det) {
    int64_t dims = mixture->dims;
    double degrees = mixture->degrees[k], own = mixture->prior.degrees, size = (double)dims, trace = 0, log_own = 0;
    double sum = 0;
    for (int64_t d = 0; d < dims; d++) {
        /* Column d of A is A e_d, so |A e_d|^2 is the diagonal element of E[precision]. */
        double square = 0;
        for (int64_t i = d; i < dims; i++) {
            double a = mixture->whitening[(k * dims + i) * dims + d];
            square += a * a;
        }
        trace += mixture->prior.scatter[d] * square;
        log_own += log(mixture->prior.scatter[d]);
        sum += log_gamma((own - (double)d) / 2) - log_gamma((degrees - (double)d) / 2);
    }
    double log_scatter = log_det + size * log(degrees);
    sum += 0.5 * degrees * (log_scatter - size * log_two) - 0.5 * own * (log_own - size * log_two);
    sum += 0.5 * (degrees - own) * expected_log_precision(mixture, k, log_det);
    return sum + 0.5 * (trace - degrees * size);
}

/* E over the precision of KL(N(m, (strength precision)^-1) || N(0, (own precision)^-1)). */
static double divergence_mean(const elbo_mixture *mixture, int64_t k) {
    int64_t dims = mixture->dims;
    const double *mean = mixture->means + k * dims;
    double ratio = mixture->prior.strength / mixture->strengths[k], quadratic = 0;
    for (int64_t i = 0; i < dims; i++) {
        if (mixture->kind != ELBO_COVARIANCE_FULL) {
            quadratic += mixture->precision[k * dims + i] * mean[i] * mean[i];
            continue;
        }
        double y = 0;
        for (int64_t j = 0; j <= i; j++) y += mixture->whitening[(k * dims + i) * dims + j] * mean[j];
        quadratic += y * y;
    }
    return 0.5 * ((double)dims * (ratio - 1 - log(ratio)) + mixture->prior.strength * quadratic);
}

double elbo_mixture_divergence(const elbo_mixture *mixture) {
    if (!mixture->conjugate) return 0;
    double sum = divergence_weights(mixture);
    for (int64_t k = 0; k < mixture->components; k++) {
        sum += divergence_mean(mixture, k);
        if (mixture->kind != ELBO_COVARIANCE_FULL) {
            sum += divergence_precision_diagonal(mixture, k);
            continue;
        }
        double log_det = 0;
        for (int64_t d = 0; d < mixture->dims; d++)
            log_det -= 2 * log(mixture->whitening[(k * mixture->dims + d) * mixture->dims + d]);
        sum += divergence_precision_full(mixture, k, log_det);
    }
    return sum;
}
