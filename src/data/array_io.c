#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/format/arrays.h"

elbo_status elbo_location_split(elbo_location *location, const char *source, elbo_error *error) {
    memset(location, 0, sizeof *location);
    const char *hash = strrchr(source, '#');
    /* Names of folders and of files may hold a '#' of their own. */
    if (hash && (strchr(hash, '/') || access(source, F_OK) == 0)) hash = NULL;
    size_t length = hash ? (size_t)(hash - source) : strlen(source);
    location->path = elbo_textf("%.*s", (int)length, source);
    location->key = hash ? elbo_strdup(hash + 1) : NULL;
    if (location->path && (!hash || location->key)) return ELBO_OK;
    elbo_location_clear(location);
    return elbo_fail_memory(error, length, "a path");
}

void elbo_location_clear(elbo_location *location) {
    elbo_free(location->path);
    elbo_free(location->key);
    memset(location, 0, sizeof *location);
}

static elbo_status load_from(elbo_array *array, const char *path, const char *key, elbo_error *error) {
    if (elbo_path_ends(path, ".npz")) return elbo_npz_load(array, path, key, error);
    if (elbo_path_ends(path, ".mat")) return elbo_mat_load(array, path, key, error);
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s: only .npz and .mat files have parts such as '#%s'", path, key);
    if (elbo_path_ends(path, ELBO_CSV_ENDINGS)) return elbo_csv_load(array, path, error);
    if (elbo_path_ends(path, ".npy|.npy.gz")) return elbo_npy_load(array, path, error);
    unsigned char start[6];
    size_t got = elbo_peek(path, start, sizeof start);
    if (got == sizeof start && memcmp(start, "\x93NUMPY", 6) == 0) return elbo_npy_load(array, path, error);
    if (got >= 4 && !start[0] && !start[1]) return elbo_idx_load(array, path, true, error);
    elbo_reader reader;
    ELBO_TRY(elbo_reader_open(&reader, path, error)); /* says why a file that cannot be read cannot */
    elbo_reader_close(&reader);
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: expected an array as .npy, .npz#key, .csv, .mat#name or IDX", path);
}

elbo_status elbo_array_load(elbo_array *array, const char *path, elbo_error *error) {
    elbo_location location;
    memset(array, 0, sizeof *array);
    ELBO_TRY(elbo_location_split(&location, path, error));
    elbo_status status = load_from(array, location.path, location.key, error);
    elbo_location_clear(&location);
    return status;
}

/* bf16 is the upper half of f32; no file format here has it. */
static elbo_status widen(elbo_array *wide, const elbo_array *array, elbo_error *error) {
    ELBO_TRY(elbo_array_new(wide, ELBO_F32, array->rank, array->shape, error));
    int64_t count = elbo_array_count(array);
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)((const uint16_t *)array->data)[i] << 16;
        memcpy((float *)wide->data + i, &bits, 4);
    }
    return ELBO_OK;
}

static elbo_status save_to(const elbo_array *array, const char *path, elbo_error *error) {
    if (strcmp(path, "-") == 0 || elbo_path_ends(path, ".npy")) return elbo_npy_save(array, path, error);
    if (elbo_path_ends(path, ".csv|.csv.gz")) return elbo_csv_write(array, NULL, path, error);
    if (elbo_path_ends(path, ".npz")) return elbo_npz_save(array, path, NULL, error);
    const char *key = strrchr(path, '#');
    char *file = key ? elbo_textf("%.*s", (int)(key - path), path) : NULL;
    if (key && !file) return elbo_fail_memory(error, strlen(path), "a path");
    elbo_status status;
    if (file && key[1] && elbo_path_ends(file, ".npz"))
        status = elbo_npz_save(array, file, key + 1, error);
    else
        status = elbo_fail(error, ELBO_ERROR_USAGE, "%s: an array is written as .npy, .npz, .npz#key or .csv", path);
    elbo_free(file);
    return status;
}

elbo_status elbo_array_save(const elbo_array *array, const char *path, elbo_error *error) {
    if (array->dtype != ELBO_BF16) return save_to(array, path, error);
    elbo_array wide = {0};
    ELBO_TRY(widen(&wide, array, error));
    elbo_status status = save_to(&wide, path, error);
    elbo_array_free(&wide);
    return status;
}
