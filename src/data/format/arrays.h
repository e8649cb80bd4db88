/* What the file formats offer besides their elbo_format: single arrays in and out, labels, and shared names. */
#ifndef ELBO_DATA_FORMAT_ARRAYS_H
#define ELBO_DATA_FORMAT_ARRAYS_H

#include "data/format.h"
#include "data/reader.h"
#include "data/writer.h"

#define ELBO_CSV_ENDINGS ".csv|.tsv|.csv.gz|.tsv.gz"

/* "file#key" in its two parts; a file whose own name holds a '#' has no key. */
typedef struct elbo_location {
    char *path, *key; /* key: NULL without one */
} elbo_location;
elbo_status elbo_location_split(elbo_location *location, const char *source, elbo_error *error);
void elbo_location_clear(elbo_location *location);

/* Each loads one whole array with every value kept: u8, i32, f32 or f64. */
elbo_status elbo_idx_load(elbo_array *array, const char *path, bool wide, elbo_error *error);
elbo_status elbo_npy_load(elbo_array *array, const char *path, elbo_error *error);
elbo_status elbo_npz_load(elbo_array *array, const char *path, const char *key, elbo_error *error);
elbo_status elbo_csv_load(elbo_array *array, const char *path, elbo_error *error); /* f32 [rows, columns] */
/* MATLAB's array with its own axis order; [n,1] and [1,n] become [n] only through elbo_labels_from_array. */
elbo_status elbo_mat_load(elbo_array *array, const char *path, const char *key, elbo_error *error);

elbo_status elbo_npy_save(const elbo_array *array, const char *path, elbo_error *error);
elbo_status elbo_npz_save(const elbo_array *array, const char *path, const char *key, elbo_error *error);
/* A line for each row.  With `labelled` (not NULL) a header x1, x2, ... and, where it has labels, a column "label". */
elbo_status elbo_csv_write(const elbo_array *array, const elbo_table *labelled, const char *path, elbo_error *error);

/* A folder of PNG files, or one file for a single row. */
elbo_status elbo_png_write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error);

/* Labels from a column of a CSV file: `key` is its name or number; NULL where there is one column alone. */
elbo_status elbo_csv_labels(elbo_table *table, const char *path, const char *key, int64_t rows, elbo_error *error);

/* NPY data from a reader: the rest of the source must be one array.  `path`, unless NULL, may be mapped into memory
 * where the file's bytes are the array's. */
elbo_status elbo_npy_read(elbo_array *array, elbo_reader *reader, const char *path, bool wide, elbo_error *error);
/* The NPY header that goes before an array's own bytes (not of bf16); *header is the caller's to elbo_free. */
elbo_status elbo_npy_header(const elbo_array *array, char **header, size_t *length, elbo_error *error);

#endif
