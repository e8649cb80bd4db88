/* elbo info: what a run is. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/metrics.h"
#include "support/run.h"
#include "support/settings.h"
#include "support/text.h"

/* ---- JSON ---- */

static json_t *tensors_json(const elbo_params *params) {
    json_t *array = json_array();
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *one = elbo_params_at(params, i);
        json_t *object = json_object();
        json_object_set_new(object, "name", elbo_cli_json_text(one->name));
        json_object_set_new(object, "group", elbo_cli_json_text(one->group));
        json_object_set_new(object, "shape", elbo_cli_json_integers(one->shape.dim, (size_t)one->shape.rank));
        json_object_set_new(object, "count", json_integer((json_int_t)one->count));
        json_array_append_new(array, object);
    }
    return array;
}

static json_t *describe_json(const elbo_cli_run *run, const elbo_config *defaults) {
    const elbo_model_info *info = run->info;
    json_t *object = json_object();
    json_object_set_new(object, "model", elbo_cli_json_text(info->model));
    json_object_set_new(object, "run", elbo_cli_json_text(run->path));
    json_object_set_new(object, "item_shape", elbo_cli_json_integers(info->item_shape, (size_t)info->item_rank));
    json_object_set_new(object, "item_size", json_integer(info->item_size));
    json_object_set_new(object, "latent", json_integer(info->latent));
    if (info->condition) {
        json_object_set_new(object, "condition", elbo_cli_json_text(info->condition));
        json_object_set_new(object, "classes", json_integer(info->classes));
    }
    json_object_set_new(object, "parameters", json_integer((json_int_t)info->parameters));
    json_object_set_new(object, "epoch", json_integer(info->epoch));
    json_object_set_new(object, "step", json_integer(info->step));
    json_object_set_new(object, "tensors", tensors_json(elbo_model_get_params(run->model)));
    json_object_set_new(object, "options", elbo_cli_settings_json(run->config, defaults));
    json_object_set_new(object, "metrics", elbo_cli_metrics_last(run->path));
    return object;
}

/* ---- Text ---- */

static void print_head(const elbo_cli_run *run) {
    const elbo_model_info *info = run->info;
    char shape[128];
    elbo_cli_shape_text(info->item_rank, info->item_shape, shape, sizeof shape);
    printf("model       %s\n", info->model);
    printf("item        %s, %lld values\n", shape, (long long)info->item_size);
    printf("latent      %lld\n", (long long)info->latent);
    if (info->classes > 0)
        printf("condition   label, %lld classes: %s\n", (long long)info->classes, info->class_names);
    else if (info->condition)
        puts("condition   a part of the item");
    printf("parameters  %zu\n", info->parameters);
    printf("state       epoch %lld, step %lld\n", (long long)info->epoch, (long long)info->step);
}

static void print_tensors(const elbo_params *params) {
    int widest = 0;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        int length = (int)strlen(elbo_params_at(params, i)->name);
        if (length > widest) widest = length;
    }
    puts("\nTensors:");
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *one = elbo_params_at(params, i);
        char shape[128];
        elbo_cli_shape_text(one->shape.rank, one->shape.dim, shape, sizeof shape);
        printf("  %-*s  %-14s %10zu\n", widest, one->name, shape, one->count);
    }
}

static void print_options(const elbo_config *config, const elbo_config *defaults) {
    const elbo_options *table = NULL;
    elbo_cli_setting setting;
    puts("\nOptions (* differs from the default):");
    for (size_t i = 0; elbo_cli_setting_at(config, defaults, i, &setting); i++) {
        char name[ELBO_NAME_SIZE];
        if (setting.table != table) printf("  %s\n", setting.table->title);
        table = setting.table;
        elbo_cli_text_dashed(setting.row->name, name);
        printf(setting.text[0] ? "  %c %-16s %s\n" : "  %c %s\n", setting.changed ? '*' : ' ', name, setting.text);
    }
}

static void print_metrics(const char *path) {
    json_t *metrics = elbo_cli_metrics_last(path), *value = NULL;
    const char *name = NULL;
    if (json_object_size(metrics)) puts("\nLast epoch:");
    json_object_foreach(metrics, name, value) {
        if (json_is_integer(value)) printf("    %-20s %lld\n", name, (long long)json_integer_value(value));
        if (json_is_real(value)) printf("    %-20s %.6g\n", name, json_real_value(value));
    }
    json_decref(metrics);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    elbo_config *defaults = elbo_config_new(run->info->model, error);
    if (!defaults) return error->status;
    if (run->context->common->json) {
        run->code = elbo_cli_json_print(run->context, describe_json(run, defaults));
    } else {
        print_head(run);
        print_tensors(elbo_model_get_params(run->model));
        print_options(run->config, defaults);
        print_metrics(run->path);
    }
    elbo_config_free(defaults);
    return ELBO_OK;
}

static int run(elbo_context *context) { return elbo_cli_run_with(context, work); }

const elbo_command command_info = {
    .name = "info",
    .group = ELBO_GROUP_TRAIN,
    .order = 3,
    .summary = "show a run's model, options and last figures",
    .usage = (const char *const[]){"RUN [OPTIONS]", NULL},
    .description = "Shows the model, its tensors, every option with its value, and the figures of the last epoch.",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .tables = (const elbo_options *const[]){&elbo_cli_model_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo info run", "for people"},
                                       {"elbo info run/last.safetensors --json", "a checkpoint, for a program"},
                                       {0}},
    .run = run,
};
