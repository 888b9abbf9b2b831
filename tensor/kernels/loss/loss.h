/* Kernels of the losses. Sums are cut by the shape alone and meet in double, so that results do
 * not depend on the number of threads. */
#ifndef FOVEA_TENSOR_KERNELS_LOSS_LOSS_H
#define FOVEA_TENSOR_KERNELS_LOSS_LOSS_H

#include "tensor/machine.h"
#include "tensor/tensor.h"

/* --- one element each ------------------------------------------------------------------------ */

typedef enum fv_pair_loss {
    FV_PAIR_MSE,       /* (x - t)^2 */
    FV_PAIR_L1,        /* |x - t| */
    FV_PAIR_SMOOTH_L1, /* parameter: beta */
    FV_PAIR_HUBER,     /* parameter: delta */
    FV_PAIR_BCE,       /* softplus(x) - t x; 0 · infinity is 0 */
} fv_pair_loss;
enum { FV_PAIR_LOSSES = 5 };

/* x and t of one shape and floating dtype. out has that shape, or one element that gets the sum
 * times scale. */
void fv_pair_loss_run(fv_machine m, fv_pair_loss kind, double parameter, const fv_tensor *x,
                      const fv_tensor *t, fv_tensor *out, bool reduce, double scale);
void fv_pair_loss_reference(fv_pair_loss kind, double parameter, const fv_tensor *x,
                            const fv_tensor *t, fv_tensor *out, bool reduce, double scale);

/* --- one class each -------------------------------------------------------------------------- */

/* Of sample n with class t (an integer tensor of input's shape without the class dimension):
 *   l = -(1 - s) w[t] x[t] - s / C sum over c of w[c] x[c],  0 for ignored samples. */
typedef struct fv_nll_job {
    int dim; /* of the classes: 1, or 0 when the input has one dimension */
    const fv_tensor *target;
    const fv_tensor *weight; /* NULL: ones */
    int64_t ignore_index;
    double smoothing; /* s */
    bool reduce;      /* to one number */
    bool mean;        /* divided by the sum of w[t] */
} fv_nll_job;

/* total gets the sum of w[t] of the samples that count. */
void fv_nll_run(fv_machine m, const fv_nll_job *job, const fv_tensor *x, fv_tensor *out,
                fv_tensor *total);
void fv_nll_reference(const fv_nll_job *job, const fv_tensor *x, fv_tensor *out, fv_tensor *total);

/* The adjoint: gx (dense) from the gradient g of out. */
void fv_nll_grad_run(fv_machine m, const fv_nll_job *job, const fv_tensor *g,
                     const fv_tensor *total, fv_tensor *gx);
void fv_nll_grad_reference(const fv_nll_job *job, const fv_tensor *g, const fv_tensor *total,
                           fv_tensor *gx);

#endif
