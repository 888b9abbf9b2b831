/* Products of integers, which wrap around: plain loops, as they serve indices and counts. */
#include "gemm.h"

/* U is an unsigned type at least of T's size. */
#define FV_GEMM_INTEGERS(T, U)                                                                     \
    static void integers_##T(const fv_gemm *g, const fv_gemm_operands *o)                          \
    {                                                                                              \
        const T *a = o->a, *b = o->b, *bias = g->bias ? o->bias : NULL;                            \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            T *c = (T *)o->c + i * g->c_rs;                                                        \
            for (int64_t j = 0; j < g->n; j++) {                                                   \
                U sum = bias ? (U)bias[j * g->bias_stride] : 0;                                    \
                for (int64_t k = 0; k < g->k; k++)                                                 \
                    sum += (U)a[i * g->a_rs + k * g->a_cs] * (U)b[k * g->b_rs + j * g->b_cs];      \
                c[j] = (T)sum;                                                                     \
                if (g->relu && c[j] < (T)1) c[j] = 0;                                              \
            }                                                                                      \
        }                                                                                          \
    }
FV_GEMM_INTEGERS(uint8_t, uint32_t)
FV_GEMM_INTEGERS(int32_t, uint32_t)
FV_GEMM_INTEGERS(int64_t, uint64_t)

void fv_gemm_integers(const fv_gemm *g, const fv_gemm_operands *o)
{
    for (int64_t i = 0; i < fv_gemm_count(g); i++) {
        fv_gemm_operands at = fv_gemm_at(g, o, i);
        switch (g->dtype) {
        case FV_INT64: integers_int64_t(g, &at); break;
        case FV_INT32: integers_int32_t(g, &at); break;
        default: integers_uint8_t(g, &at);
        }
    }
}
