/* The options of a configuration, one after the other. */
#ifndef ELBO_CLI_SUPPORT_SETTINGS_H
#define ELBO_CLI_SUPPORT_SETTINGS_H

#include "support/json.h"

typedef struct elbo_cli_setting {
    const elbo_options *table;
    const elbo_option *row;
    char text[4096];
    bool changed; /* from the default */
} elbo_cli_setting;

/* The index-th option of a configuration of the same model as `defaults`; false past the end. */
bool elbo_cli_setting_at(const elbo_config *config, const elbo_config *defaults, size_t index, elbo_cli_setting *out);

/* Every option by its name, as a number, truth value, list or string. */
json_t *elbo_cli_settings_json(const elbo_config *config, const elbo_config *defaults);

#endif
