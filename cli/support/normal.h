/* The standard normal distribution, where a command needs it without a graph. */
#ifndef ELBO_CLI_SUPPORT_NORMAL_H
#define ELBO_CLI_SUPPORT_NORMAL_H

/* The x below which a standard normal variable falls with probability p, to a few units in the last place where
 * that probability is at least 1e-300 (a smaller one counts as 1e-300); -inf and inf at 0 and 1, NaN outside. */
double elbo_cli_normal_quantile(double p);

#endif
