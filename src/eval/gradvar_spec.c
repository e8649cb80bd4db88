/* Which estimators are compared: "b,iwae:10,reinforce/mean". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/gradvar.h"

enum { USUAL_DRAWS = 10, LONGEST = 64 };

static bool has_control(const elbo_estimator_type *type) { return strcmp(type->name, "reinforce") == 0; }

void elbo_gradvar_spec_text(const elbo_gradvar_spec *spec, char *out, size_t size) {
    snprintf(out, size, "%s%s%s:%lld", spec->type->name, *spec->control ? "/" : "", spec->control,
             (long long)spec->draws);
}

/* ---- a specification as configuration ---- */

static elbo_status set_all(elbo_config *config, const elbo_gradvar_spec *spec, elbo_error *error) {
    char draws[32];
    snprintf(draws, sizeof draws, "%lld", (long long)spec->draws);
    ELBO_TRY(elbo_config_set(config, "estimator", spec->type->name, error));
    if (*spec->control) ELBO_TRY(elbo_config_set(config, "control", spec->control, error));
    ELBO_TRY(elbo_config_set(config, "draws", draws, error));
    ELBO_TRY(elbo_config_set(config, "inference", "sgvb", error));
    ELBO_TRY(elbo_config_set(config, "free_bits", "0", error));
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

/* What the run itself was trained with. */
static elbo_gradvar_spec own_spec(const elbo_instance *instance) {
    char text[32] = "";
    elbo_gradvar_spec spec = {.draws = 1};
    if (elbo_config_get(instance->config, "draws", text, sizeof text)) spec.draws = strtoll(text, NULL, 10);
    (void)elbo_config_get(instance->config, "control", spec.control, sizeof spec.control);
    return spec;
}

static elbo_status read_word(const char *word, size_t length, const elbo_instance *instance, elbo_gradvar_spec *out,
                             elbo_error *error) {
    char text[LONGEST];
    if (length == 0 || length >= sizeof text)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "option estimators: \"%.*s\" is none; NAME[/CONTROL][:DRAWS] was expected", (int)length, word);
    memcpy(text, word, length);
    text[length] = 0;
    *out = own_spec(instance);
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
    if (slash && !has_control(out->type))
        return elbo_fail(error, ELBO_ERROR_USAGE, "option estimators: %s has no control, but \"%s\" was given", text,
                         slash + 1);
    if (slash) snprintf(out->control, sizeof out->control, "%.23s", slash + 1);
    if (!has_control(out->type)) out->control[0] = 0;
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
        if (draws->count > 1 && spec.draws < spec.type->least_draws) continue;
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
        for (int c = 0; c < (has_control(spec.type) ? 4 : 1); c++) {
            if (has_control(spec.type)) snprintf(spec.control, sizeof spec.control, "%s", controls[c]);
            bool served;
            ELBO_TRY(serves(instance, &spec, &served, error));
            if (served) ELBO_TRY(add(specs, spec, instance, draws, error));
        }
    }
    return ELBO_OK;
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
    bool weighted = spec->type->weighted && spec->draws > 1; /* with one draw that bound is the ELBO */
    *out = (elbo_gradvar_spec){.draws = weighted ? spec->draws : USUAL_DRAWS};
    out->type = elbo_estimator_find(weighted ? "dreg" : "b", error);
    if (!out->type) return ELBO_ERROR_INTERNAL;
    bool served;
    ELBO_TRY(serves(instance, out, &served, error));
    if (served) return ELBO_OK;
    out->type = elbo_estimator_find(weighted ? "vimco" : "reinforce", error);
    if (!out->type) return ELBO_ERROR_INTERNAL;
    if (!weighted) snprintf(out->control, sizeof out->control, "leave-one-out");
    return check(instance, out, error);
}
