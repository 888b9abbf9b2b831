/* What tensor/ gives to authors of ops and layers: handles, strides, blocks, frames; and creators,
 * pointers and printing, which users call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"
#include "tensor/frame.h"

/* --- handles and strides ---------------------------------------------------------------------- */

static void assert_strides(const int64_t *strides, int64_t a, int64_t b, int64_t c, int64_t d)
{
    ck_assert_int_eq(strides[0], a);
    ck_assert_int_eq(strides[1], b);
    ck_assert_int_eq(strides[2], c);
    ck_assert_int_eq(strides[3], d);
}

START_TEST(strides_follow_the_order)
{
    const fv_shape shape = FV_SHAPE(2, 3, 4, 5);
    int64_t strides[FV_MAX_DIMS];
    fv_strides_contiguous(&shape, strides);
    assert_strides(strides, 60, 20, 5, 1);
    fv_strides_channels_last(&shape, strides);
    assert_strides(strides, 60, 1, 15, 3);
    {
        FV_SCOPE;
        fv_tensor *x = fv_permute(fv_zeros(5, 2, 4, 3), 1, 3, 2, 0);
        fv_strides_like(fv_slice(x, 2, 0, 4, 2), strides); /* [2,3,2,5], without the gaps */
        assert_strides(strides, 6, 1, 3, 12);
    }
}
END_TEST

START_TEST(handles_are_made_without_a_scope)
{
    const fv_shape shape = FV_SHAPE(2, 3);
    const int64_t columns[] = {1, 2};
    const double values[] = {1, 2, 3, 4, 5, 6};
    memory_mark mark = mark_memory();
    char difference[128];
    fv_tensor *t = fv_tensor_alloc(FV_FLOAT64, &shape, columns);
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(fv_copy_in(t, FV_FLOAT64, values), FV_OK);
    ck_assert(((const double *)t->data)[1] == 4); /* the second row comes next in memory */
    fv_tensor view = fv_tensor_borrow(t);
    view.shape[1] = 1;
    view.numel = 2;
    ck_assert_ptr_eq(view.data, t->data);
    ck_assert_int_eq(t->shape[1], 3);
    fv_tensor *bare = fv_tensor_alloc_as(true, FV_FLOAT32, &shape, NULL);
    ck_assert(fv_is_shapes_only(bare) && !fv_is_shapes_only(t));
    ck_assert_int_eq(bare->strides[0], 3);
    fv_tensor *full = fv_tensor_alloc_as(false, FV_FLOAT32, &shape, NULL);
    ck_assert(!fv_is_shapes_only(full));
    fv_release(t);
    fv_release(bare);
    fv_release(full);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(views_hold_their_base_and_may_leave_it)
{
    const fv_shape shape = FV_SHAPE(2, 3), row = FV_SHAPE(3), one = FV_SHAPE(1);
    const int64_t strides[] = {1};
    memory_mark mark = mark_memory();
    char difference[128];
    fv_tensor *base = fv_tensor_alloc(FV_FLOAT64, &shape, NULL);
    ck_assert_int_eq(fv_copy_in(base, FV_FLOAT64, (const double[]){1, 2, 3, 4, 5, 6}), FV_OK);
    fv_tensor *second = fv_tensor_view(base, &row, strides, 3);
    fv_tensor *last = fv_tensor_view(second, &one, strides, 2);
    ck_assert_ptr_eq(second->base, base);
    ck_assert_ptr_eq(last->base, base);
    fv_release(second);
    fv_release(base);
    ck_assert(fv_item(last) == 6);
    fv_tensor_leave_base(last);
    ck_assert_ptr_null(last->base);
    ck_assert(fv_item(last) == 6);
    fv_tensor_leave_base(last); /* has none */
    fv_release(last);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

START_TEST(creators_make_shapes_only_in_that_mode)
{
    ck_assert(!fv_shapes_only_enabled());
    {
        FV_SCOPE;
        fv_tensor *w = fv_ones(4, 3);
        ck_assert(!fv_set_shapes_only(true));
        ck_assert(fv_shapes_only_enabled());
        fv_tensor *x = fv_randn(1000000, 3);
        ck_assert(fv_set_shapes_only(false));
        ck_assert(fv_is_shapes_only(x));
        fv_tensor *y = fv_linear(x, w, NULL);
        ck_assert(fv_is_shapes_only(y));
        ck_assert_int_eq(fv_size(y, 0), 1000000);
        ck_assert_int_eq(fv_size(y, 1), 4);
        /* in place, where the gradient reads what was overwritten */
        fv_requires_grad(w, true);
        fv_tensor *z = fv_linear(x, w, NULL);
        ck_assert_ptr_eq(fv_clamp_(z, -1, 1), z);
        ck_assert(fv_is_shapes_only(z) && z->requires_grad);
    }
}
END_TEST

/* --- blocks and objects ----------------------------------------------------------------------- */

START_TEST(blocks_and_objects_come_and_go)
{
    int64_t before = fv_memory_stats().live_bytes;
    size_t token = fv_block_book((size_t)1 << 40);
    ck_assert_int_eq(fv_memory_stats().live_bytes, before); /* nothing was taken */
    fv_block_unbook(token);
    for (size_t bytes = 1; bytes <= (size_t)1 << 16; bytes *= 4) {
        unsigned char *object = fv_object_alloc(bytes);
        ck_assert_ptr_nonnull(object);
        memset(object, 0x5a, bytes);
        fv_object_free(object, bytes);
    }
}
END_TEST

/* --- frames ----------------------------------------------------------------------------------- */

static int layer_name(const void *object, const void *outer, char *text, size_t size)
{
    return snprintf(text, size, "%s%s", outer ? "" : "top_", (const char *)object);
}

static const char *layer_type(const void *object)
{
    (void)object;
    return "Layer";
}

START_TEST(frames_tell_where_a_thread_is)
{
    static const fv_frame_kind kind = {layer_name, layer_type};
    static const char first[] = "a", second[] = "b";
    char path[64];
    ck_assert_int_eq(fv_frame_path(path, sizeof path), 0);
    ck_assert_str_eq(path, "");
    int outer = fv_frame_push(&kind, first, 0), inner = fv_frame_push(&kind, second, 0);
    ck_assert_int_eq(fv_frame_depth(), outer + 2);
    fv_frame_path(path, sizeof path);
    ck_assert_str_eq(path, "top_a.b (Layer)");
    fv_frame_pop(inner);
    fv_frame_path(path, sizeof path);
    ck_assert_str_eq(path, "top_a (Layer)");
    const char *place = fv_frame_place();
    ck_assert_str_eq(place, path);
    ck_assert_ptr_eq(fv_frame_place(), place); /* kept once */
    fv_frame_forget(first);
    fv_frame_path(path, sizeof path);
    ck_assert_ptr_null(strstr(path, "top_a"));
    fv_frame_pop(outer);
    ck_assert_int_eq(fv_frame_depth(), outer);
    int at = fv_frame_push_place(place); /* stands for where it was */
    fv_frame_path(path, sizeof path);
    ck_assert_str_eq(path, place);
    ck_assert_ptr_eq(fv_frame_place(), place);
    fv_frame_pop(at);
    ck_assert_ptr_null(fv_frame_place());
}
END_TEST

/* --- creators, pointers, types ---------------------------------------------------------------- */

START_TEST(tensors_like_another)
{
    FV_SCOPE;
    fv_tensor *x = fv_to_channels_last(fv_zeros(2, 3, 4, .dtype = FV_FLOAT64));
    fv_tensor *(*const makers[])(const fv_tensor *) = {fv_empty_like, fv_rand_like, fv_randn_like};
    for (size_t k = 0; k < sizeof makers / sizeof makers[0]; k++) {
        fv_tensor *t = makers[k](x);
        fv_shape shape = fv_shape_of(t), wanted = fv_shape_of(x);
        ck_assert(fv_shape_equal(&shape, &wanted));
        ck_assert_int_eq(fv_dtype_of(t), FV_FLOAT64);
        ck_assert(fv_is_channels_last(t) && t->data != x->data);
    }
    fv_tensor *u = fv_rand_like(fv_zeros(4000));
    ck_assert_double_ge(fv_item(fv_min(u)), 0);
    ck_assert_double_lt(fv_item(fv_max(u)), 1);
    ck_assert_double_eq_tol(fv_item(fv_mean(u)), 0.5, 0.05);
    fv_tensor *n = fv_randn_like(fv_zeros(4000));
    ck_assert_double_eq_tol(fv_item(fv_mean(n)), 0, 0.1);
    ck_assert_double_eq_tol(fv_item(fv_std(n)), 1, 0.1);
}
END_TEST

START_TEST(pointers_are_of_the_very_dtype)
{
    FV_SCOPE;
    fv_tensor *bytes = TENSOR(FV_UINT8, FV_SHAPE(3), 1, 2, 255);
    fv_tensor *flags = TENSOR(FV_BOOL, FV_SHAPE(2), 0, 1);
    ck_assert_int_eq(fv_data_uint8(bytes)[2], 255);
    ck_assert(!fv_data_bool(flags)[0] && fv_data_bool(flags)[1]);
    fv_set_log(NULL, NULL);
    ck_assert_ptr_null(fv_data_bool(bytes));
    expect_error(FV_ERR_DTYPE, "uint8");
    ck_assert_ptr_null(fv_data_uint8(flags));
    expect_error(FV_ERR_DTYPE, "bool");
}
END_TEST

/* torch.result_type of two tensors, as its documentation has it. */
START_TEST(operands_are_promoted_as_in_pytorch)
{
    static const struct {
        fv_dtype a, b;
        bool scalar_b;
        fv_dtype wanted;
    } rows[] = {
        {FV_FLOAT32, FV_FLOAT64, false, FV_FLOAT64}, {FV_FLOAT32, FV_FLOAT64, true, FV_FLOAT32},
        {FV_INT64, FV_FLOAT32, false, FV_FLOAT32},   {FV_INT64, FV_FLOAT64, true, FV_FLOAT64},
        {FV_INT32, FV_INT64, false, FV_INT64},       {FV_INT32, FV_INT64, true, FV_INT32},
        {FV_BOOL, FV_UINT8, false, FV_UINT8},        {FV_UINT8, FV_INT32, true, FV_UINT8},
        {FV_BOOL, FV_BOOL, false, FV_BOOL},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        FV_SCOPE;
        fv_tensor *a = fv_zeros(2, .dtype = rows[k].a);
        fv_tensor *b =
            fv_zeros(.shape = rows[k].scalar_b ? FV_SCALAR : FV_SHAPE(2), .dtype = rows[k].b);
        fv_tensor *const in[] = {a, b}, *const other[] = {b, a};
        ck_assert_int_eq(fv_result_type(2, in), rows[k].wanted);
        ck_assert_int_eq(fv_result_type(2, other), rows[k].wanted);
    }
}
END_TEST

/* --- printing --------------------------------------------------------------------------------- */

/* What print writes to a standard stream; the caller frees it. */
static char *caught(FILE *stream, void (*print)(const void *argument), const void *argument)
{
    FILE *file = tmpfile();
    fflush(stream);
    int kept = dup(fileno(stream));
    ck_assert(file && kept >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
    print(argument);
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)size + 1);
    ck_assert_int_eq((long)fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

static void print_tensor(const void *t)
{
    fv_print(t);
}

static void print_module(const void *m)
{
    fv_print_module(m);
}

static void log_message(const void *message)
{
    fv_default_log(message, NULL);
}

START_TEST(what_is_printed_is_the_text_and_a_line_end)
{
    {
        FV_SCOPE;
        char *text = caught(stdout, print_tensor, TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, 2.5));
        ck_assert_str_eq(text, "tensor([1.0000, 2.5000])\n");
        free(text);
    }
    fv_module *net = fv_sequential(fv_nn_relu());
    char *text = caught(stdout, print_module, net);
    ck_assert_str_eq(text, "Sequential(\n  (0): ReLU()\n)\n");
    free(text);
    fv_free(net);
    text = caught(stderr, log_message, "add: the shapes differ");
    ck_assert_str_eq(text, "fovea: add: the shapes differ\n");
    free(text);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("handles");
    TCase *handles = add_case(suite, "handles");
    tcase_add_test(handles, strides_follow_the_order);
    tcase_add_test(handles, handles_are_made_without_a_scope);
    tcase_add_test(handles, views_hold_their_base_and_may_leave_it);
    tcase_add_test(handles, creators_make_shapes_only_in_that_mode);
    tcase_add_test(handles, blocks_and_objects_come_and_go);
    tcase_add_test(handles, frames_tell_where_a_thread_is);
    TCase *users = add_case(suite, "users");
    tcase_add_test(users, tensors_like_another);
    tcase_add_test(users, pointers_are_of_the_very_dtype);
    tcase_add_test(users, operands_are_promoted_as_in_pytorch);
    tcase_add_test(users, what_is_printed_is_the_text_and_a_line_end);
    return suite;
}
