/* Winograd convolution through the functions that users call: all three passes of every form, at
 * every level, against direct sums in float64, with the error that each precision promises; the
 * same bits with any number of threads; epilogues of NaN and infinity; the modes themselves. */
#include <math.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

/* --- a convolution and its gradients ---------------------------------------------------------- */

typedef struct layer {
    const char *text;
    fv_shape x, w;
    fv_conv_args args;
    int64_t stride; /* of a transposed one; 0: it is none. Above 1 its gradients are direct */
} layer;

enum { RESULTS = 4 }; /* y and the gradients of x, w, b */

static fv_tensor *convolve(const layer *l, fv_tensor *x, fv_tensor *w, fv_tensor *b)
{
    static fv_tensor *(*const by_dims[])(const fv_conv_args *) = {NULL, fv_conv1d_ex, fv_conv2d_ex,
                                                                  fv_conv3d_ex};
    fv_conv_args a = l->args;
    a.size = sizeof a;
    if (!a.stride) a.stride = 1;
    if (!a.dilation) a.dilation = 1;
    if (!a.groups) a.groups = 1;
    a.input = x;
    a.weight = w;
    a.bias = b;
    if (l->stride == 0) return by_dims[l->x.ndim - 2](&a);
    return fv_conv_transpose2d(x, w, b, .stride = l->stride, .padding = a.padding);
}

static int64_t outputs_of(const layer *l)
{
    return l->stride ? l->w.dim[1] : l->w.dim[0];
}

/* The same numbers in every type. */
static void run(const layer *l, fv_dtype dtype, fv_tensor **results)
{
    fv_manual_seed(5);
    fv_tensor *x = fv_to(fv_sub(fv_rand(.shape = l->x), 0.5), dtype);
    fv_tensor *w = fv_to(fv_sub(fv_rand(.shape = l->w), 0.5), dtype);
    fv_tensor *b = fv_to(fv_rand(outputs_of(l)), dtype), *grads[3];
    fv_requires_grad(x, true);
    fv_requires_grad(w, true);
    fv_requires_grad(b, true);
    fv_tensor *y = convolve(l, x, w, b);
    fv_tensor *g = fv_to(fv_sub(fv_rand(.shape = fv_shape_of(y)), 0.5), dtype);
    fv_grad(FV_TENSORS(y), FV_TENSORS(x, w, b), grads, .grad_outputs = FV_TENSORS(g));
    results[0] = y;
    for (int i = 0; i < 3; i++) results[1 + i] = grads[i];
}

/* Largest difference to float64, as a part of the largest value. */
static double error_of(fv_tensor *got, fv_tensor *wanted)
{
    if (got->numel == 0) return 0;
    fv_tensor *difference = fv_abs(fv_sub(fv_to(got, FV_FLOAT64), wanted));
    const double worst = fv_item(fv_amax(difference)), most = fv_item(fv_amax(fv_abs(wanted)));
    return worst > 0 ? worst / most : 0;
}

/* --- which algorithm ran ---------------------------------------------------------------------- */

typedef struct seen {
    int winograd, other;
} seen;

static void look(const fv_event *e, void *context)
{
    seen *s = context;
    if (e->kind != FV_EVENT_FORWARD || strncmp(e->name, "conv", 4) != 0) return;
    if (strncmp(e->plan, "winograd", 8) == 0)
        s->winograd++;
    else
        s->other++;
}

/* --- layers ----------------------------------------------------------------------------------- */

#define CONV(text, x, w, ...)                                                                      \
    {                                                                                              \
        text, x, w, {__VA_ARGS__}, 0                                                               \
    }
#define UP(text, x, w, stride, pad)                                                                \
    {                                                                                              \
        text, x, w, {.padding = pad}, stride                                                       \
    }
#define S3(...)                                                                                    \
    {                                                                                              \
        .ndim = 3, .dim = { __VA_ARGS__ }                                                          \
    }
#define S4(...)                                                                                    \
    {                                                                                              \
        .ndim = 4, .dim = { __VA_ARGS__ }                                                          \
    }
#define S5(...)                                                                                    \
    {                                                                                              \
        .ndim = 5, .dim = { __VA_ARGS__ }                                                          \
    }

static const layer planes[] = {
    CONV("tiles fit", S4(2, 16, 8, 8), S4(32, 16, 3, 3), .padding = 1),
    CONV("nothing fits", S4(3, 19, 7, 9), S4(37, 19, 3, 3), .padding = 1),
    CONV("no padding", S4(2, 5, 11, 6), S4(3, 5, 3, 3), .padding = 0),
    CONV("full padding", S4(2, 8, 5, 5), S4(40, 8, 3, 3), .padding = FV_FULL),
    CONV("more padding than kernel", S4(1, 4, 2, 3), S4(6, 4, 3, 3), .padding = 5),
    CONV("one pixel", S4(2, 33, 1, 1), S4(17, 33, 3, 3), .padding = 1),
    CONV("two pixels", S4(3, 40, 2, 2), S4(70, 40, 3, 3), .padding = 1),
    CONV("one channel", S4(2, 1, 12, 10), S4(1, 1, 3, 3), .padding = 1),
    CONV("groups", S4(2, 24, 9, 10), S4(34, 12, 3, 3), .padding = 1, .groups = 2),
    CONV("dilation", S4(2, 6, 17, 14), S4(9, 6, 3, 3), .padding = 2, .dilation = 2),
    CONV("uneven dilation", S4(2, 6, 17, 14), S4(9, 6, 3, 3), .padding = 2,
         .dilation = FV_DIMS(3, 2)),
    CONV("no image", S4(0, 6, 8, 8), S4(9, 6, 3, 3), .padding = 1),
    CONV("many filters", S4(2, 150, 6, 5), S4(170, 150, 3, 3), .padding = 1),
    CONV("many tiles along the width", S4(1, 5, 6, 150), S4(7, 5, 3, 3), .padding = 1),
    CONV("several blocks", S4(9, 48, 24, 24), S4(48, 48, 3, 3), .padding = 1),
    UP("transposed", S4(2, 7, 8, 9), S4(7, 20, 3, 3), 1, 1),
    UP("transposed by phases", S4(2, 7, 5, 6), S4(7, 20, 6, 6), 2, 2),
};

static const layer others[] = {
    CONV("5x5", S4(2, 9, 13, 9), S4(21, 9, 5, 5), .padding = 2),
    CONV("5x5, one pixel", S4(2, 9, 1, 1), S4(21, 9, 5, 5), .padding = 2),
    CONV("line", S3(3, 18, 50), S3(20, 18, 3), .padding = 1),
    CONV("line with dilation", S3(3, 18, 101), S3(20, 18, 3), .padding = 16, .dilation = 16),
    CONV("a row of a kernel", S4(2, 5, 6, 13), S4(8, 5, 1, 3), .padding = FV_DIMS(0, 1)),
    CONV("3-D", S5(2, 6, 5, 9, 7), S5(10, 6, 3, 3, 3), .padding = 1),
    CONV("3-D, depth of 2 by 2", S5(2, 6, 6, 8, 8), S5(10, 6, 2, 3, 3), .padding = FV_DIMS(0, 1, 1),
         .stride = FV_DIMS(2, 1, 1)),
    CONV("3-D, dilated depth", S5(2, 6, 9, 8, 8), S5(10, 6, 3, 3, 3), .padding = FV_DIMS(2, 1, 1),
         .dilation = FV_DIMS(2, 1, 1)),
};

enum { PLANES = sizeof planes / sizeof *planes, OTHERS = sizeof others / sizeof *others };

/* --- tests ------------------------------------------------------------------------------------ */

static const char *const names[RESULTS] = {"y", "gx", "gw", "gb"};

/* At one level: errors within the bound, and the bits of one thread with three. */
static void check_level(const layer *l, fv_tensor *const *wanted, double bound, fv_isa level)
{
    fv_tensor *once[RESULTS], *again[RESULTS];
    fv_set_isa(level);
    force_threads(1);
    run(l, FV_FLOAT32, once);
    force_threads(3);
    run(l, FV_FLOAT32, again);
    force_threads(0);
    for (int i = 0; i < RESULTS; i++) {
        set_context("%s, %s, %s", l->text, fv_isa_name(level), names[i]);
        const double error = error_of(once[i], wanted[i]);
        if (!(error <= bound)) note_failure("error %.2g, at most %.2g is promised", error, bound);
        if (!tensors_same(once[i], again[i])) note_failure("other bits with three threads");
    }
}

static void check_layer(const layer *l, double bound)
{
    FV_SCOPE;
    seen s = {0};
    fv_tensor *wanted[RESULTS];
    run(l, FV_FLOAT64, wanted);
    const int observer = fv_observe(look, &s);
    for (fv_isa level = 0; level < fv_isa_count(); level++)
        if (fv_isa_available(level)) check_level(l, wanted, bound, level);
    fv_unobserve(observer);
    fv_set_isa(fv_isa_best());
    set_context("%s", l->text);
    if (!s.winograd || (s.other && l->stride < 2))
        note_failure("%d of winograd, %d others", s.winograd, s.other);
}

static void check_layers(const layer *list, int count, fv_conv_precision precision, double bound)
{
    fv_set_conv_algorithm("winograd");
    fv_set_conv_precision(precision);
    for (int i = 0; i < count; i++) check_layer(&list[i], bound);
    fv_set_conv_precision(FV_CONV_FAST);
    fv_set_conv_algorithm(NULL);
    ck_assert(no_failures());
}

START_TEST(fast_forms_keep_their_error)
{
    check_layers(planes, PLANES, FV_CONV_FAST, 5e-5);
    check_layers(others, OTHERS, FV_CONV_FAST, 5e-5);
}
END_TEST

START_TEST(the_accurate_form_keeps_its_error)
{
    check_layers(planes, PLANES, FV_CONV_ACCURATE, 1e-5);
}
END_TEST

/* Nothing but direct sums, whatever is forced; and float64 always. */
START_TEST(exact_is_exact)
{
    fv_tensor *y[RESULTS], *wanted[RESULTS];
    seen s = {0};
    fv_set_conv_algorithm("winograd");
    const int observer = fv_observe(look, &s);
    run(&planes[0], FV_FLOAT64, wanted);
    fv_set_conv_precision(FV_CONV_EXACT);
    run(&planes[0], FV_FLOAT32, y);
    fv_unobserve(observer);
    fv_set_conv_precision(FV_CONV_FAST);
    fv_set_conv_algorithm(NULL);
    ck_assert_int_eq(s.winograd, 0);
    ck_assert_int_gt(s.other, 0);
    for (int i = 0; i < RESULTS; i++) ck_assert_double_le(error_of(y[i], wanted[i]), 2e-6);
}
END_TEST

START_TEST(large_layers_take_it_by_themselves)
{
    static const layer large = CONV("large", S4(8, 64, 32, 32), S4(64, 64, 3, 3), .padding = 1);
    fv_tensor *y[RESULTS];
    seen s = {0};
    const int observer = fv_observe(look, &s);
    run(&large, FV_FLOAT32, y);
    fv_unobserve(observer);
    ck_assert_int_eq(s.winograd, 3);
}
END_TEST

/* A NaN spreads over its tile, but never over another image or channel of another group. */
START_TEST(nan_stays_in_its_image)
{
    fv_set_conv_algorithm("winograd");
    fv_tensor *x = fv_ones(2, 16, 8, 8), *w = fv_ones(16, 16, 3, 3);
    fv_data_float32(x)[0] = NAN;
    fv_tensor *y = fv_conv2d(x, w, NULL, .padding = 1);
    fv_set_conv_algorithm(NULL);
    ck_assert(isnan(fv_item(fv_sum(fv_select(y, 0, 0)))));
    fv_tensor *second = fv_select(y, 0, 1);
    ck_assert(isfinite(fv_item(fv_sum(second))));
}
END_TEST

/* Bytes that a run needed on top of what was there. */
static int64_t bytes_of_run(const layer *l, fv_tensor **results)
{
    const int64_t before = fv_memory_stats().live_bytes;
    fv_reset_peak_memory();
    run(l, FV_FLOAT32, results);
    return fv_memory_stats().peak_bytes - before;
}

/* The choice is made once a shape, on memory of its own, from algorithms that all are right. */
START_TEST(algorithms_may_be_chosen_by_timing)
{
    static const layer small = CONV("small", S4(2, 8, 9, 9), S4(12, 8, 3, 3), .padding = 1);
    fv_tensor *y[RESULTS], *again[RESULTS], *wanted[RESULTS];
    run(&small, FV_FLOAT64, wanted);
    fv_set_conv_benchmark(true);
    ck_assert(fv_get_conv_benchmark());
    const int64_t first = bytes_of_run(&small, y), later = bytes_of_run(&small, again);
    fv_set_conv_benchmark(false);
    ck_assert_int_gt(first, later); /* nothing is timed any more */
    for (int i = 0; i < RESULTS; i++) {
        ck_assert_double_le(error_of(y[i], wanted[i]), 5e-5);
        ck_assert(tensors_same(y[i], again[i])); /* it was remembered */
    }
}
END_TEST

static void expect_precision(fv_conv_precision wanted)
{
    ck_assert_int_eq((int)fv_get_conv_precision(), (int)wanted);
}

START_TEST(modes_are_checked)
{
    expect_precision(FV_CONV_FAST);
    fv_set_conv_precision(FV_CONV_ACCURATE);
    expect_precision(FV_CONV_ACCURATE);
    fv_set_conv_precision((fv_conv_precision)2);
    expect_error(FV_ERR_OPTION, "set_conv_precision: precision is 2; it takes FV_CONV_FAST");
    expect_precision(FV_CONV_ACCURATE);
    fv_set_conv_precision(FV_CONV_FAST);
    ck_assert_ptr_null(fv_get_conv_algorithm());
    fv_set_conv_algorithm("GEMM");
    ck_assert_str_eq(fv_get_conv_algorithm(), "gemm");
    fv_set_conv_algorithm("fft");
    ck_assert_str_eq(fv_get_conv_algorithm(), "gemm");
    fv_set_conv_algorithm(NULL);
    ck_assert_ptr_null(fv_get_conv_algorithm());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("winograd");
    TCase *forms = add_case(suite, "forms");
    tcase_add_test(forms, fast_forms_keep_their_error);
    tcase_add_test(forms, the_accurate_form_keeps_its_error);
    tcase_add_test(forms, exact_is_exact);
    tcase_add_test(forms, large_layers_take_it_by_themselves);
    tcase_add_test(forms, nan_stays_in_its_image);
    tcase_add_test(forms, algorithms_may_be_chosen_by_timing);
    tcase_add_test(forms, modes_are_checked);
    return suite;
}
