/* Byte order. */
#include <string.h>

#include "tensor/formats/bytes_impl.h"

uint64_t fv_get_uint64(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

void fv_put_uint64(unsigned char *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> (8 * i));
}

void fv_swap_elements(void *elements, size_t count, size_t size)
{
    unsigned char *at = elements, old[8];
    for (size_t i = 0; size > 1 && i < count; i++, at += size) {
        memcpy(old, at, size);
        for (size_t k = 0; k < size; k++) at[k] = old[size - 1 - k];
    }
}
