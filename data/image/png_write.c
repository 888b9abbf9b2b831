/* Writing of PNG: signature, header, the rows deflated in pieces, an end. By zlib where it is; else
 * in stored blocks of deflate, with the two checksums made here. */
#include "data/image/image_impl.h"

#include <string.h>

#ifdef FV_HAVE_ZLIB
#include <zlib.h>
#endif

enum { PIECE = 32768, CHUNK_HEAD = 8, CHUNK_TAIL = 4 };

/* An IDAT chunk under way: length and name, up to a piece of data, the checksum. */
typedef struct chunk {
    fv_sink to;
    fv_status status;
    size_t used; /* of the data */
    uint8_t bytes[CHUNK_HEAD + PIECE + CHUNK_TAIL];
} chunk;

static void put_uint32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++) out[i] = (uint8_t)(v >> (24 - 8 * i));
}

#ifdef FV_HAVE_ZLIB
static uint32_t checksum(const uint8_t *bytes, size_t count)
{
    return (uint32_t)crc32(0, bytes, (uInt)count);
}
#else
/* CRC-32 of ISO 3309, bit by bit from the lowest. */
static uint32_t checksum(const uint8_t *bytes, size_t count)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}
#endif

/* Writes what is in the chunk under that name. */
static void end_chunk(chunk *c, const char *name)
{
    put_uint32(c->bytes, (uint32_t)c->used);
    memcpy(c->bytes + 4, name, 4);
    put_uint32(c->bytes + CHUNK_HEAD + c->used, checksum(c->bytes + 4, 4 + c->used));
    if (c->status == FV_OK)
        c->status = c->to.write(c->to.context, c->bytes, CHUNK_HEAD + c->used + CHUNK_TAIL);
    c->used = 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* The row as it is (0), or less its left neighbour (1), its upper one (2), or what Paeth predicts
 * of these and the one between (4). */
static uint8_t predicted(int filter, int left, int up, int corner)
{
    if (filter == 0) return 0;
    if (filter == 1) return (uint8_t)left;
    if (filter == 2) return (uint8_t)up;
    const int by_left = up > corner ? up - corner : corner - up;
    const int by_up = left > corner ? left - corner : corner - left;
    const int both = left + up - 2 * corner, by_corner = both < 0 ? -both : both;
    if (by_left <= by_up && by_left <= by_corner) return (uint8_t)left;
    return (uint8_t)(by_up <= by_corner ? up : corner);
}

/* out = the filter's number and the differences; returns the sum of their sizes. */
static int64_t filter_row(int filter, const uint8_t *row, const uint8_t *above, int64_t bytes,
                          int64_t pixel, uint8_t *out)
{
    int64_t sum = 0;
    out[0] = (uint8_t)filter;
    for (int64_t i = 0; i < bytes; i++) {
        const int left = i < pixel ? 0 : row[i - pixel], up = above ? above[i] : 0;
        const int corner = above && i >= pixel ? above[i - pixel] : 0;
        out[i + 1] = (uint8_t)(row[i] - predicted(filter, left, up, corner));
        sum += out[i + 1] < 128 ? out[i + 1] : 256 - out[i + 1];
    }
    return sum;
}

/* --- deflate ---------------------------------------------------------------------------------- */

/* Takes the filtered rows one by one. */
typedef struct packer {
    chunk *out;
#ifdef FV_HAVE_ZLIB
    z_stream z;
#else
    size_t held;        /* bytes of a stored block */
    uint32_t low, high; /* of Adler-32 */
    uint8_t block[PIECE - 16];
#endif
} packer;

#ifdef FV_HAVE_ZLIB

static bool start_packing(packer *k, int level)
{
    memset(&k->z, 0, sizeof k->z);
    return deflateInit(&k->z, level) == Z_OK;
}

static void deflate_all(packer *k, int flush)
{
    int done;
    do {
        k->z.next_out = k->out->bytes + CHUNK_HEAD + k->out->used;
        k->z.avail_out = (uInt)(PIECE - k->out->used);
        done = deflate(&k->z, flush);
        k->out->used = PIECE - k->z.avail_out;
        if (k->out->used == PIECE || done == Z_STREAM_END) end_chunk(k->out, "IDAT");
    } while (k->z.avail_in > 0 || (flush == Z_FINISH && done == Z_OK));
}

static void pack(packer *k, const uint8_t *bytes, size_t count)
{
    k->z.next_in = (Bytef *)(uintptr_t)bytes; /* which zlib does not write */
    k->z.avail_in = (uInt)count;
    deflate_all(k, Z_NO_FLUSH);
}

static void end_packing(packer *k)
{
    deflate_all(k, Z_FINISH);
    deflateEnd(&k->z);
}

#else

static void put(packer *k, const uint8_t *bytes, size_t count)
{
    memcpy(k->out->bytes + CHUNK_HEAD + k->out->used, bytes, count);
    k->out->used += count;
}

/* What is held as a stored block, in a chunk of its own. */
static void end_block(packer *k, bool last)
{
    const uint32_t n = (uint32_t)k->held;
    const uint8_t head[] = {last, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    uint8_t adler[4];
    put(k, head, sizeof head);
    put(k, k->block, k->held);
    put_uint32(adler, k->high << 16 | k->low);
    if (last) put(k, adler, sizeof adler);
    end_chunk(k->out, "IDAT");
    k->held = 0;
}

static bool start_packing(packer *k, int level)
{
    static const uint8_t head[] = {0x78, 0x01};
    (void)level;
    k->held = 0;
    k->low = 1;
    k->high = 0;
    put(k, head, sizeof head);
    return true;
}

static void pack(packer *k, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (k->held == sizeof k->block) end_block(k, false);
        k->block[k->held++] = bytes[i];
        k->low = (k->low + bytes[i]) % 65521;
        k->high = (k->high + k->low) % 65521;
    }
}

static void end_packing(packer *k)
{
    end_block(k, true);
}

#endif

/* --- the file --------------------------------------------------------------------------------- */

static void write_head(chunk *c, const fv_pixels *p)
{
    static const uint8_t colour[] = {0, 0, 4, 2, 6}; /* by channels */
    uint8_t *head = c->bytes + CHUNK_HEAD;
    c->status = c->to.write(c->to.context, "\x89PNG\r\n\x1a\n", 8);
    put_uint32(head, (uint32_t)p->width);
    put_uint32(head + 4, (uint32_t)p->height);
    memcpy(head + 8, (uint8_t[]){8, colour[p->channels], 0, 0, 0}, 5);
    c->used = 13;
    end_chunk(c, "IHDR");
}

/* The filter whose differences are smallest in all packs best, as a rule of libpng says. */
static void write_rows(packer *k, const fv_pixels *p, uint8_t *best, uint8_t *other)
{
    static const int filters[] = {0, 1, 2, 4};
    const int64_t bytes = p->width * p->channels;
    for (int64_t y = 0; y < p->height && k->out->status == FV_OK; y++) {
        const uint8_t *row = p->samples + y * bytes, *above = y > 0 ? row - bytes : NULL;
        int64_t least = INT64_MAX;
        for (int f = 0; f < 4; f++) {
            const int64_t sum = filter_row(filters[f], row, above, bytes, p->channels, other);
            if (sum >= least) continue;
            uint8_t *swap = best;
            least = sum;
            best = other;
            other = swap;
        }
        pack(k, best, (size_t)bytes + 1);
    }
}

fv_status fv_png_encode(const fv_pixels *p, int compression, fv_sink to)
{
    size_t chunk_token, packer_token, rows_token;
    const size_t row = (size_t)(p->width * p->channels) + 1;
    chunk *c = fv_block_alloc(sizeof *c, &chunk_token);
    packer *k = fv_block_alloc(sizeof *k, &packer_token);
    uint8_t *rows = fv_block_alloc(2 * row, &rows_token);
    fv_status status = FV_ERR_MEMORY;
    if (c && k && rows && start_packing((k->out = c, c->used = 0, k), compression)) {
        c->to = to;
        write_head(c, p);
        write_rows(k, p, rows, rows + row);
        end_packing(k);
        end_chunk(c, "IEND");
        status = c->status;
    } else {
        fv_fail(FV_ERR_MEMORY, "%s: out of memory", to.name);
    }
    if (c) fv_block_free(c, chunk_token);
    if (k) fv_block_free(k, packer_token);
    if (rows) fv_block_free(rows, rows_token);
    return status;
}
