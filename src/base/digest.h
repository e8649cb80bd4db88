/* SHA-256 (FIPS 180-4), for checking that a file is the published one. */
#ifndef ELBO_BASE_DIGEST_H
#define ELBO_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define ELBO_SHA256_TEXT 65 /* 64 hexadecimal digits and the zero */

typedef struct elbo_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} elbo_sha256;

void elbo_sha256_begin(elbo_sha256 *sha);
void elbo_sha256_add(elbo_sha256 *sha, const void *bytes, size_t count);
/* Writes the digest in lower-case hexadecimal; the state must be begun anew before it is used again. */
void elbo_sha256_end(elbo_sha256 *sha, char text[ELBO_SHA256_TEXT]);

#endif
