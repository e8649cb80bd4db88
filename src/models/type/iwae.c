/* The importance-weighted autoencoder of Burda, Grosse and Salakhutdinov 2015 (arXiv:1509.00519): one or more levels of
 * normal codes under tanh networks (hierarchy.h, "stack"), trained on
 *
 *   L_K = E log 1/K sum_k p(x, z_k) / q(z_k|x),   z_k ~ q(z|x).
 *
 * --draws 1 is the variational autoencoder of the paper's tables; --estimator a --draws K its "VAE, k = K". */
#include "models/hierarchy.h"

/* The options of a hierarchy with this paper's values. */
#define IWAE_OPTIONS(O)                                                                                              \
    O(INTS, latents, "50", 1, 65536, NULL, "dimensions of the codes, from data up: 50, or 100,50")                   \
    O(INTS, widths, "200", 1, 65536, NULL, "widths of the networks under each level, from data up: 200, or 200,100") \
    O(INT, depth, "2", 1, 8, NULL, "dense layers of each network")                                                   \
    O(CHOICE, activation, "tanh", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                                 \
    O(BOOL, batch_norm, "false", 0, 0, NULL, "normalise the batch in every dense layer but the output")              \
    O(CHOICE, variance, "exp", 0, 0, "softplus|exp",                                                                 \
      "of the codes: softplus(.) + 1e-5, or the exponential of a log variance")                                      \
    O(TEXT, likelihood, "bernoulli", 0, 0, NULL, "p(x|z): a distribution whose parameters the decoder gives")        \
    O(CHOICE, estimator, "iwae", 0, 0, ELBO_HIERARCHY_ESTIMATORS,                                                    \
      "of the gradient: `elbo list estimators` tells them apart")                                                    \
    O(INT, draws, "50", 1, 10000, NULL, "samples of z for each datum in a training step (K)")                        \
    ELBO_GROUP_OPTIONS(O)                                                                                            \
    O(CHOICE, init, "glorot-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start")    \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")                   \
    ELBO_OUTPUT_BIAS_OPTION(O, "data")

#define ELBO_TABLE_STRUCT elbo_hierarchy_options
static ELBO_TABLE(options_table, "Model (iwae)", IWAE_OPTIONS);
#undef ELBO_TABLE_STRUCT

extern const elbo_model_type elbo_model_iwae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    return elbo_hierarchy_updates(context, &elbo_model_iwae, x, weights, out);
}

const elbo_model_type elbo_model_iwae = {.name = "iwae",
                                         .title = "importance-weighted autoencoder",
                                         .description =
                                             "one or more levels of normal codes, trained on the bound of "
                                             "many weighted draws",
                                         .paper = "Burda, Grosse and Salakhutdinov 2015, arXiv:1509.00519",
                                         .options = &options_table,
                                         ELBO_HIERARCHY_PARTS(stack),
                                         .updates = updates};
