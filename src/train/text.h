/* UTF-8: JSON, YAML and protocol buffers all ask for it, so text is checked before it goes into a file. */
#ifndef ELBO_TRAIN_TEXT_H
#define ELBO_TRAIN_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* Decodes the code point at *at, which ends with a zero byte, and moves *at past it.  Returns 0 at the end and -1 for
 * bytes that are not UTF-8 (surrogates, overlong forms and values above U+10FFFF included); *at then stays. */
int32_t elbo_utf8_next(const char **at);

/* Whether a zero-terminated text is UTF-8. */
bool elbo_utf8_valid(const char *text);

#endif
