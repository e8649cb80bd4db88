/* Small dense matrices in double precision, row-major and square: what covariances need. */
#ifndef ELBO_INFER_FIT_FACTOR_H
#define ELBO_INFER_FIT_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

/* The lower triangular L with L L' = a + shift I, from the lower triangle of a; zeros above its diagonal.  l may be a.
 * False where the matrix is not positive definite to working precision. */
bool elbo_factor_cholesky(double *l, const double *a, int64_t n, double shift);
/* The inverse of a lower triangular matrix, lower triangular too; out is another matrix than l. */
void elbo_factor_invert(double *out, const double *l, int64_t n);
/* log |L L'| */
double elbo_factor_log_det(const double *l, int64_t n);
/* trace of A S A' for a lower triangular A and a symmetric S. */
double elbo_factor_trace(const double *a, const double *s, int64_t n, double *work /* [n] */);

/* Eigenvalues of a symmetric matrix in rising order, and its orthonormal eigenvectors as the rows of `vectors`; a is
 * used up.  Householder's reduction to a tridiagonal matrix and the implicit QL method with Wilkinson's shift (Golub
 * and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3).  work: [n].  False where QL does not converge. */
bool elbo_factor_eigen(double *a, int64_t n, double *values, double *vectors, double *work);

#endif
