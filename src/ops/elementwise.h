/* The codes of elementwise operations: their places in elementwise.def. */
#ifndef ELBO_OPS_ELEMENTWISE_H
#define ELBO_OPS_ELEMENTWISE_H

#include "graph/op.h"

enum {
#define E(name, ...) ELBO_CODE_##name,
#include "ops/elementwise.def"
#undef E
    ELBO_CODE_COUNT
};

#define E(name, ...) extern const elbo_op elbo_op_##name;
#include "ops/elementwise.def"
#undef E

#endif
