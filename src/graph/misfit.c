#include "graph/misfit.h"

#include <stdarg.h>
#include <stdio.h>

/* Enough to recognise a call by; a concatenation may have many more. */
enum { SHOWN = 6 };

static size_t append(char *text, size_t size, size_t used, const char *more) {
    if (used >= size) return used;
    int count = snprintf(text + used, size - used, "%s", more);
    return count < 0 ? used : used + (size_t)count;
}

elbo_status elbo_misfit(const elbo_node *node, elbo_error *error, const char *expected, ...) {
    char inputs[SHOWN * 160] = "", shape[128], wanted[320];
    size_t used = 0;
    for (int k = 0; k < node->inputs && k < SHOWN; k++) {
        const elbo_node *input = node->input[k];
        bool last = k == node->inputs - 1;
        if (k > 0) used = append(inputs, sizeof inputs, used, last ? " and " : ", ");
        used = append(inputs, sizeof inputs, used, elbo_shape_text(input->shape, shape, sizeof shape));
        if (input->dtype == ELBO_F32) continue;
        snprintf(shape, sizeof shape, " (%s)", elbo_dtype_name(input->dtype));
        used = append(inputs, sizeof inputs, used, shape);
    }
    if (node->inputs > SHOWN) append(inputs, sizeof inputs, used, ", ...");
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(wanted, sizeof wanted, expected, arguments);
    va_end(arguments);
    return elbo_fail(error, ELBO_ERROR_SHAPE, "input%s %s; expected %s", node->inputs == 1 ? "" : "s", inputs, wanted);
}
