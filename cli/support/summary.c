#include "support/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

elbo_cli_summary elbo_cli_summarise(double *numbers, size_t count) {
    elbo_cli_summary summary = {NAN, NAN, NAN, 0};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(numbers[i])) numbers[summary.count++] = numbers[i];
    size_t n = summary.count;
    if (n == 0) return summary;
    qsort(numbers, n, sizeof *numbers, by_value);
    for (size_t i = 0; i < n; i++) sum += numbers[i];
    summary.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (numbers[i] - summary.mean) * (numbers[i] - summary.mean);
    if (n > 1) summary.deviation = sqrt(squares / (double)(n - 1));
    summary.median = n % 2 ? numbers[n / 2] : (numbers[n / 2 - 1] + numbers[n / 2]) / 2;
    return summary;
}

json_t *elbo_cli_summary_json(const elbo_cli_summary *summary) {
    json_t *object = json_object();
    json_object_set_new(object, "mean", elbo_cli_json_real(summary->mean));
    json_object_set_new(object, "sd", elbo_cli_json_real(summary->deviation));
    json_object_set_new(object, "median", elbo_cli_json_real(summary->median));
    json_object_set_new(object, "count", json_integer((json_int_t)summary->count));
    return object;
}

/* ---- Objects ---- */

/* The object's numbers as members of one flat object; those of lists under "METHOD_NAME". */
static json_t *flatten(const json_t *object) {
    json_t *flat = json_object(), *value, *part, *number;
    const char *name, *key;
    size_t i;
    json_object_foreach((json_t *)object, name, value) {
        if (json_is_number(value)) json_object_set(flat, name, value);
        json_array_foreach(value, i, part) {
            const char *method = json_string_value(json_object_get(part, "method"));
            char both[128];
            if (!method) continue;
            json_object_foreach(part, key, number) {
                snprintf(both, sizeof both, "%s_%s", method, key);
                if (json_is_number(number)) json_object_set(flat, both, number);
            }
        }
    }
    return flat;
}

static json_t *flatten_all(const json_t *objects) {
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach((json_t *)objects, i, one) json_array_append_new(list, flatten(one));
    return list;
}

static elbo_cli_summary summarise_member(const json_t *flat, const char *name, double *numbers) {
    json_t *one;
    size_t i, count = 0;
    json_array_foreach((json_t *)flat, i, one) {
        json_t *number = json_object_get(one, name);
        if (number) numbers[count++] = json_number_value(number);
    }
    return elbo_cli_summarise(numbers, count);
}

json_t *elbo_cli_summaries(const json_t *objects) {
    json_t *flat = flatten_all(objects), *summaries = json_object(), *one, *ignored;
    double *numbers = calloc(json_array_size(objects) + 1, sizeof *numbers);
    const char *name;
    size_t i;
    json_array_foreach(flat, i, one) json_object_foreach(one, name, ignored) {
        if (!numbers || json_object_get(summaries, name)) continue;
        elbo_cli_summary summary = summarise_member(flat, name, numbers);
        json_object_set_new(summaries, name, elbo_cli_summary_json(&summary));
    }
    json_decref(flat);
    if (!numbers) {
        json_decref(summaries);
        return NULL;
    }
    free(numbers);
    return summaries;
}

static void print_number(const json_t *summary, const char *name) {
    const json_t *number = json_object_get(summary, name);
    double value = json_number_value(number);
    if (!json_is_number(number))
        printf(" %12s", "-");
    else
        printf(" %12.*f", fabs(value) > 0 && fabs(value) < 0.1 ? 6 : 3, value);
}

void elbo_cli_summaries_print(const json_t *summaries, size_t objects) {
    json_t *summary;
    const char *name;
    printf("  %-28s %12s %12s %12s\n", "", "mean", "sd", "median");
    json_object_foreach((json_t *)summaries, name, summary) {
        size_t count = (size_t)json_integer_value(json_object_get(summary, "count"));
        printf("  %-28s", name);
        print_number(summary, "mean");
        print_number(summary, "sd");
        print_number(summary, "median");
        if (count < objects) printf("  of %zu", count);
        putchar('\n');
    }
}
