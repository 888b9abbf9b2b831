/* Update kernels for one element type: T, SQRT and NAME are set by update_isa.c, which includes
 * this file once per type. The plain loops below vectorise as they stand; options that change the
 * formula are constants of an inlined body, so that no loop asks for them. */

/* mode 0: no momentum; 1: the first step, buf = g; 2: later steps. */
FV_INLINE void NAME(sgd_body)(const fv_update *u, int64_t start, int64_t stop, bool decays,
                              int mode, bool nesterov)
{
    T *restrict p = u->param;
    const T *restrict grad = u->grad;
    T *restrict buf = u->state[0];
    const T sign = (T)u->sign, decay = (T)u->decay, rate = (T)u->rate;
    const T momentum = (T)u->momentum, keep = (T)u->keep;
    for (int64_t i = start; i < stop; i++) {
        T g = sign * grad[i];
        if (decays) g += decay * p[i];
        if (mode != 0) {
            T b = mode == 1 ? g : momentum * buf[i] + keep * g;
            buf[i] = b;
            g = nesterov ? g + momentum * b : b;
        }
        p[i] -= rate * g;
    }
}

static void NAME(sgd)(const fv_update *u, int64_t start, int64_t stop)
{
    int mode = u->momentum == 0.0 ? 0 : u->first ? 1 : 2;
    bool decays = u->decay != 0.0;
    if (mode == 0) {
        if (decays)
            NAME(sgd_body)(u, start, stop, true, 0, false);
        else
            NAME(sgd_body)(u, start, stop, false, 0, false);
    } else if (mode == 1) { /* once in a run: speed does not matter */
        NAME(sgd_body)(u, start, stop, decays, 1, u->nesterov);
    } else if (u->nesterov) {
        if (decays)
            NAME(sgd_body)(u, start, stop, true, 2, true);
        else
            NAME(sgd_body)(u, start, stop, false, 2, true);
    } else {
        if (decays)
            NAME(sgd_body)(u, start, stop, true, 2, false);
        else
            NAME(sgd_body)(u, start, stop, false, 2, false);
    }
}

FV_INLINE void NAME(adam_body)(const fv_update *u, int64_t start, int64_t stop, bool decays,
                               bool amsgrad)
{
    T *restrict p = u->param;
    const T *restrict grad = u->grad;
    T *restrict m = u->state[0];
    T *restrict v = u->state[1];
    T *restrict largest = u->state[2];
    const T sign = (T)u->sign, decay = (T)u->decay, shrink = (T)u->shrink, rate = (T)u->rate;
    const T beta1 = (T)u->beta1, rest1 = (T)u->rest1, beta2 = (T)u->beta2, rest2 = (T)u->rest2;
    const T root = (T)u->root, eps = (T)u->eps;
    for (int64_t i = start; i < stop; i++) {
        T w = p[i] * shrink; /* exact when shrink is 1 */
        T g = sign * grad[i];
        if (decays) g += decay * w;
        T mi = beta1 * m[i] + rest1 * g;
        T vi = beta2 * v[i] + rest2 * g * g;
        m[i] = mi;
        v[i] = vi;
        if (amsgrad) {
            vi = vi > largest[i] || vi != vi ? vi : largest[i]; /* NaN wins, as in torch.maximum */
            largest[i] = vi;
        }
        p[i] = w - rate * (mi / (SQRT(vi) / root + eps));
    }
}

static void NAME(adam)(const fv_update *u, int64_t start, int64_t stop)
{
    bool decays = u->decay != 0.0;
    if (u->amsgrad)
        NAME(adam_body)(u, start, stop, decays, true);
    else if (decays)
        NAME(adam_body)(u, start, stop, true, false);
    else
        NAME(adam_body)(u, start, stop, false, false);
}

static void NAME(update)(const fv_update *u, int64_t start, int64_t stop)
{
    if (u->kind == FV_UPDATE_SGD)
        NAME(sgd)(u, start, stop);
    else
        NAME(adam)(u, start, stop);
}

/* Sixteen running sums in double: the order of additions does not depend on the vector width. */
static double NAME(sum_squares)(const void *data, int64_t start, int64_t stop)
{
    const T *x = data;
    double sums[16] = {0};
    int64_t i = start;
    for (; i + 16 <= stop; i += 16)
        for (int k = 0; k < 16; k++) sums[k] += (double)x[i + k] * (double)x[i + k];
    double total = 0;
    for (; i < stop; i++) total += (double)x[i] * (double)x[i];
    for (int k = 0; k < 16; k++) total += sums[k];
    return total;
}

static void NAME(scale)(void *data, double factor, int64_t start, int64_t stop)
{
    T *x = data;
    for (int64_t i = start; i < stop; i++) x[i] *= (T)factor;
}
