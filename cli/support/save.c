#include "support/save.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "support/describe.h"
#include "support/rows.h"

#define ELBO_TABLE_STRUCT elbo_cli_picture_options
ELBO_TABLE(elbo_cli_picture_options_table, "Picture", ELBO_CLI_PICTURE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* ---- Which kind ---- */

static bool ends(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

bool elbo_cli_is_npz(const char *path) {
    const char *hash = strrchr(path, '#');
    return ends(path, ".npz") || (hash && hash - path > 4 && strncasecmp(hash - 4, ".npz", 4) == 0);
}

elbo_cli_kind elbo_cli_kind_by_name(const char *path) {
    if (ends(path, ".png")) return ELBO_CLI_KIND_PICTURE;
    if (ends(path, ".svg")) return ELBO_CLI_KIND_CHART;
    bool array = strcmp(path, "-") == 0 || ends(path, ".npy") || ends(path, ".csv") || ends(path, ".csv.gz");
    return array || elbo_cli_is_npz(path) ? ELBO_CLI_KIND_ARRAY : (elbo_cli_kind)0;
}

static int refuse(const elbo_context *context, const char *path, int allowed) {
    const char *picture = allowed & ELBO_CLI_KIND_PICTURE ? ".png, " : "";
    const char *chart = allowed & ELBO_CLI_KIND_CHART ? ".svg, " : "";
    const char *arrays = allowed & ELBO_CLI_KIND_ARRAY ? ".npy, .npz, .csv, or - for NPY to standard output" : "";
    if (!*path) return elbo_context_usage(context, "--out is missing: a file ending in %s%s%s", picture, chart, arrays);
    return elbo_context_usage(context, "--out %s: a file ending in %s%s%s was expected", path, picture, chart, arrays);
}

int elbo_cli_check_out(const elbo_context *context, const char *path, int allowed) {
    if (!*path || !(elbo_cli_kind_by_name(path) & allowed)) return refuse(context, path, allowed);
    if (strcmp(path, "-") != 0) return ELBO_EXIT_OK;
    if (context->common->json) return elbo_context_usage(context, "--json and --out - both want standard output");
    if (isatty(STDOUT_FILENO))
        return elbo_context_usage(context, "--out - writes bytes, and standard output is a terminal");
    return ELBO_EXIT_OK;
}

/* ---- Writing ---- */

elbo_status elbo_cli_picture(const elbo_cli_run *run, elbo_picture *picture, elbo_error *error) {
    const elbo_model_info *info = run->info;
    if (!elbo_cli_is_image(info->item_rank, info->item_shape)) {
        char shape[128];
        elbo_cli_shape_text(info->item_rank, info->item_shape, shape, sizeof shape);
        return elbo_cli_fail(error, ELBO_ERROR_SHAPE,
                             "the model's items of shape %s are no images: write an array (.npy, .npz, .csv), or train "
                             "with --item-shape HEIGHTxWIDTH",
                             shape);
    }
    picture->item_rank = info->item_rank;
    for (int axis = 0; axis < info->item_rank; axis++) picture->item_shape[axis] = info->item_shape[axis];
    elbo_model_picture_range(run->model, &picture->low, &picture->high);
    return ELBO_OK;
}

elbo_status elbo_cli_check_picture(const elbo_cli_run *run, elbo_cli_kind kind, elbo_error *error) {
    elbo_picture unused = {0};
    return kind == ELBO_CLI_KIND_PICTURE ? elbo_cli_picture(run, &unused, error) : ELBO_OK;
}

elbo_status elbo_cli_save(const elbo_cli_run *run, const elbo_array *items, const elbo_picture *layout,
                          elbo_cli_kind kind, const char *path, elbo_error *error) {
    if (kind != ELBO_CLI_KIND_PICTURE) return elbo_array_save(items, path, error);
    elbo_picture picture = layout ? *layout : (elbo_picture){0};
    ELBO_CLI_TRY(elbo_cli_picture(run, &picture, error));
    return elbo_picture_grid(items, &picture, path, error);
}

/* ---- Saying ---- */

elbo_status elbo_cli_wrote(elbo_cli_run *run, const char *path, const char *what, json_t *more) {
    if (run->context->common->json) {
        json_t *object = json_object();
        json_object_set_new(object, "model", elbo_cli_json_text(run->info->model));
        json_object_set_new(object, "epoch", json_integer(run->info->epoch));
        if (more) json_object_update(object, more);
        json_object_set_new(object, "out", elbo_cli_json_text(path));
        run->code = elbo_cli_json_print(run->context, object);
    } else if (strcmp(path, "-") != 0) {
        printf("%s written to %s\n", what, path);
    }
    json_decref(more);
    return ELBO_OK;
}
