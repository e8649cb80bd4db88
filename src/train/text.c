#include "train/text.h"

int32_t elbo_utf8_next(const char **at) {
    static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)*at;
    int following = 0;
    int32_t point = byte[0];
    if (point == 0) return 0;
    if (point >= 0x80) {
        if ((point & 0xE0) == 0xC0)
            following = 1, point &= 0x1F;
        else if ((point & 0xF0) == 0xE0)
            following = 2, point &= 0x0F;
        else if ((point & 0xF8) == 0xF0)
            following = 3, point &= 0x07;
        else
            return -1;
        for (int i = 1; i <= following; i++) {
            if ((byte[i] & 0xC0) != 0x80) return -1; /* the terminating zero ends up here too */
            point = point << 6 | (byte[i] & 0x3F);
        }
        if (point < smallest[following] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return -1;
    }
    *at += following + 1;
    return point;
}

bool elbo_utf8_valid(const char *text) {
    int32_t point;
    while ((point = elbo_utf8_next(&text)) > 0) continue;
    return point == 0;
}
