/* What the models of the variational autoencoder's kind share: a prior, an encoder and a decoder of which each may be
 * any distribution whose support fits, the estimator of the bound's gradient, and the kind of inference. */
#ifndef ELBO_MODELS_AUTOENCODER_H
#define ELBO_MODELS_AUTOENCODER_H

#include "infer/groups.h"
#include "models/head.h"
#include "models/network.h"

#define ELBO_LATENT_OPTIONS(O) O(INT, latent, "20", 1, 65536, NULL, "dimensions of the code z")

#define ELBO_PRIOR_OPTIONS(O)                                                                               \
    O(TEXT, prior, "normal", 0, 0, NULL,                                                                    \
      "p(z): a distribution, standard unless parameters are given: gamma, student_t(df=5), normal_mixture") \
    O(BOOL, learn_prior, "false", 0, 0, NULL, "train the prior's parameters that are not given")

#define ELBO_POSTERIOR_OPTIONS(O)                                                                                 \
    O(TEXT, posterior, "normal", 0, 0, NULL,                                                                      \
      "q(z|x): a distribution whose parameters the encoder gives, except those given here: multivariate_normal, " \
      "relaxed_bernoulli(temperature=0.5)")

#define ELBO_COMPONENT_OPTIONS(O) O(INT, components, "10", 1, 4096, NULL, "of a mixture")

#define ELBO_CODE_OPTIONS(O) \
    ELBO_LATENT_OPTIONS(O) ELBO_PRIOR_OPTIONS(O) ELBO_POSTERIOR_OPTIONS(O) ELBO_COMPONENT_OPTIONS(O)

#define ELBO_DECODER_OPTIONS(O)                                                                           \
    O(TEXT, likelihood, "bernoulli", 0, 0, NULL,                                                          \
      "p(x|z): a distribution whose parameters the decoder gives: bernoulli, gaussian, categorical, "     \
      "continuous_bernoulli, poisson, student_t(df=4), ...")                                              \
    O(CHOICE, variance, "learned", 0, 0, "learned|shared|fixed",                                          \
      "gaussian: from the decoder for each pixel, one trained value for all, or --scale")                 \
    O(REAL, scale, "0.1", 1e-6, 1e6, NULL, "gaussian: standard deviation that is fixed, or at the start") \
    O(REAL, min_scale, "0.001", 1e-9, 1e6, NULL, "gaussian: lower bound of the standard deviation")       \
    O(BOOL, bounded_mean, "false", 0, 0, NULL, "gaussian: mean through a sigmoid into (0,1)")             \
    O(INT, levels, "256", 2, 256, NULL, "categorical, discretised_logistic: grey values")

#define ELBO_INFERENCE_OPTIONS(O)                                                                                     \
    O(CHOICE, inference, "sgvb", 0, 0, "sgvb|wake-sleep|bbvi|mcem|full-vb",                                           \
      "train encoder and decoder on the bound; by wake-sleep; with a posterior fitted for each row and no encoder "   \
      "(bbvi); on codes from Hamiltonian Monte Carlo (mcem); on the bound with a posterior over the decoder's "       \
      "weights too")                                                                                                  \
    O(CHOICE, estimator, "b", 0, 0, "a|b|stl|iwae|dreg|miwae|piwae|ciwae|reinforce|vimco",                            \
      "of the gradient: `elbo list estimators` tells them apart")                                                     \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each datum in a training step (L, or K of iwae)")            \
    ELBO_GROUP_OPTIONS(O)                                                                                             \
    O(CHOICE, control, "mean", 0, 0, "none|mean|leave-one-out|learned",                                               \
      "reinforce: what is taken off the bound to calm its gradient: nothing, its running mean, the mean of the "      \
      "other draws, or a network's guess")                                                                            \
    O(REAL, free_bits, "0", 0, 1000, NULL, "nats of KL that each latent dimension may spend for nothing")             \
    O(REAL, kl_budget, "0", 0, 1e6, NULL,                                                                             \
      "the best reconstruction whose mean KL is at most so many nats: beta is its Lagrange multiplier (0: no limit)") \
    O(REAL, kl_budget_rate, "0.01", 1e-9, 10, NULL,                                                                   \
      "kl-budget: change of log beta in a step when the KL is twice the budget, or more")                             \
    O(INT, local_steps, "10", 1, 100000, NULL,                                                                        \
      "bbvi, mcem: moves of each row's posterior before a step on the parameters")                                    \
    O(REAL, local_rate, "0.05", 0, 1000, NULL, "bbvi: rate of those moves")                                           \
    O(INT, repeats, "5", 1, 10000, NULL, "mcem: steps on the parameters after the moves of a batch")                  \
    O(INT, fit_steps, "300", 1, 1e6, NULL, "bbvi, mcem: steps that fit the posterior of a row not trained on")        \
    O(REAL, fit_rate, "0.3", 0, 1000, NULL, "bbvi, mcem: rate of those steps at their start; it falls to zero")

/* A model that has not all of these rows in its table leaves the rest of the struct zero, which stands for a standard
 * normal prior, a normal posterior, and updates of the model's own. */
typedef struct elbo_autoencoder_options {
    elbo_network_options network;
    ELBO_CODE_OPTIONS(ELBO_OPTION_FIELD)
    ELBO_DECODER_OPTIONS(ELBO_OPTION_FIELD)
    ELBO_INFERENCE_OPTIONS(ELBO_OPTION_FIELD)
} elbo_autoencoder_options;

/* The rows of a model's table. Its struct begins with an elbo_autoencoder_options. */
#define ELBO_AUTOENCODER_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_,   ELBO_OPTION_##type_,                                                       \
     initial_, minimum_,                                                                  \
     maximum_, choices_,                                                                  \
     help_,    offsetof(elbo_autoencoder_options, name_)},
#define ELBO_AUTOENCODER_ROWS               \
    ELBO_CODE_OPTIONS(ELBO_AUTOENCODER_ROW) \
    ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)  \
    ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW) ELBO_INFERENCE_OPTIONS(ELBO_AUTOENCODER_ROW)

/* The rows of models with updates of their own. */
#define ELBO_AUTOENCODER_PART_ROWS          \
    ELBO_CODE_OPTIONS(ELBO_AUTOENCODER_ROW) \
    ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)  \
    ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW)

/* Which of these options need others, for the lists of models; "gaussian" alone: one whose parameters are given has no
 * use for what shapes them. */
#define ELBO_GAUSSIAN_NAMES "gaussian|normal"
#define ELBO_NETWORK_RULES \
    { "channels", {"network"}, "conv", "--network conv" }
#define ELBO_DECODER_RULES                                                                \
    {"variance", {"likelihood"}, ELBO_GAUSSIAN_NAMES, "--likelihood gaussian"},           \
        {"scale", {"likelihood"}, ELBO_GAUSSIAN_NAMES, "--likelihood gaussian"},          \
        {"scale", {"variance"}, "shared|fixed", "--variance shared or fixed"},            \
        {"min_scale", {"likelihood"}, ELBO_GAUSSIAN_NAMES, "--likelihood gaussian"},      \
        {"min_scale", {"variance"}, "learned|shared", "--variance learned or shared"},    \
        {"bounded_mean", {"likelihood"}, ELBO_GAUSSIAN_NAMES, "--likelihood gaussian"}, { \
        "levels", {"likelihood"}, "categorical|discretised_logistic*",                    \
            "--likelihood categorical or discretised_logistic"                            \
    }
#define ELBO_CODE_RULES                                                  \
    {                                                                    \
        "components", {"prior", "posterior", "likelihood"}, "*mixture*", \
            "a mixture as --prior, --posterior or --likelihood"          \
    }
#define ELBO_INFERENCE_RULES                                                                    \
    {"estimator", {"inference"}, "sgvb|bbvi|full-vb", "--inference sgvb, bbvi or full-vb"},     \
        {"free_bits", {"inference"}, "sgvb|bbvi|full-vb", "--inference sgvb, bbvi or full-vb"}, \
        {"beta", {"inference"}, "sgvb|bbvi|full-vb", "--inference sgvb, bbvi or full-vb"},      \
        {"kl_warmup", {"inference"}, "sgvb|bbvi|full-vb", "--inference sgvb, bbvi or full-vb"}, \
        {"beta", {"kl_budget"}, "0", "--kl-budget 0, which else sets the weight"},              \
        {"kl_warmup", {"kl_budget"}, "0", "--kl-budget 0, which else sets the weight"},         \
        {"kl_budget_rate", {"kl_budget"}, "!0", "--kl-budget"},                                 \
        {"control", {"estimator"}, "reinforce", "--estimator reinforce"}, ELBO_GROUP_RULES,     \
        {"local_steps", {"inference"}, "bbvi|mcem", "--inference bbvi or mcem"},                \
        {"local_rate", {"inference"}, "bbvi", "--inference bbvi"},                              \
        {"repeats", {"inference"}, "mcem", "--inference mcem"},                                 \
        {"fit_steps", {"inference"}, "bbvi|mcem", "--inference bbvi or mcem"}, {                \
        "fit_rate", {"inference"}, "bbvi|mcem", "--inference bbvi or mcem"                      \
    }

/* The rules of all of them. */
extern const elbo_relevance elbo_autoencoder_relevance[];

/* The fields of a model's type that all of them share; check and prior are each model's own or those below. */
#define ELBO_AUTOENCODER_PARTS                                                                                       \
    .latent = elbo_autoencoder_latent, .likelihood = elbo_autoencoder_likelihood, .levels = elbo_autoencoder_levels, \
    .initialisation = elbo_autoencoder_initialisation, .encode = elbo_autoencoder_encode,                            \
    .decode = elbo_autoencoder_decode, .posterior_width = elbo_autoencoder_posterior_width,                          \
    .posterior_numbers = elbo_autoencoder_posterior_numbers, .posterior = elbo_autoencoder_posterior

/* Functions of the model contract, for models whose options begin with an elbo_autoencoder_options. */
elbo_status elbo_autoencoder_check(const void *options, const elbo_item *item, elbo_error *error);
int64_t elbo_autoencoder_latent(const void *options);
const elbo_dist_type *elbo_autoencoder_likelihood(const void *options);
int64_t elbo_autoencoder_levels(const void *options);
void elbo_autoencoder_initialisation(const void *options, elbo_init *init, double *scale);
elbo_dist elbo_autoencoder_prior(elbo_context *context, int64_t rows);
int64_t elbo_autoencoder_posterior_width(const void *options);
elbo_node *elbo_autoencoder_posterior_numbers(elbo_context *context, elbo_node *x);
elbo_dist elbo_autoencoder_posterior(elbo_context *context, elbo_node *numbers);
elbo_dist elbo_autoencoder_encode(elbo_context *context, elbo_node *x);
elbo_dist elbo_autoencoder_decode(elbo_context *context, elbo_node *z);
elbo_local elbo_autoencoder_local(const void *options);
int64_t elbo_autoencoder_local_steps(const void *options);
double elbo_autoencoder_local_rate(const void *options);
int64_t elbo_autoencoder_repeats(const void *options);

/* Whether the posterior has a density for each dimension of the code. */
bool elbo_autoencoder_single_dimensions(const void *options);
/* Whether the prior has parameters of its own, the group "prior". */
bool elbo_autoencoder_learns_prior(const void *options);

/* The updates of a step by the inference and the estimator that the options name. */
int elbo_autoencoder_updates(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                             const elbo_weights *weights, elbo_update out[ELBO_MODEL_UPDATES]);

#endif
