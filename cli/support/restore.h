/* Rows corrupted, and what a model makes of them. */
#ifndef ELBO_CLI_SUPPORT_RESTORE_H
#define ELBO_CLI_SUPPORT_RESTORE_H

#include "support/run.h"

#define ELBO_CLI_RESTORE_OPTIONS(O)                                                                                   \
    O(CHOICE, noise, "auto", 0, 0, "auto|masking|gaussian|salt-pepper|blur",                                          \
      "how rows are corrupted; auto: as in the run's training, masking where it had no noise")                        \
    O(REAL, noise_level, "-1", -1, 1000, NULL,                                                                        \
      "masking, salt-pepper: share of the values; gaussian: standard deviation, black 0 and white 1; blur: standard " \
      "deviation, pixels (below 0: that of the run's training, else 0.3)")                                            \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                     \
    O(INT, count, "10", 1, 1e7, NULL, "how many of the first rows")                                                   \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the noise")
ELBO_OPTIONS_STRUCT(elbo_cli_restore_options, ELBO_CLI_RESTORE_OPTIONS);
extern const elbo_options elbo_cli_restore_options_table;

enum { ELBO_CLI_ORIGINAL, ELBO_CLI_CORRUPTED, ELBO_CLI_RESTORED, ELBO_CLI_RESTORE_KINDS };

typedef struct elbo_cli_restored {
    char noise[16]; /* what was done */
    double level;
    elbo_array items[ELBO_CLI_RESTORE_KINDS]; /* f32 [N, item...] */
    double error_corrupted, error_restored;   /* mean squares, with the range of pictures as unit */
} elbo_cli_restored;

/* Corrupts the first rows of a split and takes them through the code. Free with elbo_cli_restored_free, also after a
 * failure. */
elbo_status elbo_cli_restore(elbo_cli_run *run, elbo_split split, const elbo_cli_restore_options *options,
                             elbo_cli_restored *out, elbo_error *error);
void elbo_cli_restored_free(elbo_cli_restored *restored);
/* Originals, corrupted and restored rows below each other, at most so many of the first ones, as a picture. */
elbo_status elbo_cli_restored_draw(const elbo_cli_run *run, const elbo_cli_restored *restored, int64_t most,
                                   const char *path, elbo_error *error);

#endif
