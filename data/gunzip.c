/* gzip files: members one after the other, as gzip(1) and cat make them, each checked against the
 * checksum and length at its end. zlib's own gzread is not used: it forgives a file that is cut off
 * inside that trailer, and bytes behind it. */
#include "data/gunzip_impl.h"

#include <errno.h>
#include <string.h>

#include "tensor/memory.h"

#ifdef FV_HAVE_ZLIB
#include <zlib.h>

enum { GZIP_WINDOW = 16 + MAX_WBITS, INPUT = 1 << 16 };

struct fv_gunzip {
    z_stream z;
    FILE *file;
    bool between; /* the member before is whole, and none has begun since */
    bool ended;
    size_t capacity; /* of the block that this is */
    unsigned char input[INPUT];
};

bool fv_gunzip_works(void)
{
    return true;
}

fv_gunzip *fv_gunzip_new(FILE *file)
{
    size_t capacity;
    fv_gunzip *g = fv_block_alloc(sizeof *g, &capacity);
    if (!g) return NULL;
    memset(&g->z, 0, sizeof g->z);
    g->file = file;
    g->between = g->ended = false;
    g->capacity = capacity;
    if (inflateInit2(&g->z, GZIP_WINDOW) == Z_OK) return g;
    fv_block_free(g, capacity);
    return NULL;
}

void fv_gunzip_free(fv_gunzip *g)
{
    if (!g) return;
    inflateEnd(&g->z);
    fv_block_free(g, g->capacity);
}

/* More input when there is none; the file may end between members only. */
static fv_status refill(fv_gunzip *g, const char **why)
{
    if (g->z.avail_in > 0) return FV_OK;
    errno = 0;
    size_t n = fread(g->input, 1, INPUT, g->file);
    g->z.next_in = g->input;
    g->z.avail_in = (uInt)n;
    if (n > 0) return FV_OK;
    if (ferror(g->file)) {
        *why = strerror(errno);
        return FV_ERR_IO;
    }
    g->ended = true;
    if (g->between) return FV_OK;
    *why = "its gzip stream breaks off";
    return FV_ERR_FORMAT;
}

/* Behind a member: passes over zeros, which fill up tapes, and starts on the next member. */
static fv_status next_member(fv_gunzip *g, const char **why)
{
    while (g->z.avail_in > 0 && *g->z.next_in == 0) {
        g->z.next_in++;
        g->z.avail_in--;
    }
    if (g->z.avail_in == 0) return FV_OK;
    if (*g->z.next_in != 0x1f) {
        *why = "other bytes follow its gzip stream";
        return FV_ERR_FORMAT;
    }
    g->between = false;
    inflateReset(&g->z);
    return FV_OK;
}

static fv_status unpack_some(fv_gunzip *g, const char **why)
{
    switch (inflate(&g->z, Z_NO_FLUSH)) {
    case Z_STREAM_END: g->between = true; return FV_OK;
    case Z_OK:
    case Z_BUF_ERROR: /* it wants more input */ return FV_OK;
    case Z_MEM_ERROR: *why = "out of memory"; return FV_ERR_MEMORY;
    default: *why = g->z.msg ? g->z.msg : "its gzip stream is damaged"; return FV_ERR_FORMAT;
    }
}

fv_status fv_gunzip_read(fv_gunzip *g, void *out, size_t bytes, size_t *got, const char **why)
{
    fv_status status = FV_OK;
    *got = 0;
    while (*got < bytes && status == FV_OK) {
        status = refill(g, why);
        if (status != FV_OK || g->ended) break;
        if (g->between) status = next_member(g, why);
        if (status != FV_OK || g->between) continue;
        const size_t left = bytes - *got;
        const uInt room = left < (1u << 30) ? (uInt)left : 1u << 30;
        g->z.next_out = (unsigned char *)out + *got;
        g->z.avail_out = room;
        status = unpack_some(g, why);
        *got += room - g->z.avail_out;
    }
    return status;
}

#else

bool fv_gunzip_works(void)
{
    return false;
}

fv_gunzip *fv_gunzip_new(FILE *file)
{
    (void)file;
    return NULL;
}

void fv_gunzip_free(fv_gunzip *g)
{
    (void)g;
}

fv_status fv_gunzip_read(fv_gunzip *g, void *out, size_t bytes, size_t *got, const char **why)
{
    (void)g, (void)out, (void)bytes;
    *got = 0;
    *why = "this build has no zlib";
    return FV_ERR_IO;
}

#endif
