/* Receptive fields: published ones of whole networks, the formulas of a lecture on convolutional
 * networks, paths that meet, and what is told where no field is known. */
#include <stdio.h>
#include <string.h>

#include "published_networks.h"
#include "support.h"

/* --- published -------------------------------------------------------------------------------- */

static const fv_layer_info *layer_named(const fv_inspection *seen, const char *path)
{
    const fv_layer_info *info;
    for (int64_t k = 0; (info = fv_inspection_layer(seen, k)); k++)
        if (!info->is_op && strcmp(info->path, path) == 0) return info;
    return NULL;
}

static void check_layer(const fv_inspection *seen, const published_field *wanted)
{
    const fv_layer_info *info = layer_named(seen, wanted->name);
    char text[64];
    if (!info || !info->field.known) {
        note_failure("%s: %s", wanted->name, info ? info->unknown : "no such layer");
        return;
    }
    const fv_receptive_field *f = &info->field;
    bool right = f->dims == 2;
    for (int d = 0; d < 2 && right; d++)
        right = f->size[d] == wanted->size && f->stride[d] == wanted->stride &&
                f->padding[d] == wanted->padding;
    fv_field_text(f, text, sizeof text);
    if (!right)
        note_failure("%s: %s, published is %d/%d/%d", wanted->name, text, wanted->size,
                     wanted->stride, wanted->padding);
}

START_TEST(published_fields_are_found)
{
    int count, layers = 0;
    const published_network *networks = published_networks(&count);
    for (int i = 0; i < count; i++) {
        set_context("%s", networks[i].name);
        fv_module *net = published_module(networks[i].text);
        fv_inspection *seen = fv_inspect(net, 1, 3, 224, 224);
        if (!seen) note_failure("%s", fv_error());
        for (const published_field *f = networks[i].fields; seen && f->name; f++, layers++)
            check_layer(seen, f);
        fv_free(seen);
        fv_free(net);
    }
    ck_assert_int_eq(count, 12);
    ck_assert_int_eq(layers, 93);
    ck_assert(no_failures());
}
END_TEST

/* --- paths that meet -------------------------------------------------------------------------- */

static fv_receptive_field field_of(const char *text, int64_t height, int64_t width)
{
    fv_module *net = published_module(text);
    const fv_receptive_field field = fv_receptive_field_of(net, 1, 1, height, width);
    fv_free(net);
    return field;
}

static void expect_field(fv_receptive_field f, double size, double stride, double padding)
{
    ck_assert_msg(f.known, "%s", fv_error());
    ck_assert_int_eq(f.dims, 2);
    for (int d = 0; d < 2; d++) {
        ck_assert_double_eq(f.size[d], size);
        ck_assert_double_eq(f.stride[d], stride);
        ck_assert_double_eq(f.padding[d], padding);
    }
}

START_TEST(aligned_paths_have_the_larger_field)
{
    expect_field(field_of("+ c1/4v | p1,0 c3/2v c1/2v >", 32, 32), 3, 4, 1);
    expect_field(field_of("+ m1/4v | p1,0 m3/2v m1/2v >", 32, 32), 3, 4, 1);
    expect_field(field_of("+ p1,0 c3/2v c1/2v | c1/4v >", 32, 32), 3, 4, 1);
    fv_receptive_field f = field_of("c3x5/2v c3x1/2v", 32, 32);
    ck_assert_double_eq(f.size[0], 7);
    ck_assert_double_eq(f.size[1], 5);
    ck_assert_double_eq(f.stride[0], 4);
    ck_assert_double_eq(f.stride[1], 4);
    ck_assert_double_eq(f.padding[0], 0);
    ck_assert_double_eq(f.padding[1], 0);
    /* SAME pads an odd length on both sides, an even one behind alone */
    expect_field(field_of("+ c1/4 | c3/2 c1/2 >", 33, 33), 3, 4, 1);
}
END_TEST

START_TEST(paths_that_are_not_aligned_are_an_error)
{
    fv_set_log(NULL, NULL);
    ck_assert(!field_of("+ p2,1 c5/2v | c3v c3v >", 8, 8).known);
    expect_error(FV_ERR_OPTION, "add: its inputs are not aligned in dimension 2 of the network's "
                                "input: strides differ (strides 2 and 1");
    ck_assert(!field_of("+ c1/4 | c3/2 c1/2 >", 32, 32).known);
    expect_error(FV_ERR_OPTION, "not aligned in dimension 2 of the network's input: centres differ "
                                "(strides 4 and 4, centres 0 and 1)");
    ck_assert(!field_of("{ c3 | c2v p1,0 c1 | c3/2 } c1", 32, 32).known);
    fv_clear_error();
    /* the rest of an inspection is there all the same, and what comes later knows why */
    fv_module *net = published_module("c3 a: + p2,1 c5/2v | c3v c3v > b: c3 c:");
    fv_inspection *seen = fv_inspect(net, 1, 1, 8, 8);
    ck_assert_ptr_nonnull(seen);
    ck_assert(layer_named(seen, "a")->field.known);
    ck_assert(!layer_named(seen, "b")->field.known);
    ck_assert_ptr_nonnull(strstr(layer_named(seen, "c")->unknown, "add: its inputs"));
    ck_assert_int_gt(fv_inspection_layer(seen, 0)->multiply_adds, 0);
    ck_assert_int_eq(fv_error_status(), FV_OK);
    fv_free(seen);
    fv_free(net);
}
END_TEST

/* A map gated by its own average, as in squeeze and excitation, sees all. */
static fv_tensor *gate(fv_tensor *const *in, void *context)
{
    (void)context;
    fv_tensor *mean = fv_adaptive_avg_pool2d(in[0], 1);
    return fv_mul(in[0], fv_sigmoid(mean));
}

static fv_tensor *mean_in_halves(fv_tensor *const *in, void *context)
{
    (void)context;
    fv_tensor *left = fv_narrow(in[0], 3, 0, 4), *right = fv_narrow(in[0], 3, 4, 4);
    return fv_add(fv_mean(left, .dim = FV_DIMS(2, 3)), fv_mean(right, .dim = FV_DIMS(2, 3)));
}

static fv_tensor *one_column(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_sum(fv_select(in[0], 3, 2), .dim = 2);
}

static fv_inspection *inspect_one(fv_tensor_fn f, int64_t height, int64_t width)
{
    FV_SCOPE;
    return fv_inspect_function(f, NULL, FV_TENSORS(fv_empty(1, 2, height, width)));
}

START_TEST(what_sees_all_is_whole)
{
    fv_inspection *seen = inspect_one(gate, 8, 8);
    ck_assert(fv_inspection_field(seen).whole);
    fv_free(seen);
    seen = inspect_one(mean_in_halves, 8, 8);
    ck_assert(fv_inspection_field(seen).whole);
    fv_free(seen);
    seen = inspect_one(one_column, 8, 8);
    fv_receptive_field f = fv_inspection_field(seen);
    ck_assert(f.known && !f.whole);
    ck_assert_double_eq(f.size[0], 8);
    ck_assert_double_eq(f.size[1], 1);
    ck_assert_double_eq(f.padding[1], -2);
    fv_free(seen);
}
END_TEST

/* --- a lecture -------------------------------------------------------------------------------- */

START_TEST(layers_of_kernels_see_one_and_l_times_k_less_one)
{
    for (int64_t k = 2; k <= 5; k++) {
        fv_module *net = fv_sequential();
        for (int layers = 1; layers <= 6; layers++) {
            fv_module_append(net, fv_nn_conv2d(1, 1, k));
            expect_field(fv_receptive_field_of(net, 1, 1, 40, 40), (double)(1 + layers * (k - 1)),
                         1, 0);
        }
        fv_free(net);
    }
}
END_TEST

START_TEST(dilation_and_transposed_convolutions)
{
    fv_module *net = fv_sequential(fv_nn_conv2d(1, 1, 3, .padding = 2, .dilation = 2),
                                   fv_nn_conv2d(1, 1, 3, .padding = 4, .dilation = 4));
    expect_field(fv_receptive_field_of(net, 1, 1, 20, 20), 13, 1, 6);
    fv_free(net);
    /* half as large and as large again: position o sees what blocks of four that it meets see */
    net = fv_sequential(fv_nn_max_pool2d(2), fv_nn_conv_transpose2d(1, 1, 2, .stride = 2));
    expect_field(fv_receptive_field_of(net, 1, 1, 20, 20), 3, 1, 1);
    fv_free(net);
    net = fv_nn_conv_transpose2d(1, 1, 4, .stride = 2, .padding = 1);
    expect_field(fv_receptive_field_of(net, 1, 1, 20, 20), 2.5, 0.5, 1);
    int64_t first, last;
    const fv_receptive_field f = fv_receptive_field_of(net, 1, 1, 20, 20);
    ck_assert(fv_field_range(&f, 0, 0, 20, &first, &last) && first == 0 && last == 0);
    ck_assert(fv_field_range(&f, 0, 5, 20, &first, &last) && first == 2 && last == 3);
    ck_assert(fv_field_range(&f, 1, 39, 20, &first, &last) && first == 19 && last == 19);
    fv_free(net);
}
END_TEST

/* Smaller and larger again, beside the way around it, as in a U-Net. */
static fv_tensor *down_and_up(fv_tensor *const *in, void *context)
{
    fv_tensor *small = fv_max_pool2d(in[0], 2), *large = NULL;
    switch (*(const int *)context) {
    case 0: large = fv_interpolate(small, .scale_factor = 2, .mode = FV_NEAREST); break;
    case 1: large = fv_interpolate(small, .scale_factor = 2, .mode = FV_BILINEAR); break;
    default: large = fv_pixel_shuffle(fv_cat(FV_TENSORS(small, small), .dim = 1), 2);
    }
    return fv_mul(large, fv_narrow(in[0], 1, 0, 1));
}

START_TEST(enlarged_maps_are_aligned_with_the_larger_ones)
{
    static const double sizes[] = {3, 5, 3};
    for (int how = 0; how < 3; how++) {
        FV_SCOPE;
        fv_inspection *seen =
            fv_inspect_function(down_and_up, &how, FV_TENSORS(fv_empty(1, 2, 12, 12)));
        ck_assert_msg(seen != NULL, "%s", fv_error());
        expect_field(fv_inspection_field(seen), sizes[how], 1, (sizes[how] - 1) / 2);
        fv_free(seen);
    }
}
END_TEST

/* A convolution as im2col and a product sees, summed over all places, what its windows reach. */
static fv_tensor *sum_of_columns(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_sum(fv_unfold(in[0], 3, .stride = 3), .dim = FV_DIMS(1, 2));
}

START_TEST(columns_reach_as_far_as_their_windows)
{
    fv_inspection *seen = inspect_one(sum_of_columns, 8, 9);
    const fv_receptive_field f = fv_inspection_field(seen);
    ck_assert(f.known && !f.whole); /* the last two rows are in no window */
    ck_assert_double_eq(f.size[0], 6);
    ck_assert_double_eq(f.size[1], 9);
    fv_free(seen);
}
END_TEST

START_TEST(a_field_ends_at_the_borders)
{
    fv_module *net = fv_nn_conv2d(1, 1, 3, .stride = 3); /* 7 columns: the last is never seen */
    const fv_receptive_field f = fv_receptive_field_of(net, 1, 1, 7, 7);
    int64_t first, last;
    expect_field(f, 3, 3, 0);
    ck_assert(fv_field_range(&f, 0, 1, 7, &first, &last) && first == 3 && last == 5);
    ck_assert(!fv_field_range(&f, 2, 0, 7, &first, &last)); /* no such dimension */
    ck_assert(!fv_field_range(&f, 0, 3, 7, &first, &last)); /* nothing is there */
    fv_free(net);
    /* so a mean over all of that is not over the whole */
    net = fv_sequential(fv_nn_conv2d(1, 1, 3, .stride = 3), fv_nn_adaptive_avg_pool2d(1));
    ck_assert(!fv_receptive_field_of(net, 1, 1, 7, 7).whole);
    ck_assert(fv_receptive_field_of(net, 1, 1, 6, 6).whole);
    fv_free(net);
}
END_TEST

START_TEST(flattened_maps_are_whole_behind_a_linear_layer)
{
    fv_module *net = fv_sequential(fv_nn_conv2d(1, 2, 3, .padding = 1), fv_nn_flatten(),
                                   fv_nn_relu(), fv_nn_linear(2 * 8 * 8, 5));
    fv_inspection *seen = fv_inspect(net, 1, 1, 8, 8);
    ck_assert(!layer_named(seen, "1")->field.known);
    ck_assert_ptr_nonnull(strstr(layer_named(seen, "2")->unknown, "no regular order"));
    ck_assert(layer_named(seen, "3")->field.whole);
    fv_free(seen);
    fv_free(net);
}
END_TEST

/* --- what is not known ------------------------------------------------------------------------ */

static fv_tensor *sum_up(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_relu(fv_cumsum(in[0], 2));
}

/* What is written through one view is seen through another. */
static fv_tensor *write_views(fv_tensor *const *in, void *context)
{
    (void)context;
    fv_tensor *wide = fv_conv2d(in[0], fv_ones(2, 2, 5, 5), NULL, .padding = 2);
    fv_tensor *y = fv_zeros(1, 2, 8, 8), *upper = fv_narrow(y, 1, 0, 1);
    fv_add_(upper, fv_narrow(wide, 1, 0, 1));
    return fv_relu(y);
}

static fv_tensor *relu_in_place(fv_tensor *const *in, void *context)
{
    (void)context;
    fv_tensor *y = fv_conv2d(in[0], fv_ones(2, 2, 3, 3), NULL, .padding = 1);
    fv_relu_(y);
    fv_add_(y, fv_conv2d(fv_detach(y), fv_ones(2, 2, 3, 3), NULL, .padding = 1));
    return y;
}

static fv_tensor *constant(fv_tensor *const *in, void *context)
{
    (void)in, (void)context;
    return fv_ones(1, 1, 4, 4);
}

START_TEST(what_is_not_known_is_said)
{
    fv_set_log(NULL, NULL);
    fv_inspection *seen = inspect_one(sum_up, 8, 8);
    ck_assert(!fv_inspection_field(seen).known);
    expect_error(FV_ERR_OPTION, "receptive field: cumsum: no window says");
    fv_free(seen);
    seen = inspect_one(write_views, 8, 8);
    ck_assert(!fv_inspection_field(seen).known);
    expect_error(FV_ERR_OPTION, "written in place");
    fv_free(seen);
    seen = inspect_one(relu_in_place, 8, 8);
    expect_field(fv_inspection_field(seen), 5, 1, 2);
    fv_free(seen);
    seen = inspect_one(constant, 8, 8);
    expect_field(fv_inspection_field(seen), 0, 0, 0);
    fv_free(seen);
}
END_TEST

START_TEST(fields_in_words)
{
    char text[64];
    fv_receptive_field f = {
        .dims = 2, .known = true, .size = {7, 7}, .stride = {2, 2}, .padding = {3, 3}};
    fv_field_text(&f, text, sizeof text);
    ck_assert_str_eq(text, "7/2/3");
    f.size[1] = 5;
    f.stride[0] = f.stride[1] = 0.5;
    ck_assert_int_eq(fv_field_text(&f, text, sizeof text), 9);
    ck_assert_str_eq(text, "7x5/0.5/3");
    fv_field_text(&f, text, 4);
    ck_assert_str_eq(text, "7x5");
    f.whole = true; /* of several positions */
    fv_field_text(&f, text, sizeof text);
    ck_assert_str_eq(text, "7x5/0.5/3");
    f.stride[0] = f.stride[1] = 0;
    fv_field_text(&f, text, sizeof text);
    ck_assert_str_eq(text, "whole");
    f.known = false;
    fv_field_text(&f, text, sizeof text);
    ck_assert_str_eq(text, "unknown");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("receptive fields");
    TCase *fields = add_case(suite, "fields");
    tcase_add_test(fields, published_fields_are_found);
    tcase_add_test(fields, aligned_paths_have_the_larger_field);
    tcase_add_test(fields, paths_that_are_not_aligned_are_an_error);
    tcase_add_test(fields, what_sees_all_is_whole);
    tcase_add_test(fields, layers_of_kernels_see_one_and_l_times_k_less_one);
    tcase_add_test(fields, dilation_and_transposed_convolutions);
    tcase_add_test(fields, enlarged_maps_are_aligned_with_the_larger_ones);
    tcase_add_test(fields, columns_reach_as_far_as_their_windows);
    tcase_add_test(fields, a_field_ends_at_the_borders);
    tcase_add_test(fields, flattened_maps_are_whole_behind_a_linear_layer);
    tcase_add_test(fields, what_is_not_known_is_said);
    tcase_add_test(fields, fields_in_words);
    return suite;
}
