/* Fovea: tensors, a dynamic autograd tape and the convolution family, in C.
 *
 * This header brings in the whole library. PyTorch's names and semantics hold unless a comment
 * says otherwise: fv_ + the functional name for ops, fv_nn_ for layers, fv_ + the lower-case class
 * name for optimizers and schedulers.
 *
 * The headers stand in the order in which one reads them; FUNCTIONS.md lists what they declare. */
#ifndef FOVEA_H
#define FOVEA_H

#include "tensor/create.h"
#include "tensor/tensor.h"
#include "tensor/shape.h"
#include "tensor/dtype.h"
#include "tensor/print.h"
#include "tensor/random.h"
#include "tensor/scope.h"
#include "tensor/error.h"
#include "tensor/args.h"
#include "tensor/formats/safetensors.h"
#include "tensor/state.h"
#include "tensor/memory.h"
#include "tensor/threads.h"
#include "tensor/interpolation.h"
#include "tensor/conv_mode.h"
#include "tensor/version.h"
#include "tensor/text.h"
#include "tensor/frame.h"

#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "autograd/ops/view/join.h"
#include "autograd/ops/product/matmul.h"
#include "autograd/ops/conv/conv.h"
#include "autograd/ops/fold/fold.h"
#include "autograd/ops/pool/pool.h"
#include "autograd/ops/resample/interpolate.h"
#include "autograd/ops/norm/norm.h"
#include "autograd/ops/softmax/softmax.h"
#include "autograd/ops/loss/loss.h"
#include "autograd/ops/random/dropout.h"
#include "autograd/autograd.h"
#include "autograd/gradcheck.h"
#include "autograd/observe.h"
#include "autograd/op.h"

#include "nn/nn.h"
#include "optim/optim.h"
#include "data/data.h"
#include "train/train.h"

#ifndef __cplusplus
/* What fv_free does with a plain NULL; any other pointer to void is an error. */
static inline void fv_free_null(void *null)
{
    if (null) fv_fail(FV_ERR_OPTION, "fv_free: a void pointer does not say what it points to");
}

/* Frees a module, optimizer, scheduler, loader, data set, state, checkpoint, inspection, figure
 * or what trains on many ranks; NULL is fine, a plain one too. Tensors are released by scopes and
 * fv_release. */
#define fv_free(object)                                                                            \
    _Generic((object), fv_module *                                                                 \
             : fv_module_free, fv_optim *                                                          \
             : fv_optim_free, fv_scheduler *                                                       \
             : fv_scheduler_free, fv_loader *                                                      \
             : fv_loader_free, fv_dataset *                                                        \
             : fv_dataset_free, fv_state *                                                         \
             : fv_state_free, fv_checkpoint *                                                      \
             : fv_checkpoint_free, fv_data_parallel *                                              \
             : fv_data_parallel_free, fv_inspection *                                                 \
             : fv_inspection_free, fv_figure *                                                     \
             : fv_figure_free, void *                                                              \
             : fv_free_null)(object)
#endif

#endif
