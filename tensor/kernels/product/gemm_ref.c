/* The plain loops of a product, the oracle of its tests. */
#include "gemm.h"

#define FV_GEMM_REFERENCE(T)                                                                       \
    static void reference_##T(const fv_gemm *g, const fv_gemm_operands *o)                         \
    {                                                                                              \
        const T *a = o->a, *b = o->b, *bias = g->bias ? o->bias : NULL;                            \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            T *c = (T *)o->c + i * g->c_rs;                                                        \
            for (int64_t j = 0; j < g->n; j++) {                                                   \
                double sum = bias ? (double)bias[j * g->bias_stride] : 0;                          \
                for (int64_t k = 0; k < g->k; k++)                                                 \
                    sum += (double)a[i * g->a_rs + k * g->a_cs] *                                  \
                           (double)b[k * g->b_rs + j * g->b_cs];                                   \
                c[j] = (T)(g->accumulate ? (double)c[j] + sum : sum);                              \
                if (g->relu && c[j] < 0) c[j] = 0;                                                 \
            }                                                                                      \
        }                                                                                          \
    }
FV_GEMM_REFERENCE(float)
FV_GEMM_REFERENCE(double)
#undef FV_GEMM_REFERENCE

void fv_gemm_reference(const fv_gemm *g, const fv_gemm_operands *o)
{
    for (int64_t i = 0; i < fv_gemm_count(g); i++) {
        fv_gemm_operands at = fv_gemm_at(g, o, i);
        if (g->dtype == FV_FLOAT64)
            reference_double(g, &at);
        else
            reference_float(g, &at);
    }
}
