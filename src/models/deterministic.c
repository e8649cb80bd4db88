#include "models/deterministic.h"

#include "graph/graph.h"

/* ---- codes ---- */

static elbo_node *no_density(const elbo_dist *dist, elbo_node *x) {
    (void)x;
    return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                           "an autoencoder has codes, not a posterior: it has neither an ELBO nor a likelihood (its "
                           "reconstruction error is what `elbo eval RUN` measures)");
}

/* [..., B, latent]: every draw is the code. */
static elbo_node *repeat_code(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    (void)row_axis;
    return elbo_broadcast_to(dist->parameter[0], shape);
}

static elbo_node *code_itself(const elbo_dist *dist) { return dist->parameter[0]; }
static elbo_node *no_variance(const elbo_dist *dist) { return elbo_constant(dist->graph, 0, dist->shape); }

static const elbo_dist_type code_type = {.name = "code",
                                         ELBO_DIST_IS(REAL, LOCATION_SCALE, "all of it at the code"),
                                         .parameter = {{"code", ELBO_CONSTRAINT_REAL, NULL}},
                                         .log_prob = no_density,
                                         .sample = repeat_code,
                                         .mean = code_itself,
                                         .variance = no_variance};

elbo_dist elbo_code(elbo_node *code) {
    if (!code) return (elbo_dist){0};
    return (elbo_dist){.type = &code_type,
                       .graph = elbo_node_graph(code),
                       .parameter = {code},
                       .shape = elbo_node_shape(code),
                       .event_rank = 1};
}

static elbo_node *no_prior_draws(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    (void)shape;
    (void)row_axis;
    return elbo_graph_fail(
        dist->graph, ELBO_ERROR_UNSUPPORTED,
        "an autoencoder has no prior to draw codes from; decode codes of data, or draw from a mixture that is "
        "fitted to them (`elbo sample RUN --mixture K`)");
}

static elbo_node *no_prior_moment(const elbo_dist *dist) { return no_prior_draws(dist, dist->shape, 0); }

static const elbo_dist_type no_prior_type = {.name = "no",
                                             ELBO_DIST_IS(REAL, PLAIN, "none"),
                                             .log_prob = no_density,
                                             .sample = no_prior_draws,
                                             .mean = no_prior_moment,
                                             .variance = no_prior_moment};

elbo_dist elbo_code_prior(elbo_context *context, int64_t rows, int64_t latent) {
    return (elbo_dist){
        .type = &no_prior_type, .graph = context->builder.graph, .shape = ELBO_SHAPE(rows, latent), .event_rank = 1};
}

/* ---- losses ---- */

static elbo_node *no_draws(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    (void)shape;
    (void)row_axis;
    return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                           "an autoencoder decodes to values, not to a distribution: there is nothing to draw from");
}

static elbo_node *minus_square(const elbo_dist *dist, elbo_node *x) {
    return elbo_neg(elbo_square(elbo_sub(x, dist->parameter[0])));
}

static elbo_node *value_itself(const elbo_dist *dist) { return dist->parameter[0]; }

const elbo_dist_type elbo_squared_error_type = {.name = "squared error",
                                                ELBO_DIST_IS(REAL, PLAIN, "-(x - value)^2 in place of log p"),
                                                .parameter = {{"value", ELBO_CONSTRAINT_REAL, NULL}},
                                                .log_prob = minus_square,
                                                .sample = no_draws,
                                                .mean = value_itself,
                                                .variance = no_variance};

/* x l - softplus(l) */
static elbo_node *minus_cross_entropy(const elbo_dist *dist, elbo_node *x) {
    elbo_node *logits = dist->parameter[0];
    return elbo_sub(elbo_mul(x, logits), elbo_softplus(logits));
}

static elbo_node *probability(const elbo_dist *dist) { return elbo_sigmoid(dist->parameter[0]); }

const elbo_dist_type elbo_cross_entropy_type = {
    .name = "cross-entropy",
    ELBO_DIST_IS(UNIT_INTERVAL, PLAIN, "x log p + (1 - x) log(1 - p) in place of log p"),
    .parameter = {{"logits", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = minus_cross_entropy,
    .sample = no_draws,
    .mean = probability,
    .variance = no_variance};

static elbo_dist loss_of(const elbo_dist_type *type, elbo_node *numbers) {
    if (!numbers) return (elbo_dist){0};
    return (elbo_dist){.type = type,
                       .graph = elbo_node_graph(numbers),
                       .parameter = {numbers},
                       .shape = elbo_node_shape(numbers),
                       .event_rank = 1};
}

elbo_dist elbo_squared_error(elbo_node *value) { return loss_of(&elbo_squared_error_type, value); }
elbo_dist elbo_cross_entropy(elbo_node *logits) { return loss_of(&elbo_cross_entropy_type, logits); }

/* ---- training ---- */

elbo_update elbo_deterministic_update(elbo_context *context, const elbo_model_type *model, elbo_node *seen,
                                      elbo_node *x) {
    elbo_update update = {.name = "reconstruction"};
    elbo_dist code = model->encode(context, seen);
    if (!code.type) return update;
    elbo_dist decoded = model->decode(context, elbo_dist_mean(&code));
    if (!decoded.type) return update;
    elbo_scope_push(context->builder.graph, "reconstruction");
    update.reconstruction = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&decoded, x)));
    elbo_scope_pop(context->builder.graph);
    update.kl = elbo_scalar(context->builder.graph, 0);
    update.loss = update.objective = update.reconstruction;
    return update;
}
