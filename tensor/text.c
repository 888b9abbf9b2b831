/* Text that is safe to print. */
#include "tensor/text.h"

#include <stdio.h>
#include <string.h>

#include "tensor/utf8_impl.h"

/* Characters that move the cursor, hide or turn round what stands around them. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
}

char *fv_printable(char *out, size_t room, const char *text)
{
    if (!out || room == 0) return out;
    const char *end = text ? text + strlen(text) : NULL;
    size_t used = 0;
    while (text && text < end) {
        uint32_t code = 0;
        int length = fv_utf8_decode(text, end, &code);
        bool plain = length > 0 && !is_control(code);
        if (length == 0) length = 1;
        size_t need = plain ? (size_t)length : 4 * (size_t)length;
        if (need >= room - used) break;
        if (plain)
            memcpy(out + used, text, need);
        else
            for (int i = 0; i < length; i++)
                snprintf(out + used + 4 * i, 5, "\\x%02x", (unsigned)(unsigned char)text[i]);
        used += need;
        text += length;
    }
    out[used] = '\0';
    return out;
}
