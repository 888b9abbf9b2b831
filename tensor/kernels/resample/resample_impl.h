/* Weighted sums of rows and along a row for one element type; included by resample_isa.c. */

/* y = w0 * a + w1 * b (+ y, with `more`). */
FV_INLINE void NAME(two)(T *restrict y, const T *restrict a, const T *restrict b, const T *w,
                         int64_t n, bool more)
{
    const T w0 = w[0], w1 = w[1];
    for (int64_t i = 0; i < n; i++) y[i] = (more ? y[i] : 0) + w0 * a[i] + w1 * b[i];
}

/* The same of four rows. */
FV_INLINE void NAME(four)(T *restrict y, const T *restrict a, const T *restrict b,
                          const T *restrict c, const T *restrict d, const T *w, int64_t n,
                          bool more)
{
    const T w0 = w[0], w1 = w[1], w2 = w[2], w3 = w[3];
    for (int64_t i = 0; i < n; i++)
        y[i] = (more ? y[i] : 0) + (w0 * a[i] + w1 * b[i]) + (w2 * c[i] + w3 * d[i]);
}

FV_INLINE void NAME(one)(T *restrict y, const T *restrict a, T w, int64_t n)
{
    if (w == (T)1)
        memcpy(y, a, (size_t)n * sizeof(T));
    else
        for (int64_t i = 0; i < n; i++) y[i] = w * a[i];
}

/* What is left after fours and a two. */
FV_INLINE void NAME(add_one)(T *restrict y, const T *restrict a, T w, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] += w * a[i];
}

static void NAME(rows)(void *y_, const void *const *rows, const void *weights, int64_t count,
                       int64_t n)
{
    T *y = y_;
    const T *w = weights;
    int64_t t = 0;
    if (count == 0) memset(y, 0, (size_t)n * sizeof(T));
    if (count == 1) NAME(one)(y, rows[0], w[0], n);
    if (count <= 1) return;
    if (count < 4) {
        NAME(two)(y, rows[0], rows[1], w, n, false);
        t = 2;
    } else {
        NAME(four)(y, rows[0], rows[1], rows[2], rows[3], w, n, false);
        for (t = 4; t + 4 <= count; t += 4)
            NAME(four)(y, rows[t], rows[t + 1], rows[t + 2], rows[t + 3], w + t, n, true);
        if (t + 2 <= count) {
            NAME(two)(y, rows[t], rows[t + 1], w + t, n, true);
            t += 2;
        }
    }
    if (t < count) NAME(add_one)(y, rows[t], w[t], n);
}

/* Pixels of one element. */
FV_INLINE void NAME(along_single)(T *restrict y, const T *restrict x, const fv_resample_span *spans,
                                  const T *restrict weights, int64_t n)
{
    for (int64_t j = 0; j < n; j++) {
        const T *p = x + spans[j].first, *w = weights + spans[j].at;
        const int32_t count = spans[j].count;
        T sum = 0;
        if (count == 2)
            sum = w[0] * p[0] + w[1] * p[1];
        else if (count == 4)
            sum = (w[0] * p[0] + w[1] * p[1]) + (w[2] * p[2] + w[3] * p[3]);
        else
            for (int32_t t = 0; t < count; t++) sum += w[t] * p[t];
        y[j] = sum;
    }
}

/* Pixels of `inner` neighbours each, of which `count` at p are summed. */
FV_INLINE void NAME(pixel)(T *restrict y, const T *restrict p, const T *w, int32_t count,
                           int64_t inner)
{
    if (count == 1) {
        NAME(one)(y, p, w[0], inner);
    } else if (count == 2) {
        NAME(two)(y, p, p + inner, w, inner, false);
    } else if (count == 4) {
        NAME(four)(y, p, p + inner, p + 2 * inner, p + 3 * inner, w, inner, false);
    } else {
        memset(y, 0, (size_t)inner * sizeof(T));
        for (int32_t t = 0; t < count; t++) NAME(add_one)(y, p + t * inner, w[t], inner);
    }
}

static void NAME(along)(void *y_, const void *x_, const fv_resample_span *spans,
                        const void *weights_, int64_t n, int64_t inner)
{
    T *y = y_;
    const T *x = x_, *weights = weights_;
    if (inner == 1) {
        NAME(along_single)(y, x, spans, weights, n);
        return;
    }
    for (int64_t j = 0; j < n; j++) NAME(pixel)
    (y + j * inner, x + spans[j].first * inner, weights + spans[j].at, spans[j].count, inner);
}

static void NAME(pick)(void *y_, const void *x_, const fv_resample_span *spans, int64_t n)
{
    T *restrict y = y_;
    const T *restrict x = x_;
    for (int64_t j = 0; j < n; j++) y[j] = x[spans[j].first];
}

static void NAME(twice)(void *y_, const void *x_, int64_t n)
{
    T *restrict y = y_;
    const T *restrict x = x_;
    for (int64_t j = 0; j < n; j++) {
        y[2 * j] = x[j];
        y[2 * j + 1] = x[j];
    }
}

#undef T
#undef NAME
