/* What a run is configured with. */
#ifndef ELBO_TRAIN_CONFIG_H
#define ELBO_TRAIN_CONFIG_H

#include "models/model.h"
#include "optim/optim.h"

#define ELBO_INPUT_OPTIONS(O)                                                                                        \
    O(TEXT, data, "synth:glyphs", 0, 0, NULL, "what to train on: a path or a generator")                             \
    O(CHOICE, binarize, "auto", 0, 0, "auto|none|dynamic|threshold",                                                 \
      "bernoulli: draw each pixel with its grey value as probability, afresh for each use (dynamic), cut at the "    \
      "middle, or take grey values as they are; auto: dynamic unless the data are 0 and 1")                          \
    O(CHOICE, normalize, "auto", 0, 0, "auto|none|unit|standard",                                                    \
      "map values to [0,1] by their range (unit) or to mean 0 and deviation 1 (standard); auto: unit for bytes and " \
      "for bernoulli")
ELBO_OPTIONS_STRUCT(elbo_input_options, ELBO_INPUT_OPTIONS);
extern const elbo_options elbo_input_options_table;

#define ELBO_TRAINING_OPTIONS(O)                                                                                      \
    O(INT, epochs, "10", 1, 1e9, NULL, "passes over the training rows")                                               \
    O(INT, batch, "100", 1, 1e6, NULL, "rows in each step")                                                           \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of initial values, shuffling, binarisation and draws")                   \
    O(TEXT, start_from, "", 0, 0, NULL,                                                                               \
      "RUN or checkpoint whose parameters training begins with, of the same networks (optimisers begin anew)")        \
    O(CHOICE, precision, "f32", 0, 0, "f32|bf16", "precision of matrix products; parameters and sums stay f32")       \
    O(REAL, beta, "1", 0, 1e6, NULL, "weight of the KL in the objective (the reported loss has none)")                \
    O(REAL, kl_warmup, "0", 0, 1e9, NULL, "epochs over which the weight of the KL rises from 0")                      \
    O(INT, evaluate_every, "1", 1, 1e9, NULL, "epochs between evaluations on the held-out rows")                      \
    O(INT, early_stop, "0", 0, 1e9, NULL, "stop after so many evaluations without a better held-out ELBO (0: never)") \
    O(CHOICE, on_nan, "stop", 0, 0, "stop|continue",                                                                  \
      "after a NaN or an infinity: stop, or go on from the last good state at half the rate")                         \
    O(REAL, save_every, "60", 0, 1e9, NULL, "seconds between checkpoints within an epoch (0: only at its end)")       \
    O(BOOL, profile, "false", 0, 0, NULL, "write profile.txt: where the time of a step goes")
ELBO_OPTIONS_STRUCT(elbo_training_options, ELBO_TRAINING_OPTIONS);
extern const elbo_options elbo_training_options_table;

enum { ELBO_CONFIG_TABLES = 5 };

struct elbo_config {
    const elbo_model_type *type;
    uint64_t set[ELBO_CONFIG_TABLES]; /* a bit for each row that somebody chose */
    elbo_input_options input;
    elbo_data_options data;
    elbo_training_options training;
    elbo_optimiser_options optimiser;
    void *model; /* of type->options */
};

/* Whether somebody chose the option's value: by elbo_config_set, or in a recipe of some options that gives it another
 * value than the default. A recipe of all options, as runs write it, chooses none. */
bool elbo_config_was_set(const elbo_config *config, const char *name);

#endif
