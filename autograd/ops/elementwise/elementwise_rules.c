/* Rules that all elementwise ops share: promotion, broadcasting, memory order of the result, and
 * how a call becomes a kernel's. */
#include <math.h>

#include "autograd/ops/elementwise/elementwise_impl.h"

/* --- dtypes ----------------------------------------------------------------------------------- */

/* bool, integers, floats. */
static int group_of(fv_dtype dtype)
{
    fv_dtype_kind kind = fv_dtype_row_of(dtype)->kind;
    return kind == FV_KIND_BOOL ? 0 : kind == FV_KIND_FLOATING ? 2 : 1;
}

/* The usual case: tensors of one dtype. */
static bool all_alike(int inputs, fv_tensor *const *in)
{
    for (int i = 0; i < inputs; i++)
        if (!in[i] || in[i]->failed || in[i]->dtype != in[0]->dtype) return false;
    return inputs > 0;
}

fv_dtype fv_result_type(int inputs, fv_tensor *const *in)
{
    if (!in && fv_fail_null("result_type", "list of tensors")) return FV_FLOAT32;
    if (all_alike(inputs, in)) return in[0]->dtype;
    int with_dims = 0, without = 0; /* no dtype is 0 */
    for (int i = 0; i < inputs; i++) {
        if (!fv_usable(in[i])) continue;
        int *common = in[i]->ndim > 0 ? &with_dims : &without;
        *common =
            *common == 0 ? (int)in[i]->dtype : (int)fv_promote((fv_dtype)*common, in[i]->dtype);
    }
    if (with_dims == 0) return without == 0 ? FV_FLOAT32 : (fv_dtype)without;
    if (without == 0 || group_of((fv_dtype)without) <= group_of((fv_dtype)with_dims))
        return (fv_dtype)with_dims;
    return (fv_dtype)without;
}

/* The result of dtype and a number. */
static fv_dtype promote_number(fv_dtype dtype, bool floating)
{
    if (fv_dtype_is_floating(dtype)) return dtype;
    if (floating) return FV_FLOAT32;
    return dtype == FV_BOOL ? FV_INT64 : dtype;
}

static bool is_floating(double bound)
{
    return bound != trunc(bound) || !isfinite(bound);
}

static fv_dtype promote_numbers(const fv_call *c, fv_dtype dtype, elementwise_numbers_kind kind)
{
    const elementwise_numbers *n = c->options;
    if (kind == ELEMENTWISE_OPERAND) return promote_number(dtype, n->floating);
    if (kind != ELEMENTWISE_BOUNDS) return dtype;
    if (!isinf(n->p)) dtype = promote_number(dtype, is_floating(n->p));
    if (!isinf(n->q)) dtype = promote_number(dtype, is_floating(n->q));
    return dtype;
}

/* The dtype that the kernel computes in. */
static fv_dtype compute_dtype(const fv_call *c, fv_elementwise op, elementwise_numbers_kind kind)
{
    switch (fv_elementwise_class_of(op)) {
    case FV_CLASS_FIRST: return c->in[0]->dtype;
    case FV_CLASS_LOGICAL: return FV_BOOL;
    case FV_CLASS_WHERE: return fv_result_type(2, c->in + 1);
    case FV_CLASS_REAL: return fv_result_type(c->inputs, c->in);
    case FV_CLASS_FLOAT: {
        fv_dtype common = fv_result_type(c->inputs, c->in);
        return fv_dtype_is_floating(common) ? common : FV_FLOAT32;
    }
    case FV_CLASS_WHOLE: return promote_number(fv_result_type(c->inputs, c->in), false);
    case FV_CLASS_ARITH:
    case FV_CLASS_SIGNED:
    case FV_CLASS_COMPARE: break;
    }
    return promote_numbers(c, fv_result_type(c->inputs, c->in), kind);
}

static fv_status check_number(const fv_call *c, double v, fv_dtype dtype)
{
    if (fv_dtype_holds(dtype, v)) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "%s cannot hold the number %g, input %s",
                     fv_dtype_name(dtype), v, fv_text(c->in[0]));
}

/* An infinite bound is none. */
static fv_status check_bound(const fv_call *c, double v, fv_dtype dtype)
{
    return isinf(v) ? FV_OK : check_number(c, v, dtype);
}

/* Bounds as the dtype has them. */
static elementwise_numbers cast_bounds(const elementwise_numbers *n, fv_dtype dtype)
{
    if (fv_dtype_is_floating(dtype)) return *n;
    return (elementwise_numbers){.p = trunc(n->p), .q = trunc(n->q)};
}

static fv_status check_bounds(const fv_call *c, fv_dtype compute, elementwise_numbers_kind kind)
{
    const elementwise_numbers *said = c->options;
    elementwise_numbers n = kind == ELEMENTWISE_CAST ? cast_bounds(said, compute) : *said;
    fv_status status = check_bound(c, n.p, compute);
    return status == FV_OK ? check_bound(c, n.q, compute) : status;
}

static fv_status check_numbers(fv_call *c, fv_elementwise op, fv_dtype compute,
                               elementwise_numbers_kind kind)
{
    elementwise_numbers *n = c->options;
    if (kind == ELEMENTWISE_BOUNDS || kind == ELEMENTWISE_CAST)
        return check_bounds(c, compute, kind);
    if (kind != ELEMENTWISE_OPERAND) return FV_OK;
    if (!n->floating && n->p != trunc(n->p))
        return fv_reject(c, FV_ERR_OPTION, "value %g has a fraction but is not floating", n->p);
    if (fv_elementwise_class_of(op) == FV_CLASS_FIRST && compute == FV_BOOL) n->p = n->p != 0;
    if (op == FV_ELEMENTWISE_pow_scalar && n->p < 0 && !fv_dtype_is_floating(compute))
        return fv_reject(c, FV_ERR_OPTION, "%s input %s to the negative power %g; see fv_to",
                         fv_dtype_name(compute), fv_text(c->in[0]), n->p);
    bool test = fv_elementwise_class_of(op) == FV_CLASS_COMPARE;
    bool wraps = fv_dtype_row_of(compute)->kind == FV_KIND_UNSIGNED && !test && n->p < 0;
    if (wraps && fv_dtype_holds(compute, -n->p)) return FV_OK;
    if (compute == FV_INT64 && !n->floating) return FV_OK;
    return check_number(c, n->p, compute);
}

static fv_status check_dtypes(const fv_call *c, fv_elementwise op)
{
    fv_elementwise_class class = fv_elementwise_class_of(op);
    if (class == FV_CLASS_REAL) return fv_need_floating(c, 0, "input");
    for (int i = 0; class == FV_CLASS_SIGNED && i < c->inputs; i++)
        if (c->in[i]->dtype == FV_BOOL)
            return fv_reject(c, FV_ERR_DTYPE, "input %d %s is bool, numbers are needed (see fv_to)",
                             i, fv_text(c->in[i]));
    if (op == FV_ELEMENTWISE_pow && fv_result_type(2, c->in) == FV_BOOL)
        return fv_reject(c, FV_ERR_DTYPE, "input %s and other %s are bool; see fv_to",
                         fv_text(c->in[0]), fv_text(c->in[1]));
    if (class == FV_CLASS_WHERE && c->in[0]->dtype != FV_BOOL && c->in[0]->dtype != FV_UINT8)
        return fv_reject(c, FV_ERR_DTYPE, "condition %s is %s, bool is needed", fv_text(c->in[0]),
                         fv_dtype_name(c->in[0]->dtype));
    return FV_OK;
}

/* --- shapes ----------------------------------------------------------------------------------- */

static bool same_shape(const fv_shape *shape, const fv_tensor *t)
{
    if (shape->ndim != t->ndim) return false;
    for (int d = 0; d < t->ndim; d++)
        if (shape->dim[d] != t->shape[d]) return false;
    return true;
}

static fv_status broadcast_shapes(const fv_call *c, fv_elementwise op, fv_shape *shape)
{
    const fv_tensor *first = c->in[0];
    shape->ndim = first->ndim;
    for (int d = 0; d < first->ndim; d++) shape->dim[d] = first->shape[d];
    bool grows = false;
    for (int i = 1; i < c->inputs; i++) {
        if (same_shape(shape, c->in[i])) continue;
        fv_shape before = *shape, other = fv_shape_of(c->in[i]);
        if (!fv_shape_broadcast(&before, &other, shape))
            return fv_reject(
                c, FV_ERR_SHAPE,
                "shapes %s and %s do not broadcast: counted from the right, dimensions "
                "must be equal or 1",
                fv_shape_text(&before), fv_shape_text(&other));
        grows = true;
    }
    if (!grows) return FV_OK;
    if (fv_elementwise_class_of(op) == FV_CLASS_FIRST && !same_shape(shape, c->in[0]))
        return fv_reject(c, FV_ERR_SHAPE, "source %s does not broadcast to the target %s",
                         fv_text(c->in[1]), fv_text(c->in[0]));
    return fv_need_size(c, shape);
}

static bool is_expanded(const fv_tensor *t)
{
    for (int d = 0; d < t->ndim; d++)
        if (t->strides[d] == 0 && t->shape[d] > 1) return true;
    return false;
}

/* Strides of the result: of the first dense input of its shape; in the order of the first one with
 * gaps; else row-major. */
static void choose_strides(const fv_call *c, const fv_shape *shape, int64_t *strides)
{
    const fv_tensor *with_gaps = NULL;
    for (int i = 0; i < c->inputs; i++) {
        const fv_tensor *t = c->in[i];
        if (!same_shape(shape, t)) continue;
        if (fv_is_dense(t)) {
            for (int d = 0; d < t->ndim; d++) strides[d] = t->strides[d];
            return;
        }
        if (!with_gaps && !is_expanded(t)) with_gaps = t;
    }
    if (with_gaps)
        fv_strides_like(with_gaps, strides);
    else
        fv_strides_contiguous(shape, strides);
}

/* --- the phases ------------------------------------------------------------------------------- */

fv_status fv_elementwise_infer(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind)
{
    fv_output *out = &c->spec[0];
    fv_status status = broadcast_shapes(c, op, &out->shape);
    if (status != FV_OK) return status;
    fv_dtype compute = compute_dtype(c, op, kind);
    status = check_dtypes(c, op);
    if (status == FV_OK) status = check_numbers(c, op, compute, kind);
    if (status != FV_OK) return status;
    fv_elementwise_class class = fv_elementwise_class_of(op);
    out->dtype = class == FV_CLASS_COMPARE || class == FV_CLASS_LOGICAL ? FV_BOOL : compute;
    out->constant = !fv_dtype_is_floating(out->dtype);
    choose_strides(c, &out->shape, out->strides);
    return FV_OK;
}

/* Both sides of a call: the numbers and the dtype, from what infer settled. */
static fv_dtype settled_dtype(const fv_call *c, fv_elementwise op, elementwise_numbers_kind kind,
                              elementwise_numbers *n)
{
    *n = kind == ELEMENTWISE_NO_NUMBERS ? (elementwise_numbers){.p = 0}
                                        : *(const elementwise_numbers *)c->options;
    if (kind == ELEMENTWISE_CAST) *n = cast_bounds(n, c->out[0]->dtype);
    if (c->out[0]->dtype != FV_BOOL) return c->out[0]->dtype;
    return compute_dtype(c, op, kind);
}

/* copy and fill in a dtype that is only stored: elements are moved and converted. */
static void move_elements(fv_tensor *out, const fv_tensor *from)
{
    fv_tensor source = fv_tensor_borrow(out); /* `from` in out's shape */
    source.dtype = from->dtype;
    source.data = from->data;
    for (int d = 0; d < out->ndim; d++) {
        int e = d - out->ndim + from->ndim;
        source.strides[d] = e < 0 || from->shape[e] == 1 ? 0 : from->strides[e];
    }
    fv_copy_elements(out, &source);
}

/* copy and fill of a type that is only stored. Not inlined: its tensor on the stack would cost
 * every op its clearing. */
__attribute__((noinline)) static void move_stored(fv_call *c, double *value)
{
    const fv_tensor number = {.dtype = FV_FLOAT64, .numel = 1, .data = value};
    move_elements(c->out[0], c->inputs > 1 ? c->in[1] : &number);
}

/* The op of two tensors that the op with a number is. */
static fv_elementwise binary_of(fv_elementwise op)
{
    switch ((int)op) {
    case FV_ELEMENTWISE_add_scalar: return FV_ELEMENTWISE_add;
    case FV_ELEMENTWISE_sub_scalar: return FV_ELEMENTWISE_sub;
    case FV_ELEMENTWISE_mul_scalar: return FV_ELEMENTWISE_mul;
    case FV_ELEMENTWISE_pow_scalar: return FV_ELEMENTWISE_pow;
    case FV_ELEMENTWISE_eq_scalar: return FV_ELEMENTWISE_eq;
    case FV_ELEMENTWISE_ne_scalar: return FV_ELEMENTWISE_ne;
    case FV_ELEMENTWISE_lt_scalar: return FV_ELEMENTWISE_lt;
    case FV_ELEMENTWISE_le_scalar: return FV_ELEMENTWISE_le;
    case FV_ELEMENTWISE_gt_scalar: return FV_ELEMENTWISE_gt;
    case FV_ELEMENTWISE_ge_scalar: return FV_ELEMENTWISE_ge;
    default: return FV_ELEMENTWISE_copy;
    }
}

/* Is p an integer that a double rounds? */
static bool is_rounded(const elementwise_numbers *n)
{
    return n->whole != 0 && n->p == (double)n->whole && (n->p >= 0x1p53 || n->p <= -0x1p53);
}

/* An int64 with a number beyond 2^53, which kernels get as a double: as a tensor it is exact. */
__attribute__((noinline)) static void compute_exactly(fv_call *c, fv_elementwise op, int64_t whole)
{
    fv_tensor number = {.dtype = FV_INT64, .numel = 1, .data = &whole};
    fv_tensor *const in[] = {c->in[0], &number};
    fv_elementwise_run(c->machine, binary_of(op), FV_INT64, c->out[0], 2, in, 0, 0);
}

void fv_elementwise_forward(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind)
{
    elementwise_numbers n;
    fv_dtype compute = settled_dtype(c, op, kind, &n);
    if (fv_dtype_row_of(compute)->stored) {
        move_stored(c, &n.p);
        return;
    }
    if (compute == FV_INT64 && is_rounded(&n)) {
        compute_exactly(c, op, n.whole);
        return;
    }
    fv_elementwise_run(c->machine, op, compute, c->out[0], c->inputs, c->in, n.p, n.q);
}

void fv_elementwise_twin(fv_call *c, fv_elementwise op, elementwise_numbers_kind kind)
{
    elementwise_numbers n;
    fv_dtype compute = settled_dtype(c, op, kind, &n);
    fv_elementwise_reference(op, compute, c->out[0], c->inputs, c->in, n.p, n.q);
}

fv_tensor *fv_elementwise_other(const fv_tensor *x, fv_tensor *y)
{
    if (!fv_usable(x) || !fv_usable(y) || fv_promote(x->dtype, y->dtype) == x->dtype) return y;
    return group_of(x->dtype) == group_of(y->dtype) ? fv_to(y, x->dtype) : y;
}
