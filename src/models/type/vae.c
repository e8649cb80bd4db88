/* The variational autoencoder of Kingma and Welling 2013 (arXiv:1312.6114).
 *
 *   p(z) = N(0, I);  q(z|x) = N(mu(x), sigma(x)^2) with a network for mu and log sigma^2;  p(x|z) by the decoder.
 *   Trained on -ELBO = E_q[-log p(x|z)] + KL(q(z|x) || p(z)) with the reparameterised gradient (SGVB). */
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "infer/sgvb.h"
#include "models/model.h"

#define VAE_OPTIONS(O)                                                                                               \
    O(INT, latent, "20", 1, 65536, NULL, "dimensions of the code z")                                                 \
    O(CHOICE, network, "mlp", 0, 0, "mlp|conv", "kind of encoder and decoder")                                       \
    O(INTS, hidden, "500", 1, 1e6, NULL, "widths of the hidden layers from data to code, such as 500,200")           \
    O(INTS, decoder_hidden, "", 1, 1e6, NULL, "widths of the decoder's, from code to data (default: mirrored)")      \
    O(INTS, channels, "32,64", 1, 65536, NULL, "conv: channels of the 4x4 stride-2 convolutions, from data to code") \
    O(CHOICE, activation, "tanh", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                                 \
    O(CHOICE, likelihood, "bernoulli", 0, 0, "bernoulli|gaussian|categorical", "p(x|z)")                             \
    O(CHOICE, variance, "learned", 0, 0, "learned|shared|fixed",                                                     \
      "gaussian: from the decoder for each pixel, one trained value for all, or --scale")                            \
    O(REAL, scale, "0.1", 1e-6, 1e6, NULL, "gaussian: standard deviation that is fixed, or at the start")            \
    O(REAL, min_scale, "0.001", 1e-9, 1e6, NULL, "gaussian: lower bound of the standard deviation")                  \
    O(BOOL, bounded_mean, "false", 0, 0, NULL, "gaussian: mean through a sigmoid into (0,1)")                        \
    O(INT, levels, "256", 2, 256, NULL, "categorical: grey values")                                                  \
    O(CHOICE, estimator, "b", 0, 0, "a|b", "SGVB with sampled (a) or analytic KL (b)")                               \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each datum in a training step (L)")                         \
    O(REAL, free_bits, "0", 0, 1000, NULL, "nats of KL that each latent dimension may spend for nothing")            \
    O(CHOICE, init, "lecun-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start")     \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")
ELBO_OPTIONS_STRUCT(vae_options, VAE_OPTIONS);
#define ELBO_TABLE_STRUCT vae_options
static ELBO_TABLE(options_table, "Model (vae)", VAE_OPTIONS);
#undef ELBO_TABLE_STRUCT

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const vae_options *o = options;
    if (!is(o->network, "conv")) return ELBO_OK;
    if (item->rank < 2)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--network conv needs images; give --item-shape HxW or CxHxW");
    int64_t height = item->shape[item->rank - 2], width = item->shape[item->rank - 1], factor = 1;
    for (int i = 0; i < o->channels.count; i++) factor *= 2;
    if (o->channels.count == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--network conv needs --channels, such as 32,64");
    if (height % factor || width % factor)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--network conv with %d channels halves the image %d times: %lld x %lld must be divisible by "
                         "%lld",
                         o->channels.count, o->channels.count, (long long)height, (long long)width, (long long)factor);
    return ELBO_OK;
}

static int64_t latent(const void *options) { return ((const vae_options *)options)->latent; }

static const char *likelihood(const void *options) {
    const vae_options *o = options;
    return is(o->likelihood, "gaussian") ? "normal" : o->likelihood;
}

static int64_t levels(const void *options) { return ((const vae_options *)options)->levels; }

static void initialisation(const void *options, elbo_init *init, double *scale) {
    const vae_options *o = options;
    *init = is(o->init, "normal")           ? ELBO_INIT_NORMAL
            : is(o->init, "glorot-uniform") ? ELBO_INIT_GLOROT_UNIFORM
            : is(o->init, "he-normal")      ? ELBO_INIT_HE_NORMAL
                                            : ELBO_INIT_LECUN_UNIFORM;
    *scale = o->init_scale;
}

static elbo_dist prior(elbo_context *context, int64_t rows) {
    return elbo_standard_normal(context->builder.graph, ELBO_SHAPE(rows, latent(context->options)), 1);
}

/* ---- encoder ---- */

static void image_of(const elbo_item *item, int64_t *channels, int64_t *height, int64_t *width) {
    *channels = item->rank == 3 ? item->shape[0] : 1;
    *height = item->shape[item->rank - 2];
    *width = item->shape[item->rank - 1];
}

static elbo_node *convolve(elbo_context *context, elbo_node *x) {
    const vae_options *o = context->options;
    int64_t channels, height, width, rows = elbo_node_shape(x).dim[0];
    image_of(&context->item, &channels, &height, &width);
    x = elbo_reshape(x, ELBO_SHAPE(rows, channels, height, width));
    for (int i = 0; i < o->channels.count; i++) {
        char layer[32] = "conv0";
        layer[4] = (char)('1' + i);
        x = elbo_nn_activate(elbo_nn_conv(&context->builder, x, layer, o->channels.value[i], 4, 2, 1), o->activation);
    }
    return elbo_reshape(x, ELBO_SHAPE(rows, -1));
}

/* The last layer gives [mu, log sigma^2] side by side: one product for both. */
static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const vae_options *o = context->options;
    context->builder.group = "encoder";
    /* levels are whole numbers up to 255: the network sees them in [0, 1] */
    if (context->item.levels > 1) x = elbo_scale(x, 1.0 / (double)(context->item.levels - 1));
    elbo_node *h = is(o->network, "conv") ? convolve(context, x) : x;
    h = elbo_nn_mlp(&context->builder, h, "dense", &o->hidden, o->activation);
    elbo_node *both = elbo_nn_dense(&context->builder, h, "posterior", 2 * o->latent);
    elbo_node *loc = elbo_slice(both, -1, 0, o->latent);
    elbo_node *log_variance = elbo_slice(both, -1, o->latent, o->latent);
    return elbo_normal(loc, elbo_scale(log_variance, 0.5), 1);
}

/* ---- decoder ---- */

static elbo_ints decoder_widths(const vae_options *o) {
    if (o->decoder_hidden.count) return o->decoder_hidden;
    elbo_ints mirrored = {.count = o->hidden.count};
    for (int i = 0; i < o->hidden.count; i++) mirrored.value[i] = o->hidden.value[o->hidden.count - 1 - i];
    return mirrored;
}

/* [..., features] -> [rows, channels, h, w] through transposed convolutions -> [..., out * H * W] */
static elbo_node *deconvolve(elbo_context *context, elbo_node *h, int64_t out) {
    const vae_options *o = context->options;
    elbo_builder *builder = &context->builder;
    int64_t channels, height, width, last = o->channels.value[o->channels.count - 1];
    image_of(&context->item, &channels, &height, &width);
    elbo_shape lead = elbo_node_shape(h);
    height >>= o->channels.count;
    width >>= o->channels.count;
    h = elbo_nn_activate(elbo_nn_dense(builder, h, "unfold", last * height * width), o->activation);
    h = elbo_reshape(h, ELBO_SHAPE(-1, last, height, width));
    for (int i = o->channels.count - 1; i >= 0; i--) {
        char layer[32] = "deconv0";
        layer[6] = (char)('1' + i);
        h = elbo_nn_conv_transposed(builder, h, layer, i ? o->channels.value[i - 1] : out * channels, 4, 2, 1, 0);
        if (i) h = elbo_nn_activate(h, o->activation);
    }
    lead.dim[lead.rank - 1] = out * context->item.size;
    return elbo_reshape(h, lead);
}

/* The last layer: `out` numbers for each pixel, [..., out * size] with the pixels of one kind side by side. */
static elbo_node *output(elbo_context *context, elbo_node *z, int64_t out) {
    const vae_options *o = context->options;
    elbo_ints widths = decoder_widths(o);
    context->builder.group = "decoder";
    elbo_node *h = elbo_nn_mlp(&context->builder, z, "dense", &widths, o->activation);
    if (is(o->network, "conv")) return deconvolve(context, h, out);
    return elbo_nn_dense(&context->builder, h, "output", out * context->item.size);
}

/* log sigma, kept above log min_scale smoothly: log(min + e^s) would cost accuracy, a clamp keeps the gradient clean.
 */
static elbo_node *bounded(elbo_node *log_scale, double minimum) {
    return elbo_max(log_scale, elbo_scalar(elbo_node_graph(log_scale), log(minimum)));
}

static elbo_dist gaussian(elbo_context *context, elbo_node *z) {
    const vae_options *o = context->options;
    elbo_graph *graph = context->builder.graph;
    int64_t size = context->item.size;
    bool learned = is(o->variance, "learned");
    elbo_node *both = output(context, z, learned ? 2 : 1);
    elbo_node *loc = learned ? elbo_slice(both, -1, 0, size) : both;
    if (o->bounded_mean) loc = elbo_sigmoid(loc);
    if (learned) return elbo_normal(loc, bounded(elbo_scale(elbo_slice(both, -1, size, size), 0.5), o->min_scale), 1);
    if (is(o->variance, "fixed")) return elbo_normal(loc, elbo_scalar(graph, log(o->scale)), 1);
    elbo_node *shared =
        elbo_nn_param(&context->builder, "output", "log_scale", ELBO_SHAPE(1), ELBO_INIT_CONSTANT, log(o->scale), 1, 1);
    return elbo_normal(loc, bounded(shared, o->min_scale), 1);
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const vae_options *o = context->options;
    if (is(o->likelihood, "gaussian")) return gaussian(context, z);
    if (is(o->likelihood, "bernoulli")) return elbo_bernoulli(output(context, z, 1), 1);
    elbo_shape shape = elbo_node_shape(z);
    elbo_node *logits = output(context, z, o->levels);
    if (!logits || shape.rank >= ELBO_MAX_RANK) return (elbo_dist){0};
    shape.dim[shape.rank - 1] = context->item.size;
    shape.dim[shape.rank++] = o->levels;
    if (!is(o->network, "conv")) return elbo_categorical(elbo_reshape(logits, shape), 1);
    /* a convolution yields [..., levels, size]: bring the levels to the end */
    int permutation[ELBO_MAX_RANK];
    for (int axis = 0; axis < shape.rank; axis++) permutation[axis] = axis;
    permutation[shape.rank - 2] = shape.rank - 1;
    permutation[shape.rank - 1] = shape.rank - 2;
    shape.dim[shape.rank - 2] = o->levels;
    shape.dim[shape.rank - 1] = context->item.size;
    return elbo_categorical(elbo_transpose(elbo_reshape(logits, shape), permutation), 1);
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const vae_options *o = context->options;
    elbo_sgvb how = {.samples = o->draws, .analytic_kl = is(o->estimator, "b"), .free_bits = o->free_bits};
    out[0] = elbo_infer_sgvb(context, &elbo_model_vae, x, weights, &how);
    return 1;
}

const elbo_model_type elbo_model_vae = {.name = "vae",
                                        .title = "variational autoencoder",
                                        .description =
                                            "diagonal Gaussian posterior, standard normal prior; MLP or "
                                            "convolutional; Bernoulli, Gaussian or categorical likelihood",
                                        .paper = "Kingma and Welling 2013, arXiv:1312.6114",
                                        .options = &options_table,
                                        .check = check,
                                        .latent = latent,
                                        .likelihood = likelihood,
                                        .levels = levels,
                                        .initialisation = initialisation,
                                        .prior = prior,
                                        .encode = encode,
                                        .decode = decode,
                                        .updates = updates};
