/* The fastest that oneDNN multiplies two matrices here. */
#include <dnnl.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { WARM_UP = 5, EXECUTIONS = 200, MOST_OPERANDS = 3 };
/* Long enough for EXECUTIONS of a small product; beside other programs, which slow each one, up to the second bound. */
static const double LEAST_SECONDS = 0.15, MOST_SECONDS = 1.5;

static bool goes_on(int executions, double seconds) {
    if (executions < WARM_UP || seconds < LEAST_SECONDS) return true;
    return executions < EXECUTIONS && seconds < MOST_SECONDS;
}

typedef struct operand {
    dnnl_memory_t memory;
    void *data;
} operand;

static bool make_operand(operand *out, const dnnl_memory_desc_t *layout, dnnl_engine_t engine) {
    size_t bytes = dnnl_memory_desc_get_size(layout);
    out->data = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!out->data) return false;
    memset(out->data, 0, bytes);
    return dnnl_memory_create(&out->memory, layout, engine, out->data) == dnnl_success;
}

/* The least seconds of one execution. */
static double repeat(dnnl_primitive_t primitive, dnnl_stream_t stream, const dnnl_exec_arg_t *argument) {
    double best = 1e9, begin = bench_now();
    for (int i = 0; goes_on(i, bench_now() - begin); i++) {
        double start = bench_now();
        dnnl_primitive_execute(primitive, stream, MOST_OPERANDS, argument);
        dnnl_stream_wait(stream);
        double seconds = bench_now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}

static double time_primitive(dnnl_primitive_desc_t description, dnnl_engine_t engine, dnnl_stream_t stream) {
    static const dnnl_query_t query[] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
    static const int kind[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    operand list[MOST_OPERANDS] = {{0}};
    dnnl_exec_arg_t argument[MOST_OPERANDS];
    dnnl_primitive_t primitive = NULL;
    bool ready = dnnl_primitive_create(&primitive, description) == dnnl_success;
    for (int i = 0; ready && i < MOST_OPERANDS; i++) {
        ready = make_operand(&list[i], dnnl_primitive_desc_query_md(description, query[i], 0), engine);
        argument[i] = (dnnl_exec_arg_t){kind[i], list[i].memory};
    }
    double seconds = ready ? repeat(primitive, stream, argument) : 0;
    for (int i = 0; i < MOST_OPERANDS; i++) {
        if (list[i].memory) dnnl_memory_destroy(list[i].memory);
        free(list[i].data);
    }
    if (primitive) dnnl_primitive_destroy(primitive);
    return seconds;
}

static double time_layout(const dnnl_dims_t size, bool bf16, dnnl_format_tag_t a, dnnl_format_tag_t b,
                          dnnl_engine_t engine, dnnl_stream_t stream) {
    dnnl_data_type_t type = bf16 ? dnnl_bf16 : dnnl_f32;
    dnnl_dims_t dims_a = {size[0], size[1]}, dims_b = {size[1], size[2]}, dims_y = {size[0], size[2]};
    dnnl_memory_desc_t layout_a, layout_b, layout_y;
    dnnl_matmul_desc_t operation;
    dnnl_primitive_desc_t description = NULL;
    dnnl_memory_desc_init_by_tag(&layout_a, 2, dims_a, type, a);
    dnnl_memory_desc_init_by_tag(&layout_b, 2, dims_b, type, b);
    dnnl_memory_desc_init_by_tag(&layout_y, 2, dims_y, dnnl_f32, dnnl_ab);
    if (dnnl_matmul_desc_init(&operation, &layout_a, &layout_b, NULL, &layout_y) != dnnl_success ||
        dnnl_primitive_desc_create(&description, &operation, NULL, engine, NULL) != dnnl_success)
        return 0;
    double seconds = time_primitive(description, engine, stream);
    dnnl_primitive_desc_destroy(description);
    return seconds;
}

double bench_product(int64_t m, int64_t k, int64_t n, bool bf16) {
    static const dnnl_format_tag_t tags[] = {dnnl_ab, dnnl_ba, dnnl_format_tag_any};
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    double best = 0;
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) return 0;
    if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success) {
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 3; b++) {
                double seconds = time_layout((dnnl_dims_t){m, k, n}, bf16, tags[a], tags[b], engine, stream);
                if (seconds > 0 && (best == 0 || seconds < best)) best = seconds;
            }
        dnnl_stream_destroy(stream);
    }
    dnnl_engine_destroy(engine);
    return best;
}
