#include "support/experiment_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/experiment_values.h"

enum { MOST = 256 }; /* lines of a chart */

typedef struct drawing {
    const elbo_cli_plan *plan;
    const elbo_cli_experiment_chart *chart;
    elbo_cli_curve curve[MOST]; /* epoch: the x of the chart */
    char name[MOST][256];
    elbo_chart_series series[MOST];
    size_t count;
} drawing;

void elbo_cli_experiment_chart_path(const elbo_cli_plan *plan, size_t chart, size_t panel,
                                    char out[ELBO_CLI_PLAN_PATH]) {
    const elbo_cli_experiment *e = plan->experiment;
    snprintf(out, ELBO_CLI_PLAN_PATH, "%.3900s/%s-%s.svg", plan->out, e->chart[chart].name, e->panel[panel].name);
}

/* Epochs become rows seen, steps, or seconds of training. */
static elbo_status to_axis(const elbo_cli_planned *run, const char *x, elbo_cli_curve *curve, elbo_error *error) {
    if (strcmp(x, "samples") == 0)
        for (size_t i = 0; i < curve->count; i++) curve->epoch[i] *= (double)run->rows;
    if (strcmp(x, "steps") == 0)
        for (size_t i = 0; i < curve->count; i++) curve->epoch[i] *= (double)run->steps;
    if (strcmp(x, "seconds") != 0) return ELBO_OK;
    elbo_cli_curve seconds;
    elbo_status status = elbo_cli_run_curve(run, "seconds", &seconds, error);
    for (size_t i = 0, at = 0; i < curve->count && status == ELBO_OK; i++) {
        while (at + 1 < seconds.count && seconds.epoch[at] < curve->epoch[i]) at++;
        curve->epoch[i] = seconds.count ? seconds.value[at] : NAN;
    }
    elbo_cli_curve_clear(&seconds);
    return status;
}

/* Adds another seed to the sum of curves; what only some seeds have (one stopped early) is cut off. */
static void add_seed(elbo_cli_curve *sum, const elbo_cli_curve *other) {
    if (other->count < sum->count) sum->count = other->count;
    for (size_t i = 0; i < sum->count; i++) {
        sum->epoch[i] += other->epoch[i];
        sum->value[i] += other->value[i];
    }
}

/* The mean over the seeds of a series. */
static elbo_status mean_curve(const drawing *d, size_t panel, size_t series, const char *value, elbo_cli_curve *mean,
                              elbo_error *error) {
    size_t runs = 0;
    for (size_t i = 0; i < d->plan->count; i++) {
        const elbo_cli_planned *run = &d->plan->run[i];
        elbo_cli_curve curve;
        if (run->panel != panel || run->series != series || run->outcome != ELBO_OK) continue;
        elbo_status status = elbo_cli_run_curve(run, value, &curve, error);
        if (status == ELBO_OK) status = to_axis(run, d->chart->x, &curve, error);
        if (status == ELBO_OK && runs++ > 0) add_seed(mean, &curve);
        if (status == ELBO_OK && runs == 1) {
            *mean = curve;
            continue;
        }
        elbo_cli_curve_clear(&curve);
        if (status != ELBO_OK) return status;
    }
    for (size_t i = 0; i < mean->count; i++) {
        mean->epoch[i] /= (double)runs;
        mean->value[i] /= (double)runs;
    }
    return ELBO_OK;
}

/* A series has one colour in all panels; where there is a single one, its lines have a colour each. */
static elbo_status add_lines(drawing *d, size_t panel, size_t series, elbo_error *error) {
    const elbo_cli_experiment *e = d->plan->experiment;
    bool alone = e->series_count == 1;
    for (size_t k = 0; k < d->chart->lines.count && d->count < MOST; k++) {
        elbo_cli_curve *curve = &d->curve[d->count];
        ELBO_CLI_TRY(mean_curve(d, panel, series, d->chart->lines.item[k].key, curve, error));
        if (curve->count == 0) {
            elbo_cli_curve_clear(curve);
            continue;
        }
        snprintf(d->name[d->count], sizeof d->name[0], "%.120s%s%.120s", alone ? "" : e->series[series].title,
                 alone ? "" : ", ", d->chart->lines.item[k].value);
        d->series[d->count] = (elbo_chart_series){.name = d->name[d->count],
                                                  .x = curve->epoch,
                                                  .y = curve->value,
                                                  .count = (int64_t)curve->count,
                                                  .dashed = k > 0 && !alone,
                                                  .colour = alone ? (int)k + 1 : (int)series + 1};
        d->count++;
    }
    return ELBO_OK;
}

static elbo_status draw(drawing *d, size_t chart, size_t panel, elbo_error *error) {
    const elbo_cli_experiment *e = d->plan->experiment;
    char path[ELBO_CLI_PLAN_PATH];
    for (size_t s = 0; s < e->series_count; s++) ELBO_CLI_TRY(add_lines(d, panel, s, error));
    if (d->count == 0) return ELBO_OK;
    const char *x = strcmp(d->chart->x, "samples") == 0  ? "training samples seen"
                    : strcmp(d->chart->x, "epochs") == 0 ? "epochs"
                    : strcmp(d->chart->x, "steps") == 0  ? "steps"
                    : strcmp(d->chart->x, "draws") == 0  ? "draws K"
                                                         : "seconds of training";
    const elbo_chart layout = {.title = e->panel[panel].title,
                               .subtitle = d->chart->title,
                               .x_label = x,
                               .y_label = d->chart->y_label,
                               .x_log = d->chart->x_log,
                               .y_log = d->chart->y_log,
                               .y_limits = {e->panel[panel].y_limits[0], e->panel[panel].y_limits[1]}};
    elbo_cli_experiment_chart_path(d->plan, chart, panel, path);
    return elbo_chart_lines(&layout, d->series, d->count, path, error);
}

elbo_status elbo_cli_experiment_chart_write(const elbo_cli_plan *plan, size_t chart, size_t panel, bool *written,
                                            elbo_error *error) {
    drawing *d = calloc(1, sizeof *d);
    if (!d) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a chart");
    d->plan = plan;
    d->chart = &plan->experiment->chart[chart];
    elbo_status status = draw(d, chart, panel, error);
    *written = status == ELBO_OK && d->count > 0;
    for (size_t i = 0; i < MOST; i++) elbo_cli_curve_clear(&d->curve[i]);
    free(d);
    return status;
}
