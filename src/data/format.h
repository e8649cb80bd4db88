/* The contract of a file format: one file in src/data/format each, registered by its name as elbo_format_<file>. */
#ifndef ELBO_DATA_FORMAT_H
#define ELBO_DATA_FORMAT_H

#include "data/sparse.h"

/* What a reader yields: values [N, item...] (u8 where the file has bytes, else f32; f64 input is narrowed), labels
 * i32 [N] or empty, names of the values of an item, and which leading rows the source itself calls training rows (-1:
 * it does not say). */
typedef struct elbo_table {
    elbo_array values;
    elbo_sparse sparse; /* instead of values.data, which is then NULL: the same rows; values says type and shape */
    elbo_array labels;
    char **class_names; /* [classes], each and the list from elbo_calloc; NULL: names are the numbers */
    int classes;
    char **feature_names; /* [features], as class_names, or NULL: one for each value of an item */
    int64_t features;
    elbo_array factors;  /* i32 [N, F]: the values of the factors of variation, counted from 0; or empty */
    char **factor_names; /* [F], as class_names */
    int64_t train_rows;
} elbo_table;
void elbo_table_clear(elbo_table *table);

typedef struct elbo_format {
    const char *name;        /* "npy" */
    const char *description; /* one line for `elbo list formats` */
    /* Whether a source looks like this format: path without the part after '#', that part (or NULL), and whether the
     * path is a folder.  Looks at the name, and at the first bytes where names do not tell. */
    bool (*claims)(const char *path, const char *key, bool is_folder);
    elbo_status (*read)(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                        elbo_error *error);
    /* Writes values and labels (labels.data may be NULL); NULL where the format cannot be written. */
    elbo_status (*write)(const elbo_table *table, const char *path, const char *key, elbo_error *error);
    /* Whether `to` of a conversion names this format. */
    bool (*claims_output)(const char *to);
} elbo_format;

extern const elbo_format *const elbo_registry_formats[];

#endif
