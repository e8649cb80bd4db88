/* oneDNN: operands, running, and matrix products. Written for its 2.x interface; only onednn*.c call it.
 *
 * Operands that are not in the layout or precision that a primitive likes best are elbo_prepared once for each run, in
 * front of the first step that wants them, and shared by all later ones. */
#include "backend/cpu/onednn.h"

#include <string.h>

#include "graph/params.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"

#define TEXT(x)   #x
#define NUMBER(x) TEXT(x)
#define VERSION   "oneDNN " NUMBER(DNNL_VERSION_MAJOR) "." NUMBER(DNNL_VERSION_MINOR) "." NUMBER(DNNL_VERSION_PATCH)

const char *elbo_onednn_version(const char *vector) {
    static const char *const text[] = {VERSION ", baseline", VERSION ", avx2", VERSION ", avx512"};
    return text[strcmp(vector, "avx512") == 0 ? 2 : strcmp(vector, "avx2") == 0];
}

elbo_status elbo_onednn_fail(elbo_error *error, const char *what, dnnl_status_t status) {
    return elbo_fail(error, status == dnnl_out_of_memory ? ELBO_ERROR_MEMORY : ELBO_ERROR_UNSUPPORTED,
                     "oneDNN: %s failed with status %d", what, (int)status);
}

elbo_status elbo_onednn_of(elbo_plan *plan, struct elbo_onednn **out, elbo_error *error) {
    elbo_cpu *cpu = plan->backend_data;
    if (!cpu->onednn) {
        cpu->onednn = elbo_calloc(sizeof *cpu->onednn);
        if (!cpu->onednn) return elbo_fail_memory(error, sizeof *cpu->onednn, "oneDNN");
        dnnl_status_t status = dnnl_engine_create(&cpu->onednn->engine, dnnl_cpu, 0);
        if (status == dnnl_success)
            status = dnnl_stream_create(&cpu->onednn->stream, cpu->onednn->engine, dnnl_stream_default_flags);
        if (status != dnnl_success) return elbo_onednn_fail(error, "starting", status);
    }
    *out = cpu->onednn;
    return ELBO_OK;
}

void elbo_onednn_free(struct elbo_onednn *onednn) {
    if (!onednn) return;
    while (onednn->first) {
        elbo_prepared *next = onednn->first->next;
        dnnl_primitive_destroy(onednn->first->reorder);
        dnnl_memory_destroy(onednn->first->from);
        dnnl_memory_destroy(onednn->first->to);
        elbo_free(onednn->first->memory);
        elbo_free(onednn->first);
        onednn->first = next;
    }
    if (onednn->stream) dnnl_stream_destroy(onednn->stream);
    if (onednn->engine) dnnl_engine_destroy(onednn->engine);
    elbo_free(onednn);
}

static elbo_status make_reorder(struct elbo_onednn *onednn, elbo_prepared *made, void *source, elbo_error *error) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&description, &made->from_layout, onednn->engine,
                                                              &made->layout, onednn->engine, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&made->reorder, description);
    if (description) dnnl_primitive_desc_destroy(description);
    if (status == dnnl_success) status = dnnl_memory_create(&made->from, &made->from_layout, onednn->engine, source);
    if (status == dnnl_success) status = dnnl_memory_create(&made->to, &made->layout, onednn->engine, made->memory);
    return status == dnnl_success ? ELBO_OK : elbo_onednn_fail(error, "preparing an operand", status);
}

/* Whether `layout` is `from` in bf16 without change of order. Layouts of dense operands have no gaps. */
static bool is_conversion(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *layout) {
    dnnl_memory_desc_t same = *from;
    same.data_type = dnnl_bf16;
    return from->data_type == dnnl_f32 && dnnl_memory_desc_equal(&same, layout);
}

/* Whether `layout` is the one that elbo_pack_run knows: 16 pairs of rows by 16 to 64 columns. */
static bool is_pairs(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *layout) {
    const dnnl_blocking_desc_t *b = &layout->format_desc.blocking;
    return layout->ndims == 2 && layout->data_type == dnnl_bf16 && from->data_type == dnnl_f32 &&
           layout->format_kind == dnnl_blocked && layout->extra.flags == 0 && b->inner_nblks == 3 &&
           b->inner_idxs[0] == 0 && b->inner_idxs[1] == 1 && b->inner_idxs[2] == 0 && b->inner_blks[0] == 16 &&
           b->inner_blks[1] % 16 == 0 && b->inner_blks[1] <= 64 && b->inner_blks[2] == 2;
}

static elbo_pack pack_for(const elbo_plan *plan, const elbo_prepared *p, const float *from) {
    elbo_pack pack = {
        .vector = ((elbo_cpu *)plan->backend_data)->vector, .threads = plan->threads, .from = from, .to = p->memory};
    if (is_conversion(&p->from_layout, &p->layout)) {
        pack.kind = ELBO_PACK_CONVERT;
        pack.count = (int64_t)(dnnl_memory_desc_get_size(&p->layout) / sizeof(uint16_t));
    } else if (is_pairs(&p->from_layout, &p->layout)) {
        const dnnl_blocking_desc_t *b = &p->layout.format_desc.blocking, *source = &p->from_layout.format_desc.blocking;
        pack.kind = ELBO_PACK_PAIRS;
        pack.k = p->layout.dims[0];
        pack.n = p->layout.dims[1];
        pack.transposed = source->strides[1] != 1;
        pack.width = b->inner_blks[1];
        pack.down = b->strides[0];
        pack.right = b->strides[1];
    }
    return pack;
}

static elbo_prepared *find_prepared(struct elbo_onednn *onednn, int root, const dnnl_memory_desc_t *from,
                                    const dnnl_memory_desc_t *to) {
    for (elbo_prepared *p = onednn->first; p; p = p->next) {
        if (p->root != root) continue;
        if (p->pack.kind == ELBO_PACK_CONVERT && is_conversion(from, to)) return p; /* read in any order */
        if (dnnl_memory_desc_equal(&p->layout, to) && dnnl_memory_desc_equal(&p->from_layout, from)) return p;
    }
    return NULL;
}

/* Finds or makes a value in another layout; *fresh says whether the calling step is the one that refreshes it. */
static elbo_status prepare(elbo_plan *plan, const elbo_node *node, const dnnl_memory_desc_t *from,
                           const dnnl_memory_desc_t *to, elbo_prepared **out, bool *fresh, elbo_error *error) {
    struct elbo_onednn *onednn = ((elbo_cpu *)plan->backend_data)->onednn;
    int root = plan->value[node->id].root;
    *out = find_prepared(onednn, root, from, to);
    *fresh = !*out;
    if (*out) return ELBO_OK;
    elbo_prepared *made = elbo_calloc(sizeof *made);
    if (!made) return elbo_fail_memory(error, sizeof *made, "an operand");
    made->next = onednn->first;
    onednn->first = made;
    made->root = root;
    made->from_layout = *from;
    made->layout = *to;
    const elbo_node *source = plan->graph->node[root];
    if (plan->params_fixed && source->op == &elbo_op_param) made->params = source->extra;
    size_t bytes = dnnl_memory_desc_get_size(to);
    made->memory = elbo_calloc(bytes);
    if (!made->memory) return elbo_fail_memory(error, bytes, "an operand in another layout");
    made->pack = pack_for(plan, made, elbo_plan_memory_of(plan, node));
    if (made->pack.kind == ELBO_PACK_NONE) ELBO_TRY(make_reorder(onednn, made, elbo_plan_memory_of(plan, node), error));
    *out = made;
    return ELBO_OK;
}

static void refresh(struct elbo_onednn *onednn, elbo_prepared *p) {
    uint64_t version = p->params ? elbo_params_version(p->params) : 0;
    if (p->params && p->made && p->version == version) return;
    p->version = version;
    p->made = true;
    if (p->pack.kind != ELBO_PACK_NONE) {
        elbo_pack_run(&p->pack);
        return;
    }
    dnnl_exec_arg_t argument[] = {{DNNL_ARG_FROM, p->from}, {DNNL_ARG_TO, p->to}};
    dnnl_primitive_execute(p->reorder, onednn->stream, 2, argument);
}

void elbo_onednn_run(elbo_step *step, const elbo_run *run) {
    elbo_onednn_step *state = step->state;
    (void)run;
    for (int i = 0; i < state->prepares; i++) refresh(state->onednn, state->prepare[i]);
    dnnl_primitive_execute(state->primitive, state->onednn->stream, state->arguments, state->argument);
    if (state->after) dnnl_primitive_execute(state->after, state->onednn->stream, 2, state->after_argument);
    dnnl_stream_wait(state->onednn->stream);
}

void elbo_onednn_release(elbo_step *step) {
    elbo_onednn_step *state = step->state;
    if (!state) return;
    if (state->primitive) dnnl_primitive_destroy(state->primitive);
    if (state->after) dnnl_primitive_destroy(state->after);
    elbo_free(state->result);
    for (int i = 0; i < state->owned; i++) dnnl_memory_destroy(state->own[i]);
}

elbo_status elbo_onednn_add(elbo_onednn_step *state, int kind, const dnnl_memory_desc_t *layout, void *memory,
                            elbo_error *error) {
    dnnl_memory_t made;
    dnnl_status_t status = dnnl_memory_create(&made, layout, state->onednn->engine, memory);
    if (status != dnnl_success) return elbo_onednn_fail(error, "an operand", status);
    state->own[state->owned++] = made;
    state->argument[state->arguments++] = (dnnl_exec_arg_t){kind, made};
    return ELBO_OK;
}

/* ---- matrix products ---- */

bool elbo_cpu_folds_activation(const elbo_op *op) {
    return op == &elbo_op_tanh || op == &elbo_op_relu || op == &elbo_op_sigmoid;
}

static dnnl_alg_kind_t activation_of(const elbo_op *op) {
    return op == &elbo_op_tanh ? dnnl_eltwise_tanh : op == &elbo_op_relu ? dnnl_eltwise_relu : dnnl_eltwise_logistic;
}

typedef struct layouts {
    dnnl_memory_desc_t a, b, y, bias; /* as stored */
    int rank;
} layouts;

static void layout_of(dnnl_memory_desc_t *out, int rank, const elbo_shape *lead, const int64_t *stride_of_matrix,
                      int64_t rows, int64_t columns, bool transposed) {
    dnnl_dims_t dims = {0}, strides = {0};
    for (int axis = 0; axis < rank - 2; axis++) {
        bool repeated = stride_of_matrix && stride_of_matrix[axis] == 0;
        dims[axis] = repeated ? 1 : lead->dim[axis];
        int64_t matrices = 1; /* dense result */
        for (int inner = axis + 1; inner < rank - 2; inner++) matrices *= lead->dim[inner];
        strides[axis] = (stride_of_matrix && !repeated ? stride_of_matrix[axis] : matrices) * rows * columns;
    }
    dims[rank - 2] = rows;
    dims[rank - 1] = columns;
    strides[rank - 2] = transposed ? 1 : columns;
    strides[rank - 1] = transposed ? rows : 1;
    dnnl_memory_desc_init_by_strides(out, rank, dims, dnnl_f32, strides);
}

static layouts layouts_of(const elbo_node *node) {
    elbo_matmul_view v = elbo_matmul_view_of(node);
    bool ta = node->attributes.i[0], tb = node->attributes.i[1];
    layouts l = {.rank = v.leading.rank + 2};
    if (node->input[1]->shape.rank == 2 && !ta) { /* one matrix for all: the leading axes are rows */
        v.m *= v.batch;
        l.rank = 2;
    }
    layout_of(&l.a, l.rank, &v.leading, v.stride_a, v.m, v.k, ta);
    layout_of(&l.b, l.rank, &v.leading, v.stride_b, v.k, v.n, tb);
    layout_of(&l.y, l.rank, &v.leading, NULL, v.m, v.n, false);
    dnnl_dims_t row = {0};
    for (int axis = 0; axis < l.rank; axis++) row[axis] = axis == l.rank - 1 ? v.n : 1;
    dnnl_dims_t strides = {0};
    for (int axis = 0; axis < l.rank; axis++) strides[axis] = axis == l.rank - 1 ? 1 : v.n;
    dnnl_memory_desc_init_by_strides(&l.bias, l.rank, row, dnnl_f32, strides);
    return l;
}

/* Which operands are elbo_prepared. bf16: both are converted, b into the layout of the kernel's choice. f32: only b,
 * and only where it is a parameter that stays as it is for many runs; elsewhere the kernel gains less than the copy
 * costs. */
static void wanted_layouts(const elbo_plan *plan, const elbo_node *node, const layouts *l, dnnl_memory_desc_t *a,
                           dnnl_memory_desc_t *b) {
    bool bf16 = plan->precision == ELBO_PRECISION_BF16;
    const elbo_node *source = plan->graph->node[plan->value[node->input[1]->id].root];
    bool keeps = plan->params_fixed && source->op == &elbo_op_param;
    *a = l->a;
    *b = l->b;
    dnnl_dims_t dims;
    memcpy(dims, l->b.dims, sizeof dims);
    if (l->rank == 2 && (bf16 || keeps))
        dnnl_memory_desc_init_by_tag(b, 2, dims, bf16 ? dnnl_bf16 : dnnl_f32, dnnl_format_tag_any);
    else if (bf16)
        b->data_type = dnnl_bf16;
    if (bf16) a->data_type = dnnl_bf16;
}

static elbo_status make_product(elbo_onednn_step *state, const elbo_unit *unit, layouts *l, dnnl_memory_desc_t *a,
                                dnnl_memory_desc_t *b, elbo_error *error) {
    dnnl_matmul_desc_t operation;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success && unit->activation) {
        status = dnnl_post_ops_create(&after);
        if (status == dnnl_success)
            status = dnnl_post_ops_append_eltwise(after, 1, activation_of(unit->activation), 0, 0);
        if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, after);
    }
    if (status == dnnl_success) status = dnnl_matmul_desc_init(&operation, a, b, unit->bias ? &l->bias : NULL, &l->y);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&description, &operation, attributes, state->onednn->engine, NULL);
    if (status == dnnl_success) {
        *a = *dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
        *b = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
        status = dnnl_primitive_create(&state->primitive, description);
    }
    if (description) dnnl_primitive_desc_destroy(description);
    if (after) dnnl_post_ops_destroy(after);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? ELBO_OK : elbo_onednn_fail(error, "a matrix product", status);
}

elbo_status elbo_onednn_add_operand(elbo_plan *plan, elbo_onednn_step *state, int kind, const elbo_node *node,
                                    const dnnl_memory_desc_t *stored, const dnnl_memory_desc_t *wanted,
                                    elbo_error *error) {
    if (dnnl_memory_desc_equal(stored, wanted))
        return elbo_onednn_add(state, kind, stored, elbo_plan_memory_of(plan, node), error);
    elbo_prepared *p;
    bool fresh;
    ELBO_TRY(prepare(plan, node, stored, wanted, &p, &fresh, error));
    if (fresh) state->prepare[state->prepares++] = p;
    return elbo_onednn_add(state, kind, wanted, p->memory, error);
}

elbo_status elbo_cpu_compile_matmul(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    const elbo_node *node = unit->member[0], *last = unit->member[unit->members - 1];
    elbo_onednn_step *state = elbo_arena_calloc(&plan->arena, sizeof *state);
    if (!state) return elbo_fail_memory(error, sizeof *state, "a step");
    step->state = state;
    step->run = elbo_onednn_run;
    step->release = elbo_onednn_release;
    ELBO_TRY(elbo_onednn_of(plan, &state->onednn, error));
    layouts l = layouts_of(node);
    dnnl_memory_desc_t a, b;
    wanted_layouts(plan, node, &l, &a, &b);
    ELBO_TRY(make_product(state, unit, &l, &a, &b, error));
    ELBO_TRY(elbo_onednn_add_operand(plan, state, DNNL_ARG_SRC, node->input[0], &l.a, &a, error));
    ELBO_TRY(elbo_onednn_add_operand(plan, state, DNNL_ARG_WEIGHTS, node->input[1], &l.b, &b, error));
    if (unit->bias)
        ELBO_TRY(elbo_onednn_add(state, DNNL_ARG_BIAS, &l.bias, elbo_plan_memory_of(plan, unit->bias), error));
    elbo_matmul_view v = elbo_matmul_view_of(node);
    step->flops = 2 * v.batch * v.m * v.k * v.n;
    return elbo_onednn_add(state, DNNL_ARG_DST, &l.y, elbo_plan_memory_of(plan, last), error);
}
