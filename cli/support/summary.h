/* Mean, standard deviation and median of figures over runs that differ in their seed. */
#ifndef ELBO_CLI_SUPPORT_SUMMARY_H
#define ELBO_CLI_SUPPORT_SUMMARY_H

#include "support/json.h"

typedef struct elbo_cli_summary {
    double mean, deviation, median; /* deviation: of a sample, over count - 1; NaN for one number */
    size_t count;                   /* finite numbers; 0: the rest is NaN */
} elbo_cli_summary;

/* Reorders the numbers. */
elbo_cli_summary elbo_cli_summarise(double *numbers, size_t count);
/* {"mean", "sd", "median", "count"} */
json_t *elbo_cli_summary_json(const elbo_cli_summary *summary);

/* Over objects of one kind: NAME -> summary of its numbers, for each name that has one in any of them.  The numbers of
 * an object in a list, {"method": "is", "nll": 98.1}, go by "is_nll".  NULL when out of memory. */
json_t *elbo_cli_summaries(const json_t *objects);
/* A line for each of them: name, mean, sd, median, and of how many numbers where some are missing. */
void elbo_cli_summaries_print(const json_t *summaries, size_t objects);

#endif
