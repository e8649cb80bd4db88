#include "support/measurement.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/anomalies.h"
#include "support/clusters.h"
#include "support/describe.h"
#include "support/experiment_plan.h"
#include "support/figures.h"
#include "support/latent.h"
#include "support/output.h"
#include "support/restore.h"
#include "support/rows.h"
#include "support/save.h"
#include "support/show.h"

/* What a measurement works on. */
typedef struct subject {
    elbo_model *model;
    elbo_dataset *dataset;
} subject;

static void close_subject(subject *s) {
    elbo_dataset_free(s->dataset);
    elbo_model_free(s->model);
    *s = (subject){0};
}

/* Nothing is left open after a failure. */
static elbo_status open_subject(subject *s, const elbo_cli_measured *at, elbo_error *error) {
    s->model = elbo_model_open(at->folder, at->checkpoint, at->threads, error);
    s->dataset = s->model ? elbo_cli_open_configured(elbo_model_get_config(s->model), error) : NULL;
    if (s->dataset) return ELBO_OK;
    close_subject(s);
    return error->status;
}

/* ---- evaluation: what elbo eval prints ---- */

/* active_units_1, used_units_1, ...: of each level. Levels that a model does not have are null, so that models of
 * different depth share a table. */
static void put_levels(json_t *values, const elbo_evaluation *figures) {
    for (int i = 0; i < ELBO_MAX_INTS; i++) {
        char key[32];
        snprintf(key, sizeof key, "active_units_%d", i + 1);
        bool known = i < figures->layer_active.count;
        json_object_set_new(values, key, known ? json_integer(figures->layer_active.value[i]) : json_null());
        snprintf(key, sizeof key, "used_units_%d", i + 1);
        json_object_set_new(values, key, known ? json_integer(figures->layer_used.value[i]) : json_null());
    }
}

static elbo_status evaluation(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    subject s = {0};
    elbo_evaluation figures = {0};
    elbo_status status = open_subject(&s, at, error);
    if (status == ELBO_OK) status = elbo_evaluate(s.model, s.dataset, options, at->progress, at->user, &figures, error);
    if (status == ELBO_OK) {
        json_t *object = elbo_cli_figures_json(&figures);
        json_object_update(values, object);
        json_decref(object);
        json_object_set_new(values, "log_likelihood", elbo_cli_json_real(-figures.nll));
        put_levels(values, &figures);
    }
    elbo_evaluation_clear(&figures);
    close_subject(&s);
    return status;
}

/* ---- likelihood: what elbo eval --nll prints ---- */

#define LIKELIHOOD_OPTIONS(O) ELBO_EVALUATION_OPTIONS(O) ELBO_LIKELIHOOD_OPTIONS(O)
ELBO_OPTIONS_STRUCT(likelihood_options, LIKELIHOOD_OPTIONS);
#define ELBO_TABLE_STRUCT likelihood_options
static ELBO_TABLE(likelihood_table, "Likelihood", LIKELIHOOD_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* Fills the struct of `table` with the options of the same names. */
static elbo_status take_options(const likelihood_options *all, const elbo_options *table, void *values,
                                elbo_error *error) {
    char text[4096];
    ELBO_CLI_TRY(elbo_options_init(table, values, error));
    for (size_t i = 0; i < table->count; i++)
        if (elbo_options_get(&likelihood_table, all, table->rows[i].name, text, sizeof text))
            ELBO_CLI_TRY(elbo_options_set(table, values, table->rows[i].name, text, error));
    return ELBO_OK;
}

static void put(json_t *values, const char *prefix, const char *name, double value) {
    char key[192];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    json_object_set_new(values, key, elbo_cli_json_real(value));
}

static void put_estimate(json_t *values, const char *prefix, const elbo_likelihood_estimate *one) {
    put(values, prefix, "log_likelihood", -one->nll);
    put(values, prefix, "nll", one->nll);
    put(values, prefix, "nll_stderr", one->nll_stderr);
    put(values, prefix, "nll_sampling_error", one->nll_sampling_error);
    put(values, prefix, "reverse_nll", one->reverse_nll);
    put(values, prefix, "ess_mean", one->ess_mean);
    put(values, prefix, "acceptance", one->acceptance);
    put(values, prefix, "r_hat", one->r_hat);
    put(values, prefix, "seconds", one->seconds);
}

/* The first method under plain names ("nll"), and each under its own ("hmc_nll"). */
static elbo_status likelihood(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    subject s = {0};
    elbo_evaluation_options rows = {0};
    elbo_likelihood_options methods = {0};
    elbo_likelihood_comparison figures = {0};
    elbo_status status = take_options(options, &elbo_evaluation_options_table, &rows, error);
    if (status == ELBO_OK) status = take_options(options, &elbo_likelihood_options_table, &methods, error);
    if (status == ELBO_OK) status = open_subject(&s, at, error);
    if (status == ELBO_OK)
        status = elbo_likelihoods(s.model, s.dataset, &rows, &methods, at->progress, at->user, &figures, error);
    if (status == ELBO_OK) {
        put(values, "", "elbo", figures.elbo);
        put(values, "", "elbo_stderr", figures.elbo_stderr);
        json_object_set_new(values, "count", json_integer(figures.count));
    }
    for (size_t i = 0; i < figures.methods && status == ELBO_OK; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s_", figures.estimate[i].method);
        if (i == 0) put_estimate(values, "", &figures.estimate[i]);
        put_estimate(values, prefix, &figures.estimate[i]);
    }
    elbo_likelihoods_clear(&figures);
    elbo_options_clear(&elbo_evaluation_options_table, &rows);
    elbo_options_clear(&elbo_likelihood_options_table, &methods);
    close_subject(&s);
    return status;
}

/* ---- gradvar: what elbo gradvar prints ---- */

static void put_group(json_t *values, const char *estimator, const elbo_gradvar_group *group) {
    char prefix[128];
    snprintf(prefix, sizeof prefix, "%s%s%s_", estimator, *estimator ? "_" : "", group->name);
    put(values, prefix, "norm", group->norm);
    put(values, prefix, "variance", group->variance);
    put(values, prefix, "snr", group->snr);
    put(values, prefix, "bias", group->bias);
    put(values, prefix, "bias_stderr", group->bias_stderr);
    put(values, prefix, "cosine", group->cosine);
}

/* The first estimator under plain names ("encoder_snr"), and each under its own ("iwae:10_encoder_snr"). */
static elbo_status gradvar(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    subject s = {0};
    elbo_gradvar_comparison figures = {0};
    elbo_status status = open_subject(&s, at, error);
    if (status == ELBO_OK) status = elbo_gradvar(s.model, s.dataset, options, at->progress, at->user, &figures, error);
    for (size_t i = 0; i < figures.count && status == ELBO_OK; i++)
        for (size_t g = 0; g < figures.estimate[i].groups; g++) {
            if (i == 0) put_group(values, "", &figures.estimate[i].group[g]);
            put_group(values, figures.estimate[i].name, &figures.estimate[i].group[g]);
        }
    elbo_gradvar_clear(&figures);
    close_subject(&s);
    return status;
}

/* ---- topics: what elbo topics --coherence data prints ---- */

#define TOPICS_OPTIONS(O) \
    ELBO_TOPIC_OPTIONS(O) O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which documents words are looked for in")
ELBO_OPTIONS_STRUCT(topics_options, TOPICS_OPTIONS);
#define ELBO_TABLE_STRUCT topics_options
static ELBO_TABLE(topics_table, "Topics", TOPICS_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status topics(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    const topics_options *wanted = options;
    elbo_topic_options words = {.top_words = wanted->top_words, .diversity_words = wanted->diversity_words};
    subject s = {0};
    elbo_array weights = {0};
    elbo_topic_scores scores = {0};
    elbo_status status = open_subject(&s, at, error);
    if (status == ELBO_OK) status = elbo_model_topics(s.model, &weights, error);
    if (status == ELBO_OK)
        status = elbo_score_topics(&weights, NULL, s.dataset, elbo_cli_split(wanted->split), &words, &scores, error);
    if (status == ELBO_OK) {
        put(values, "", "npmi", scores.npmi);
        put(values, "", "c_v", scores.c_v);
        put(values, "", "diversity", scores.diversity);
    }
    elbo_topic_scores_clear(&scores);
    elbo_array_free(&weights);
    close_subject(&s);
    return status;
}

/* ---- clusters: what elbo cluster prints ---- */

#define CLUSTERS_OPTIONS(O)                                                                                         \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                    \
    O(INT, mixture, "10", 1, 65536, NULL, "models without clusters: components of a mixture fitted to their codes") \
    O(CHOICE, covariance, "full", 0, 0, ELBO_CLI_CODE_COVARIANCES,                                                  \
      "models without clusters: covariance of a component")                                                         \
    O(INT, restarts, "20", 1, 10000, NULL, "models without clusters: starts of EM, of which the best is kept")      \
    O(INT, seed, "1", 0, 9.2e18, NULL, "models without clusters: seed of those starts")
ELBO_OPTIONS_STRUCT(clusters_options, CLUSTERS_OPTIONS);
#define ELBO_TABLE_STRUCT clusters_options
static ELBO_TABLE(clusters_table, "Clusters", CLUSTERS_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status score_clusters(const elbo_cli_clusters *found, json_t *values, elbo_error *error) {
    elbo_cluster_scores scores = {0};
    put(values, "", "used", (double)found->used);
    if (!found->labels.data)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "clusters: the data have no labels to compare them with");
    ELBO_CLI_TRY(elbo_score_clusters(&found->assigned, &found->labels, &scores, error));
    put(values, "", "accuracy", scores.accuracy);
    put(values, "", "accuracy_percent", 100 * scores.accuracy);
    put(values, "", "nmi", scores.nmi);
    put(values, "", "ari", scores.ari);
    put(values, "", "purity", scores.purity);
    elbo_cluster_scores_clear(&scores);
    return ELBO_OK;
}

static elbo_status clusters(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    subject s = {0};
    elbo_cli_clusters found = {0};
    const clusters_options *o = options;
    const elbo_cli_code_mixture how = {o->covariance, o->mixture, o->restarts, o->seed, at->threads};
    elbo_split split = elbo_cli_split(o->split);
    elbo_status status = open_subject(&s, at, error);
    if (status == ELBO_OK)
        status = elbo_model_get_info(s.model)->clusters > 0
                     ? elbo_cli_clusters_of_model(s.model, s.dataset, split, &found, error)
                     : elbo_cli_clusters_of_codes(s.model, s.dataset, split, &how, &found, error);
    if (status == ELBO_OK) status = score_clusters(&found, values, error);
    elbo_cli_clusters_free(&found);
    close_subject(&s);
    return status;
}

/* ---- disentanglement: what elbo score disentanglement prints ---- */

#define DISENTANGLEMENT_OPTIONS(O) \
    ELBO_DISENTANGLEMENT_OPTIONS(O) O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which rows")
ELBO_OPTIONS_STRUCT(disentanglement_options, DISENTANGLEMENT_OPTIONS);
#define ELBO_TABLE_STRUCT disentanglement_options
static ELBO_TABLE(disentanglement_table, "Disentanglement", DISENTANGLEMENT_OPTIONS);
#undef ELBO_TABLE_STRUCT

static void put_disentanglement(json_t *values, const elbo_disentanglement *scores) {
    put(values, "", "beta_vae", scores->beta_vae);
    put(values, "", "factor_vae", scores->factor_vae);
    put(values, "", "mig", scores->mig);
    put(values, "", "dci_disentanglement", scores->dci_disentanglement);
    put(values, "", "dci_completeness", scores->dci_completeness);
    put(values, "", "dci_informativeness", scores->dci_informativeness);
    put(values, "", "sap", scores->sap);
    put(values, "", "modularity", scores->modularity);
    put(values, "", "active", scores->active < 0 ? NAN : (double)scores->active);
}

/* What the helpers of the commands work on. */
static elbo_cli_run as_run(const subject *s) {
    return (elbo_cli_run){.model = s->model,
                          .info = elbo_model_get_info(s->model),
                          .config = elbo_model_get_config(s->model),
                          .dataset = s->dataset,
                          .data = elbo_dataset_info(s->dataset)};
}

static elbo_status disentanglement(const elbo_cli_measured *at, const void *options, json_t *values,
                                   elbo_error *error) {
    const disentanglement_options *o = options;
    const elbo_disentanglement_options how = {.metrics = o->metrics,
                                              .points = o->points,
                                              .test_points = o->test_points,
                                              .votes = o->votes,
                                              .test_votes = o->test_votes,
                                              .batch = o->batch,
                                              .least_deviation = o->least_deviation,
                                              .bins = o->bins,
                                              .trees = o->trees,
                                              .depth = o->depth,
                                              .rate = o->rate,
                                              .seed = o->seed};
    subject s = {0};
    elbo_array codes = {0}, factors = {0};
    elbo_disentanglement scores = {0};
    elbo_split split = elbo_cli_split(o->split);
    ELBO_CLI_TRY(open_subject(&s, at, error));
    elbo_cli_run run = as_run(&s);
    int64_t rows = run.data->count[split];
    elbo_status status = elbo_cli_factors(s.dataset, split, 0, rows, &factors, error);
    if (status == ELBO_OK) status = elbo_cli_run_encode(&run, split, 0, rows, &codes, NULL, error);
    if (status == ELBO_OK) status = elbo_score_disentanglement(&codes, &factors, &how, at->threads, &scores, error);
    if (status == ELBO_OK) put_disentanglement(values, &scores);
    elbo_disentanglement_clear(&scores);
    elbo_array_free(&codes);
    elbo_array_free(&factors);
    close_subject(&s);
    return status;
}

/* ---- picture: what elbo manifold, elbo sample and elbo traverse draw ---- */

#define PICTURE_OPTIONS(O)                                                                            \
    O(CHOICE, of, "manifold", 0, 0, "manifold|samples|traversal",                                     \
      "means of p(x|z) over a plane of codes, of z ~ p(z), or along one dimension of z in each row")  \
    O(INT, side, "20", 1, 100, NULL, "images in a row, and in a column but for a traversal")          \
    O(INTS, dims, "", 0, 1e9, NULL,                                                                   \
      "manifold: the two dimensions of the plane (default: 0,1); traversal: the rows (default: all)") \
    O(REAL, range, "3", 0, 1e6, NULL, "traversal: from -RANGE to RANGE")                              \
    O(INT, seed, "1", 0, 9.2e18, NULL, "samples: seed of the draws")
ELBO_OPTIONS_STRUCT(picture_options, PICTURE_OPTIONS);
#define ELBO_TABLE_STRUCT picture_options
static ELBO_TABLE(picture_table, "Picture", PICTURE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* RUN/NAME/step00000625.png, whose folder is made: pictures lie in the order of their steps. */
static elbo_status picture_path(const elbo_cli_measured *at, char path[4096], elbo_error *error) {
    char folder[3072];
    snprintf(folder, sizeof folder, "%.2900s/%s", at->folder, at->name);
    snprintf(path, 4096, "%s/step%08lld.png", folder, (long long)at->step);
    return elbo_cli_make_folders(folder, error);
}

static elbo_status show_items(elbo_cli_run *run, const picture_options *o, elbo_array *items, elbo_error *error) {
    const elbo_cli_samples how = {.count = o->side * o->side, .seed = (uint64_t)o->seed, .temperature = 1};
    if (strcmp(o->of, "samples") == 0) return elbo_cli_show_samples(run, &how, items, error);
    bool traversal = strcmp(o->of, "traversal") == 0;
    elbo_ints dims = o->dims.count ? o->dims : (elbo_ints){.count = 2, .value = {0, 1}};
    if (traversal) dims = elbo_cli_traversed(&o->dims, run->info->latent);
    if (!traversal && dims.count != 2)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "dims: two dimensions were expected");
    ELBO_CLI_TRY(elbo_cli_check_dims(&dims, run->info->latent, error));
    if (traversal) return elbo_cli_show_traversal(run, NULL, &dims, o->side, o->range, items, error);
    return elbo_cli_show_manifold(run, &dims, o->side, items, error);
}

static elbo_status picture(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    const picture_options *o = options;
    subject s = {0};
    elbo_array items = {0};
    char path[4096];
    ELBO_CLI_TRY(open_subject(&s, at, error));
    elbo_cli_run run = as_run(&s);
    elbo_picture layout = {.columns = (int)o->side, .scale = 1, .seamless = strcmp(o->of, "manifold") == 0};
    elbo_status status = elbo_cli_picture(&run, &layout, error);
    if (status == ELBO_OK) status = show_items(&run, o, &items, error);
    if (status == ELBO_OK) status = picture_path(at, path, error);
    if (status == ELBO_OK) status = elbo_picture_grid(&items, &layout, path, error);
    if (status == ELBO_OK) json_object_set_new(values, "picture", elbo_cli_json_text(path));
    elbo_array_free(&items);
    close_subject(&s);
    return status;
}

/* ---- denoising: what elbo denoise prints and draws ---- */

enum { PICTURED = 10 };

/* Tables have no picture. */
static bool is_image(const elbo_cli_run *run) { return elbo_cli_is_image(run->data->item_rank, run->data->item_shape); }

static elbo_status denoising(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    const elbo_cli_restore_options *o = options;
    subject s = {0};
    elbo_cli_restored made = {0};
    char path[4096];
    ELBO_CLI_TRY(open_subject(&s, at, error));
    elbo_cli_run run = as_run(&s);
    elbo_split split;
    bool image = is_image(&run);
    elbo_status status = elbo_cli_run_split(&run, o->split, &split, error);
    if (status == ELBO_OK) status = elbo_cli_restore(&run, split, o, &made, error);
    if (status == ELBO_OK && image) status = picture_path(at, path, error);
    if (status == ELBO_OK && image) status = elbo_cli_restored_draw(&run, &made, PICTURED, path, error);
    if (status == ELBO_OK) {
        put(values, "", "mse_corrupted", made.error_corrupted);
        put(values, "", "mse_restored", made.error_restored);
        put(values, "", "noise_level", made.level);
        json_object_set_new(values, "noise", elbo_cli_json_text(made.noise));
        if (image) json_object_set_new(values, "picture", elbo_cli_json_text(path));
    }
    elbo_cli_restored_free(&made);
    close_subject(&s);
    return status;
}

/* ---- anomalies: what elbo anomaly prints and draws ---- */

static elbo_status draw_worst(const elbo_cli_anomalies *found, elbo_cli_run *run, const char *path, elbo_error *error) {
    int64_t count, *worst = elbo_cli_anomalies_worst(found, &count);
    if (!worst) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory: an order of rows");
    elbo_status status = elbo_cli_anomalies_draw(found, run, worst, count, path, error);
    free(worst);
    return status;
}

static elbo_status put_detection(const elbo_cli_anomalies *found, json_t *values, elbo_error *error) {
    const elbo_detection *d = &found->detection;
    if (d->count == 0)
        return elbo_cli_fail(error, ELBO_ERROR_STATE,
                             "anomalies: no labels tell anomalies from normal rows (train_labels, or normal-label)");
    put(values, "", "auroc", d->auroc);
    put(values, "", "auroc_stderr", d->auroc_stderr);
    put(values, "", "average_precision", d->average_precision);
    put(values, "", "detected", d->detected);
    put(values, "", "false_alarms", d->false_alarms);
    put(values, "", "threshold", d->threshold);
    json_object_set_new(values, "anomalies", json_integer(d->anomalies));
    return ELBO_OK;
}

static elbo_status anomalies(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error) {
    elbo_cli_anomalies found = {.options = options, .progress = at->progress, .user = at->user};
    subject s = {0};
    char path[4096];
    ELBO_CLI_TRY(open_subject(&s, at, error));
    elbo_cli_run run = as_run(&s);
    bool image = is_image(&run);
    elbo_status status = elbo_cli_run_split(&run, found.options->split, &found.split, error);
    if (status == ELBO_OK) status = elbo_cli_anomalies_find(&found, &run, error);
    if (status == ELBO_OK) status = put_detection(&found, values, error);
    if (status == ELBO_OK && image) status = picture_path(at, path, error);
    if (status == ELBO_OK && image) status = draw_worst(&found, &run, path, error);
    if (status == ELBO_OK && image) json_object_set_new(values, "picture", elbo_cli_json_text(path));
    elbo_cli_anomalies_free(&found);
    close_subject(&s);
    return status;
}

/* ---- All of them ---- */

static const elbo_cli_measurement measurements[] = {
    {"evaluation", "ELBO, reconstruction, KL, likelihood by importance sampling, active units",
     &elbo_evaluation_options_table, evaluation},
    {"likelihood", "log p(x) by the methods of --nll: prior, is, hmc, ais", &likelihood_table, likelihood},
    {"clusters", "accuracy under the best matching, NMI, ARI of a model's clusters", &clusters_table, clusters},
    {"gradvar", "bias and variance of estimators of the gradient", &elbo_gradvar_options_table, gradvar},
    {"disentanglement", "six scores of the codes against the factors of variation, where a generator knows them",
     &disentanglement_table, disentanglement},
    {"denoising", "mean squared error before and after, and a picture", &elbo_cli_restore_options_table, denoising},
    {"anomalies", "AUROC, average precision, what a threshold detects, and a picture of the worst rows",
     &elbo_cli_anomaly_options_table, anomalies},
    {"picture", "a manifold, samples or a traversal as a PNG", &picture_table, picture},
    {"topics", "NPMI, c_v and diversity of a model's topics, by its own documents", &topics_table, topics},
};
enum { MEASUREMENTS = sizeof measurements / sizeof *measurements };

const elbo_cli_measurement *elbo_cli_measurement_find(const char *name) {
    for (size_t i = 0; i < MEASUREMENTS; i++)
        if (strcmp(measurements[i].name, name) == 0) return &measurements[i];
    return NULL;
}

void elbo_cli_measurement_list(char *out, size_t size) {
    *out = 0;
    for (size_t i = 0; i < MEASUREMENTS; i++)
        snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? ", " : "", measurements[i].name);
}
