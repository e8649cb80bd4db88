/* Filling in the caller's error record. */
#ifndef ELBO_BASE_ERROR_H
#define ELBO_BASE_ERROR_H

#include "elbo.h"

/* Writes status and message into *error (which may be NULL) and returns the status, so that a failing function ends
 * with `return elbo_fail(error, ELBO_ERROR_IO, "...", ...)`. */
elbo_status elbo_fail(elbo_error *error, elbo_status status, const char *format, ...) ELBO_PRINTF(3, 4);

/* The same for functions that return a pointer. */
#define elbo_fail_null(...) ((void)elbo_fail(__VA_ARGS__), NULL)

/* ELBO_ERROR_MEMORY with the number of bytes. */
elbo_status elbo_fail_memory(elbo_error *error, size_t bytes, const char *what);

/* Puts "context: " in front of a message that is already there; returns error->status. */
elbo_status elbo_fail_context(elbo_error *error, elbo_status status, const char *format, ...) ELBO_PRINTF(3, 4);

#define ELBO_TRY(expression)                                    \
    do {                                                        \
        elbo_status elbo_try_status = (expression);             \
        if (elbo_try_status != ELBO_OK) return elbo_try_status; \
    } while (0)

#endif
