#include "support/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/text.h"

bool elbo_cli_setting_at(const elbo_config *config, const elbo_config *defaults, size_t index, elbo_cli_setting *out) {
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_config_table(elbo_config_model(config), i)); i++) {
        if (index >= table->count) {
            index -= table->count;
            continue;
        }
        char initial[sizeof out->text] = "";
        out->table = table;
        out->row = &table->rows[index];
        if (!elbo_config_get(config, out->row->name, out->text, sizeof out->text)) out->text[0] = 0;
        (void)elbo_config_get(defaults, out->row->name, initial, sizeof initial);
        out->changed = strcmp(initial, out->text) != 0;
        return true;
    }
    return false;
}

static json_t *list(const char *text) {
    json_t *array = json_array();
    while (*text) {
        char *end = NULL;
        json_array_append_new(array, json_integer(strtoll(text, &end, 10)));
        if (end == text) break;
        text = *end == ',' ? end + 1 : end;
    }
    return array;
}

static json_t *value(const elbo_cli_setting *setting) {
    switch (setting->row->type) {
        case ELBO_OPTION_BOOL: return json_boolean(strcmp(setting->text, "true") == 0);
        case ELBO_OPTION_INT: return json_integer(strtoll(setting->text, NULL, 10));
        case ELBO_OPTION_REAL: return elbo_cli_json_real(strtod(setting->text, NULL));
        case ELBO_OPTION_INTS: return list(setting->text);
        case ELBO_OPTION_TEXT:
        case ELBO_OPTION_CHOICE: break;
    }
    return elbo_cli_json_text(setting->text);
}

json_t *elbo_cli_settings_json(const elbo_config *config, const elbo_config *defaults) {
    json_t *object = json_object();
    elbo_cli_setting setting;
    for (size_t i = 0; elbo_cli_setting_at(config, defaults, i, &setting); i++) {
        char name[ELBO_NAME_SIZE];
        json_object_set_new(object, elbo_cli_text_dashed(setting.row->name, name), value(&setting));
    }
    return object;
}
