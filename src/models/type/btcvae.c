/* Beta-TCVAE (Chen, Li, Grosse and Duvenaud 2018, arXiv:1802.04942): the KL of the codes in its three parts
 * (infer/correlation.h), each with a weight of its own,
 *
 *   E[-log p(x|z)] + alpha I(x; z) + tc_weight TC(z) + gamma sum_d KL(q(z_d) || p(z_d)),
 *
 * where q(z) of all data is estimated from the batch: no critic is needed. With weights of 1 it is the VAE's bound. */
#include <string.h>

#include "infer/correlation.h"
#include "infer/kl.h"
#include "models/autoencoder.h"

#define CORRELATION_OPTIONS(O)                                                                  \
    O(REAL, alpha, "1", 0, 1e6, NULL, "weight of the mutual information of datum and code")     \
    O(REAL, tc_weight, "6", 0, 1e6, NULL, "weight of the total correlation: beta of the paper") \
    O(REAL, gamma, "1", 0, 1e6, NULL, "weight of the KL of the single dimensions")              \
    O(CHOICE, aggregate, "weighted", 0, 0, "weighted|stratified",                               \
      "how q(z) of all data is estimated from a batch: minibatch-weighted or minibatch-stratified sampling")

typedef struct correlation_options {
    elbo_autoencoder_options autoencoder;
    CORRELATION_OPTIONS(ELBO_OPTION_FIELD)
} correlation_options;

#define ELBO_TABLE_STRUCT correlation_options
static const elbo_option rows[] = {CORRELATION_OPTIONS(ELBO_TABLE_ROW) ELBO_AUTOENCODER_PART_ROWS};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (btcvae)", rows, sizeof rows / sizeof *rows,
                                           sizeof(correlation_options)};

static const elbo_relevance relevance[] = {ELBO_CODE_RULES, ELBO_NETWORK_RULES, ELBO_DECODER_RULES, {NULL}};

extern const elbo_model_type elbo_model_btcvae;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    ELBO_TRY(elbo_autoencoder_check(options, item, error));
    if (elbo_autoencoder_single_dimensions(options)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "--posterior %s: total correlation needs a posterior whose dimensions are independent given x",
                     ((const elbo_autoencoder_options *)options)->posterior);
}

/* A batch of one row says nothing about q(z). */
static int64_t least_batch(const void *options) {
    (void)options;
    return 2;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const correlation_options *o = context->options;
    int64_t batch = elbo_node_shape(x).dim[0], data = context->data_rows > batch ? context->data_rows : batch;
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_btcvae,
                         .x = x,
                         .weights = weights,
                         .samples = 1,
                         .posterior = elbo_autoencoder_encode(context, x),
                         .prior = elbo_autoencoder_prior(context, batch)};
    if (!how.posterior.type || !how.prior.type) return 0;
    elbo_node *z = elbo_estimate_draws(&how, false), *closed = elbo_dist_kl_elements(&how.posterior, &how.prior);
    out[0] = elbo_estimate_with_kl(&how, z, closed ? closed : elbo_estimate_sampled_kl(&how, z));
    out[0].name = "bound";
    if (!context->builder.training) return 1;
    elbo_aggregate sampling =
        strcmp(o->aggregate, "stratified") == 0 ? ELBO_AGGREGATE_STRATIFIED : ELBO_AGGREGATE_WEIGHTED;
    elbo_correlation part = elbo_correlation_of(&how.posterior, &how.prior, z, data, sampling);
    elbo_node *weighed = elbo_add(elbo_scale(part.information, o->alpha), elbo_scale(part.correlation, o->tc_weight));
    weighed = elbo_add(weighed, elbo_scale(part.dimensions, o->gamma));
    out[0].objective = elbo_add(out[0].reconstruction, elbo_mul(weights->kl, weighed));
    return 1;
}

const elbo_model_type elbo_model_btcvae = {
    .name = "btcvae",
    .title = "beta-TCVAE: the KL in three parts with weights of their own",
    .description =
        "mutual information, total correlation and the KL of single dimensions, estimated from the batch: "
        "disentangled codes without a critic",
    .paper = "Chen, Li, Grosse and Duvenaud 2018, arXiv:1802.04942",
    .options = &options_table,
    .relevance = relevance,
    .check = check,
    .prior = elbo_autoencoder_prior,
    ELBO_AUTOENCODER_PARTS,
    .least_batch = least_batch,
    .updates = updates};
