#include <jansson.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"
#include "train/safetensors_format.h"
#include "train/text.h"

enum { DATA_ALIGNMENT = 64 };

static elbo_status check_tensor(const char *path, const elbo_safetensors_tensor *tensor, elbo_error *error) {
    size_t bytes;
    if (!elbo_utf8_valid(tensor->name) || strcmp(tensor->name, ELBO_SAFETENSORS_METADATA) == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" cannot name a tensor", path, tensor->name);
    if (tensor->rank < 0 || tensor->rank > ELBO_MAX_RANK || !elbo_safetensors_extent(tensor, &bytes))
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the shape of tensor \"%s\" is impossible", path,
                         tensor->name);
    return ELBO_OK;
}

/* Copies the tensors, wide elements first, and gives them their places: each one starts at a multiple of its element's
 * size, which the format itself, allowing no gaps, does not promise.  Returns the length of the data section. */
static size_t lay_out(elbo_safetensors_tensor *placed, const elbo_safetensors_tensor *tensors, size_t count) {
    size_t end = 0;
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < count; i++) {
            if (elbo_safetensors_element_size(tensors[i].dtype) != width) continue;
            *placed = tensors[i];
            elbo_safetensors_extent(placed, &placed->bytes);
            placed->offset = end;
            end += placed->bytes;
            placed++;
        }
    }
    return end;
}

/* Both fail alike for a second entry of the same key. */
static elbo_status insert(json_t *object, const char *key, json_t *value, const char *path, elbo_error *error) {
    if (json_object_get(object, key)) {
        json_decref(value);
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" is given twice", path, key);
    }
    if (json_object_set_new(object, key, value) != 0) return elbo_fail_memory(error, strlen(key), path);
    return ELBO_OK;
}

static json_t *tensor_json(const elbo_safetensors_tensor *tensor) {
    json_t *shape = json_array();
    for (int i = 0; i < tensor->rank; i++)
        if (json_array_append_new(shape, json_integer(tensor->shape[i])) != 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", elbo_safetensors_dtype_name(tensor->dtype), "shape", shape,
                     "data_offsets", (json_int_t)tensor->offset, (json_int_t)(tensor->offset + tensor->bytes));
}

static elbo_status fill_metadata(json_t *metadata, const char *path, const elbo_safetensors_pair *pairs, size_t count,
                                 elbo_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (!elbo_utf8_valid(pairs[i].key) || !elbo_utf8_valid(pairs[i].value))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the metadata \"%s\" is not UTF-8", path,
                             pairs[i].key);
        ELBO_TRY(insert(metadata, pairs[i].key, json_string(pairs[i].value), path, error));
    }
    return ELBO_OK;
}

static elbo_status fill_header(json_t *root, const char *path, const elbo_safetensors_tensor *tensors, size_t count,
                               const elbo_safetensors_pair *pairs, size_t pair_count, elbo_error *error) {
    json_t *metadata = json_object();
    ELBO_TRY(insert(root, ELBO_SAFETENSORS_METADATA, metadata, path, error));
    ELBO_TRY(fill_metadata(metadata, path, pairs, pair_count, error));
    for (size_t i = 0; i < count; i++) ELBO_TRY(insert(root, tensors[i].name, tensor_json(&tensors[i]), path, error));
    return ELBO_OK;
}

/* The JSON as bytes, padded with spaces so that the data after it starts at a multiple of DATA_ALIGNMENT. */
static elbo_status render_header(json_t *root, const char *path, char **text, size_t *length, elbo_error *error) {
    size_t used = json_dumpb(root, NULL, 0, JSON_COMPACT);
    size_t total = (8 + used + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
    if (used == 0) return elbo_fail_memory(error, total, path);
    if (used > ELBO_SAFETENSORS_MAX_HEADER)
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: a header of %zu bytes; at most %d are allowed",
                         path, used, ELBO_SAFETENSORS_MAX_HEADER);
    char *bytes = elbo_calloc(total);
    if (!bytes) return elbo_fail_memory(error, total, path);
    for (int i = 0; i < 8; i++) bytes[i] = (char)((total - 8) >> 8 * i & 0xFF);
    json_dumpb(root, bytes + 8, used, JSON_COMPACT);
    memset(bytes + 8 + used, ' ', total - 8 - used);
    *text = bytes;
    *length = total;
    return ELBO_OK;
}

static elbo_status write_file(const char *path, const char *header, size_t length,
                              const elbo_safetensors_tensor *tensors, size_t count, elbo_error *error) {
    elbo_file file;
    ELBO_TRY(elbo_file_begin(&file, path, error));
    (void)fwrite(header, 1, length, file.stream);
    for (size_t i = 0; i < count; i++)
        if (tensors[i].bytes) (void)fwrite(tensors[i].data, 1, tensors[i].bytes, file.stream);
    return elbo_file_commit(&file, error);
}

static elbo_status write_placed(const char *path, const elbo_safetensors_tensor *tensors, size_t count,
                                const elbo_safetensors_pair *pairs, size_t pair_count, elbo_error *error) {
    json_t *root = json_object();
    char *header = NULL;
    size_t length = 0;
    elbo_status status = fill_header(root, path, tensors, count, pairs, pair_count, error);
    if (status == ELBO_OK) status = render_header(root, path, &header, &length, error);
    if (status == ELBO_OK) status = write_file(path, header, length, tensors, count, error);
    elbo_free(header);
    json_decref(root);
    return status;
}

elbo_status elbo_safetensors_write(const char *path, const elbo_safetensors_tensor *tensors, size_t count,
                                   const elbo_safetensors_pair *pairs, size_t pair_count, elbo_error *error) {
    for (size_t i = 0; i < count; i++) ELBO_TRY(check_tensor(path, &tensors[i], error));
    elbo_safetensors_tensor *placed = elbo_calloc(count * sizeof *placed);
    elbo_safetensors_pair *all = elbo_calloc((pair_count + 2) * sizeof *all);
    elbo_status status;
    if (placed && all) {
        lay_out(placed, tensors, count);
        uLong crc = crc32_z(0, NULL, 0);
        for (size_t i = 0; i < count; i++)
            if (placed[i].bytes) crc = crc32_z(crc, placed[i].data, placed[i].bytes);
        elbo_crc_text data = elbo_safetensors_crc_digits((uint32_t)crc);
        if (pair_count) memcpy(all, pairs, pair_count * sizeof *all);
        all[pair_count] = (elbo_safetensors_pair){ELBO_SAFETENSORS_CRC_DATA, data.digits};
        elbo_crc_text said = elbo_safetensors_crc_header(placed, count, all, pair_count + 1);
        all[pair_count + 1] = (elbo_safetensors_pair){ELBO_SAFETENSORS_CRC_HEADER, said.digits};
        status = write_placed(path, placed, count, all, pair_count + 2, error);
    } else
        status = elbo_fail_memory(error, count * sizeof *placed + (pair_count + 2) * sizeof *all, path);
    elbo_free(placed);
    elbo_free(all);
    return status;
}
