#include "support/frechet.h"

#include <stdio.h>
#include <string.h>

#include "support/classifier.h"
#include "support/describe.h"
#include "support/text.h"

#define ELBO_TABLE_STRUCT elbo_cli_frechet_options
ELBO_TABLE(elbo_cli_frechet_options_table, "Frechet distance", ELBO_CLI_FRECHET_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { PORTION = 1000, MOST = 10000 };

/* ---- Options ---- */

/* The first option that was typed and has no part in this, or NULL. */
static const char *idle(const elbo_context *context) {
    static const char *const names[] = {"samples", "active_threshold", "precision", "per_datum", "gap"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (elbo_context_given(context, names[i])) return names[i];
    static const elbo_options *const tables[] = {&elbo_likelihood_options_table, &elbo_gap_options_table};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (elbo_context_given(context, tables[t]->rows[i].name)) return tables[t]->rows[i].name;
    return NULL;
}

bool elbo_cli_frechet_wanted(const elbo_context *context, int *code) {
    const elbo_cli_frechet_options *options = elbo_context_values(context, &elbo_cli_frechet_options_table);
    const elbo_evaluation_options *evaluation = elbo_context_values(context, &elbo_evaluation_options_table);
    char dashed[ELBO_NAME_SIZE];
    const char *other = *options->frechet ? idle(context) : NULL;
    *code = ELBO_EXIT_OK;
    if (other)
        *code = elbo_context_usage(context, "--%s does not go with --frechet", elbo_cli_text_dashed(other, dashed));
    else if (!*options->frechet && *options->mixture)
        *code = elbo_context_usage(context, "--mixture needs --frechet CLASSIFIER");
    else if (*options->frechet && strcmp(evaluation->split, "all") == 0)
        *code = elbo_context_usage(context, "--split all: --frechet compares one split with another");
    return *options->frechet != 0;
}

/* ---- Measuring ---- */

/* Models of p(x|c) draw for each row of the split one item of its c. */
static elbo_status draw_codes(elbo_cli_run *run, elbo_split split, int64_t count, elbo_array *codes,
                              elbo_error *error) {
    const elbo_cli_frechet_options *options = elbo_context_values(run->context, &elbo_cli_frechet_options_table);
    const elbo_evaluation_options *evaluation = elbo_context_values(run->context, &elbo_evaluation_options_table);
    uint64_t seed = (uint64_t)evaluation->seed;
    if (*options->mixture) return elbo_cli_mixture_codes(run, options->mixture, count, seed, codes, error);
    ELBO_CLI_TRY(elbo_model_condition_rows(run->model, run->dataset, split, NULL, 0, count, error));
    return elbo_model_prior(run->model, count, seed, 1, codes, error);
}

/* Codes are decoded some at a time, so that their images need little room. */
static elbo_status features_of_draws(elbo_cli_run *run, elbo_classifier *classifier, elbo_split split, int64_t count,
                                     elbo_array *features, elbo_error *error) {
    elbo_array codes = {0};
    const int64_t shape[] = {count, elbo_classifier_get_info(classifier)->features};
    ELBO_CLI_TRY(draw_codes(run, split, count, &codes, error));
    elbo_status status = elbo_array_new(features, ELBO_F32, 2, shape, error);
    for (int64_t first = 0; first < count && status == ELBO_OK; first += PORTION) {
        int64_t rows = count - first < PORTION ? count - first : PORTION;
        elbo_array items = {0}, some = {.dtype = ELBO_F32, .rank = 2, .shape = {rows, codes.shape[1]}};
        some.data = (float *)codes.data + first * codes.shape[1];
        status = elbo_model_condition_rows(run->model, run->dataset, split, NULL, first, rows, error);
        if (status == ELBO_OK) status = elbo_model_decode(run->model, &some, false, 0, &items, error);
        if (status == ELBO_OK) status = elbo_cli_classifier_features(classifier, &items, first, features, error);
        elbo_array_free(&items);
    }
    elbo_array_free(&codes);
    return status;
}

static elbo_status compare(elbo_cli_run *run, elbo_classifier *classifier, int64_t count, elbo_cli_frechet *out,
                           elbo_error *error) {
    elbo_array data = {0}, other = {0}, draws = {0};
    int64_t others = run->data->count[out->other] < count ? run->data->count[out->other] : count;
    elbo_status status = elbo_cli_classifier_apply(classifier, run->dataset, out->split, 0, count, NULL, &data, error);
    if (status == ELBO_OK)
        status = elbo_cli_classifier_apply(classifier, run->dataset, out->other, 0, others, NULL, &other, error);
    if (status == ELBO_OK) status = features_of_draws(run, classifier, out->split, count, &draws, error);
    if (status == ELBO_OK) status = elbo_score_frechet(&draws, &data, &out->draws, error);
    if (status == ELBO_OK) status = elbo_score_frechet(&other, &data, &out->floor, error);
    elbo_array_free(&data);
    elbo_array_free(&other);
    elbo_array_free(&draws);
    return status;
}

static void name_classifier(const elbo_classifier *classifier, const char *path, char *out, size_t size) {
    const elbo_classifier_info *info = elbo_classifier_get_info(classifier);
    snprintf(out, size, "%.200s (%lld features, begun as %s, %lld epochs of %lld rows)", path,
             (long long)info->features, info->start, (long long)info->epochs, (long long)info->rows);
}

elbo_status elbo_cli_frechet_measure(elbo_cli_run *run, elbo_cli_frechet *out, elbo_error *error) {
    const elbo_cli_frechet_options *options = elbo_context_values(run->context, &elbo_cli_frechet_options_table);
    const elbo_evaluation_options *evaluation = elbo_context_values(run->context, &elbo_evaluation_options_table);
    memset(out, 0, sizeof *out);
    elbo_classifier *classifier = elbo_classifier_load(options->frechet, (int)run->context->common->threads, error);
    if (!classifier) return error->status;
    elbo_split checked;
    elbo_status status = elbo_cli_run_data(run, error);
    if (status == ELBO_OK) status = elbo_cli_classifier_check(run->context, classifier, run->data, error);
    if (status == ELBO_OK) status = elbo_cli_run_split(run, evaluation->split, &out->split, error);
    out->other = out->split == ELBO_SPLIT_TRAIN ? ELBO_SPLIT_TEST : ELBO_SPLIT_TRAIN;
    if (status == ELBO_OK) status = elbo_cli_run_split(run, elbo_cli_split_names[out->other], &checked, error);
    if (status == ELBO_OK) {
        int64_t most = evaluation->count > 0 ? evaluation->count : MOST, rows = run->data->count[out->split];
        name_classifier(classifier, options->frechet, out->classifier, sizeof out->classifier);
        status = compare(run, classifier, rows < most ? rows : most, out, error);
    }
    elbo_classifier_free(classifier);
    return status;
}

/* ---- Saying ---- */

static const char *origin(const elbo_cli_run *run) {
    const elbo_cli_frechet_options *options = elbo_context_values(run->context, &elbo_cli_frechet_options_table);
    return *options->mixture ? "mixture of codes" : "prior";
}

json_t *elbo_cli_frechet_json(const elbo_cli_run *run, const elbo_cli_frechet *m) {
    json_t *object = json_object();
    json_object_set_new(object, "frechet", elbo_cli_json_real(m->draws.frechet));
    json_object_set_new(object, "mean_term", elbo_cli_json_real(m->draws.mean_term));
    json_object_set_new(object, "covariance_term", elbo_cli_json_real(m->draws.covariance_term));
    json_object_set_new(object, "floor", elbo_cli_json_real(m->floor.frechet));
    json_object_set_new(object, "count", json_integer(m->draws.rows_b));
    json_object_set_new(object, "floor_count", json_integer(m->floor.rows_a));
    json_object_set_new(object, "features", json_integer(m->draws.dims));
    json_object_set_new(object, "codes", elbo_cli_json_text(origin(run)));
    json_object_set_new(object, "classifier", elbo_cli_json_text(m->classifier));
    json_object_set_new(object, "warning", elbo_cli_json_text(m->draws.warning[0] ? m->draws.warning : NULL));
    return object;
}

void elbo_cli_frechet_print(const elbo_cli_run *run, const elbo_cli_frechet *m) {
    char name[64];
    printf("%s, epoch %lld: Frechet distance to %lld %s rows of %s\n", run->info->model, (long long)run->info->epoch,
           (long long)m->draws.rows_b, elbo_cli_split_word(m->split), run->data->source);
    printf("  %-28s%10.4f  means %.4f, covariances %.4f\n", "draws", m->draws.frechet, m->draws.mean_term,
           m->draws.covariance_term);
    snprintf(name, sizeof name, "%s rows (the floor)", elbo_cli_split_word(m->other));
    printf("  %-28s%10.4f  of %lld rows\n", name, m->floor.frechet, (long long)m->floor.rows_a);
    printf("draws: %lld means of p(x|z), z from the %s\n", (long long)m->draws.rows_a, origin(run));
    printf("features: %s\n", m->classifier);
    elbo_cli_text_wrap(stdout,
                       "The features are of this classifier: figures compare only with those of the same one, and of "
                       "as many rows.",
                       0, 0);
    if (m->draws.warning[0]) printf("warning: %s\n", m->draws.warning);
}
