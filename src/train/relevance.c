#include "train/relevance.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { VALUE = 4096, PATTERN = 64 };

static const elbo_relevance input_rules[] = {{"binarize",
                                              {"likelihood"},
                                              "!categorical*|discretised_logistic*",
                                              "a --likelihood that does not take grey values as levels"},
                                             {"normalize",
                                              {"likelihood"},
                                              "!categorical*|discretised_logistic*",
                                              "a --likelihood that does not take grey values as levels"},
                                             {NULL}};

#define HELD_OUT "held-out rows, and --pool trains on all"

static const elbo_relevance data_rules[] = {{"test_fraction", {"test_count"}, "0", "--test-count 0"},
                                            {"test_fraction", {"pool"}, "false", HELD_OUT},
                                            {"split_seed", {"pool"}, "false", HELD_OUT},
                                            {"evaluate_every", {"pool"}, "false", HELD_OUT},
                                            {"early_stop", {"pool"}, "false", HELD_OUT},
                                            {NULL}};

#define FRESH "parameters that begin anew, and --start-from gives them all"

static const elbo_relevance start_rules[] = {{"init", {"start_from"}, "", FRESH},
                                             {"init_scale", {"start_from"}, "", FRESH},
                                             {"output_bias", {"start_from"}, "", FRESH},
                                             {NULL}};

const elbo_relevance *elbo_relevance_list(const elbo_model_type *type, size_t index) {
    static const elbo_relevance none[] = {{NULL}};
    const elbo_relevance *lists[] = {input_rules, data_rules, start_rules, type->relevance ? type->relevance : none,
                                     elbo_optimiser_relevance};
    return index < sizeof lists / sizeof *lists ? lists[index] : NULL;
}

/* Flags and names of distributions may be spelt with '-' or '_'. */
static void spell(char *text) {
    for (; *text; text++)
        if (*text == '-') *text = '_';
}

static bool listed(const char *patterns, const char *value) {
    for (const char *at = patterns; at;) {
        const char *end = strchr(at, '|');
        char pattern[PATTERN];
        snprintf(pattern, sizeof pattern, "%.*s", end ? (int)(end - at) : (int)strlen(at), at);
        spell(pattern);
        if (fnmatch(pattern, value, 0) == 0) return true;
        at = end ? end + 1 : NULL;
    }
    return false;
}

static bool holds(const elbo_relevance *rule, const elbo_config *config) {
    bool without = *rule->values == '!';
    for (int i = 0; i < ELBO_RELEVANCE_NEEDS && rule->needs[i]; i++) {
        char value[VALUE];
        if (!elbo_config_get(config, rule->needs[i], value, sizeof value)) return true; /* a model without the option */
        spell(value);
        if (listed(rule->values + without, value) != without) return true;
    }
    return false;
}

bool elbo_config_matters(const elbo_config *config, const char *name) {
    char ignored[VALUE], spelt[PATTERN];
    const elbo_relevance *rule;
    bool matters = elbo_config_get(config, name, ignored, sizeof ignored);
    snprintf(spelt, sizeof spelt, "%s", name);
    spell(spelt);
    for (size_t list = 0; (rule = elbo_relevance_list(config->type, list)); list++)
        for (; rule->option; rule++)
            if (strcmp(rule->option, spelt) == 0 && !holds(rule, config)) matters = false;
    return matters;
}

elbo_status elbo_config_check_relevance(const elbo_config *config, elbo_error *error) {
    const elbo_relevance *rule;
    for (size_t list = 0; (rule = elbo_relevance_list(config->type, list)); list++)
        for (; rule->option; rule++) {
            if (!elbo_config_was_set(config, rule->option) || holds(rule, config)) continue;
            char flag[PATTERN];
            snprintf(flag, sizeof flag, "%s", rule->option);
            for (char *letter = flag; *letter; letter++)
                if (*letter == '_') *letter = '-';
            return elbo_fail(error, ELBO_ERROR_USAGE, "--%s has no effect here: it needs %s", flag, rule->where);
        }
    return ELBO_OK;
}
