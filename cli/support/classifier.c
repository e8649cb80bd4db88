#include "support/classifier.h"

#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/rows.h"

enum { PORTION = 4096 };

/* ---- Rows ---- */

elbo_status elbo_cli_classifier_features(elbo_classifier *classifier, const elbo_array *items, int64_t first,
                                         elbo_array *features, elbo_error *error) {
    elbo_array part = {0};
    ELBO_CLI_TRY(elbo_classifier_apply(classifier, items, NULL, &part, error));
    size_t width = sizeof(float) * (size_t)features->shape[1];
    memcpy((char *)features->data + (size_t)first * width, part.data, (size_t)part.shape[0] * width);
    elbo_array_free(&part);
    return ELBO_OK;
}

/* Rows start + done.. behind the `done` ones that are there. */
static elbo_status apply_portion(elbo_classifier *classifier, const elbo_array *rows, int64_t done,
                                 elbo_array *whole[2], elbo_error *error) {
    elbo_array part[2] = {{0}, {0}};
    elbo_status status =
        elbo_classifier_apply(classifier, rows, whole[0] ? &part[0] : NULL, whole[1] ? &part[1] : NULL, error);
    for (int k = 0; k < 2; k++) {
        if (status == ELBO_OK && whole[k]) {
            size_t width = sizeof(float) * (size_t)whole[k]->shape[1];
            memcpy((char *)whole[k]->data + (size_t)done * width, part[k].data, (size_t)rows->shape[0] * width);
        }
        elbo_array_free(&part[k]);
    }
    return status;
}

elbo_status elbo_cli_classifier_apply(elbo_classifier *classifier, const elbo_dataset *dataset, elbo_split split,
                                      int64_t start, int64_t count, elbo_array *probabilities, elbo_array *features,
                                      elbo_error *error) {
    const elbo_classifier_info *info = elbo_classifier_get_info(classifier);
    elbo_array *whole[2] = {probabilities, features};
    const int64_t width[2] = {info->classes, info->features};
    elbo_status status = ELBO_OK;
    for (int k = 0; k < 2; k++)
        if (whole[k]) memset(whole[k], 0, sizeof *whole[k]);
    for (int k = 0; k < 2 && status == ELBO_OK; k++) {
        const int64_t shape[] = {count, width[k]};
        if (whole[k]) status = elbo_array_new(whole[k], ELBO_F32, 2, shape, error);
    }
    for (int64_t done = 0; done < count && status == ELBO_OK; done += PORTION) {
        int64_t rest = count - done;
        elbo_array rows = {0};
        status = elbo_cli_rows(dataset, split, NULL, start + done, rest < PORTION ? rest : PORTION, &rows, error);
        if (status == ELBO_OK) status = apply_portion(classifier, &rows, done, whole, error);
        elbo_array_free(&rows);
    }
    for (int k = 0; k < 2 && status != ELBO_OK; k++) elbo_array_free(whole[k]);
    return status;
}

elbo_status elbo_cli_classifier_check(const elbo_context *context, const elbo_classifier *classifier,
                                      const elbo_data_info *data, elbo_error *error) {
    const elbo_classifier_info *info = elbo_classifier_get_info(classifier);
    char have[128], want[128];
    if (data->item_size != info->item_size) {
        elbo_cli_shape_text(data->item_rank, data->item_shape, have, sizeof have);
        elbo_cli_shape_text(info->item_rank, info->item_shape, want, sizeof want);
        return elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s has items of shape %s; the classifier reads %s", data->source,
                             have, want);
    }
    double ratio = (data->maximum - data->minimum) / (info->high > info->low ? info->high - info->low : 1);
    if (ratio < 0.02 || ratio > 50)
        elbo_context_note(context,
                          "warning: %s has values from %g to %g, and the classifier was trained on %g to %g: are the "
                          "units the same?",
                          data->source, data->minimum, data->maximum, info->low, info->high);
    return ELBO_OK;
}

/* ---- Words ---- */

static void layers(const elbo_classifier_info *info, char *out, size_t size) {
    int used = snprintf(out, size, "%lld", (long long)info->item_size);
    for (int i = 0; i < info->hidden.count && (size_t)used < size; i++)
        used += snprintf(out + used, size - (size_t)used, "-%lld", (long long)info->hidden.value[i]);
    if ((size_t)used < size) snprintf(out + used, size - (size_t)used, "-%d", info->classes);
}

void elbo_cli_classifier_print(const elbo_classifier *classifier) {
    const elbo_classifier_info *info = elbo_classifier_get_info(classifier);
    char text[512];
    layers(info, text, sizeof text);
    printf("classifier %s, %s, begun as %s%s, %lld epochs of %lld labelled rows\n", text, info->activation, info->start,
           info->frozen ? " with its layers kept" : "", (long long)info->epochs, (long long)info->rows);
}

json_t *elbo_cli_classifier_json(const elbo_classifier *classifier) {
    const elbo_classifier_info *info = elbo_classifier_get_info(classifier);
    json_t *object = json_object(), *names = json_array();
    for (int k = 0; k < info->classes; k++) json_array_append_new(names, elbo_cli_json_text(info->class_names[k]));
    json_object_set_new(object, "item_size", json_integer(info->item_size));
    json_object_set_new(object, "hidden", elbo_cli_json_integers(info->hidden.value, (size_t)info->hidden.count));
    json_object_set_new(object, "activation", elbo_cli_json_text(info->activation));
    json_object_set_new(object, "classes", names);
    json_object_set_new(object, "start", elbo_cli_json_text(info->start));
    json_object_set_new(object, "frozen", json_boolean(info->frozen));
    json_object_set_new(object, "train_rows", json_integer(info->rows));
    json_object_set_new(object, "epochs", json_integer(info->epochs));
    json_object_set_new(object, "train_cross_entropy", elbo_cli_json_real(info->loss));
    json_object_set_new(object, "train_accuracy", elbo_cli_json_real(info->accuracy));
    return object;
}

void elbo_cli_classification_print(const elbo_classification *judged, const char *rows) {
    printf("%lld %s rows\n", (long long)judged->count, rows);
    printf("  %-16s%.4f +- %.4f\n", "accuracy", judged->accuracy, judged->accuracy_stderr);
    printf("  %-16s%.4f +- %.4f nats\n", "cross-entropy", judged->cross_entropy, judged->cross_entropy_stderr);
    if (judged->unknown)
        printf("  %-16s%lld rows are of a class that the classifier does not know; they count as wrong\n", "unknown",
               (long long)judged->unknown);
}

void elbo_cli_classification_json(json_t *object, const elbo_classification *judged) {
    json_t *matrix = json_array();
    for (int k = 0; k < judged->classes; k++)
        json_array_append_new(matrix, elbo_cli_json_integers(judged->confusion + (size_t)k * (size_t)judged->classes,
                                                             (size_t)judged->classes));
    json_object_set_new(object, "count", json_integer(judged->count));
    json_object_set_new(object, "unknown", json_integer(judged->unknown));
    json_object_set_new(object, "accuracy", elbo_cli_json_real(judged->accuracy));
    json_object_set_new(object, "accuracy_stderr", elbo_cli_json_real(judged->accuracy_stderr));
    json_object_set_new(object, "cross_entropy", elbo_cli_json_real(judged->cross_entropy));
    json_object_set_new(object, "cross_entropy_stderr", elbo_cli_json_real(judged->cross_entropy_stderr));
    json_object_set_new(object, "confusion", matrix);
}
