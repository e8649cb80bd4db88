/* NPZ: a zip archive of NPY files.  "file.npz#x" names the array, "file.npz#x,y" the labels too; without a key the
 * usual names are tried, among them the four arrays of Keras' data sets, which bring their own test rows. */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zip.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"
#include "data/number.h"

static const char *const value_names[] = {"x", "X", "data", "images", "arr_0", NULL};
static const char *const label_names[] = {"y", "labels", "label", NULL};

/* ---- entries as readers ---- */

static elbo_status fill_entry(elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error) {
    zip_int64_t read = zip_fread(reader->state, out, want);
    if (read < 0)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged at offset %lld of the unpacked array: %s", reader->name,
                         (long long)reader->offset, zip_file_strerror(reader->state));
    *got = (size_t)read;
    return ELBO_OK;
}

static void close_entry(elbo_reader *reader) { (void)zip_fclose(reader->state); }

static elbo_status open_entry(elbo_reader *reader, zip_t *archive, zip_int64_t index, const char *name,
                              elbo_error *error) {
    zip_stat_t about;
    memset(reader, 0, sizeof *reader);
    zip_file_t *file = zip_fopen_index(archive, (zip_uint64_t)index, 0);
    if (!file) return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: cannot unpack: %s", name, zip_strerror(archive));
    *reader = (elbo_reader){.name = name, .limit = INT64_MAX, .fill = fill_entry, .close = close_entry, .state = file};
    if (zip_stat_index(archive, (zip_uint64_t)index, 0, &about) == 0 && (about.valid & ZIP_STAT_COMP_SIZE) &&
        about.comp_size < INT64_MAX / ELBO_INFLATE_LIMIT)
        reader->limit = (int64_t)about.comp_size * ELBO_INFLATE_LIMIT;
    return ELBO_OK;
}

static zip_int64_t find_entry(zip_t *archive, const char *key, size_t length) {
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    for (zip_int64_t index = 0; index < entries; index++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)index, 0);
        if (name && strncmp(name, key, length) == 0 && (name[length] == 0 || strcmp(name + length, ".npy") == 0))
            return index;
    }
    return -1;
}

/* "x, y and labels", as far as it fits. */
static void list_keys(zip_t *archive, char *text, size_t size) {
    size_t used = 0;
    text[0] = 0;
    zip_int64_t entries = zip_get_num_entries(archive, 0);
    for (zip_int64_t index = 0; index < entries && used + 1 < size; index++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)index, 0);
        if (!name) continue;
        size_t length = strlen(name);
        if (elbo_path_ends(name, ".npy")) length -= 4;
        int added = snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)length, name);
        used += added > 0 ? (size_t)added : 0;
    }
}

static elbo_status missing_key(zip_t *archive, const char *path, const char *key, size_t length, elbo_error *error) {
    char keys[600];
    list_keys(archive, keys, sizeof keys);
    if (!*keys) return elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds no arrays", path);
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no array '%.*s'; it holds: %s", path, (int)length, key, keys);
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "%s: which array? Name it as FILE.npz#KEY, or FILE.npz#KEY,LABELS; it "
                     "holds: %s",
                     path, keys);
}

static elbo_status open_archive(zip_t **archive, const char *path, elbo_error *error) {
    int code = 0;
    *archive = zip_open(path, ZIP_RDONLY, &code);
    if (*archive) return ELBO_OK;
    zip_error_t detail;
    zip_error_init_with_code(&detail, code);
    bool unreadable = code == ZIP_ER_NOENT || code == ZIP_ER_OPEN || code == ZIP_ER_READ;
    elbo_status status =
        unreadable ? elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, zip_error_strerror(&detail))
                   : elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged or no zip archive, as NPZ files are: %s", path,
                               zip_error_strerror(&detail));
    zip_error_fini(&detail);
    return status;
}

static elbo_status read_entry(elbo_array *array, zip_t *archive, zip_int64_t index, const char *path, bool wide,
                              elbo_error *error) {
    elbo_reader reader;
    char *name = elbo_textf("%s#%s", path, zip_get_name(archive, (zip_uint64_t)index, 0));
    if (!name) return elbo_fail_memory(error, strlen(path), "a name");
    elbo_status status = open_entry(&reader, archive, index, name, error);
    if (status == ELBO_OK) {
        status = elbo_npy_read(array, &reader, NULL, wide, error);
        elbo_reader_close(&reader);
    }
    elbo_free(name);
    return status;
}

/* ---- reading ---- */

static zip_int64_t find_usual(zip_t *archive, const char *const *names) {
    for (; *names; names++) {
        zip_int64_t index = find_entry(archive, *names, strlen(*names));
        if (index >= 0) return index;
    }
    return -1;
}

/* The entries of values and labels (-1: none) that a key, or without one the usual names, point at. */
static elbo_status choose(zip_t *archive, const char *path, const char *key, zip_int64_t *values, zip_int64_t *labels,
                          elbo_error *error) {
    *labels = -1;
    if (key) {
        size_t length = strcspn(key, ",");
        *values = find_entry(archive, key, length);
        if (*values < 0) return missing_key(archive, path, key, length, error);
        if (!key[length]) return ELBO_OK;
        *labels = find_entry(archive, key + length + 1, strlen(key + length + 1));
        return *labels < 0 ? missing_key(archive, path, key + length + 1, strlen(key + length + 1), error) : ELBO_OK;
    }
    *values = zip_get_num_entries(archive, 0) == 1 ? 0 : find_usual(archive, value_names);
    if (*values < 0) return missing_key(archive, path, NULL, 0, error);
    *labels = find_usual(archive, label_names);
    if (*labels == *values) *labels = -1;
    return ELBO_OK;
}

static zip_int64_t find_name(zip_t *archive, const char *name) { return find_entry(archive, name, strlen(name)); }

/* x_train and x_test, y_train and y_test: read one behind the other. */
static elbo_status read_joined(elbo_array *array, zip_t *archive, const char *first, const char *second,
                               const char *path, bool wide, int64_t *first_rows, elbo_error *error) {
    elbo_array more = {0};
    ELBO_TRY(read_entry(array, archive, find_name(archive, first), path, wide, error));
    *first_rows = array->rank ? array->shape[0] : 0;
    elbo_status status = read_entry(&more, archive, find_name(archive, second), path, wide, error);
    if (status == ELBO_OK) status = elbo_array_append(array, &more, path, error);
    elbo_array_free(&more);
    return status;
}

static elbo_status read_train_and_test(elbo_table *table, zip_t *archive, const char *path, elbo_error *error) {
    ELBO_TRY(read_joined(&table->values, archive, "x_train", "x_test", path, false, &table->train_rows, error));
    elbo_array labels = {0};
    int64_t train_labels = 0;
    if (find_name(archive, "y_train") < 0 || find_name(archive, "y_test") < 0) return ELBO_OK;
    elbo_status status = read_joined(&labels, archive, "y_train", "y_test", path, true, &train_labels, error);
    if (status == ELBO_OK && train_labels != table->train_rows)
        status = elbo_fail(error, ELBO_ERROR_SHAPE, "%s: y_train holds %lld labels for the %lld rows of x_train", path,
                           (long long)train_labels, (long long)table->train_rows);
    if (status == ELBO_OK) status = elbo_labels_from_array(table, &labels, table->values.shape[0], path, error);
    elbo_array_free(&labels);
    return status;
}

static elbo_status read_labels(elbo_table *table, zip_t *archive, zip_int64_t index, const char *path,
                               elbo_error *error) {
    elbo_array labels = {0};
    elbo_status status = read_entry(&labels, archive, index, path, true, error);
    if (status == ELBO_OK) {
        char *name = elbo_textf("%s#%s", path, zip_get_name(archive, (zip_uint64_t)index, 0));
        status =
            name ? elbo_labels_from_array(table, &labels, table->values.rank ? table->values.shape[0] : 1, name, error)
                 : elbo_fail_memory(error, strlen(path), "a name");
        elbo_free(name);
    }
    elbo_array_free(&labels);
    return status;
}

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    (void)options;
    zip_t *archive;
    zip_int64_t values, labels;
    ELBO_TRY(open_archive(&archive, path, error));
    if (!key && find_name(archive, "x_train") >= 0 && find_name(archive, "x_test") >= 0) {
        elbo_status joined = read_train_and_test(table, archive, path, error);
        zip_discard(archive);
        return joined;
    }
    elbo_status status = choose(archive, path, key, &values, &labels, error);
    if (status == ELBO_OK) status = read_entry(&table->values, archive, values, path, false, error);
    if (status == ELBO_OK && labels >= 0) status = read_labels(table, archive, labels, path, error);
    zip_discard(archive);
    return status;
}

elbo_status elbo_npz_load(elbo_array *array, const char *path, const char *key, elbo_error *error) {
    zip_t *archive;
    zip_int64_t values, labels;
    ELBO_TRY(open_archive(&archive, path, error));
    elbo_status status = choose(archive, path, key, &values, &labels, error);
    if (status == ELBO_OK && labels >= 0 && key)
        status = elbo_fail(error, ELBO_ERROR_USAGE, "%s#%s names two arrays; one was expected", path, key);
    if (status == ELBO_OK) status = read_entry(array, archive, values, path, true, error);
    zip_discard(archive);
    return status;
}

/* ---- writing ---- */

static elbo_status add_entry(zip_t *archive, const elbo_array *array, const char *key, char **header,
                             elbo_error *error) {
    size_t length, bytes = (size_t)elbo_array_count(array) * elbo_dtype_size(array->dtype);
    ELBO_TRY(elbo_npy_header(array, header, &length, error));
    char *name = elbo_textf("%s.npy", key);
    if (!name) return elbo_fail_memory(error, strlen(key), "a name");
    zip_buffer_fragment_t parts[2] = {{(zip_uint8_t *)*header, length}, {array->data, bytes}};
    zip_error_t detail;
    zip_error_init(&detail);
    zip_source_t *source = zip_source_buffer_fragment_create(parts, bytes ? 2 : 1, 0, &detail);
    zip_error_fini(&detail);
    zip_int64_t index = source ? zip_file_add(archive, name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0) zip_source_free(source);
    elbo_free(name);
    /* The fastest level: images shrink nearly as much as with the slowest. */
    if (index < 0 || zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, 1) != 0)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot add %s to the archive: %s", key, zip_strerror(archive));
    return ELBO_OK;
}

static elbo_status close_archive(zip_t *archive, const char *temporary, const char *path, elbo_error *error) {
    if (zip_close(archive) != 0) {
        elbo_status status = elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, zip_strerror(archive));
        zip_discard(archive);
        return status;
    }
    /* zip_close put a new file in the place of the temporary one; that file is the one to sync. */
    int descriptor = open(temporary, O_RDONLY | O_CLOEXEC);
    bool synced = descriptor >= 0 && fsync(descriptor) == 0;
    if (descriptor >= 0) close(descriptor);
    return synced ? ELBO_OK : elbo_fail(error, ELBO_ERROR_IO, "cannot write %s", path);
}

static elbo_status write_archive(const elbo_array *values, const char *value_key, const elbo_array *labels,
                                 const char *label_key, const char *path, elbo_error *error) {
    elbo_file file;
    char *headers[2] = {NULL, NULL};
    int code = 0;
    ELBO_TRY(elbo_file_begin(&file, path, error));
    zip_t *archive = zip_open(file.temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
    elbo_status status = archive ? ELBO_OK : elbo_fail(error, ELBO_ERROR_IO, "cannot write %s", path);
    if (status == ELBO_OK) status = add_entry(archive, values, value_key, &headers[0], error);
    if (status == ELBO_OK && labels) status = add_entry(archive, labels, label_key, &headers[1], error);
    if (status == ELBO_OK)
        status = close_archive(archive, file.temporary, path, error);
    else if (archive)
        zip_discard(archive);
    elbo_free(headers[0]);
    elbo_free(headers[1]);
    if (status == ELBO_OK) return elbo_file_commit(&file, error);
    elbo_file_abort(&file);
    return status;
}

elbo_status elbo_npz_save(const elbo_array *array, const char *path, const char *key, elbo_error *error) {
    return write_archive(array, key ? key : "data", NULL, NULL, path, error);
}

static elbo_status write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error) {
    const char *comma = key ? strchr(key, ',') : NULL;
    char *value_key = elbo_strdup(key ? key : "x");
    if (!value_key) return elbo_fail_memory(error, 1, "a name");
    if (comma) value_key[comma - key] = 0;
    const char *label_key = comma ? comma + 1 : "y";
    elbo_status status;
    if (!*value_key || !*label_key || strcmp(value_key, label_key) == 0)
        status = elbo_fail(error, ELBO_ERROR_USAGE, "%s#%s: two different names were expected, as in #x,y", path, key);
    else
        status = write_archive(&table->values, value_key, table->labels.data ? &table->labels : NULL, label_key, path,
                               error);
    elbo_free(value_key);
    return status;
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    return !is_folder && elbo_path_ends(path, ".npz");
}

static bool claims_output(const char *to) {
    const char *key = strchr(to, '#');
    char ending[8] = "";
    if (!key) return elbo_path_ends(to, ".npz");
    if (key - to >= 4) memcpy(ending, key - 4, 4);
    return strcasecmp(ending, ".npz") == 0;
}

const struct elbo_format elbo_format_npz = {
    .name = "npz",
    .description = "NPZ: arrays of NumPy in a zip archive, FILE.npz#VALUES,LABELS",
    .claims = claims,
    .read = read_table,
    .write = write_table,
    .claims_output = claims_output,
};
