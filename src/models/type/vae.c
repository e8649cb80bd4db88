/* The variational autoencoder of Kingma and Welling 2013 (arXiv:1312.6114).
 *
 *   p(z) = N(0, I);  q(z|x) = N(mu(x), sigma(x)^2) with a network for mu and log sigma^2;  p(x|z) by the decoder.
 *   Trained on -ELBO = E_q[-log p(x|z)] + KL(q(z|x) || p(z)) with the reparameterised gradient (SGVB).
 *
 * Prior, posterior, likelihood, estimator and inference can each be another one (autoencoder.h). */
#include "models/autoencoder.h"

static const elbo_option rows[] = {ELBO_AUTOENCODER_ROWS};
static const elbo_options options_table = {"Model (vae)", rows, sizeof rows / sizeof *rows,
                                           sizeof(elbo_autoencoder_options)};

extern const elbo_model_type elbo_model_vae;

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    return elbo_autoencoder_updates(context, &elbo_model_vae, x, weights, out);
}

const elbo_model_type elbo_model_vae = {.name = "vae",
                                        .title = "variational autoencoder",
                                        .description =
                                            "MLP or convolutional; any distribution as prior, posterior and "
                                            "likelihood; diagonal Gaussian code by default",
                                        .paper = "Kingma and Welling 2013, arXiv:1312.6114",
                                        .options = &options_table,
                                        .relevance = elbo_autoencoder_relevance,
                                        .check = elbo_autoencoder_check,
                                        .prior = elbo_autoencoder_prior,
                                        ELBO_AUTOENCODER_PARTS,
                                        .local = elbo_autoencoder_local,
                                        .local_steps = elbo_autoencoder_local_steps,
                                        .local_rate = elbo_autoencoder_local_rate,
                                        .repeats = elbo_autoencoder_repeats,
                                        .updates = updates};
