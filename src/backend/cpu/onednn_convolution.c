/* Convolutions by oneDNN. The images and kernels of the graph are dense; oneDNN chooses its own layouts for them, and
 * operands and result are brought from and to the dense one. */
#include <string.h>

#include "backend/cpu/onednn.h"
#include "ops/names.h"

typedef struct plan_of_convolution {
    dnnl_memory_desc_t stored[3], wanted[3]; /* x, weight, y of the trilinear form in src/ops/convolution.c */
    const elbo_node *node[3];                /* which node each is */
    int result;                              /* which of the three is computed */
    dnnl_convolution_desc_t operation;
} convolution;

static void describe(convolution *c, int which, const elbo_node *node, bool bf16) {
    dnnl_dims_t dims = {node->shape.dim[0], node->shape.dim[1], node->shape.dim[2], node->shape.dim[3]};
    bool narrow = bf16 && which != c->result;
    c->node[which] = node;
    dnnl_memory_desc_init_by_tag(&c->stored[which], 4, dims, dnnl_f32, dnnl_abcd);
    dnnl_memory_desc_init_by_tag(&c->wanted[which], 4, dims, narrow ? dnnl_bf16 : dnnl_f32, dnnl_format_tag_any);
}

static dnnl_status_t set_up(convolution *c, const elbo_node *node, bool bf16) {
    dnnl_dims_t stride = {node->attributes.i[0], node->attributes.i[0]};
    dnnl_dims_t padding = {node->attributes.i[1], node->attributes.i[1]};
    const elbo_node *a = node->input[0], *b = node->input[1];
    c->result = node->op == &elbo_op_conv2d ? 2 : node->op == &elbo_op_conv2d_input ? 0 : 1;
    describe(c, 0, c->result == 0 ? node : a, bf16);
    describe(c, 1, c->result == 1 ? node : b, bf16);
    describe(c, 2, c->result == 2 ? node : c->result == 0 ? a : b, bf16);
    dnnl_memory_desc_t *x = &c->wanted[0], *w = &c->wanted[1], *y = &c->wanted[2];
    dnnl_alg_kind_t kind = dnnl_convolution_direct;
    if (c->result == 2)
        return dnnl_convolution_forward_desc_init(&c->operation, dnnl_forward_training, kind, x, w, NULL, y, stride,
                                                  padding, padding);
    if (c->result == 0)
        return dnnl_convolution_backward_data_desc_init(&c->operation, kind, x, w, y, stride, padding, padding);
    return dnnl_convolution_backward_weights_desc_init(&c->operation, kind, x, w, NULL, y, stride, padding, padding);
}

static dnnl_status_t make_primitive(convolution *c, elbo_onednn_step *state) {
    static const dnnl_query_t query[3][3] = {{dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
                                             {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
                                             {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md}};
    dnnl_primitive_desc_t description = NULL, hint = NULL;
    dnnl_engine_t engine = state->onednn->engine;
    dnnl_status_t status = dnnl_success;
    if (c->result != 2) { /* backward passes want to know the forward one that they belong to */
        convolution forward = *c;
        dnnl_dims_t *strides = &c->operation.strides, *left = &c->operation.padding[0],
                    *right = &c->operation.padding[1];
        status = dnnl_convolution_forward_desc_init(&forward.operation, dnnl_forward_training, dnnl_convolution_direct,
                                                    &c->wanted[0], &c->wanted[1], NULL, &c->wanted[2], *strides, *left,
                                                    *right);
        if (status == dnnl_success) status = dnnl_primitive_desc_create(&hint, &forward.operation, NULL, engine, NULL);
    }
    if (status == dnnl_success) status = dnnl_primitive_desc_create(&description, &c->operation, NULL, engine, hint);
    if (status == dnnl_success) {
        for (int i = 0; i < 3; i++) c->wanted[i] = *dnnl_primitive_desc_query_md(description, query[c->result][i], 0);
        status = dnnl_primitive_create(&state->primitive, description);
    }
    if (description) dnnl_primitive_desc_destroy(description);
    if (hint) dnnl_primitive_desc_destroy(hint);
    return status;
}

/* The result goes to its place, or to a buffer in oneDNN's layout and from there to its place. */
static elbo_status add_result(elbo_plan *plan, elbo_onednn_step *state, const convolution *c, int kind,
                              elbo_error *error) {
    const dnnl_memory_desc_t *stored = &c->stored[c->result], *wanted = &c->wanted[c->result];
    void *memory = elbo_plan_memory_of(plan, c->node[c->result]);
    if (dnnl_memory_desc_equal(stored, wanted)) return elbo_onednn_add(state, kind, stored, memory, error);
    size_t bytes = dnnl_memory_desc_get_size(wanted);
    state->result = elbo_calloc(bytes);
    if (!state->result) return elbo_fail_memory(error, bytes, "the result of a convolution");
    ELBO_TRY(elbo_onednn_add(state, kind, wanted, state->result, error));
    dnnl_primitive_desc_t description = NULL;
    dnnl_engine_t engine = state->onednn->engine;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&description, wanted, engine, stored, engine, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&state->after, description);
    if (description) dnnl_primitive_desc_destroy(description);
    dnnl_memory_t to = NULL;
    if (status == dnnl_success) status = dnnl_memory_create(&to, stored, engine, memory);
    if (status != dnnl_success) return elbo_onednn_fail(error, "the result of a convolution", status);
    state->own[state->owned++] = to;
    state->after_argument[0] = (dnnl_exec_arg_t){DNNL_ARG_FROM, state->argument[state->arguments - 1].memory};
    state->after_argument[1] = (dnnl_exec_arg_t){DNNL_ARG_TO, to};
    return ELBO_OK;
}

elbo_status elbo_cpu_compile_convolution(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    static const int kind[3][3] = {{DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
                                   {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
                                   {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}};
    const elbo_node *node = unit->member[0];
    elbo_onednn_step *state = elbo_arena_calloc(&plan->arena, sizeof *state);
    if (!state) return elbo_fail_memory(error, sizeof *state, "a step");
    step->state = state;
    step->run = elbo_onednn_run;
    step->release = elbo_onednn_release;
    ELBO_TRY(elbo_onednn_of(plan, &state->onednn, error));
    convolution c = {0};
    dnnl_status_t status = set_up(&c, node, plan->precision == ELBO_PRECISION_BF16);
    if (status == dnnl_success) status = make_primitive(&c, state);
    if (status != dnnl_success) return elbo_onednn_fail(error, "a convolution", status);
    for (int i = 0; i < 3; i++)
        if (i != c.result)
            ELBO_TRY(
                elbo_onednn_add_operand(plan, state, kind[c.result][i], c.node[i], &c.stored[i], &c.wanted[i], error));
    const int64_t *w = c.node[1]->shape.dim, *y = c.node[2]->shape.dim;
    step->flops = 2 * y[0] * y[1] * y[2] * y[3] * w[1] * w[2] * w[3];
    return add_result(plan, state, &c, kind[c.result][c.result], error);
}
