#include "support/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/latent.h"
#include "support/rows.h"
#include "support/save.h"

enum { COMPARED_COLUMNS = 10, BARS = 4096 };

static elbo_status decode(elbo_cli_run *run, elbo_array *codes, elbo_array *items, elbo_error *error) {
    elbo_status status = elbo_model_decode(run->model, codes, false, 0, items, error);
    elbo_array_free(codes);
    return status;
}

elbo_status elbo_cli_show_samples(elbo_cli_run *run, const elbo_cli_samples *how, elbo_array *items,
                                  elbo_error *error) {
    elbo_array codes = {0};
    elbo_status status =
        how->of_cluster
            ? elbo_model_cluster_prior(run->model, how->cluster, how->count, how->seed, how->temperature, &codes, error)
            : elbo_model_prior(run->model, how->count, how->seed, how->temperature, &codes, error);
    if (status == ELBO_OK) status = elbo_model_decode(run->model, &codes, how->draw, how->seed, items, error);
    elbo_array_free(&codes);
    return status;
}

elbo_status elbo_cli_show_reconstructions(elbo_cli_run *run, elbo_split split, int64_t count, elbo_array *originals,
                                          elbo_array *items, elbo_error *error) {
    elbo_array codes = {0};
    if (count > run->data->count[split]) count = run->data->count[split];
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, 0, count, originals, error));
    elbo_status status = elbo_model_encode(run->model, originals, &codes, NULL, error);
    if (status == ELBO_OK) status = decode(run, &codes, items, error);
    if (status != ELBO_OK) elbo_array_free(originals);
    return status;
}

elbo_status elbo_cli_write_reconstructions(const elbo_cli_run *run, const elbo_array *originals,
                                           const elbo_array *items, const char *path, elbo_error *error) {
    const elbo_array *both[] = {originals, items};
    int64_t count = items->shape[0];
    elbo_picture picture = {.columns = count < COMPARED_COLUMNS ? (int)count : COMPARED_COLUMNS};
    ELBO_CLI_TRY(elbo_cli_picture(run, &picture, error));
    return elbo_picture_compare(both, 2, &picture, path, error);
}

elbo_status elbo_cli_show_manifold(elbo_cli_run *run, const elbo_ints *dims, int64_t side, elbo_array *items,
                                   elbo_error *error) {
    elbo_array codes = {0};
    ELBO_CLI_TRY(elbo_cli_latent_grid(dims, side, run->info->latent, &codes, error));
    return decode(run, &codes, items, error);
}

elbo_ints elbo_cli_traversed(const elbo_ints *listed, int64_t latent) {
    if (listed->count) return *listed;
    elbo_ints all = {.count = latent < ELBO_CLI_TRAVERSED ? (int)latent : ELBO_CLI_TRAVERSED};
    for (int i = 0; i < all.count; i++) all.value[i] = i;
    return all;
}

elbo_status elbo_cli_show_traversal(elbo_cli_run *run, const float *base, const elbo_ints *dims, int64_t steps,
                                    double range, elbo_array *items, elbo_error *error) {
    elbo_array codes = {0}, origin = {0};
    int64_t latent = run->info->latent;
    if (!base) ELBO_CLI_TRY(elbo_array_new(&origin, ELBO_F32, 1, &latent, error));
    elbo_status status = elbo_cli_latent_lines(base ? base : origin.data, dims, steps, range, latent, &codes, error);
    elbo_array_free(&origin);
    return status == ELBO_OK ? decode(run, &codes, items, error) : status;
}

/* ---- Charts ---- */

static void dimension_name(int64_t dimension, char out[32]) { snprintf(out, 32, "z[%lld]", (long long)dimension); }

/* Of codes [..., latent]: [N, 2] */
static elbo_status take_two(const elbo_array *codes, const elbo_ints *dims, elbo_array *points, elbo_error *error) {
    int64_t latent = codes->shape[codes->rank - 1];
    const int64_t shape[] = {elbo_array_count(codes) / latent, 2};
    ELBO_CLI_TRY(elbo_array_new(points, ELBO_F32, 2, shape, error));
    const float *z = codes->data;
    for (int64_t row = 0; row < shape[0]; row++, z += latent)
        for (int i = 0; i < 2; i++) ((float *)points->data)[2 * row + i] = z[dims->value[i]];
    return ELBO_OK;
}

/* Each of `count` labels so many times in a row. */
static elbo_status repeat_labels(elbo_array *labels, int64_t times, elbo_error *error) {
    const int64_t count = labels->shape[0] * times;
    elbo_array repeated = {0};
    if (times <= 1) return ELBO_OK;
    ELBO_CLI_TRY(elbo_array_new(&repeated, ELBO_I32, 1, &count, error));
    for (int64_t i = 0; i < count; i++) ((int32_t *)repeated.data)[i] = ((int32_t *)labels->data)[i / times];
    elbo_array_free(labels);
    *labels = repeated;
    return ELBO_OK;
}

elbo_status elbo_cli_write_scatter(elbo_cli_run *run, elbo_split split, const elbo_array *codes, int64_t draws,
                                   const elbo_ints *dims, const char *path, elbo_error *error) {
    char subtitle[128], x_label[32], y_label[32];
    elbo_array points = {0}, labels = {0};
    bool labelled = run->data->classes > 0;
    const char *word = elbo_cli_split_word(split);
    if (draws == 0)
        snprintf(subtitle, sizeof subtitle, "means of q(z|x), %lld %s rows", (long long)codes->shape[0], word);
    else
        snprintf(subtitle, sizeof subtitle, "draws of q(z|x), %lld for each of %lld %s rows", (long long)draws,
                 (long long)codes->shape[0], word);
    dimension_name(dims->value[0], x_label);
    dimension_name(dims->value[1], y_label);
    elbo_chart chart = {
        .title = labelled ? "Codes by class" : "Codes", .subtitle = subtitle, .x_label = x_label, .y_label = y_label};
    elbo_status status = take_two(codes, dims, &points, error);
    if (status == ELBO_OK && labelled) {
        status = elbo_cli_labels(run->dataset, split, 0, codes->shape[0], &labels, error);
        if (status == ELBO_OK) status = repeat_labels(&labels, draws, error);
    }
    if (status == ELBO_OK)
        status = elbo_chart_scatter(&chart, &points, labelled ? &labels : NULL, run->data->classes,
                                    run->data->class_names, path, error);
    elbo_array_free(&points);
    elbo_array_free(&labels);
    return status;
}

/* Names in metrics.jsonl and in the legend. */
static const struct {
    const char *name, *title;
    bool dashed;
} curves[] = {{"train_loss", "training, -ELBO", false},
              {"test_loss", "held out, -ELBO", true},
              {"reconstruction", "reconstruction", false},
              {"kl", "KL", false}};
enum { CURVES = sizeof curves / sizeof *curves };

static elbo_status read_curves(const char *folder, elbo_chart_series *series, double *numbers[2 * CURVES],
                               size_t *count, elbo_error *error) {
    for (int i = 0; i < CURVES; i++) {
        size_t length = 0;
        double **at = numbers + 2 * i;
        ELBO_CLI_TRY(elbo_metrics_read(folder, curves[i].name, &at[0], &at[1], &length, error));
        if (length == 0) continue;
        series[(*count)++] = (elbo_chart_series){
            .name = curves[i].title, .x = at[0], .y = at[1], .count = (int64_t)length, .dashed = curves[i].dashed};
    }
    if (*count) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no figures yet: no epoch is complete", folder);
}

elbo_status elbo_cli_write_curves(const char *folder, const char *path, elbo_error *error) {
    elbo_chart chart = {
        .title = "-ELBO and its two parts", .subtitle = "nats for each datum", .x_label = "epoch", .y_label = "nats"};
    elbo_chart_series series[CURVES];
    double *numbers[2 * CURVES] = {NULL};
    size_t count = 0;
    elbo_status status = read_curves(folder, series, numbers, &count, error);
    if (status == ELBO_OK) status = elbo_chart_lines(&chart, series, count, path, error);
    for (int i = 0; i < 2 * CURVES; i++) elbo_metrics_free(numbers[i]);
    return status;
}

/* Bars carry the numbers that --dims takes, which count from 0. */
typedef struct kl_bars {
    bool active[BARS];
    char text[BARS][8];
    const char *name[BARS];
} kl_bars;

elbo_status elbo_cli_write_kl(const elbo_evaluation *evaluation, double active_threshold, const char *path,
                              elbo_error *error) {
    int64_t count = evaluation->latent < BARS ? evaluation->latent : BARS;
    char subtitle[128] = "nats for each datum, mean of the data";
    kl_bars *one = calloc(1, sizeof *one);
    if (!one)
        return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a chart of %lld bars", (long long)count);
    for (int64_t i = 0; i < count; i++) {
        one->active[i] = evaluation->mean_variance[i] > active_threshold;
        snprintf(one->text[i], sizeof one->text[i], "%d", (int)i);
        one->name[i] = one->text[i];
    }
    if (count < evaluation->latent)
        snprintf(subtitle, sizeof subtitle, "nats for each datum, the first %lld of %lld dimensions", (long long)count,
                 (long long)evaluation->latent);
    elbo_chart chart = {
        .title = "KL of each dimension", .subtitle = subtitle, .x_label = "dimension of z", .y_label = "nats"};
    elbo_chart_bar_list bars = {evaluation->kl_per_dim, one->name, one->active, "active", "not used", count};
    elbo_status status = elbo_chart_bars(&chart, &bars, path, error);
    free(one);
    return status;
}
