/* What the writer and the reader of safetensors files share. */
#ifndef ELBO_TRAIN_SAFETENSORS_FORMAT_H
#define ELBO_TRAIN_SAFETENSORS_FORMAT_H

#include "train/safetensors.h"

#define ELBO_SAFETENSORS_METADATA   "__metadata__"
#define ELBO_SAFETENSORS_CRC_DATA   "elbo.crc32"
#define ELBO_SAFETENSORS_CRC_HEADER "elbo.crc32.header"

/* A header beyond this is refused: a checkpoint of ten thousand tensors needs about one MiB. */
enum { ELBO_SAFETENSORS_MAX_HEADER = 16 << 20 };

typedef struct elbo_crc_text {
    char digits[9];
} elbo_crc_text;

size_t elbo_safetensors_element_size(elbo_safetensors_dtype dtype);

/* Eight hexadecimal digits. */
elbo_crc_text elbo_safetensors_crc_digits(uint32_t crc);

/* Bytes of the tensor's data from dtype and shape; false when a shape is negative or the product does not fit. */
bool elbo_safetensors_extent(const elbo_safetensors_tensor *tensor, size_t *bytes);

/* The checksum of what a header says; the pair of the header checksum itself is left out. */
elbo_crc_text elbo_safetensors_crc_header(const elbo_safetensors_tensor *tensors, size_t count,
                                          const elbo_safetensors_pair *pairs, size_t pair_count);

#endif
