/* elbo: variational autoencoders and the latent-variable models around them, in C.
 *
 * Copyright 2026 the elbo authors. SPDX-License-Identifier: Apache-2.0
 *
 * The whole public API, in reading order:
 *   1 status and errors      2 arrays            3 options
 *   4 data                   5 graphs            6 operations
 *   7 parameters             8 plans             9 configuration
 *  10 training              11 classic fits     12 models in use
 *  13 evaluation            14 likelihoods      15 gradients
 *  16 the gap               17 metrics          18 pictures
 *  19 registries            20 classifiers
 *
 * Conventions.  The library never prints, exits or aborts and keeps no mutable global state.  A function that can
 * fail returns an elbo_status, or NULL, and writes what happened into the caller's elbo_error (which may be NULL).
 * `elbo_<thing>_free` accepts NULL.  `const` pointers that are returned are borrowed from the object that they came
 * from.  Arrays are row-major.  Every likelihood is in nats per datum with all constants in.
 */
#ifndef ELBO_H
#define ELBO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ELBO_VERSION "0.1.0"

#if defined(__GNUC__)
#define ELBO_API                 __attribute__((visibility("default")))
#define ELBO_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define ELBO_API
#define ELBO_PRINTF(text, first)
#endif

/* ---- 1 Status and errors ----------------------------------------------------------------------------------------- */

/* X(symbol, text).  The text completes "elbo: ...". */
#define ELBO_STATUS_LIST(X)                                         \
    X(ELBO_OK, "success")                                           \
    X(ELBO_ERROR_USAGE, "unknown or impossible option or argument") \
    X(ELBO_ERROR_MEMORY, "out of memory")                           \
    X(ELBO_ERROR_IO, "input or output failed")                      \
    X(ELBO_ERROR_FORMAT, "damaged or unexpected file content")      \
    X(ELBO_ERROR_SHAPE, "shapes or types do not fit")               \
    X(ELBO_ERROR_UNSUPPORTED, "not supported here")                 \
    X(ELBO_ERROR_NUMERIC, "a value became NaN or infinite")         \
    X(ELBO_ERROR_STATE, "object is not in a state to do this")      \
    X(ELBO_ERROR_INTERRUPTED, "stopped on request")                 \
    X(ELBO_ERROR_INTERNAL, "internal error")

typedef enum elbo_status {
#define ELBO_STATUS_SYMBOL(symbol, text) symbol,
    ELBO_STATUS_LIST(ELBO_STATUS_SYMBOL)
#undef ELBO_STATUS_SYMBOL
} elbo_status;

/* What went wrong, where, and what was expected; owned by the caller, who may start from {0}. */
typedef struct elbo_error {
    elbo_status status;
    char message[1024];
} elbo_error;

/* The library's version, "major.minor.patch"; never NULL. */
ELBO_API const char *elbo_version(void);

/* One line for a status; never NULL, also for a value outside the enumeration. */
ELBO_API const char *elbo_status_text(elbo_status status);

/* ---- 2 Arrays: how numbers enter and leave ----------------------------------------------------------------------- */

#define ELBO_MAX_RANK 6

typedef enum elbo_dtype { ELBO_F32, ELBO_F64, ELBO_U8, ELBO_I32, ELBO_BF16 } elbo_dtype;

/* A dense row-major array.  `data` is owned by the array when elbo_array_new made it (release != NULL) and borrowed
 * otherwise.  A zeroed struct is an empty array. */
typedef struct elbo_array {
    elbo_dtype dtype;
    int rank;
    int64_t shape[ELBO_MAX_RANK];
    void *data;
    void (*release)(struct elbo_array *array);
    size_t mapped_bytes; /* internal to release */
    void *owner;         /* internal to release */
} elbo_array;

/* Bytes of one element of a type. */
ELBO_API size_t elbo_dtype_size(elbo_dtype dtype);

/* "f32", "f64", "u8", "i32", "bf16". */
ELBO_API const char *elbo_dtype_name(elbo_dtype dtype);

/* Allocates a zeroed array (64-byte aligned).  Free it with elbo_array_free. */
ELBO_API elbo_status elbo_array_new(elbo_array *array, elbo_dtype dtype, int rank, const int64_t *shape,
                                    elbo_error *error);

/* Releases the data and zeroes the struct; accepts NULL and an empty array. */
ELBO_API void elbo_array_free(elbo_array *array);

/* Number of elements: the product of the shape, 1 for rank 0. */
ELBO_API int64_t elbo_array_count(const elbo_array *array);

/* Writes an array to a file chosen by its ending: .npy, .npz (key "data", or "file.npz#key"), .csv (rank at most 2
 * or flattened to rows).  "-" writes NPY to standard output.  The file appears whole or not at all. */
ELBO_API elbo_status elbo_array_save(const elbo_array *array, const char *path, elbo_error *error);

/* Reads one array from .npy, .npz#key, .csv or .mat#name; the caller frees it. */
ELBO_API elbo_status elbo_array_load(elbo_array *array, const char *path, elbo_error *error);

/* ---- 3 Options: one table yields the struct field, the flag, the recipe key, the help and the checkpoint field --- */

typedef enum elbo_option_type {
    ELBO_OPTION_BOOL,   /* bool */
    ELBO_OPTION_INT,    /* int64_t */
    ELBO_OPTION_REAL,   /* double */
    ELBO_OPTION_TEXT,   /* char *, owned; "" when unset */
    ELBO_OPTION_CHOICE, /* char *, owned; one of `choices`, separated by '|' */
    ELBO_OPTION_INTS    /* elbo_ints: "500" or "500,200" or "" */
} elbo_option_type;

#define ELBO_MAX_INTS 16

typedef struct elbo_ints {
    int count;
    int64_t value[ELBO_MAX_INTS];
} elbo_ints;

/* The C type of a field of each option type. */
typedef bool elbo_option_c_BOOL;
typedef int64_t elbo_option_c_INT;
typedef double elbo_option_c_REAL;
typedef char *elbo_option_c_TEXT;
typedef char *elbo_option_c_CHOICE;
typedef elbo_ints elbo_option_c_INTS;

/* One row.  `name` is the C field with '_' ; flags and recipe keys use '-'.  Bounds are inclusive and apply to INT,
 * REAL and each element of INTS. */
typedef struct elbo_option {
    const char *name;
    elbo_option_type type;
    const char *initial;
    double minimum, maximum;
    const char *choices;
    const char *help;
    size_t offset;
} elbo_option;

typedef struct elbo_options {
    const char *title;
    const elbo_option *rows;
    size_t count;
    size_t struct_size;
} elbo_options;

/* An options list is an X-macro LIST(O) of rows O(type, name, initial, minimum, maximum, choices, help).
 * ELBO_OPTIONS_STRUCT declares the struct, ELBO_TABLE the table:
 *   ELBO_OPTIONS_STRUCT(my_options, MY_OPTIONS);
 *   #define ELBO_TABLE_STRUCT my_options
 *   static ELBO_TABLE(my_table, "Output", MY_OPTIONS);
 *   #undef ELBO_TABLE_STRUCT */
#define ELBO_TABLE_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_, ELBO_OPTION_##type_, initial_, minimum_, maximum_, choices_, help_, offsetof(ELBO_TABLE_STRUCT, name_)},
#define ELBO_TABLE_ROWS(LIST) ((const elbo_option[]){LIST(ELBO_TABLE_ROW)})
#define ELBO_TABLE(name_, title_, LIST)                                                       \
    const elbo_options name_ = {title_, ELBO_TABLE_ROWS(LIST),                                \
                                sizeof ELBO_TABLE_ROWS(LIST) / sizeof *ELBO_TABLE_ROWS(LIST), \
                                sizeof(ELBO_TABLE_STRUCT)}
#define ELBO_OPTION_FIELD(type_, name_, initial_, min_, max_, choices_, help_) elbo_option_c_##type_ name_;
#define ELBO_OPTIONS_STRUCT(struct_, LIST) \
    typedef struct struct_ {               \
        LIST(ELBO_OPTION_FIELD)            \
    } struct_

/* Sets every field of `values` (a struct of table->struct_size bytes) to its default. */
ELBO_API elbo_status elbo_options_init(const elbo_options *table, void *values, elbo_error *error);

/* Sets one field from text.  `name` may be spelt with '-' or '_'.  An unknown name, a value that does not parse or
 * lies outside the bounds fails with ELBO_ERROR_USAGE, a message that names the option, the value and what was
 * expected (with the nearest known name as a hint), and leaves the field as it was. */
ELBO_API elbo_status elbo_options_set(const elbo_options *table, void *values, const char *name, const char *text,
                                      elbo_error *error);

/* The value as text that elbo_options_set would read back to the same value (REAL with 17 significant digits if
 * needed).  Truncates to `size`; returns false for an unknown name. */
ELBO_API bool elbo_options_get(const elbo_options *table, const void *values, const char *name, char *text,
                               size_t size);

/* The row of a name, or NULL. */
ELBO_API const elbo_option *elbo_options_find(const elbo_options *table, const char *name);

/* Frees the owned strings and zeroes the struct. */
ELBO_API void elbo_options_clear(const elbo_options *table, void *values);

/* The known name (of any of the tables) nearest to a misspelt one, or NULL if none is near. */
ELBO_API const char *elbo_options_nearest(const elbo_options *const *tables, size_t count, const char *name);

/* ---- 4 Data
 *
 * A source is a path or a generator:
 *   DIR with MNIST's four IDX files (.gz or not)     DIR of PNGs (subfolders as labels)
 *   FILE.idx/.gz  FILE.npy  FILE.npz#key  FILE.csv  FILE.mat#name  FILE.png
 *   DIR or FILE of documents as counts of words (format "bow")
 *   synth:glyphs  synth:sprites  synth:mixture  synth:topics  (with ?key=value&... for their options) */

typedef enum elbo_split { ELBO_SPLIT_TRAIN, ELBO_SPLIT_VALID, ELBO_SPLIT_TEST, ELBO_SPLIT_ALL } elbo_split;

/* How a source is read and split.  Rows are dealt to splits by a permutation that depends on split_seed alone.  With
 * pool there is one split, of training rows. */
#define ELBO_DATA_OPTIONS(O)                                                                                      \
    O(TEXT, labels, "", 0, 0, NULL, "file or CSV column with the labels, where the source has none of its own")   \
    O(TEXT, columns, "", 0, 0, NULL, "CSV: columns to use, by name or number (from 1), separated by commas")      \
    O(TEXT, item_shape, "", 0, 0, NULL, "shape of one item, such as 28x28 or 3x32x32, where the file is flat")    \
    O(INT, limit, "0", 0, 1e12, NULL, "use only the first rows of each split (0: all)")                           \
    O(REAL, test_fraction, "0.1", 0, 0.9, NULL, "share of rows held out as test split where the source has none") \
    O(INT, test_count, "0", 0, 1e12, NULL, "number of test rows, instead of a share (0: the share)")              \
    O(REAL, valid_fraction, "0", 0, 0.9, NULL, "share of the training rows set aside for validation")             \
    O(BOOL, pool, "false", 0, 0, NULL, "every row is a training row, those of the source's test split too")       \
    O(TEXT, train_labels, "", 0, 0, NULL,                                                                         \
      "classes whose rows are trained on, such as 1 or 0,2,4, validation rows among them; test rows stay all")    \
    O(INT, split_seed, "0", 0, 9.2e18, NULL, "seed of the permutation that deals rows to splits")
ELBO_OPTIONS_STRUCT(elbo_data_options, ELBO_DATA_OPTIONS);
ELBO_API extern const elbo_options elbo_data_options_table;

typedef struct elbo_dataset elbo_dataset;

/* What `elbo data` shows. */
typedef struct elbo_data_info {
    const char *source; /* as given */
    const char *format; /* "idx", "npy", "npz", "csv", "mat", "png", "synth:glyphs", ... */
    elbo_dtype dtype;   /* of the stored values */
    int item_rank;      /* 1: vector; 2: height x width; 3: channels x height x width */
    int64_t item_shape[ELBO_MAX_RANK];
    int64_t item_size;                /* product of the shape */
    int64_t count[4];                 /* rows by elbo_split */
    double minimum, maximum;          /* over at most the first 10 000 training rows */
    bool integral;                    /* every looked-at value is a whole number */
    int classes;                      /* 0: no labels */
    const char *const *class_names;   /* [classes] */
    const char *const *feature_names; /* [item_size]: words of documents; NULL: values have no names */
    int factors;                      /* factors of variation that are known of each row; 0: none */
    const char *const *factor_names;  /* [factors] */
} elbo_data_info;

/* Opens a source; NULL on failure.  `options` may be NULL for the defaults.  Free with elbo_dataset_free. */
ELBO_API elbo_dataset *elbo_dataset_open(const char *source, const elbo_data_options *options, elbo_error *error);
ELBO_API void elbo_dataset_free(elbo_dataset *dataset);

/* A data set over the caller's array x: [N, item...] (borrowed while the data set lives) and, unless NULL,
 * labels: i32 [N]. */
ELBO_API elbo_dataset *elbo_dataset_from_array(const elbo_array *x, const elbo_array *labels,
                                               const elbo_data_options *options, elbo_error *error);

/* Borrowed description; lives as long as the data set. */
ELBO_API const elbo_data_info *elbo_dataset_info(const elbo_dataset *dataset);

/* Copies rows of a split: rows index[0..count) of the split, or start.. when index is NULL, into out: dtype of the
 * data set, [count, item...], caller's memory of count*item_size elements. */
ELBO_API elbo_status elbo_dataset_rows(const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                                       int64_t start, int64_t count, void *out, elbo_error *error);

/* The labels of the same rows; ELBO_ERROR_STATE if the data set has none. */
ELBO_API elbo_status elbo_dataset_labels(const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                                         int64_t start, int64_t count, int32_t *out, elbo_error *error);

/* The factors of variation of the same rows, where a generator knows them ("synth:sprites"): [count, factors] values
 * counted from 0; ELBO_ERROR_STATE if the data set has none. */
ELBO_API elbo_status elbo_dataset_factors(const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                                          int64_t start, int64_t count, int32_t *out, elbo_error *error);

/* Writes a split (values, and labels where the format can hold them) as .npy, .npz (x, y), .csv, an IDX pair (a
 * folder, or a name ending in -idx3-ubyte[.gz] and the like) or a folder of PNGs; `to` ends in the format's ending or
 * names a folder with a format "idx:DIR" / "png:DIR". */
ELBO_API elbo_status elbo_dataset_convert(const elbo_dataset *dataset, elbo_split split, const char *to,
                                          elbo_error *error);

/* Known downloads ("mnist", "fashion-mnist", "kmnist", "binarized-mnist"). */
typedef struct elbo_download {
    const char *name, *title, *licence;
    int files;
} elbo_download;
ELBO_API size_t elbo_download_count(void);
ELBO_API const elbo_download *elbo_download_at(size_t index);

/* Progress of one file; return true to stop. */
typedef bool (*elbo_download_progress)(void *user, const char *file, int64_t done, int64_t total);

/* Fetches a known data set into `folder`: resumes a partial file, checks SHA-256 and size before the file gets its
 * name.  `base_url` replaces the built-in address (NULL: built in). */
ELBO_API elbo_status elbo_download_get(const char *name, const char *folder, const char *base_url,
                                       elbo_download_progress progress, void *user, elbo_error *error);

/* ---- 5 Graphs
 *
 * A model is written once as calls that read like its formula; each returns a node.  A builder that is given NULL
 * returns NULL, and the first error (what, where, which operation, the shapes) stays in the graph until
 * elbo_graph_check or elbo_plan_new reports it: formulas need no error checks.
 * Values are "real" (f32, or f64 on the reference backend), u8 or i32. */

typedef struct elbo_graph elbo_graph;
typedef struct elbo_node elbo_node;
typedef struct elbo_params elbo_params;

typedef struct elbo_shape {
    int rank;
    int64_t dim[ELBO_MAX_RANK];
} elbo_shape;

/* ELBO_SHAPE(100, 784): a shape from its dimensions; ELBO_SCALAR has rank 0. */
#define ELBO_SHAPE(...) ((elbo_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define ELBO_SCALAR     ((elbo_shape){0, {0}})

/* The number of elements (1 for a scalar), and whether two shapes are the same. */
ELBO_API int64_t elbo_shape_count(elbo_shape shape);
ELBO_API bool elbo_shape_equal(elbo_shape a, elbo_shape b);

/* A new empty graph; NULL when out of memory.  It owns its nodes. */
ELBO_API elbo_graph *elbo_graph_new(void);
ELBO_API void elbo_graph_free(elbo_graph *graph);

/* The first error that a builder met, or ELBO_OK. */
ELBO_API elbo_status elbo_graph_check(const elbo_graph *graph, elbo_error *error);

/* Nodes made between push and pop carry the label ("encoder/dense1"); labels nest with '/'. */
ELBO_API void elbo_scope_push(elbo_graph *graph, const char *label);
ELBO_API void elbo_scope_pop(elbo_graph *graph);

ELBO_API elbo_shape elbo_node_shape(const elbo_node *node); /* rank 0 for NULL */
ELBO_API elbo_graph *elbo_node_graph(const elbo_node *node);
ELBO_API const char *elbo_node_label(const elbo_node *node);

/* A value that is filled in before each run.  dtype: ELBO_F32 (real), ELBO_U8 or ELBO_I32. */
ELBO_API elbo_node *elbo_input(elbo_graph *graph, const char *name, elbo_dtype dtype, elbo_shape shape);
/* Every element has this value. */
ELBO_API elbo_node *elbo_constant(elbo_graph *graph, double value, elbo_shape shape);
ELBO_API elbo_node *elbo_scalar(elbo_graph *graph, double value);
/* Copies values [count of shape] into the graph. */
ELBO_API elbo_node *elbo_literal(elbo_graph *graph, const double *values, elbo_shape shape);
/* A parameter of the store, by name (section 7). */
ELBO_API elbo_node *elbo_param(elbo_graph *graph, elbo_params *params, const char *name);

/* Gradients as graph: d(loss)/d(wrt[i]) into out[i] for a scalar loss.  Where loss does not depend on wrt[i], out[i]
 * is a constant zero.  An operation without a gradient on the way is ELBO_ERROR_UNSUPPORTED, kept in the graph. */
ELBO_API void elbo_grad(elbo_node *loss, elbo_node *const *wrt, size_t count, elbo_node **out);

/* ---- 6 Operations.  Elementwise ones broadcast as in NumPy.  Axes count from 0; negative ones from the end. ------ */

/* X(name, arity): elementwise operations; the table with formula and gradient is src/ops/elementwise.def. */
/* clang-format off */
#define ELBO_UNARY_LIST(X)                                                                                        \
    X(neg) X(abs) X(sign) X(exp) X(log) X(log1p) X(expm1) X(sqrt) X(rsqrt) X(square) X(reciprocal) X(sin) X(cos)  \
    X(tan) X(atan) X(tanh) X(sigmoid) X(softplus) X(relu) X(erf) X(erfinv) X(lgamma) X(digamma) X(trigamma)       \
    X(floor) X(is_finite)
#define ELBO_BINARY_LIST(X) \
    X(add) X(sub) X(mul) X(div) X(pow) X(max) X(min) X(less) X(less_equal) X(equal)
/* clang-format on */
#define ELBO_DECLARE_UNARY(name)  ELBO_API elbo_node *elbo_##name(elbo_node *x);
#define ELBO_DECLARE_BINARY(name) ELBO_API elbo_node *elbo_##name(elbo_node *a, elbo_node *b);
ELBO_UNARY_LIST(ELBO_DECLARE_UNARY)
ELBO_BINARY_LIST(ELBO_DECLARE_BINARY)
/* a*b + c in one pass. */
ELBO_API elbo_node *elbo_muladd(elbo_node *a, elbo_node *b, elbo_node *c);
/* condition != 0 ? a : b. */
ELBO_API elbo_node *elbo_where(elbo_node *condition, elbo_node *a, elbo_node *b);
/* x + value, x * value, x^value, and x limited to [low, high] (gradient 0 outside). */
ELBO_API elbo_node *elbo_shift(elbo_node *x, double value);
ELBO_API elbo_node *elbo_scale(elbo_node *x, double value);
ELBO_API elbo_node *elbo_power(elbo_node *x, double exponent);
ELBO_API elbo_node *elbo_clamp(elbo_node *x, double low, double high);
ELBO_API elbo_node *elbo_leaky_relu(elbo_node *x, double slope);
ELBO_API elbo_node *elbo_elu(elbo_node *x, double alpha);
/* An u8 or i32 node as real numbers. */
ELBO_API elbo_node *elbo_to_real(elbo_node *x);
/* The value without its gradient. */
ELBO_API elbo_node *elbo_stop_gradient(elbo_node *x);

/* Products: a: [..., M, K], b: [..., K, N] -> [..., M, N]; with transpose_a a is [..., K, M], with transpose_b b is
 * [..., N, K].  Leading axes broadcast. */
ELBO_API elbo_node *elbo_matmul(elbo_node *a, elbo_node *b, bool transpose_a, bool transpose_b);
/* Sparse times dense: rows of a CSR matrix S: [B, V] with row_start: i32 [B+1], column: i32 [capacity], value: real
 * [capacity] (entries from row_start[B] on are ignored), weight: [V, H] -> [B, H]. */
ELBO_API elbo_node *elbo_sparse_matmul(elbo_node *row_start, elbo_node *column, elbo_node *value, elbo_node *weight);

/* x: [B, I, H, W], weight: [O, I, KH, KW] -> [B, O, H', W'] with H' = (H + 2 padding - KH) / stride + 1. */
ELBO_API elbo_node *elbo_conv2d(elbo_node *x, elbo_node *weight, int stride, int padding);
/* Its adjoint in x: x: [B, I, H, W], weight: [I, O, KH, KW] -> [B, O, H', W'] with
 * H' = (H - 1) stride - 2 padding + KH + output_padding. */
ELBO_API elbo_node *elbo_conv2d_transposed(elbo_node *x, elbo_node *weight, int stride, int padding,
                                           int output_padding);

/* Reductions over the axes first..last (inclusive, adjacent); keep leaves them with size 1. */
ELBO_API elbo_node *elbo_sum(elbo_node *x, int first, int last, bool keep);
ELBO_API elbo_node *elbo_mean(elbo_node *x, int first, int last, bool keep);
ELBO_API elbo_node *elbo_max_over(elbo_node *x, int first, int last, bool keep);
ELBO_API elbo_node *elbo_logsumexp(elbo_node *x, int first, int last, bool keep);
ELBO_API elbo_node *elbo_sum_all(elbo_node *x);  /* -> scalar */
ELBO_API elbo_node *elbo_mean_all(elbo_node *x); /* -> scalar */
/* Index of the largest element along one axis, i32, the axis dropped; the first of equals.  No gradient. */
ELBO_API elbo_node *elbo_argmax(elbo_node *x, int axis);
ELBO_API elbo_node *elbo_softmax(elbo_node *x, int axis);
ELBO_API elbo_node *elbo_log_softmax(elbo_node *x, int axis);
/* Sums a broadcast value back to a shape that broadcasts to it. */
ELBO_API elbo_node *elbo_sum_to(elbo_node *x, elbo_shape shape);
/* y_i = sum of x_j over j <= i (j < i when exclusive; j >= i, j > i when reverse) along an axis. */
ELBO_API elbo_node *elbo_cumsum(elbo_node *x, int axis, bool exclusive, bool reverse);

/* Movement. */
ELBO_API elbo_node *elbo_reshape(elbo_node *x, elbo_shape shape); /* one dimension may be -1 */
ELBO_API elbo_node *elbo_transpose(elbo_node *x, const int *permutation);
ELBO_API elbo_node *elbo_broadcast_to(elbo_node *x, elbo_shape shape);
ELBO_API elbo_node *elbo_concat(elbo_node *const *x, int count, int axis);
ELBO_API elbo_node *elbo_slice(elbo_node *x, int axis, int64_t start, int64_t count);
ELBO_API elbo_node *elbo_pad(elbo_node *x, int axis, int64_t before, int64_t after); /* with zeros */
/* table: [V, D...], index: i32 [I...] -> [I..., D...]; an index outside [0, V) gives a row of zeros, and scatter_add
 * drops such rows. */
ELBO_API elbo_node *elbo_gather(elbo_node *table, elbo_node *index);
/* rows: [I..., D...] added into zeros [size, D...] at index: i32 [I...]: the adjoint of gather. */
ELBO_API elbo_node *elbo_scatter_add(elbo_node *rows, elbo_node *index, int64_t size);
/* index: i32 [I...] -> real [I..., size], 1 at the index; an index outside gives zeros.  No gradient. */
ELBO_API elbo_node *elbo_one_hot(elbo_node *index, int64_t size);

/* Triangles.  fill: [..., n(n+1)/2] -> [..., n, n], row by row, zeros above the diagonal; take is its inverse. */
ELBO_API elbo_node *elbo_tril_fill(elbo_node *x);
ELBO_API elbo_node *elbo_tril_take(elbo_node *x);
/* Solves L y = b (or L' y = b) for lower triangular L: [..., n, n], b: [..., n, m] -> y: [..., n, m]. */
ELBO_API elbo_node *elbo_tril_solve(elbo_node *l, elbo_node *b, bool transposed);

/* Normalisation: (x - mean) / sqrt(variance + epsilon) * gain + bias.
 * batch_norm: statistics over all axes but axis 1 (x: [B, D] or [B, C, H, W]); gain, bias: [D].  The batch's mean and
 * (biased) variance come out through mean and variance unless NULL.
 * layer_norm: statistics over the last axis; gain, bias: [last]. */
ELBO_API elbo_node *elbo_batch_norm(elbo_node *x, elbo_node *gain, elbo_node *bias, double epsilon, elbo_node **mean,
                                    elbo_node **variance);
ELBO_API elbo_node *elbo_layer_norm(elbo_node *x, elbo_node *gain, elbo_node *bias, double epsilon);

/* Random nodes.  Each call has a stream of its own, numbered in the order of the calls in this graph.  A draw depends
 * on (seed, stream, step, row, column): row is the index along row_axis plus the run's first_row, column the flat
 * index of the other axes.  No gradient flows into them. */
ELBO_API elbo_node *elbo_random_uniform(elbo_graph *graph, elbo_shape shape, int row_axis); /* on (0,1) */
ELBO_API elbo_node *elbo_random_normal(elbo_graph *graph, elbo_shape shape, int row_axis);

/* ---- 7 Parameters: named tensors in one flat array, in groups ---------------------------------------------------- */

typedef enum elbo_init {
    ELBO_INIT_ZERO,
    ELBO_INIT_ONE,
    ELBO_INIT_NORMAL,         /* N(0, scale^2) */
    ELBO_INIT_UNIFORM,        /* U(-scale, scale) */
    ELBO_INIT_GLOROT_UNIFORM, /* U(-a, a), a = scale sqrt(6 / (in + out)) */
    ELBO_INIT_HE_NORMAL,      /* N(0, scale^2 2 / in) */
    ELBO_INIT_LECUN_UNIFORM,  /* U(-a, a), a = scale / sqrt(in): PyTorch's default for dense and convolution */
    ELBO_INIT_CONSTANT        /* scale */
} elbo_init;

/* A new store; init_seed decides every initial value (by tensor name and position, not by order). */
ELBO_API elbo_params *elbo_params_new(uint64_t init_seed);
ELBO_API void elbo_params_free(elbo_params *params);

/* Declares a tensor if the name is new; checks the shape if it is known.  group: "encoder", "decoder", ...; a group
 * named "state" is not trained.  fan_in and fan_out are read by the initialisers that need them. */
ELBO_API elbo_status elbo_params_declare(elbo_params *params, const char *group, const char *name, elbo_shape shape,
                                         elbo_init init, double scale, int64_t fan_in, int64_t fan_out,
                                         elbo_error *error);

/* Lays the tensors out (groups adjacent, in order of first appearance), allocates and initialises.  Afterwards known
 * tensors can be looked up and new ones are refused. */
ELBO_API elbo_status elbo_params_finish(elbo_params *params, elbo_error *error);

typedef struct elbo_param_info {
    const char *name, *group;
    elbo_shape shape;
    size_t offset; /* in the flat array, elements */
    size_t count;
} elbo_param_info;
ELBO_API size_t elbo_params_count(const elbo_params *params);
ELBO_API const elbo_param_info *elbo_params_at(const elbo_params *params, size_t index);
ELBO_API const elbo_param_info *elbo_params_find(const elbo_params *params, const char *name);
/* The flat array (f32) and its length with padding; NULL before elbo_params_finish. */
ELBO_API float *elbo_params_data(elbo_params *params, size_t *length);
/* The range [first, first + count) of a group in the flat array; false if there is no such group. */
ELBO_API bool elbo_params_group(const elbo_params *params, const char *group, size_t *first, size_t *count);
/* To be called after the flat array was written to: plans drop what they derived from it. */
ELBO_API void elbo_params_touch(elbo_params *params);

/* ---- 8 Plans: a graph compiled for one backend, with one workspace ----------------------------------------------- */

typedef enum elbo_backend { ELBO_BACKEND_CPU, ELBO_BACKEND_REFERENCE } elbo_backend;
typedef enum elbo_precision { ELBO_PRECISION_F32, ELBO_PRECISION_BF16, ELBO_PRECISION_F64 } elbo_precision;

/* A node whose value goes to, or comes from, memory of the caller's choice: [count of node], 64-byte aligned, real type
 * of the plan. A target may be the memory of a source: the value is then updated in place. */
typedef struct elbo_target {
    elbo_node *node;
    void *memory;
} elbo_target;

typedef struct elbo_plan_spec {
    elbo_node *const *fetch; /* readable after a run through elbo_plan_value */
    size_t fetch_count;
    const elbo_target *target;
    size_t target_count;
    const elbo_target *source; /* inputs that are read where the caller has them, instead of from elbo_plan_input */
    size_t source_count;
    elbo_backend backend;
    elbo_precision precision; /* F64 on the reference backend only; BF16 on the cpu backend only */
    int threads;              /* 0: all processors */
    bool params_fixed;        /* parameters change rarely: derived layouts are kept between runs until touched */
    bool keep_all;            /* reference backend: every node stays readable */
} elbo_plan_spec;

/* What decides the random draws of a run. */
typedef struct elbo_run {
    uint64_t seed;
    uint32_t step;
    uint32_t first_row;
} elbo_run;

typedef struct elbo_plan elbo_plan;

/* Compiles; NULL on failure (the graph's own first error included).  Graph and parameters must outlive the plan.  A
 * plan is used by one thread at a time; several plans may share graph and parameters while nobody writes them. */
ELBO_API elbo_plan *elbo_plan_new(elbo_graph *graph, const elbo_plan_spec *spec, elbo_error *error);
ELBO_API void elbo_plan_free(elbo_plan *plan);

/* Where to write an input's value before a run: dtype and shape of the node (f64 for reals in f64 plans).  It keeps
 * its content between runs.  NULL if the plan does not need that input. */
ELBO_API void *elbo_plan_input(elbo_plan *plan, const elbo_node *input);
ELBO_API elbo_status elbo_plan_run(elbo_plan *plan, const elbo_run *run, elbo_error *error);
/* A fetched value after a run (borrowed, overwritten by the next run); NULL if the node was not fetched. */
ELBO_API const void *elbo_plan_value(const elbo_plan *plan, const elbo_node *node);
/* The same in f64 whatever the plan's precision: copies count elements. */
ELBO_API bool elbo_plan_read(const elbo_plan *plan, const elbo_node *node, double *out, int64_t count);

/* One step of the compiled program, for profiles: label, seconds so far, runs, floating-point operations and bytes of
 * one run.  Times are taken only while profiling is on. */
typedef struct elbo_step_info {
    const char *kind;
    char label[96];
    double seconds;
    int64_t runs, flops, bytes;
} elbo_step_info;
ELBO_API void elbo_plan_profile(elbo_plan *plan, bool on);
ELBO_API size_t elbo_plan_steps(const elbo_plan *plan);
ELBO_API bool elbo_plan_step(const elbo_plan *plan, size_t index, elbo_step_info *info);
/* Bytes of workspace, inputs included. */
ELBO_API size_t elbo_plan_memory(const elbo_plan *plan);

/* ---- 9 Configurations: a model's name and every option with its value -------------------------------------------- */

typedef struct elbo_config elbo_config;

/* The defaults of a model; NULL with a hint for an unknown name. */
ELBO_API elbo_config *elbo_config_new(const char *model, elbo_error *error);
ELBO_API void elbo_config_free(elbo_config *config);
/* A deep copy, which also knows which options were set; NULL when out of memory. */
ELBO_API elbo_config *elbo_config_copy(const elbo_config *config, elbo_error *error);
ELBO_API const char *elbo_config_model(const elbo_config *config);
/* The index-th table of options: data, the model's own, training; NULL past the end.  model == NULL: only those that
 * every model has. */
ELBO_API const elbo_options *elbo_config_table(const char *model, size_t index);
/* Sets an option of any of the tables; errors as elbo_options_set.  A new training refuses an option that was set and
 * has no effect beside the others. */
ELBO_API elbo_status elbo_config_set(elbo_config *config, const char *name, const char *text, elbo_error *error);
/* Its value as text; false for an unknown name. */
ELBO_API bool elbo_config_get(const elbo_config *config, const char *name, char *text, size_t size);
/* Whether an option does anything beside the values of the others; false also for an unknown name. */
ELBO_API bool elbo_config_matters(const elbo_config *config, const char *name);
/* Epochs of a training with these options: those of "epochs", and of the phases before, where the model has some. */
ELBO_API int64_t elbo_config_epochs(const elbo_config *config);
/* A recipe file (YAML), every default resolved.  elbo_config_load makes the configuration that a recipe describes. */
ELBO_API elbo_status elbo_config_save(const elbo_config *config, const char *path, elbo_error *error);
ELBO_API elbo_config *elbo_config_load(const char *path, elbo_error *error);

/* ---- 10 Training
 *
 * A run is a folder: recipe.yaml, run.json (versions, machine), metrics.jsonl, TensorBoard events, last.safetensors and
 * best.safetensors.  It can be killed at any moment and resumed to the same bits (same thread count, same machine). */

typedef enum elbo_event { ELBO_EVENT_STEP, ELBO_EVENT_EPOCH, ELBO_EVENT_WARNING } elbo_event;

/* What training says.  Losses are -ELBO in nats per datum; test values are of the held-out split (validation where
 * there is one, else test) and NaN where it was not evaluated. */
typedef struct elbo_progress {
    elbo_event event;
    const char *message;                /* of a warning */
    int64_t epoch, epochs, step, steps; /* steps of this epoch */
    double loss, reconstruction, kl;    /* means of the epoch so far; NaN: no part of the loss */
    double test_loss, rate, gradient_norm;
    double seconds, samples_per_second; /* of training, this epoch */
} elbo_progress;

/* Called after each step and each epoch, from the training thread; true: stop after this step, save, return
 * ELBO_ERROR_INTERRUPTED. */
typedef bool (*elbo_progress_function)(void *user, const elbo_progress *progress);

typedef struct elbo_training {
    const elbo_config *config; /* NULL: resume the folder's own */
    const char *folder;
    int64_t epochs; /* resuming: train up to this many epochs; 0: as configured */
    int threads;    /* 0: resuming: as before; else all processors */
    elbo_progress_function progress;
    void *user;
} elbo_training;

/* Trains until the last epoch, an early stop, a request to stop, or a failure; whatever it was, the folder holds the
 * last good state.  A new run refuses a folder that has one already. */
ELBO_API elbo_status elbo_train(const elbo_training *training, elbo_error *error);

/* ---- 11 Classic fits: exact EM and mean-field coordinate ascent for models whose posterior is known in closed form
 *
 *   gmm    mixture of Gaussians, maximum likelihood by EM
 *   bgmm   the same with priors on weights, means and precisions: mean-field variational Bayes
 *   ppca   probabilistic principal component analysis, x = W z + mean + noise of one variance, by EM
 *   fa     factor analysis, the same with a noise variance for each dimension, by EM
 *
 * Rows are u8 (scaled to [0, 1]), f32 or f64; likelihoods are densities of the scaled values, in nats per datum.
 * Statistics are f64; a fit is the same for any number of threads. */

#define ELBO_FIT_OPTIONS(O)                                                                                         \
    O(INT, components, "10", 1, 65536, NULL, "gmm, bgmm: components of the mixture, at most as many as rows")       \
    O(CHOICE, covariance, "diagonal", 0, 0, "diagonal|full|spherical", "gmm, bgmm: covariance of a component")      \
    O(INT, latent, "10", 1, 65536, NULL, "ppca, fa: dimensions of z, fewer than those of a row")                    \
    O(INT, iterations, "200", 1, 1e6, NULL, "stop after so many iterations")                                        \
    O(REAL, tolerance, "1e-5", 0, 1e9, NULL, "stop when an iteration raises the bound by less, nats per datum")     \
    O(INT, restarts, "1", 1, 10000, NULL, "starts from different draws, of which the best is kept")                 \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the starts")                                                        \
    O(REAL, variance_floor, "1e-6", 1e-300, 1e300, NULL,                                                            \
      "least variance, in squared units of the (scaled) data; bgmm: of a column in the prior")                      \
    O(REAL, prior_concentration, "0", 0, 1e12, NULL, "bgmm: Dirichlet parameter of the weights (0: 1/components)")  \
    O(REAL, prior_strength, "1", 1e-12, 1e12, NULL, "bgmm: rows that the prior mean, that of the data, counts for") \
    O(REAL, prior_degrees, "0", 0, 1e12, NULL,                                                                      \
      "bgmm: degrees of freedom of the prior precision (0: dimensions if full, else 1)")                            \
    O(REAL, prior_scale, "1", 1e-12, 1e12, NULL, "bgmm: prior variance as a multiple of each column's variance")
ELBO_OPTIONS_STRUCT(elbo_fit_options, ELBO_FIT_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_fit_options_table;

/* The index-th method and a line about it; NULL past the end. */
ELBO_API const char *elbo_fit_method(size_t index, const char **description);
/* Whether a method reads an option. */
ELBO_API bool elbo_fit_applies(const char *method, const char *option);

/* One iteration: the bound once q(Z) is the best for the parameters, once the parameters are the best for q(Z), and
 * the log-likelihood of the parameters that the iteration started from, which after_e touches.  bgmm has no parameters
 * to speak of a likelihood of: NaN.  Nats per datum. */
typedef struct elbo_fit_point {
    int64_t iteration; /* from 1 */
    double after_e, after_m, log_likelihood;
    double seconds; /* since the start */
} elbo_fit_point;

/* Called after each iteration of each start; true: stop (the fit then fails with ELBO_ERROR_INTERRUPTED). */
typedef bool (*elbo_fit_progress)(void *user, int64_t restart, const elbo_fit_point *point);

typedef struct elbo_fit elbo_fit;

typedef struct elbo_fit_info {
    const char *method;
    const elbo_fit_options *options;
    int64_t rows, item_size; /* of the training data */
    int item_rank;           /* and the shape of an item */
    int64_t item_shape[ELBO_MAX_RANK];
    bool bytes;                  /* the training data were bytes, scaled to [0, 1] */
    int64_t codes;               /* numbers that elbo_fit_encode gives for a row */
    int64_t iterations, restart; /* of the start that was kept */
    bool converged;              /* it ended by the tolerance */
    double elbo;                 /* final bound, after an E-step */
    double log_likelihood;       /* of the training rows under the final parameters (bgmm: predictive density) */
    int64_t empty;               /* mixtures: components with less than one row in 2 */
    double seconds;              /* of all starts */
} elbo_fit_info;

/* Fits rows x: [N, item...].  options: NULL for the defaults; one that the method does not read must have its default.
 * threads: 0 for all processors.  NULL on failure.  Free with elbo_fit_free. */
ELBO_API elbo_fit *elbo_fit_new(const char *method, const elbo_array *x, const elbo_fit_options *options, int threads,
                                elbo_fit_progress progress, void *user, elbo_error *error);
ELBO_API void elbo_fit_free(elbo_fit *fit);
/* Borrowed; lives as long as the fit. */
ELBO_API const elbo_fit_info *elbo_fit_get_info(const elbo_fit *fit);
/* The iterations of the start that was kept; borrowed.  Empty for a fit that was loaded. */
ELBO_API const elbo_fit_point *elbo_fit_curve(const elbo_fit *fit, int64_t *count);

/* The index-th named tensor, f64, borrowed; false past the end.
 *   gmm    weights [K], means [K, D], covariances [K, D] (diagonal), [K, D, D] (full) or [K] (spherical)
 *   bgmm   the same as posterior means (covariances: inverse of the mean precision), and concentrations,
 *          mean_strengths, degrees [K] of the posterior
 *   ppca   mean [D], loadings [Z, D] (row j: column j of W, longest first), noise [1]
 *   fa     mean [D], loadings [Z, D], noise [D] */
ELBO_API bool elbo_fit_tensor(const elbo_fit *fit, size_t index, const char **name, elbo_array *tensor);

/* log p(x) of each row, f64 [N]; bgmm: log of the posterior predictive density. */
ELBO_API elbo_status elbo_fit_score(const elbo_fit *fit, const elbo_array *x, elbo_array *log_density,
                                    elbo_error *error);
/* Responsibilities [N, K] of mixtures, posterior means [N, Z] of ppca and fa; f32. */
ELBO_API elbo_status elbo_fit_encode(const elbo_fit *fit, const elbo_array *x, elbo_array *codes, elbo_error *error);
/* Draws of p(x), f32 [count, item...], in the units of the scaled data. */
ELBO_API elbo_status elbo_fit_sample(const elbo_fit *fit, int64_t count, uint64_t seed, elbo_array *x,
                                     elbo_error *error);

/* A safetensors file with the tensors, and the options and figures as metadata. */
ELBO_API elbo_status elbo_fit_save(const elbo_fit *fit, const char *path, elbo_error *error);
ELBO_API elbo_fit *elbo_fit_load(const char *path, int threads, elbo_error *error);

/* ---- 12 Models in use -------------------------------------------------------------------------------------------- */

typedef struct elbo_model elbo_model;

typedef struct elbo_model_info {
    const char *model; /* "vae" */
    int item_rank;
    int64_t item_shape[ELBO_MAX_RANK], item_size, latent;
    size_t parameters; /* trainable numbers */
    int64_t epoch, step;
    int64_t clusters;        /* components of its mixture; 0: it is no model of clusters */
    const char *condition;   /* what it is conditioned on: "labels" or "part" (of the item); NULL: nothing */
    int64_t classes;         /* of these labels; else 0 */
    const char *class_names; /* "a, b, c": as many of them as fit in a kilobyte; else "" */
} elbo_model_info;

/* Opens a run folder or a .safetensors checkpoint; which: "best" or "last" (NULL: best if there is one). */
ELBO_API elbo_model *elbo_model_open(const char *path, const char *which, int threads, elbo_error *error);
ELBO_API void elbo_model_free(elbo_model *model);
ELBO_API const elbo_model_info *elbo_model_get_info(const elbo_model *model);
ELBO_API const elbo_config *elbo_model_get_config(const elbo_model *model);
/* Named tensors of the model, for inspection and export. */
ELBO_API elbo_params *elbo_model_get_params(elbo_model *model);

/* x: [N, item...] as in the data set (u8 or f32) -> mean and standard deviation of q(z|x), f32 [N, latent]; either
 * may be NULL. Bernoulli pixels are used as they are, not drawn. Where a posterior's mean does not exist or is
 * infinite, its median or mode stands in for it, and the deviation is NaN or infinite. */
ELBO_API elbo_status elbo_model_encode(elbo_model *model, const elbo_array *x, elbo_array *mean, elbo_array *deviation,
                                       elbo_error *error);
/* z: f32 [N, latent] -> mean of p(x|z), f32 [N, item...], in the data set's own units; draw: a draw instead. */
ELBO_API elbo_status elbo_model_decode(elbo_model *model, const elbo_array *z, bool draw, uint64_t seed, elbo_array *x,
                                       elbo_error *error);
/* z ~ p(z), its distance from the mean scaled by temperature -> f32 [count, latent]. ELBO_ERROR_USAGE for temperatures
 * that take codes off the prior's support: above 1 where it is bounded, all but 1 where codes are whole numbers. */
ELBO_API elbo_status elbo_model_prior(elbo_model *model, int64_t count, uint64_t seed, double temperature,
                                      elbo_array *z, elbo_error *error);
/* One draw of q(z|x) for each row of x, as in elbo_model_encode -> f32 [N, latent]. Draws depend on seed and row. */
ELBO_API elbo_status elbo_model_draw_codes(elbo_model *model, const elbo_array *x, uint64_t seed, elbo_array *z,
                                           elbo_error *error);
/* A mixture of normal distributions, fitted by EM ("gmm", options as in elbo_fit_new) to one draw of q(z|x) for each of
 * the split's rows: what codes of data are like, which the prior may not be. An autoencoder's codes are their own
 * draws. Its draws are codes for elbo_model_decode. ELBO_ERROR_UNSUPPORTED where codes are not all real numbers, and
 * for models of p(x|c). */
ELBO_API elbo_fit *elbo_model_fit_codes(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                        const elbo_fit_options *options, int threads, elbo_error *error);
/* Writes the parameters of a group ("encoder", "decoder", ...; NULL: all), and what normalisation keeps for them, as a
 * safetensors file with metadata on how the model reads data. Weights of dense layers are [in, out], those of
 * convolutions [out, in, height, width], of transposed ones [in, out, height, width]. ELBO_ERROR_USAGE names the groups
 * that there are. */
ELBO_API elbo_status elbo_model_export(const elbo_model *model, const char *group, const char *path, elbo_error *error);
/* Whether a tensor would be among them. */
ELBO_API bool elbo_param_in_group(const elbo_param_info *param, const char *group);
/* Models of p(x|c): the condition of the calls above that follow, until another one is set. Labels: i32 [N]. A part of
 * the item: items [N, item...] as in the data set (u8 or f32), of which the model looks at that part alone; encoding
 * takes it from x itself. Row i goes with row i of x, z or count, a single row with all of them; another number of rows
 * is then ELBO_ERROR_SHAPE. The array is copied; NULL forgets it. ELBO_ERROR_UNSUPPORTED for models without condition,
 * ELBO_ERROR_USAGE for a label that is none of the classes. */
ELBO_API elbo_status elbo_model_set_condition(elbo_model *model, const elbo_array *condition, elbo_error *error);
/* The same from rows of a data set (index, start and count as in elbo_dataset_rows), which must have the model's
 * classes. A model without a condition leaves it at that. */
ELBO_API elbo_status elbo_model_condition_rows(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                               const int64_t *index, int64_t start, int64_t count, elbo_error *error);
/* Models that are conditioned on a part of the item: f32 [item...], 1 where it is given and 0 elsewhere; the caller
 * frees it. ELBO_ERROR_UNSUPPORTED for others. */
ELBO_API elbo_status elbo_model_given(const elbo_model *model, elbo_array *mask, elbo_error *error);
/* Models of clusters: q(c|x) = p(c|z) at the mean z of q(z|x), f32 [N, clusters]. x as in elbo_model_encode.
 * ELBO_ERROR_UNSUPPORTED for models without clusters. */
ELBO_API elbo_status elbo_model_assign(elbo_model *model, const elbo_array *x, elbo_array *probabilities,
                                       elbo_error *error);
/* z ~ p(z|c) of one cluster (from 0), its distance from the mean scaled by temperature -> f32 [count, latent]. */
ELBO_API elbo_status elbo_model_cluster_prior(elbo_model *model, int64_t cluster, int64_t count, uint64_t seed,
                                              double temperature, elbo_array *z, elbo_error *error);
/* By how much a unit of each topic raises the log odds of each word: f32 [latent, item_size], which the caller frees.
 * ELBO_ERROR_UNSUPPORTED for models that are none of documents. */
ELBO_API elbo_status elbo_model_topics(elbo_model *model, elbo_array *weights, elbo_error *error);
/* Corrupted copies of x: [N, item...] (u8 or f32) in the data set's own units: f32 of the same shape, which the caller
 * frees. With black as 0 and white as 1 (elbo_model_picture_range):
 *   masking       each value becomes 0 with probability `level`
 *   gaussian      normal noise of standard deviation `level` is added, and nothing is clipped
 *   salt-pepper   each value becomes 0 or 1, either with probability level / 2
 *   blur          images: convolution with a normal density of standard deviation `level` pixels, scaled at the edges
 * A row's noise depends on (seed, row) alone. ELBO_ERROR_USAGE for another kind or an impossible level. */
ELBO_API elbo_status elbo_model_corrupt(elbo_model *model, const elbo_array *x, const char *kind, double level,
                                        uint64_t seed, elbo_array *corrupted, elbo_error *error);
/* Brings values of the data set to the range that pictures use: u8 as they are, floats clipped to what training saw. */
ELBO_API void elbo_model_picture_range(const elbo_model *model, double *low, double *high);

/* ---- 13 Evaluation ----------------------------------------------------------------------------------------------- */

#define ELBO_EVALUATION_OPTIONS(O)                                                                                  \
    O(CHOICE, split, "test", 0, 0, "train|valid|test|all", "which rows")                                            \
    O(INT, samples, "0", 0, 1e9, NULL,                                                                              \
      "samples for the likelihood of each datum (0: ELBO only; with --nll or --gap: 1000)")                         \
    O(INT, count, "0", 0, 1e12, NULL, "use only the first rows (0: all)")                                           \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the binarisation and of the draws")                                 \
    O(REAL, active_threshold, "0.01", 0, 1e9, NULL, "a unit is active if its posterior mean varies more than this") \
    O(CHOICE, precision, "f32", 0, 0, "f32|bf16", "precision of the matrix products")
ELBO_OPTIONS_STRUCT(elbo_evaluation_options, ELBO_EVALUATION_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_evaluation_options_table;

/* Figures in nats per datum; NaN where not asked for.  Arrays have `latent` entries and belong to the record. */
typedef struct elbo_evaluation {
    int64_t count, samples, latent;
    double elbo, elbo_stderr, reconstruction, kl;
    double nll, nll_stderr;            /* -log p(x) by importance sampling; standard error over data */
    double nll_sampling_error;         /* standard error from the finite number of samples (delta method) */
    double ess_mean;                   /* effective sample size: (sum w)^2 / sum w^2, mean over data */
    double mutual_information;         /* I(x; z) under q, from at most 2000 rows */
    double document_perplexity;        /* of documents: exp of the mean over documents of -ELBO / words */
    double document_perplexity_stderr; /* its standard error over documents */
    double corpus_perplexity;          /* exp(-sum of ELBOs / sum of words) */
    double words;                      /* of all documents; those without have no part in a perplexity */
    int64_t empty_documents;
    int64_t active_units;
    elbo_ints layers, layer_active; /* units of each level of the code, from data up, and active ones */
    elbo_ints layer_used;           /* those whose KL is above 0.01 nats (Soenderby et al. 2016) */
    double *kl_per_dim, *mean_variance;
    double seconds;
    char warning[512]; /* "" or what is wrong and what to do about it */
} elbo_evaluation;

/* Progress: share of the work done; true: stop. */
typedef bool (*elbo_evaluation_progress)(void *user, double share);

/* Measures a model on a split of a data set.  The pixels of a binarising model are drawn once, by seed and row. */
ELBO_API elbo_status elbo_evaluate(elbo_model *model, const elbo_dataset *dataset,
                                   const elbo_evaluation_options *options, elbo_evaluation_progress progress,
                                   void *user, elbo_evaluation *out, elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_evaluation_clear(elbo_evaluation *evaluation);

/* The same figures row by row; arrays are [count] and belong to the record. */
typedef struct elbo_row_scores {
    int64_t count;
    double *reconstruction; /* -E log p(x|z); of an autoencoder its error */
    double *kl;             /* NULL for an autoencoder, whose code has no posterior */
    double *log_p;          /* by importance sampling; NULL without samples */
} elbo_row_scores;

/* Scores the rows that options->split and ->count name, in their order: -ELBO is reconstruction + kl. Draws are those
 * of elbo_evaluate with the same seed. options: NULL for the defaults. */
ELBO_API elbo_status elbo_model_score(elbo_model *model, const elbo_dataset *dataset,
                                      const elbo_evaluation_options *options, elbo_evaluation_progress progress,
                                      void *user, elbo_row_scores *out, elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_row_scores_clear(elbo_row_scores *scores);

/* ---- 14 Likelihoods compared.  -log p(x) by several estimators on the same rows, each with its standard errors:
 *
 *   prior  log 1/S sum p(x|z), z ~ p(z)
 *   is     log 1/S sum p(x|z) p(z) / q(z|x), z ~ q(z|x)                                        (Burda et al. 2015)
 *   hmc    -log 1/S sum q(z) / (p(z) p(x|z)), z ~ p(z|x) by Hamiltonian Monte Carlo, q a normal distribution that is
 *          fitted to S other draws                                      (Kingma and Welling 2013, appendix D)
 *   ais    annealed importance sampling from the prior to the posterior and back    (Neal 2001; Grosse et al. 2015)
 *
 * prior, is and the forward half of ais are lower bounds of log p(x) in expectation, the reverse half is an upper one
 * where its chains start from exact draws of the posterior: on data that are drawn from the model itself. */
#define ELBO_LIKELIHOOD_OPTIONS(O)                                                                                \
    O(TEXT, nll, "", 0, 0, NULL,                                                                                  \
      "compare estimates of -log p(x) by these methods, separated by commas: prior, is, hmc, ais")                \
    O(INT, chains, "0", 0, 4096, NULL, "hmc, ais: chains for each datum, at least 2 (0: 10 for hmc, 16 for ais)") \
    O(INT, leapfrog, "0", 0, 100000, NULL, "hmc, ais: leapfrog steps of a transition (0: 10)")                    \
    O(REAL, acceptance, "0", 0, 0.999, NULL,                                                                      \
      "hmc, ais: acceptance rate that step sizes are adapted to (0: 0.9 for hmc, 0.65 for ais)")                  \
    O(INT, burn_in, "0", 0, 1e9, NULL,                                                                            \
      "hmc, ais: transitions at the posterior before draws count (0: 200 for hmc, 20 for ais)")                   \
    O(INT, temperatures, "0", 0, 1e8, NULL, "ais: distributions from the prior to the posterior (0: 1000)")       \
    O(CHOICE, schedule, "auto", 0, 0, "auto|sigmoid|linear", "ais: how temperatures are spaced; auto: sigmoid")   \
    O(BOOL, simulated, "false", 0, 0, NULL,                                                                       \
      "draw the data from the model itself, 100 or --count rows: ais then brackets log p(x) rigorously")
ELBO_OPTIONS_STRUCT(elbo_likelihood_options, ELBO_LIKELIHOOD_OPTIONS);
ELBO_API extern const elbo_options elbo_likelihood_options_table;

/* What one method says, in nats per datum; NaN where it does not say it. Arrays have an entry for each datum, are NULL
 * where they would be NaN, and belong to the record. */
typedef struct elbo_likelihood_estimate {
    const char *method;                 /* "prior", "is", "hmc", "ais" */
    double nll, nll_stderr;             /* mean of -log p(x); its standard error over data */
    double nll_sampling_error;          /* its standard error from finite draws */
    double reverse_nll, reverse_stderr; /* ais: the same from the posterior to the prior, */
    double reverse_sampling_error;      /* where -log p(x) is bounded from below */
    bool reverse_exact;                 /* the reverse chains start from exact draws of the posterior */
    double ess_mean;                    /* effective number of weights: (sum w)^2 / sum w^2, mean over data */
    double acceptance;                  /* hmc, ais: mean acceptance probability of transitions */
    double r_hat;                       /* hmc: potential scale reduction of the worst datum; 1: chains agree */
    double seconds;
    double *log_p, *log_p_error; /* estimate and its standard error */
    double *reverse_log_p, *reverse_error;
    double *ess, *datum_acceptance, *datum_r_hat;
    char warning[512]; /* "" or what is wrong and what to do about it */
} elbo_likelihood_estimate;

enum { ELBO_LIKELIHOOD_METHODS = 4 };
typedef struct elbo_likelihood_comparison {
    int64_t count, latent;
    bool simulated;
    double elbo, elbo_stderr; /* NaN for a model without an encoder */
    bool elbo_estimated;      /* q(z|x) has no density: the ELBO is an estimate and no bound */
    size_t methods;
    elbo_likelihood_estimate estimate[ELBO_LIKELIHOOD_METHODS]; /* in the order of the option */
    char warning[256];                                          /* about the data */
} elbo_likelihood_comparison;

/* Compares estimates on the rows that evaluation->split and ->count name, or on simulated ones (dataset is then not
 * read and may be NULL). evaluation (or NULL): samples is S of prior, is and hmc (0: 1000), seed and precision hold for
 * all; active_threshold has no meaning here. ELBO_ERROR_USAGE for an option that none of the chosen methods has,
 * ELBO_ERROR_UNSUPPORTED for hmc and ais where codes are not all real numbers, ELBO_ERROR_NUMERIC names a row of which
 * an estimate failed. */
ELBO_API elbo_status elbo_likelihoods(elbo_model *model, const elbo_dataset *dataset,
                                      const elbo_evaluation_options *evaluation,
                                      const elbo_likelihood_options *likelihood, elbo_evaluation_progress progress,
                                      void *user, elbo_likelihood_comparison *out, elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_likelihoods_clear(elbo_likelihood_comparison *comparison);

/* ---- 15 Gradients compared.  Bias and variance of estimators of the gradient of one bound on one batch: every
 * gradient is of the same parameters and the same data, and only the draws of z change.  The bound has the whole KL:
 * weights of the training (beta, warm-up, free bits) have no part in it. */
#define ELBO_GRADVAR_OPTIONS(O)                                                                                    \
    O(TEXT, estimators, "", 0, 0, NULL,                                                                            \
      "what to compare: NAME[/CONTROL][:DRAWS], separated by commas; without /CONTROL or :DRAWS those of the run " \
      "(default: every estimator that the posterior can serve, with 10 draws each)")                               \
    O(INTS, draws_list, "", 1, 10000, NULL, "compare each of them at each of these numbers of draws")              \
    O(INT, repeats, "1000", 2, 1e9, NULL, "gradients of each")                                                     \
    O(INT, reference, "0", 0, 1e9, NULL,                                                                           \
      "gradients whose mean bias is measured against, of the calmest estimator of the same bound (0: twice "       \
      "--repeats)")                                                                                                \
    O(INT, rows, "100", 1, 1e6, NULL, "rows of the batch, spread over the split")                                  \
    O(CHOICE, split, "train", 0, 0, "train|valid|test|all", "which split they come from")                          \
    O(INT, warm_up, "500", 0, 1e6, NULL,                                                                           \
      "steps in which a control that the run has not trained gets used to the batch: its running mean, and its "   \
      "network")                                                                                                   \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the binarisation and of the draws")
ELBO_OPTIONS_STRUCT(elbo_gradvar_options, ELBO_GRADVAR_OPTIONS);
ELBO_API extern const elbo_options elbo_gradvar_options_table;

/* The gradients of one estimator in one group of parameters.  With g the gradient, m its mean and s its standard
 * deviation over the draws: */
typedef struct elbo_gradvar_group {
    char name[32];                  /* "encoder" */
    int64_t parameters, still;      /* coordinates; those whose gradient never changed, but for rounding */
    double norm;                    /* |m|, the noise of finitely many repeats taken off; 0 where that is all */
    double variance, variance_mean; /* sum and mean of s^2 over the coordinates */
    double snr;                     /* mean of |m| / s over the coordinates that change (Rainforth et al. 2018) */
    double bias, bias_stderr;       /* (m - r).r / |r|^2 for the reference r: the share by which steps are too
                                       long (above 0) or too short; NaN where r is lost in its own noise */
    double cosine;                  /* of the angle between m and r, noise taken off (beyond 1 by chance) */
} elbo_gradvar_group;

enum { ELBO_GRADVAR_GROUPS = 4 };
typedef struct elbo_gradvar_estimate {
    char name[64];                   /* "reinforce/leave-one-out:10" */
    char estimator[24], control[24]; /* control: or groups, or share; "" where the estimator has none */
    int64_t draws;
    char reference[64];       /* the estimator behind r */
    double loss, loss_stderr; /* minus the bound, in nats per datum; over the draws */
    size_t groups;
    elbo_gradvar_group group[ELBO_GRADVAR_GROUPS];
    double seconds; /* of one gradient */
    char note[160]; /* "" or what to know about its control */
} elbo_gradvar_estimate;

typedef struct elbo_gradvar_comparison {
    int64_t rows, repeats, reference;
    double snr_floor; /* what snr is of noise without signal, about */
    size_t count;
    elbo_gradvar_estimate *estimate; /* [count], owned */
} elbo_gradvar_comparison;

/* Compares.  ELBO_ERROR_USAGE says which estimator the posterior cannot serve, ELBO_ERROR_UNSUPPORTED that the model
 * has no encoder, ELBO_ERROR_NUMERIC which gradient is not finite. */
ELBO_API elbo_status elbo_gradvar(elbo_model *model, const elbo_dataset *dataset, const elbo_gradvar_options *options,
                                  elbo_evaluation_progress progress, void *user, elbo_gradvar_comparison *out,
                                  elbo_error *error);
/* Frees the estimates; accepts a zeroed record. */
ELBO_API void elbo_gradvar_clear(elbo_gradvar_comparison *comparison);

/* The textbook case: d/dtheta E[z^2], z ~ N(theta, 1), by single draws.  The mean is 2 theta either way; the variance
 * is 4 reparameterised and theta^4 + 14 theta^2 + 15 by the score function. */
typedef struct elbo_gradvar_example {
    const char *method; /* "reparameterised", "score function" */
    double mean, mean_stderr, variance, variance_stderr;
    double exact_mean, exact_variance;
} elbo_gradvar_example;
enum { ELBO_GRADVAR_EXAMPLES = 2 };
/* draws: at least 2. */
ELBO_API elbo_status elbo_gradvar_square(double theta, int64_t draws, uint64_t seed,
                                         elbo_gradvar_example out[ELBO_GRADVAR_EXAMPLES], elbo_error *error);

/* ---- 16 The gap between log p(x) and the ELBO, separated (Cremer, Li and Duvenaud 2018):
 *
 *   log p(x) - ELBO(q) = [log p(x) - ELBO(q*)] + [ELBO(q*) - ELBO(q)]
 *                        approximation gap       amortisation gap
 *
 * q is the encoder's posterior of x, q* the best of its family for this x alone: its numbers are moved by gradients of
 * the bound, from the encoder's on, many data at a time. log p(x) is estimated by importance sampling from q*. */
#define ELBO_GAP_OPTIONS(O)                                                                                       \
    O(INT, gap_steps, "1000", 10, 1e7, NULL, "steps of Adam that fit the posterior of each row")                  \
    O(REAL, gap_rate, "0.02", 0, 1000, NULL, "rate of these steps; it falls to zero over the last fifth of them") \
    O(INT, gap_draws, "100", 1, 1e7, NULL, "draws of z for the ELBO of each row")                                 \
    O(TEXT, gap_posterior, "", 0, 0, NULL,                                                                        \
      "a family of posteriors that is fitted to each row as well, such as multivariate_normal")
ELBO_OPTIONS_STRUCT(elbo_gap_options, ELBO_GAP_OPTIONS);
ELBO_API extern const elbo_options elbo_gap_options_table;

/* A mean over data and its standard error; NaN for what was not asked for. */
typedef struct elbo_figure {
    double value, error;
} elbo_figure;

/* Nats per datum.  Errors of differences are those of paired differences.  Arrays have an entry for each datum and
 * belong to the record; other_elbos is NULL without gap_posterior. */
typedef struct elbo_gap {
    int64_t count, latent, samples;
    bool encoder; /* false: the model has none, and what the fit that evaluation makes lacks is the amortisation gap */
    const char *posterior, *other;                    /* the model's family; that of gap_posterior or NULL */
    elbo_figure elbo, fitted_elbo, other_elbo, log_p; /* of q, q*, the other family's best */
    elbo_figure amortisation, approximation;          /* the two gaps */
    elbo_figure family;                               /* other_elbo - fitted_elbo: what the model's family costs */
    elbo_figure rise, other_rise; /* by the fourth fifth of the steps, at one rate: 0 where the fits have arrived */
    double log_p_sampling_error, ess_mean;
    double *elbos, *fitted_elbos, *other_elbos, *log_ps;
    double seconds;
    char warning[512]; /* "" or what is wrong and what to do about it */
} elbo_gap;

/* evaluation (or NULL): split, count, seed and precision; samples for log p(x) (0: 1000).  gap: NULL for the defaults.
 * ELBO_ERROR_UNSUPPORTED for a model whose posterior is not made of numbers, ELBO_ERROR_USAGE for a gap_posterior that
 * does not go with the model, ELBO_ERROR_NUMERIC names a row that cannot be fitted. */
ELBO_API elbo_status elbo_gap_measure(elbo_model *model, const elbo_dataset *dataset,
                                      const elbo_evaluation_options *evaluation, const elbo_gap_options *gap,
                                      elbo_evaluation_progress progress, void *user, elbo_gap *out, elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_gap_clear(elbo_gap *gap);

/* A series of metrics.jsonl, for plots: *epoch and *value hold *count numbers, freed with elbo_metrics_free. */
ELBO_API elbo_status elbo_metrics_read(const char *folder, const char *name, double **epoch, double **value,
                                       size_t *count, elbo_error *error);
ELBO_API void elbo_metrics_free(double *numbers);

/* ---- 17 Metrics: files in, figures out.  Codes, clusters, topics and scores may have been made anywhere.
 *
 * Labels and factors are whole numbers, codes finite ones, in arrays of type f32, f64, u8 or i32; [N] stands for [N,
 * 1]. ELBO_ERROR_SHAPE for lengths that differ and empty arrays, ELBO_ERROR_NUMERIC for a number that is not finite,
 * with its row (from 0).  A figure that its input does not define is NaN, and `warning` says why.  Formulas and
 * sources: elbo_metric_at, docs/metrics.md. */

/* What a metric is. All texts are static. */
typedef struct elbo_metric_info {
    const char *name;      /* "nmi": the member of the records below, and of --json */
    const char *kind;      /* "clusters": what follows `elbo score` */
    const char *title;     /* what it is */
    const char *needs;     /* what it is computed from */
    const char *range;     /* "0 to 1" */
    const char *direction; /* "higher is better", "lower is better" or "neither" */
    const char *formula, *source;
} elbo_metric_info;

/* The index-th metric, by kind; false past the end. */
ELBO_API bool elbo_metric_at(size_t index, elbo_metric_info *out);

/* Clusters against classes. */
#define ELBO_UNMATCHED INT64_MIN
typedef struct elbo_cluster_scores {
    int64_t count, clusters, classes;
    double accuracy, nmi, nmi_geometric, nmi_max, ari, purity;
    int64_t *cluster,
        *matched; /* [clusters]: labels, rising, and the class that each was matched to or ELBO_UNMATCHED */
} elbo_cluster_scores;

/* predicted, truth: labels [N]; the numbers themselves mean nothing, and there may be more of one than of the other. */
ELBO_API elbo_status elbo_score_clusters(const elbo_array *predicted, const elbo_array *truth, elbo_cluster_scores *out,
                                         elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_cluster_scores_clear(elbo_cluster_scores *scores);

/* Codes against the factors of variation. */
#define ELBO_DISENTANGLEMENT_OPTIONS(O)                                                                            \
    O(TEXT, metrics, "all", 0, 0, NULL,                                                                            \
      "which: some of beta_vae, factor_vae, mig, dci, sap, modularity, separated by commas")                       \
    O(INT, points, "10000", 2, 1e9, NULL,                                                                          \
      "rows for histograms, variances and fits (fewer rows: all, two thirds for fits)")                            \
    O(INT, test_points, "5000", 1, 1e9, NULL, "other rows that judge the fits of dci and sap, at most a third")    \
    O(INT, votes, "10000", 1, 1e9, NULL, "beta_vae, factor_vae: votes to learn from")                              \
    O(INT, test_votes, "5000", 1, 1e9, NULL, "beta_vae, factor_vae: votes to judge by")                            \
    O(INT, batch, "64", 2, 1e6, NULL, "beta_vae, factor_vae: pairs or rows of a vote, with one factor fixed")      \
    O(REAL, least_deviation, "0.05", 0, 1e300, NULL, "factor_vae: dimensions that vary less do not vote")          \
    O(INT, bins, "20", 2, 10000, NULL, "mig, modularity: bins of a dimension")                                     \
    O(INT, trees, "100", 1, 10000, NULL, "dci: rounds of boosting; a round has a tree for each value of a factor") \
    O(INT, depth, "3", 1, 8, NULL, "dci: depth of a tree")                                                         \
    O(REAL, rate, "0.1", 1e-6, 1, NULL, "dci: share of a tree's step that is taken")                               \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the splits and of the votes")
ELBO_OPTIONS_STRUCT(elbo_disentanglement_options, ELBO_DISENTANGLEMENT_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_disentanglement_options_table;

typedef struct elbo_disentanglement {
    int64_t count, codes, factors;
    int64_t used;        /* factors that take more than one value */
    int64_t train, test; /* rows of the fits */
    int64_t active;      /* dimensions that vote for factor_vae; -1 where it was not asked for */
    double beta_vae, factor_vae, mig, dci_disentanglement, dci_completeness, dci_informativeness, sap, modularity;
    double *information; /* [codes, factors]: nats; 0 where neither mig nor modularity was asked for */
    double *importance;  /* [codes, factors]: columns sum to 1; 0 where dci was not asked for */
    char warning[512];
} elbo_disentanglement;

/* codes: [N, Z], factors: [N, F], N at least 3: the whole grid of the factors or a sample of it. threads: 0 for all
 * processors; the figures are the same for any number. options: NULL for the defaults. */
ELBO_API elbo_status elbo_score_disentanglement(const elbo_array *codes, const elbo_array *factors,
                                                const elbo_disentanglement_options *options, int threads,
                                                elbo_disentanglement *out, elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_disentanglement_clear(elbo_disentanglement *scores);

/* Topics: coherence of their words in a reference corpus. */
#define ELBO_TOPIC_OPTIONS(O)                                                             \
    O(INT, top_words, "10", 2, 10000, NULL, "words of a topic that npmi and c_v look at") \
    O(INT, diversity_words, "25", 1, 10000, NULL, "words of a topic that diversity looks at")
ELBO_OPTIONS_STRUCT(elbo_topic_options, ELBO_TOPIC_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_topic_options_table;

typedef struct elbo_topic_scores {
    int64_t topics, vocabulary, documents;
    int64_t words, diversity_words; /* that were looked at: fewer than asked for where topics have fewer */
    int64_t unseen;                 /* top words, counted for each topic, that are in no document */
    double npmi, c_v, diversity;    /* npmi and c_v: NaN without a corpus */
    int32_t *word;                  /* [topics, words], the most likely first */
    double *topic_npmi, *topic_c_v; /* [topics], NULL without a corpus */
    char warning[512];
} elbo_topic_scores;

/* Either weights: [K, V] of each word in each topic, or words: [K, T], numbers from 0, the most likely first. corpus:
 * documents as counts of V words, of which a split is read; NULL for diversity alone. A document is one window: bags of
 * words have no order. */
ELBO_API elbo_status elbo_score_topics(const elbo_array *weights, const elbo_array *words, const elbo_dataset *corpus,
                                       elbo_split split, const elbo_topic_options *options, elbo_topic_scores *out,
                                       elbo_error *error);
/* Frees the arrays; accepts a zeroed record. */
ELBO_API void elbo_topic_scores_clear(elbo_topic_scores *scores);

typedef struct elbo_perplexity {
    int64_t documents, empty; /* with words, and without: these are left out */
    double words;             /* of all documents */
    double document_perplexity, corpus_perplexity;
    char warning[256];
} elbo_perplexity;

/* bounds: [D] on log p of a whole document, in nats; lengths: [D] its number of words. */
ELBO_API elbo_status elbo_score_perplexity(const elbo_array *bounds, const elbo_array *lengths, elbo_perplexity *out,
                                           elbo_error *error);

/* Scores that shall be high for anomalies. */
typedef struct elbo_detection {
    int64_t count, anomalies;
    double auroc, auroc_stderr; /* standard error over rows; NaN with a single row of one kind */
    double average_precision;
    double threshold;    /* the lowest with few enough false alarms; a score at or above it is an alarm */
    double detected;     /* share of the anomalies that it catches */
    double false_alarms; /* share of the normal rows that it catches */
    double precision;    /* share of the alarms that are anomalies; NaN without alarms */
} elbo_detection;

/* scores: [N]; labels: [N], 1 for an anomaly, 0 for a normal row, both present. false_alarms: the rate that the
 * threshold may reach, 0 to 1. */
ELBO_API elbo_status elbo_score_detection(const elbo_array *scores, const elbo_array *labels, double false_alarms,
                                          elbo_detection *out, elbo_error *error);

/* What simple classifiers read from codes. */
#define ELBO_PROBE_OPTIONS(O)                                                                        \
    O(REAL, l2, "1", 0, 1e12, NULL, "linear: penalty l2/(2N) |W|^2 beside the mean cross-entropy")   \
    O(INT, iterations, "500", 1, 1e6, NULL, "linear: at most so many iterations")                    \
    O(INT, neighbours, "10", 1, 1000, NULL, "k-NN: neighbours that vote")                            \
    O(REAL, test_fraction, "0.2", 0, 1, NULL, "share of rows held out where no test rows are given") \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of that split")
ELBO_OPTIONS_STRUCT(elbo_probe_options, ELBO_PROBE_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_probe_options_table;

typedef struct elbo_probe {
    int64_t train, test, dims, classes;
    double linear_accuracy, linear_train_accuracy, knn_accuracy;
    double majority_accuracy; /* of always guessing the most frequent class of training */
    int64_t iterations;       /* of the linear probe */
    bool converged;
    int64_t unknown; /* test rows with a label that training does not have */
    char warning[512];
} elbo_probe;

/* codes: [N, Z], labels: [N], at least two classes; test_codes and test_labels: both, or both NULL. threads: 0 for all
 * processors. options: NULL for the defaults. */
ELBO_API elbo_status elbo_score_probe(const elbo_array *codes, const elbo_array *labels, const elbo_array *test_codes,
                                      const elbo_array *test_labels, const elbo_probe_options *options, int threads,
                                      elbo_probe *out, elbo_error *error);

/* The distance of two sets of features, each taken as normally distributed. */
enum { ELBO_FRECHET_DIMS = 4096 };
typedef struct elbo_frechet {
    int64_t rows_a, rows_b, dims;
    double frechet; /* the squared distance: the sum of the two terms */
    double mean_term, covariance_term;
    char warning[256];
} elbo_frechet;

/* a: [N, d], b: [M, d], N and M at least 2, d at most ELBO_FRECHET_DIMS. */
ELBO_API elbo_status elbo_score_frechet(const elbo_array *a, const elbo_array *b, elbo_frechet *out, elbo_error *error);

/* Units of codes that the data move, for each layer of a hierarchy. */
typedef struct elbo_units {
    int64_t count, units, active_units;
    elbo_ints layers, layer_active; /* units of each layer, and active ones */
    double *variance;               /* [units]: of the posterior mean over rows, divided by N - 1 */
} elbo_units;

/* codes: posterior means [N, Z], N at least 2. layers: sizes that sum to Z; NULL or empty: one layer. A unit is active
 * if its variance is larger than `threshold` (usually 0.01). */
ELBO_API elbo_status elbo_score_units(const elbo_array *codes, const elbo_ints *layers, double threshold,
                                      elbo_units *out, elbo_error *error);
/* Frees the array; accepts a zeroed record. */
ELBO_API void elbo_units_clear(elbo_units *units);

/* ---- 18 Pictures: grids of images (PNG), previews in a terminal, charts (SVG), reports (HTML)
 *
 * Every function takes a path of which "-" is standard output; a file appears whole or not at all.  The same input
 * yields the same bytes.  Structs may start from {0}: each zero means the default that its comment names. */

/* How many images become one picture.
 *
 * Images are [N,H,W], [N,1,H,W] or [N,3,H,W] of type f32, f64 or u8; or any [N,...] when item_shape says what one
 * row is.  A pixel at `low` is black, at `high` white; beyond them it is clipped; one that is not finite is drawn in
 * magenta, so that it cannot be overlooked. */
typedef struct elbo_picture {
    int item_rank;         /* 2 or 3: item_shape holds HxW or CxHxW; 0: the array's own shape */
    int64_t item_shape[3]; /* of one image */
    int64_t first, count;  /* which images; count 0: all from `first` on */
    int columns;           /* images in a row; 0: so that the picture is nearly square */
    int scale;             /* pixels per image pixel; 0: the largest of 1 to 4 that keeps both sides within 1200 */
    int padding;           /* pixels between images; 0: as many as `scale`, at least 2 */
    bool seamless;         /* no gaps at all: images touch, as in a manifold */
    int row_group;         /* a wider gap after every so many rows; 0: none */
    int column_group;      /* the same for columns */
    double low, high;      /* both 0: 0 and 1, for u8 0 and 255 */
} elbo_picture;

/* Writes one PNG: grey or colour as the images are, with a palette where that is smaller.  `picture` may be NULL.
 * ELBO_ERROR_SHAPE if the array does not hold images (the message says what it holds), ELBO_ERROR_USAGE if the layout
 * is impossible or the picture would pass 32 767 pixels on a side. */
ELBO_API elbo_status elbo_picture_grid(const elbo_array *images, const elbo_picture *picture, const char *path,
                                       elbo_error *error);

/* Writes one PNG in which image i of each of `count` arrays stand below each other: originals above their
 * reconstructions, say.  All arrays hold the same number of images of the same shape; types may differ.  Bands of
 * `count` rows are set apart by a wider gap; picture->row_group is not used. */
ELBO_API elbo_status elbo_picture_compare(const elbo_array *const *arrays, size_t count, const elbo_picture *picture,
                                          const char *path, elbo_error *error);

typedef enum elbo_picture_style {
    ELBO_PICTURE_ASCII,  /* shades by 7-bit characters; a cell is 1x2 pixels */
    ELBO_PICTURE_BLOCKS, /* Unicode half blocks and shades, UTF-8, no escapes; 1x2 pixels */
    ELBO_PICTURE_COLOUR  /* half blocks with 24-bit ANSI colours: every pixel as it is; 1x2 pixels */
} elbo_picture_style;

/* The same grid as text for a terminal with a dark ground, at most `width` cells wide (0: a cell for every column of
 * pixels; narrower images are not stretched).  Lines end in '\n'.  Writes at most `size` bytes with the final zero
 * into `text`, and the length of the whole text into *length (unless NULL).  text == NULL only measures; a text that
 * does not fit is ELBO_ERROR_USAGE.  picture->scale is not used; gaps are two pixels, or none when
 * seamless. */
ELBO_API elbo_status elbo_picture_text(const elbo_array *images, const elbo_picture *picture, elbo_picture_style style,
                                       int width, char *text, size_t size, size_t *length, elbo_error *error);

/* What every chart has: titles (UTF-8, NULL: none), axes, size.  Charts are self-contained SVG; they follow the
 * reader's light or dark setting.  Values that cannot be drawn (not finite, beyond 1e300, not positive on a
 * logarithmic axis) are left out, and a note in the chart says how many. */
typedef struct elbo_chart {
    const char *title;
    const char *subtitle; /* one line under the title: what is plotted, of which data */
    const char *x_label, *y_label;
    bool x_log, y_log;
    double x_limits[2], y_limits[2]; /* low, high; equal: fitted to the values */
    int width, height;               /* CSS pixels; 0: 600 x 380, scatter 600 x 580; otherwise 240 to 8000 */
} elbo_chart;

/* One line: y against x (NULL: 1, 2, 3, ...).  Values that cannot be drawn interrupt it.  Arrays are borrowed. */
typedef struct elbo_chart_series {
    const char *name; /* for the legend; NULL: not listed */
    const double *x, *y;
    int64_t count;
    bool dashed;
    int colour; /* from 1, so that lines that belong together can share one; 0: that of the line's place */
} elbo_chart_series;

/* Lines, with the points marked where they are few; long series are thinned to what can be seen, extremes kept.
 * `chart` may be NULL.  ELBO_ERROR_USAGE without series or with impossible limits or sizes. */
ELBO_API elbo_status elbo_chart_lines(const elbo_chart *chart, const elbo_chart_series *series, size_t count,
                                      const char *path, elbo_error *error);

/* Points [N,2] (f32 or f64), coloured by labels (i32 [N], or NULL).  Class k is named class_names[k] (NULL: by its
 * number).  Above 20 000 points an even share of them is drawn, and the note says so.  ELBO_ERROR_SHAPE if points or
 * labels have another shape or type, or a label lies outside 0..classes-1. */
ELBO_API elbo_status elbo_chart_scatter(const elbo_chart *chart, const elbo_array *points, const elbo_array *labels,
                                        int classes, const char *const *class_names, const char *path,
                                        elbo_error *error);

/* Bars from zero, in the order given.  names NULL: 1, 2, 3, ...  Where marked is not NULL, bars with marked[i] stand
 * out and the others are grey (active and collapsed latent dimensions, say), under the two names in the legend. */
typedef struct elbo_chart_bar_list {
    const double *values;
    const char *const *names;
    const bool *marked;
    const char *marked_name, *unmarked_name;
    int64_t count;
} elbo_chart_bar_list;

/* ELBO_ERROR_USAGE without bars, with more than 4096 of them, or with a logarithmic axis (bars start at zero). */
ELBO_API elbo_status elbo_chart_bars(const elbo_chart *chart, const elbo_chart_bar_list *bars, const char *path,
                                     elbo_error *error);

/* A headline figure of a report: "-ELBO", "101.3", "nats per image, 10 000 test images". */
typedef struct elbo_report_figure {
    const char *name, *value, *note; /* note NULL: none */
} elbo_report_figure;

/* A section: a title and any of text, picture and table. */
typedef struct elbo_report_section {
    const char *title;
    const char *text;         /* plain; empty lines separate paragraphs */
    const char *picture;      /* path of a .png or .svg file, taken into the page */
    const char *caption;      /* under the picture or table; also what a screen reader says of the picture */
    const char *const *cells; /* [rows * columns]; the first row is the head; numbers are set flush right */
    size_t rows, columns;
    bool wide; /* takes the page's whole width instead of one of two columns */
} elbo_report_section;

typedef struct elbo_report {
    const char *title, *subtitle, *footer; /* subtitle and footer may be NULL */
    const elbo_report_figure *figures;
    size_t figure_count;
    const elbo_report_section *sections;
    size_t section_count;
} elbo_report;

/* Writes one HTML page that needs no network, no script and no other file; light and dark.  All text is escaped.
 * ELBO_ERROR_IO if a picture cannot be read, ELBO_ERROR_FORMAT if it is neither PNG nor SVG. */
ELBO_API elbo_status elbo_report_html(const elbo_report *report, const char *path, elbo_error *error);

/* ---- 19 Registries: what this build knows ------------------------------------------------------------------------ */

/* The index-th entry of "models", "optimisers", "schedules", "distributions", "activations", "formats", "generators",
 * "operations", "estimators" or "metrics"; false past the end or for an unknown kind. */
ELBO_API bool elbo_registry_entry(const char *kind, size_t index, const char **name, const char **description);

/* A distribution of the catalogue in words. Of the parameters those with a name. */
enum { ELBO_DISTRIBUTION_PARAMETERS = 3 };
typedef struct elbo_distribution_info {
    const char *name, *support, *density, *source;
    const char *draws; /* how they are reparameterised */
    const char *parameter[ELBO_DISTRIBUTION_PARAMETERS], *constraint[ELBO_DISTRIBUTION_PARAMETERS];
    const char *closed_kl, *kl_source; /* "gamma, erlang": the q of which KL(this || q) is closed; NULL: none */
    bool mean, variance, mode, entropy, cdf, icdf; /* which of these have a closed form */
} elbo_distribution_info;

/* The index-th distribution, in the order of their names; false past the end. All texts are static. */
ELBO_API bool elbo_distribution_at(size_t index, elbo_distribution_info *out);

/* ---- 20 Classifiers: dense layers and a softmax, trained on labelled rows by AdamW on the cross-entropy
 *
 * The hidden layers start at random, or at the weights of a trained model's encoder; what the last of them gives are
 * the features, in whose space sets of images are compared (elbo_score_frechet). */

/* Activations are those of the models. */
#define ELBO_CLASSIFIER_OPTIONS(O)                                                                                 \
    O(INTS, hidden, "", 1, 1e6, NULL,                                                                              \
      "widths of the hidden layers, from data up (default: 500,500, or those of the model that it starts from)")   \
    O(CHOICE, activation, "auto", 0, 0, "auto|tanh|relu|leaky-relu|softplus|elu|sigmoid|silu|gelu|identity",       \
      "after each hidden layer; auto: relu, or that of the model that it starts from")                             \
    O(INT, labelled, "0", 0, 1e12, NULL, "learn from so many training rows alone, drawn by the seed (0: all)")     \
    O(INT, epochs, "20", 1, 1e9, NULL, "passes over these rows")                                                   \
    O(INT, batch, "100", 1, 1e6, NULL, "rows in each step")                                                        \
    O(REAL, lr, "0.001", 0, 1e6, NULL, "learning rate")                                                            \
    O(REAL, weight_decay, "0", 0, 1e6, NULL, "times rate and parameter, taken off in each step")                   \
    O(BOOL, freeze, "false", 0, 0, NULL, "leave the hidden layers of the model as they are and train the softmax") \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of initial values, of the labelled rows and of their order")
ELBO_OPTIONS_STRUCT(elbo_classifier_options, ELBO_CLASSIFIER_OPTIONS);
/* The table of these options, for flags and help. */
ELBO_API extern const elbo_options elbo_classifier_options_table;

typedef struct elbo_classifier elbo_classifier;

typedef struct elbo_classifier_info {
    int item_rank;
    int64_t item_shape[ELBO_MAX_RANK], item_size;
    int classes;
    const char *const *class_names; /* [classes] */
    elbo_ints hidden;
    const char *activation;
    int64_t features;  /* numbers of a row: the last of hidden */
    const char *start; /* what its layers began as: "random", or "vae, epoch 5" */
    bool frozen;       /* and the hidden ones stayed it */
    int64_t rows, epochs;
    double low, high;      /* of the training values */
    double loss, accuracy; /* of its training rows, mean over the last epoch: nats and a share */
} elbo_classifier_info;

/* Called after each epoch; true: stop (the training then fails with ELBO_ERROR_INTERRUPTED). */
typedef bool (*elbo_classifier_progress)(void *user, int64_t epoch, double loss, double accuracy);

/* Trains on the labelled training rows of a data set. from: NULL, or a model whose encoder gives the hidden layers:
 * ELBO_ERROR_UNSUPPORTED says why one cannot.  options: NULL for the defaults.  threads: 0 for all processors.  NULL on
 * failure.  Free with elbo_classifier_free. */
ELBO_API elbo_classifier *elbo_classifier_train(const elbo_dataset *dataset, const elbo_model *from,
                                                const elbo_classifier_options *options, int threads,
                                                elbo_classifier_progress progress, void *user, elbo_error *error);
ELBO_API void elbo_classifier_free(elbo_classifier *classifier);
/* Borrowed; lives as long as the classifier. */
ELBO_API const elbo_classifier_info *elbo_classifier_get_info(const elbo_classifier *classifier);

/* x: [N, item...] (u8 or f32, in the units of the training data) -> probabilities f32 [N, classes] and features f32
 * [N, features]; either may be NULL. */
ELBO_API elbo_status elbo_classifier_apply(elbo_classifier *classifier, const elbo_array *x, elbo_array *probabilities,
                                           elbo_array *features, elbo_error *error);

typedef struct elbo_classification {
    int64_t count, unknown; /* rows, and those of a class that training did not have: never right, in no entropy */
    int classes;
    double accuracy, accuracy_stderr;           /* standard errors over rows */
    double cross_entropy, cross_entropy_stderr; /* -log p(class), nats */
    int64_t *confusion; /* [classes, classes]: rows of a class (first index) taken for one (second); classes by name */
    double seconds;
} elbo_classification;

/* Judges the rows of a split by their labels; classes are matched by their names. */
ELBO_API elbo_status elbo_classifier_measure(elbo_classifier *classifier, const elbo_dataset *dataset, elbo_split split,
                                             elbo_classification *out, elbo_error *error);
/* Frees the array; accepts a zeroed record. */
ELBO_API void elbo_classification_clear(elbo_classification *classification);

/* A safetensors file: hidden.dense1.weight [in, out], hidden.dense1.bias [out], ..., softmax.output.weight and .bias,
 * and what else it takes as metadata. */
ELBO_API elbo_status elbo_classifier_save(const elbo_classifier *classifier, const char *path, elbo_error *error);
ELBO_API elbo_classifier *elbo_classifier_load(const char *path, int threads, elbo_error *error);

#ifdef __cplusplus
}
#endif

#endif
