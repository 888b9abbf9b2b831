/* memcpy of what is mostly short: a call costs as much as copying a few words. */
#ifndef FOVEA_TENSOR_KERNELS_SHORT_COPY_H
#define FOVEA_TENSOR_KERNELS_SHORT_COPY_H

#include <stdint.h>
#include <string.h>

/* Both ends of a length from WORD to 2 * WORD: they may overlap. */
#define FV_COPY_ENDS(to, from, n, WORD)                                                            \
    do {                                                                                           \
        char first_[WORD], last_[WORD];                                                            \
        memcpy(first_, from, WORD);                                                                \
        memcpy(last_, (from) + (n) - (WORD), WORD);                                                \
        memcpy(to, first_, WORD);                                                                  \
        memcpy((to) + (n) - (WORD), last_, WORD);                                                  \
    } while (0)

/* n bytes that do not overlap. */
static inline void fv_copy_bytes(char *to, const char *from, int64_t n)
{
    if (n > 128) {
        memcpy(to, from, (size_t)n);
        return;
    }
    for (; n > 32; n -= 32, to += 32, from += 32) FV_COPY_ENDS(to, from, 32, 16);
    if (n >= 16)
        FV_COPY_ENDS(to, from, n, 16);
    else if (n >= 8)
        FV_COPY_ENDS(to, from, n, 8);
    else if (n >= 4)
        FV_COPY_ENDS(to, from, n, 4);
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

#endif
