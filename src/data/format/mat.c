/* MATLAB files through libmatio: "file.mat#name" names the variable, else the first numeric matrix is taken.
 *
 * Which axis counts the data?  A MATLAB matrix may hold a datum in each row or in each column:
 *   1. "#name:rows" and "#name:columns" say it;
 *   2. else, if the option item_shape fits only one of the two, that one;
 *   3. else the longer of the first and the last axis counts the data (rows, if they are equal).
 * The other axes are the item, in MATLAB's order; [.., 3] behind height and width moves to the front.  So 560 x 1965 is
 * 1965 items of 560, and 32 x 32 x 3 x 5000 is 5000 items of 3 x 32 x 32.
 *
 * Frey Face as published (ff, 560 x 1965, bytes, a column for each image) holds images of 28 x 20 row by row, and its
 * items get that shape. */
#include <matio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/format/arrays.h"
#include "data/number.h"

static bool number_of(enum matio_types type, elbo_number *number) {
    switch (type) {
        case MAT_T_INT8: *number = (elbo_number){'i', 1, false}; return true;
        case MAT_T_UINT8: *number = (elbo_number){'u', 1, false}; return true;
        case MAT_T_INT16: *number = (elbo_number){'i', 2, false}; return true;
        case MAT_T_UINT16: *number = (elbo_number){'u', 2, false}; return true;
        case MAT_T_INT32: *number = (elbo_number){'i', 4, false}; return true;
        case MAT_T_UINT32: *number = (elbo_number){'u', 4, false}; return true;
        case MAT_T_INT64: *number = (elbo_number){'i', 8, false}; return true;
        case MAT_T_UINT64: *number = (elbo_number){'u', 8, false}; return true;
        case MAT_T_SINGLE: *number = (elbo_number){'f', 4, false}; return true;
        case MAT_T_DOUBLE: *number = (elbo_number){'f', 8, false}; return true;
        default: return false;
    }
}

static const char *name_of(const matvar_t *variable) { return variable->name ? variable->name : "(unnamed)"; }

static const char *class_name(const matvar_t *variable) {
    static const char *const names[] = {"empty",  "cell",   "struct", "object", "char",    "sparse",
                                        "double", "single", "int8",   "uint8",  "int16",   "uint16",
                                        "int32",  "uint32", "int64",  "uint64", "function"};
    unsigned class = (unsigned)variable->class_type;
    return class < sizeof names / sizeof *names ? names[class] : "opaque";
}

static bool is_numeric(const matvar_t *variable) {
    return variable->class_type >= MAT_C_DOUBLE && variable->class_type <= MAT_C_UINT64;
}

/* Elements, or 0 when the lengths make no sense. */
static uint64_t element_count(const matvar_t *variable) {
    uint64_t count = 1;
    if (variable->rank < 1 || !variable->dims) return 0;
    for (int axis = 0; axis < variable->rank; axis++) {
        if (variable->dims[axis] && count > (uint64_t)INT64_MAX / 64 / variable->dims[axis]) return 0;
        count *= variable->dims[axis];
    }
    return count;
}

/* ---- finding the variable ---- */

static size_t describe(const matvar_t *variable, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "%s (", name_of(variable));
    for (int axis = 0; axis < variable->rank && variable->dims && used < size; axis++)
        used += (size_t)snprintf(text + used, size - used, axis ? "x%zu" : "%zu", variable->dims[axis]);
    if (used < size) used += (size_t)snprintf(text + used, size - used, " %s)", class_name(variable));
    return used < size ? used : size - 1;
}

static elbo_status missing_variable(mat_t *file, const char *path, const char *name, size_t length, elbo_error *error) {
    char list[600] = "";
    size_t used = 0;
    (void)Mat_Rewind(file);
    for (matvar_t *variable; (variable = Mat_VarReadNextInfo(file)); Mat_VarFree(variable)) {
        if (used && used + 2 < sizeof list) used += (size_t)snprintf(list + used, sizeof list - used, ", ");
        if (used + 1 < sizeof list) used += describe(variable, list + used, sizeof list - used);
    }
    if (!*list) return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: no readable variable: damaged or empty", path);
    if (name)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no variable '%.*s'; it holds: %s", path, (int)length, name,
                         list);
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds no numeric matrix; it holds: %s", path, list);
}

static elbo_status find_variable(matvar_t **variable, mat_t *file, const char *path, const char *name, size_t length,
                                 elbo_error *error) {
    while ((*variable = Mat_VarReadNextInfo(file))) {
        const char *own = (*variable)->name;
        bool match = name && *name ? own && strncmp(own, name, length) == 0 && own[length] == 0
                                   : is_numeric(*variable) && element_count(*variable) > 1;
        if (match) return ELBO_OK;
        Mat_VarFree(*variable);
    }
    return missing_variable(file, path, name && *name ? name : NULL, length, error);
}

static elbo_status check_variable(const matvar_t *variable, const char *path, elbo_error *error) {
    if (!is_numeric(variable) || variable->isComplex)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s#%s is %s%s; a full matrix of real numbers was expected",
                         path, name_of(variable), variable->isComplex ? "complex " : "", class_name(variable));
    if (variable->rank > ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s#%s has %d axes; at most %d can be read", path,
                         name_of(variable), variable->rank, ELBO_MAX_RANK);
    struct stat about;
    uint64_t count = element_count(variable);
    /* A double may be stored in one byte, and deflate packs at most 1032 bytes into one. */
    if (count == 0 || stat(path, &about) != 0 || count / ELBO_INFLATE_LIMIT / 8 > (uint64_t)about.st_size) {
        char text[200];
        describe(variable, text, sizeof text);
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged: %s does not fit into the file's %lld bytes", path,
                         text, (long long)about.st_size);
    }
    return ELBO_OK;
}

/* The variable's values in MATLAB's memory order under MATLAB's shape. */
static elbo_status take_values(elbo_array *array, const matvar_t *variable, const char *path, bool wide,
                               elbo_error *error) {
    elbo_number number;
    int64_t shape[ELBO_MAX_RANK];
    uint64_t count = element_count(variable);
    if (!variable->data || !number_of(variable->data_type, &number) || number.size != variable->data_size ||
        variable->nbytes / (size_t)number.size < count)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the values of %s are damaged or cut off", path,
                         name_of(variable));
    for (int axis = 0; axis < variable->rank; axis++) shape[axis] = (int64_t)variable->dims[axis];
    elbo_dtype dtype = wide ? elbo_number_wide(number) : elbo_number_narrow(number);
    ELBO_TRY(elbo_array_new(array, dtype, variable->rank, shape, error));
    elbo_number_decode(number, variable->data, dtype, array->data, (size_t)count);
    return ELBO_OK;
}

static elbo_status read_variable(elbo_array *array, const char *path, const char *name, size_t length, bool wide,
                                 bool *frey, elbo_error *error) {
    matvar_t *variable = NULL;
    if (access(path, R_OK) != 0) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: no such readable file", path);
    mat_t *file = Mat_Open(path, MAT_ACC_RDONLY);
    if (!file) return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged or no MATLAB file", path);
    elbo_status status = find_variable(&variable, file, path, name, length, error);
    if (status == ELBO_OK) status = check_variable(variable, path, error);
    if (status == ELBO_OK && Mat_VarReadDataAll(file, variable) != 0)
        status =
            elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the values of %s are damaged or cut off", path, name_of(variable));
    if (status == ELBO_OK) status = take_values(array, variable, path, wide, error);
    if (status == ELBO_OK && frey)
        *frey = strcmp(name_of(variable), "ff") == 0 && array->rank == 2 && array->shape[0] == 560 &&
                array->dtype == ELBO_U8;
    if (variable) Mat_VarFree(variable);
    (void)Mat_Close(file);
    return status;
}

/* ---- turning it into rows ---- */

typedef enum mat_direction { MAT_UNSAID, MAT_ROWS, MAT_COLUMNS } mat_direction;

static bool data_in_columns(const elbo_array *array, mat_direction direction, int64_t wanted) {
    int64_t first = array->shape[0], last = array->shape[array->rank - 1], total = elbo_array_count(array);
    if (direction != MAT_UNSAID) return direction == MAT_COLUMNS;
    bool rows_fit = wanted > 0 && total / first == wanted, columns_fit = wanted > 0 && total / last == wanted;
    return rows_fit != columns_fit ? columns_fit : last > first;
}

/* MATLAB's memory to [N, item...]. */
static elbo_status to_rows(elbo_array *array, bool columns, elbo_error *error) {
    int64_t step[ELBO_MAX_RANK], shape[ELBO_MAX_RANK], stride[ELBO_MAX_RANK], product = 1;
    int rank = array->rank, order[ELBO_MAX_RANK], used = 0;
    for (int axis = 0; axis < rank; axis++) {
        step[axis] = product;
        product *= array->shape[axis];
    }
    order[used++] = columns ? rank - 1 : 0;
    for (int axis = 0; axis < rank; axis++)
        if (axis != order[0]) order[used++] = axis;
    if (rank == 4) { /* height, width, channels */
        int64_t front = array->shape[order[1]], back = array->shape[order[3]];
        if ((back == 1 || back == 3) && front != 1 && front != 3) {
            int channels = order[3];
            order[3] = order[2];
            order[2] = order[1];
            order[1] = channels;
        }
    }
    for (int axis = 0; axis < rank; axis++) {
        shape[axis] = array->shape[order[axis]];
        stride[axis] = step[order[axis]];
    }
    elbo_array turned;
    ELBO_TRY(elbo_array_new(&turned, array->dtype, rank, shape, error));
    elbo_axes_copy(turned.data, array->data, (int)elbo_dtype_size(array->dtype), rank, shape, stride);
    elbo_array_free(array);
    *array = turned;
    return ELBO_OK;
}

static elbo_status parse_key(const char *key, size_t *length, mat_direction *direction, const char *path,
                             elbo_error *error) {
    *direction = MAT_UNSAID;
    *length = key ? strcspn(key, ":") : 0;
    if (!key || !key[*length]) return ELBO_OK;
    if (strcmp(key + *length, ":rows") == 0)
        *direction = MAT_ROWS;
    else if (strcmp(key + *length, ":columns") == 0)
        *direction = MAT_COLUMNS;
    else
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s#%s: expected #NAME, #NAME:rows or #NAME:columns", path, key);
    return ELBO_OK;
}

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    size_t length;
    mat_direction direction;
    bool frey;
    int item_rank;
    int64_t item_shape[ELBO_MAX_RANK], wanted = 0;
    ELBO_TRY(parse_key(key, &length, &direction, path, error));
    ELBO_TRY(elbo_item_shape_parse(options->item_shape, &item_rank, item_shape, &wanted, error));
    char *name = elbo_calloc(length + 1);
    if (!name) return elbo_fail_memory(error, length, "a name");
    if (key) memcpy(name, key, length);
    elbo_status status = read_variable(&table->values, path, name, length, false, &frey, error);
    elbo_free(name);
    ELBO_TRY(status);
    bool columns = data_in_columns(&table->values, direction, wanted);
    ELBO_TRY(to_rows(&table->values, columns, error));
    if (frey && columns) {
        table->values.rank = 3;
        table->values.shape[1] = 28;
        table->values.shape[2] = 20;
    }
    return ELBO_OK;
}

elbo_status elbo_mat_load(elbo_array *array, const char *path, const char *key, elbo_error *error) {
    elbo_status status = read_variable(array, path, key, key ? strlen(key) : 0, true, NULL, error);
    if (status == ELBO_OK) status = elbo_array_from_columns(array, error);
    if (status != ELBO_OK) elbo_array_free(array);
    return status;
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    return !is_folder && elbo_path_ends(path, ".mat");
}

const struct elbo_format elbo_format_mat = {
    .name = "mat",
    .description = "MATLAB: a matrix, FILE.mat#NAME; the longer axis counts the data, or #NAME:rows, #NAME:columns",
    .claims = claims,
    .read = read_table,
};
