#include "models/words.h"

#include <math.h>
#include <stdio.h>

#include "dist/formula.h"
#include "graph/graph.h"
#include "ops/count.h"
#include "ops/nonzero.h"

enum { LENGTH, LOGITS };

static double length_of(const elbo_dist *dist) {
    double value = 1;
    elbo_node_constant(dist->parameter[LENGTH], &value);
    return value;
}

/* Rows that are no counts have probability 0: one look at x, no work for the gradient. */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *wrong = elbo_sum(elbo_shift(elbo_neg(elbo_formula_is_count(x)), 1), -1, -1, false);
    elbo_node *value = elbo_sum(elbo_mul(x, elbo_log_softmax(dist->parameter[LOGITS], -1)), -1, -1, false);
    return elbo_where(elbo_less(elbo_formula_number(dist, 0), wrong), elbo_formula_number(dist, -INFINITY), value);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *p = elbo_softmax(dist->parameter[LOGITS], -1);
    return elbo_random_multinomial(p, (int64_t)length_of(dist), shape, row_axis);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_scale(elbo_softmax(dist->parameter[LOGITS], -1), length_of(dist)));
}

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *p = elbo_softmax(dist->parameter[LOGITS], -1);
    return elbo_formula_full(dist, elbo_scale(elbo_mul(p, elbo_shift(elbo_neg(p), 1)), length_of(dist)));
}

const elbo_dist_type elbo_words_type = {
    .name = "words",
    ELBO_DIST_IS(COUNT_VECTOR, PLAIN, "prod p_i^x_i, p = softmax(logits)"),
    .parameter = {{"length", ELBO_CONSTRAINT_WHOLE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, "V"}},
    .event = "V",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance};

elbo_dist elbo_words(elbo_node *logits, int64_t length) {
    if (!logits) return (elbo_dist){0};
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {elbo_scalar(elbo_node_graph(logits), (double)length), logits};
    return elbo_dist_new(&elbo_words_type, parameter, 1);
}

elbo_status elbo_words_check(const elbo_item *item, elbo_error *error) {
    if (item->size >= 2) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "items of %lld value: a model of documents expects rows of counts of at least 2 words",
                     (long long)item->size);
}

/* The layer "dense1" of elbo_nn_mlp, by another kind of product. */
static elbo_node *first_layer(elbo_builder *builder, elbo_node *x, int64_t out, const char *activation) {
    int64_t in = elbo_node_shape(x).dim[1];
    elbo_scope_push(builder->graph, "encoder/dense1");
    elbo_node *weight =
        elbo_nn_param(builder, "dense1", "weight", ELBO_SHAPE(in, out), builder->init, builder->init_scale, in, out);
    elbo_node *bias = elbo_nn_param(builder, "dense1", "bias", ELBO_SHAPE(out), ELBO_INIT_ZERO, 0, in, out);
    elbo_node *h = elbo_nn_activate(elbo_add(elbo_matmul_nonzero(x, weight), bias), activation);
    elbo_scope_pop(builder->graph);
    return h;
}

elbo_node *elbo_words_hidden(elbo_context *context, elbo_node *x, const elbo_ints *widths, const char *activation,
                             bool sparse) {
    elbo_builder *builder = &context->builder;
    builder->group = "encoder";
    if (!x || !sparse || widths->count == 0) return elbo_nn_mlp(builder, x, "dense", widths, activation);
    elbo_node *h = first_layer(builder, x, widths->value[0], activation);
    for (int i = 1; i < widths->count; i++) {
        char layer[32];
        snprintf(layer, sizeof layer, "dense%d", i + 1);
        h = elbo_nn_activate(elbo_nn_dense(builder, h, layer, widths->value[i]), activation);
    }
    return h;
}

elbo_dist elbo_words_posterior(elbo_context *context, elbo_node *numbers) {
    (void)context;
    if (!numbers) return (elbo_dist){0};
    elbo_shape shape = elbo_node_shape(numbers);
    int64_t size = shape.dim[shape.rank - 1] / 2;
    return elbo_normal(elbo_slice(numbers, -1, 0, size), elbo_slice(numbers, -1, size, size), 1);
}
