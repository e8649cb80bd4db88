/* elbo cluster: the cluster of each row, by a model or a mixture, and how clusters and labels agree. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/clusters.h"
#include "support/describe.h"
#include "support/rows.h"
#include "support/save.h"
#include "support/score.h"
#include "support/seeds.h"
#include "support/show.h"

#define CLUSTER_OPTIONS(O)                                                                                          \
    O(TEXT, out, "", 0, 0, NULL,                                                                                    \
      "also write the cluster of each row: .npy or .csv; .npz with probabilities and, where there are any, labels") \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                    \
    O(INT, mixture, "0", 0, 65536, NULL,                                                                            \
      "instead of the model's clusters: so many components of a mixture fitted by EM to the codes of the rows")     \
    O(CHOICE, covariance, "full", 0, 0, ELBO_CLI_CODE_COVARIANCES, "mixture: covariance of a component")            \
    O(INT, restarts, "20", 1, 10000, NULL, "mixture: starts of EM, of which the best is kept")                      \
    O(TEXT, picture, "", 0, 0, NULL, "also write samples of each cluster, a row of images for each: .png")          \
    O(INT, count, "10", 1, 10000, NULL, "picture: samples of each cluster")                                         \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the starts of EM and of the picture's draws")
ELBO_OPTIONS_STRUCT(cluster_options, CLUSTER_OPTIONS);
#define ELBO_TABLE_STRUCT cluster_options
static ELBO_TABLE(cluster_table, "Clusters", CLUSTER_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* What a command holds while it works. */
typedef struct work_state {
    const elbo_context *context;
    const cluster_options *options;
    elbo_cli_clusters found;
    elbo_cluster_scores scores; /* where there are labels */
} work_state;

static void clear(work_state *w) {
    elbo_cli_clusters_free(&w->found);
    elbo_cluster_scores_clear(&w->scores);
}

/* ---- Files ---- */

static elbo_status write_rows(const work_state *w, elbo_error *error) {
    const elbo_cli_clusters *found = &w->found;
    if (!*w->options->out) return ELBO_OK;
    if (!elbo_cli_is_npz(w->options->out)) return elbo_array_save(&found->assigned, w->options->out, error);
    const elbo_array *arrays[] = {&found->assigned, &found->probabilities, &found->labels};
    const char *const names[] = {"cluster", "probability", "labels"};
    return elbo_cli_save_npz(arrays, names, found->labels.data ? 3 : 2, w->options->out, error);
}

/* Samples of cluster k behind those of the clusters before it: all: [clusters * count, item...]. */
static elbo_status add_samples(elbo_cli_run *run, const cluster_options *options, int64_t k, elbo_array *all,
                               elbo_error *error) {
    elbo_array items = {0};
    const elbo_cli_samples how = {options->count, (uint64_t)options->seed, 1, false, true, k};
    ELBO_CLI_TRY(elbo_cli_show_samples(run, &how, &items, error));
    elbo_status status = ELBO_OK;
    int64_t shape[ELBO_MAX_RANK];
    memcpy(shape, items.shape, sizeof shape);
    shape[0] *= run->info->clusters;
    if (k == 0) status = elbo_array_new(all, ELBO_F32, items.rank, shape, error);
    size_t bytes = sizeof(float) * (size_t)(options->count * run->info->item_size);
    if (status == ELBO_OK) memcpy((char *)all->data + (size_t)k * bytes, items.data, bytes);
    elbo_array_free(&items);
    return status;
}

static elbo_status write_picture(elbo_cli_run *run, const cluster_options *options, elbo_error *error) {
    elbo_array all = {0};
    elbo_status status = ELBO_OK;
    for (int64_t k = 0; k < run->info->clusters && status == ELBO_OK; k++)
        status = add_samples(run, options, k, &all, error);
    const elbo_picture layout = {.columns = (int)options->count};
    if (status == ELBO_OK) status = elbo_cli_save(run, &all, &layout, ELBO_CLI_KIND_PICTURE, options->picture, error);
    elbo_array_free(&all);
    return status;
}

/* ---- Saying ---- */

static elbo_status score(work_state *w, elbo_error *error) {
    if (!w->found.labels.data) return ELBO_OK;
    return elbo_score_clusters(&w->found.assigned, &w->found.labels, &w->scores, error);
}

/* The label that a cluster was matched to, or ELBO_UNMATCHED. */
static int64_t match_of(const elbo_cluster_scores *scores, int64_t cluster) {
    for (int64_t i = 0; i < scores->clusters; i++)
        if (scores->cluster[i] == cluster) return scores->matched[i];
    return ELBO_UNMATCHED;
}

enum { FIGURES = 6 };

static void figures_of(const elbo_cluster_scores *s, elbo_cli_score_figure out[FIGURES]) {
    const elbo_cli_score_figure figures[FIGURES] = {
        {"accuracy", s->accuracy}, {"nmi", s->nmi}, {"nmi_geometric", s->nmi_geometric},
        {"nmi_max", s->nmi_max},   {"ari", s->ari}, {"purity", s->purity}};
    memcpy(out, figures, sizeof figures);
}

static json_t *to_json(const work_state *w) {
    const elbo_cli_clusters *found = &w->found;
    elbo_cli_score_figure figures[FIGURES];
    figures_of(&w->scores, figures);
    json_t *object = elbo_cli_score_json("clusters", figures, found->labels.data ? FIGURES : 0);
    json_t *list = json_array();
    for (int64_t k = 0; k < found->clusters; k++) {
        int64_t match = match_of(&w->scores, k);
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:o, s:o}", "cluster", (json_int_t)k, "rows", (json_int_t)found->rows[k],
                            "certainty", elbo_cli_json_real(found->certainty[k]), "class",
                            match == ELBO_UNMATCHED ? json_null() : json_integer(match)));
    }
    json_object_set_new(object, "count", json_integer(found->assigned.shape[0]));
    json_object_set_new(object, "clusters", json_integer(found->clusters));
    json_object_set_new(object, "used", json_integer(found->used));
    if (found->labels.data) json_object_set_new(object, "classes", json_integer(w->scores.classes));
    json_object_set_new(object, "per_cluster", list);
    json_object_set_new(object, "out", elbo_cli_json_text(*w->options->out ? w->options->out : NULL));
    json_object_set_new(object, "picture", elbo_cli_json_text(*w->options->picture ? w->options->picture : NULL));
    return object;
}

static void print(const work_state *w) {
    const elbo_cli_clusters *found = &w->found;
    bool labels = found->labels.data != NULL;
    printf("%lld rows in %lld of %lld clusters\n\n  cluster       rows  certainty%s\n",
           (long long)found->assigned.shape[0], (long long)found->used, (long long)found->clusters,
           labels ? "  class" : "");
    for (int64_t k = 0; k < found->clusters; k++) {
        int64_t match = match_of(&w->scores, k);
        printf("  %7lld %10lld ", (long long)k, (long long)found->rows[k]);
        if (isnan(found->certainty[k]))
            printf("%10s", "-");
        else
            printf("%10.3f", found->certainty[k]);
        if (match != ELBO_UNMATCHED) printf(" %6lld", (long long)match);
        printf("\n");
    }
    if (labels) {
        elbo_cli_score_figure figures[FIGURES];
        figures_of(&w->scores, figures);
        printf("\nagainst %lld classes\n", (long long)w->scores.classes);
        elbo_cli_score_print(figures, FIGURES);
    }
    if (*w->options->out) printf("clusters written to %s\n", w->options->out);
    if (*w->options->picture) printf("picture written to %s\n", w->options->picture);
}

static int say(const work_state *w) {
    if (w->context->common->json) return elbo_cli_json_print(w->context, to_json(w));
    print(w);
    return ELBO_EXIT_OK;
}

static elbo_status finish(work_state *w, elbo_error *error) {
    ELBO_CLI_TRY(score(w, error));
    return write_rows(w, error);
}

/* ---- A model ---- */

static elbo_status use_model(elbo_cli_run *run, elbo_error *error) {
    const cluster_options *options = elbo_context_values(run->context, &cluster_table);
    work_state w = {.context = run->context, .options = options};
    elbo_split split;
    if (*options->picture) ELBO_CLI_TRY(elbo_cli_check_picture(run, ELBO_CLI_KIND_PICTURE, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    const elbo_cli_code_mixture how = {options->covariance, options->mixture, options->restarts, options->seed,
                                       (int)run->context->common->threads};
    elbo_status status = options->mixture > 0
                             ? elbo_cli_clusters_of_codes(run->model, run->dataset, split, &how, &w.found, error)
                             : elbo_cli_clusters_of_model(run->model, run->dataset, split, &w.found, error);
    if (status == ELBO_OK) status = finish(&w, error);
    if (status == ELBO_OK && *options->picture) status = write_picture(run, options, error);
    if (status == ELBO_OK && !elbo_cli_run_figures(run, to_json(&w))) print(&w);
    clear(&w);
    return status;
}

/* ---- A mixture that elbo fit left ---- */

/* The file of a fit in a folder; false where there is none. */
static bool find_fit(const char *folder, char *path, size_t size) {
    struct stat what;
    int used = snprintf(path, size, "%s/model.safetensors", folder);
    return used > 0 && (size_t)used < size && stat(path, &what) == 0;
}

static elbo_status cluster_fit(work_state *w, const char *path, elbo_error *error) {
    const elbo_cli_source_options *source = elbo_context_values(w->context, &elbo_cli_source_options_table);
    elbo_split split = elbo_cli_split(w->options->split);
    elbo_fit *fit = elbo_fit_load(path, (int)w->context->common->threads, error);
    if (!fit) return error->status;
    elbo_dataset *dataset =
        elbo_dataset_open(source->data, elbo_context_values(w->context, &elbo_data_options_table), error);
    elbo_status status = dataset ? ELBO_OK : error->status;
    if (status == ELBO_OK) status = elbo_cli_clusters_of_fit(fit, dataset, split, &w->found, error);
    if (status == ELBO_OK) status = finish(w, error);
    elbo_dataset_free(dataset);
    elbo_fit_free(fit);
    return status;
}

static int use_fit(elbo_context *context, const cluster_options *options, const char *path) {
    work_state w = {.context = context, .options = options};
    const elbo_cli_source_options *source = elbo_context_values(context, &elbo_cli_source_options_table);
    elbo_error error = {0};
    if (!*source->data) return elbo_context_usage(context, "--data SOURCE is missing: a fit does not name its data");
    if (options->mixture > 0)
        return elbo_context_usage(context, "--mixture: a fit is a mixture already; the codes are those of a model");
    if (*options->picture)
        return elbo_context_usage(context, "--picture: a fit has means.png; samples of clusters are those of a model");
    int code = cluster_fit(&w, path, &error) == ELBO_OK ? say(&w) : elbo_context_fail(context, &error);
    clear(&w);
    return code;
}

/* Options that would do nothing. */
static int check_use(const elbo_context *context, const cluster_options *options) {
    bool picture = *options->picture, mixture = options->mixture > 0;
    if (mixture && picture)
        return elbo_context_usage(context, "--picture draws from the clusters of the model: leave --mixture out");
    if (!picture && elbo_context_given(context, "count"))
        return elbo_context_usage(context, "--count: there is no --picture to draw");
    static const char *const of_mixture[] = {"covariance", "restarts"};
    for (size_t i = 0; i < sizeof of_mixture / sizeof *of_mixture; i++)
        if (!mixture && elbo_context_given(context, of_mixture[i]))
            return elbo_context_usage(context, "--%s: there is no --mixture to fit", of_mixture[i]);
    if (!picture && !mixture && elbo_context_given(context, "seed"))
        return elbo_context_usage(context, "--seed: there is nothing to draw without --picture or --mixture");
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    const cluster_options *options = elbo_context_values(context, &cluster_table);
    char path[4096];
    int code = ELBO_EXIT_OK;
    if (strcmp(options->out, "-") == 0) return elbo_context_usage(context, "--out: a file was expected");
    if (*options->out) code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_ARRAY);
    if (code == ELBO_EXIT_OK && *options->picture)
        code = elbo_cli_check_out(context, options->picture, ELBO_CLI_KIND_PICTURE);
    if (code == ELBO_EXIT_OK) code = check_use(context, options);
    if (code == ELBO_EXIT_OK && (*options->out || *options->picture) &&
        elbo_cli_seeds_in(elbo_context_argument(context, 0)))
        code = elbo_context_usage(context, "--out, --picture: one file for the runs of several seeds; name one run");
    if (code != ELBO_EXIT_OK) return code;
    return find_fit(elbo_context_argument(context, 0), path, sizeof path) ? use_fit(context, options, path)
                                                                          : elbo_cli_run_with_each(context, use_model);
}

const elbo_command command_cluster = {
    .name = "cluster",
    .group = ELBO_GROUP_USE,
    .order = 9,
    .summary = "tell which cluster each row is in",
    .usage = (const char *const[]){"RUN [-o FILE] [--picture FILE] [--data SOURCE] [OPTIONS]",
                                   "FIT --data SOURCE [-o FILE] [OPTIONS]", NULL},
    .description =
        "Gives each row the cluster c of largest q(c|x): of a model of clusters (vade, dec, aae --clusters) that of "
        "largest p(c|z) at the mean of q(z|x); of any model, with --mixture, that of a mixture fitted to its codes; of "
        "a fit by 'elbo fit "
        "gmm' or "
        "'bgmm' the component. Certainty is the mean of that largest q(c|x). Where rows have labels, clusters and "
        "labels "
        "are compared as 'elbo score clusters' does.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments =
        (const elbo_argument[]){{"RUN", "folder of a run, of --seeds or of a fit, or a .safetensors checkpoint",
                                 ELBO_ARGUMENT_FOLDER, 1, 1, NULL},
                                {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"},
                                 {"mixture", 0, "K"},
                                 {"picture", 0, "FILE"},
                                 {"count", 'n', NULL},
                                 ELBO_CLI_SOURCE_FLAGS,
                                 {0}},
    .tables = (const elbo_options *const[]){&cluster_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo cluster run", "accuracy, NMI and ARI where the data have labels"},
            {"elbo cluster run -o c.npy --picture c.png", "clusters of all rows, and samples of each cluster"},
            {"elbo cluster run --mixture 10", "of any model: its codes in ten clusters"},
            {"elbo cluster fit --data 'z.npz#mean' --labels 'z.npz#labels'", "a mixture fitted to codes"},
            {0}},
    .run = run,
};
