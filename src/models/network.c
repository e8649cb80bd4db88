#include "models/network.h"

#include <string.h>

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

elbo_status elbo_network_check(const elbo_network_options *o, const elbo_item *item, elbo_error *error) {
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

void elbo_network_initialisation(const elbo_network_options *o, elbo_init *init, double *scale) {
    *init = is(o->init, "normal")           ? ELBO_INIT_NORMAL
            : is(o->init, "glorot-uniform") ? ELBO_INIT_GLOROT_UNIFORM
            : is(o->init, "he-normal")      ? ELBO_INIT_HE_NORMAL
                                            : ELBO_INIT_LECUN_UNIFORM;
    *scale = o->init_scale;
}

static void image_of(const elbo_item *item, int64_t *channels, int64_t *height, int64_t *width) {
    *channels = item->rank == 3 ? item->shape[0] : 1;
    *height = item->shape[item->rank - 2];
    *width = item->shape[item->rank - 1];
}

/* ---- from data to code ---- */

static elbo_node *convolve(elbo_context *context, const elbo_network_options *o, elbo_node *x) {
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

elbo_node *elbo_network_encode(elbo_context *context, const elbo_network_options *o, elbo_node *x, const char *last,
                               int64_t out) {
    context->builder.group = "encoder";
    /* levels are whole numbers up to 255: the network sees them in [0, 1] */
    if (context->item.levels > 1) x = elbo_scale(x, 1.0 / (double)(context->item.levels - 1));
    elbo_node *h = is(o->network, "conv") ? convolve(context, o, x) : x;
    if (context->beside) h = elbo_concat((elbo_node *const[]){h, context->beside}, 2, -1);
    h = elbo_nn_mlp(&context->builder, h, "dense", &o->hidden, o->activation);
    return elbo_nn_dense(&context->builder, h, last, out);
}

/* ---- from code to data ---- */

static elbo_ints decoder_widths(const elbo_network_options *o) {
    if (o->decoder_hidden.count) return o->decoder_hidden;
    elbo_ints mirrored = {.count = o->hidden.count};
    for (int i = 0; i < o->hidden.count; i++) mirrored.value[i] = o->hidden.value[o->hidden.count - 1 - i];
    return mirrored;
}

/* [..., features] -> [rows, channels, h, w] through transposed convolutions -> [..., out * H * W] */
static elbo_node *deconvolve(elbo_context *context, const elbo_network_options *o, elbo_node *h, int64_t out) {
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

elbo_node *elbo_network_decode(elbo_context *context, const elbo_network_options *o, elbo_node *z, int64_t out) {
    elbo_ints widths = decoder_widths(o);
    context->builder.group = "decoder";
    elbo_node *h = elbo_nn_mlp(&context->builder, z, "dense", &widths, o->activation);
    if (is(o->network, "conv")) return deconvolve(context, o, h, out);
    return elbo_nn_dense(&context->builder, h, "output", out * context->item.size);
}
