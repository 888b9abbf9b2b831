/* The plain loops: the twin of the fast convolution passes and the oracle of their tests. */
#include "conv.h"

/* Coordinates of one product y[output] += x[input] * w[weight] of a convolution. */
typedef struct place {
    int64_t input, weight; /* element offsets of channel 0 and tap 0 of group channel 0 */
} place;

/* Finds the input pixel that output position `at` reads through tap `tap`; false on padding. */
static int find(const fv_conv_plan *plan, int64_t image, const int64_t at[3], const int64_t tap[3],
                place *p)
{
    const fv_conv_geometry *g = &plan->g;
    int64_t pixel = image, weight = 0;
    for (int d = 0; d < 3; d++) {
        int64_t i = at[d] * g->stride[d] - g->pad[d] + tap[d] * g->dilation[d];
        if (i < 0 || i >= g->in[d]) return 0;
        pixel = pixel * g->in[d] + i;
        weight += tap[d] * plan->w_stride[2 + d];
    }
    p->input = pixel * g->c;
    p->weight = weight;
    return 1;
}

/* Runs `body` for every image, output position and tap inside the image; `output` is the element
 * offset of the position's channel 0. */
#define FV_EACH_TAP(plan, g, body)                                                                 \
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
                        if (find(plan, image, at, tap, &p)) body                                   \
                    }

/* Runs `body` for every pair of an output channel o and a channel c of its group; `in` is the
 * channel in x, `wt` the element in w. */
#define FV_EACH_CHANNEL(plan, g, body)                                                             \
    for (int64_t o = 0; o < (g)->o; o++)                                                           \
        for (int64_t c = 0; c < (g)->c / (g)->groups; c++) {                                       \
            int64_t in = p.input + o / ((g)->o / (g)->groups) * ((g)->c / (g)->groups) + c;        \
            int64_t wt = o * (plan)->w_stride[0] + c * (plan)->w_stride[1] + p.weight;             \
            body                                                                                   \
        }

static int64_t pixels(const fv_conv_geometry *g, const int64_t dims[3])
{
    return g->n * dims[0] * dims[1] * dims[2];
}

#define FV_CONV_REFERENCE(T)                                                                       \
    static void fill_##T(T *to, int64_t count, int64_t channels, const T *bias)                    \
    {                                                                                              \
        for (int64_t i = 0; i < count; i++)                                                        \
            for (int64_t c = 0; c < channels; c++) to[i * channels + c] = bias ? bias[c] : (T)0;   \
    }                                                                                              \
    static void finish_##T(T *to, int64_t count, int64_t channels, const fv_conv_epilogue *e)      \
    {                                                                                              \
        const T *scale = e->scale, *shift = e->shift, *residual = e->residual;                     \
        for (int64_t i = 0; i < count * channels; i++) {                                           \
            if (scale) to[i] *= scale[i % channels];                                               \
            if (shift) to[i] += shift[i % channels];                                               \
            if (residual) to[i] += residual[i];                                                    \
            if (e->relu && to[i] < 0) to[i] = 0;                                                   \
        }                                                                                          \
    }                                                                                              \
    static void forward_##T(const fv_conv_plan *plan, const fv_conv_operands *of)                  \
    {                                                                                              \
        const fv_conv_geometry *g = &plan->g;                                                      \
        const T *x = of->a, *w = of->b;                                                            \
        T *y = of->out;                                                                            \
        fill_##T(y, pixels(g, g->out), g->o, of->epilogue.bias);                                   \
        FV_EACH_TAP(plan, g, {FV_EACH_CHANNEL(plan, g, { y[output + o] += x[in] * w[wt]; })})      \
        finish_##T(y, pixels(g, g->out), g->o, &of->epilogue);                                     \
    }                                                                                              \
    static void grad_input_##T(const fv_conv_plan *plan, const fv_conv_operands *of)               \
    {                                                                                              \
        const fv_conv_geometry *g = &plan->g;                                                      \
        const T *gy = of->a, *w = of->b;                                                           \
        T *gx = of->out;                                                                           \
        fill_##T(gx, pixels(g, g->in), g->c, of->epilogue.bias);                                   \
        FV_EACH_TAP(plan, g, {FV_EACH_CHANNEL(plan, g, { gx[in] += gy[output + o] * w[wt]; })})    \
        finish_##T(gx, pixels(g, g->in), g->c, &of->epilogue);                                     \
    }                                                                                              \
    static void grad_weight_##T(const fv_conv_plan *plan, const fv_conv_operands *of)              \
    {                                                                                              \
        const fv_conv_geometry *g = &plan->g;                                                      \
        const T *x = of->a, *gy = of->b;                                                           \
        T *gw = of->out;                                                                           \
        fill_##T(gw, g->o * plan->w_stride[0], 1, NULL);                                           \
        FV_EACH_TAP(plan, g, {FV_EACH_CHANNEL(plan, g, { gw[wt] += gy[output + o] * x[in]; })})    \
    }                                                                                              \
    static void run_##T(const fv_conv_plan *plan, const fv_conv_operands *of)                      \
    {                                                                                              \
        switch (plan->pass) {                                                                      \
        case FV_CONV_FORWARD: forward_##T(plan, of); break;                                        \
        case FV_CONV_GRAD_INPUT: grad_input_##T(plan, of); break;                                  \
        case FV_CONV_GRAD_WEIGHT: grad_weight_##T(plan, of); break;                                \
        }                                                                                          \
    }
FV_CONV_REFERENCE(float)
FV_CONV_REFERENCE(double)
#undef FV_CONV_REFERENCE

void fv_conv_run_reference(const fv_conv_plan *p, const fv_conv_operands *o)
{
    if (p->dtype == FV_FLOAT64)
        run_double(p, o);
    else
        run_float(p, o);
}
