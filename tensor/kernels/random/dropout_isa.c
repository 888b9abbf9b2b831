/* Rows of dropout: 32 Philox blocks side by side, in loops that the compiler vectorises (it would
 * unroll shorter ones). */
#include "tensor/kernels/random/dropout.h"

enum { BLOCKS = FV_DROPOUT_STEP / 4 };

/* word[4 l + k] = word k of block count + l; the function of fv_philox. */
static inline void philox_words(uint64_t seed, uint64_t count, uint32_t word[FV_DROPOUT_STEP])
{
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    for (int l = 0; l < BLOCKS; l++) {
        c0[l] = (uint32_t)(count + (uint64_t)l);
        c1[l] = (uint32_t)((count + (uint64_t)l) >> 32);
        c2[l] = c3[l] = 0;
    }
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < BLOCKS; l++) {
            uint64_t even = (uint64_t)0xD2511F53u * c0[l];
            uint64_t odd = (uint64_t)0xCD9E8D57u * c2[l];
            c0[l] = (uint32_t)(odd >> 32) ^ c1[l] ^ key0;
            c1[l] = (uint32_t)odd;
            c2[l] = (uint32_t)(even >> 32) ^ c3[l] ^ key1;
            c3[l] = (uint32_t)even;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    for (int l = 0; l < BLOCKS; l++) {
        word[4 * l] = c0[l];
        word[4 * l + 1] = c1[l];
        word[4 * l + 2] = c2[l];
        word[4 * l + 3] = c3[l];
    }
}

#define ROW(name, T)                                                                               \
    static void name(T *y, const T *x, int64_t first, int64_t n, fv_rng_state state,               \
                     uint32_t limit, T scale)                                                      \
    {                                                                                              \
        uint32_t word[FV_DROPOUT_STEP];                                                            \
        uint64_t count = state.offset + (uint64_t)(first / 4);                                     \
        for (int64_t i = 0; i < n; i += FV_DROPOUT_STEP, count += BLOCKS) {                        \
            philox_words(state.seed, count, word);                                                 \
            T mask[FV_DROPOUT_STEP];                                                               \
            for (int k = 0; k < FV_DROPOUT_STEP; k++)                                              \
                mask[k] = (int32_t)(word[k] >> 8) < (int32_t)limit ? scale : (T)0;                 \
            int64_t left = n - i;                                                                  \
            if (left >= FV_DROPOUT_STEP)                                                           \
                for (int k = 0; k < FV_DROPOUT_STEP; k++) y[i + k] = x[i + k] * mask[k];           \
            else                                                                                   \
                for (int k = 0; k < left; k++) y[i + k] = x[i + k] * mask[k];                      \
        }                                                                                          \
    }
ROW(row_f32, float)
ROW(row_f64, double)

const fv_dropout_rows FV_ISA_NAME(fv_dropout_rows_) = {row_f32, row_f64};
