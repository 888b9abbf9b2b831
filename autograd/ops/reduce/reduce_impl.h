/* What the reduction ops share: options, shape rule, calls of the kernels. */
#ifndef FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_IMPL_H
#define FOVEA_AUTOGRAD_OPS_REDUCE_REDUCE_IMPL_H

#include "autograd/op.h"
#include "tensor/kernels/reduce/reduce.h"

typedef struct fv_reduce_options {
    fv_dims dim;
    int64_t correction; /* of var and std */
    double p;           /* of norm */
    bool keepdim;
} fv_reduce_options;

extern const fv_option fv_reduce_fields[];

/* Fills spec[0]. */
fv_status fv_reduce_infer(fv_call *c, fv_dtype result);
fv_status fv_reduce_floating_infer(fv_call *c); /* floating in and out */
fv_dtype fv_reduce_sum_dtype(fv_dtype dtype);   /* of sums and products */

/* The .window of all: the reduced dimensions are seen as a whole. */
bool fv_reduce_window(const fv_call *c, int input, int output, int dim, fv_window *w);

/* One pass over the input, or two with shifts between them. */
void fv_reduce_plan_one(fv_call *c);
void fv_reduce_plan_two(fv_call *c);
int fv_reduce_describe_call(const fv_call *c, char *text, size_t size);

typedef void (*fv_reduce_runner)(fv_machine m, const fv_reduce_job *job);

/* A job on c's input and output. */
fv_reduce_job fv_reduce_job_of(const fv_call *c, fv_reduce_kind kind);

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

/* Elements of one result, of an input of shape in. */
int64_t fv_reduce_length(const fv_call *c, const fv_shape *in);

/* The status of a refusal if results would have no elements. */
fv_status fv_reduce_need_elements(const fv_call *c);

#endif
