#include "eval/likelihood_options.h"

#include <stdio.h>
#include <string.h>

#define ELBO_TABLE_STRUCT elbo_likelihood_options
ELBO_TABLE(elbo_likelihood_options_table, "Likelihood", ELBO_LIKELIHOOD_OPTIONS);
#undef ELBO_TABLE_STRUCT

static const char *const names[ELBO_METHOD_COUNT] = {"prior", "is", "hmc", "ais"};

const char *elbo_method_name(elbo_method method) { return names[method]; }

static elbo_status add_method(elbo_methods *methods, const char *word, int length, elbo_error *error) {
    for (int m = 0; m < ELBO_METHOD_COUNT; m++) {
        if ((int)strlen(names[m]) != length || strncmp(names[m], word, (size_t)length) != 0) continue;
        for (size_t i = 0; i < methods->count; i++)
            if ((int)methods->method[i] == m)
                return elbo_fail(error, ELBO_ERROR_USAGE, "option nll: %s is there twice", names[m]);
        methods->method[methods->count++] = (elbo_method)m;
        return ELBO_OK;
    }
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "option nll: no method is called '%.*s'; prior, is, hmc or ais was expected, or several of them "
                     "separated by commas",
                     length, word);
}

static elbo_status read_list(elbo_methods *methods, const char *list, elbo_error *error) {
    for (const char *word = list;; word++) {
        size_t length = strcspn(word, ",");
        ELBO_TRY(add_method(methods, word, (int)length, error));
        word += length;
        if (!*word) return ELBO_OK;
    }
}

static unsigned chosen(const elbo_methods *methods) {
    unsigned mask = 0;
    for (size_t i = 0; i < methods->count; i++) mask |= 1u << methods->method[i];
    return mask;
}

/* An option that none of the chosen methods has. */
static elbo_status refuse_idle(unsigned mask, const elbo_evaluation_options *evaluation,
                               const elbo_likelihood_options *options, elbo_error *error) {
    enum {
        PRIOR = 1 << ELBO_METHOD_PRIOR,
        IS = 1 << ELBO_METHOD_IS,
        HMC = 1 << ELBO_METHOD_HMC,
        AIS = 1 << ELBO_METHOD_AIS
    };
    const struct {
        const char *name, *methods;
        unsigned mask;
        bool given;
    } rows[] = {{"samples", "prior, is and hmc", PRIOR | IS | HMC, evaluation->samples != 0},
                {"chains", "hmc and ais", HMC | AIS, options->chains != 0},
                {"leapfrog", "hmc and ais", HMC | AIS, options->leapfrog != 0},
                {"acceptance", "hmc and ais", HMC | AIS, options->acceptance != 0},
                {"burn-in", "hmc and ais", HMC | AIS, options->burn_in != 0},
                {"temperatures", "ais", AIS, options->temperatures != 0},
                {"schedule", "ais", AIS, strcmp(options->schedule, "auto") != 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].given && !(mask & rows[i].mask))
            return elbo_fail(error, ELBO_ERROR_USAGE, "option %s is one of %s, which --nll %s does not name",
                             rows[i].name, rows[i].methods, options->nll);
    if (options->chains == 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "option chains: a standard error needs at least 2 chains");
    return ELBO_OK;
}

static int64_t count_or(int64_t value, int64_t standard) { return value ? value : standard; }

elbo_status elbo_methods_read(elbo_methods *methods, const elbo_evaluation_options *evaluation,
                              const elbo_likelihood_options *options, int64_t latent, elbo_error *error) {
    memset(methods, 0, sizeof *methods);
    ELBO_TRY(read_list(methods, options->nll, error));
    ELBO_TRY(refuse_idle(chosen(methods), evaluation, options, error));
    methods->samples = count_or(evaluation->samples, 1000);
    elbo_estimate_options common = {.leapfrog = count_or(options->leapfrog, 10),
                                    .samples = methods->samples,
                                    .temperatures = count_or(options->temperatures, 1000),
                                    .exact = options->simulated,
                                    .seed = (uint64_t)evaluation->seed};
    common.schedule = strcmp(options->schedule, "linear") == 0 ? ELBO_AIS_LINEAR : ELBO_AIS_SIGMOID;
    methods->hmc = methods->ais = common;
    methods->hmc.chains = count_or(options->chains, 10);
    methods->ais.chains = count_or(options->chains, 16);
    methods->hmc.burn_in = count_or(options->burn_in, 200);
    methods->ais.burn_in = count_or(options->burn_in, 20);
    methods->hmc.acceptance = options->acceptance > 0 ? options->acceptance : 0.9;
    methods->ais.acceptance = options->acceptance > 0 ? options->acceptance : 0.65;
    if (chosen(methods) & 1u << ELBO_METHOD_HMC && methods->samples < 2 * latent + 2)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "option samples: hmc fits a normal distribution of %lld dimensions to %lld draws; at least "
                         "%lld were expected",
                         (long long)latent, (long long)methods->samples, (long long)(2 * latent + 2));
    return ELBO_OK;
}
