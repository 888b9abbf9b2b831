/* Body of conv_few_isa_impl.h for one number of columns: COLUMNS, defined by the includer. */

#define SHAPE(id) NAME(FV_ISA_CAT(id##_, COLUMNS))
#define POSITIONS (FV_FEW_SUMS / COLUMNS)
#define SUMS      (POSITIONS * COLUMNS)
/* The vectors of sums in whole trees. */
#define TREES ((SUMS + NAME(LANES) - 1) / NAME(LANES))

/* A tile of positions; those from `count` on are the last one again. */
static void SHAPE(tile)(const fv_few_row *job, int64_t q, int64_t count)
{
    const T *w = job->w, *a[POSITIONS];
    VEC sums[TREES * NAME(LANES)];
    FV_UNROLL
    for (int p = 0; p < POSITIONS; p++)
        a[p] = (const T *)job->a + (q + (p < count ? p : count - 1)) * job->a_step;
    FV_UNROLL
    for (int i = 0; i < TREES * NAME(LANES); i++) sums[i] = (VEC){0};
    for (int64_t t = 0; t < job->tap_count; t++) {
        const int64_t tap = job->taps[t];
        for (int64_t v = 0; v < job->depth; v += NAME(LANES)) {
            VEC weight[COLUMNS];
            FV_UNROLL
            for (int j = 0; j < COLUMNS; j++) weight[j] = NAME(load)(w + j * job->depth + v);
            FV_UNROLL
            for (int p = 0; p < POSITIONS; p++) {
                const VEC x = NAME(load)(a[p] + tap + v);
                FV_UNROLL
                for (int j = 0; j < COLUMNS; j++) sums[p * COLUMNS + j] += x * weight[j];
            }
        }
        w += COLUMNS * job->depth;
    }
    T results[TREES * NAME(LANES)];
    FV_UNROLL
    for (int i = 0; i < TREES; i++)
        *(VEC_U *)(void *)(results + i * NAME(LANES)) = NAME(add_lanes)(sums + i * NAME(LANES));
    if (job->finish) {
        for (int p = 0; p < count; p++) NAME(put)(job, results + p * COLUMNS, q + p, COLUMNS);
    } else {
        T *c = (T *)job->c + q * job->c_step;
        for (int p = 0; p < count; p++, c += job->c_step)
            for (int j = 0; j < COLUMNS; j++) c[j] = results[p * COLUMNS + j];
    }
}

static void SHAPE(row)(const fv_few_row *job)
{
    for (int64_t q = 0; q < job->positions; q += POSITIONS) {
        const int64_t left = job->positions - q;
        SHAPE(tile)(job, q, left < POSITIONS ? left : POSITIONS);
    }
}

#undef SHAPE
#undef POSITIONS
#undef SUMS
#undef TREES
#undef COLUMNS
