#include "models/words.h"

#include <math.h>

#include "dist/formula.h"
#include "graph/graph.h"
#include "ops/count.h"

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

elbo_node *elbo_words_hidden(elbo_context *context, elbo_node *x, const elbo_ints *widths, const char *activation) {
    context->builder.group = "encoder";
    return elbo_nn_mlp(&context->builder, x, "dense", widths, activation);
}

elbo_dist elbo_words_posterior(elbo_context *context, elbo_node *numbers) {
    (void)context;
    if (!numbers) return (elbo_dist){0};
    elbo_shape shape = elbo_node_shape(numbers);
    int64_t size = shape.dim[shape.rank - 1] / 2;
    return elbo_normal(elbo_slice(numbers, -1, 0, size), elbo_slice(numbers, -1, size, size), 1);
}
