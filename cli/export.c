/* elbo export: a model's parameters for other programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/save.h"

#define EXPORT_OPTIONS(O)                                               \
    O(TEXT, out, "", 0, 0, NULL, "file to write: .safetensors or .npz") \
    O(TEXT, group, "", 0, 0, NULL, "parameters of this part alone: encoder, decoder, prior, ... (default: all)")
ELBO_OPTIONS_STRUCT(export_options, EXPORT_OPTIONS);
#define ELBO_TABLE_STRUCT export_options
static ELBO_TABLE(export_table, "Export", EXPORT_OPTIONS);
#undef ELBO_TABLE_STRUCT

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

static const char *group_of(const export_options *options) { return *options->group ? options->group : NULL; }

/* The same tensors as in a .safetensors file. */
static elbo_status save_npz(elbo_cli_run *run, const export_options *options, elbo_error *error) {
    elbo_params *params = elbo_model_get_params(run->model);
    size_t all = elbo_params_count(params), used = 0;
    elbo_array *array = calloc(all, sizeof *array);
    const elbo_array **arrays = calloc(all, sizeof *arrays);
    const char **names = calloc(all, sizeof *names);
    float *data = elbo_params_data(params, NULL);
    elbo_status status =
        array && arrays && names ? ELBO_OK : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for an export");
    for (size_t i = 0; i < all && status == ELBO_OK; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (!elbo_param_in_group(info, group_of(options))) continue;
        array[used] = (elbo_array){.dtype = ELBO_F32, .rank = info->shape.rank, .data = data + info->offset};
        memcpy(array[used].shape, info->shape.dim, sizeof array[used].shape);
        arrays[used] = &array[used];
        names[used++] = info->name;
    }
    if (status == ELBO_OK) status = elbo_cli_save_npz(arrays, names, used, options->out, error);
    free(array);
    free(arrays);
    free(names);
    return status;
}

/* Tensors and numbers of the group. */
static void count(elbo_cli_run *run, const export_options *options, int64_t *tensors, int64_t *numbers) {
    elbo_params *params = elbo_model_get_params(run->model);
    *tensors = *numbers = 0;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (!elbo_param_in_group(info, group_of(options))) continue;
        ++*tensors;
        *numbers += (int64_t)info->count;
    }
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const export_options *options = elbo_context_values(run->context, &export_table);
    int64_t tensors, numbers;
    count(run, options, &tensors, &numbers);
    /* without a tensor the library says which groups there are */
    elbo_status status = tensors > 0 && ends_in(options->out, ".npz")
                             ? save_npz(run, options, error)
                             : elbo_model_export(run->model, group_of(options), options->out, error);
    if (status != ELBO_OK) return status;
    char what[96];
    snprintf(what, sizeof what, "%lld tensors of %lld numbers", (long long)tensors, (long long)numbers);
    return elbo_cli_wrote(run, options->out, what,
                          json_pack("{s:I, s:I}", "tensors", (json_int_t)tensors, "numbers", (json_int_t)numbers));
}

static int run(elbo_context *context) {
    const export_options *options = elbo_context_values(context, &export_table);
    if (!ends_in(options->out, ".safetensors") && !ends_in(options->out, ".npz"))
        return elbo_context_usage(context, "--out %s: a file ending in .safetensors or .npz was expected",
                                  options->out);
    return elbo_cli_run_with(context, work);
}

const elbo_command command_export = {
    .name = "export",
    .group = ELBO_GROUP_USE,
    .order = 11,
    .summary = "write a model's parameters for other programs",
    .usage = (const char *const[]){"RUN -o FILE [--group NAME] [OPTIONS]", NULL},
    .description =
        "Tensors are named PART.LAYER.weight and PART.LAYER.bias, such as encoder.dense1.weight. Weights of dense "
        "layers are [in, out], y = x W + b; those of convolutions [out, in, height, width], of transposed ones [in, "
        "out, height, width]. What batch normalisation keeps for a part (state.PART.*) goes with it.\n\n"
        "A .safetensors file says in its metadata how the model reads data: x = (raw - shift) * factor, binarize, "
        "network and activation.",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"group", 0, "NAME"}, {0}},
    .tables = (const elbo_options *const[]){&export_table, &elbo_cli_model_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo export run -o encoder.safetensors --group encoder", "for safetensors"},
                                       {"elbo export run -o model.npz", "everything, for NumPy"},
                                       {0}},
    .run = run,
};
