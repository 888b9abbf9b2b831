/* Cutting a tensor into views: split, chunk and unbind are one op with any number of outputs. */
#include "autograd/ops/view/join.h"
#include "autograd/ops/view/view.h"
#include "tensor/create.h"

typedef struct split_options {
    int64_t split_size, dim;
    int64_t parts; /* of chunk, which may have empty ones; FV_UNSET: as many as there are */
    bool unbind;   /* parts of length 1 lose the dimension */
} split_options;

/* Of a dimension of that length; -1 after an error. */
static int64_t count_parts(const fv_call *c, const split_options *a, int64_t length)
{
    int64_t size = a->split_size;
    if (size < (length > 0) || (a->unbind && size != 1)) {
        fv_reject(c, FV_ERR_OPTION, "split_size %lld does not cut dimension %lld of %s",
                  (long long)size, (long long)a->dim, fv_text(c->in[0]));
        return -1;
    }
    int64_t parts = length ? (length - 1) / size + 1 : !a->unbind;
    bool fits =
        a->parts == FV_UNSET || a->parts == parts || (length == 0 && a->parts > 0 && !a->unbind);
    if (fits && a->parts != FV_UNSET) parts = a->parts;
    if (fits && parts <= INT32_MAX) return parts;
    fv_reject(c, FV_ERR_OPTION, "split_size %lld cuts %s into %lld parts, not %lld",
              (long long)size, fv_text(c->in[0]), (long long)parts, (long long)a->parts);
    return -1;
}

static fv_status split_infer(fv_call *c)
{
    split_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_ndim(c, 0, "input", 1, FV_MAX_DIMS);
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->dim);
    if (status != FV_OK) return status;
    int64_t parts = count_parts(c, a, x->shape[a->dim]), length = x->shape[a->dim];
    if (parts < 0) return FV_ERR_OPTION;
    int64_t size = a->split_size;
    status = fv_set_outputs(c, (int)parts);
    for (int64_t j = 0; j < parts && status == FV_OK; j++) {
        int64_t start = j * size < length ? j * size : length;
        fv_shape shape = fv_shape_of(x);
        int64_t strides[FV_MAX_DIMS];
        for (int i = 0; i < x->ndim; i++) strides[i] = x->strides[i];
        shape.dim[a->dim] = size < length - start ? size : length - start;
        int64_t offset = fv_shape_numel(&shape) > 0 ? start * strides[a->dim] : 0;
        for (int i = (int)a->dim; a->unbind && i + 1 < shape.ndim; i++) {
            shape.dim[i] = shape.dim[i + 1];
            strides[i] = strides[i + 1];
        }
        shape.ndim -= a->unbind;
        fv_output_view(c, (int)j, 0, &shape, strides, offset);
    }
    return status;
}

/* Parts that no gradient reaches are zeros. Each is as long as split_size but the last. */
static fv_tensor *part_gradient(const fv_call *c, fv_tensor *const *gout, int j)
{
    const split_options *a = c->options;
    if (gout[j]) return gout[j];
    fv_shape shape = *fv_input_shape(c, 0);
    int64_t length = shape.dim[a->dim], start = j * a->split_size;
    start = start < length ? start : length;
    shape.dim[a->dim] = a->split_size < length - start ? a->split_size : length - start;
    fv_tensor *zeros = fv_zeros(.shape = shape, .dtype = fv_input_dtype(c, 0));
    return a->unbind ? fv_squeeze(zeros, a->dim) : zeros;
}

static void split_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const split_options *a = c->options;
    size_t bytes = (size_t)c->outputs * sizeof(fv_tensor *);
    fv_tensor **parts = fv_object_alloc(bytes);
    if (!parts) {
        fv_fail(FV_ERR_MEMORY, "split: no memory for its gradient");
        gin[0] = fv_failed_tensor();
        return;
    }
    for (int j = 0; j < c->outputs; j++) parts[j] = part_gradient(c, gout, j);
    const fv_cat_args args = {.size = sizeof args, .tensors = {parts, c->outputs}, .dim = a->dim};
    gin[0] = a->unbind ? fv_stack_ex(&args) : fv_cat_ex(&args);
    fv_object_free(parts, bytes);
}

static bool split_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const split_options *a = c->options;
    const int64_t start = output * a->split_size, length = c->in[input]->shape[dim];
    if (dim != a->dim) return fv_window_shifted(dim - (a->unbind && dim > a->dim), 0, w);
    if (a->unbind) return fv_window_one(start, w);
    return fv_window_shifted(dim, -(start < length ? start : length), w);
}

static const fv_option split_fields[] = {FV_FIELD(split_options, split_size, FV_OPTION_INT),
                                         FV_FIELD(split_options, dim, FV_OPTION_DIM),
                                         FV_FIELD(split_options, parts, FV_OPTION_INT),
                                         FV_FIELD(split_options, unbind, FV_OPTION_BOOL),
                                         {.name = NULL}};

static const fv_op split_op = {
    .name = "split",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = FV_ANY,
    .options_size = sizeof(split_options),
    .option_fields = split_fields,
    .infer = split_infer,
    .gradient = split_gradient,
    .window = split_window,
};
FV_REGISTER(split_op);

/* --- what the user calls ---------------------------------------------------------------------- */

static bool valid(const char *name, const fv_tensor *x, int64_t dim)
{
    if (!x) {
        fv_fail(FV_ERR_OPTION, "%s: the tensor is NULL", name);
        return false;
    }
    if (fv_failed_in(name, x)) return false;
    if (x->ndim > 0 && fv_wrap_dim(dim, x->ndim) >= 0) return true;
    fv_fail(FV_ERR_INDEX, "%s: input %s has no dimension %lld", name, fv_text(x), (long long)dim);
    return false;
}

int64_t fv_split(fv_tensor *x, int64_t split_size, int64_t dim, fv_tensor **out, int64_t room)
{
    if (!valid("split", x, dim)) return 0;
    split_options a = {.split_size = split_size, .dim = dim, .parts = FV_UNSET};
    return fv_apply_many(&split_op, &a, 1, &x, out, room);
}

int64_t fv_chunk(fv_tensor *x, int64_t chunks, int64_t dim, fv_tensor **out, int64_t room)
{
    if (!valid("chunk", x, dim)) return 0;
    if (chunks < 1) {
        fv_fail(FV_ERR_OPTION, "chunk: chunks is %lld, it must be positive", (long long)chunks);
        return 0;
    }
    int64_t length = fv_size(x, dim), size = length ? (length - 1) / chunks + 1 : 0;
    split_options a = {.split_size = size, .dim = dim, .parts = length ? FV_UNSET : chunks};
    return fv_apply_many(&split_op, &a, 1, &x, out, room);
}

int64_t fv_unbind(fv_tensor *x, int64_t dim, fv_tensor **out, int64_t room)
{
    if (!valid("unbind", x, dim)) return 0;
    split_options a = {.split_size = 1, .dim = dim, .parts = FV_UNSET, .unbind = true};
    return fv_apply_many(&split_op, &a, 1, &x, out, room);
}
