/* CRC-32C (Castagnoli), the checksum of TFRecord files; zlib's CRC-32 is of another polynomial. */
#ifndef ELBO_TRAIN_CRC32C_H
#define ELBO_TRAIN_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum; start from 0. */
uint32_t elbo_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
