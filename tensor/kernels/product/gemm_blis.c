/* BLIS as a backend of fv_gemm_run; the only file that knows it.
 *
 * The expert interface takes the number of threads with each call, so that the library's thread
 * policy rules BLIS too. */
#include "gemm_impl.h"

#ifdef FV_HAVE_BLIS

#include <string.h>

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <blis.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/* BLIS reads a stride pair with a zero as "not given". A dimension of one element may have any
 * stride; a real zero stride (an expanded operand) is left to the own kernels. */
static bool usable(int64_t rows, int64_t columns, int64_t *rs, int64_t *cs)
{
    if (rows == 1) *rs = *cs == 1 ? columns : 1;
    if (columns == 1) *cs = *rs == 1 ? rows : 1;
    return *rs > 0 && *cs > 0 && *rs != *cs;
}

/* C starts as bias, or bias is added to it, so that BLIS accumulates. */
#define FV_SPREAD_BIAS(T)                                                                          \
    static void spread_##T(const fv_gemm *g)                                                       \
    {                                                                                              \
        const T *bias = g->bias;                                                                   \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            T *c = (T *)g->c + i * g->c_rs;                                                        \
            if (g->accumulate)                                                                     \
                for (int64_t j = 0; j < g->n; j++) c[j] += bias[j];                                \
            else                                                                                   \
                memcpy(c, bias, (size_t)g->n * sizeof(T));                                         \
        }                                                                                          \
    }
FV_SPREAD_BIAS(float)
FV_SPREAD_BIAS(double)
#undef FV_SPREAD_BIAS

bool fv_gemm_blis(const fv_gemm *g, int threads)
{
    int64_t a_rs = g->a_rs, a_cs = g->a_cs, b_rs = g->b_rs, b_cs = g->b_cs;
    if (g->m < 1 || g->n < 1 || g->k < 1 || g->c_rs < g->n || (g->c_rs == 1 && g->m > 1))
        return false;
    if (!usable(g->m, g->k, &a_rs, &a_cs) || !usable(g->k, g->n, &b_rs, &b_cs)) return false;
    rntm_t runtime;
    bli_rntm_init(&runtime);
    bli_rntm_set_num_threads(threads, &runtime);
    bool add = g->accumulate || g->bias;
    if (g->dtype == FV_FLOAT64) {
        double one = 1, beta = add ? 1 : 0;
        if (g->bias) spread_double(g);
        bli_dgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, g->m, g->n, g->k, &one,
                     (double *)(uintptr_t)g->a, a_rs, a_cs, (double *)(uintptr_t)g->b, b_rs, b_cs,
                     &beta, g->c, g->c_rs, 1, NULL, &runtime);
    } else {
        float one = 1, beta = add ? 1 : 0;
        if (g->bias) spread_float(g);
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, g->m, g->n, g->k, &one,
                     (float *)(uintptr_t)g->a, a_rs, a_cs, (float *)(uintptr_t)g->b, b_rs, b_cs,
                     &beta, g->c, g->c_rs, 1, NULL, &runtime);
    }
    return true;
}

#else

bool fv_gemm_blis(const fv_gemm *g, int threads)
{
    (void)g;
    (void)threads;
    return false;
}

#endif
