/* Views with the dimensions in another order: permute, transpose, t, movedim. */
#include "autograd/ops/view/view.h"

/* Output dimension i is input dimension from[i]. */
static void output_permuted(fv_call *c, const int64_t *from)
{
    const fv_tensor *x = c->in[0];
    fv_shape shape = {.ndim = x->ndim};
    int64_t strides[FV_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++) {
        shape.dim[i] = x->shape[from[i]];
        strides[i] = x->strides[from[i]];
    }
    fv_output_view(c, 0, 0, &shape, strides, 0);
}

/* Where output_permuted puts input dimension dim. */
static bool permuted_window(const int64_t *from, int dim, fv_window *w)
{
    int to = 0;
    while (from[to] != dim) to++;
    return fv_window_shifted(to, 0, w);
}

/* --- permute ---------------------------------------------------------------------------------- */

typedef struct permute_options {
    fv_shape dims;
} permute_options;

static const fv_option permute_fields[] = {FV_FIELD(permute_options, dims, FV_OPTION_SHAPE),
                                           {.name = NULL}};

static fv_status permute_infer(fv_call *c)
{
    permute_options *a = c->options;
    const fv_tensor *x = c->in[0];
    unsigned seen = 0;
    bool right = a->dims.ndim == x->ndim;
    for (int i = 0; right && i < x->ndim; i++) {
        int dim = fv_wrap_dim(a->dims.dim[i], x->ndim);
        right = dim >= 0 && !(seen & 1u << dim);
        if (right) seen |= 1u << dim;
        if (right) a->dims.dim[i] = dim;
    }
    if (!right) {
        return fv_reject(c, FV_ERR_OPTION,
                         "the numbers given must name each of the %d dimensions of input %s once",
                         x->ndim, fv_text(x));
    }
    output_permuted(c, a->dims.dim);
    return FV_OK;
}

static void permute_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const permute_options *a = c->options;
    fv_shape inverse = {.ndim = a->dims.ndim};
    for (int i = 0; i < inverse.ndim; i++) inverse.dim[a->dims.dim[i]] = i;
    gin[0] = fv_permute_to(gout[0], inverse);
}

static bool permute_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    (void)input, (void)output;
    return permuted_window(((const permute_options *)c->options)->dims.dim, dim, w);
}

static const fv_op permute_op = {
    .name = "permute",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(permute_options),
    .option_fields = permute_fields,
    .infer = permute_infer,
    .gradient = permute_gradient,
    .window = permute_window,
};
FV_REGISTER(permute_op);

fv_tensor *fv_permute_to(fv_tensor *x, fv_shape dims)
{
    return fv_apply(&permute_op, &(permute_options){dims}, 1, &x);
}

fv_tensor *fv_permute_ex(const fv_view_args *a)
{
    fv_shape shape;
    if (!fv_args_ok("permute", a, sizeof *a) ||
        fv_sizes_settle("permute", FV_SIZES_OF(a), &shape) != FV_OK)
        return fv_failed_tensor();
    return fv_permute_to(a->input, shape);
}

/* --- transpose, movedim ----------------------------------------------------------------------- */

typedef struct two_dims_options {
    int64_t first, second;
} two_dims_options;

static void transposed(const two_dims_options *a, int64_t *from)
{
    for (int i = 0; i < FV_MAX_DIMS; i++) from[i] = i;
    from[a->first] = a->second;
    from[a->second] = a->first;
}

static void moved(const two_dims_options *a, int64_t *from)
{
    int next = 0;
    for (int i = 0; i < FV_MAX_DIMS; i++) {
        if (next == a->first) next++;
        from[i] = i == a->second ? a->first : next++;
    }
}

static fv_status transpose_infer(fv_call *c)
{
    two_dims_options *a = c->options;
    fv_status status = fv_need_dim(c, 0, &a->first);
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->second);
    if (status != FV_OK) return status;
    int64_t from[FV_MAX_DIMS];
    transposed(a, from);
    output_permuted(c, from);
    return FV_OK;
}

static bool transpose_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    int64_t from[FV_MAX_DIMS];
    (void)input, (void)output;
    transposed(c->options, from);
    return permuted_window(from, dim, w);
}

static void transpose_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const two_dims_options *a = c->options;
    gin[0] = fv_transpose(gout[0], a->first, a->second);
}

static const fv_option transpose_fields[] = {
    {.name = "dim0", .offset = offsetof(two_dims_options, first), .kind = FV_OPTION_DIM},
    {.name = "dim1", .offset = offsetof(two_dims_options, second), .kind = FV_OPTION_DIM},
    {0}};

static const fv_op transpose_op = {
    .name = "transpose",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(two_dims_options),
    .infer = transpose_infer,
    .gradient = transpose_gradient,
    .option_fields = transpose_fields,
    .window = transpose_window,
};
FV_REGISTER(transpose_op);

fv_tensor *fv_transpose(fv_tensor *x, int64_t dim0, int64_t dim1)
{
    return fv_apply(&transpose_op, &(two_dims_options){dim0, dim1}, 1, &x);
}

static fv_status movedim_infer(fv_call *c)
{
    two_dims_options *a = c->options;
    fv_status status = fv_need_dim(c, 0, &a->first);
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->second);
    if (status != FV_OK) return status;
    int64_t from[FV_MAX_DIMS];
    moved(a, from);
    output_permuted(c, from);
    return FV_OK;
}

static bool movedim_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    int64_t from[FV_MAX_DIMS];
    (void)input, (void)output;
    moved(c->options, from);
    return permuted_window(from, dim, w);
}

static void movedim_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const two_dims_options *a = c->options;
    gin[0] = fv_movedim(gout[0], a->second, a->first);
}

static const fv_option movedim_fields[] = {
    {.name = "source", .offset = offsetof(two_dims_options, first), .kind = FV_OPTION_DIM},
    {.name = "destination", .offset = offsetof(two_dims_options, second), .kind = FV_OPTION_DIM},
    {0}};

static const fv_op movedim_op = {
    .name = "movedim",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .options_size = sizeof(two_dims_options),
    .infer = movedim_infer,
    .gradient = movedim_gradient,
    .option_fields = movedim_fields,
    .window = movedim_window,
};
FV_REGISTER(movedim_op);

fv_tensor *fv_movedim(fv_tensor *x, int64_t source, int64_t destination)
{
    return fv_apply(&movedim_op, &(two_dims_options){source, destination}, 1, &x);
}

/* --- t ---------------------------------------------------------------------------------------- */

static fv_status t_infer(fv_call *c)
{
    fv_status status = fv_need_ndim(c, 0, "input", 0, 2);
    if (status != FV_OK) return status;
    output_permuted(c, c->in[0]->ndim == 2 ? (const int64_t[]){1, 0} : (const int64_t[]){0, 1});
    return FV_OK;
}

static void t_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    (void)c;
    gin[0] = fv_t(gout[0]);
}

static bool t_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    (void)output;
    return fv_window_shifted(c->in[input]->ndim == 2 ? 1 - dim : dim, 0, w);
}

static const fv_op t_op = {
    .name = "t",
    .inputs = 1,
    .input = {{.name = "input"}},
    .outputs = 1,
    .infer = t_infer,
    .gradient = t_gradient,
    .window = t_window,
};
FV_REGISTER(t_op);

fv_tensor *fv_t(fv_tensor *x)
{
    return fv_apply(&t_op, NULL, 1, &x);
}
