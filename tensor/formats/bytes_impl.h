/* Numbers as files hold them, little endian, on machines of either byte order. Private to
 * formats/. */
#ifndef FOVEA_TENSOR_FORMATS_BYTES_IMPL_H
#define FOVEA_TENSOR_FORMATS_BYTES_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does this machine have another byte order than the files? */
enum { FV_SWAP_BYTES = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ };

uint64_t fv_get_uint64(const unsigned char *bytes);
void fv_put_uint64(unsigned char *bytes, uint64_t value);

/* Turns round the bytes of each of count elements of `size` bytes, 1, 2, 4 or 8. */
void fv_swap_elements(void *elements, size_t count, size_t size);

#endif
