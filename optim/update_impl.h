/* The arithmetic of one parameter's update, in one pass over memory. Private to optim/. */
#ifndef FOVEA_OPTIM_UPDATE_IMPL_H
#define FOVEA_OPTIM_UPDATE_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/machine.h"

typedef enum fv_update_kind { FV_UPDATE_SGD, FV_UPDATE_ADAM } fv_update_kind;

/* All arrays are dense and run through the elements in the same order. */
typedef struct fv_update {
    fv_update_kind kind;
    void *param;
    const void *grad;
    void *state[3]; /* SGD: buf.  Adam: m, v, largest v */
    double sign;    /* -1 to maximize */
    double decay;   /* added to the gradient, times the parameter; 0: not at all */
    /* SGD */
    double momentum, keep; /* buf = momentum * buf + keep * g */
    bool first, nesterov;  /* first: buf = g */
    /* Adam */
    double shrink;       /* param *= shrink first; 1: not at all */
    double beta1, rest1; /* rest = 1 - beta */
    double beta2, rest2;
    double root; /* sqrt(1 - beta2^t) */
    double eps;
    bool amsgrad;
    double rate; /* lr, for Adam divided by 1 - beta1^t */
} fv_update;

/* What the arrays are cut by for threads, in elements: whole cache lines and vectors. */
enum { FV_UPDATE_GRAIN = 1024 };
static inline int64_t fv_update_grains(int64_t numel)
{
    return (numel + FV_UPDATE_GRAIN - 1) / FV_UPDATE_GRAIN;
}

typedef void (*fv_update_fn)(const fv_update *u, int64_t start, int64_t stop);

/* Per element type: [0] float32, [1] float64. */
typedef struct fv_update_kernels {
    fv_update_fn update[2];
    double (*sum_squares[2])(const void *x, int64_t start, int64_t stop);
    void (*scale[2])(void *x, double factor, int64_t start, int64_t stop);
} fv_update_kernels;

FV_ISA_DECLARE(fv_update_kernels, fv_update_kernels_);

#endif
