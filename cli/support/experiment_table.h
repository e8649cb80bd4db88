/* The table of an experiment: what its runs reached beside what the paper says. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_TABLE_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_TABLE_H

#include <stdio.h>

#include "support/experiment_plan.h"

/* Cells as texts, the first row the heads; what elbo_report_section takes. */
typedef struct elbo_cli_cells {
    char **text; /* [rows * columns] */
    size_t rows, columns;
} elbo_cli_cells;

/* A row for each panel and series with a column for each value, the paper's figure and the difference from it where
 * the experiment has some, epochs and seconds.  Clear it also after a failure. */
elbo_status elbo_cli_experiment_table_make(const elbo_cli_plan *plan, elbo_cli_cells *cells, elbo_error *error);
void elbo_cli_cells_clear(elbo_cli_cells *cells);

/* As Markdown, in columns of equal width. */
void elbo_cli_cells_print(const elbo_cli_cells *cells, FILE *stream);

/* What the paper says of a value of a panel and a series, or NULL. */
const char *elbo_cli_experiment_published(const elbo_cli_experiment *experiment, size_t panel, size_t series,
                                          size_t column);

/* What the numbers behind "+-" are: one sentence. */
const char *elbo_cli_experiment_spread_note(const elbo_cli_plan *plan);

#endif
