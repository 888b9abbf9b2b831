/* Columns of one type: neighbours in the lanes, each with n numbers that lie a stride apart. The
 * includer defines T, its vector V of LEN lanes and NAME(id), and the functions load, store,
 * larger, exponential and logarithm by that name.
 *
 * Several vectors of a row at once: with one, every row would be met for the sake of a cache line,
 * in three passes. */
enum { NAME(WIDE) = 4 };

FV_INLINE void NAME(block)(T *y, const T *x, int64_t n, int64_t sy, int64_t sx, int vectors,
                           int64_t w, bool log)
{
    V m[NAME(WIDE)], sum[NAME(WIDE)];
    for (int k = 0; k < vectors; k++) m[k] = NAME(load)(x + k * LEN, w, 0), sum[k] = (V){0};
    for (int64_t r = 1; r < n; r++)
        for (int k = 0; k < vectors; k++)
            m[k] = NAME(larger)(m[k], NAME(load)(x + r * sx + k * LEN, w, 0));
    for (int64_t r = 0; r < n; r++)
        for (int k = 0; k < vectors; k++) {
            V d = NAME(load)(x + r * sx + k * LEN, w, 0) - m[k];
            V e = NAME(exponential)(d);
            sum[k] += e;
            NAME(store)(y + r * sy + k * LEN, log ? d : e, w);
        }
    for (int k = 0; k < vectors; k++) sum[k] = log ? NAME(logarithm)(sum[k]) : 1 / sum[k];
    for (int64_t r = 0; r < n; r++)
        for (int k = 0; k < vectors; k++) {
            T *at = y + r * sy + k * LEN;
            V v = NAME(load)(at, w, 0);
            NAME(store)(at, log ? v - sum[k] : v * sum[k], w);
        }
}

static void NAME(cols)(T *y, const T *x, int64_t n, int64_t sy, int64_t sx, int64_t count, bool log)
{
    int64_t c = 0;
    for (; c + NAME(WIDE) * LEN <= count; c += NAME(WIDE) * LEN)
        NAME(block)(y + c, x + c, n, sy, sx, NAME(WIDE), LEN, log);
    for (; c < count; c += LEN)
        NAME(block)(y + c, x + c, n, sy, sx, 1, count - c < LEN ? count - c : LEN, log);
}

FV_INLINE void NAME(grad_block)(T *gx, const T *g, const T *y, int64_t n, int64_t sgx, int64_t sg,
                                int64_t sy, int vectors, int64_t w, bool log)
{
    V sum[NAME(WIDE)];
    for (int k = 0; k < vectors; k++) sum[k] = (V){0};
    for (int64_t r = 0; r < n; r++)
        for (int k = 0; k < vectors; k++) {
            V v = NAME(load)(g + r * sg + k * LEN, w, 0);
            sum[k] += log ? v : v * NAME(load)(y + r * sy + k * LEN, w, 0);
        }
    for (int64_t r = 0; r < n; r++)
        for (int k = 0; k < vectors; k++) {
            V v = NAME(load)(g + r * sg + k * LEN, w, 0),
              u = NAME(load)(y + r * sy + k * LEN, w, 0);
            V slope = log ? v - NAME(exponential)(u) * sum[k] : u * (v - sum[k]);
            NAME(store)(gx + r * sgx + k * LEN, slope, w);
        }
}

static void NAME(grad_cols)(T *gx, const T *g, const T *y, int64_t n, int64_t sgx, int64_t sg,
                            int64_t sy, int64_t count, bool log)
{
    int64_t c = 0;
    for (; c + NAME(WIDE) * LEN <= count; c += NAME(WIDE) * LEN)
        NAME(grad_block)(gx + c, g + c, y + c, n, sgx, sg, sy, NAME(WIDE), LEN, log);
    for (; c < count; c += LEN) NAME(grad_block)
    (gx + c, g + c, y + c, n, sgx, sg, sy, 1, count - c < LEN ? count - c : LEN, log);
}
