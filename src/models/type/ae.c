/* Autoencoders: x -> code -> x with as little error as possible.
 *
 *   plain       layers f_1..f_n and a linear code; a mirrored decoder; squared error or cross-entropy
 *   tied        the decoder's weights are the encoder's, transposed: W' g(W x) with one layer
 *   denoising   the encoder sees corrupted data, the loss the clean ones (Vincent et al. 2008, 2010)
 *   stacked     --pretrain: layer after layer learns to reconstruct its own input from its output, and all of them are
 *               trained together in the end (Hinton and Salakhutdinov 2006; Bengio et al. 2007). Each layer sees its
 *               input corrupted in the way of --noise; blur, which is one of images, corrupts the data alone. */
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "models/deterministic.h"
#include "models/network.h"
#include "nn/corrupt.h"

#define AE_OPTIONS(O)                                                                                              \
    O(INT, latent, "20", 1, 65536, NULL, "dimensions of the code")                                                 \
    O(CHOICE, loss, "squared", 0, 0, "squared|cross-entropy",                                                      \
      "what is minimised: |x - x'|^2, or the cross-entropy of values in [0, 1]")                                   \
    O(BOOL, tied, "false", 0, 0, NULL, "the decoder's weights are the encoder's, transposed")                      \
    O(CHOICE, noise, "none", 0, 0, "none|" ELBO_CORRUPTIONS, "corrupt what the encoder sees while training")       \
    O(REAL, noise_level, "0.3", 0, 1000, NULL,                                                                     \
      "masking, salt-pepper: share of the values; gaussian: standard deviation; blur: standard deviation, pixels") \
    O(INT, pretrain, "0", 0, 1e6, NULL, "epochs in which each layer is trained alone before all of them are")
typedef struct ae_options {
    elbo_network_options network;
    AE_OPTIONS(ELBO_OPTION_FIELD)
} ae_options;
#define AE_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_, ELBO_OPTION_##type_, initial_, minimum_, maximum_, choices_, help_, offsetof(ae_options, name_)},
static const elbo_option rows[] = {AE_OPTIONS(AE_ROW) ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)};
static const elbo_options ae_table = {"Model (ae)", rows, sizeof rows / sizeof *rows, sizeof(ae_options)};

static const elbo_relevance relevance[] = {{"channels", {"network"}, "conv", "--network conv"},
                                           {"noise_level", {"noise"}, "!none", "--noise"},
                                           {"decoder_hidden", {"tied"}, "false", "--tied false"},
                                           {"decoder_hidden", {"pretrain"}, "0", "--pretrain 0"},
                                           ELBO_DETERMINISTIC_RULES,
                                           {NULL}};

extern const elbo_model_type elbo_model_ae;

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }
static bool conv(const ae_options *o) { return is(o->network.network, "conv"); }
static bool noisy(const ae_options *o) { return !is(o->noise, "none"); }

/* ---- checks and plain facts ---- */

/* Layers with weights from data to code. */
static int depth(const ae_options *o) { return o->network.hidden.count + 1; }

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const ae_options *o = options;
    ELBO_TRY(elbo_network_check(&o->network, item, error));
    if (noisy(o)) ELBO_TRY(elbo_nn_corrupt_check(o->noise, o->noise_level, item->rank, error));
    if (conv(o) && o->tied) return elbo_fail(error, ELBO_ERROR_USAGE, "--tied needs --network mlp");
    if (conv(o) && o->pretrain > 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--pretrain trains dense layers: it needs --network mlp");
    if (o->pretrain > 0 && depth(o) >= ELBO_MODEL_PHASES)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--pretrain with %d layers; at most %d can be trained one by one",
                         depth(o), ELBO_MODEL_PHASES - 1);
    return ELBO_OK;
}

static int64_t latent(const void *options) { return ((const ae_options *)options)->latent; }
static int64_t no_levels(const void *options) { return (void)options, 0; }

static const elbo_dist_type *likelihood(const void *options) {
    bool squared = is(((const ae_options *)options)->loss, "squared");
    return squared ? &elbo_squared_error_type : &elbo_cross_entropy_type;
}

static void initialisation(const void *options, elbo_init *init, double *scale) {
    elbo_network_initialisation(&((const ae_options *)options)->network, init, scale);
}

static int phases(const void *options, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]) {
    static const char *const names[] = {"layer 1", "layer 2", "layer 3", "layer 4", "layer 5", "layer 6", "layer 7"};
    const ae_options *o = options;
    int count = 0;
    for (int layer = 0; o->pretrain > 0 && layer < depth(o); layer++)
        out[count++] = (elbo_phase){names[layer], o->pretrain};
    out[count++] = (elbo_phase){"all layers", epochs};
    return count;
}

/* ---- dense layers; layer 1 is next to the data, layer depth() makes the code ---- */

/* Numbers between layers: data are level 0, the code is level depth(). */
static int64_t width(const elbo_context *context, int level) {
    const ae_options *o = context->options;
    return level == 0 ? context->item.size : level == depth(o) ? o->latent : o->network.hidden.value[level - 1];
}

static const char *up_name(const ae_options *o, int layer, char name[32]) {
    if (layer == depth(o)) return "code";
    snprintf(name, 32, "dense%d", layer);
    return name;
}

/* From level layer - 1 to level layer. The code is linear. */
static elbo_node *up(elbo_context *context, int layer, elbo_node *h) {
    const ae_options *o = context->options;
    char name[32];
    context->builder.group = "encoder";
    h = elbo_nn_dense(&context->builder, h, up_name(o, layer, name), width(context, layer));
    return layer == depth(o) ? h : elbo_nn_activate(h, o->network.activation);
}

/* The encoder's weights of a layer, [in, out], and a bias of the decoder's own. */
static elbo_node *tied_dense(elbo_context *context, int layer, const char *own_name, elbo_node *h) {
    elbo_builder *builder = &context->builder;
    int64_t in = width(context, layer - 1), out = width(context, layer);
    char name[32];
    builder->group = "encoder";
    elbo_node *weight = elbo_nn_param(builder, up_name(context->options, layer, name), "weight", ELBO_SHAPE(in, out),
                                      builder->init, builder->init_scale, in, out);
    builder->group = "decoder";
    elbo_node *bias = elbo_nn_param(builder, own_name, "bias", ELBO_SHAPE(in), ELBO_INIT_ZERO, 0, out, in);
    return elbo_add(elbo_matmul(h, weight, false, true), bias);
}

/* From level layer back to level layer - 1. Data are left as plain numbers: the loss says what they mean. */
static elbo_node *down(elbo_context *context, int layer, elbo_node *h) {
    const ae_options *o = context->options;
    char name[32] = "output";
    if (layer > 1) snprintf(name, sizeof name, "dense%d", depth(o) - layer + 1);
    context->builder.group = "decoder";
    h = o->tied ? tied_dense(context, layer, name, h)
                : elbo_nn_dense(&context->builder, h, name, width(context, layer - 1));
    return layer == 1 ? h : elbo_nn_activate(h, o->network.activation);
}

/* ---- parts ---- */

static elbo_dist prior(elbo_context *context, int64_t rows_of_codes) {
    return elbo_code_prior(context, rows_of_codes, latent(context->options));
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const ae_options *o = context->options;
    if (conv(o)) return elbo_code(elbo_network_encode(context, &o->network, x, "code", o->latent));
    for (int layer = 1; layer <= depth(o); layer++) x = up(context, layer, x);
    return elbo_code(x);
}

static elbo_dist with_loss(const ae_options *o, elbo_node *numbers) {
    return is(o->loss, "squared") ? elbo_squared_error(numbers) : elbo_cross_entropy(numbers);
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const ae_options *o = context->options;
    if (conv(o) || o->network.decoder_hidden.count)
        return with_loss(o, elbo_network_decode(context, &o->network, z, 1));
    for (int layer = depth(o); layer >= 1; layer--) z = down(context, layer, z);
    return with_loss(o, z);
}

/* ---- training ---- */

/* What the layer above `level` sees of x, in held-out losses too: the best epoch is the one that denoises best. */
static elbo_node *seen(elbo_context *context, int level, elbo_node *x) {
    const ae_options *o = context->options;
    bool here = noisy(o) && (level == 0 || !is(o->noise, "blur"));
    return here ? elbo_nn_corrupt(x, o->noise, o->noise_level, context->item.rank, context->item.shape) : x;
}

/* One layer alone, the layers below it held still. */
static elbo_update update_layer(elbo_context *context, int layer, elbo_node *x) {
    const ae_options *o = context->options;
    elbo_update update = {.name = "layer"};
    for (int below = 1; below < layer; below++) x = up(context, below, x);
    elbo_node *target = layer > 1 ? elbo_stop_gradient(x) : x;
    elbo_node *back = down(context, layer, up(context, layer, seen(context, layer - 1, target)));
    elbo_dist decoded = layer == 1 ? with_loss(o, back) : elbo_squared_error(back);
    if (!decoded.type) return update;
    update.reconstruction = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&decoded, target)));
    update.kl = elbo_scalar(context->builder.graph, 0);
    update.loss = update.objective = update.reconstruction;
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const ae_options *o = context->options;
    (void)weights;
    out[0] = o->pretrain > 0 && context->phase < depth(o)
                 ? update_layer(context, context->phase + 1, x)
                 : elbo_deterministic_update(context, &elbo_model_ae, seen(context, 0, x), x);
    return 1;
}

const elbo_model_type elbo_model_ae = {.name = "ae",
                                       .title = "autoencoder",
                                       .description =
                                           "MLP or convolutional; tied weights, denoising, layers "
                                           "pre-trained one by one; squared error or cross-entropy",
                                       .paper = "Vincent et al. 2010, JMLR 11; Hinton and Salakhutdinov 2006",
                                       .options = &ae_table,
                                       .relevance = relevance,
                                       ELBO_DETERMINISTIC_PARTS,
                                       .phases = phases,
                                       .updates = updates};
