/* The reference twin of the elementwise kernels: one element at a time, in double arithmetic with
 * the C library's functions. */
#include "tensor/kernels/element.h"
#include "tensor/kernels/elementwise/elementwise.h"
#include "tensor/kernels/elementwise/elementwise_words_impl.h"

#define T         double
#define FV_SUFFIX f64
/* Only the logical ops use the operators of integers. */
#define VALUE_ARITH(value)   (double)(value)
#define VALUE_SIGNED(value)  (double)(value)
#define VALUE_WHOLE(value)   (double)(value)
#define VALUE_FLOAT(value)   (double)(value)
#define VALUE_REAL(value)    (double)(value)
#define VALUE_FIRST(value)   (double)(value)
#define VALUE_WHERE(value)   (double)(value)
#define VALUE_COMPARE(value) (double)(value)
#define VALUE_LOGICAL(value) 0

#define FV_ROW(name, inputs, class, value)                                                         \
    static double element_##name(double x, double y, double z, double p, double q)                 \
    {                                                                                              \
        (void)x, (void)y, (void)z, (void)p, (void)q;                                               \
        return VALUE_##class(value);                                                               \
    }
#include "tensor/kernels/elementwise/elementwise.inc"

/* Logical values, from 0 and 1. */
#define TRUTH_ARITH(value)   0
#define TRUTH_SIGNED(value)  0
#define TRUTH_WHOLE(value)   0
#define TRUTH_FLOAT(value)   0
#define TRUTH_REAL(value)    0
#define TRUTH_FIRST(value)   0
#define TRUTH_WHERE(value)   0
#define TRUTH_COMPARE(value) 0
#define TRUTH_LOGICAL(value) (value)
#define FV_ROW(name, inputs, class, value)                                                         \
    static bool truth_##name(bool x, bool y)                                                       \
    {                                                                                              \
        (void)x, (void)y;                                                                          \
        return TRUTH_##class(value) != 0;                                                          \
    }
#undef T
#include "tensor/kernels/elementwise/elementwise.inc"

static const struct {
    double (*element)(double x, double y, double z, double p, double q);
    bool (*truth)(bool x, bool y);
} table[FV_ELEMENTWISE_COUNT] = {
#define FV_ROW(name, inputs, class, value) {element_##name, truth_##name},
#include "tensor/kernels/elementwise/elementwise.inc"
};

/* Where element index of a tensor of out's shape is in t, which is broadcast. */
static int64_t offset_of(const fv_tensor *out, const fv_tensor *t, const int64_t *index)
{
    int64_t offset = 0;
    for (int d = 0; d < t->ndim; d++)
        if (t->shape[d] != 1) offset += t->strides[d] * index[d + out->ndim - t->ndim];
    return offset;
}

/* An input element as the compute type sees it. */
static double as_computed(double v, fv_dtype compute)
{
    if (compute == FV_BOOL) return v != 0;
    return compute == FV_FLOAT32 ? (double)(float)v : v;
}

void fv_elementwise_reference(fv_elementwise op, fv_dtype compute, fv_tensor *out, int inputs,
                              fv_tensor *const *in, double p, double q)
{
    int64_t index[FV_MAX_DIMS] = {0};
    bool logical = fv_elementwise_class_of(op) == FV_CLASS_LOGICAL;
    for (int64_t i = 0; i < out->numel; i++) {
        double v[FV_ELEMENTWISE_INPUTS] = {0};
        for (int k = 0; k < inputs; k++)
            v[k] = as_computed(fv_element_get(in[k], offset_of(out, in[k], index)), compute);
        double y = logical ? (double)table[op].truth(v[0] != 0, v[1] != 0)
                           : table[op].element(v[0], v[1], v[2], p, q);
        fv_element_set(out, offset_of(out, out, index), y);
        for (int d = out->ndim - 1; d >= 0 && ++index[d] == out->shape[d]; d--) index[d] = 0;
    }
}
