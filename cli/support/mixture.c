#include "support/mixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH = 4096, MOST_COMPONENTS = 65536 };

/* Of EM, nats per datum: what comes after it shows in no sample, and may take many iterations. */
static const double tolerance = 1e-3;

bool elbo_cli_mixture_is_new(const char *mixture) {
    return *mixture && strspn(mixture, "0123456789") == strlen(mixture);
}

void elbo_cli_fit_path(const char *path, char *out, size_t size) {
    struct stat what;
    bool folder = stat(path, &what) == 0 && S_ISDIR(what.st_mode);
    snprintf(out, size, "%s%s", path, folder ? "/model.safetensors" : "");
}

static elbo_fit *fit_new(elbo_cli_run *run, const char *mixture, uint64_t seed, elbo_error *error) {
    elbo_fit_options options;
    int64_t components = strtoll(mixture, NULL, 10);
    if (components < 1 || components > MOST_COMPONENTS) {
        elbo_cli_fail(error, ELBO_ERROR_USAGE, "--mixture %s: 1 to %d components were expected", mixture,
                      MOST_COMPONENTS);
        return NULL;
    }
    if (elbo_options_init(&elbo_fit_options_table, &options, error) != ELBO_OK) return NULL;
    options.components = components;
    options.seed = (int64_t)seed;
    options.tolerance = tolerance;
    elbo_fit *fit = NULL;
    if (elbo_options_set(&elbo_fit_options_table, &options, "covariance", "full", error) == ELBO_OK)
        fit = elbo_model_fit_codes(run->model, run->dataset, ELBO_SPLIT_TRAIN, &options,
                                   (int)run->context->common->threads, error);
    elbo_options_clear(&elbo_fit_options_table, &options);
    return fit;
}

static elbo_fit *fit_loaded(elbo_cli_run *run, const char *mixture, elbo_error *error) {
    char path[PATH];
    elbo_cli_fit_path(mixture, path, sizeof path);
    elbo_fit *fit = elbo_fit_load(path, (int)run->context->common->threads, error);
    if (!fit) return NULL;
    int64_t size = elbo_fit_get_info(fit)->item_size;
    if (size == run->info->latent) return fit;
    elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s is a fit of rows of %lld numbers; the model's codes have %lld", mixture,
                  (long long)size, (long long)run->info->latent);
    elbo_fit_free(fit);
    return NULL;
}

/* Items of a fit may have a shape of their own; codes are rows. */
static void flatten(elbo_array *codes, int64_t latent) {
    codes->rank = 2;
    codes->shape[1] = latent;
}

elbo_status elbo_cli_mixture_codes(elbo_cli_run *run, const char *mixture, int64_t count, uint64_t seed,
                                   elbo_array *codes, elbo_error *error) {
    elbo_fit *fit =
        elbo_cli_mixture_is_new(mixture) ? fit_new(run, mixture, seed, error) : fit_loaded(run, mixture, error);
    if (!fit) return error->status;
    elbo_status status = elbo_fit_sample(fit, count, seed, codes, error);
    if (status == ELBO_OK) flatten(codes, run->info->latent);
    elbo_fit_free(fit);
    return status;
}
