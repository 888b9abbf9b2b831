/* UTF-8. */
#include "tensor/utf8_impl.h"

#include <string.h>

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Bytes of a character by its first byte; 0 for one that begins none. */
static int length_by_first(unsigned char first)
{
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
}

int fv_utf8_decode(const char *at, const char *end, uint32_t *code)
{
    static const uint32_t first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (at >= end) return 0;
    int length = length_by_first((unsigned char)*at);
    if (length == 0 || length > end - at) return 0;
    uint32_t c = (unsigned char)*at & first_bits[length];
    for (int i = 1; i < length; i++) {
        if (!is_continuation(at[i])) return 0;
        c = c << 6 | ((unsigned char)at[i] & 0x3F);
    }
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    *code = c;
    return length;
}

int fv_utf8_encode(uint32_t code, char *out)
{
    static const uint32_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    int length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    out[0] = (char)(marks[length] | code);
    return length;
}

bool fv_utf8_valid(const char *text)
{
    const char *end = text + strlen(text);
    uint32_t code;
    while (text < end) {
        int length = fv_utf8_decode(text, end, &code);
        if (length == 0) return false;
        text += length;
    }
    return true;
}

void fv_utf8_trim(char *text)
{
    size_t length = strlen(text), start = length;
    while (start > 0 && length - start < 3 && is_continuation(text[start - 1])) start--;
    if (start > 0 && length_by_first((unsigned char)text[start - 1]) > (int)(length - start + 1))
        text[start - 1] = '\0';
}
