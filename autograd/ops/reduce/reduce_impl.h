/* What the reduction ops : options, shape rule, calls of the kernels. */
#ifndef FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_IMPL_H
#define FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/reduce/reduce.h"

typedef struct fv_reduce_options {
    fv_dims dim;
    int64_t correction; /* of var and std */
    bool keepdim;
    uint32_t mask; /* the dims by bits; set by infer */
} fv_reduce_options;

extern const fv_option fv_reduce_fields[];

/* Fills options->mask and spec[0], books scratch. */
fv_status fv_reduce_infer(fv_call *c, fv_dtype result, bool shifts);
fv_status fv_reduce_floating_infer(fv_call *c);       /* floating in and out */
fv_status fv_reduce_floating_shift_infer(fv_call *c); /* the same with shifts */
fv_dtype fv_reduce_sum_dtype(fv_dtype dtype);         /* of sums and products */

typedef void (*fv_reduce_runner)(fv_machine m, const fv_reduce_job *job);

/* Books the scratch of a reduction of the dims in mask. */
void fv_reduce_plan_call(fv_call *c, uint32_t mask, bool shifts);

/* A job on c's input and output. *shift gets the place of its shifts; NULL: it has none. */
fv_reduce_job fv_reduce_job_of(fv_call *c, uint32_t mask, fv_reduce_kind kind, double **shift);

/* <name>_compute(c, runner) made into forward and reference. */
#define FV_REDUCE_PAIR(name)                                                                       \
    static void name##_forward(fv_call *c)                                                         \
    {                                                                                              \
        name##_compute(c, fv_reduce_run);                                                          \
    }                                                                                              \
    static void name##_reference(fv_call *c)                                                       \
    {                                                                                              \
        name##_compute(c, fv_reduce_reference);                                                    \
    }

/* For gradients: the input's shape with reduced dims of length 1, and t in it. */
fv_shape fv_reduce_kept_shape(const fv_call *c);
fv_tensor *fv_reduce_restore(const fv_call *c, fv_tensor *t);
int64_t fv_reduce_count(const fv_call *c); /* elements of one result */

#endif
