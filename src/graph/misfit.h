/* One sentence for inputs that do not fit an operation. */
#ifndef ELBO_GRAPH_MISFIT_H
#define ELBO_GRAPH_MISFIT_H

#include "graph/graph.h"

/* Fails with ELBO_ERROR_SHAPE and "inputs [2, 3] and [4] (i32); expected ...": the shapes and types of a node's inputs,
 * then what was expected. elbo_graph_apply puts the operation's name in front. Returns the status. */
elbo_status elbo_misfit(const elbo_node *node, elbo_error *error, const char *expected, ...) ELBO_PRINTF(3, 4);

#endif
