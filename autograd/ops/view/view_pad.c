/* pad: longer (or, in constant mode, shorter) dimensions.
 *
 * The constant mode is a kernel of its own, the modes that repeat elements another, with an
 * adjoint. The reference copies the input to its place in the output and then fills the margins
 * dimension by dimension with copies of slices of the output itself, which are as long as the input
 * in the dimensions still to come, and complete in those done; its adjoint does the same backwards,
 * adding each margin slice to the one that it was a copy of. What these modes cut off is cut by
 * other ops: circular wraps what is left, the others repeat elements of the whole input. */
#include <string.h>

#include "autograd/ops/view/view.h"
#include "tensor/kernels/view/pad.h"
#include "tensor/kernels/view/repeat.h"
#include "tensor/kernels/view/transpose.h"

typedef struct pad_options {
    fv_shape pad; /* as given: pairs from the last dimension on */
    int64_t mode;
    double value;
} pad_options;

static const char *const pad_modes[] = {"constant", "reflect", "replicate", "circular", NULL};
static const fv_option pad_fields[] = {FV_FIELD(pad_options, pad, FV_OPTION_SHAPE),
                                       {.name = "mode",
                                        .offset = offsetof(pad_options, mode),
                                        .kind = FV_OPTION_ENUM,
                                        .values = pad_modes,
                                        .first = FV_PAD_CONSTANT},
                                       FV_FIELD(pad_options, value, FV_OPTION_DOUBLE),
                                       {.name = NULL}};

typedef void (*copy_fn)(fv_tensor *dst, const fv_tensor *src);

static int64_t before_of(const pad_options *a, int ndim, int dim)
{
    int pair = ndim - 1 - dim;
    return 2 * pair < a->pad.ndim ? a->pad.dim[2 * pair] : 0;
}

static int64_t after_of(const pad_options *a, int ndim, int dim)
{
    int pair = ndim - 1 - dim;
    return 2 * pair < a->pad.ndim ? a->pad.dim[2 * pair + 1] : 0;
}

/* --- checks ----------------------------------------------------------------------------------- */

static fv_status check_amount(const fv_call *c, int dim, int64_t length, int64_t amount)
{
    const pad_options *a = c->options;
    const int64_t most = INT64_C(1) << 49;
    int64_t limit = a->mode == FV_PAD_REFLECT    ? length - 1
                    : a->mode == FV_PAD_CIRCULAR ? length
                    : length > 0                 ? most
                                                 : 0;
    if (a->mode == FV_PAD_CONSTANT) {
        if (amount >= -most && amount <= most) return FV_OK;
    } else if (amount >= 0 && (amount <= limit || amount == 0)) {
        return FV_OK;
    }
    static const char *const rules[] = {
        "is too large", "must be less than the length and leave an element",
        "must leave an element, and needs one to repeat",
        "must not exceed the length, less what is cut off, and leave an element"};
    return fv_reject(c, FV_ERR_OPTION, "padding %lld of dimension %d of input %s %s",
                     (long long)amount, dim, fv_text(c->in[0]), rules[a->mode - FV_PAD_CONSTANT]);
}

static fv_status check_pad(const fv_call *c, int ndim, const char *name)
{
    const pad_options *a = c->options;
    if (a->mode < FV_PAD_CONSTANT || a->mode > FV_PAD_CIRCULAR) {
        return fv_reject(c, FV_ERR_OPTION, "%lld is no mode", (long long)a->mode);
    }
    if (a->pad.ndim < 0 || a->pad.ndim > FV_MAX_DIMS || a->pad.ndim % 2 != 0 ||
        a->pad.ndim / 2 > ndim) {
        return fv_reject(c, FV_ERR_OPTION,
                         "pad has %d numbers; %s %s takes pairs for at most %d dimensions",
                         a->pad.ndim, name, fv_text(c->in[0]), ndim);
    }
    return FV_OK;
}

/* The padded shape of an input; errors as documented. */
static fv_status padded_shape(const fv_call *c, const fv_shape *input, fv_shape *out)
{
    const pad_options *a = c->options;
    *out = *input;
    for (int i = 0; i < input->ndim; i++) {
        int64_t length = input->dim[i];
        int64_t before = before_of(a, input->ndim, i), after = after_of(a, input->ndim, i);
        fv_status status = check_amount(c, i, length, before);
        if (status == FV_OK) status = check_amount(c, i, length, after);
        if (status != FV_OK) return status;
        out->dim[i] = length + before + after;
        if (out->dim[i] < 0 || length + before < 0 || length + after < 0) {
            return fv_reject(c, FV_ERR_SHAPE,
                             "padding %lld, %lld cuts more off dimension %d of "
                             "%s than there is",
                             (long long)before, (long long)after, i, fv_shape_text(input));
        }
    }
    return fv_need_size(c, out);
}

/* --- slices ----------------------------------------------------------------------------------- */

/* Narrows t to length elements of dim, from start on. */
static void cut(fv_tensor *t, int dim, int64_t start, int64_t length)
{
    t->numel = t->shape[dim] ? t->numel / t->shape[dim] * length : 0;
    t->shape[dim] = length;
    if (t->numel == 0) return;
    t->data = (char *)t->data + start * t->strides[dim] * (int64_t)fv_dtype_size(t->dtype);
}

/* The part of the padded y that x is copied to, and the part of x that is. */
static void cut_interior(const pad_options *a, fv_tensor *y, fv_tensor *x)
{
    for (int i = 0; i < x->ndim; i++) {
        int64_t before = before_of(a, x->ndim, i), after = after_of(a, x->ndim, i);
        int64_t skip = before < 0 ? -before : 0, drop = after < 0 ? -after : 0;
        int64_t length = x->shape[i] - skip - drop;
        if (length < 0) length = 0;
        cut(x, i, skip, length);
        cut(y, i, before < 0 ? 0 : before, length);
    }
}

/* Where padded position i of dim comes from, as a padded position inside the interior. */
static int64_t source_of(int64_t mode, int64_t i, int64_t before, int64_t length)
{
    int64_t k = i - before;
    if (mode == FV_PAD_REFLECT) k = k < 0 ? -k : 2 * (length - 1) - k;
    if (mode == FV_PAD_REPLICATE) k = k < 0 ? 0 : length - 1;
    if (mode == FV_PAD_CIRCULAR) k = k < 0 ? k + length : k - length;
    return before + k;
}

/* Calls visit for every margin slice of dim with the slice that it copies. Dimensions after dim
 * are cut to the interior. */
static void each_margin(const pad_options *a, const fv_tensor *y, const int64_t *lengths, int dim,
                        copy_fn visit)
{
    fv_tensor part = fv_tensor_borrow(y);
    for (int i = dim + 1; i < y->ndim; i++) cut(&part, i, before_of(a, y->ndim, i), lengths[i]);
    int64_t before = before_of(a, y->ndim, dim), length = lengths[dim];
    for (int64_t i = 0; i < y->shape[dim]; i++) {
        if (i >= before && i < before + length) continue;
        fv_tensor margin = part, source = part;
        cut(&margin, dim, i, 1);
        cut(&source, dim, source_of(a->mode, i, before, length), 1);
        visit(&margin, &source);
    }
}

/* --- pad -------------------------------------------------------------------------------------- */

static fv_status pad_infer(fv_call *c)
{
    const fv_tensor *x = c->in[0];
    fv_status status = check_pad(c, x->ndim, "input");
    fv_shape input = fv_shape_of(x), shape;
    if (status == FV_OK) status = padded_shape(c, &input, &shape);
    if (status != FV_OK) return status;
    fv_tensor y = fv_tensor_borrow(x); /* in x's order of memory */
    memcpy(y.shape, shape.dim, sizeof y.shape);
    y.numel = fv_shape_numel(&shape);
    fv_output_like(c, 0, &y);
    return FV_OK;
}

/* A number in one element of a dtype. */
typedef union pad_element {
    int64_t i;
    double d;
} pad_element;

static pad_element element_of(fv_dtype dtype, double value)
{
    pad_element one = {0};
    fv_tensor number = {.dtype = FV_FLOAT64, .numel = 1, .data = &value};
    fv_tensor target = {.dtype = dtype, .numel = 1, .data = &one};
    fv_copy_elements(&target, &number);
    return one;
}

static void fill(fv_tensor *y, double value)
{
    pad_element one = element_of(y->dtype, value);
    fv_tensor element = fv_tensor_borrow(y);
    memset(element.strides, 0, sizeof element.strides);
    element.data = &one;
    fv_copy_reference(y, &element);
}

static void pad_constant(const fv_call *c)
{
    const pad_options *a = c->options;
    fv_tensor *y = c->out[0];
    fv_tensor interior = fv_tensor_borrow(y), x = fv_tensor_borrow(c->in[0]);
    pad_element value = element_of(y->dtype, a->value);
    int64_t start[FV_MAX_DIMS];
    if (y->numel == 0) return;
    cut_interior(a, &interior, &x);
    for (int i = 0; i < y->ndim; i++) {
        int64_t before = before_of(a, y->ndim, i);
        start[i] = before < 0 || x.numel == 0 ? 0 : before;
    }
    fv_pad_copy(c->machine, y, &x, start, &value);
}

static fv_repeat_mode repeat_of(const pad_options *a)
{
    return a->mode == FV_PAD_REFLECT     ? FV_REPEAT_REFLECT
           : a->mode == FV_PAD_REPLICATE ? FV_REPEAT_EDGE
                                         : FV_REPEAT_CIRCULAR;
}

static void pad_repeated(const fv_call *c)
{
    const pad_options *a = c->options;
    int64_t before[FV_MAX_DIMS];
    for (int i = 0; i < c->in[0]->ndim; i++) before[i] = before_of(a, c->in[0]->ndim, i);
    fv_repeat_run(c->machine, repeat_of(a), c->out[0], c->in[0], before);
}

static void pad_forward(fv_call *c)
{
    if (((const pad_options *)c->options)->mode == FV_PAD_CONSTANT)
        pad_constant(c);
    else
        pad_repeated(c);
}

static void pad_reference(fv_call *c)
{
    const pad_options *a = c->options;
    fv_tensor *y = c->out[0];
    fv_tensor interior = fv_tensor_borrow(y), x = fv_tensor_borrow(c->in[0]);
    if (y->numel == 0) return;
    if (a->mode == FV_PAD_CONSTANT) fill(y, a->value);
    cut_interior(a, &interior, &x);
    if (x.numel > 0) fv_copy_reference(&interior, &x);
    if (a->mode == FV_PAD_CONSTANT) return;
    for (int dim = 0; dim < y->ndim; dim++) each_margin(a, y, x.shape, dim, fv_copy_reference);
}

static fv_tensor *pad_backward(fv_tensor *g, const pad_options *a, fv_shape shape);

static void pad_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const pad_options *a = c->options;
    if (a->mode != FV_PAD_CONSTANT) {
        gin[0] = pad_backward(gout[0], a, *fv_input_shape(c, 0));
        return;
    }
    fv_shape inverse = a->pad;
    for (int i = 0; i < inverse.ndim; i++) inverse.dim[i] = -inverse.dim[i];
    gin[0] = fv_pad(gout[0], .shape = inverse);
}

static bool pad_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    (void)output;
    return fv_window_shifted(dim, before_of(c->options, c->in[input]->ndim, dim), w);
}

static const fv_op pad_op = {
    .name = "pad",
    .any_dtype = true,
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(pad_options),
    .option_fields = pad_fields,
    .infer = pad_infer,
    .forward = pad_forward,
    .reference = pad_reference,
    .gradient = pad_gradient,
    .window = pad_window,
};
FV_REGISTER(pad_op);

/* Does a mode that repeats elements cut some off, and leave some? */
static bool cuts(const pad_options *a, const fv_tensor *x)
{
    const int64_t most = INT64_C(1) << 49;
    bool negative = false;
    if (a->mode == FV_PAD_CONSTANT || !fv_usable(x) || a->pad.ndim < 0 ||
        a->pad.ndim > FV_MAX_DIMS || a->pad.ndim % 2 != 0 || a->pad.ndim / 2 > x->ndim)
        return false;
    for (int i = 0; i < x->ndim; i++) {
        int64_t before = before_of(a, x->ndim, i), after = after_of(a, x->ndim, i);
        if (before < -most || after < -most || before > most || after > most) return false;
        if (before >= 0 && after >= 0) continue;
        negative = true;
        bool cut_first = a->mode == FV_PAD_CIRCULAR;
        if (cut_first && before > 0) before = 0;
        if (cut_first && after > 0) after = 0;
        if (x->shape[i] + before + after < 1) return false;
    }
    return negative;
}

/* x without the elements at its ends that negative amounts stand for. */
static fv_tensor *cut_off(fv_tensor *x, const pad_options *a)
{
    for (int i = 0; fv_usable(x) && i < x->ndim; i++) {
        int64_t before = before_of(a, x->ndim, i), after = after_of(a, x->ndim, i);
        int64_t start = before < 0 ? -before : 0, drop = after < 0 ? -after : 0;
        if (start + drop > 0) x = fv_narrow(x, i, start, x->shape[i] - start - drop);
    }
    return x;
}

static fv_tensor *pad_and_cut(fv_tensor *x, const pad_options *a)
{
    pad_options longer = *a;
    for (int i = 0; i < a->pad.ndim; i++)
        if (a->pad.dim[i] < 0) longer.pad.dim[i] = 0;
    if (a->mode == FV_PAD_CIRCULAR) x = cut_off(x, a);
    fv_tensor *y = fv_apply(&pad_op, &longer, 1, &x);
    return a->mode == FV_PAD_CIRCULAR ? y : fv_clone(cut_off(y, a));
}

const fv_pad_args fv_pad_defaults = {FV_PAD_DEFAULTS};

fv_tensor *fv_pad_ex(const fv_pad_args *a)
{
    if (!fv_args_ok("pad", a, sizeof *a)) return fv_failed_tensor();
    const bool given = !fv_is_unset(a->value);
    if (given && a->mode != FV_PAD_CONSTANT) {
        fv_fail(FV_ERR_OPTION, "pad: value is %g, but only FV_PAD_CONSTANT takes one", a->value);
        return fv_failed_tensor();
    }
    pad_options options = {.mode = (int64_t)a->mode, .value = given ? a->value : 0.0};
    if (fv_sizes_settle("pad", FV_SIZES_OF(a), &options.pad) != FV_OK) return fv_failed_tensor();
    return cuts(&options, a->input) ? pad_and_cut(a->input, &options)
                                    : fv_apply(&pad_op, &options, 1, &a->input);
}

/* --- pad_backward ----------------------------------------------------------------------------- */

/* The adjoint of the modes that repeat elements: g [padded] -> [input], each element the sum of g
 * over its copies. */
typedef struct pad_backward_options {
    pad_options pad; /* first: shared with the helpers above */
    fv_shape shape;
} pad_backward_options;

static const fv_option pad_backward_fields[] = {
    {.name = "pad", .offset = offsetof(pad_backward_options, pad.pad), .kind = FV_OPTION_SHAPE},
    {.name = "mode",
     .offset = offsetof(pad_backward_options, pad.mode),
     .kind = FV_OPTION_ENUM,
     .values = pad_modes,
     .first = FV_PAD_CONSTANT},
    FV_FIELD(pad_backward_options, shape, FV_OPTION_SHAPE),
    {.name = NULL}};

static fv_status pad_backward_infer(fv_call *c)
{
    pad_backward_options *a = c->options;
    const fv_tensor *g = c->in[0];
    fv_status status = fv_need_floating(c, 0, "gradient");
    if (status == FV_OK) status = check_pad(c, g->ndim, "gradient");
    if (status == FV_OK) status = fv_need_size(c, &a->shape);
    if (status != FV_OK) return status;
    fv_shape padded = {.ndim = 0}, seen = fv_shape_of(g);
    if (a->shape.ndim == g->ndim) status = padded_shape(c, &a->shape, &padded);
    if (status != FV_OK) return status;
    if (a->pad.mode == FV_PAD_CONSTANT || !fv_shape_equal(&padded, &seen)) {
        return fv_reject(c, FV_ERR_SHAPE, "gradient %s is not that of a padded %s", fv_text(g),
                         fv_shape_text(&a->shape));
    }
    fv_tensor x = fv_tensor_borrow(g); /* in g's order of memory */
    memcpy(x.shape, a->shape.dim, sizeof x.shape);
    x.numel = fv_shape_numel(&a->shape);
    fv_output_like(c, 0, &x);
    c->scratch_bytes = (size_t)g->numel * fv_dtype_size(g->dtype);
    return FV_OK;
}

/* source += margin */
static void add_elements(fv_tensor *margin, const fv_tensor *source)
{
    for (int64_t n = 0; n < margin->numel; n++) {
        int64_t rest = n, at = 0;
        for (int d = margin->ndim - 1; d >= 0; d--) {
            at += rest % margin->shape[d] * margin->strides[d];
            rest /= margin->shape[d];
        }
        if (margin->dtype == FV_FLOAT32) {
            ((float *)source->data)[at] += ((const float *)margin->data)[at];
        } else {
            ((double *)source->data)[at] += ((const double *)margin->data)[at];
        }
    }
}

static void pad_backward_reference(fv_call *c)
{
    const pad_options *a = c->options;
    fv_tensor sums = fv_tensor_borrow(c->in[0]), y = fv_tensor_borrow(c->out[0]);
    if (sums.numel == 0) return;
    sums.data = c->scratch; /* a copy of g, folded dimension by dimension */
    fv_strides_like(c->in[0], sums.strides);
    fv_copy_reference(&sums, c->in[0]);
    for (int dim = sums.ndim - 1; dim >= 0; dim--) {
        each_margin(a, &sums, c->out[0]->shape, dim, add_elements);
    }
    cut_interior(a, &sums, &y);
    if (y.numel > 0) fv_copy_reference(&y, &sums);
}

static void pad_backward_forward(fv_call *c)
{
    const pad_options *a = c->options;
    int64_t before[FV_MAX_DIMS];
    for (int i = 0; i < c->out[0]->ndim; i++) before[i] = before_of(a, c->out[0]->ndim, i);
    fv_repeat_fold(c->machine, repeat_of(a), c->out[0], c->in[0], before);
}

static void pad_backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const pad_options *a = c->options;
    gin[0] = fv_pad(gout[0], .shape = a->pad, .mode = (fv_pad_mode)a->mode);
}

static const fv_op pad_backward_op = {
    .name = "pad_backward",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(pad_backward_options),
    .option_fields = pad_backward_fields,
    .infer = pad_backward_infer,
    .forward = pad_backward_forward,
    .reference = pad_backward_reference,
    .gradient = pad_backward_gradient,
};
FV_REGISTER(pad_backward_op);

static fv_tensor *pad_backward(fv_tensor *g, const pad_options *a, fv_shape shape)
{
    pad_backward_options options = {*a, shape};
    return fv_apply(&pad_backward_op, &options, 1, &g);
}
