#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *elbo_version(void) { return ELBO_VERSION; }

const char *elbo_status_text(elbo_status status) {
    switch (status) {
#define STATUS_CASE(symbol, text) \
    case symbol: return text;
        ELBO_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

elbo_status elbo_fail(elbo_error *error, elbo_status status, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

elbo_status elbo_fail_memory(elbo_error *error, size_t bytes, const char *what) {
    return elbo_fail(error, ELBO_ERROR_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

elbo_status elbo_fail_context(elbo_error *error, elbo_status status, const char *format, ...) {
    if (error) {
        char context[512], old[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(context, sizeof context, format, arguments);
        va_end(arguments);
        memcpy(old, error->message, sizeof old);
        error->status = status;
        snprintf(error->message, sizeof error->message, "%s: %.*s", context, (int)(sizeof old - 3 - strlen(context)),
                 old);
    }
    return status;
}
