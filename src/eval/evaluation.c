#include "eval/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

/* Fewer data say little about how much a posterior mean varies. */
enum { ENOUGH_DATA = 30 };

void elbo_evaluation_clear(elbo_evaluation *evaluation) {
    if (!evaluation) return;
    elbo_free(evaluation->kl_per_dim);
    elbo_free(evaluation->mean_variance);
    memset(evaluation, 0, sizeof *evaluation);
}

/* Of codes in levels: those that no unit is left of. */
static void warn_of_levels(const elbo_evaluation *e, char *text, size_t size) {
    char dead[128] = "";
    for (int i = 0, used = 0; i < e->layers.count; i++)
        if (e->layer_active.value[i] == 0)
            used += snprintf(dead + used, sizeof dead - (size_t)used, "%s%d", used ? ", " : "", i + 1);
    if (e->count >= ENOUGH_DATA && *dead)
        snprintf(text, size,
                 "no unit is active in level %s (counted from the data up): these levels say nothing about a datum; "
                 "train with --batch-norm and --kl-warmup, or with fewer levels in --latents and --widths",
                 dead);
    else if (e->kl < 1)
        snprintf(text, size,
                 "posterior collapse: the code carries %.2g nats about a datum, so the decoder hardly uses it; train "
                 "with --batch-norm and --kl-warmup",
                 e->kl);
}

/* Below a nat, or without an active unit, the code says next to nothing about the datum. Unused units beside used ones
 * are a matter of size: said only when they are the majority. */
static void warn_of_collapse(const elbo_evaluation *e, char *text, size_t size) {
    long long active = e->active_units, latent = e->latent;
    bool enough = e->count >= ENOUGH_DATA;
    if (e->kl == 0 && e->latent == 1) return; /* exactly: a model without a code (cvae --baseline) */
    if (e->layers.count > 1) {
        warn_of_levels(e, text, size);
        return;
    }
    if (e->kl < 1 || (enough && active == 0))
        snprintf(text, size,
                 "posterior collapse: the code carries %.2g nats about a datum, with %lld of %lld units active, so the "
                 "decoder hardly uses it; train with --kl-warmup 10 or --free-bits 0.1, or with a smaller --latent",
                 e->kl, active, latent);
    else if (enough && 2 * active < latent)
        snprintf(
            text, size,
            "%lld of %lld units are active and share %.1f nats; the others carry nothing, which is usual for a code "
            "that is larger than the data need: --latent %lld would do as well, --kl-warmup 10 or --free-bits 0.1 "
            "may bring more units to life",
            active, latent, e->kl, active);
}

void elbo_evaluation_warn(elbo_evaluation *evaluation, const char *about_data) {
    char *text = evaluation->warning;
    size_t size = sizeof evaluation->warning;
    if (!isnan(evaluation->kl)) warn_of_collapse(evaluation, text, size);
    elbo_evaluation_add_warning(evaluation, about_data);
}

void elbo_evaluation_add_warning(elbo_evaluation *evaluation, const char *text) {
    size_t used = strlen(evaluation->warning);
    if (*text) snprintf(evaluation->warning + used, sizeof evaluation->warning - used, "%s%s", used ? "; " : "", text);
}

static elbo_split split_of(const char *name) {
    static const char *const names[] = {"train", "valid", "test", "all"};
    int split = 0;
    while (split < 3 && strcmp(names[split], name) != 0) split++;
    return (elbo_split)split;
}

elbo_status elbo_evaluation_rows(const elbo_instance *instance, const elbo_dataset *dataset,
                                 const elbo_evaluation_options *options, elbo_split *split, int64_t *count,
                                 elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    ELBO_TRY(elbo_instance_fits(instance, info, error));
    *split = split_of(options->split);
    int64_t rows = info->count[*split];
    if (rows < 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no rows in its %s split", info->source, options->split);
    *count = options->count > 0 && options->count < rows ? options->count : rows;
    if (*count > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%lld rows; at most 2^32 - 1 can be evaluated at once",
                         (long long)*count);
    return ELBO_OK;
}

double elbo_standard_error(double square, int64_t count) {
    return count > 1 ? sqrt(square / (double)(count - 1) / (double)count) : NAN;
}

double elbo_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
