/* ProdLDA of Srivastava and Sutton 2017 (arXiv:1703.01488): a product of experts over words.
 *
 *   theta = softmax(z), z ~ N(0, s^2 I): the Laplace approximation, in the softmax's basis, of a Dirichlet prior on
 *   theta with concentration a for each of K topics (MacKay 1998; mean log a - 1/K sum log a = 0):
 *
 *       s^2 = 1/a (1 - 2/K) + 1/K^2 sum 1/a = (1 - 1/K) / a
 *
 *   q(z|x) = N(mu(x), sigma(x)^2) by a network with batch norm on mu and log sigma^2;
 *   p(word v | z) = softmax(BN(dropout(theta) W))_v for each word of the document (words.h)
 *
 * Batch norm has a shift and no gain: with one it could turn topics off. */
#include <math.h>

#include "graph/graph.h"
#include "infer/infer.h"
#include "models/words.h"

#define PRODLDA_OPTIONS(O)                                                                                      \
    O(INT, latent, "50", 2, 65536, NULL, "topics")                                                              \
    O(INTS, hidden, "100,100", 1, 1e6, NULL, "widths of the encoder's hidden layers")                           \
    O(CHOICE, activation, "softplus", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                        \
    O(REAL, dropout, "0.6", 0, 0.99, NULL, "share of the last hidden layer, and of topics, that is dropped")    \
    O(REAL, concentration, "1", 1e-6, 1e6, NULL, "of the Dirichlet prior that is approximated, for each topic") \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each document in a training step")                     \
    O(INT, document_length, "100", 1, 1e6, NULL, "words of documents that are drawn or decoded")
ELBO_OPTIONS_STRUCT(prodlda_options, PRODLDA_OPTIONS);
#define ELBO_TABLE_STRUCT prodlda_options
static ELBO_TABLE(options_table, "Model (prodlda)", PRODLDA_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_prodlda;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    (void)options;
    return elbo_words_check(item, error);
}

static int64_t latent(const void *options) { return ((const prodlda_options *)options)->latent; }

static const elbo_dist_type *likelihood(const void *options) {
    (void)options;
    return &elbo_words_type;
}

static void initialisation(const void *options, elbo_init *init, double *scale) {
    (void)options;
    *init = ELBO_INIT_GLOROT_UNIFORM;
    *scale = 1;
}

static elbo_dist prior(elbo_context *context, int64_t rows) {
    const prodlda_options *o = context->options;
    elbo_graph *graph = context->builder.graph;
    elbo_shape shape = ELBO_SHAPE(rows, o->latent);
    double variance = (1 - 1 / (double)o->latent) / o->concentration;
    return elbo_normal(elbo_constant(graph, 0, shape), elbo_constant(graph, 0.5 * log(variance), shape), 1);
}

/* x: [..., D], normalised over the leading axes, plus a shift. */
static elbo_node *normed(elbo_context *context, elbo_node *x, const char *layer) {
    elbo_shape shape = elbo_node_shape(x);
    if (!x) return NULL;
    int64_t size = shape.dim[shape.rank - 1];
    elbo_node *y = elbo_nn_batch_norm(&context->builder, x, layer, false);
    return elbo_add(y, elbo_nn_param(&context->builder, layer, "shift", ELBO_SHAPE(size), ELBO_INIT_ZERO, 0, 1, 1));
}

static int64_t width(const void *options) { return 2 * latent(options); }

static elbo_node *numbers(elbo_context *context, elbo_node *x) {
    const prodlda_options *o = context->options;
    elbo_builder *builder = &context->builder;
    elbo_node *h = elbo_words_hidden(context, x, &o->hidden, o->activation, false);
    h = elbo_nn_dropout(builder, h, o->dropout);
    elbo_node *mean = normed(context, elbo_nn_dense(builder, h, "mean", o->latent), "mean.norm");
    elbo_node *variance = normed(context, elbo_nn_dense(builder, h, "log_variance", o->latent), "log_variance.norm");
    return elbo_concat((elbo_node *[]){mean, elbo_scale(variance, 0.5)}, 2, -1);
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    return elbo_words_posterior(context, numbers(context, x));
}

static elbo_node *weight(elbo_context *context) {
    const prodlda_options *o = context->options;
    int64_t words = context->item.size;
    context->builder.group = "decoder";
    return elbo_nn_param(&context->builder, "words", "weight", ELBO_SHAPE(o->latent, words), context->builder.init,
                         context->builder.init_scale, o->latent, words);
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const prodlda_options *o = context->options;
    elbo_node *shares = elbo_nn_dropout(&context->builder, elbo_softmax(z, -1), o->dropout);
    elbo_node *logits = elbo_matmul(shares, weight(context), false, false);
    return elbo_words(normed(context, logits, "words.norm"), o->document_length);
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const prodlda_options *o = context->options;
    elbo_estimate how = {
        .context = context, .model = &elbo_model_prodlda, .x = x, .weights = weights, .samples = o->draws};
    out[0] = elbo_estimate_bound(&how, elbo_estimator_find("b", NULL));
    return 1;
}

const elbo_model_type elbo_model_prodlda = {.name = "prodlda",
                                            .title = "product-of-experts topic model",
                                            .description =
                                                "documents as counts of words, topics with a prior that "
                                                "approximates a Dirichlet; batch norm and dropout",
                                            .paper = "Srivastava and Sutton 2017, arXiv:1703.01488",
                                            .options = &options_table,
                                            .check = check,
                                            .latent = latent,
                                            .likelihood = likelihood,
                                            .initialisation = initialisation,
                                            .prior = prior,
                                            .encode = encode,
                                            .decode = decode,
                                            .posterior_width = width,
                                            .posterior_numbers = numbers,
                                            .posterior = elbo_words_posterior,
                                            .topics = weight,
                                            .updates = updates};
