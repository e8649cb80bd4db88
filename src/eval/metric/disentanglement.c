#include "eval/metric/disentanglement.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define ELBO_TABLE_STRUCT elbo_disentanglement_options
ELBO_TABLE(elbo_disentanglement_options_table, "Disentanglement", ELBO_DISENTANGLEMENT_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { BETA_VAE = 1, FACTOR_VAE = 2, MIG = 4, DCI = 8, SAP = 16, MODULARITY = 32, ALL = 63 };

static const struct {
    const char *name;
    int bit;
} known[] = {{"beta_vae", BETA_VAE}, {"factor_vae", FACTOR_VAE}, {"mig", MIG}, {"dci", DCI},
             {"sap", SAP},           {"modularity", MODULARITY}, {"all", ALL}};

static elbo_status choose(const char *text, int *chosen, elbo_error *error) {
    *chosen = 0;
    while (*text) {
        size_t length = strcspn(text, ","), k = 0;
        while (k < sizeof known / sizeof *known &&
               (strlen(known[k].name) != length || strncmp(known[k].name, text, length) != 0))
            k++;
        if (k == sizeof known / sizeof *known)
            return elbo_fail(error, ELBO_ERROR_USAGE,
                             "option metrics: unknown '%.*s'; expected some of beta_vae, factor_vae, mig, dci, sap, "
                             "modularity, separated by commas, or all",
                             (int)length, text);
        *chosen |= known[k].bit;
        text += length + (text[length] == ',');
    }
    if (*chosen) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE, "option metrics is empty; expected names, or all");
}

static elbo_status prepare(elbo_disentanglement *out, const elbo_factors *table, elbo_error *error) {
    double *figures[] = {
        &out->beta_vae,         &out->factor_vae,          &out->mig, &out->modularity, &out->dci_disentanglement,
        &out->dci_completeness, &out->dci_informativeness, &out->sap};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) *figures[i] = NAN;
    out->count = table->codes.rows;
    out->codes = table->codes.columns;
    out->factors = table->given;
    out->used = table->used;
    out->active = -1;
    out->train = table->train;
    out->test = table->test;
    size_t bytes = (size_t)(out->codes * out->factors) * sizeof(double);
    out->information = elbo_calloc(bytes);
    out->importance = elbo_calloc(bytes);
    if (!out->information || !out->importance) return elbo_fail_memory(error, bytes, "scores");
    if (table->used < table->given)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "%lld of %lld factors take one value only and were left out.",
                         (long long)(table->given - table->used), (long long)table->given);
    if (table->used < 2)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "With one factor that varies, modularity and dci_disentanglement are not defined, and "
                         "beta_vae and factor_vae are 1 whatever the codes.");
    if (out->codes < 2)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "With one dimension mig, sap and dci_completeness are not defined.");
    return ELBO_OK;
}

static elbo_status measure(const elbo_disentangling *work, int chosen, elbo_error *error) {
    if (chosen & (MIG | MODULARITY))
        ELBO_TRY(elbo_disentangling_information(work, chosen & MIG, chosen & MODULARITY, error));
    if (chosen & BETA_VAE) ELBO_TRY(elbo_disentangling_beta_vae(work, error));
    if (chosen & FACTOR_VAE) ELBO_TRY(elbo_disentangling_factor_vae(work, error));
    if (chosen & SAP) ELBO_TRY(elbo_disentangling_sap(work, error));
    return chosen & DCI ? elbo_disentangling_dci(work, error) : ELBO_OK;
}

elbo_status elbo_score_disentanglement(const elbo_array *codes, const elbo_array *factors,
                                       const elbo_disentanglement_options *options, int threads,
                                       elbo_disentanglement *out, elbo_error *error) {
    elbo_disentanglement_options defaults;
    elbo_factors table;
    int chosen;
    memset(out, 0, sizeof *out);
    ELBO_TRY(elbo_options_init(&elbo_disentanglement_options_table, &defaults, error));
    const elbo_disentanglement_options *used = options ? options : &defaults;
    elbo_status status = choose(used->metrics, &chosen, error);
    if (status == ELBO_OK)
        status =
            elbo_factors_read(&table, codes, factors, used->points, used->test_points, (uint64_t)used->seed, error);
    if (status == ELBO_OK) {
        elbo_disentangling work = {&table, used, threads, out};
        status = prepare(out, &table, error);
        if (status == ELBO_OK) status = measure(&work, chosen, error);
        elbo_factors_clear(&table);
    }
    elbo_options_clear(&elbo_disentanglement_options_table, &defaults);
    if (status != ELBO_OK) elbo_disentanglement_clear(out);
    return status;
}

void elbo_disentanglement_clear(elbo_disentanglement *scores) {
    elbo_free(scores->information);
    elbo_free(scores->importance);
    memset(scores, 0, sizeof *scores);
}
