/* UTF-8, one character at a time. Private to tensor/. */
#ifndef FOVEA_TENSOR_UTF8_IMPL_H
#define FOVEA_TENSOR_UTF8_IMPL_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the character at `at`, whose number goes to *code; 0 when no UTF-8 character is there:
 * a byte out of place, an overlong form, a surrogate, more than U+10FFFF, the end. */
int fv_utf8_decode(const char *at, const char *end, uint32_t *code);

/* Writes a character below U+110000 and returns its bytes, 1 to 4. */
int fv_utf8_encode(uint32_t code, char *out);

/* Is the whole text UTF-8? */
bool fv_utf8_valid(const char *text);

/* Takes away the character at the text's end if it is not whole, as after snprintf. */
void fv_utf8_trim(char *text);

#endif
