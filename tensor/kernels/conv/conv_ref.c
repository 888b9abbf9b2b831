/* The plain loops: the twins of the fast convolution passes and the oracle of their tests. */
#include "conv.h"

/* Coordinates of one product y[output] += x[input] * w[weight] of a convolution. */
typedef struct place {
    int64_t input, weight; /* element offsets of channel 0 and tap 0 of group channel 0 */
} place;

/* Finds the input pixel that output position `at` reads through tap `tap`; false on padding. */
static int find(const fv_conv_geometry *g, int64_t image, const int64_t at[3], const int64_t tap[3],
                place *p)
{
    int64_t pixel = image, weight = 0;
    for (int d = 0; d < 3; d++) {
        int64_t i = at[d] * g->stride[d] - g->pad[d] + tap[d] * g->dilation[d];
        if (i < 0 || i >= g->in[d]) return 0;
        pixel = pixel * g->in[d] + i;
        weight = weight * g->k[d] + tap[d];
    }
    p->input = pixel * g->c;
    p->weight = weight;
    return 1;
}

/* Runs `body` for every image, output position and tap inside the image; `output` is the element
 * offset of the position's channel 0. */
#define FV_EACH_TAP(g, body)                                                                       \
    for (int64_t image = 0; image < (g)->n; image++)                                               \
        for (int64_t d = 0; d < (g)->out[0]; d++)                                                  \
            for (int64_t h = 0; h < (g)->out[1]; h++)                                              \
                for (int64_t w_ = 0; w_ < (g)->out[2]; w_++)                                       \
                    for (int64_t t = 0; t < (g)->k[0] * (g)->k[1] * (g)->k[2]; t++) {              \
                        const int64_t at[3] = {d, h, w_};                                          \
                        const int64_t tap[3] = {t / (g)->k[2] / (g)->k[1],                         \
                                                t / (g)->k[2] % (g)->k[1], t % (g)->k[2]};         \
                        int64_t output =                                                           \
                            (((image * (g)->out[0] + d) * (g)->out[1] + h) * (g)->out[2] + w_) *   \
                            (g)->o;                                                                \
                        place p;                                                                   \
                        if (find(g, image, at, tap, &p)) body                                      \
                    }

/* Runs `body` for every pair of an output channel o and a channel c of its group; `in` is the
 * channel in x, `wt` the element in w. */
#define FV_EACH_CHANNEL(g, body)                                                                   \
    for (int64_t o = 0; o < (g)->o; o++)                                                           \
        for (int64_t c = 0; c < cg; c++) {                                                         \
            int64_t in = p.input + o / og * cg + c;                                                \
            int64_t wt = (o * cg + c) * taps + p.weight;                                           \
            body                                                                                   \
        }

#define FV_CONV_REFERENCE(T)                                                                       \
    static void fill_##T(T *to, int64_t pixels, int64_t channels, const T *bias)                   \
    {                                                                                              \
        for (int64_t i = 0; i < pixels; i++)                                                       \
            for (int64_t c = 0; c < channels; c++) to[i * channels + c] = bias ? bias[c] : (T)0;   \
    }                                                                                              \
    static void forward_##T(const fv_conv_geometry *g, const T *x, const T *w, const T *bias,      \
                            T *y)                                                                  \
    {                                                                                              \
        const int64_t cg = g->c / g->groups, og = g->o / g->groups;                                \
        const int64_t taps = g->k[0] * g->k[1] * g->k[2];                                          \
        fill_##T(y, g->n * g->out[0] * g->out[1] * g->out[2], g->o, bias);                         \
        FV_EACH_TAP(g, {FV_EACH_CHANNEL(g, { y[output + o] += x[in] * w[wt]; })})                  \
    }                                                                                              \
    static void grad_input_##T(const fv_conv_geometry *g, const T *gy, const T *w, const T *bias,  \
                               T *gx)                                                              \
    {                                                                                              \
        const int64_t cg = g->c / g->groups, og = g->o / g->groups;                                \
        const int64_t taps = g->k[0] * g->k[1] * g->k[2];                                          \
        fill_##T(gx, g->n * g->in[0] * g->in[1] * g->in[2], g->c, bias);                           \
        FV_EACH_TAP(g, {FV_EACH_CHANNEL(g, { gx[in] += gy[output + o] * w[wt]; })})                \
    }                                                                                              \
    static void grad_weight_##T(const fv_conv_geometry *g, const T *x, const T *gy, T *gw)         \
    {                                                                                              \
        const int64_t cg = g->c / g->groups, og = g->o / g->groups;                                \
        const int64_t taps = g->k[0] * g->k[1] * g->k[2];                                          \
        fill_##T(gw, g->o *cg *taps, 1, 0);                                                        \
        FV_EACH_TAP(g, {FV_EACH_CHANNEL(g, { gw[wt] += gy[output + o] * x[in]; })})                \
    }
FV_CONV_REFERENCE(float)
FV_CONV_REFERENCE(double)
#undef FV_CONV_REFERENCE

void fv_conv_forward_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *x,
                               const void *w, const void *bias, void *y)
{
    if (dtype == FV_FLOAT64)
        forward_double(g, x, w, bias, y);
    else
        forward_float(g, x, w, bias, y);
}

void fv_conv_grad_input_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *gy,
                                  const void *w, const void *bias, void *gx)
{
    if (dtype == FV_FLOAT64)
        grad_input_double(g, gy, w, bias, gx);
    else
        grad_input_float(g, gy, w, bias, gx);
}

void fv_conv_grad_weight_reference(const fv_conv_geometry *g, fv_dtype dtype, const void *x,
                                   const void *gy, void *gw)
{
    if (dtype == FV_FLOAT64)
        grad_weight_double(g, x, gy, gw);
    else
        grad_weight_float(g, x, gy, gw);
}
