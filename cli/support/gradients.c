#include "support/gradients.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"

/* ---- JSON ---- */

static json_t *group_json(const elbo_gradvar_group *g) {
    const struct {
        const char *name;
        double value;
    } reals[] = {{"norm", g->norm},    {"variance", g->variance}, {"variance_mean", g->variance_mean},
                 {"snr", g->snr},      {"bias", g->bias},         {"bias_stderr", g->bias_stderr},
                 {"cosine", g->cosine}};
    json_t *object = json_object();
    json_object_set_new(object, "parameters", json_integer(g->parameters));
    json_object_set_new(object, "still", json_integer(g->still));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        json_object_set_new(object, reals[i].name, elbo_cli_json_real(reals[i].value));
    return object;
}

static json_t *estimate_json(const elbo_gradvar_estimate *e) {
    json_t *object = json_object(), *groups = json_object();
    json_object_set_new(object, "name", elbo_cli_json_text(e->name));
    json_object_set_new(object, "estimator", elbo_cli_json_text(e->estimator));
    json_object_set_new(object, "control", elbo_cli_json_text(*e->control ? e->control : NULL));
    json_object_set_new(object, "draws", json_integer(e->draws));
    json_object_set_new(object, "reference", elbo_cli_json_text(e->reference));
    json_object_set_new(object, "loss", elbo_cli_json_real(e->loss));
    json_object_set_new(object, "loss_stderr", elbo_cli_json_real(e->loss_stderr));
    json_object_set_new(object, "seconds", elbo_cli_json_real(e->seconds));
    json_object_set_new(object, "note", elbo_cli_json_text(*e->note ? e->note : NULL));
    for (size_t g = 0; g < e->groups; g++) json_object_set_new(groups, e->group[g].name, group_json(&e->group[g]));
    json_object_set_new(object, "groups", groups);
    return object;
}

json_t *elbo_cli_gradients_json(const elbo_gradvar_comparison *c) {
    json_t *object = json_object(), *list = json_array();
    json_object_set_new(object, "rows", json_integer(c->rows));
    json_object_set_new(object, "repeats", json_integer(c->repeats));
    json_object_set_new(object, "reference_gradients", json_integer(c->reference));
    json_object_set_new(object, "snr_floor", elbo_cli_json_real(c->snr_floor));
    for (size_t i = 0; i < c->count; i++) json_array_append_new(list, estimate_json(&c->estimate[i]));
    json_object_set_new(object, "estimators", list);
    return object;
}

/* ---- Table ---- */

static void cell(int width, const char *format, double value) {
    char text[32] = "-";
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    printf(" %*s", width, text);
}

static void print_row(const elbo_gradvar_estimate *e, const elbo_gradvar_group *g, int widest) {
    char bias[48] = "-";
    printf("  %-*s", widest, e->name);
    cell(10, "%.3e", g->variance);
    cell(10, "%.3e", g->variance_mean);
    cell(7, "%.4f", g->snr);
    cell(10, "%.3e", g->norm);
    if (!isnan(g->bias)) snprintf(bias, sizeof bias, "%+.4f +- %.4f", g->bias, g->bias_stderr);
    printf(" %19s", bias);
    cell(7, "%.4f", g->cosine);
    cell(8, "%.2f", 1000 * e->seconds);
    putchar('\n');
}

static bool print_group(const elbo_gradvar_comparison *c, size_t group, int widest) {
    bool any = false;
    for (size_t i = 0; i < c->count; i++) {
        const elbo_gradvar_estimate *e = &c->estimate[i];
        if (group >= e->groups) continue;
        if (!any)
            printf("\n%s: %lld parameters\n  %-*s %10s %10s %7s %10s %19s %7s %8s\n", e->group[group].name,
                   (long long)e->group[group].parameters, widest, "", "variance", "mean", "SNR", "|mean|", "bias",
                   "cosine", "ms");
        any = true;
        print_row(e, &e->group[group], widest);
    }
    return any;
}

void elbo_cli_gradients_print(const elbo_gradvar_comparison *c, const char *title) {
    int widest = 12;
    char text[512];
    for (size_t i = 0; i < c->count; i++)
        if ((int)strlen(c->estimate[i].name) > widest) widest = (int)strlen(c->estimate[i].name);
    puts(title);
    for (size_t g = 0; g < ELBO_GRADVAR_GROUPS; g++)
        if (!print_group(c, g, widest)) break;
    putchar('\n');
    snprintf(text, sizeof text,
             "variance: summed over the coordinates, and their mean. SNR: |mean| / deviation, averaged over the "
             "coordinates; %.3f is what noise alone would show. bias: along the reference, as a share of it, from "
             "%lld gradients of the calmest estimator of the same bound. ms: time of one gradient.",
             c->snr_floor, (long long)c->reference);
    elbo_cli_text_wrap(stdout, text, 0, 0);
    for (size_t i = 0; i < c->count; i++)
        if (*c->estimate[i].note) {
            int column = printf("%s: ", c->estimate[i].name);
            elbo_cli_text_wrap(stdout, c->estimate[i].note, column, 2);
        }
}

/* ---- Charts ---- */

static bool same_method(const elbo_gradvar_estimate *a, const elbo_gradvar_estimate *b) {
    return strcmp(a->estimator, b->estimator) == 0 && strcmp(a->control, b->control) == 0;
}

bool elbo_cli_gradients_is_sweep(const elbo_gradvar_comparison *c) {
    for (size_t i = 0; i < c->count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_method(&c->estimate[i], &c->estimate[k])) return true;
    return false;
}

static double figure_of(const elbo_gradvar_group *g, elbo_cli_gradients_figure figure) {
    return figure == ELBO_CLI_GRADIENTS_SNR ? g->snr : g->variance;
}

enum { MOST = 128 };

typedef struct drawing {
    const elbo_gradvar_comparison *comparison;
    elbo_cli_gradients_figure figure;
    char name[MOST][128];
    double x[MOST][32], y[MOST][32];
    elbo_chart_series series[MOST];
    const char *label[MOST];
    double bar[MOST];
    bool marked[MOST];
    size_t count;
} drawing;

static void add_line(drawing *d, size_t first, size_t group, int colour) {
    const elbo_gradvar_comparison *c = d->comparison;
    const elbo_gradvar_estimate *e = &c->estimate[first];
    size_t line = d->count++, points = 0;
    for (size_t i = first; i < c->count && points < 32; i++) {
        if (!same_method(&c->estimate[i], e) || group >= c->estimate[i].groups) continue;
        d->x[line][points] = (double)c->estimate[i].draws;
        d->y[line][points++] = figure_of(&c->estimate[i].group[group], d->figure);
    }
    snprintf(d->name[line], sizeof d->name[0], "%s%s%s, %s", e->estimator, *e->control ? "/" : "", e->control,
             e->group[group].name);
    d->series[line] = (elbo_chart_series){.name = d->name[line],
                                          .x = d->x[line],
                                          .y = d->y[line],
                                          .count = (int64_t)points,
                                          .dashed = group > 0,
                                          .colour = colour};
}

static elbo_status draw_lines(drawing *d, elbo_chart *chart, const char *path, elbo_error *error) {
    const elbo_gradvar_comparison *c = d->comparison;
    int colour = 0;
    for (size_t i = 0; i < c->count; i++) {
        bool known = false;
        for (size_t k = 0; k < i; k++) known = known || same_method(&c->estimate[i], &c->estimate[k]);
        if (known) continue;
        colour++;
        for (size_t g = 0; g < c->estimate[i].groups && d->count < MOST; g++) add_line(d, i, g, colour);
    }
    chart->x_label = "draws K";
    chart->x_log = chart->y_log = true;
    chart->height = 460;
    return elbo_chart_lines(chart, d->series, d->count, path, error);
}

/* Variances span orders of magnitude, and bars start at zero: they show powers of ten above the lowest. */
static void scale_bars(drawing *d) {
    double lowest = INFINITY;
    for (size_t i = 0; i < d->count; i++)
        if (d->bar[i] > 0 && d->bar[i] < lowest) lowest = d->bar[i];
    for (size_t i = 0; i < d->count; i++) d->bar[i] = d->bar[i] > 0 ? log10(d->bar[i] / lowest) : NAN;
}

static elbo_status draw_bars(drawing *d, elbo_chart *chart, const char *path, elbo_error *error) {
    const elbo_gradvar_comparison *c = d->comparison;
    for (size_t g = 0; g < ELBO_GRADVAR_GROUPS; g++)
        for (size_t i = 0; i < c->count && d->count < MOST; i++) {
            if (g >= c->estimate[i].groups) continue;
            snprintf(d->name[d->count], sizeof d->name[0], "%s", c->estimate[i].name);
            d->label[d->count] = d->name[d->count];
            d->marked[d->count] = g == 0;
            d->bar[d->count++] = figure_of(&c->estimate[i].group[g], d->figure);
        }
    bool variance = d->figure == ELBO_CLI_GRADIENTS_VARIANCE, prior = c->estimate[0].groups > 2;
    if (variance) {
        scale_bars(d);
        chart->y_label = "powers of ten above the lowest variance";
    }
    elbo_chart_bar_list bars = {.values = d->bar,
                                .names = d->label,
                                .marked = d->marked,
                                .marked_name = c->estimate[0].group[0].name,
                                .unmarked_name = prior ? "decoder, prior" : c->estimate[0].group[1].name,
                                .count = (int64_t)d->count};
    chart->width = 160 + 50 * (int)d->count < 600 ? 600 : 160 + 50 * (int)d->count;
    return elbo_chart_bars(chart, &bars, path, error);
}

elbo_status elbo_cli_gradients_chart(const elbo_gradvar_comparison *c, elbo_cli_gradients_figure figure,
                                     const char *subtitle, const char *path, elbo_error *error) {
    bool snr = figure == ELBO_CLI_GRADIENTS_SNR;
    drawing *d = calloc(1, sizeof *d);
    if (!d) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a chart");
    d->comparison = c;
    d->figure = figure;
    elbo_chart chart = {.title = snr ? "Signal-to-noise ratio of gradients" : "Variance of gradients",
                        .subtitle = subtitle,
                        .y_label = snr ? "|mean| / deviation" : "variance, summed"};
    elbo_status status =
        elbo_cli_gradients_is_sweep(c) ? draw_lines(d, &chart, path, error) : draw_bars(d, &chart, path, error);
    free(d);
    return status;
}
