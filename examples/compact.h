/* Weights that pack well: rounded to multiples of a power of two of their own, as far as bfloat16
 * holds them, so that few different numbers are left. A file of them is an ordinary file of
 * bfloat16 weights, which gzip makes a sixth of the size that float32 has. */
#ifndef EXAMPLES_COMPACT_H
#define EXAMPLES_COMPACT_H

#include <fovea.h>
#include <math.h>

enum { STEPS_IN_RMS = 3 }; /* a tensor's root mean square is at least so many steps */

static inline double root_mean_square(const float *w, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += (double)w[i] * (double)w[i];
    return sqrt(sum / (double)count);
}

/* Large matrices alone are rounded by steps; biases and the weights of first layers, which are few,
 * only lose what bfloat16 does not hold. */
static inline void round_tensor(fv_tensor *t)
{
    enum { MANY = 4096 };
    float *w = fv_data_float32(t);
    const int64_t count = fv_numel(t);
    if (!w || count < MANY) return;
    const double step = exp2(floor(log2(root_mean_square(w, count) / STEPS_IN_RMS)));
    for (int64_t i = 0; i < count && step > 0; i++)
        w[i] = (float)(rint((double)w[i] / step) * step);
    fv_bump_version(t);
}

/* Every parameter becomes what a file of fv_save(.dtype = FV_BFLOAT16) holds of it. */
static inline void round_weights(fv_module *net)
{
    FV_SCOPE;
    FV_NO_GRAD;
    const fv_tensor_list all = fv_parameters(net);
    for (int64_t i = 0; i < all.count; i++) {
        round_tensor(all.items[i]);
        fv_copy_(all.items[i], fv_to(fv_to(all.items[i], FV_BFLOAT16), FV_FLOAT32));
    }
}

#endif
