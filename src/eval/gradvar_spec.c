/* Which estimators are compared: "b,iwae:10,reinforce/mean". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/gradvar.h"

enum { USUAL_DRAWS = 10, LONGEST = 64 };

static bool has(const elbo_estimator_type *type, const char *option) {
    return type->option && strcmp(type->option, option) == 0;
}

static int64_t groups_of(const elbo_gradvar_spec *spec) {
    return has(spec->type, "groups") ? strtoll(spec->control, NULL, 10) : 1;
}

void elbo_gradvar_spec_text(const elbo_gradvar_spec *spec, char *out, size_t size) {
    snprintf(out, size, "%s%s%s:%lld", spec->type->name, *spec->control ? "/" : "", spec->control,
             (long long)spec->draws);
}

/* ---- a specification as configuration ---- */

static elbo_status set_all(elbo_config *config, const elbo_gradvar_spec *spec, elbo_error *error) {
    char draws[32], held[64];
    snprintf(draws, sizeof draws, "%lld", (long long)spec->draws);
    ELBO_TRY(elbo_config_set(config, "estimator", spec->type->name, error));
    if (*spec->control) ELBO_TRY(elbo_config_set(config, spec->type->option, spec->control, error));
    ELBO_TRY(elbo_config_set(config, "draws", draws, error));
    static const char *const others[][2] = {{"inference", "sgvb"}, {"free_bits", "0"}}; /* not every model has them */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (elbo_config_get(config, others[i][0], held, sizeof held))
            ELBO_TRY(elbo_config_set(config, others[i][0], others[i][1], error));
    return elbo_config_set(config, "precision", "f32", error);
}

elbo_config *elbo_gradvar_config(const elbo_instance *instance, const elbo_gradvar_spec *spec, elbo_error *error) {
    elbo_config *config = elbo_config_copy(instance->config, error);
    if (!config) return NULL;
    elbo_status status = set_all(config, spec, error);
    if (status == ELBO_OK && instance->type->check)
        status = instance->type->check(config->model, &instance->item, error);
    if (status == ELBO_OK) return config;
    elbo_config_free(config);
    return NULL;
}

static elbo_status check(const elbo_instance *instance, const elbo_gradvar_spec *spec, elbo_error *error) {
    elbo_error local = {0};
    elbo_config *config = elbo_gradvar_config(instance, spec, &local);
    elbo_config_free(config);
    if (config) return ELBO_OK;
    char text[LONGEST];
    elbo_gradvar_spec_text(spec, text, sizeof text);
    return elbo_fail(error, local.status, "estimator %s: %s", text, local.message);
}

/* Whether the posterior serves it; fails only where it cannot be told. */
static elbo_status serves(const elbo_instance *instance, const elbo_gradvar_spec *spec, bool *out, elbo_error *error) {
    elbo_error local = {0};
    *out = check(instance, spec, &local) == ELBO_OK;
    return *out || local.status == ELBO_ERROR_USAGE ? ELBO_OK : elbo_fail(error, local.status, "%s", local.message);
}

/* ---- reading ---- */

/* What the run itself was trained with, or would have been. */
static void take_control(elbo_gradvar_spec *spec, const elbo_instance *instance) {
    if (spec->type->option)
        (void)elbo_config_get(instance->config, spec->type->option, spec->control, sizeof spec->control);
}

static int64_t own_draws(const elbo_instance *instance) {
    char text[32] = "";
    return elbo_config_get(instance->config, "draws", text, sizeof text) ? strtoll(text, NULL, 10) : 1;
}

static elbo_status read_word(const char *word, size_t length, const elbo_instance *instance, elbo_gradvar_spec *out,
                             elbo_error *error) {
    char text[LONGEST];
    if (length == 0 || length >= sizeof text)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "option estimators: \"%.*s\" is none; NAME[/CONTROL][:DRAWS] was expected", (int)length, word);
    memcpy(text, word, length);
    text[length] = 0;
    *out = (elbo_gradvar_spec){.draws = own_draws(instance)};
    char *colon = strchr(text, ':'), *slash, *end;
    if (colon) {
        *colon = 0;
        out->draws = strtoll(colon + 1, &end, 10);
        if (end == colon + 1 || *end || out->draws < 1 || out->draws > 10000)
            return elbo_fail(error, ELBO_ERROR_USAGE,
                             "option estimators: \"%.*s\": \"%s\" is no number of draws; 1 to 10000 was expected",
                             (int)length, word, colon + 1);
    }
    if ((slash = strchr(text, '/'))) *slash = 0;
    out->type = elbo_estimator_find(text, error);
    if (!out->type) return ELBO_ERROR_USAGE;
    if (slash && !out->type->option)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "option estimators: %s has no control, groups or share, but \"%s\" was given", text,
                         slash + 1);
    take_control(out, instance);
    if (slash) snprintf(out->control, sizeof out->control, "%.23s", slash + 1);
    return ELBO_OK;
}

/* Adds it, or one for each number of draws. */
static elbo_status add(elbo_gradvar_specs *specs, elbo_gradvar_spec spec, const elbo_instance *instance,
                       const elbo_ints *draws, elbo_error *error) {
    for (int i = 0; i < (draws->count ? draws->count : 1); i++) {
        if (draws->count) spec.draws = draws->value[i];
        if (specs->count == ELBO_GRADVAR_SPECS)
            return elbo_fail(error, ELBO_ERROR_USAGE, "option estimators: more than %d", ELBO_GRADVAR_SPECS);
        /* in a sweep an estimator that compares draws begins where it can */
        if (draws->count > 1 && (spec.draws < spec.type->least_draws || spec.draws < groups_of(&spec))) continue;
        if (draws->count > 1 && strcmp(spec.control, "leave-one-out") == 0 && spec.draws < 2) continue;
        ELBO_TRY(check(instance, &spec, error));
        for (size_t k = 0; k < specs->count; k++) {
            const elbo_gradvar_spec *known = &specs->item[k];
            if (known->type == spec.type && known->draws == spec.draws && strcmp(known->control, spec.control) == 0)
                return elbo_fail(error, ELBO_ERROR_USAGE, "option estimators: %s%s%s with %lld draws is there twice",
                                 spec.type->name, *spec.control ? "/" : "", spec.control, (long long)spec.draws);
        }
        specs->item[specs->count++] = spec;
    }
    return ELBO_OK;
}

/* Every estimator that the posterior can serve; the score function with each control. */
static elbo_status add_usual(elbo_gradvar_specs *specs, const elbo_instance *instance, const elbo_ints *draws,
                             elbo_error *error) {
    static const char *const controls[] = {"none", "mean", "leave-one-out", "learned"};
    for (size_t i = 0; elbo_registry_estimators[i]; i++) {
        elbo_gradvar_spec spec = {.type = elbo_registry_estimators[i], .draws = USUAL_DRAWS};
        take_control(&spec, instance);
        for (int c = 0; c < (has(spec.type, "control") ? 4 : 1); c++) {
            if (has(spec.type, "control")) snprintf(spec.control, sizeof spec.control, "%s", controls[c]);
            bool served;
            ELBO_TRY(serves(instance, &spec, &served, error));
            if (served) ELBO_TRY(add(specs, spec, instance, draws, error));
        }
    }
    if (specs->count > 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "a %s has no choice of estimators to compare",
                     instance->type->name);
}

elbo_status elbo_gradvar_specs_read(elbo_gradvar_specs *specs, const elbo_instance *instance,
                                    const elbo_gradvar_options *options, elbo_error *error) {
    specs->count = 0;
    if (!*options->estimators) return add_usual(specs, instance, &options->draws_list, error);
    for (const char *word = options->estimators;; word++) {
        elbo_gradvar_spec spec;
        size_t length = strcspn(word, ",");
        ELBO_TRY(read_word(word, length, instance, &spec, error));
        ELBO_TRY(add(specs, spec, instance, &options->draws_list, error));
        word += length;
        if (!*word) return ELBO_OK;
    }
}

elbo_status elbo_gradvar_spec_reference(const elbo_gradvar_spec *spec, const elbo_instance *instance,
                                        elbo_gradvar_spec *out, elbo_error *error) {
    *out = *spec;
    if (spec->type->mixed) return ELBO_OK;
    int64_t draws = spec->draws / groups_of(spec);
    bool weighted = spec->type->weighted && draws > 1; /* with one draw that bound is the ELBO */
    static const char *const names[2][3] = {{"b", "a", "reinforce"}, {"dreg", "iwae", "vimco"}};
    bool served = false;
    for (int i = 0; i < 3 && names[weighted][i] && !served; i++) {
        *out = (elbo_gradvar_spec){.draws = weighted ? draws : USUAL_DRAWS};
        out->type = elbo_estimator_find(names[weighted][i], error);
        if (!out->type) return ELBO_ERROR_INTERNAL;
        if (has(out->type, "control")) snprintf(out->control, sizeof out->control, "leave-one-out");
        ELBO_TRY(serves(instance, out, &served, error));
    }
    return served ? ELBO_OK : check(instance, out, error);
}
