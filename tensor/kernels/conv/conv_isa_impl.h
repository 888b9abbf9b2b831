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
    if (job->relu) { /* NaN stays */
        const VEC zero = {0};
        __typeof__(sum < zero) bits, negative = sum < zero;
        memcpy(&bits, &sum, sizeof bits);
        bits &= ~negative;
        memcpy(&sum, &bits, sizeof bits);
    }
    return sum;
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

/* Lane i of the result: channel c of the group of lane i. */
FV_INLINE VEC NAME(spread)(VEC v, int group, int c)
{
#define CASE(group, c)                                                                             \
    case c: return SPREAD##group(v, c);
    if (group == 4) {
        switch (c) {
            CASE(4, 0) CASE(4, 1) CASE(4, 2) CASE(4, 3)
        }
    }
    if (group == 8) {
        switch (c) {
            CASE(8, 0) CASE(8, 1) CASE(8, 2) CASE(8, 3) CASE(8, 4) CASE(8, 5) CASE(8, 6) CASE(8, 7)
        }
    }
#undef CASE
    return v;
}

#define GROUP 1
#include "conv_depthwise_group_impl.h"
#undef GROUP
#define GROUP 4
#include "conv_depthwise_group_impl.h"
#undef GROUP
#define GROUP 8
#include "conv_depthwise_group_impl.h"
#undef GROUP

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
