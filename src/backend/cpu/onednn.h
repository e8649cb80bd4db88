/* What the files that call oneDNN share. Operands that are not in the layout or precision that a primitive likes best
 * are prepared once for each run, in front of the first step that wants them, and shared by all later ones. */
#ifndef ELBO_BACKEND_CPU_ONEDNN_H
#define ELBO_BACKEND_CPU_ONEDNN_H

#include <dnnl.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/pack.h"

/* A value in another layout or precision. */
typedef struct elbo_prepared {
    int root; /* node whose value it is */
    dnnl_memory_desc_t from_layout, layout;
    elbo_pack pack;           /* how it is made, or */
    dnnl_primitive_t reorder; /* when pack.kind is NONE */
    dnnl_memory_t from, to;
    void *memory;
    bool made;
    uint64_t version;          /* of the parameters when it was made */
    const elbo_params *params; /* not NULL: a parameter of a plan whose parameters are fixed */
    struct elbo_prepared *next;
} elbo_prepared;

struct elbo_onednn {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    elbo_prepared *first;
};

typedef struct elbo_onednn_step {
    struct elbo_onednn *onednn;
    elbo_prepared *prepare[2]; /* to be refreshed by this step */
    int prepares;
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t argument[4];
    int arguments;
    dnnl_memory_t own[4]; /* memory objects to destroy */
    int owned;
    dnnl_primitive_t after; /* from the layout of the primitive's result to the stored one, or NULL */
    dnnl_exec_arg_t after_argument[2];
    void *result; /* in that layout */
} elbo_onednn_step;

/* The plan's engine and stream, made on first use. */
elbo_status elbo_onednn_of(elbo_plan *plan, struct elbo_onednn **out, elbo_error *error);
/* A step's run and release. */
void elbo_onednn_run(elbo_step *step, const elbo_run *run);
void elbo_onednn_release(elbo_step *step);
/* Adds memory as an argument of the primitive. */
elbo_status elbo_onednn_add(elbo_onednn_step *state, int kind, const dnnl_memory_desc_t *layout, void *memory,
                            elbo_error *error);
/* Adds a node's value, prepared where the wanted layout is not the stored one. */
elbo_status elbo_onednn_add_operand(elbo_plan *plan, elbo_onednn_step *state, int kind, const elbo_node *node,
                                    const dnnl_memory_desc_t *stored, const dnnl_memory_desc_t *wanted,
                                    elbo_error *error);
elbo_status elbo_onednn_fail(elbo_error *error, const char *what, dnnl_status_t status);

#endif
