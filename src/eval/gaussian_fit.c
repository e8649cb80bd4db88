#include "eval/gaussian_fit.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

static int64_t numbers(const elbo_gaussian_fit *fit) { return fit->diagonal ? fit->width : fit->width * fit->width; }

elbo_status elbo_gaussian_fit_new(elbo_gaussian_fit *fit, int64_t groups, int64_t width, bool diagonal,
                                  elbo_error *error) {
    *fit = (elbo_gaussian_fit){.groups = groups, .width = width, .diagonal = diagonal};
    size_t scatter = sizeof *fit->scatter * (size_t)(groups * numbers(fit));
    fit->count = elbo_calloc(sizeof *fit->count * (size_t)groups);
    fit->mean = elbo_calloc(sizeof *fit->mean * (size_t)(groups * width));
    fit->scatter = elbo_calloc(scatter);
    fit->log_norm = elbo_calloc(sizeof *fit->log_norm * (size_t)groups);
    fit->away = elbo_calloc(sizeof *fit->away * (size_t)width);
    if (!fit->count || !fit->mean || !fit->scatter || !fit->log_norm || !fit->away)
        return elbo_fail_memory(error, scatter, "a fit of normal distributions");
    return ELBO_OK;
}

void elbo_gaussian_fit_clear(elbo_gaussian_fit *fit) {
    elbo_free(fit->count);
    elbo_free(fit->mean);
    elbo_free(fit->scatter);
    elbo_free(fit->log_norm);
    elbo_free(fit->away);
    memset(fit, 0, sizeof *fit);
}

void elbo_gaussian_fit_reset(elbo_gaussian_fit *fit) {
    memset(fit->count, 0, sizeof *fit->count * (size_t)fit->groups);
    memset(fit->mean, 0, sizeof *fit->mean * (size_t)(fit->groups * fit->width));
    memset(fit->scatter, 0, sizeof *fit->scatter * (size_t)(fit->groups * numbers(fit)));
}

/* Welford's update: products of deviations from the mean before and the mean after. */
void elbo_gaussian_fit_add(elbo_gaussian_fit *fit, int64_t group, const float *z) {
    int64_t width = fit->width;
    double *mean = fit->mean + group * width, *scatter = fit->scatter + group * numbers(fit);
    double count = (double)++fit->count[group], shrink = (count - 1) / count;
    for (int64_t i = 0; i < width; i++) fit->away[i] = (double)z[i] - mean[i];
    for (int64_t i = 0; i < width; i++) mean[i] += fit->away[i] / count;
    for (int64_t i = 0; i < width; i++) {
        if (fit->diagonal) {
            scatter[i] += shrink * fit->away[i] * fit->away[i];
            continue;
        }
        for (int64_t j = 0; j <= i; j++) scatter[i * width + j] += shrink * fit->away[i] * fit->away[j];
    }
}

bool elbo_gaussian_fit_finish(elbo_gaussian_fit *fit, int64_t group) {
    int64_t width = fit->width;
    double *l = fit->scatter + group * numbers(fit), log_det = 0;
    if (fit->count[group] < 2) return false;
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j <= i; j++) l[i * width + j] /= (double)(fit->count[group] - 1);
    for (int64_t i = 0; i < width; i++) {
        double variance = l[i * width + i];
        for (int64_t j = 0; j <= i; j++) {
            double sum = l[i * width + j];
            for (int64_t k = 0; k < j; k++) sum -= l[i * width + k] * l[j * width + k];
            if (i != j) {
                l[i * width + j] = sum / l[j * width + j];
                continue;
            }
            if (!(sum > 1e-12 * variance)) return false;
            l[i * width + i] = sqrt(sum);
            log_det += log(sum);
        }
    }
    fit->log_norm[group] = -0.5 * (log_det + (double)width * 1.8378770664093454836); /* log 2 pi */
    return isfinite(fit->log_norm[group]);
}

double elbo_gaussian_fit_log_density(const elbo_gaussian_fit *fit, int64_t group, const float *z) {
    int64_t width = fit->width;
    const double *l = fit->scatter + group * width * width, *mean = fit->mean + group * width;
    double *y = fit->away, square = 0;
    for (int64_t i = 0; i < width; i++) {
        double sum = (double)z[i] - mean[i];
        for (int64_t k = 0; k < i; k++) sum -= l[i * width + k] * y[k];
        y[i] = sum / l[i * width + i];
        square += y[i] * y[i];
    }
    return fit->log_norm[group] - square / 2;
}
