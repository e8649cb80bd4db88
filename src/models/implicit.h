/* Networks of noise: z = f(x, eps) and x = g(z, eps) with eps ~ N(0, I). What comes out can be drawn, but has no
 * density that could be written down (Mescheder, Nowozin and Geiger 2017, arXiv:1701.04722). */
#ifndef ELBO_MODELS_IMPLICIT_H
#define ELBO_MODELS_IMPLICIT_H

#include "models/network.h"

/* How noise enters the encoder.
 *   basis = 0: eps goes through a dense layer of its own, which is added to what the first dense layer makes of x.
 *   basis = m: z_k = b_k(x) + e^s_k(x) (eps_k + sum_i a_ik(x) v_ik(rest)), i = 1..m, with a network for a, b and s and
 * one for v, |a| below 2/sqrt(m) and |v| below 1; rest is what eps has beyond the dimensions of z, so that q(z|x) is a
 * mixture of normals of deviation e^s and has no narrower peaks, which no adversary would find. Draws of z for all data
 * share those of v, so that moments of q(z|x) cost one product of matrices for each dimension (the paper's section 4).
 * With a = 0 this is the VAE's normal posterior, from where it learns; a scale e^s gets small as easily as large, which
 * a alone does not. */
typedef struct elbo_noisy_encoder {
    const elbo_network_options *network;
    int64_t latent, noise; /* dimensions of z and of eps */
    int64_t basis;
    const elbo_ints *noise_hidden; /* basis > 0: widths of v's hidden layers */
} elbo_noisy_encoder;

/* x: [B, size], eps: [..., B, noise] -> z: [..., B, latent]; parameters in the group "encoder". */
elbo_node *elbo_noisy_encoder_draw(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x,
                                   elbo_node *eps);
/* basis > 0: all that q(z|x) is told of x, [B, numbers]: the functions' weights a, and, unless `shape` alone is asked
 * for, b and s. The posterior's shape, what is left of it when mean and deviation are taken out, is a matter of a. */
elbo_node *elbo_noisy_encoder_coefficients(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x,
                                           bool shape);
/* Mean and standard deviation of q(z|x) from so many draws (at least 2) of eps, of v or of z itself: [B, latent] each.
 * Their gradients are those of the estimates. A deviation is at least 1e-3. */
void elbo_noisy_encoder_moments(elbo_context *context, const elbo_noisy_encoder *encoder, elbo_node *x, int64_t draws,
                                elbo_node **mean, elbo_node **deviation);

/* z: [..., latent] -> x: [..., size], with `noise` dimensions of eps beside z; parameters in the group "decoder". */
elbo_node *elbo_noisy_decoder_draw(elbo_context *context, const elbo_network_options *network, elbo_node *z,
                                   int64_t noise, int row_axis);

#endif
