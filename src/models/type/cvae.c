/* The conditional variational autoencoder (Sohn, Lee and Yan 2015; with labels also Kingma, Mohamed, Rezende and
 * Welling 2014, arXiv:1406.5298, model M2 where every label is known): a model of x under a condition c,
 *
 *   p(x | c) = E_p(z|c) p(x | z, c),     log p(x | c) >= E_q(z|x,c)[log p(x | z, c)] - KL(q(z | x, c) || p(z | c)).
 *
 * c is the label of the datum, or what is seen of an image: then p(x | z, c) is over the pixels that are not seen.
 * p(z|c) is N(0, I), or normal with mean and variance by a network of c. The paper's baseline has no code: p(x | c) at
 * once. */
#include <string.h>

#include "graph/graph.h"
#include "infer/infer.h"
#include "models/autoencoder.h"
#include "models/partial.h"

#define CONDITION_OPTIONS(O)                                                                                         \
    O(CHOICE, condition, "labels", 0, 0, "labels|quadrants", "what is known of a datum: its class, or a part of it") \
    O(INT, quadrants, "1", 1, 3, NULL,                                                                               \
      "quadrants: what is seen of the image: the lower left one, the left half, or all but the lower right one")     \
    O(BOOL, conditional_prior, "false", 0, 0, NULL, "p(z|c) by a network of the condition, instead of N(0, I)")      \
    O(BOOL, baseline, "false", 0, 0, NULL, "no code: a network from the condition to p(x|c)")

/* Estimators that draw from q with a gradient: q and p(z|c) are normal distributions. */
#define ESTIMATOR_OPTIONS(O)                                                                                         \
    O(CHOICE, estimator, "b", 0, 0, "a|b|stl|iwae|dreg", "of the gradient: `elbo list estimators` tells them apart") \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each datum in a training step (L, or K of iwae)")

typedef struct cvae_options {
    elbo_autoencoder_options autoencoder;
    CONDITION_OPTIONS(ELBO_OPTION_FIELD)
} cvae_options;

#define ELBO_TABLE_STRUCT cvae_options
static const elbo_option rows[] = {CONDITION_OPTIONS(ELBO_TABLE_ROW) ELBO_LATENT_OPTIONS(ELBO_AUTOENCODER_ROW)
                                       ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW) ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW)
                                           ELBO_COMPONENT_OPTIONS(ELBO_AUTOENCODER_ROW)
                                               ESTIMATOR_OPTIONS(ELBO_AUTOENCODER_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (cvae)", rows, sizeof rows / sizeof *rows, sizeof(cvae_options)};

#define WITH_A_CODE {"baseline"}, "false", "a code, and --baseline has none"
static const elbo_relevance relevance[] = {{"quadrants", {"condition"}, "quadrants", "--condition quadrants"},
                                           {"components", {"likelihood"}, "*mixture*", "a mixture as --likelihood"},
                                           {"latent", WITH_A_CODE},
                                           {"conditional_prior", WITH_A_CODE},
                                           {"estimator", WITH_A_CODE},
                                           {"draws", WITH_A_CODE},
                                           {"beta", WITH_A_CODE},
                                           {"kl_warmup", WITH_A_CODE},
                                           ELBO_NETWORK_RULES,
                                           ELBO_DECODER_RULES,
                                           {NULL}};

extern const elbo_model_type elbo_model_cvae;

/* ---- the condition ---- */

static elbo_condition condition(const void *options) {
    const cvae_options *o = options;
    return strcmp(o->condition, "labels") == 0 ? ELBO_CONDITION_LABEL : ELBO_CONDITION_PART;
}

/* An image is seen up to column `left` in all rows from `from` up to `to`. */
typedef struct seen {
    int64_t channels, height, width; /* of the image */
    int64_t left, from, to;
    bool upper_half; /* all columns of the rows above `from`, too */
} seen;

static seen seen_of(const cvae_options *o, const elbo_item *item) {
    seen s = {.channels = item->rank > 2 ? item->shape[item->rank - 3] : 1,
              .height = item->shape[item->rank - 2],
              .width = item->shape[item->rank - 1]};
    s.left = s.width / 2;
    s.from = o->quadrants == 2 ? 0 : s.height / 2;
    s.to = s.height;
    s.upper_half = o->quadrants == 3;
    return s;
}

static void given(const void *options, const elbo_item *item, double *mask) {
    seen s = seen_of(options, item);
    for (int64_t i = 0; i < item->size; i++) {
        int64_t column = i % s.width, row = i / s.width % s.height;
        mask[i] = row >= s.from ? column < s.left : s.upper_half;
    }
}

/* What networks see of the condition: [B, W]. Pixels that are not seen would be inputs that are always zero. */
static elbo_node *features(const elbo_context *context) {
    const cvae_options *o = context->options;
    elbo_node *c = context->condition;
    if (condition(o) == ELBO_CONDITION_LABEL) return c;
    seen s = seen_of(o, &context->item);
    int64_t count = elbo_node_shape(c).dim[0];
    if (context->item.levels > 1) c = elbo_scale(c, 1.0 / (double)(context->item.levels - 1));
    c = elbo_reshape(c, ELBO_SHAPE(count, s.channels, s.height, s.width));
    elbo_node *part = elbo_slice(elbo_slice(c, 2, s.from, s.to - s.from), 3, 0, s.left);
    part = elbo_reshape(part, ELBO_SHAPE(count, -1));
    if (!s.upper_half) return part;
    elbo_node *upper = elbo_reshape(elbo_slice(c, 2, 0, s.from), ELBO_SHAPE(count, -1));
    return elbo_concat((elbo_node *const[]){upper, part}, 2, -1);
}

/* Nothing works without a condition; who builds a graph must bring it. */
static bool has_condition(elbo_context *context) {
    if (context->condition) return true;
    elbo_graph_fail(context->builder.graph, ELBO_ERROR_UNSUPPORTED,
                    "a cvae is conditioned on %s, which is not at hand here",
                    condition(context->options) == ELBO_CONDITION_LABEL ? "labels" : "a part of the image");
    return false;
}

/* ---- parts ---- */

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const cvae_options *o = options;
    ELBO_TRY(elbo_autoencoder_check(options, item, error));
    if (condition(o) == ELBO_CONDITION_LABEL) {
        if (item->classes > 0) return ELBO_OK;
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--condition labels: the data have no labels; --labels names a file or a column that has");
    }
    const elbo_dist_type *likelihood = elbo_autoencoder_likelihood(o);
    if (elbo_dist_own_rank(likelihood) > 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--condition quadrants needs a likelihood of each pixel; --likelihood %s has one of the whole "
                         "image",
                         likelihood->name);
    if (item->rank > 1 && item->rank < 4 && item->shape[item->rank - 2] > 1 && item->shape[item->rank - 1] > 1)
        return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "--condition quadrants needs images of at least 2x2 pixels; give --item-shape HxW or CxHxW");
}

/* Without a code there is one number that nothing reads. */
static int64_t latent(const void *options) {
    const cvae_options *o = options;
    return o->baseline ? 1 : elbo_autoencoder_latent(options);
}

static elbo_dist standard_normal(const elbo_context *context, int64_t count) {
    return elbo_standard_normal(context->builder.graph, ELBO_SHAPE(count, latent(context->options)), 1);
}

/* p(z | c) */
static elbo_dist prior(elbo_context *context, int64_t count) {
    const cvae_options *o = context->options;
    const elbo_network_options *network = &o->autoencoder.network;
    elbo_builder *builder = &context->builder;
    if (!o->conditional_prior || o->baseline) return standard_normal(context, count);
    if (!has_condition(context)) return (elbo_dist){0};
    builder->group = "prior";
    elbo_node *h = elbo_nn_mlp(builder, features(context), "dense", &network->hidden, network->activation);
    return elbo_autoencoder_posterior(context, elbo_nn_dense(builder, h, "code", 2 * latent(o)));
}

/* The numbers of q(z | x, c). A part of x says nothing beside x. */
static elbo_node *posterior_numbers(elbo_context *context, elbo_node *x) {
    const cvae_options *o = context->options;
    if (!has_condition(context)) return NULL;
    if (o->baseline)
        return elbo_graph_fail(context->builder.graph, ELBO_ERROR_UNSUPPORTED, "--baseline has no code to fit");
    context->beside = condition(o) == ELBO_CONDITION_LABEL ? features(context) : NULL;
    return elbo_autoencoder_posterior_numbers(context, x);
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const cvae_options *o = context->options;
    if (o->baseline) return standard_normal(context, elbo_node_shape(x).dim[0]);
    return elbo_autoencoder_posterior(context, posterior_numbers(context, x));
}

/* p(x | z, c), z: [..., B, latent] */
static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const cvae_options *o = context->options;
    if (!has_condition(context) || !z) return (elbo_dist){0};
    elbo_node *c = features(context);
    elbo_shape shape = elbo_node_shape(z);
    shape.dim[shape.rank - 1] = elbo_node_shape(c).dim[1];
    c = elbo_broadcast_to(c, shape);
    elbo_node *in = o->baseline ? c : elbo_concat((elbo_node *const[]){z, c}, 2, -1);
    elbo_dist whole = elbo_autoencoder_decode(context, in);
    if (condition(o) == ELBO_CONDITION_LABEL) return whole;
    return elbo_partial(&whole, context->condition, elbo_partial_mask(context, &elbo_model_cvae));
}

/* ---- training ---- */

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const elbo_autoencoder_options *o = context->options;
    elbo_estimate how = {
        .context = context, .model = &elbo_model_cvae, .x = x, .weights = weights, .samples = o->draws};
    const elbo_estimator_type *estimator = elbo_estimator_find(o->estimator, NULL);
    if (!estimator) return 0;
    out[0] = elbo_estimate_bound(&how, estimator);
    return 1;
}

const elbo_model_type elbo_model_cvae = {
    .name = "cvae",
    .title = "conditional variational autoencoder",
    .description = "data under a condition: of a given class, or completing an image of which some quadrants are seen",
    .paper =
        "Sohn, Lee and Yan 2015, Learning Structured Output Representation using Deep Conditional Generative "
        "Models; Kingma et al. 2014, arXiv:1406.5298",
    .options = &options_table,
    .relevance = relevance,
    .check = check,
    .latent = latent,
    .likelihood = elbo_autoencoder_likelihood,
    .levels = elbo_autoencoder_levels,
    .initialisation = elbo_autoencoder_initialisation,
    .prior = prior,
    .encode = encode,
    .decode = decode,
    .posterior_width = elbo_autoencoder_posterior_width,
    .posterior_numbers = posterior_numbers,
    .posterior = elbo_autoencoder_posterior,
    .condition = condition,
    .given = given,
    .updates = updates};
