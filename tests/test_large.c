/* Ops that move, pick or sum few elements, on tensors that are cut into many pieces: at every
 * instruction-set level, with one and with more threads, they give what their plain loops give.
 * Shapes are odd, so that vectors and tiles have rests. */
#include <math.h>
#include <stdlib.h>

#include "support.h"
#include "tensor/kernels/isa.h"

typedef struct inputs {
    fv_tensor *x;      /* [207,301] */
    fv_tensor *narrow; /* [5003,9] */
    fv_tensor *image;  /* [3,5,61,67] */
    fv_tensor *index;  /* [207,301] in [0, 207) */
} inputs;

typedef fv_tensor *(*large_fn)(const inputs *in);

/* The gradient of y in x where that of y is sin 0, sin 1, ..., or begins so in its last dimension
 * and is expanded in the others. */
static fv_tensor *gradient(fv_tensor *y, fv_tensor *x, bool expanded)
{
    fv_shape shape = fv_shape_of(y);
    double count = (double)(expanded ? fv_size(y, -1) : y->numel);
    fv_tensor *g = fv_to(fv_sin(fv_arange(0, count, .dtype = FV_FLOAT64)), y->dtype);
    fv_tensor *gx = NULL;
    g = expanded ? fv_expand_to(g, shape) : fv_reshape_to(g, shape);
    fv_grad(FV_TENSORS(y), FV_TENSORS(x), &gx, .grad_outputs = FV_TENSORS(g));
    return gx;
}

#define DEFINE(name, expression)                                                                   \
    static fv_tensor *name(const inputs *in)                                                       \
    {                                                                                              \
        return expression;                                                                         \
    }
#define DEFINE_GRADIENT(name, of, input)                                                           \
    static fv_tensor *name(const inputs *in)                                                       \
    {                                                                                              \
        return gradient(of(in), in->input, false);                                                 \
    }                                                                                              \
    static fv_tensor *name##_expanded(const inputs *in)                                            \
    {                                                                                              \
        return gradient(of(in), in->input, true);                                                  \
    }

DEFINE(flip_rows, fv_flip(in->x, 1))
DEFINE(flip_columns, fv_flip(in->x, 0))
DEFINE(flip_image, fv_flip(in->image, FV_DIMS(0, 2, 3)))
DEFINE(flip_transposed, fv_flip(fv_t(in->x), 1))
DEFINE(pad, fv_pad(in->image, 2, 1, 0, 3, 0, 0, 1, 1, .value = 7))
DEFINE(pad_cut, fv_pad(in->image, -2, 1, 3, -3))
DEFINE(pad_last_order, fv_pad(fv_to_channels_last(in->image), 2, 1, 0, 3))
DEFINE(pad_transposed, fv_pad(fv_t(in->x), 1, 2))
DEFINE(pad_long, fv_pad(fv_reshape(in->x, -1), 5, 6, .value = -1))
DEFINE(reflect, fv_pad(in->image, 2, 1, 3, 0, .mode = FV_PAD_REFLECT))
DEFINE(narrow, fv_narrow(in->image, 2, 3, 50))
DEFINE(step, fv_slice(in->image, 3, 1, 60, 3))
DEFINE(expanded, fv_contiguous(fv_expand(fv_select(in->x, 1, 0), 207, 207)))
DEFINE(gather_0, fv_gather(in->x, 0, in->index))
DEFINE(gather_1, fv_gather(in->x, 1, in->index))
DEFINE(argmax_0, fv_argmax(in->x, 0))
DEFINE(argmin_1, fv_argmin(in->x, 1))
DEFINE(argmax_short, fv_argmax(in->narrow, 1))
DEFINE(argmin_tall, fv_argmin(in->narrow, 0))
DEFINE(argmax_middle, fv_argmax(in->image, 2))
DEFINE(argmax_transposed, fv_argmax(fv_t(in->x), 1))
DEFINE(max_short, fv_max_dim(in->narrow, 1, false, NULL))
DEFINE(max_columns, fv_max_dim(in->x, 0, true, NULL))
DEFINE(sum_short, fv_sum(in->narrow, 1))
DEFINE(prod_short, fv_prod(in->narrow, 1))
DEFINE(amax_columns, fv_amax(in->x, 0))
DEFINE(amin_short, fv_amin(in->narrow, 1))
DEFINE(var_short, fv_var(in->narrow, 1))
DEFINE(logsumexp_short, fv_logsumexp(in->narrow, 1))
DEFINE(softmax_short, fv_softmax(in->narrow, 1))
DEFINE(log_softmax_short, fv_log_softmax(in->narrow, 1))
DEFINE(softmax_rows, fv_softmax(in->x, 1))
DEFINE(log_softmax_columns, fv_log_softmax(in->x, 0))
DEFINE(sine, fv_sin(fv_mul(in->x, 100)))
DEFINE(cumsum_0, fv_cumsum(in->x, 0))
DEFINE(cumsum_1, fv_cumsum(in->x, 1))
DEFINE(cumsum_middle, fv_cumsum(in->image, 2))
DEFINE_GRADIENT(pad_gradient, pad, image)
DEFINE_GRADIENT(reflect_gradient, reflect, image)
DEFINE_GRADIENT(narrow_gradient, narrow, image)
DEFINE_GRADIENT(step_gradient, step, image)
DEFINE_GRADIENT(gather_0_gradient, gather_0, x)
DEFINE_GRADIENT(gather_1_gradient, gather_1, x)
DEFINE_GRADIENT(softmax_gradient, softmax_rows, x)
DEFINE_GRADIENT(log_softmax_gradient, log_softmax_columns, x)
DEFINE_GRADIENT(short_gradient, softmax_short, narrow)
DEFINE_GRADIENT(max_gradient, max_columns, x)
DEFINE_GRADIENT(cumsum_gradient, cumsum_0, x)

#define FUNCTION(name)                                                                             \
    {                                                                                              \
#name, name                                                                                \
    }
#define GRADIENTS(name) FUNCTION(name), FUNCTION(name##_expanded)
static const struct {
    const char *name;
    large_fn compute;
} functions[] = {
    FUNCTION(flip_rows),
    FUNCTION(flip_columns),
    FUNCTION(flip_image),
    FUNCTION(flip_transposed),
    FUNCTION(pad),
    FUNCTION(pad_cut),
    FUNCTION(pad_last_order),
    FUNCTION(pad_transposed),
    FUNCTION(pad_long),
    FUNCTION(reflect),
    FUNCTION(narrow),
    FUNCTION(step),
    FUNCTION(expanded),
    FUNCTION(gather_0),
    FUNCTION(gather_1),
    FUNCTION(argmax_0),
    FUNCTION(argmin_1),
    FUNCTION(argmax_short),
    FUNCTION(argmin_tall),
    FUNCTION(argmax_middle),
    FUNCTION(argmax_transposed),
    FUNCTION(max_short),
    FUNCTION(max_columns),
    FUNCTION(sum_short),
    FUNCTION(prod_short),
    FUNCTION(amax_columns),
    FUNCTION(amin_short),
    FUNCTION(var_short),
    FUNCTION(logsumexp_short),
    FUNCTION(softmax_short),
    FUNCTION(log_softmax_short),
    FUNCTION(softmax_rows),
    FUNCTION(log_softmax_columns),
    FUNCTION(sine),
    FUNCTION(cumsum_0),
    FUNCTION(cumsum_1),
    FUNCTION(cumsum_middle),
    GRADIENTS(cumsum_gradient),
    GRADIENTS(pad_gradient),
    GRADIENTS(reflect_gradient),
    GRADIENTS(narrow_gradient),
    GRADIENTS(step_gradient),
    GRADIENTS(gather_0_gradient),
    GRADIENTS(gather_1_gradient),
    GRADIENTS(softmax_gradient),
    GRADIENTS(log_softmax_gradient),
    GRADIENTS(short_gradient),
    GRADIENTS(max_gradient),
};

/* --- inputs ----------------------------------------------------------------------------------- */

/* Numbers of 11 bits, so that there are ties; with nan, every 997th is one. */
static fv_tensor *numbers(fv_dtype dtype, fv_shape shape, bool nan)
{
    int64_t count = fv_shape_numel(&shape);
    double *values = malloc((size_t)count * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < count; i++) {
        uint32_t mixed = (uint32_t)((uint64_t)i * 2654435761u);
        values[i] = (double)(mixed >> 21) / 512.0 - 2.0;
        if (nan && i % 997 == 500) values[i] = (double)NAN;
    }
    fv_tensor *t = tensor_of(dtype, shape, values);
    free(values);
    return fv_requires_grad(t, true);
}

static inputs make_inputs(fv_dtype dtype, bool nan)
{
    inputs in = {.x = numbers(dtype, FV_SHAPE(207, 301), nan),
                 .narrow = numbers(dtype, FV_SHAPE(5003, 9), nan),
                 .image = numbers(dtype, FV_SHAPE(3, 5, 61, 67), nan),
                 .index = fv_arange(0, 207 * 301, .dtype = FV_INT64)};
    int64_t *index = fv_data_int64(in.index);
    for (int64_t i = 0; i < in.index->numel; i++) index[i] = i * i % 207;
    in.index = fv_reshape(in.index, 207, 301);
    return in;
}

/* --- the comparison --------------------------------------------------------------------------- */

static void check_level(const char *name, large_fn compute, const inputs *in,
                        const fv_tensor *wanted)
{
    char difference[256];
    FV_SCOPE;
    fv_set_num_threads(1);
    fv_tensor *first = compute(in);
    double tolerance = in->x->dtype == FV_FLOAT32 ? 2e-5 : 1e-12;
    if (fv_failed(first) || !tensors_close(first, wanted, tolerance, difference, sizeof difference))
        note_failure("%s, %s at %s: %s", name, fv_dtype_name(in->x->dtype),
                     fv_isa_name(fv_isa_level()), fv_failed(first) ? fv_error() : difference);
    for (int threads = 2; threads <= 8; threads += 3) {
        fv_set_num_threads(threads);
        if (!tensors_same(compute(in), first))
            note_failure("%s, %s at %s: %d threads give other bits than one", name,
                         fv_dtype_name(in->x->dtype), fv_isa_name(fv_isa_level()), threads);
    }
}

static void check_all(fv_dtype dtype, bool nan)
{
    FV_SCOPE;
    int threads = fv_get_num_threads();
    inputs in = make_inputs(dtype, nan);
    for (size_t k = 0; k < sizeof functions / sizeof *functions; k++) {
        bool before = fv_use_reference(true);
        fv_tensor *wanted = functions[k].compute(&in);
        fv_use_reference(before);
        for (fv_isa level = 0; level < fv_isa_count(); level++) {
            if (!fv_isa_available(level)) continue;
            fv_set_isa(level);
            check_level(functions[k].name, functions[k].compute, &in, wanted);
        }
    }
    fv_set_isa(fv_isa_best());
    fv_set_num_threads(threads);
}

START_TEST(large_tensors_are_those_of_the_plain_loops)
{
    check_all(FV_FLOAT32, false);
    check_all(FV_FLOAT64, false);
    ck_assert(no_failures());
}
END_TEST

START_TEST(and_so_with_nan)
{
    check_all(FV_FLOAT32, true);
    check_all(FV_FLOAT64, true);
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("large");
    TCase *large = add_case(suite, "large");
    tcase_add_test(large, large_tensors_are_those_of_the_plain_loops);
    tcase_add_test(large, and_so_with_nan);
    return suite;
}
