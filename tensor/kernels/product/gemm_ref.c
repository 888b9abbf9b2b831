/* The triple loop twin of fv_gemm_run, the oracle of its tests. */
#include "gemm.h"

#define FV_GEMM_REFERENCE(T)                                                                       \
    static void reference_##T(const fv_gemm *g)                                                    \
    {                                                                                              \
        const T *a = g->a, *b = g->b, *bias = g->bias;                                             \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            T *c = (T *)g->c + i * g->c_rs;                                                        \
            for (int64_t j = 0; j < g->n; j++) {                                                   \
                double sum = bias ? (double)bias[j] : 0;                                           \
                for (int64_t k = 0; k < g->k; k++)                                                 \
                    sum += (double)a[i * g->a_rs + k * g->a_cs] *                                  \
                           (double)b[k * g->b_rs + j * g->b_cs];                                   \
                c[j] = (T)(g->accumulate ? (double)c[j] + sum : sum);                              \
            }                                                                                      \
        }                                                                                          \
    }
FV_GEMM_REFERENCE(float)
FV_GEMM_REFERENCE(double)
#undef FV_GEMM_REFERENCE

void fv_gemm_reference(const fv_gemm *g)
{
    if (g->dtype == FV_FLOAT64)
        reference_double(g);
    else
        reference_float(g);
}
