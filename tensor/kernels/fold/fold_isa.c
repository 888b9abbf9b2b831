/* Rows of windows, once per instruction set: pieces of a row taken with a step, and added so. */
#include <string.h>

#include "tensor/kernels/fold/fold.h"

/* A step of 2, the usual one after 1, has a loop of its own, which compilers turn into shuffles. */
#define DEFINE_TAKE(T, NAME)                                                                       \
    static void NAME(void *y_, const void *x_, int64_t n, int64_t step)                            \
    {                                                                                              \
        T *restrict y = y_;                                                                        \
        const T *restrict x = x_;                                                                  \
        if (step == 1)                                                                             \
            memcpy(y, x, (size_t)n * sizeof(T));                                                   \
        else if (step == 2)                                                                        \
            for (int64_t i = 0; i < n; i++) y[i] = x[2 * i];                                       \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) y[i] = x[i * step];                                    \
    }
DEFINE_TAKE(uint8_t, take_u8)
DEFINE_TAKE(uint16_t, take_u16)
DEFINE_TAKE(uint32_t, take_u32)
DEFINE_TAKE(uint64_t, take_u64)

#define DEFINE_ADD(T, NAME)                                                                        \
    static void NAME(void *y_, const void *x_, int64_t n, int64_t step)                            \
    {                                                                                              \
        T *restrict y = y_;                                                                        \
        const T *restrict x = x_;                                                                  \
        if (step == 1)                                                                             \
            for (int64_t i = 0; i < n; i++) y[i] += x[i];                                          \
        else                                                                                       \
            for (int64_t i = 0; i < n; i++) y[i * step] += x[i];                                   \
    }
DEFINE_ADD(float, add_f32)
DEFINE_ADD(double, add_f64)

const fv_fold_kernels FV_ISA_NAME(fv_fold_kernels_) = {
    .take = {take_u8, take_u16, take_u32, take_u64},
    .add = {add_f32, add_f64},
};
