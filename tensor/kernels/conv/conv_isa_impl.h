/* Body of conv_isa.c for one element type: T, VEC, VEC_U and NAME are defined by the includer. */

enum { NAME(LANES) = FV_VBYTES / sizeof(T) };

static inline VEC NAME(load)(const T *p)
{
    return *(const VEC_U *)(const void *)p;
}

/* Stores the first `count` lanes. */
static inline void NAME(store)(T *to, VEC value, int64_t count)
{
    if (count >= NAME(LANES))
        *(VEC_U *)(void *)to = value;
    else
        memcpy(to, &value, (size_t)count * sizeof(T));
}

/* A NaN stays. */
FV_INLINE VEC NAME(positive)(VEC v)
{
    return (VEC)((__typeof__(v < (VEC){0})) v & ~(v < (VEC){0}));
}

/* The epilogue of position q, channels from v on. */
static VEC NAME(finish)(const fv_depthwise_row *job, VEC sum, int64_t q, int64_t v, int64_t count)
{
    if (job->scale) sum *= NAME(load)((const T *)job->scale + v);
    if (job->shift) sum += NAME(load)((const T *)job->shift + v);
    if (job->residual) {
        VEC residual = {0};
        const int64_t lanes = count < NAME(LANES) ? count : NAME(LANES);
        memcpy(&residual, (const T *)job->residual + q * job->c_step + v,
               (size_t)lanes * sizeof(T));
        sum += residual;
    }
    return job->relu ? NAME(positive)(sum) : sum;
}

/* The same of a tile of whole vectors while it is in registers; residuals are there for positions
 * of the row only. */
FV_INLINE void NAME(finish_tile)(const fv_depthwise_row *job, VEC *sums, int count, int64_t q,
                                 int64_t v)
{
    const int64_t left = job->positions - q;
    if (job->scale) {
        const VEC scale = NAME(load)((const T *)job->scale + v);
        FV_UNROLL
        for (int i = 0; i < count; i++) sums[i] *= scale;
    }
    if (job->shift) {
        const VEC shift = NAME(load)((const T *)job->shift + v);
        FV_UNROLL
        for (int i = 0; i < count; i++) sums[i] += shift;
    }
    if (job->residual) {
        const T *residual = (const T *)job->residual + q * job->c_step + v;
        FV_UNROLL
        for (int i = 0; i < count; i++)
            if (i < left) sums[i] += NAME(load)(residual + i * job->c_step);
    }
    if (!job->relu) return;
    FV_UNROLL
    for (int i = 0; i < count; i++) sums[i] = NAME(positive)(sums[i]);
}

static inline void NAME(put)(const fv_depthwise_row *job, VEC sum, int64_t q, int64_t v)
{
    const int64_t count = job->channels - v;
    if (job->finish) sum = NAME(finish)(job, sum, q, v, count);
    NAME(store)((T *)job->c + q * job->c_step + v, sum, count);
}

static void NAME(depthwise)(const fv_depthwise_row *job)
{
    const int64_t step = job->a_step;
    for (int64_t v = 0; v < job->channels; v += NAME(LANES)) {
        const T *a = (const T *)job->a + v, *w = (const T *)job->w + v;
        VEC bias = {0};
        if (job->bias) bias = NAME(load)((const T *)job->bias + v);
        int64_t q = 0;
        for (; q + 4 <= job->positions; q += 4, a += 4 * step) { /* a weight serves four */
            VEC s0 = bias, s1 = bias, s2 = bias, s3 = bias;
            for (int64_t t = 0; t < job->tap_count; t++) {
                const T *p = a + job->taps[t];
                VEC weight = NAME(load)(w + t * job->width);
                s0 += NAME(load)(p) * weight;
                s1 += NAME(load)(p + step) * weight;
                s2 += NAME(load)(p + 2 * step) * weight;
                s3 += NAME(load)(p + 3 * step) * weight;
            }
            NAME(put)(job, s0, q, v);
            NAME(put)(job, s1, q + 1, v);
            NAME(put)(job, s2, q + 2, v);
            NAME(put)(job, s3, q + 3, v);
        }
        for (; q < job->positions; q++, a += step) {
            VEC sum = bias;
            for (int64_t t = 0; t < job->tap_count; t++)
                sum += NAME(load)(a + job->taps[t]) * NAME(load)(w + t * job->width);
            NAME(put)(job, sum, q, v);
        }
    }
}

/* The channel c of each group, at every lane of the group. */
FV_INLINE VEC NAME(spread)(const T *a, int group, int c)
{
    if (group == 1) return NAME(load)(a);
    if (group == WIDTH) return (VEC){0} + a[c];
#if WIDTH == 16
    if (group == 4) {
        switch (c) {
        case 0: return SPREAD4_16(NAME(load)(a), 0);
        case 1: return SPREAD4_16(NAME(load)(a), 1);
        case 2: return SPREAD4_16(NAME(load)(a), 2);
        default: return SPREAD4_16(NAME(load)(a), 3);
        }
    }
    switch (c) {
    case 0: return SPREAD8_16(NAME(load)(a), 0);
    case 1: return SPREAD8_16(NAME(load)(a), 1);
    case 2: return SPREAD8_16(NAME(load)(a), 2);
    case 3: return SPREAD8_16(NAME(load)(a), 3);
    case 4: return SPREAD8_16(NAME(load)(a), 4);
    case 5: return SPREAD8_16(NAME(load)(a), 5);
    case 6: return SPREAD8_16(NAME(load)(a), 6);
    default: return SPREAD8_16(NAME(load)(a), 7);
    }
#elif WIDTH == 8
    switch (c) {
    case 0: return SPREAD4_8(NAME(load)(a), 0);
    case 1: return SPREAD4_8(NAME(load)(a), 1);
    case 2: return SPREAD4_8(NAME(load)(a), 2);
    default: return SPREAD4_8(NAME(load)(a), 3);
    }
#else
    return NAME(load)(a);
#endif
}

/* The shapes of groups, no longer than a vector, and the tables of their functions. */
#define ROW_1(taps, step)  NAME(row_##taps##s##step##g1),
#define SUM_1(taps, step)  NAME(sum_##taps##s##step##g1),
#define ROW_4(taps, step)  NAME(row_##taps##s##step##g4),
#define SUM_4(taps, step)  NAME(sum_##taps##s##step##g4),
#define ROW_8(taps, step)  NAME(row_##taps##s##step##g8),
#define SUM_8(taps, step)  NAME(sum_##taps##s##step##g8),
#define SUM_16(taps, step) NAME(sum_##taps##s##step##g16),
#define GROUP              1
#include "conv_depthwise_group_impl.h"
#undef GROUP
#if WIDTH >= 4
#define GROUP 4
#include "conv_depthwise_group_impl.h"
#undef GROUP
#endif
#if WIDTH >= 8
#define GROUP 8
#include "conv_depthwise_group_impl.h"
#undef GROUP
#endif
#if WIDTH >= 16
#define GROUP 16
#include "conv_depthwise_group_impl.h"
#undef GROUP
#endif

static const fv_depthwise_shapes NAME(shapes) = {
    .row =
        {
            {FV_GROUPED_SHAPES(ROW_1) FV_UNGROUPED_SHAPES(ROW_1)},
#if WIDTH > 4
            {FV_GROUPED_SHAPES(ROW_4)},
#endif
#if WIDTH > 8
            {FV_GROUPED_SHAPES(ROW_8)},
#endif
        },
    .sum =
        {
            {FV_GROUPED_SHAPES(SUM_1) FV_UNGROUPED_SHAPES(SUM_1)},
#if WIDTH >= 4
            {FV_GROUPED_SHAPES(SUM_4)},
#endif
#if WIDTH >= 8
            {FV_GROUPED_SHAPES(SUM_8)},
#endif
#if WIDTH >= 16
            {FV_GROUPED_SHAPES(SUM_16)},
#endif
        },
};
#undef ROW_1
#undef SUM_1
#undef ROW_4
#undef SUM_4
#undef ROW_8
#undef SUM_8
#undef SUM_16

/* One vector of channels and `count` (1..4) taps from tap t on. */
static void NAME(sum_taps)(const fv_depthwise_sum *job, int64_t v, int64_t t, int count)
{
    const int64_t *taps = job->taps + t;
    const T *g = (const T *)job->g + v;
    const int64_t o0 = taps[0], o1 = taps[count > 1 ? 1 : 0], o2 = taps[count > 2 ? 2 : 0];
    const int64_t o3 = taps[count > 3 ? 3 : 0];
    VEC s[4] = {{0}, {0}, {0}, {0}};
    for (int64_t r = 0; r < job->row_count; r++) {
        const T *a = (const T *)job->a + v + job->rows[r];
        for (int64_t q = 0; q < job->positions; q++, a += job->a_step, g += job->width) {
            VEC grad = NAME(load)(g);
            s[0] += NAME(load)(a + o0) * grad;
            s[1] += NAME(load)(a + o1) * grad;
            s[2] += NAME(load)(a + o2) * grad;
            s[3] += NAME(load)(a + o3) * grad;
        }
    }
    for (int i = 0; i < count; i++) {
        VEC_U *to = (VEC_U *)(void *)((T *)job->sums + (t + i) * job->width + v);
        *to += s[i];
    }
}

static void NAME(depthwise_sum)(const fv_depthwise_sum *job)
{
    for (int64_t v = 0; v < job->width; v += NAME(LANES)) {
        for (int64_t t = 0; t < job->tap_count; t += 4) {
            int64_t left = job->tap_count - t;
            NAME(sum_taps)(job, v, t, left < 4 ? (int)left : 4);
        }
    }
}
