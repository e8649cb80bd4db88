/* The neural variational document model of Miao, Yu and Blunsom 2016 (arXiv:1511.06038).
 *
 *   p(z) = N(0, I);  q(z|x) = N(mu(x), sigma(x)^2) with a network for mu and log sigma;
 *   p(word v | z) = softmax(R z + b)_v for each word of the document (words.h)
 *
 * Encoder and decoder are trained in turn, some epochs each, the decoder first. */
#include "infer/infer.h"
#include "models/words.h"

#define NVDM_OPTIONS(O)                                                                                            \
    O(INT, latent, "50", 1, 65536, NULL, "dimensions of the code z: topics")                                       \
    O(INTS, hidden, "500", 1, 1e6, NULL, "widths of the encoder's hidden layers")                                  \
    O(CHOICE, activation, "tanh", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                               \
    O(INT, alternate, "10", 0, 1e6, NULL,                                                                          \
      "epochs for which the decoder is trained alone, then the encoder, and so on (0: both together)")             \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each document in a training step")                        \
    O(REAL, free_bits, "0", 0, 1000, NULL, "nats of KL that each latent dimension may spend for nothing")          \
    O(INT, document_length, "100", 1, 1e6, NULL, "words of documents that are drawn or decoded")                   \
    O(BOOL, sparse, "true", 0, 0, NULL,                                                                            \
      "pass over the zeros of documents in the encoder's first layer: faster where it is wide and fewer than one " \
      "count in twenty is not zero")
ELBO_OPTIONS_STRUCT(nvdm_options, NVDM_OPTIONS);
#define ELBO_TABLE_STRUCT nvdm_options
static ELBO_TABLE(options_table, "Model (nvdm)", NVDM_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_nvdm;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    (void)options;
    return elbo_words_check(item, error);
}

static int64_t latent(const void *options) { return ((const nvdm_options *)options)->latent; }

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
    return elbo_standard_normal(context->builder.graph, ELBO_SHAPE(rows, latent(context->options)), 1);
}

static int64_t width(const void *options) { return 2 * latent(options); }

/* The layer of log sigma starts at zero: sigma is 1 for every document. */
static elbo_node *numbers(elbo_context *context, elbo_node *x) {
    const nvdm_options *o = context->options;
    elbo_builder *builder = &context->builder;
    elbo_node *h = elbo_words_hidden(context, x, &o->hidden, o->activation, o->sparse);
    elbo_node *mean = elbo_nn_dense(builder, h, "mean", o->latent);
    elbo_init usual = builder->init;
    builder->init = ELBO_INIT_ZERO;
    elbo_node *log_scale = elbo_nn_dense(builder, h, "log_scale", o->latent);
    builder->init = usual;
    return elbo_concat((elbo_node *[]){mean, log_scale}, 2, -1);
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    return elbo_words_posterior(context, numbers(context, x));
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const nvdm_options *o = context->options;
    context->builder.group = "decoder";
    return elbo_words(elbo_nn_dense(&context->builder, z, "words", context->item.size), o->document_length);
}

static elbo_node *topics(elbo_context *context) {
    return elbo_param(context->builder.graph, context->builder.params, "decoder.words.weight");
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const nvdm_options *o = context->options;
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_nvdm,
                         .x = x,
                         .weights = weights,
                         .samples = o->draws,
                         .free_bits = o->free_bits};
    out[0] = elbo_estimate_bound(&how, elbo_estimator_find("b", NULL));
    if (o->alternate == 0) return 1;
    static const char *const groups[2] = {"decoder", "encoder"};
    out[1] = out[0];
    for (int u = 0; u < 2; u++) {
        out[u].groups[0] = groups[u];
        out[u].turn = o->alternate;
        out[u].turn_index = u;
        out[u].turns = 2;
    }
    return 2;
}

const elbo_model_type elbo_model_nvdm = {.name = "nvdm",
                                         .title = "neural variational document model",
                                         .description =
                                             "documents as counts of words, a log-linear softmax decoder; "
                                             "encoder and decoder trained in turn",
                                         .paper = "Miao, Yu and Blunsom 2016, arXiv:1511.06038",
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
                                         .topics = topics,
                                         .updates = updates};
