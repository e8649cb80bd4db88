/* Other axes for the codes of an autoencoder, with the same reconstructions. */
#ifndef ELBO_MODELS_CODE_BASIS_H
#define ELBO_MODELS_CODE_BASIS_H

#include "infer/fit/mixture.h"
#include "models/model.h"

/* Turns and scales the codes z of the model in `params` to T (z - centre), such that the components of a mixture with
 * full covariances, which was fitted to z - centre, have on average the covariance deviation^2 I, and their means one
 * that is diagonal (the axes of Fisher's discriminant). The layers next to the code take T in: the encoder's last,
 * "posterior", whose first half is the code, and the decoder's first. The mixture comes with them, and centre becomes
 * 0.
 *
 * A prior with diagonal covariances then loses least of what the mixture tells apart. */
elbo_status elbo_code_basis_turn(elbo_params *params, elbo_mixture *mixture, double *centre, double deviation,
                                 elbo_error *error);

#endif
