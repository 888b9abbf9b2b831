/* Pooling's inner loops, once per instruction set: instances of pool_impl.h for whole vectors, for
 * 16-byte vectors and for single channels, the widest that the channel count fills. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/kernels/pool/pool.h"

#define FV_INLINE static inline __attribute__((always_inline))

/* A walk over consecutive pixels of [N, D, H, W]; `pixel` counts through all of them. */
typedef struct position {
    int64_t n, d, h, w;
} position;

static position position_at(int64_t pixel, int64_t depth, int64_t height, int64_t width)
{
    position p = {.w = pixel % width};
    pixel /= width;
    p.h = pixel % height;
    pixel /= height;
    p.d = pixel % depth;
    p.n = pixel / depth;
    return p;
}

FV_INLINE void next_row(position *p, int64_t depth, int64_t height)
{
    p->w = 0;
    if (++p->h < height) return;
    p->h = 0;
    if (++p->d < depth) return;
    p->d = 0;
    p->n++;
}

/* Number of the tap of window w that lies on input coordinate i, or -1. */
FV_INLINE int64_t tap_on(const fv_pool_window *w, int64_t i, int64_t dilation)
{
    int64_t distance = i - w->start;
    if (dilation == 1) return w->tap + distance;
    return distance < 0 || distance % dilation ? -1 : w->tap + distance / dilation;
}

#define T        float
#define IT       int32_t
#define LANES    (FV_VBYTES / 4)
#define NAME(id) id##_f32
#include "pool_impl.h"
#define T        double
#define IT       int64_t
#define LANES    (FV_VBYTES / 8)
#define NAME(id) id##_f64
#include "pool_impl.h"
#define T        float
#define IT       int32_t
#define LANES    4
#define NAME(id) id##_f32_small
#include "pool_impl.h"
#define T        double
#define IT       int64_t
#define LANES    2
#define NAME(id) id##_f64_small
#include "pool_impl.h"
#define T        float
#define IT       int32_t
#define LANES    1
#define NAME(id) id##_f32_one
#include "pool_impl.h"
#define T        double
#define IT       int64_t
#define LANES    1
#define NAME(id) id##_f64_one
#include "pool_impl.h"

#define DISPATCH(kernel)                                                                           \
    static void kernel##_float(const fv_pool_job *job)                                             \
    {                                                                                              \
        int64_t channels = job->g->channels;                                                       \
        if (channels >= FV_VBYTES / 4)                                                             \
            kernel##_f32(job);                                                                     \
        else if (channels >= 4)                                                                    \
            kernel##_f32_small(job);                                                               \
        else                                                                                       \
            kernel##_f32_one(job);                                                                 \
    }                                                                                              \
    static void kernel##_double(const fv_pool_job *job)                                            \
    {                                                                                              \
        int64_t channels = job->g->channels;                                                       \
        if (channels >= FV_VBYTES / 8)                                                             \
            kernel##_f64(job);                                                                     \
        else if (channels >= 2)                                                                    \
            kernel##_f64_small(job);                                                               \
        else                                                                                       \
            kernel##_f64_one(job);                                                                 \
    }
DISPATCH(max)
DISPATCH(max_backward)
DISPATCH(max_gather)
DISPATCH(average)
DISPATCH(average_backward)

const fv_pool_kernels FV_ISA_NAME(fv_pool_kernels_) = {
    .max = {max_float, max_double},
    .max_backward = {max_backward_float, max_backward_double},
    .max_gather = {max_gather_float, max_gather_double},
    .average = {average_float, average_double},
    .average_backward = {average_backward_float, average_backward_double},
};
