/* Writing JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats/json_impl.h"

static void put_bytes(fv_json_text *out, const char *bytes, size_t count)
{
    if (out->failed) return;
    if (count >= out->room - out->length) {
        size_t room = out->room + count + out->room / 2 + 256;
        char *text = room > count ? realloc(out->text, room) : NULL;
        if (!text) {
            out->failed = true;
            return;
        }
        out->text = text;
        out->room = room;
    }
    memcpy(out->text + out->length, bytes, count);
    out->length += count;
    out->text[out->length] = '\0';
}

void fv_json_put(fv_json_text *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

void fv_json_put_string(fv_json_text *out, const char *text)
{
    put_bytes(out, "\"", 1);
    while (*text) {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        put_bytes(out, text, plain);
        text += plain;
        if (!*text) break;
        char escaped[8];
        if (*text == '"' || *text == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", *text);
        else
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)(unsigned char)*text);
        fv_json_put(out, escaped);
        text++;
    }
    put_bytes(out, "\"", 1);
}

void fv_json_put_integer(fv_json_text *out, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    fv_json_put(out, text);
}
