#include "train/safetensors_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
#define DTYPE_ROW(name, bytes) {#name, bytes},
    ELBO_SAFETENSORS_DTYPES(DTYPE_ROW)
#undef DTYPE_ROW
};

const char *elbo_safetensors_dtype_name(elbo_safetensors_dtype dtype) {
    return (size_t)dtype < sizeof dtypes / sizeof *dtypes ? dtypes[dtype].name : "?";
}

size_t elbo_safetensors_element_size(elbo_safetensors_dtype dtype) { return dtypes[dtype].bytes; }

elbo_safetensors_dtype elbo_safetensors_dtype_of(elbo_dtype dtype) {
    switch (dtype) {
        case ELBO_F32: return ELBO_SAFETENSORS_F32;
        case ELBO_F64: return ELBO_SAFETENSORS_F64;
        case ELBO_U8: return ELBO_SAFETENSORS_U8;
        case ELBO_I32: return ELBO_SAFETENSORS_I32;
        case ELBO_BF16: return ELBO_SAFETENSORS_BF16;
    }
    return ELBO_SAFETENSORS_U8;
}

bool elbo_safetensors_extent(const elbo_safetensors_tensor *tensor, size_t *bytes) {
    size_t product = elbo_safetensors_element_size(tensor->dtype);
    bool empty = false;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 0) return false;
        if (tensor->shape[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(product, (size_t)tensor->shape[i], &product) || product > INT64_MAX)
            return false;
    }
    *bytes = empty ? 0 : product;
    return true;
}

elbo_crc_text elbo_safetensors_crc_digits(uint32_t crc) {
    elbo_crc_text text;
    snprintf(text.digits, sizeof text.digits, "%08" PRIx32, crc);
    return text;
}

/* With the terminating zero, so that "ab","c" and "a","bc" differ. */
static uLong crc_of_text(uLong crc, const char *text) {
    return crc32_z(crc, (const unsigned char *)text, strlen(text) + 1);
}

static uint32_t crc_of_tensor(const elbo_safetensors_tensor *tensor) {
    char number[24];
    uLong crc = crc_of_text(0, tensor->name);
    crc = crc_of_text(crc, elbo_safetensors_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank; i++) {
        snprintf(number, sizeof number, "%" PRId64, tensor->shape[i]);
        crc = crc_of_text(crc, number);
    }
    snprintf(number, sizeof number, "@%zu", tensor->offset);
    return (uint32_t)crc_of_text(crc, number);
}

elbo_crc_text elbo_safetensors_crc_header(const elbo_safetensors_tensor *tensors, size_t count,
                                          const elbo_safetensors_pair *pairs, size_t pair_count) {
    uint32_t sum = 0; /* a sum, because the order of a JSON object means nothing */
    for (size_t i = 0; i < count; i++) sum += crc_of_tensor(&tensors[i]);
    for (size_t i = 0; i < pair_count; i++)
        if (strcmp(pairs[i].key, ELBO_SAFETENSORS_CRC_HEADER) != 0)
            sum += (uint32_t)crc_of_text(crc_of_text(0, pairs[i].key), pairs[i].value);
    return elbo_safetensors_crc_digits(sum);
}
