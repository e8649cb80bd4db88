#include "models/implicit.h"

#include <math.h>

#include "graph/graph.h"

static elbo_shape with_last(elbo_shape shape, int64_t size) {
    shape.dim[shape.rank - 1] = size;
    return shape;
}

/* What the first dense layer makes of x, before its activation: [B, out]. Convolutions come before it. */
static elbo_node *first_layer(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, const char *name,
                              int64_t out) {
    elbo_network_options first = *encoder->network;
    first.hidden.count = 0;
    return elbo_network_encode(context, &first, x, name, out);
}

/* ---- noise beside the datum ----
 *
 * A layer of its own, rather than more inputs of one layer: weights start in proportion to the number of inputs, so
 * that a few dimensions of noise beside hundreds of pixels would hardly be felt. And the product with x is made once
 * for all draws. */
static elbo_node *draw_joint(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, elbo_node *eps) {
    const elbo_ints *hidden = &encoder->network->hidden;
    elbo_builder *builder = &context->builder;
    bool linear = hidden->count == 0;
    int64_t width = linear ? encoder->latent : hidden->value[0];
    elbo_node *seen = first_layer(context, encoder, x, linear ? "posterior" : "dense1", width);
    elbo_node *h = elbo_add(seen, elbo_nn_dense(builder, eps, "noise", width));
    if (linear) return h;
    elbo_ints rest = {.count = hidden->count - 1};
    for (int i = 0; i < rest.count; i++) rest.value[i] = hidden->value[i + 1];
    h = elbo_nn_activate(h, encoder->network->activation);
    h = elbo_nn_mlp(builder, h, "joint", &rest, encoder->network->activation);
    return elbo_nn_dense(builder, h, "posterior", encoder->latent);
}

/* ---- a basis of functions of noise ----
 *
 * Weights and functions are bounded, so that the functions' share of z has at most a few times the deviation of the
 * direct noise: q(z|x) keeps a width that an adversary can tell. Without bounds the encoder learns codes so fine that
 * the adversary takes their density for too low, and the estimated bound leaves log p(x) behind. */
static const double reach = 2;

/* Of each datum: a, [B, m * latent], b and e^s, [B, latent]. */
typedef struct coefficients {
    elbo_node *a, *b, *scale;
} coefficients;

/* a, b and s side by side. */
static elbo_node *all_coefficients(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x) {
    return elbo_network_encode(context, encoder->network, x, "posterior", (encoder->basis + 2) * encoder->latent);
}

static coefficients coefficients_of(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x) {
    int64_t latent = encoder->latent, width = encoder->basis * latent;
    elbo_node *all = all_coefficients(context, encoder, x);
    return (coefficients){
        .a = elbo_scale(elbo_tanh(elbo_slice(all, -1, 0, width)), reach / sqrt((double)encoder->basis)),
        .b = elbo_slice(all, -1, width, latent),
        .scale = elbo_exp(elbo_slice(all, -1, width + latent, latent))};
}

elbo_node *elbo_noisy_encoder_coefficients(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x,
                                           bool shape) {
    elbo_node *all = all_coefficients(context, encoder, x);
    return shape ? elbo_slice(all, -1, 0, encoder->basis * encoder->latent) : all;
}

/* v: [..., m * latent], of the dimensions of eps that do not go into z as they are. */
static elbo_node *functions(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *eps) {
    elbo_builder *builder = &context->builder;
    builder->group = "encoder";
    elbo_node *rest = elbo_slice(eps, -1, encoder->latent, encoder->noise - encoder->latent);
    elbo_node *h = elbo_nn_mlp(builder, rest, "noise", encoder->noise_hidden, encoder->network->activation);
    return elbo_tanh(elbo_nn_dense(builder, h, "basis", encoder->basis * encoder->latent));
}

static elbo_node *draw_structured(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x,
                                  elbo_node *eps) {
    coefficients of = coefficients_of(context, encoder, x);
    elbo_node *product = elbo_mul(functions(context, encoder, eps), of.a);
    if (!product) return NULL;
    elbo_shape apart = elbo_node_shape(product);
    apart.dim[apart.rank - 1] = encoder->basis;
    apart.dim[apart.rank++] = encoder->latent;
    elbo_node *sum = elbo_sum(elbo_reshape(product, apart), apart.rank - 2, apart.rank - 2, false);
    return elbo_muladd(elbo_add(elbo_slice(eps, -1, 0, encoder->latent), sum), of.scale, of.b);
}

/* Mean, [latent, m], and covariances, [latent, m, m], of the functions of each dimension of z over so many draws of
 * eps. */
static elbo_node *function_moments(elbo_context *context, const elbo_noisy_encoder *encoder, int64_t draws,
                                   elbo_node **mean) {
    static const int dimension_first[3] = {2, 1, 0};
    elbo_node *eps = elbo_random_normal(context->builder.graph, ELBO_SHAPE(draws, encoder->noise), 0);
    elbo_node *v = functions(context, encoder, eps);
    v = elbo_transpose(elbo_reshape(v, ELBO_SHAPE(draws, encoder->basis, encoder->latent)), dimension_first);
    *mean = elbo_mean(v, -1, -1, false);
    elbo_node *away = elbo_sub(v, elbo_mean(v, -1, -1, true));
    return elbo_scale(elbo_matmul(away, away, false, true), 1.0 / (double)(draws - 1));
}

/* Mean b + e^s a'E v and variance e^2s (1 + a'Cov(v) a): the functions' moments serve all data, and those of the direct
 * noise are known. */
static void structured_moments(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, int64_t draws,
                               elbo_node **mean, elbo_node **variance) {
    static const int dimension_first[3] = {2, 0, 1}, turned[2] = {1, 0};
    coefficients of = coefficients_of(context, encoder, x);
    elbo_node *centre, *covariance = function_moments(context, encoder, draws, &centre);
    elbo_node *a = elbo_reshape(of.a, ELBO_SHAPE(-1, encoder->basis, encoder->latent));
    a = elbo_transpose(a, dimension_first); /* [latent, B, m] */
    elbo_node *along = elbo_mul(a, elbo_reshape(centre, ELBO_SHAPE(encoder->latent, 1, encoder->basis)));
    elbo_node *spread = elbo_mul(elbo_matmul(a, covariance, false, false), a);
    *mean = elbo_muladd(elbo_transpose(elbo_sum(along, -1, -1, false), turned), of.scale, of.b);
    *variance = elbo_transpose(elbo_shift(elbo_sum(spread, -1, -1, false), 1), turned);
    *variance = elbo_mul(*variance, elbo_square(of.scale));
}

/* ---- both ---- */

elbo_node *elbo_noisy_encoder_draw(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x,
                                   elbo_node *eps) {
    return encoder->basis > 0 ? draw_structured(context, encoder, x, eps) : draw_joint(context, encoder, x, eps);
}

/* Mean and variance over the first axis of draws, the latter unbiased. */
static void joint_moments(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, int64_t count,
                          elbo_node **mean, elbo_node **variance) {
    elbo_shape shape = ELBO_SHAPE(count, elbo_node_shape(x).dim[0], encoder->noise);
    elbo_node *draws = draw_joint(context, encoder, x, elbo_random_normal(context->builder.graph, shape, 1));
    elbo_node *away = elbo_sub(draws, elbo_mean(draws, 0, 0, true));
    *mean = elbo_mean(draws, 0, 0, false);
    *variance = elbo_scale(elbo_mean(elbo_square(away), 0, 0, false), (double)count / (double)(count - 1));
}

void elbo_noisy_encoder_moments(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, int64_t draws,
                                elbo_node **mean, elbo_node **deviation) {
    static const double floor = 1e-6; /* keeps the deviation's logarithm and gradient finite where all draws agree */
    elbo_node *variance = NULL;
    *mean = *deviation = NULL;
    if (!x) return;
    elbo_scope_push(context->builder.graph, "moments");
    (encoder->basis > 0 ? structured_moments : joint_moments)(context, encoder, x, draws, mean, &variance);
    *deviation = elbo_sqrt(elbo_shift(variance, floor));
    elbo_scope_pop(context->builder.graph);
}

elbo_node *elbo_noisy_decoder_draw(elbo_context *context, const elbo_network_options *network, elbo_node *z,
                                   int64_t noise, int row_axis) {
    if (!z) return NULL;
    elbo_node *eps = elbo_random_normal(context->builder.graph, with_last(elbo_node_shape(z), noise), row_axis);
    return elbo_network_decode(context, network, elbo_concat((elbo_node *const[]){z, eps}, 2, -1), 1);
}
