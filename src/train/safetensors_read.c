#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "train/safetensors_format.h"

struct elbo_safetensors {
    char *path;
    json_t *root; /* owns the names, keys and values */
    elbo_safetensors_tensor *tensors;
    size_t count;
    elbo_safetensors_pair *pairs;
    size_t pair_count;
    char *data;
    size_t header_bytes, data_bytes;
};

/* Reads exactly `count` bytes. */
static elbo_status read_bytes(int descriptor, const char *path, void *out, size_t count, elbo_error *error) {
    size_t done = 0;
    while (done < count) {
        ssize_t got = read(descriptor, (char *)out + done, count - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
        if (got == 0)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s became shorter while it was read: %zu bytes expected here",
                             path, count);
        done += (size_t)got;
    }
    return ELBO_OK;
}

static elbo_status parse_header(elbo_safetensors *file, const char *text, elbo_error *error) {
    json_error_t where;
    if (text[0] != '{')
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: byte 8 is 0x%02x where the header's '{' was expected",
                         file->path, (unsigned char)text[0]);
    file->root = json_loadb(text, file->header_bytes, JSON_REJECT_DUPLICATES, &where);
    if (file->root) return ELBO_OK;
    if (json_error_code(&where) == json_error_out_of_memory)
        return elbo_fail_memory(error, file->header_bytes, file->path);
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the header is not valid JSON at byte %d: %s", file->path,
                     where.position + 8, where.text);
}

/* Reads the length and the header; leaves the descriptor at the first byte of the data. */
static elbo_status read_header(elbo_safetensors *file, int descriptor, uint64_t size, elbo_error *error) {
    unsigned char prefix[8];
    if (size < 8)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: %" PRIu64 " bytes; a safetensors file starts with 8 bytes of header length", file->path,
                         size);
    ELBO_TRY(read_bytes(descriptor, file->path, prefix, 8, error));
    uint64_t length = 0;
    for (int i = 0; i < 8; i++) length |= (uint64_t)prefix[i] << 8 * i;
    if (length < 2 || length > size - 8 || length > ELBO_SAFETENSORS_MAX_HEADER)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: byte 0 gives a header of %" PRIu64 " bytes; 2 to %" PRIu64 " were expected", file->path,
                         length, size - 8 < ELBO_SAFETENSORS_MAX_HEADER ? size - 8 : ELBO_SAFETENSORS_MAX_HEADER);
    file->header_bytes = (size_t)length;
    file->data_bytes = (size_t)(size - 8 - length);
    char *text = elbo_calloc(file->header_bytes);
    if (!text) return elbo_fail_memory(error, file->header_bytes, file->path);
    elbo_status status = read_bytes(descriptor, file->path, text, file->header_bytes, error);
    if (status == ELBO_OK) status = parse_header(file, text, error);
    elbo_free(text);
    return status;
}

static elbo_status tensor_failed(const elbo_safetensors *file, const char *name, const char *expected,
                                 elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: header: tensor \"%s\": %s", file->path, name, expected);
}

static elbo_status parse_dtype(const elbo_safetensors *file, elbo_safetensors_tensor *tensor, json_t *value,
                               elbo_error *error) {
    const char *text = json_string_value(value);
    if (!text) return tensor_failed(file, tensor->name, "\"dtype\" must be a string", error);
#define MATCH_DTYPE(name_, bytes_)                \
    if (strcmp(text, #name_) == 0) {              \
        tensor->dtype = ELBO_SAFETENSORS_##name_; \
        return ELBO_OK;                           \
    }
    ELBO_SAFETENSORS_DTYPES(MATCH_DTYPE)
#undef MATCH_DTYPE
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: header: tensor \"%s\": unknown dtype \"%s\"", file->path,
                     tensor->name, text);
}

static elbo_status parse_shape(const elbo_safetensors *file, elbo_safetensors_tensor *tensor, json_t *value,
                               elbo_error *error) {
    if (!json_is_array(value)) return tensor_failed(file, tensor->name, "\"shape\" must be an array", error);
    if (json_array_size(value) > ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: header: tensor \"%s\" has rank %zu; at most %d is read",
                         file->path, tensor->name, json_array_size(value), ELBO_MAX_RANK);
    tensor->rank = (int)json_array_size(value);
    for (int i = 0; i < tensor->rank; i++) {
        json_t *extent = json_array_get(value, (size_t)i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return tensor_failed(file, tensor->name, "\"shape\" must hold whole numbers from 0", error);
        tensor->shape[i] = json_integer_value(extent);
    }
    if (!elbo_safetensors_extent(tensor, &tensor->bytes))
        return tensor_failed(file, tensor->name, "\"shape\" asks for more than 2^63 bytes", error);
    return ELBO_OK;
}

static elbo_status parse_offsets(const elbo_safetensors *file, elbo_safetensors_tensor *tensor, json_t *value,
                                 elbo_error *error) {
    json_t *first = json_array_get(value, 0), *last = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return tensor_failed(file, tensor->name, "\"data_offsets\" must be two whole numbers", error);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > file->data_bytes)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: header: tensor \"%s\" lies at [%lld, %lld) of a data section of %zu bytes", file->path,
                         tensor->name, (long long)begin, (long long)end, file->data_bytes);
    if ((uint64_t)(end - begin) != tensor->bytes)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: header: tensor \"%s\" lies at [%lld, %lld), %lld bytes, but its shape and dtype %s make "
                         "%zu bytes",
                         file->path, tensor->name, (long long)begin, (long long)end, (long long)(end - begin),
                         elbo_safetensors_dtype_name(tensor->dtype), tensor->bytes);
    tensor->offset = (size_t)begin;
    return ELBO_OK;
}

static elbo_status parse_tensor(const elbo_safetensors *file, elbo_safetensors_tensor *tensor, json_t *value,
                                elbo_error *error) {
    if (json_object_size(value) != 3 || !json_object_get(value, "dtype") || !json_object_get(value, "shape") ||
        !json_object_get(value, "data_offsets"))
        return tensor_failed(file, tensor->name, "an object of dtype, shape and data_offsets was expected", error);
    ELBO_TRY(parse_dtype(file, tensor, json_object_get(value, "dtype"), error));
    ELBO_TRY(parse_shape(file, tensor, json_object_get(value, "shape"), error));
    return parse_offsets(file, tensor, json_object_get(value, "data_offsets"), error);
}

static elbo_status parse_metadata(elbo_safetensors *file, json_t *object, elbo_error *error) {
    const char *key;
    json_t *value;
    if (!json_is_object(object))
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: header: \"" ELBO_SAFETENSORS_METADATA "\" must be an object",
                         file->path);
    file->pairs = elbo_calloc(json_object_size(object) * sizeof *file->pairs);
    if (!file->pairs) return elbo_fail_memory(error, json_object_size(object) * sizeof *file->pairs, file->path);
    json_object_foreach(object, key, value) {
        if (!json_is_string(value))
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: header: metadata \"%s\" must be a string", file->path, key);
        file->pairs[file->pair_count++] = (elbo_safetensors_pair){key, json_string_value(value)};
    }
    return ELBO_OK;
}

/* By place; empty tensors before the one that starts where they do. */
static int compare_places(const void *left, const void *right) {
    const elbo_safetensors_tensor *a = left, *b = right;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* The tensors must tile the data section: no overlap, no gap, nothing behind the last. */
static elbo_status check_places(elbo_safetensors *file, elbo_error *error) {
    size_t end = 0;
    if (file->count) qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    for (size_t i = 0; i < file->count; i++) {
        const elbo_safetensors_tensor *tensor = &file->tensors[i];
        if (tensor->offset != end)
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "%s: header: tensor \"%s\" starts at byte %zu of the data, %s; byte %zu was expected",
                             file->path, tensor->name, tensor->offset,
                             tensor->offset < end ? "inside the tensor before it" : "after a gap", end);
        end += tensor->bytes;
    }
    if (end != file->data_bytes)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the header places %zu bytes of data; the file holds %zu",
                         file->path, end, file->data_bytes);
    return ELBO_OK;
}

static elbo_status parse_entries(elbo_safetensors *file, elbo_error *error) {
    const char *name;
    json_t *value;
    size_t bytes = json_object_size(file->root) * sizeof *file->tensors;
    file->tensors = elbo_calloc(bytes);
    if (!file->tensors) return elbo_fail_memory(error, bytes, file->path);
    json_object_foreach(file->root, name, value) {
        if (strcmp(name, ELBO_SAFETENSORS_METADATA) == 0) {
            ELBO_TRY(parse_metadata(file, value, error));
            continue;
        }
        elbo_safetensors_tensor *tensor = &file->tensors[file->count++];
        tensor->name = name;
        ELBO_TRY(parse_tensor(file, tensor, value, error));
    }
    return check_places(file, error);
}

static elbo_status check_crc(const elbo_safetensors *file, const char *key, elbo_crc_text found, const char *what,
                             elbo_error *error) {
    const char *expected = elbo_safetensors_metadata(file, key);
    if (!expected || strcmp(expected, found.digits) == 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged: the checksum of %s is %s; \"%s\" says %s", file->path,
                     what, found.digits, key, expected);
}

/* Only when the header has been found to describe these bytes is memory asked for them. */
static elbo_status read_data(elbo_safetensors *file, int descriptor, elbo_error *error) {
    ELBO_TRY(check_crc(file, ELBO_SAFETENSORS_CRC_HEADER,
                       elbo_safetensors_crc_header(file->tensors, file->count, file->pairs, file->pair_count),
                       "the header", error));
    file->data = elbo_calloc(file->data_bytes);
    if (!file->data) return elbo_fail_memory(error, file->data_bytes, file->path);
    ELBO_TRY(read_bytes(descriptor, file->path, file->data, file->data_bytes, error));
    for (size_t i = 0; i < file->count; i++) file->tensors[i].data = file->data + file->tensors[i].offset;
    if (!elbo_safetensors_metadata(file, ELBO_SAFETENSORS_CRC_DATA)) return ELBO_OK;
    uLong crc = crc32_z(0, (const unsigned char *)file->data, file->data_bytes);
    return check_crc(file, ELBO_SAFETENSORS_CRC_DATA, elbo_safetensors_crc_digits((uint32_t)crc), "the data", error);
}

static elbo_status read_file(elbo_safetensors *file, int descriptor, elbo_error *error) {
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", file->path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: a regular file was expected", file->path);
    ELBO_TRY(read_header(file, descriptor, (uint64_t)about.st_size, error));
    ELBO_TRY(parse_entries(file, error));
    return read_data(file, descriptor, error);
}

elbo_safetensors *elbo_safetensors_open(const char *path, elbo_error *error) {
    elbo_safetensors *file = elbo_calloc(sizeof *file);
    if (file) file->path = elbo_strdup(path);
    if (!file || !file->path) {
        (void)elbo_fail_memory(error, sizeof *file, path);
        elbo_safetensors_free(file);
        return NULL;
    }
    /* Without O_NONBLOCK a pipe of that name would wait for a writer. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        (void)elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
        elbo_safetensors_free(file);
        return NULL;
    }
    elbo_status status = read_file(file, descriptor, error);
    close(descriptor);
    if (status == ELBO_OK) return file;
    elbo_safetensors_free(file);
    return NULL;
}

void elbo_safetensors_free(elbo_safetensors *file) {
    if (!file) return;
    json_decref(file->root);
    elbo_free(file->tensors);
    elbo_free(file->pairs);
    elbo_free(file->data);
    elbo_free(file->path);
    elbo_free(file);
}

size_t elbo_safetensors_count(const elbo_safetensors *file) { return file->count; }

const elbo_safetensors_tensor *elbo_safetensors_at(const elbo_safetensors *file, size_t index) {
    return index < file->count ? &file->tensors[index] : NULL;
}

const elbo_safetensors_tensor *elbo_safetensors_find(const elbo_safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *elbo_safetensors_metadata(const elbo_safetensors *file, const char *key) {
    for (size_t i = 0; i < file->pair_count; i++)
        if (strcmp(file->pairs[i].key, key) == 0) return file->pairs[i].value;
    return NULL;
}

size_t elbo_safetensors_pair_count(const elbo_safetensors *file) { return file->pair_count; }

const elbo_safetensors_pair *elbo_safetensors_pair_at(const elbo_safetensors *file, size_t index) {
    return index < file->pair_count ? &file->pairs[index] : NULL;
}

typedef struct shape_text {
    char text[ELBO_MAX_RANK * 22 + 3];
} shape_text;

/* "[500,784]" */
static shape_text describe_shape(int rank, const int64_t *shape) {
    shape_text out;
    size_t used = (size_t)snprintf(out.text, sizeof out.text, "[");
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(out.text + used, sizeof out.text - used, "%s%" PRId64, i ? "," : "", shape[i]);
    snprintf(out.text + used, sizeof out.text - used, "]");
    return out;
}

/* A file made elsewhere may place elements at odd addresses, hence memcpy for each. */
static void convert(void *out, const char *in, size_t count, bool narrow) {
    for (size_t i = 0; i < count; i++) {
        double wide;
        float half;
        if (narrow) {
            memcpy(&wide, in + 8 * i, 8);
            ((float *)out)[i] = (float)wide;
        } else {
            memcpy(&half, in + 4 * i, 4);
            ((double *)out)[i] = (double)half;
        }
    }
}

elbo_status elbo_safetensors_copy(const elbo_safetensors *file, const char *name, elbo_dtype dtype, int rank,
                                  const int64_t *shape, void *out, elbo_error *error) {
    const elbo_safetensors_tensor *tensor = elbo_safetensors_find(file, name);
    if (!tensor)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: no tensor \"%s\" among its %zu", file->path, name, file->count);
    bool same = rank == tensor->rank;
    for (int i = 0; same && i < rank; i++) same = shape[i] == tensor->shape[i];
    if (!same)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: tensor \"%s\" has shape %s; %s was expected", file->path, name,
                         describe_shape(tensor->rank, tensor->shape).text,
                         describe_shape(rank <= ELBO_MAX_RANK ? rank : ELBO_MAX_RANK, shape).text);
    if (tensor->dtype == elbo_safetensors_dtype_of(dtype)) {
        if (tensor->bytes) memcpy(out, tensor->data, tensor->bytes);
    } else if (tensor->dtype == ELBO_SAFETENSORS_F64 && dtype == ELBO_F32)
        convert(out, tensor->data, tensor->bytes / 8, true);
    else if (tensor->dtype == ELBO_SAFETENSORS_F32 && dtype == ELBO_F64)
        convert(out, tensor->data, tensor->bytes / 4, false);
    else
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: tensor \"%s\" is %s, which does not convert to %s", file->path,
                         name, elbo_safetensors_dtype_name(tensor->dtype), elbo_dtype_name(dtype));
    return ELBO_OK;
}
