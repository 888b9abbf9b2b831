/* Ops that write to their first input: every row of the table of elementwise ops that has such a
 * form, against the form that returns a new tensor; values, memory and gradients. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

typedef struct row {
    const char *name;
    case_fill fill;
    fv_tensor *(*unary)(fv_tensor *x), *(*unary_)(fv_tensor *x);
    fv_tensor *(*number)(fv_tensor *x, double p), *(*number_)(fv_tensor *x, double p);
    fv_tensor *(*binary)(fv_tensor *x, fv_tensor *y), *(*binary_)(fv_tensor *x, fv_tensor *y);
    double p;
    case_fill other;
} row;

#define FV_UNARY(op, class, value, saves, gradient, torch, values)                                 \
    {.name = #op, .fill = FILL_##values, .unary = fv_##op, .unary_ = fv_##op##_},
#define FV_NUMBER(op, class, value, saves, gradient, torch, values, number_p)                      \
    {.name = #op, .fill = FILL_##values, .number = fv_##op, .number_ = fv_##op##_, .p = (number_p)},
#define FV_BINARY(op, class, value, saves_x, gradient_x, saves_y, gradient_y, torch, x, y)         \
    {.name = #op, .fill = FILL_##x, .binary = fv_##op, .binary_ = fv_##op##_, .other = FILL_##y},
static const row rows[] = {
#include "tensor/kernels/elementwise/elementwise.inc"
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static const fv_shape shape = {3, {2, 3, 4}}, other_shape = {2, {3, 1}};

static fv_tensor *operand(case_fill fill, const fv_shape *s, fv_dtype dtype, layout order)
{
    double *values = fill_values(fill, 0, fv_shape_numel(s), 17 + (uint64_t)s->ndim);
    fv_tensor *t = tensor_in_layout(values, s, dtype, order);
    free(values);
    return t;
}

static fv_tensor *fresh(const row *r, fv_tensor *x, fv_tensor *y)
{
    if (r->unary) return r->unary(x);
    return r->number ? r->number(x, r->p) : r->binary(x, y);
}

static fv_tensor *in_place(const row *r, fv_tensor *x, fv_tensor *y)
{
    if (r->unary) return r->unary_(x);
    return r->number ? r->number_(x, r->p) : r->binary_(x, y);
}

static void check_values(const row *r, fv_dtype dtype, layout order)
{
    char message[256];
    set_context("%s_ %s %s", r->name, fv_dtype_name(dtype), layout_name(order));
    fv_tensor *x = operand(r->fill, &shape, dtype, order);
    fv_tensor *y = operand(r->other, &other_shape, dtype, LAYOUT_CONTIGUOUS);
    const void *data = x->data;
    uint32_t version = fv_version(x);
    fv_tensor *wanted = fresh(r, x, y);
    if (fv_version(x) != version) note_failure("the form that returns a new tensor wrote to x");
    if (in_place(r, x, y) != x) note_failure("x was not returned (%s)", fv_error());
    if (x->data != data) note_failure("x has moved");
    if (fv_version(x) == version) note_failure("the version of x has not grown");
    if (!tensors_close(x, wanted, 1e-6, message, sizeof message)) note_failure("%s", message);
    fv_clear_error();
}

/* What surrounds a strided x is not touched. */
static void check_surroundings(const row *r)
{
    set_context("%s_: a slice", r->name);
    fv_tensor *whole = operand(r->fill, &shape, FV_FLOAT32, LAYOUT_CONTIGUOUS);
    fv_tensor *before = fv_clone(whole);
    fv_tensor *slice = fv_slice(whole, 2, 1, 4, 2);
    fv_tensor *y = operand(r->other, &other_shape, FV_FLOAT32, LAYOUT_CONTIGUOUS);
    in_place(r, slice, y);
    for (int64_t k = 0; k < 4; k += 2)
        if (!tensors_same(fv_select(whole, 2, k), fv_select(before, 2, k)))
            note_failure("elements beside the slice have changed");
    fv_clear_error();
}

START_TEST(results_are_those_of_the_other_form)
{
    fv_set_log(NULL, NULL);
    for (int k = 0; k < ROWS; k++) {
        for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1))
            for (int order = LAYOUT_CONTIGUOUS; order <= LAYOUT_STEPPED; order++) {
                FV_SCOPE;
                check_values(&rows[k], d, (layout)order);
            }
        {
            FV_SCOPE;
            check_surroundings(&rows[k]);
        }
    }
    ck_assert(no_failures());
}
END_TEST

static fv_tensor *gradient_of(const row *r, bool inplace, fv_tensor **of_y)
{
    fv_tensor *x = operand(r->fill, &shape, FV_FLOAT64, LAYOUT_CONTIGUOUS);
    fv_tensor *y = operand(r->other, &other_shape, FV_FLOAT64, LAYOUT_CONTIGUOUS);
    fv_requires_grad(x, true);
    fv_requires_grad(y, true);
    fv_tensor *h = fv_mul(x, 1);
    fv_tensor *result = inplace ? in_place(r, h, y) : fresh(r, h, y);
    if (result->requires_grad) fv_backward(fv_sum(fv_mul(result, fixed_gradient_like(result, 0))));
    *of_y = fv_grad_of(y);
    /* the leaves stay in the scope of the caller */
    return fv_grad_of(x);
}

static void compare(const fv_tensor *found, const fv_tensor *wanted, const char *what)
{
    char message[256];
    if (!found && !wanted) return;
    if (!found || !wanted)
        note_failure("the gradient of %s is missing: %s", what, fv_error());
    else if (!tensors_close(found, wanted, 1e-9, message, sizeof message))
        note_failure("gradient of %s: %s", what, message);
}

START_TEST(gradients_are_those_of_the_other_form)
{
    fv_set_log(NULL, NULL);
    for (int k = 0; k < ROWS; k++) {
        FV_SCOPE;
        fv_tensor *y = NULL, *wanted_y = NULL;
        set_context("%s_: gradient", rows[k].name);
        fv_tensor *x = gradient_of(&rows[k], true, &y);
        fv_tensor *wanted_x = gradient_of(&rows[k], false, &wanted_y);
        compare(x, wanted_x, "x");
        if (rows[k].binary) compare(y, wanted_y, "y");
        fv_clear_error();
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(an_operand_may_be_the_tensor_itself)
{
    FV_SCOPE;
    fv_tensor *x = TENSOR(FV_FLOAT32, FV_SHAPE(3), 1, 2, 3);
    ck_assert_ptr_eq(fv_add_(x, x), x);
    ASSERT_VALUES(x, 0, 2, 4, 6);
    fv_set_log(NULL, NULL);
    /* a part of itself: refused, as in PyTorch, or right */
    if (fv_failed(fv_mul_(x, fv_slice(x, 0, 0, 1, 1)))) {
        fv_clear_error();
        ASSERT_VALUES(x, 0, 2, 4, 6);
    } else {
        ASSERT_VALUES(x, 0, 4, 8, 12);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_zeros(3, 1);
    ck_assert(fv_failed(fv_add_(x, fv_ones(3, 4))));
    expect_error(FV_ERR_SHAPE, "add");
    ck_assert(fv_failed(fv_add_(fv_expand(x, 3, 4), fv_ones(3, 4))));
    fv_clear_error();
    ck_assert(fv_failed(fv_exp_(fv_zeros(3, .dtype = FV_INT64))));
    fv_clear_error();
    ASSERT_VALUES(x, 0, 0, 0, 0);
    fv_tensor *whole = fv_zeros(2, .dtype = FV_INT64);
    ck_assert_ptr_eq(fv_zero_(fv_fill_(whole, 5)), whole);
    ASSERT_VALUES(whole, 0, 0, 0);
}
END_TEST

/* Does an element of a have the address of one of b? */
static bool share_an_element(const fv_tensor *a, const fv_tensor *b)
{
    for (int64_t i = 0; i < a->numel; i++)
        for (int64_t j = 0; j < b->numel; j++) {
            int64_t p = i / a->shape[1] * a->strides[0] + i % a->shape[1] * a->strides[1];
            int64_t q = j / b->shape[1] * b->strides[0] + j % b->shape[1] * b->strides[1];
            if ((float *)a->data + p == (float *)b->data + q) return true;
        }
    return false;
}

/* Every second column, rows and blocks of one matrix: those that have an element in common are
 * refused, the others added as if they were copies. */
START_TEST(parts_of_one_tensor_may_be_added_where_they_are_apart)
{
    enum { HEIGHT = 4, WIDTH = 7, MOST = 64 };
    int refused = 0, added = 0;
    fv_set_log(NULL, NULL);
    {
        FV_SCOPE;
        fv_tensor *m =
            fv_reshape(fv_arange(0, HEIGHT * WIDTH, 1, .dtype = FV_FLOAT32), HEIGHT, WIDTH);
        fv_tensor *fresh = fv_clone(m), *views[MOST];
        int count = 0;
        for (int64_t top = 0; top < 3; top++)
            for (int64_t col = 0; col < 4; col++)
                for (int64_t step = 1; step <= 3; step++) {
                    fv_tensor *pair = fv_narrow(m, 0, top, 2);
                    views[count++] = fv_slice(pair, 1, col, col + step + 1, step);
                }
        for (int a = 0; a < count; a++)
            for (int b = 0; b < count; b++) {
                FV_SCOPE;
                fv_copy_(m, fresh);
                fv_tensor *wanted = fv_add(views[a], views[b]);
                bool same = views[a]->data == views[b]->data &&
                            views[a]->strides[1] == views[b]->strides[1];
                bool alike = views[a]->strides[1] == views[b]->strides[1];
                bool clash = !same && share_an_element(views[a], views[b]);
                fv_tensor *found = fv_add_(views[a], views[b]);
                if (fv_failed(found)) {
                    ck_assert_msg(clash || !alike, "refused, but apart: %s", fv_error());
                    expect_error(FV_ERR_OPTION, "shares some of its memory");
                    refused++;
                } else {
                    ck_assert_msg(!clash, "views %d and %d have an element in common", a, b);
                    ck_assert(tensors_same(fv_contiguous(found), fv_contiguous(wanted)));
                    added++;
                }
            }
    }
    ck_assert_int_gt(refused, 100);
    ck_assert_int_gt(added, 100);
}
END_TEST

/* Two channels of an image, two columns: as in PyTorch. */
START_TEST(channels_and_columns_of_one_tensor_are_apart)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(2, 4, 3, 3);
    ck_assert(!fv_failed(fv_add_(fv_select(x, 1, 0), fv_select(x, 1, 1))));
    ck_assert_double_eq(fv_item(fv_sum(x)), 72 + 18);
    fv_tensor *m = fv_ones(4, 5);
    ck_assert(!fv_failed(fv_mul_(fv_select(m, 1, 0), fv_select(m, 1, 4))));
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("in place");
    TCase *inplace = add_case(suite, "inplace");
    tcase_add_test(inplace, results_are_those_of_the_other_form);
    tcase_add_test(inplace, gradients_are_those_of_the_other_form);
    tcase_add_test(inplace, an_operand_may_be_the_tensor_itself);
    tcase_add_test(inplace, what_does_not_fit_is_refused);
    tcase_add_test(inplace, parts_of_one_tensor_may_be_added_where_they_are_apart);
    tcase_add_test(inplace, channels_and_columns_of_one_tensor_are_apart);
    return suite;
}
