/* Layers that end in what follows them: a convolution in a batch norm, a sum and a relu, without
 * passes over memory for these. Private to nn/.
 *
 *   who asks                           what it sees                        what runs
 *   Sequential                         conv|linear|batch norm -> ReLU      the first, with relu
 *                                      conv -> batch norm, in evaluation   the convolution alone
 *                                        and without gradients
 *   Residual, of the end of its body   conv|batch norm -> + -> relu        the first, with both
 *
 * Results are those of the layers one by one, within rounding. The frame is that of the layer that
 * runs: messages and observers name the convolution for the normalisation folded into it. What a
 * type of the user's computes is never taken for something else: it has no fv_fusion. */
#ifndef FOVEA_NN_FUSION_IMPL_H
#define FOVEA_NN_FUSION_IMPL_H

#include "nn/module_impl.h"

/* relu(norm(layer(x)) + residual): each part may be missing. */
typedef struct fv_ending {
    fv_module *norm;     /* in evaluation */
    fv_tensor *residual; /* of the result's shape and dtype */
    bool relu;
} fv_ending;

/* What a layer can do in its last pass. */
typedef struct fv_fusion {
    bool is_relu; /* the layer is what others may end in */
    /* residual and relu, as far as the ending has them */
    bool (*takes)(const fv_module *m, const fv_ending *ending);
    /* that norm, for that input; NULL: none */
    bool (*takes_norm)(const fv_module *m, const fv_module *norm, const fv_tensor *x);
    fv_tensor *(*forward)(fv_module *m, fv_tensor *x, const fv_ending *ending);
} fv_fusion;

/* While on, nothing fuses in this thread, whatever the switch of the process says. Returns the
 * setting before. */
bool fv_pause_fusion(bool on);

/* For a constructor; NULL is fine. */
void fv_module_fuses(fv_module *m, const fv_fusion *fusion);

/* May m end so? False when fusion is off. */
bool fv_takes(const fv_module *m, const fv_ending *ending);

/* A layer that takes every residual and every relu. */
bool fv_takes_all(const fv_module *m, const fv_ending *ending);

/* How many of the children behind child i of a row it may end in for the input x, which are then in
 * the ending. */
int64_t fv_take_next(const fv_module *row, int64_t i, const fv_tensor *x, fv_ending *ending);

/* fv_forward with an ending that the module takes. */
fv_tensor *fv_forward_ending(fv_module *m, fv_tensor *x, const fv_ending *ending);

/* May a layer of n spatial dimensions, with that bias or NULL and so many output channels of dtype,
 * end in that norm instead of running it? Only in evaluation and while no gradients are recorded.
 */
bool fv_norm_folds(const fv_module *norm, int n, const fv_tensor *bias, int64_t channels,
                   fv_dtype dtype);

/* norm(y + bias) = (y + out[0]) * out[1] + out[2]; out[2] may be NULL, and so may bias. The mean is
 * subtracted before anything is scaled, as in the layer itself. */
void fv_norm_fold(const fv_module *norm, const fv_tensor *bias, fv_tensor *out[3]);

#endif
