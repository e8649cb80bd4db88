/* The VAE with the VampPrior (Tomczak and Welling 2018, arXiv:1705.07120): a mixture of the posteriors of K trained
 * pseudo-inputs,
 *
 *   p(z) = 1/K sum_k q(z|u_k),
 *
 * which the encoder reads as it reads data. Everything else is as in the VAE (vae.c). */
#include "models/autoencoder.h"

#define PSEUDO_OPTIONS(O)                                                                                             \
    O(INT, pseudo_inputs, "500", 1, 65536, NULL, "how many there are (K)")                                            \
    O(REAL, pseudo_mean, "0.05", -1e6, 1e6, NULL, "where their values start: mean; of levels, as a share of the top") \
    O(REAL, pseudo_scale, "0.01", 0, 1e6, NULL, "and standard deviation")

typedef struct pseudo_options {
    elbo_autoencoder_options autoencoder;
    PSEUDO_OPTIONS(ELBO_OPTION_FIELD)
} pseudo_options;

#define ELBO_TABLE_STRUCT pseudo_options
static const elbo_option rows[] = {
    PSEUDO_OPTIONS(ELBO_TABLE_ROW) ELBO_LATENT_OPTIONS(ELBO_AUTOENCODER_ROW)
        ELBO_COMPONENT_OPTIONS(ELBO_AUTOENCODER_ROW) ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)
            ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW) ELBO_INFERENCE_OPTIONS(ELBO_AUTOENCODER_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (vampvae)", rows, sizeof rows / sizeof *rows, sizeof(pseudo_options)};

static const elbo_relevance relevance[] = {{"components", {"likelihood"}, "*mixture*", "a mixture as --likelihood"},
                                           ELBO_NETWORK_RULES,
                                           ELBO_DECODER_RULES,
                                           ELBO_INFERENCE_RULES,
                                           {NULL}};

extern const elbo_model_type elbo_model_vampvae;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const elbo_autoencoder_options *o = options;
    if (elbo_autoencoder_local(o) != ELBO_LOCAL_NONE)
        return elbo_fail(
            error, ELBO_ERROR_USAGE,
            "--inference %s has no encoder, which the prior of vampvae is made of: use sgvb, wake-sleep or "
            "full-vb",
            o->inference);
    if (o->free_bits > 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--free-bits needs a KL for each dimension: the prior of vampvae has one for the whole code");
    return elbo_autoencoder_check(options, item, error);
}

/* u: [K, size], where data are: in [0, 1] if the likelihood is of values there, whole levels in their range. */
static elbo_node *pseudo_inputs(elbo_context *context) {
    const pseudo_options *o = context->options;
    int64_t size = context->item.size, levels = context->item.levels;
    const elbo_dist_type *likelihood = elbo_autoencoder_likelihood(o);
    context->builder.group = "prior";
    elbo_node *away = elbo_nn_param(&context->builder, "pseudo", "inputs", ELBO_SHAPE(o->pseudo_inputs, size),
                                    ELBO_INIT_NORMAL, o->pseudo_scale, size, size);
    elbo_node *u = elbo_shift(away, o->pseudo_mean);
    bool unit = likelihood->support == ELBO_SUPPORT_UNIT_INTERVAL || likelihood->support == ELBO_SUPPORT_BINARY;
    if (unit || levels > 1) u = elbo_clamp(u, 0, 1);
    return levels > 1 ? elbo_scale(u, (double)(levels - 1)) : u;
}

static elbo_dist prior(elbo_context *context, int64_t count) {
    const pseudo_options *o = context->options;
    int64_t k = o->pseudo_inputs, latent = o->autoencoder.latent;
    elbo_node *numbers = elbo_autoencoder_posterior_numbers(context, pseudo_inputs(context));
    if (!numbers) return (elbo_dist){0};
    elbo_node *scale = elbo_exp(elbo_scale(elbo_slice(numbers, -1, latent, latent), 0.5));
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {
        elbo_constant(context->builder.graph, 0, ELBO_SHAPE(count, k)),
        elbo_broadcast_to(elbo_slice(numbers, -1, 0, latent), ELBO_SHAPE(count, k, latent)),
        elbo_broadcast_to(scale, ELBO_SHAPE(count, k, latent))};
    return elbo_dist_new(elbo_dist_find("normal_mixture"), parameter, 1);
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    return elbo_autoencoder_updates(context, &elbo_model_vampvae, x, weights, out);
}

const elbo_model_type elbo_model_vampvae = {
    .name = "vampvae",
    .title = "variational autoencoder with the VampPrior",
    .description = "the prior is a mixture of the posteriors of trained pseudo-inputs",
    .paper = "Tomczak and Welling 2018, arXiv:1705.07120",
    .options = &options_table,
    .relevance = relevance,
    .check = check,
    .prior = prior,
    ELBO_AUTOENCODER_PARTS,
    .repeats = elbo_autoencoder_repeats,
    .updates = updates};
