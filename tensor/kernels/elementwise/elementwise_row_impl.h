/* FV_ELEMENTWISE_LOOP(name, inputs, class, value): the loop of one row for type T; see
 * elementwise_words_impl.h. */
#ifndef FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_ROW_IMPL_H
#define FOVEA_TENSOR_KERNELS_ELEMENTWISE_ELEMENTWISE_ROW_IMPL_H

/* Loops that call the C library stay scalar. Clang wants to hear of it before it sees the table. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

#include "tensor/kernels/elementwise/elementwise.h"
#include "tensor/kernels/elementwise/elementwise_words_impl.h"

/* Operands are the same memory or apart, so that no iteration depends on another. */
#if defined(__clang__)
#define FV_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define FV_INDEPENDENT _Pragma("GCC ivdep")
#endif

#define FV_READ_1 const T x = a[i], y = 0, z = 0
#define FV_READ_2 const T x = a[i], y = b[i], z = 0
#define FV_READ_3 const T x = a[i], y = b[i], z = c[i]

/* The type of the result. */
#define FV_RESULT_ARITH   T
#define FV_RESULT_SIGNED  T
#define FV_RESULT_WHOLE   T
#define FV_RESULT_FLOAT   T
#define FV_RESULT_REAL    T
#define FV_RESULT_FIRST   T
#define FV_RESULT_WHERE   T
#define FV_RESULT_COMPARE uint8_t
#define FV_RESULT_LOGICAL uint8_t

#define FV_LOOP_NAME_2(name, suffix) row_##name##_##suffix
#define FV_LOOP_NAME_1(name, suffix) FV_LOOP_NAME_2(name, suffix)
#define FV_LOOP_NAME(name)           FV_LOOP_NAME_1(name, FV_SUFFIX)

#define FV_ELEMENTWISE_LOOP(name, inputs, class, value)                                            \
    static void FV_LOOP_NAME(name)(void *o_, const void *a_, const void *b_, const void *c_,       \
                                   int64_t n, double p_, double q_)                                \
    {                                                                                              \
        FV_RESULT_##class *o = o_;                                                                 \
        const T *a = a_, *b = b_, *c = c_;                                                         \
        const T p = NUMBER(p_), q = NUMBER(q_);                                                    \
        (void)b, (void)c, (void)p, (void)q;                                                        \
        FV_INDEPENDENT                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                          \
            FV_READ_##inputs;                                                                      \
            (void)x, (void)y, (void)z;                                                             \
            o[i] = (FV_RESULT_##class)(value);                                                     \
        }                                                                                          \
    }

#endif
