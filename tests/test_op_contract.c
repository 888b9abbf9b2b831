/* What op.h gives to the author of an op: checks, descriptions of outputs, several of them, what a
 * gradient may ask. Two ops are made for it. */
#include <stdio.h>
#include <string.h>

#include "support.h"

/* --- y = x · w over one dimension, and a copy of x -------------------------------------------- */

typedef struct weigh_options {
    int64_t dim;
    bool huge;    /* asks for a size that no tensor has */
    fv_dims pair; /* not read; from 0 on */
} weigh_options;

/* What the gradient was told. */
static struct {
    bool wants[2];
    fv_shape shape;
    fv_dtype dtype;
    fv_order order;
} told;

static fv_status weigh_infer(fv_call *c)
{
    weigh_options *a = c->options;
    int64_t pair[2];
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = fv_need_ndim(c, 0, "input", 3, 4);
    if (status == FV_OK) status = fv_need_ndim(c, 1, "weight", 1, 1);
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "input", 1, "weight");
    if (status == FV_OK) status = fv_need_dim(c, 0, &a->dim);
    fv_shape huge = FV_SHAPE((int64_t)1 << 40, (int64_t)1 << 40);
    if (status == FV_OK && a->huge) status = fv_need_size(c, &huge);
    if (status == FV_OK) status = fv_need_dims(c, "pair", a->pair, 2, 0, pair);
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(c->in[0]);
    if (shape.dim[a->dim] != c->in[1]->shape[0])
        return fv_reject(c, FV_ERR_SHAPE, "weight %s does not fit input %s", fv_text(c->in[1]),
                         fv_text(c->in[0]));
    fv_output_channels_last(c, 0, c->in[0]->dtype, &shape);
    fv_output_like(c, 1, c->in[0]);
    c->spec[1].constant = true;
    return FV_OK;
}

/* Of float64. */
static void weigh_forward(fv_call *c)
{
    const weigh_options *a = c->options;
    const fv_tensor *x = c->in[0], *w = c->in[1], *y = c->out[0];
    int64_t index[FV_MAX_DIMS] = {0};
    for (int64_t k = 0; k < x->numel; k++) {
        int64_t from = 0, to = 0;
        for (int d = 0; d < x->ndim; d++) {
            from += index[d] * x->strides[d];
            to += index[d] * y->strides[d];
        }
        ((double *)y->data)[to] = ((const double *)x->data)[from] *
                                  ((const double *)w->data)[index[a->dim] * w->strides[0]];
        for (int d = x->ndim - 1; d >= 0 && ++index[d] == x->shape[d]; d--) index[d] = 0;
    }
    fv_copy_elements(c->out[1], x);
}

static fv_tensor *weigh(fv_tensor *x, fv_tensor *w, int64_t dim);

static void weigh_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    const weigh_options *a = c->options;
    for (int i = 0; i < 2; i++) told.wants[i] = fv_wants(c, i);
    told.shape = *fv_input_shape(c, 0);
    told.dtype = fv_input_dtype(c, 0);
    told.order = fv_input_order(c, 0);
    if (fv_wants(c, 0)) gin[0] = weigh(gout[0], c->in[1], a->dim);
    if (fv_wants(c, 1))
        gin[1] = fv_sum(fv_flatten(fv_movedim(fv_mul(gout[0], c->in[0]), a->dim, 0), 1), 1);
}

static const fv_option weigh_fields[] = {FV_FIELD(weigh_options, dim, FV_OPTION_DIM),
                                         FV_FIELD(weigh_options, huge, FV_OPTION_BOOL),
                                         FV_FIELD(weigh_options, pair, FV_OPTION_DIMS),
                                         {0}};

static const fv_op weigh_op = {
    .name = "weigh",
    .inputs = 2,
    .outputs = 2,
    .input = {{.name = "input"}, {.name = "weight"}},
    .options_size = sizeof(weigh_options),
    .option_fields = weigh_fields,
    .infer = weigh_infer,
    .forward = weigh_forward,
    .reference = weigh_forward,
    .gradient = weigh_gradient,
    .saves = {FV_IN(1), FV_IN(0)},
};

static fv_tensor *weigh(fv_tensor *x, fv_tensor *w, int64_t dim)
{
    return FV_APPLY(&weigh_op, (&(const weigh_options){.dim = dim}), x, w);
}

static fv_tensor *numbers(fv_shape shape)
{
    return fv_reshape_to(fv_arange(1, (double)fv_shape_numel(&shape) + 1, .dtype = FV_FLOAT64),
                         shape);
}

START_TEST(an_op_may_have_several_outputs)
{
    FV_SCOPE;
    fv_tensor *in[] = {numbers(FV_SHAPE(1, 2, 3)), TENSOR(FV_FLOAT64, FV_SHAPE(2), 10, -1)};
    fv_tensor *out[2];
    const weigh_options options = {.dim = -2};
    ck_assert_int_eq(fv_apply_all(&weigh_op, &options, 2, in, out), FV_OK);
    ASSERT_VALUES(out[0], 0, 10, 20, 30, -4, -5, -6);
    ck_assert(fv_is_channels_last(out[0]) && !fv_is_contiguous(out[0]));
    ASSERT_VALUES(out[1], 0, 1, 2, 3, 4, 5, 6);
    ck_assert(fv_is_contiguous(out[1]));
    ASSERT_VALUES(fv_apply(&weigh_op, &options, 2, in), 0, 10, 20, 30, -4, -5, -6);
    in[1] = fv_ones(3, .dtype = FV_FLOAT64);
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fv_apply_all(&weigh_op, &options, 2, in, out), FV_ERR_SHAPE);
    ck_assert(out[0] == fv_failed_tensor() && out[1] == fv_failed_tensor());
    expect_error(FV_ERR_SHAPE, "weigh: weight [3] does not fit input [1,2,3]");
}
END_TEST

START_TEST(a_gradient_knows_its_inputs_also_when_they_were_not_saved)
{
    FV_SCOPE;
    fv_tensor *x = fv_to_channels_last(numbers(FV_SHAPE(2, 2, 3)));
    fv_tensor *w = fv_requires_grad(TENSOR(FV_FLOAT64, FV_SHAPE(2), 2, 3), true);
    fv_tensor *y = weigh(x, w, 1);
    ck_assert_int_eq(fv_backward(fv_sum(y)), FV_OK);
    ck_assert(!told.wants[0] && told.wants[1]);
    fv_shape shape = FV_SHAPE(2, 2, 3);
    ck_assert(fv_shape_equal(&told.shape, &shape));
    ck_assert_int_eq(told.dtype, FV_FLOAT64);
    ck_assert_int_eq(told.order, FV_ORDER_CHANNELS_LAST);
    ASSERT_VALUES(fv_grad_of(w), 0, 1 + 2 + 3 + 7 + 8 + 9, 4 + 5 + 6 + 10 + 11 + 12);
}
END_TEST

static fv_tensor *weigh_last(fv_tensor *const *in, void *context)
{
    (void)context;
    return weigh(in[0], in[1], -1);
}

START_TEST(its_gradient_is_right_twice)
{
    FV_SCOPE;
    fv_tensor *x = fv_requires_grad(numbers(FV_SHAPE(1, 2, 3)), true);
    fv_tensor *w = fv_requires_grad(TENSOR(FV_FLOAT64, FV_SHAPE(3), 2, 3, -1), true);
    ck_assert_msg(fv_gradcheck(weigh_last, FV_TENSORS(x, w)), "%s", fv_error());
    ck_assert_msg(fv_gradgradcheck(weigh_last, FV_TENSORS(x, w)), "%s", fv_error());
}
END_TEST

START_TEST(checks_name_the_argument)
{
    static const struct {
        fv_shape x, w;
        fv_dtype dtype_x, dtype_w;
        weigh_options options;
        fv_status status;
        const char *message;
    } mistakes[] = {
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_INT64,
         FV_INT64,
         {1, false, 0},
         FV_ERR_DTYPE,
         "input [1,2,3] is int64"},
        {{2, {2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, false, 0},
         FV_ERR_SHAPE,
         "input [2,3] has 2 dimensions, 3 to 4"},
        {{3, {1, 2, 3}},
         {2, {1, 2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, false, 0},
         FV_ERR_SHAPE,
         "weight [1,2] has 2 dimensions, 1 are needed"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT32,
         {1, false, 0},
         FV_ERR_DTYPE,
         "weight [2] is float32"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {3, false, 0},
         FV_ERR_INDEX,
         "dim 3 is out of range"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {-4, false, 0},
         FV_ERR_INDEX,
         "dim -4 is out of range"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, true, 0},
         FV_ERR_SHAPE,
         "beyond what memory can hold"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, false, FV_DIMS(1, 2, 3)},
         FV_ERR_OPTION,
         "pair must be one number or FV_DIMS of 2"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, false, FV_DIMS(1, -2)},
         FV_ERR_OPTION,
         "pair is -2, must lie in [0, 2147483647]"},
        {{3, {1, 2, 3}},
         {1, {2}},
         FV_FLOAT64,
         FV_FLOAT64,
         {1, false, INT64_C(1) << 31},
         FV_ERR_OPTION,
         "pair is 2147483648"},
    };
    fv_set_log(NULL, NULL);
    for (size_t k = 0; k < sizeof mistakes / sizeof mistakes[0]; k++) {
        FV_SCOPE;
        fv_tensor *x = fv_zeros(.shape = mistakes[k].x, mistakes[k].dtype_x);
        fv_tensor *w = fv_zeros(.shape = mistakes[k].w, mistakes[k].dtype_w);
        ck_assert(fv_failed(FV_APPLY(&weigh_op, &mistakes[k].options, x, w)));
        ck_assert_ptr_eq(strstr(fv_error(), "weigh: "), fv_error());
        expect_error(mistakes[k].status, mistakes[k].message);
    }
    ck_assert_str_eq(fv_text(NULL), "NULL");
    ck_assert_str_eq(fv_input_name(&weigh_op, 1), "weight");
}
END_TEST

/* --- the rows of a matrix, as so many views --------------------------------------------------- */

static fv_status rows_infer(fv_call *c)
{
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_ndim(c, 0, "matrix", 2, 2);
    if (status == FV_OK) status = fv_set_outputs(c, (int)x->shape[0]);
    if (status != FV_OK) return status;
    fv_shape row = FV_SHAPE(x->shape[1]);
    for (int j = 0; j < c->outputs; j++)
        fv_output_view(c, j, 0, &row, x->strides + 1, j * x->strides[0]);
    return FV_OK;
}

static void rows_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *rows[16];
    for (int j = 0; j < c->outputs; j++)
        rows[j] = gout[j] ? gout[j]
                          : fv_zeros(fv_input_shape(c, 0)->dim[1], .dtype = fv_input_dtype(c, 0));
    gin[0] = fv_stack(((fv_tensor_list){rows, c->outputs}));
}

static const fv_op rows_op = {
    .name = "rows",
    .inputs = 1,
    .outputs = FV_ANY,
    .input = {{.name = "matrix"}},
    .infer = rows_infer,
    .gradient = rows_gradient,
};

START_TEST(the_number_of_outputs_may_follow_from_the_input)
{
    FV_SCOPE;
    fv_tensor *x = fv_requires_grad(numbers(FV_SHAPE(7, 2)), true), *row[8];
    ck_assert_int_eq(fv_apply_many(&rows_op, NULL, 1, &x, row, 8), 7);
    ASSERT_VALUES(row[0], 0, 1, 2);
    ASSERT_VALUES(row[6], 0, 13, 14);
    ck_assert_ptr_eq(row[6]->storage, x->storage);
    ck_assert_int_eq(fv_backward(fv_sum(fv_mul(row[1], row[6]))), FV_OK);
    ASSERT_VALUES(fv_grad_of(x), 0, 0, 0, 13, 14, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4);
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fv_apply_many(&rows_op, NULL, 1, &x, row, 6), 0);
    expect_error(fv_error_status(), "rows: ");
}
END_TEST

/* --- messages --------------------------------------------------------------------------------- */

static fv_status fail_with(const char *prefix, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static fv_status fail_with(const char *prefix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fv_status status = fv_vfail(FV_ERR_STATE, prefix, format, args);
    va_end(args);
    return status;
}

START_TEST(a_message_may_have_a_prefix)
{
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(fail_with("solver", "step %d is wrong", 3), FV_ERR_STATE);
    ck_assert_str_eq(fv_error(), "solver: step 3 is wrong");
    ck_assert_int_eq(fail_with("solver", "the second one"), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "solver: step 3 is wrong");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("the contract of an op");
    TCase *contract = add_case(suite, "contract");
    tcase_add_test(contract, an_op_may_have_several_outputs);
    tcase_add_test(contract, a_gradient_knows_its_inputs_also_when_they_were_not_saved);
    tcase_add_test(contract, its_gradient_is_right_twice);
    tcase_add_test(contract, checks_name_the_argument);
    tcase_add_test(contract, the_number_of_outputs_may_follow_from_the_input);
    tcase_add_test(contract, a_message_may_have_a_prefix);
    return suite;
}
