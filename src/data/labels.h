/* Labels: class names met in a file get codes; whole numbers are codes as they are. */
#ifndef ELBO_DATA_LABELS_H
#define ELBO_DATA_LABELS_H

#include <locale.h>

#include "base/error.h"
#include "data/format.h"

/* Distinct texts, each with the order of its first appearance as code, until elbo_classes_finish sorts them. */
typedef struct elbo_classes {
    char **names;
    int count, room;
    int32_t *slots; /* hash table of code + 1 */
    uint32_t slot_count;
} elbo_classes;

/* The code of a text, new or known.  A number is known by its value: "3" and "3.0" are one class. */
elbo_status elbo_classes_code(elbo_classes *classes, const char *text, int32_t *code, elbo_error *error);
/* Sorts the names (by value if all are numbers, else by bytes), recodes table->labels and hands the names over. */
elbo_status elbo_classes_finish(elbo_classes *classes, elbo_table *table, elbo_error *error);
void elbo_classes_clear(elbo_classes *classes);

/* Replaces the table's labels by `values`: [rows], [rows,1] or [1,rows] whole numbers.  Numbers from 0 to 65535 are
 * the classes themselves; if any lies outside, the distinct values become classes in their order. */
elbo_status elbo_labels_from_array(elbo_table *table, const elbo_array *values, int64_t rows, const char *name,
                                   elbo_error *error);
/* Replaces the table's labels by those of a file: IDX, .npy, .npz#key, .mat#name or .csv (of one column, or #column).*/
elbo_status elbo_labels_from_file(elbo_table *table, const char *path, int64_t rows, elbo_error *error);

/* Parses a number that is the whole text but for blanks around it, with a decimal point in every locale. */
bool elbo_text_number(const char *text, locale_t plain, double *value);

#endif
