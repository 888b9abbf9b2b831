/* Body of conv_isa_impl.h for one shape of a row of taps: TAPS adjacent ones, STEP pixels from one
 * position to the next, and groups of GROUP channels, defined by the includer. Every pixel that is
 * loaded serves all taps and positions that it meets. */

#define SHAPE(id)                                                                                  \
    NAME(FV_ISA_CAT(id##_, FV_ISA_CAT(TAPS, FV_ISA_CAT(s, FV_ISA_CAT(STEP, FV_ISA_CAT(g, GROUP))))))

#if GROUP < WIDTH /* else the implicit product is as good */
/* sums[i] += a row of taps at position i, of each group's channel c; pixels from `first` to before
 * `last` are inside. */
FV_INLINE void SHAPE(add_one)(VEC *sums, const T *a, int64_t pixel, const T *w, int64_t width,
                              int c, int64_t first, int64_t last, bool edge)
{
    VEC weight[TAPS];
    FV_UNROLL
    for (int t = 0; t < TAPS; t++) weight[t] = NAME(load)(w + (t * GROUP + c) * width);
    FV_UNROLL
    for (int x = 0; x < (FV_POSITIONS - 1) * STEP + TAPS; x++, a += pixel) {
        if (edge && (x < first || x >= last)) continue;
        const VEC value = NAME(spread)(a, GROUP, c);
        FV_UNROLL
        for (int t = 0; t < TAPS; t++)
            if (x >= t && (x - t) % STEP == 0 && (x - t) / STEP < FV_POSITIONS)
                sums[(x - t) / STEP] += value * weight[t];
    }
}

FV_INLINE void SHAPE(add)(VEC *sums, const T *a, int64_t pixel, const T *w, int64_t width,
                          int64_t first, int64_t last, bool edge)
{
    FV_UNROLL
    for (int c = 0; c < GROUP; c++) SHAPE(add_one)(sums, a, pixel, w, width, c, first, last, edge);
}

/* A vector of channels of the positions from q on. */
FV_INLINE void SHAPE(tile)(const fv_depthwise_row *job, int64_t q, int64_t v)
{
    const int64_t pixel = job->pixel, left = job->positions - q;
    const int64_t first = job->inside - q * STEP, last = job->inside_end - q * STEP;
    const bool edge = first > 0 || last < (FV_POSITIONS - 1) * STEP + TAPS;
    VEC sums[FV_POSITIONS], bias = {0};
    if (job->bias) bias = NAME(load)((const T *)job->bias + v);
    FV_UNROLL
    for (int i = 0; i < FV_POSITIONS; i++) sums[i] = bias;
    for (int64_t r = 0; r < job->tap_count; r++) {
        const T *a = (const T *)job->a + v + job->taps[r] + q * STEP * pixel;
        const T *w = (const T *)job->w + v + job->places[r] * GROUP * job->width;
        if (edge)
            SHAPE(add)(sums, a, pixel, w, job->width, first, last, true);
        else
            SHAPE(add)(sums, a, pixel, w, job->width, first, last, false);
    }
    if (job->finish && left <= FV_POSITIONS / 2)
        NAME(finish_tile)(job, sums, FV_POSITIONS / 2, q, v);
    else if (job->finish)
        NAME(finish_tile)(job, sums, FV_POSITIONS, q, v);
    T *c = (T *)job->c + q * job->c_step + v;
    FV_UNROLL
    for (int i = 0; i < FV_POSITIONS; i++, c += job->c_step)
        if (i < left) *(VEC_U *)(void *)c = sums[i];
}

static void SHAPE(row)(const fv_depthwise_row *job)
{
    const int64_t last = job->channels - NAME(LANES);
    for (int64_t q = 0; q < job->positions; q += FV_POSITIONS)
        for (int64_t v = 0; v < job->channels; v += NAME(LANES))
            SHAPE(tile)(job, q, v < last ? v : last);
}
#endif

/* The sums of a row of taps for each group's channel c of the source += what FV_POSITIONS positions
 * with such gradients add. */
FV_INLINE void SHAPE(sum_one)(T *row, int64_t width, const T *a, int64_t pixel, const VEC *grad,
                              int c, int64_t first, int64_t last, bool edge)
{
    VEC sum[TAPS];
    FV_UNROLL
    for (int t = 0; t < TAPS; t++) sum[t] = NAME(load)(row + t * GROUP * width);
    FV_UNROLL
    for (int x = 0; x < (FV_POSITIONS - 1) * STEP + TAPS; x++, a += pixel) {
        if (edge && (x < first || x >= last)) continue;
        const VEC value = NAME(spread)(a, GROUP, c);
        FV_UNROLL
        for (int t = 0; t < TAPS; t++)
            if (x >= t && (x - t) % STEP == 0 && (x - t) / STEP < FV_POSITIONS)
                sum[t] += value * grad[(x - t) / STEP];
    }
    FV_UNROLL
    for (int t = 0; t < TAPS; t++) *(VEC_U *)(void *)(row + t * GROUP * width) = sum[t];
}

/* What FV_POSITIONS positions from q on add to the sums of a vector of channels. */
FV_INLINE void SHAPE(add_sums)(const fv_depthwise_sum *job, int64_t q, int64_t v, T *sums,
                               bool edge)
{
    const int64_t pixel = job->pixel, left = job->positions - q;
    const int64_t first = job->inside - q * STEP, last = job->inside_end - q * STEP;
    const T *g = (const T *)job->g + v + q * job->g_step;
    VEC grad[FV_POSITIONS];
    FV_UNROLL
    for (int i = 0; i < FV_POSITIONS; i++) {
        grad[i] = (VEC){0};
        if (!edge || i < left) grad[i] = NAME(load)(g + i * job->g_step);
    }
    for (int64_t r = 0; r < job->tap_count; r++) {
        const T *a = (const T *)job->a + v + job->taps[r] + q * STEP * pixel;
        T *row = sums + job->places[r] * GROUP * job->width;
#if GROUP == WIDTH
        FV_ROLLED
#else
        FV_UNROLL
#endif
        for (int c = 0; c < GROUP; c++)
            SHAPE(sum_one)(row + c * job->width, job->width, a, pixel, grad, c, first, last, edge);
    }
}

static void SHAPE(sum)(const fv_depthwise_sum *job)
{
    const int64_t overlap = job->channels - NAME(LANES);
    for (int64_t q = 0; q < job->positions; q += FV_POSITIONS) {
        const bool edge = q + FV_POSITIONS > job->positions || job->inside > q * STEP ||
                          job->inside_end < (q + FV_POSITIONS - 1) * STEP + TAPS;
        for (int64_t v = 0; v < job->channels; v += NAME(LANES)) {
            T *sums = (T *)job->sums + v;
            if (edge)
                SHAPE(add_sums)(job, q, v < overlap ? v : overlap, sums, true);
            else
                SHAPE(add_sums)(job, q, v < overlap ? v : overlap, sums, false);
        }
    }
}

#undef SHAPE
#undef TAPS
#undef STEP
