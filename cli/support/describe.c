#include "support/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const elbo_cli_split_names[4] = {"train", "valid", "test", "all"};

elbo_split elbo_cli_split(const char *name) {
    for (int split = 0; split < 4; split++)
        if (strcmp(name, elbo_cli_split_names[split]) == 0) return (elbo_split)split;
    return ELBO_SPLIT_ALL;
}

/* ---- Classes ---- */

static elbo_status count_split(const elbo_dataset *dataset, elbo_split split, int64_t *counts, elbo_error *error) {
    enum { CHUNK = 8192 };
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int32_t labels[CHUNK];
    for (int64_t start = 0; start < info->count[split]; start += CHUNK) {
        int64_t rest = info->count[split] - start, count = rest < CHUNK ? rest : CHUNK;
        elbo_status status = elbo_dataset_labels(dataset, split, NULL, start, count, labels, error);
        if (status != ELBO_OK) return status;
        for (int64_t i = 0; i < count; i++)
            if (labels[i] >= 0 && labels[i] < info->classes) counts[4 * labels[i] + split]++;
    }
    return ELBO_OK;
}

int64_t *elbo_cli_count_classes(const elbo_dataset *dataset, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t *counts = calloc((size_t)info->classes + 1, 4 * sizeof *counts);
    if (!counts) {
        elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory while counting %d classes", info->classes);
        return NULL;
    }
    for (int split = 0; split < 4; split++) {
        if (count_split(dataset, (elbo_split)split, counts, error) == ELBO_OK) continue;
        free(counts);
        return NULL;
    }
    return counts;
}

static void class_name(const elbo_data_info *info, int index, char *out, size_t size) {
    if (info->class_names)
        snprintf(out, size, "%s", info->class_names[index]);
    else
        snprintf(out, size, "%d", index);
}

/* ---- JSON ---- */

static json_t *add_splits(json_t *object, const int64_t *counts) {
    for (int split = 0; split < 4; split++)
        json_object_set_new(object, elbo_cli_split_names[split], json_integer(counts[split]));
    return object;
}

json_t *elbo_cli_describe_json(const elbo_data_info *info, const int64_t *counts) {
    json_t *object = json_object(), *classes = json_array();
    json_object_set_new(object, "source", elbo_cli_json_text(info->source));
    json_object_set_new(object, "format", elbo_cli_json_text(info->format));
    json_object_set_new(object, "dtype", elbo_cli_json_text(elbo_dtype_name(info->dtype)));
    json_object_set_new(object, "item_shape", elbo_cli_json_integers(info->item_shape, (size_t)info->item_rank));
    json_object_set_new(object, "item_size", json_integer(info->item_size));
    json_object_set_new(object, "rows", add_splits(json_object(), info->count));
    json_object_set_new(object, "minimum", elbo_cli_json_real(info->minimum));
    json_object_set_new(object, "maximum", elbo_cli_json_real(info->maximum));
    json_object_set_new(object, "integral", json_boolean(info->integral));
    for (int index = 0; index < info->classes && counts; index++) {
        char name[256];
        json_t *entry = json_object();
        class_name(info, index, name, sizeof name);
        json_object_set_new(entry, "name", elbo_cli_json_text(name));
        json_array_append_new(classes, add_splits(entry, counts + 4 * index));
    }
    json_object_set_new(object, "classes", classes);
    return object;
}

/* ---- Text ---- */

void elbo_cli_shape_text(int rank, const int64_t *shape, char *out, size_t size) {
    size_t used = 0;
    *out = 0;
    for (int axis = 0; axis < rank && used < size; axis++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", axis ? "x" : "", (long long)shape[axis]);
}

static void print_classes(const elbo_data_info *info, const int64_t *counts) {
    enum { SHOWN = 20 };
    if (info->classes == 0) {
        puts("labels   none");
        return;
    }
    printf("labels   %d classes\n\n  %-16s %10s %10s %10s\n", info->classes, "class", "train", "valid", "test");
    for (int index = 0; index < info->classes && index < SHOWN; index++) {
        char name[256];
        const int64_t *row = counts + 4 * index;
        class_name(info, index, name, sizeof name);
        printf("  %-16s %10lld %10lld %10lld\n", name, (long long)row[0], (long long)row[1], (long long)row[2]);
    }
    if (info->classes > SHOWN) printf("  and %d more\n", info->classes - SHOWN);
}

void elbo_cli_describe_print(const elbo_data_info *info, const int64_t *counts) {
    char shape[128];
    elbo_cli_shape_text(info->item_rank, info->item_shape, shape, sizeof shape);
    printf("source   %s\n", info->source);
    printf("format   %s\n", info->format);
    printf("item     %s of %s, %lld values\n", shape, elbo_dtype_name(info->dtype), (long long)info->item_size);
    printf("range    %g to %g%s\n", info->minimum, info->maximum, info->integral ? ", whole numbers" : "");
    printf("rows     %lld: train %lld, valid %lld, test %lld\n", (long long)info->count[ELBO_SPLIT_ALL],
           (long long)info->count[ELBO_SPLIT_TRAIN], (long long)info->count[ELBO_SPLIT_VALID],
           (long long)info->count[ELBO_SPLIT_TEST]);
    if (info->factors > 0) {
        printf("factors  %d:", info->factors);
        for (int f = 0; f < info->factors; f++) printf("%s %s", f ? "," : "", info->factor_names[f]);
        puts(" ('elbo data factors' writes them)");
    }
    print_classes(info, counts);
}
