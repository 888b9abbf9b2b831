/* Max unpooling: blocks of channels are shared among threads; see unpool.h. */
#include "tensor/kernels/pool/unpool.h"

#include <string.h>

#include "tensor/ranges.h"

enum { BLOCK = 16, CLEARED = 1 << 16 }; /* channels of a unit; bytes that are cleared at once */

typedef struct job {
    const fv_unpool *g;
    const char *from;
    const int64_t *indices;
    char *to;
    int64_t blocks, bytes;
    int64_t plane; /* bytes that a unit clears before it moves anything; 0: none */
    /* Moves channels [first, last) of item n. */
    void (*move)(const struct job *job, int64_t n, int64_t first, int64_t last);
} job;

static void clear(const void *context, int64_t first, int64_t last)
{
    const job *j = context;
    const int64_t from = first * CLEARED, to = last * CLEARED;
    memset(j->to + from, 0, (size_t)((to < j->bytes ? to : j->bytes) - from));
}

/* Runs `body` for each element i of those channels of item n, whose index lies at at[i]; channel c
 * of the other tensor begins at c. Planes of one channel have a loop of their own. */
#define FOR_EACH_ELEMENT(body)                                                                     \
    do {                                                                                           \
        const int64_t channels = j->g->channels, count = j->g->from * channels;                    \
        const int64_t *at = j->indices + n * count;                                                \
        if (channels == 1) {                                                                       \
            const int64_t c = 0;                                                                   \
            for (int64_t i = 0; i < count; i++) body;                                              \
            break;                                                                                 \
        }                                                                                          \
        for (int64_t pixel = 0; pixel < count; pixel += channels)                                  \
            for (int64_t c = first, i = pixel + first; c < last; c++, i++) body;                   \
    } while (0)

#define DEFINE_SCATTER(T, NAME)                                                                    \
    static void NAME(const job *j, int64_t n, int64_t first, int64_t last)                         \
    {                                                                                              \
        const T *x = (const T *)(const void *)j->from + n * j->g->from * j->g->channels;           \
        T *y = (T *)(void *)j->to + n * j->g->to * j->g->channels;                                 \
        FOR_EACH_ELEMENT(y[at[i] * channels + c] = x[i]);                                          \
    }
DEFINE_SCATTER(uint8_t, scatter_u8)
DEFINE_SCATTER(uint16_t, scatter_u16)
DEFINE_SCATTER(uint32_t, scatter_u32)
DEFINE_SCATTER(uint64_t, scatter_u64)

#define DEFINE_GATHER(T, NAME)                                                                     \
    static void NAME(const job *j, int64_t n, int64_t first, int64_t last)                         \
    {                                                                                              \
        const uint64_t to = (uint64_t)j->g->to;                                                    \
        const T *y = (const T *)(const void *)j->from + n * j->g->to * j->g->channels;             \
        T *x = (T *)(void *)j->to + n * j->g->from * j->g->channels;                               \
        FOR_EACH_ELEMENT(x[i] = (uint64_t)at[i] < to ? y[at[i] * channels + c] : 0);               \
    }
DEFINE_GATHER(uint32_t, gather_u32)
DEFINE_GATHER(uint64_t, gather_u64)

static void move_blocks(const void *context, int64_t first, int64_t last)
{
    const job *j = context;
    for (int64_t block = first; block < last; block++) {
        const int64_t from = block % j->blocks * BLOCK, to = from + BLOCK;
        const int64_t channels = j->g->channels, plane = j->plane;
        if (plane > 0) memset(j->to + block * plane, 0, (size_t)plane);
        j->move(j, block / j->blocks, from, to < channels ? to : channels);
    }
}

static void move_all(fv_machine m, job *j)
{
    const fv_unpool *g = j->g;
    const double elements = (double)g->batch * (double)g->from * (double)g->channels;
    j->blocks = (g->channels + BLOCK - 1) / BLOCK;
    fv_parallel_ranges(m, 1.5 * elements, g->batch * j->blocks, move_blocks, j);
}

void fv_unpool_run(fv_machine m, const fv_unpool *g, size_t size, const void *x,
                   const int64_t *indices, void *y)
{
    job j = {.g = g, .from = x, .indices = indices, .to = y};
    j.bytes = g->batch * g->to * g->channels * (int64_t)size;
    j.move = size == 1   ? scatter_u8
             : size == 2 ? scatter_u16
             : size == 4 ? scatter_u32
                         : scatter_u64;
    if (j.bytes == 0) return;
    if (g->channels == 1)
        j.plane = g->to * (int64_t)size;
    else
        fv_parallel_ranges(m, 0.05 * (double)j.bytes, (j.bytes + CLEARED - 1) / CLEARED, clear, &j);
    move_all(m, &j);
}

void fv_unpool_gather(fv_machine m, const fv_unpool *g, size_t size, const void *y,
                      const int64_t *indices, void *x)
{
    job j = {.g = g, .from = y, .indices = indices, .to = x};
    j.move = size == 4 ? gather_u32 : gather_u64;
    if (g->batch > 0 && g->channels > 0) move_all(m, &j);
}
