/* Which way up a camera was held: tag 274 of the first directory of an EXIF block, which is a small
 * TIFF file. What does not fit into the block is taken as absent. */
#include "data/image/image_impl.h"

enum { ORIENTATION = 0x0112, SHORT = 3, HEAD = 8, ENTRY = 12 };

typedef struct exif_block {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
} exif_block;

/* A number of 2 or 4 bytes; the caller has seen that they are there. */
static uint32_t number_at(const exif_block *b, size_t at, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | b->bytes[at + (size_t)(b->big_endian ? i : bytes - 1 - i)];
    return v;
}

int fv_exif_orientation(const uint8_t *exif, size_t size)
{
    if (size < HEAD || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 1;
    const exif_block b = {exif, size, exif[0] == 'M'};
    const size_t directory = number_at(&b, 4, 4);
    if (number_at(&b, 2, 2) != 42 || directory > size - 2) return 1;
    const uint32_t entries = number_at(&b, directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        const size_t at = directory + 2 + (size_t)i * ENTRY;
        if (at + ENTRY > size) return 1;
        if (number_at(&b, at, 2) != ORIENTATION) continue;
        const uint32_t value = number_at(&b, at + 8, 2);
        return number_at(&b, at + 2, 2) == SHORT && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
