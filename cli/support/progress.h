/* Progress on standard error: a bar on a terminal, lines where asked for, nothing otherwise. */
#ifndef ELBO_CLI_SUPPORT_PROGRESS_H
#define ELBO_CLI_SUPPORT_PROGRESS_H

#include "support/command.h"

/* Listed by the commands that show progress. */
#define ELBO_CLI_PROGRESS_OPTIONS(O)                         \
    O(CHOICE, progress, "auto", 0, 0, "auto|bar|lines|none", \
      "progress on standard error; auto: a bar on a terminal, else none")
ELBO_OPTIONS_STRUCT(elbo_cli_progress_options, ELBO_CLI_PROGRESS_OPTIONS);
extern const elbo_options elbo_cli_progress_options_table;

typedef enum elbo_cli_progress_style {
    ELBO_CLI_PROGRESS_NONE,
    ELBO_CLI_PROGRESS_BAR,
    ELBO_CLI_PROGRESS_LINES
} elbo_cli_progress_style;

/* One figure beside the bar: "-ELBO 121.20", "48213 samples/s".  The first ones stay longest on a narrow terminal. */
typedef struct elbo_cli_progress_field {
    const char *name;
    double value; /* NaN and infinities are shown as such */
    int decimals;
    bool name_last; /* "48213 samples/s" rather than "samples/s 48213" */
} elbo_cli_progress_field;

/* What to show.  `fraction` fills the bar, `whole` is the share of all the work done, from which the remaining time is
 * estimated; NaN: not known. */
typedef struct elbo_cli_progress_state {
    const char *label; /* "epoch 2/3" */
    double fraction, whole;
    const elbo_cli_progress_field *fields;
    size_t field_count;
} elbo_cli_progress_state;

typedef struct elbo_cli_progress {
    elbo_cli_progress_style style;
    double started, drawn; /* seconds of a monotonic clock */
    double first_whole;    /* of the first update: what an earlier run did */
    bool shown;            /* a bar is on the current line */
} elbo_cli_progress;

/* The style follows --quiet and the command's --progress. */
void elbo_cli_progress_begin(elbo_cli_progress *progress, const elbo_context *context);
/* Redraws the bar, at most ten times a second; nothing in the other styles. */
void elbo_cli_progress_update(elbo_cli_progress *progress, const elbo_cli_progress_state *state);
/* A lasting line, for the end of an epoch: in the styles BAR and LINES. */
void elbo_cli_progress_line(elbo_cli_progress *progress, const elbo_cli_progress_state *state);
/* Takes the bar off the line; to be called also before any other message. */
void elbo_cli_progress_end(elbo_cli_progress *progress);

/* The text of a bar for a terminal of so many columns, without control characters; `remaining` in seconds or NaN.
 * Fields that do not fit are left out from the last to the first, then the bar. */
void elbo_cli_progress_format(const elbo_cli_progress_state *state, double remaining, int width, char *out,
                              size_t size);

/* What the loss of a training is, by the parts that it has: "-ELBO", "error", "KL", "loss". */
const char *elbo_cli_loss_word(const elbo_progress *progress);

#endif
