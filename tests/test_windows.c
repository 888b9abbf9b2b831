/* What ops say of their windows (autograd/facts.h), against gradients: with an output gradient of 1
 * at one position, no element of an input outside of the claimed window may get one; and for what
 * has fixed weights on every tap the window is no larger than it must be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { MOST_INPUTS = 6, MOST_POSITIONS = 60 };

/* The first call of the case's op, with the windows that it claims. */
typedef struct claims {
    const char *op;
    int inputs, outputs, made; /* claims that were made */
    fv_tensor *in[MOST_INPUTS], *out[CASE_OUTPUTS];
    bool known[MOST_INPUTS][CASE_OUTPUTS][FV_MAX_DIMS];
    fv_window window[MOST_INPUTS][CASE_OUTPUTS][FV_MAX_DIMS];
} claims;

static void note_claims(const fv_event *e, void *context)
{
    claims *c = context;
    if (c->inputs || e->within || strcmp(e->name, c->op) != 0) return;
    if (e->kind != FV_EVENT_FORWARD || e->inputs > MOST_INPUTS || e->outputs > CASE_OUTPUTS) return;
    c->inputs = e->inputs;
    c->outputs = e->outputs;
    for (int i = 0; i < e->inputs; i++) c->in[i] = e->in[i] ? fv_retain(e->in[i]) : NULL;
    for (int j = 0; j < e->outputs; j++) c->out[j] = fv_retain(e->out[j]);
    for (int i = 0; i < e->inputs; i++)
        for (int j = 0; j < e->outputs; j++)
            for (int d = 0; d < FV_MAX_DIMS; d++) {
                c->known[i][j][d] = fv_event_window(e, i, j, d, &c->window[i][j][d]);
                c->made += c->known[i][j][d];
            }
}

static void release_claims(claims *c)
{
    for (int i = 0; i < c->inputs; i++) fv_release(c->in[i]);
    for (int j = 0; j < c->outputs; j++) fv_release(c->out[j]);
}

static double value(fv_ratio r)
{
    return (double)r.num / (double)r.den;
}

/* What the window allows to position `at` of the output. */
static void allowed(const fv_window *w, const int64_t *at, double *first, double *last)
{
    *first = (w->dim >= 0 ? (double)at[w->dim] : 0) * value(w->stride) - value(w->padding);
    *last = *first + value(w->size) - 1;
}

static void index_of(int64_t k, const fv_shape *shape, int64_t *at)
{
    for (int d = shape->ndim - 1; d >= 0; d--) {
        at[d] = k % shape->dim[d];
        k /= shape->dim[d];
    }
}

/* Where an input's gradient is not 0, along each dimension. False when it is 0 everywhere. */
static bool extent_of(const fv_tensor *g, int64_t *low, int64_t *high)
{
    const fv_shape shape = fv_shape_of(g);
    double *values = malloc((size_t)g->numel * sizeof *values + 1);
    bool any = false;
    ck_assert_int_eq(fv_copy_out(g, FV_FLOAT64, values), FV_OK);
    for (int64_t k = 0; k < g->numel; k++) {
        int64_t at[FV_MAX_DIMS];
        if (values[k] == 0) continue;
        index_of(k, &shape, at);
        for (int d = 0; d < shape.ndim; d++) {
            if (!any || at[d] < low[d]) low[d] = at[d];
            if (!any || at[d] > high[d]) high[d] = at[d];
        }
        any = true;
    }
    free(values);
    return any;
}

/* Ops of which each tap has a weight that is not 0: their windows are exact. */
static bool is_exact(const char *op)
{
    static const char *const ops[] = {"conv1d",     "conv2d",     "conv3d",     "conv_transpose1d",
                                      "avg_pool1d", "avg_pool2d", "avg_pool3d", "sum",
                                      "mean",       "linear",     "mm",         "bmm",
                                      "matmul"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(op, ops[i]) == 0) return true;
    return false;
}

/* Is the whole window inside of the input, in every dimension, and whole numbers? */
static bool is_inside(const claims *c, int i, int j, const int64_t *at)
{
    for (int d = 0; d < c->in[i]->ndim; d++) {
        const fv_window *w = &c->window[i][j][d];
        double first, last;
        if (!c->known[i][j][d] || w->scattered || w->size.den != 1) return false;
        allowed(w, at, &first, &last);
        if (first < 0 || last > (double)c->in[i]->shape[d] - 1) return false;
    }
    return true;
}

/* Positions whose window lies inside of the input, and those of them that see all of it. */
typedef struct tally {
    int64_t inside, exact;
} tally;

/* The gradient of one position of output j in input i. Nothing passes a relu that gives 0. */
static void check_position(const claims *c, int i, int j, const fv_tensor *g, const int64_t *at,
                           tally *t)
{
    int64_t low[FV_MAX_DIMS], high[FV_MAX_DIMS];
    if (!extent_of(g, low, high)) return;
    const bool inside = is_inside(c, i, j, at);
    bool exact = inside;
    for (int d = 0; d < c->in[i]->ndim; d++) {
        double first, last;
        if (!c->known[i][j][d]) continue;
        allowed(&c->window[i][j][d], at, &first, &last);
        if ((double)low[d] < first - 1e-9 || (double)high[d] > last + 1e-9)
            note_failure("input %d, dimension %d: position [%lld,%lld,%lld,%lld] of output %d sees "
                         "%lld to %lld, the window says %g to %g",
                         i, d, (long long)at[0], (long long)at[1], (long long)at[2],
                         (long long)at[3], j, (long long)low[d], (long long)high[d], first, last);
        exact = exact && (double)low[d] == ceil(first) && (double)high[d] == floor(last);
    }
    t->inside += inside;
    t->exact += exact;
}

static void check_pair(const op_case *oc, const claims *c, int i, int j)
{
    const fv_tensor *y = c->out[j];
    const fv_shape shape = fv_shape_of(y);
    const int64_t step = y->numel / MOST_POSITIONS + 1;
    tally t = {0, 0};
    for (int64_t k = 0; k < y->numel; k += step) {
        FV_SCOPE;
        int64_t at[FV_MAX_DIMS] = {0};
        fv_tensor *seed = fv_zeros(.shape = shape, .dtype = y->dtype), *g = NULL;
        fv_data_float64(seed)[k] = 1;
        fv_bump_version(seed);
        index_of(k, &shape, at);
        const fv_status status =
            fv_grad(FV_TENSORS(c->out[j]), FV_TENSORS(c->in[i]), &g,
                    .grad_outputs = FV_TENSORS(seed), .retain_graph = true, .allow_unused = true);
        if (status != FV_OK) {
            note_failure("input %d: %s", i, fv_error());
            fv_clear_error();
            return;
        }
        if (!g) continue;
        check_position(c, i, j, g, at, &t);
    }
    if (is_exact(oc->op) && t.inside > t.exact)
        note_failure("input %d: %lld positions lie inside, but %lld see all of the window", i,
                     (long long)t.inside, (long long)t.exact);
}

/* In these cases a margin repeats elements, which counts as lying in the margin. */
static bool repeats(const op_case *c)
{
    return strcmp(c->op, "pad") == 0 &&
           (strstr(c->text, "REFLECT") || strstr(c->text, "REPLICATE") ||
            strstr(c->text, "CIRCULAR"));
}

static int check_case(const op_case *oc)
{
    fv_tensor *x[CASE_INPUTS], *y[CASE_OUTPUTS];
    claims c = {.op = oc->op};
    case_inputs(oc, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, true, x);
    const int handle = fv_observe(note_claims, &c);
    const int count = case_run(oc, x, y);
    fv_unobserve(handle);
    for (int i = 0; i < c.inputs && count > 0; i++)
        for (int j = 0; j < c.outputs; j++)
            if (c.in[i] && c.in[i]->requires_grad && c.out[j]->requires_grad && c.made)
                check_pair(oc, &c, i, j);
    release_claims(&c);
    return c.made;
}

START_TEST(gradients_lie_inside_of_windows)
{
    int claimed = 0;
    fv_set_log(NULL, NULL);
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        const fv_op *op = fv_find_op(c->op);
        if (!op || !op->window || repeats(c)) continue;
        set_case_context(c, "windows");
        {
            FV_SCOPE;
            claimed += check_case(c) > 0;
        }
        fv_clear_error();
    }
    if (all_cases_are_wanted()) ck_assert_int_gt(claimed, 300);
    ck_assert(no_failures());
}
END_TEST

/* --- an op of one's own ----------------------------------------------------------------------- */

static fv_status own_infer(fv_call *c)
{
    fv_shape shape = {4, {c->in[0]->shape[0], 1, 2, 1}};
    fv_output_contiguous(c, 0, FV_FLOAT32, &shape);
    return FV_OK;
}

static void own_forward(fv_call *c)
{
    memset(c->out[0]->data, 0, (size_t)c->out[0]->numel * sizeof(float));
}

static bool own_window(const fv_call *c, int i, int j, int dim, fv_window *w)
{
    switch (dim) {
    case 0: return fv_window_same(c, i, j, dim, w);
    case 1: return fv_window_all(c, i, j, dim, w);
    case 2: return fv_window_sliding(2, 5, 3, 1, w);
    default: break;
    }
    if (c->in[0]->shape[3] == 4) return fv_window_shifted(3, 2, w);
    return c->in[0]->shape[3] == 5 ? fv_window_one(4, w) : fv_window_reverse(3, 3, 2, 1, w);
}

static fv_work own_work(const fv_call *c)
{
    return (fv_work){fv_count_product(c->out[0]->numel, 15), 7};
}

static const fv_op own_op = {.name = "own",
                             .inputs = 1,
                             .outputs = 1,
                             .infer = own_infer,
                             .forward = own_forward,
                             .gradient = FV_NO_GRADIENT,
                             .window = own_window,
                             .multiply_adds = own_work};

static fv_tensor *call_own(fv_tensor *const *in, void *context)
{
    (void)context;
    return fv_apply(&own_op, NULL, 1, in);
}

START_TEST(an_op_of_ones_own_says_its_window)
{
    FV_SCOPE;
    static const double sizes[] = {1, 1, 2}, paddings[] = {2, -4, 0.5};
    for (int64_t width = 4; width <= 6; width++) {
        fv_inspection *seen =
            fv_inspect_function(call_own, NULL, FV_TENSORS(fv_empty(2, 3, 8, width)));
        const fv_layer_info *info = fv_inspection_layer(seen, 1);
        ck_assert_int_eq(info->multiply_adds, 60);
        ck_assert_int_eq(info->bias_adds, 7);
        ck_assert(info->field.known);
        ck_assert_double_eq(info->field.size[0], 5);
        ck_assert_double_eq(info->field.stride[0], 3);
        ck_assert_double_eq(info->field.padding[0], 1);
        ck_assert_double_eq(info->field.size[1], sizes[width - 4]);
        ck_assert_double_eq(info->field.padding[1], paddings[width - 4]);
        fv_free(seen);
    }
}
END_TEST

/* --- what is said by hand --------------------------------------------------------------------- */

typedef struct wanted {
    const char *op;
    int input, dim;
    fv_window window;
    bool known;
} wanted;

static void note_one(const fv_event *e, void *context)
{
    wanted *w = context;
    if (strcmp(e->name, w->op) == 0) w->known = fv_event_window(e, w->input, 0, w->dim, &w->window);
}

static wanted window_of(const char *op, int input, int dim, fv_tensor *(*f)(fv_tensor *x),
                        fv_shape shape)
{
    wanted w = {.op = op, .input = input, .dim = dim};
    FV_SCOPE;
    const int handle = fv_observe(note_one, &w);
    f(fv_ones(.shape = shape));
    fv_unobserve(handle);
    return w;
}

static fv_tensor *up(fv_tensor *x)
{
    return fv_conv_transpose2d(x, fv_ones(1, 1, 4, 4), NULL, .stride = 2, .padding = 1);
}

static fv_tensor *nearest(fv_tensor *x)
{
    return fv_interpolate(x, .scale_factor = 2, .mode = FV_NEAREST);
}

static fv_tensor *bilinear(fv_tensor *x)
{
    return fv_interpolate(x, .scale_factor = 2, .mode = FV_BILINEAR);
}

static fv_tensor *corners(fv_tensor *x)
{
    return fv_interpolate(x, 13, .mode = FV_BILINEAR, .align_corners = true);
}

static fv_tensor *crooked(fv_tensor *x)
{
    return fv_interpolate(x, .scale_factor = 1.7, .mode = FV_NEAREST);
}

static fv_tensor *columns(fv_tensor *x)
{
    return fv_unfold(x, 3, .stride = 2, .padding = 1);
}

static fv_tensor *thirds(fv_tensor *x)
{
    return fv_adaptive_avg_pool2d(x, 3);
}

static fv_tensor *backwards(fv_tensor *x)
{
    return fv_flip(x, 2);
}

static fv_tensor *row(fv_tensor *x)
{
    return fv_flatten(x, 1);
}

static fv_tensor *summed(fv_tensor *x)
{
    return fv_cumsum(x, 2);
}

static void expect_window(wanted w, int dim, fv_ratio size, fv_ratio stride, fv_ratio padding,
                          bool scattered)
{
    ck_assert(w.known);
    ck_assert_int_eq(w.window.dim, dim);
    ck_assert_int_eq(w.window.size.num, size.num);
    ck_assert_int_eq(w.window.size.den, size.den);
    ck_assert_int_eq(w.window.stride.num, stride.num);
    ck_assert_int_eq(w.window.stride.den, stride.den);
    ck_assert_int_eq(w.window.padding.num, padding.num);
    ck_assert_int_eq(w.window.padding.den, padding.den);
    ck_assert(w.window.scattered == scattered);
}

#define R(...) ((fv_ratio){__VA_ARGS__})

START_TEST(windows_are_in_lowest_terms)
{
    const fv_shape square = {4, {1, 1, 7, 7}};
    expect_window(window_of("conv_transpose2d", 0, 2, up, square), 2, R(5, 2), R(1, 2), R(1, 1),
                  false);
    expect_window(window_of("interpolate", 0, 2, nearest, square), 2, R(3, 2), R(1, 2), R(1, 2),
                  false);
    expect_window(window_of("interpolate", 0, 2, bilinear, square), 2, R(5, 2), R(1, 2), R(1, 1),
                  false);
    expect_window(window_of("interpolate", 0, 2, corners, square), 2, R(2, 1), R(1, 2), R(1, 2),
                  false);
    ck_assert(!window_of("interpolate", 0, 2, crooked, square).known);
    expect_window(window_of("unfold", 0, 2, columns, square), 2, R(9, 1), R(0, 1), R(1, 1), true);
    expect_window(window_of("adaptive_avg_pool2d", 0, 3, thirds, square), 3, R(11, 3), R(7, 3),
                  R(2, 3), false);
    expect_window(window_of("flip", 0, 2, backwards, square), 2, R(1, 1), R(-1, 1), R(-6, 1),
                  false);
    expect_window(window_of("flatten", 0, 2, row, square), 1, R(7, 1), R(0, 1), R(0, 1), true);
    expect_window(window_of("flatten", 0, 0, row, square), -1, R(1, 1), R(0, 1), R(0, 1), false);
    ck_assert(!window_of("cumsum", 0, 2, summed, square).known);
    ck_assert(!window_of("flip", 0, 4, backwards, square).known); /* no such dimension */
    ck_assert(!window_of("flip", 1, 0, backwards, square).known); /* no such input */
}
END_TEST

START_TEST(ratios_that_do_not_fit_are_none)
{
    ck_assert_int_eq(fv_ratio_of(6, -4).num, -3);
    ck_assert_int_eq(fv_ratio_of(6, -4).den, 2);
    ck_assert_int_eq(fv_ratio_of(0, 5).den, 1);
    ck_assert_int_eq(fv_ratio_of(1, 0).den, 0);
    ck_assert_int_eq(fv_ratio_of(INT64_MIN, 1).den, 0);
    ck_assert_int_eq(fv_ratio_of(1, INT64_MAX).den, 0);
    ck_assert_int_eq(fv_count_product(1 << 20, 1 << 20), INT64_C(1) << 40);
    ck_assert_int_eq(fv_count_product(INT64_MAX, 2), INT64_MAX);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("windows");
    TCase *cases = add_case(suite, "windows");
    tcase_add_test(cases, gradients_lie_inside_of_windows);
    tcase_add_test(cases, an_op_of_ones_own_says_its_window);
    tcase_add_test(cases, windows_are_in_lowest_terms);
    tcase_add_test(cases, ratios_that_do_not_fit_are_none);
    return suite;
}
