#include "support/experiment_values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static elbo_status no_memory(elbo_error *error) {
    return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the results");
}

static elbo_status curve_new(elbo_cli_curve *curve, size_t room, elbo_error *error) {
    *curve = (elbo_cli_curve){calloc(room + 1, sizeof(double)), calloc(room + 1, sizeof(double)), 0};
    return curve->epoch && curve->value ? ELBO_OK : no_memory(error);
}

void elbo_cli_curve_clear(elbo_cli_curve *curve) {
    free(curve->epoch);
    free(curve->value);
    *curve = (elbo_cli_curve){0};
}

static void add_point(elbo_cli_curve *curve, double epoch, double value) {
    if (!isfinite(epoch) || !isfinite(value)) return;
    curve->epoch[curve->count] = epoch;
    curve->value[curve->count++] = value;
}

/* ---- metrics.jsonl ---- */

/* "test_elbo" is "test_loss" with its sign turned. */
static double column_of(const char *value, char name[128]) {
    size_t length = strlen(value);
    bool bound = length > 5 && length < 120 && strcmp(value + length - 5, "_elbo") == 0;
    if (bound)
        snprintf(name, 128, "%.*s_loss", (int)length - 5, value);
    else
        snprintf(name, 128, "%s", value);
    return bound ? -1 : 1;
}

static elbo_status metric_curve(const elbo_cli_planned *run, const char *value, elbo_cli_curve *out,
                                elbo_error *error) {
    char name[128];
    double sign = column_of(value, name), *epoch = NULL, *number = NULL, sum = 0;
    bool summed = strcmp(value, "seconds") == 0;
    size_t count = 0;
    elbo_status status = elbo_metrics_read(run->folder, name, &epoch, &number, &count, error);
    if (status == ELBO_OK && count == 0)
        status = elbo_cli_fail(error, ELBO_ERROR_STATE, "%s/metrics.jsonl has no \"%s\"", run->folder, name);
    if (status == ELBO_OK) status = curve_new(out, count, error);
    for (size_t i = 0; status == ELBO_OK && i < count; i++) {
        sum += number[i];
        add_point(out, epoch[i], summed ? sum : sign * number[i]);
    }
    elbo_metrics_free(epoch);
    elbo_metrics_free(number);
    return status;
}

/* ---- Measurements ---- */

static int by_epoch(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Measurements lie in the order in which they were made, and one that was repeated keeps its place. */
static elbo_status sort_points(elbo_cli_curve *curve, elbo_error *error) {
    double(*pair)[2] = calloc(curve->count + 1, sizeof *pair);
    if (!pair) return no_memory(error);
    for (size_t i = 0; i < curve->count; i++) pair[i][0] = curve->epoch[i], pair[i][1] = curve->value[i];
    qsort(pair, curve->count, sizeof *pair, by_epoch);
    for (size_t i = 0; i < curve->count; i++) curve->epoch[i] = pair[i][0], curve->value[i] = pair[i][1];
    free(pair);
    return ELBO_OK;
}

static elbo_status measured_curve(const elbo_cli_planned *run, const char *value, const char *dot, elbo_cli_curve *out,
                                  elbo_error *error) {
    json_t *list = json_object_get(run->state, "measured"), *entry;
    bool known = false;
    size_t i;
    ELBO_CLI_TRY(curve_new(out, json_array_size(list), error));
    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        json_t *number = json_object_get(json_object_get(entry, "values"), dot + 1);
        if (!name || strlen(name) != (size_t)(dot - value) || strncmp(name, value, strlen(name)) != 0) continue;
        known = known || json_is_number(number) || json_is_null(number);
        if (json_is_number(number))
            add_point(out, json_number_value(json_object_get(entry, "epoch")), json_number_value(number));
    }
    if (known) return sort_points(out, error);
    return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s: the measurement %.*s gives no \"%s\"", run->name,
                         (int)(dot - value), value, dot + 1);
}

/* The number in place of the '*' of a pattern, where a name fits it. */
static bool match(const char *name, const char *pattern, double *number) {
    const char *star = strchr(pattern, '*');
    size_t head = (size_t)(star - pattern);
    char *end;
    if (strncmp(name, pattern, head) != 0) return false;
    *number = strtod(name + head, &end);
    return end != name + head && strcmp(end, star + 1) == 0;
}

/* "NAME.iwae:*_encoder_snr": the last measurement's values of such names, against the numbers in them. */
static elbo_status pattern_curve(const elbo_cli_planned *run, const char *value, const char *dot, elbo_cli_curve *out,
                                 elbo_error *error) {
    json_t *list = json_object_get(run->state, "measured"), *entry, *values = NULL, *number;
    const char *key;
    double last = -1;
    size_t i;
    json_array_foreach(list, i, entry) {
        const char *name = json_string_value(json_object_get(entry, "name"));
        double epoch = json_number_value(json_object_get(entry, "epoch"));
        if (!name || strlen(name) != (size_t)(dot - value) || strncmp(name, value, strlen(name)) != 0 || epoch < last)
            continue;
        last = epoch;
        values = json_object_get(entry, "values");
    }
    ELBO_CLI_TRY(curve_new(out, json_object_size(values), error));
    json_object_foreach(values, key, number) {
        double at;
        if (json_is_number(number) && match(key, dot + 1, &at)) add_point(out, at, json_number_value(number));
    }
    if (out->count) return sort_points(out, error);
    return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s: the measurement %.*s gives nothing like \"%s\"", run->name,
                         (int)(dot - value), value, dot + 1);
}

elbo_status elbo_cli_run_curve(const elbo_cli_planned *run, const char *value, elbo_cli_curve *out, elbo_error *error) {
    const char *dot = strchr(value, '.');
    *out = (elbo_cli_curve){0};
    if (dot && strchr(dot, '*')) return pattern_curve(run, value, dot, out, error);
    return dot ? measured_curve(run, value, dot, out, error) : metric_curve(run, value, out, error);
}

elbo_status elbo_cli_run_value(const elbo_cli_planned *run, const char *value, double *out, elbo_error *error) {
    elbo_cli_curve curve;
    elbo_status status = elbo_cli_run_curve(run, value, &curve, error);
    *out = status == ELBO_OK && curve.count ? curve.value[curve.count - 1] : NAN;
    elbo_cli_curve_clear(&curve);
    return status;
}

/* ---- Seeds ---- */

elbo_status elbo_cli_cell_summary(const elbo_cli_plan *plan, size_t panel, size_t series, const char *value,
                                  elbo_cli_summary *out, elbo_error *error) {
    double *numbers = calloc(plan->count + 1, sizeof *numbers);
    size_t count = 0;
    elbo_status status = numbers ? ELBO_OK : no_memory(error);
    for (size_t i = 0; i < plan->count && status == ELBO_OK; i++) {
        const elbo_cli_planned *run = &plan->run[i];
        if (run->panel == panel && run->series == series && run->outcome == ELBO_OK)
            status = elbo_cli_run_value(run, value, &numbers[count++], error);
    }
    if (status == ELBO_OK) *out = elbo_cli_summarise(numbers, count);
    free(numbers);
    return status;
}

bool elbo_cli_published(const char *text, double *value, double *spread) {
    char *end;
    *spread = NAN;
    for (text += strcspn(text, "+-0123456789"); *text; text++) {
        *value = strtod(text, &end);
        if (end != text) break;
    }
    if (!*text) return false;
    while (*end == ' ') end++;
    size_t sign = strncmp(end, "+-", 2) == 0 || strncmp(end, "\xc2\xb1", 2) == 0 ? 2 : 0;
    if (!sign) return true;
    text = end + sign;
    double about = strtod(text, &end);
    if (end != text && about >= 0) *spread = about;
    return true;
}
