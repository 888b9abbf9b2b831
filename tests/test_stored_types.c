/* float16, bfloat16, int8 and int16: types to store. They can be made, read, moved about, converted
 * and saved; every op that computes refuses them by name. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

#define AT(...) ((const int64_t[]){__VA_ARGS__})

static const fv_dtype stored[] = {FV_FLOAT16, FV_BFLOAT16, FV_INT8, FV_INT16};
enum { STORED = sizeof stored / sizeof stored[0] };

static void for_each_type(void (*check)(fv_dtype dtype))
{
    fv_set_log(NULL, NULL);
    for (int i = 0; i < STORED; i++) {
        set_context("%s", fv_dtype_name(stored[i]));
        memory_mark mark = mark_memory();
        char difference[128];
        {
            FV_SCOPE;
            check(stored[i]);
        }
        if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
    }
    ck_assert(no_failures());
}

/* --- making and reading ----------------------------------------------------------------------- */

static void check_creation(fv_dtype dtype)
{
    fv_tensor *made[] = {
        fv_zeros(4, .dtype = dtype),
        fv_ones(4, .dtype = dtype),
        fv_full(4, .value = -3, .dtype = dtype),
        fv_arange(0, 4, .dtype = dtype),
        fv_arange(3, -5, -2, .dtype = dtype),
        fv_linspace(-8, 4, 4, .dtype = dtype),
        fv_eye(2, .dtype = dtype),
        fv_full_like(fv_zeros(4, .dtype = dtype), 5),
        fv_ones_like(fv_zeros(2, 2, .dtype = dtype)),
    };
    static const double values[][4] = {{0, 0, 0, 0}, {1, 1, 1, 1},   {-3, -3, -3, -3},
                                       {0, 1, 2, 3}, {3, 1, -1, -3}, {-8, -4, 0, 4},
                                       {1, 0, 0, 1}, {5, 5, 5, 5},   {1, 1, 1, 1}};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        ck_assert_int_eq(fv_dtype_of(made[i]), dtype);
        assert_values(made[i], values[i], 4, 0);
    }
    ck_assert(fv_item(fv_scalar(7, dtype)) == 7);
    fv_tensor *dice = fv_randint(1000, .low = -3, .high = 4, .dtype = dtype);
    fv_tensor *same = fv_to(dice, FV_FLOAT32);
    ck_assert_double_eq(fv_item(fv_amin(same)), -3);
    ck_assert_double_eq(fv_item(fv_amax(same)), 3);
}

START_TEST(they_are_made_as_the_others_are)
{
    for_each_type(check_creation);
    {
        FV_SCOPE;
        ASSERT_VALUES(fv_full(2, .value = 2.75, .dtype = FV_FLOAT16), 0, 2.75, 2.75);
        ASSERT_VALUES(fv_full(1, .value = 1e6, .dtype = FV_FLOAT16), 0, (double)INFINITY);
        ASSERT_VALUES(fv_full(1, .value = 2.75, .dtype = FV_INT8), 0, 2);
        ck_assert(fv_failed(fv_full(1, .value = 128, .dtype = FV_INT8)));
        expect_error(FV_ERR_OPTION, "int8 cannot hold 128");
        ck_assert(fv_failed(fv_full(1, .value = -32769, .dtype = FV_INT16)));
        expect_error(FV_ERR_OPTION, "int16");
        ck_assert(fv_failed(fv_arange(0, 200, .dtype = FV_INT8)));
        expect_error(FV_ERR_OPTION, "int8");
        ck_assert(fv_failed(fv_randint(2, .high = 129, .dtype = FV_INT8)));
        expect_error(FV_ERR_OPTION, "int8");
        ck_assert(!fv_failed(fv_randint(2, .low = -128, .high = 128, .dtype = FV_INT8)));
        ck_assert(fv_failed(fv_randint(2, .high = 2050, .dtype = FV_FLOAT16)));
        expect_error(FV_ERR_OPTION, "float16");
        ck_assert(!fv_failed(fv_randint(2, .low = -2048, .high = 2049, .dtype = FV_FLOAT16)));
    }
}
END_TEST

static void check_no_numbers_are_drawn(fv_dtype dtype)
{
    fv_tensor *t = fv_zeros(3, .dtype = dtype);
    ck_assert(fv_failed(fv_rand(3, .dtype = dtype)));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
    ck_assert(fv_failed(fv_randn_like(t)));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
    ck_assert(fv_failed(fv_bernoulli(t)));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
}

START_TEST(random_floats_are_not_drawn_in_them)
{
    for_each_type(check_no_numbers_are_drawn);
}
END_TEST

static void check_access(fv_dtype dtype)
{
    double numbers[6], back[6] = {1, -2, 3, -4, 5, -6};
    fv_tensor *t = fv_empty(2, 3, .dtype = dtype);
    ck_assert_int_eq(fv_copy_in(fv_transpose(t, 0, 1), FV_FLOAT64, back), FV_OK);
    ASSERT_VALUES(t, 0, 1, 3, 5, -2, -4, -6);
    ck_assert(fv_at(t, AT(1, -1)) == -6);
    ck_assert(fv_item(fv_select(fv_select(t, 0, 1), 0, 1)) == -4);
    fv_copy_out(fv_slice(t, 1, 0, 3, 2), FV_FLOAT64, numbers);
    ck_assert(numbers[0] == 1 && numbers[1] == 5 && numbers[2] == -2 && numbers[3] == -6);
    fv_tensor *copy = fv_tensor_from(t->data, 2, 3, .dtype = dtype);
    ck_assert(tensors_same(copy, t));
    fv_tensor *lent = fv_from_blob(t->data, FV_SHAPE(6), dtype, NULL, NULL);
    ck_assert(tensors_same(fv_reshape(lent, 2, 3), t));
    ck_assert_ptr_null(fv_data_float32(t));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
    void *data[] = {fv_data_float16(t), fv_data_bfloat16(t), fv_data_int8(t), fv_data_int16(t)};
    fv_clear_error();
    for (int i = 0; i < STORED; i++) ck_assert_ptr_eq(data[i], stored[i] == dtype ? t->data : NULL);
}

START_TEST(their_elements_are_read_and_written)
{
    for_each_type(check_access);
}
END_TEST

/* --- moving ----------------------------------------------------------------------------------- */

/* What an op does to them is what it does to the same numbers in float32. */
static void compare_move(const char *name, fv_tensor *found, fv_tensor *wanted, fv_dtype dtype)
{
    if (fv_failed(found) || fv_failed(wanted)) {
        note_failure("%s: %s", name, fv_error());
        fv_clear_error();
        return;
    }
    if (!tensors_same(found, fv_to(wanted, dtype))) note_failure("%s gives other elements", name);
}

static fv_tensor *moved(int way, fv_tensor *x, fv_tensor *index)
{
    switch (way) {
    case 0: return fv_clone(x);
    case 1: return fv_contiguous(x);
    case 2: return fv_to_channels_last(x);
    case 3: return fv_cat(FV_TENSORS(x, x), .dim = 1);
    case 4: return fv_stack(FV_TENSORS(x, x), .dim = -1);
    case 5: return fv_flip(x, FV_DIMS(0, 2));
    case 6: return fv_gather(x, 2, index);
    case 7: return fv_pad(x, 1, 2, .value = 9);
    case 8: return fv_pad(x, 1, 1, .mode = FV_PAD_REFLECT);
    case 9: return fv_reshape(x, 4, 6);
    case 10: return fv_flatten(x);
    case 11: return fv_permute(x, 2, 0, 1);
    case 12: return fv_select(x, 1, 2);
    case 13: return fv_slice(x, 2, 0, 4, 2);
    case 14: return fv_expand(fv_narrow(x, 0, 1, 1), 3, 3, 4);
    case 15: return fv_squeeze(fv_unsqueeze(x, 0), 0);
    case 16: return fv_unflatten(fv_flatten(x), 0, 6, 4);
    default: return NULL;
    }
}

static const char *const ways[] = {
    "clone",  "contiguous", "to_channels_last", "cat",     "stack",    "flip",
    "gather", "pad",        "reflect",          "reshape", "flatten",  "permute",
    "select", "slice",      "expand",           "squeeze", "unflatten"};

static void check_moves(fv_dtype dtype)
{
    double values[24], positions[24];
    fv_shape shape = FV_SHAPE(2, 3, 4);
    for (int k = 0; k < 24; k++) values[k] = k * 5 - 60, positions[k] = k * 7 % 4;
    fv_tensor *index = tensor_of(FV_INT64, shape, positions);
    for (int order = 0; order <= LAYOUT_STEPPED; order++) {
        fv_tensor *x = tensor_in_layout(values, &shape, dtype, (layout)order);
        fv_tensor *single = tensor_in_layout(values, &shape, FV_FLOAT32, (layout)order);
        for (int way = 0; way < (int)(sizeof ways / sizeof ways[0]); way++)
            compare_move(ways[way], moved(way, x, index), moved(way, single, index), dtype);
    }
}

START_TEST(ops_that_only_move_elements_take_them)
{
    for_each_type(check_moves);
}
END_TEST

static void check_writes(fv_dtype dtype)
{
    fv_tensor *x = fv_zeros(3, 4, .dtype = dtype);
    uint32_t version = fv_version(x);
    fv_fill_(fv_slice(x, 1, 0, 4, 2), 7);
    ck_assert_uint_gt(fv_version(x), version);
    ASSERT_VALUES(x, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0, 7, 0);
    fv_copy_(fv_transpose(x, 0, 1), fv_arange(0, 3, .dtype = FV_FLOAT32)); /* float32, broadcast */
    ASSERT_VALUES(x, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2);
    fv_copy_(x, TENSOR(FV_INT64, FV_SHAPE(3, 1), 4, 5, 6));
    ASSERT_VALUES(x, 0, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6);
    fv_tensor *y = fv_ones(3, 4, .dtype = FV_FLOAT64);
    fv_copy_(y, x);
    ASSERT_VALUES(y, 0, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6);
    fv_zero_(x);
    ck_assert(tensors_same(x, fv_zeros(3, 4, .dtype = dtype)));
    ck_assert(tensors_same(fv_fill(x, 3), fv_full(3, 4, .value = 3, .dtype = dtype)));
    ck_assert(fv_failed(fv_copy_(fv_expand(fv_select(x, 0, 0), 3, 4), y)));
    expect_error(FV_ERR_SHAPE, "copy");
    fv_tensor *joined = fv_cat(FV_TENSORS(x, y));
    ck_assert_int_eq(fv_dtype_of(joined), FV_FLOAT64);
    ck_assert_int_eq(fv_dtype_of(fv_stack(FV_TENSORS(x, fv_to(y, FV_INT8)))),
                     fv_promote(dtype, FV_INT8));
}

START_TEST(they_are_filled_copied_into_and_joined_with_others)
{
    for_each_type(check_writes);
    {
        FV_SCOPE;
        fv_tensor *x = fv_zeros(1, .dtype = FV_INT8);
        ck_assert(fv_failed(fv_fill_(x, 200)));
        expect_error(FV_ERR_OPTION, "int8");
    }
}
END_TEST

/* --- computing is refused --------------------------------------------------------------------- */

/* The ops that take them; views besides. */
static bool moves_only(const fv_op *op)
{
    static const char *const names[] = {"as_strided",
                                        "as_strided_scatter",
                                        "cat",
                                        "channel_shuffle",
                                        "clone",
                                        "contiguous",
                                        "copy",
                                        "fill",
                                        "flip",
                                        "flatten",
                                        "gather",
                                        "max_unpool1d",
                                        "max_unpool2d",
                                        "max_unpool3d",
                                        "pad",
                                        "pixel_shuffle",
                                        "reshape",
                                        "stack",
                                        "to",
                                        "pixel_unshuffle",
                                        "unfold",
                                        "unfold1d",
                                        "unfold3d",
                                        "view",
                                        "to_channels_last"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(op->name, names[i]) == 0) return true;
    return !op->forward;
}

/* One call of the op; it is refused before its options are looked at. */
static void check_op(const fv_op *op, int inputs, int i, fv_dtype dtype)
{
    static const char options[1024];
    fv_tensor *in[FV_MAX_SAVED_INPUTS], *out[CASE_OUTPUTS];
    char start[64];
    ck_assert_int_le(inputs, FV_MAX_SAVED_INPUTS);
    set_context("%s: input %d is %s", op->name, i, fv_dtype_name(dtype));
    {
        FV_SCOPE;
        for (int k = 0; k < inputs; k++) in[k] = fv_zeros(2, .dtype = k == i ? dtype : FV_FLOAT32);
        fv_apply_many(op, options, inputs, in, out, CASE_OUTPUTS);
        fv_status status = fv_error_status();
        snprintf(start, sizeof start, "%s: ", op->name);
        if (status != FV_ERR_DTYPE || strncmp(fv_error(), start, strlen(start)) != 0 ||
            !strstr(fv_error(), fv_dtype_name(dtype)) || !strstr(fv_error(), "fv_to"))
            note_failure("status %d, the message is \"%s\"", (int)status, fv_error());
        fv_clear_error();
    }
}

START_TEST(every_op_that_computes_refuses_them_by_name)
{
    int ops = 0, computing = 0;
    fv_set_log(NULL, NULL);
    for (const fv_op_entry *e = fv_ops(); e; e = e->next, ops++) {
        if (moves_only(e->op)) continue;
        computing++;
        int inputs = e->op->inputs == FV_ANY ? 2 : e->op->inputs;
        for (int i = 0; i < inputs; i++)
            for (int k = 0; k < STORED; k++) check_op(e->op, inputs, i, stored[k]);
    }
    printf("%d ops, %d of them compute\n", ops, computing);
    ck_assert(computing > 100 && ops - computing > 20);
    ck_assert(no_failures());
}
END_TEST

static int refused, taken;

/* Does a case end well when an input is of such a type? Only if its ops move, or if what the user
 * calls converts the input first. */
static void check_case(const op_case *c, int i, fv_dtype dtype)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    char difference[128];
    bool converts = strcmp(c->op, "all") == 0 || strcmp(c->op, "any") == 0;
    set_context("%s/%s: input %d is %s", c->op, c->name, i, fv_dtype_name(dtype));
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        case_inputs(c, FV_FLOAT32, LAYOUT_CONTIGUOUS, 0, true, x);
        x[i] = fv_to(x[i], dtype);
        bool done = case_run(c, x, y) > 0;
        if (done && !converts && !moves_only(fv_find_op(c->op))) note_failure("not refused");
        if (!done && !strstr(fv_error(), fv_dtype_name(dtype)) && !strstr(fv_error(), "dtype"))
            note_failure("the message is \"%s\"", fv_error());
        refused += !done, taken += done;
        fv_clear_error();
    }
    if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
}

START_TEST(what_users_call_refuses_them_and_leaves_no_trace)
{
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c))
        for (int i = 0; i < c->inputs; i++)
            for (int k = 0; k < STORED && !c->in[i].absent && fill_is_floating(c->in[i].fill); k++)
                check_case(c, i, stored[k]);
    printf("%d calls refused, %d taken\n", refused, taken);
    ck_assert(no_failures());
    if (all_cases_are_wanted()) ck_assert(refused > 1000 && taken > 100);
}
END_TEST

static void check_no_gradient(fv_dtype dtype)
{
    ck_assert(fv_failed(fv_zeros(2, .dtype = dtype, .requires_grad = true)));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
    fv_tensor *x = fv_ones(2, .requires_grad = true);
    fv_tensor *y = fv_to(x, dtype);
    ck_assert(!y->requires_grad && !y->node);
    ck_assert(fv_failed(fv_requires_grad(y, true)));
    expect_error(FV_ERR_DTYPE, fv_dtype_name(dtype));
    ck_assert_ptr_null(fv_nn_linear(2, 2, .dtype = dtype));
    expect_error(FV_ERR_DTYPE, "float32");
}

START_TEST(they_have_no_gradients)
{
    for_each_type(check_no_gradient);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("stored types");
    TCase *elements = add_case(suite, "elements");
    tcase_add_test(elements, they_are_made_as_the_others_are);
    tcase_add_test(elements, random_floats_are_not_drawn_in_them);
    tcase_add_test(elements, their_elements_are_read_and_written);
    TCase *ops = add_case(suite, "ops");
    tcase_add_test(ops, ops_that_only_move_elements_take_them);
    tcase_add_test(ops, they_are_filled_copied_into_and_joined_with_others);
    tcase_add_test(ops, every_op_that_computes_refuses_them_by_name);
    tcase_add_test(ops, what_users_call_refuses_them_and_leaves_no_trace);
    tcase_add_test(ops, they_have_no_gradients);
    return suite;
}
