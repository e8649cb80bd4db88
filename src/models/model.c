#include "models/model.h"

#include <string.h>

const elbo_model_type *elbo_model_type_find(const char *name, elbo_error *error) {
    char known[256] = "";
    for (size_t i = 0; elbo_registry_models[i]; i++) {
        if (strcmp(elbo_registry_models[i]->name, name) == 0) return elbo_registry_models[i];
        if (*known) strncat(known, ", ", sizeof known - strlen(known) - 1);
        strncat(known, elbo_registry_models[i]->name, sizeof known - strlen(known) - 1);
    }
    return elbo_fail_null(error, ELBO_ERROR_USAGE, "unknown model \"%s\"; this build has %s", name, known);
}
